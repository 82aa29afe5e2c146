//! `dockgate audit`: reads the records, wherever they were written or collected. Acts: reads logs, prints.
#![expect(clippy::disallowed_methods, reason = "the clock, seals, and whether the environment wants colours")]

use crate::admin::caller::Caller;
use crate::answer;
use crate::audit::escape::for_terminal;
use crate::audit::read::line::{Fields, Line};
use crate::audit::read::source::{self, Lines, Source};
use crate::audit::read::{Tally, each, each_with};
use crate::cli::audit::{self as options, AuditCommand, Deed, Form, Logs};
use crate::exit::Exit;
use crate::policy::Policy;
use anyhow::{Context, Result};
use filter::Filter;
use print::Colours;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use summary::Summary;

pub mod about;
pub mod candidate;
pub mod chain;
pub mod filter;
pub mod links;
pub mod names;
pub mod page;
pub mod print;
pub mod report;
pub mod suggest;
pub mod summary;
pub mod verify;
pub mod who;

/// Commands that only look: left out of `follow --changes` when they are permitted.
const LOOKING: &[&str] = &[
    "ps", "images", "inspect", "logs", "info", "version", "events", "history", "port", "search", "stats", "top",
    "wait", "help", "true",
];

/// Its second words below any group: `volume ls`, `compose ps`.
const LOOKING_BELOW: &[&str] =
    &["ls", "inspect", "ps", "logs", "images", "df", "info", "top", "port", "config", "version"];

/// Runs one of the sub-commands, and says what went wrong.
///
/// # Errors
/// The exit code, when there is no policy that can be trusted and the sub-command needs one.
pub fn run(mut command: AuditCommand, caller: &Caller) -> Result<Exit, Exit> {
    // `--key`, which every command has, is the key that is asked about.
    if let AuditCommand::List { filter, .. }
    | AuditCommand::Summary { filter, .. }
    | AuditCommand::Follow { filter, .. }
    | AuditCommand::Suggest { filter, .. } = &mut command
    {
        filter.key.extend(caller.request.key.clone());
    }
    let policy = match command {
        AuditCommand::Suggest { .. } => caller.select(&caller.policy()?)?.policy,
        _ => Policy::default(),
    };
    Ok(attempt(command, &policy).unwrap_or_else(|error| {
        // `… | head` has seen enough.
        if is_closed(&error) {
            return Exit::Success;
        }
        answer::say(&format!("ERROR: audit: {}\n", for_terminal(&format!("{error:#}"))));
        if error.is::<Misunderstood>() { Exit::Usage } else { Exit::Unavailable }
    }))
}

fn attempt(command: AuditCommand, policy: &Policy) -> Result<Exit> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = if io::stdout().is_terminal() && !plain { Colours::On } else { Colours::Off };
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let exit = match command {
        AuditCommand::List { filter, json, logs } => list(&filter, json, &logs, now, colours, &mut out),
        AuditCommand::Show { id, json, logs } => show(&id, json, &logs, colours, &mut out),
        AuditCommand::Summary { filter, candidate: true, form, logs, .. } => {
            write(&mut out, &trial_text(&filter, &form, &logs, now)?)
        }
        AuditCommand::Summary { filter, objects, form, logs, candidate: false } => {
            let (summary, tally) = summed(&filter, objects, &logs, now)?;
            write(&mut out, &summary_text(&summary, &tally, &form)?)
        }
        AuditCommand::Follow { filter, changes, file } => {
            drop(out);
            return follow(&filter, changes, file.as_deref(), now, colours);
        }
        AuditCommand::Suggest { filter, name, logs } => {
            let mut filter = understood(&filter, now)?;
            let mut used = suggest::Used::default();
            each(&mut lines(&logs)?, |fields| {
                used.end(fields);
                if filter.wants(fields) {
                    used.add(fields);
                }
                Ok(())
            })?;
            if used.is_empty() {
                crate::answer::say(
                    "ERROR: audit suggest: nothing in the log was permitted that these options ask about\n",
                );
                return Ok(Exit::Failed);
            }
            write(&mut out, &format!("{}\n{}", used.profile(&name, policy), used.unused(policy)))
        }
        AuditCommand::Verify { json, seal, logs } => verify(json, seal.as_deref(), &logs, &mut out),
        AuditCommand::Chain { file, sync, confirm } => {
            drop(out);
            return chain::append(&file, chain::Care { sync, confirm }).map(|()| Exit::Success);
        }
        AuditCommand::Seal { file } => {
            let time = crate::audit::read::time::show(now);
            write(&mut out, &format!("{} at {time} of {}\n", chain::seal(&file)?, file.display()))
        }
        AuditCommand::Who { name, deed, logs } => who(&name, deed, &logs, colours, &mut out),
    };
    let exit = exit?;
    out.flush()?;
    Ok(exit)
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == ErrorKind::BrokenPipe))
}

fn lines(logs: &Logs) -> Result<Lines> {
    let mut sources = if logs.logs.is_empty() && !logs.journal { Source::usual()? } else { Vec::new() };
    sources.extend(logs.journal.then_some(Source::Journal));
    for path in &logs.logs {
        let named = if logs.rotated && path.is_file() { Source::with_rotated(path) } else { Source::named(path) };
        for source in named? {
            // A pattern of the shell's names what was rotated, too.
            if !logs.rotated || !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    Ok(Lines::of(sources))
}

fn understood(options: &options::Filter, now: u64) -> Result<Filter> {
    Filter::of(options, now).map_err(|message| Misunderstood(message).into())
}

/// An option that is not understood: the caller's mistake, and not the log's.
#[derive(Debug)]
struct Misunderstood(String);

impl std::fmt::Display for Misunderstood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misunderstood {}

fn write(out: &mut impl Write, text: &str) -> Result<Exit> {
    out.write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

fn line_of(fields: &Fields<'_>, json: bool, colours: Colours) -> String {
    if json { print::json(fields) } else { print::line(fields, colours) }
}

fn list(
    options: &options::Filter,
    json: bool,
    logs: &Logs,
    now: u64,
    colours: Colours,
    out: &mut impl Write,
) -> Result<Exit> {
    let mut filter = understood(options, now)?;
    let mut found = false;
    each(&mut lines(logs)?, |fields| {
        if filter.wants(fields) && !is_later(fields.verdict()) {
            found = true;
            writeln!(out, "{}", line_of(fields, json, colours))?;
        }
        Ok(())
    })?;
    if found {
        return Ok(Exit::Success);
    }
    out.flush()?;
    answer::say("no decision in the log is one that these options ask about\n");
    Ok(Exit::Failed)
}

fn show(id: &str, json: bool, logs: &Logs, colours: Colours, out: &mut impl Write) -> Result<Exit> {
    let mut found = false;
    each(&mut lines(logs)?, |fields| {
        if fields.id() == id {
            found = true;
            let text = if json { format!("{}\n", print::json(fields)) } else { print::long(fields, colours) };
            out.write_all(text.as_bytes())?;
        }
        Ok(())
    })?;
    if !found {
        out.flush()?;
        answer::say(&format!("ERROR: no record has the id {}\n", for_terminal(id)));
    }
    Ok(if found { Exit::Success } else { Exit::Failed })
}

fn summed(options: &options::Filter, objects: bool, logs: &Logs, now: u64) -> Result<(Summary, Tally)> {
    let mut filter = understood(options, now)?;
    let mut summary = Summary::new(objects);
    let tally = each(&mut lines(logs)?, |fields| {
        if filter.wants(fields) {
            summary.add(fields);
        }
        Ok(())
    })?;
    summary.close();
    Ok((summary, tally))
}

/// What the candidate policy would have done.
fn trial_text(options: &options::Filter, form: &Form, logs: &Logs, now: u64) -> Result<String> {
    let mut filter = understood(options, now)?;
    let mut trial = candidate::Trial::default();
    each(&mut lines(logs)?, |fields| {
        if filter.wants(fields) && !is_later(fields.verdict()) {
            trial.add(fields);
        }
        Ok(())
    })?;
    Ok(if form.json { format!("{}\n", serde_json::to_string(&trial)?) } else { trial.text() })
}

fn summary_text(summary: &Summary, tally: &Tally, form: &Form) -> Result<String> {
    if form.json {
        return Ok(format!("{}\n", serde_json::to_string(summary).context("the summary as JSON")?));
    }
    if form.html {
        return Ok(page::html(summary, tally));
    }
    Ok(if form.prometheus { report::prometheus(summary, tally) } else { report::text(summary, tally) })
}

fn verify(json: bool, seals: Option<&std::path::Path>, logs: &Logs, out: &mut impl Write) -> Result<Exit> {
    let seals = match seals {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
        None => String::new(),
    };
    let (mut verify, mut links) = (verify::Verify::default(), links::Links::with_seals(&seals));
    let tally = each_with(
        &mut lines(logs)?,
        |line| links.add(line),
        |fields| {
            verify.add(fields);
            Ok(())
        },
    )?;
    let report = verify.end(&tally).with_links(links.end());
    let text = if json { format!("{}\n", serde_json::to_string(&report)?) } else { report.text() };
    write(out, &text)?;
    Ok(if report.is_whole() { Exit::Success } else { Exit::Failed })
}

fn who(name: &str, deed: Deed, logs: &Logs, colours: Colours, out: &mut impl Write) -> Result<Exit> {
    let mut wanted = who::Wanted::new(name, deed);
    let mut found = false;
    each(&mut lines(logs)?, |fields| {
        for line in wanted.see(fields, || print::line(fields, colours)) {
            found = true;
            writeln!(out, "{line}")?;
        }
        Ok(())
    })?;
    for line in wanted.rest() {
        found = true;
        writeln!(out, "{line}")?;
    }
    if !wanted.failed.is_empty() {
        out.flush()?;
        answer::say(&format!("not counted, as they failed: {}\n", for_terminal(&wanted.failed.join(", "))));
    }
    if !found {
        out.flush()?;
        answer::say(&format!("ERROR: no request in the log did that to {}\n", for_terminal(name)));
    }
    Ok(if found { Exit::Success } else { Exit::Failed })
}

fn follow(
    options: &options::Filter,
    changes: bool,
    file: Option<&std::path::Path>,
    now: u64,
    colours: Colours,
) -> Result<Exit> {
    let mut filter = understood(options, now)?;
    let source = match file {
        Some(file) => Source::File(file.to_owned()),
        None => Source::usual()?.pop().context("there is no log to follow")?,
    };
    let followed = source::follow(&source, |line| {
        let Line::Record(fields) = Line::parse(line) else { return Ok(()) };
        // The first part of a long record says what there is to say.
        let later = fields.part().is_some_and(|(number, _)| number > 1);
        let after = is_later(fields.verdict());
        let quiet = changes && (after || is_look(&fields));
        if !later && filter.wants(&fields) && !quiet {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", print::line(&fields, colours))?;
            out.flush()?;
        }
        Ok(())
    });
    followed.map(|()| Exit::Success)
}

/// Whether a record is of what became of a decision, and not of one itself.
fn is_later(verdict: &str) -> bool {
    matches!(verdict, "end" | "made")
}

/// A permitted request that changes nothing.
fn is_look(fields: &Fields<'_>) -> bool {
    let command = fields.or_none("command");
    let below = command.rsplit_once(' ').is_some_and(|(_, verb)| LOOKING_BELOW.contains(&verb));
    fields.verdict() == "allow" && (LOOKING.contains(&command) || below || command.starts_with("dockgate "))
}
