//! Collects what the process was given, runs the gate, and turns the outcome into an exit code.
#![expect(clippy::disallowed_methods, reason = "the environment and arguments are collected here, and nowhere else")]

use anyhow::Context;
use clap::Parser;
use dockgate::admin::authorize::{Authorized, Wish};
use dockgate::admin::doctor::{Report, look};
use dockgate::admin::{authorize, diff as replay, test as cases};
use dockgate::answer::guide;
use dockgate::cli::{Cli, Command, Options, PolicyCommand};
use dockgate::exit::Exit;
use dockgate::gate::Gate;
use dockgate::policy::set::{PolicySet, Selected};
use dockgate::request::account::{Account, is_locale};
use dockgate::request::start::{Itself, Start};
use dockgate::request::{Client, Request};
use dockgate::run::watch;
use dockgate::world::identity;
use dockgate::world::policy_file;
use dockgate::{answer, audit, policy};
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;
use std::sync::Arc;

/// A file of more bytes than this is not a public key.
const MAX_KEY_BYTES: u64 = 64 * 1024;

fn main() -> ExitCode {
    // A defect is a refusal and a record. The message that came with it could hold words of the request.
    std::panic::set_hook(Box::new(|defect| {
        let place = defect.location().map_or_else(String::new, |place| format!(" at {place}"));
        answer::say(&format!("dockgate: internal error{place}; please report it\n"));
    }));
    let parent = nix::unistd::getppid();
    let original = std::env::var_os("SSH_ORIGINAL_COMMAND");
    let exit = match Start::of(std::env::args_os().collect(), original.is_some(), &ThisProgram) {
        Start::Request(command) => {
            let options = Options { config: None, profile: None, key: None };
            run(Cli { options, command: None }, command, parent)
        }
        Start::Watch(arguments) => match watch::watch(&arguments) {
            Ok(()) => Exit::Success,
            Err(_) => Exit::Usage,
        },
        Start::Own(arguments) => match Cli::try_parse_from(arguments) {
            Ok(cli) => run(cli, original.map(OsString::into_vec), parent),
            Err(error) => {
                // A client that has gone needs no message.
                let _ = error.print();
                if error.use_stderr() { Exit::Usage } else { Exit::Success }
            }
        },
    };
    exit.into()
}

struct ThisProgram;

impl Itself for ThisProgram {
    fn is_itself(&self, program: &str) -> bool {
        let real = |path: std::path::PathBuf| path.canonicalize().ok();
        let own = std::env::current_exe().ok().and_then(real);
        program.starts_with('/') && own.is_some() && real(program.into()) == own
    }
}

fn run(Cli { options, command }: Cli, original: Option<Vec<u8>>, parent: nix::unistd::Pid) -> Exit {
    let Options { config, profile, key } = options;
    let request = request(key, original);
    if let Some(Command::Policy { command: PolicyCommand::Validate { file: Some(file) } }) = &command {
        if file.as_os_str() == "-" {
            return match policy_file::form(&mut std::io::stdin().lock()) {
                Ok(_) => answer::print("policy: well-formed; whose file it is was not looked at\n"),
                Err(error) => validate(Err(error)),
            };
        }
        return validate(policy_file::load(Some(&absolute(file))));
    }
    if let Some(Command::Policy { command: PolicyCommand::Diff { old, new, log } }) = &command {
        return diff(old, new, log, parent);
    }
    if let Some(Command::Doctor { user, json, sshd, sshd_config }) = &command {
        let [config, sshd, sshd_config] = [&config, sshd, sshd_config].map(|file| file.as_deref().map(absolute));
        return examine(look::options::Options { user: user.clone(), config, sshd, sshd_config }, *json);
    }
    let set = match policy_file::load(config.as_deref()) {
        Ok(set) => set,
        Err(error) if command.is_some() => return validate(Err(error)),
        Err(error) => return broken_policy(&error, &request, profile.as_deref().unwrap_or("default")),
    };
    let named = profile;
    let Selected { policy, profile, because, denial } = set.select(&request, named.as_deref());
    let known = set.with_profile(&profile).is_some();
    let mut gate = Gate { policy, profile, refusal: denial, account: account(&request.user), parent };
    let Some(command) = command else { return Arc::new(gate).serve(&request, identity::record_id()) };
    if !known {
        answer::say(&format!("ERROR: profile: the policy has no profile {}\n", gate.profile));
        return Exit::Config;
    }
    // The administrator asks about a key, and does not come with it.
    gate.refusal = None;
    match command {
        Command::Authorize { file, from } => {
            let wish = Wish {
                program: String::new(),
                config: config.map(|file| absolute(&file).display().to_string()),
                key: request.key,
                profile: named,
                from,
            };
            authorize_key(&file, wish, &set)
        }
        Command::Check { json, words } => {
            let decision = gate.decide(&joined(&words), false);
            if json { answer::check_json(&decision) } else { answer::check_text(&decision) }
        }
        Command::Policy { command: PolicyCommand::Show } => {
            answer::print(&format!("# profile {}: {because}\n{}", gate.profile, guide::policy_text(&gate.policy)))
        }
        Command::Doctor { .. }
        | Command::Policy { command: PolicyCommand::Validate { .. } | PolicyCommand::Diff { .. } } => validate(Ok(set)),
        Command::Policy { command: PolicyCommand::Test { file } } => test(&gate, &file),
    }
}

/// Prints the authorized_keys line for the key in a file.
fn authorize_key(file: &std::path::Path, wish: Wish, set: &PolicySet) -> Exit {
    let line = || -> anyhow::Result<Authorized> {
        let program = std::env::current_exe().and_then(|path| path.canonicalize()).context("where dockgate is")?;
        let mut text = Vec::new();
        if file.as_os_str() == "-" {
            std::io::stdin().take(MAX_KEY_BYTES).read_to_end(&mut text).context("standard input")?;
        } else {
            let opened = std::fs::File::open(file).with_context(|| file.display().to_string())?;
            opened.take(MAX_KEY_BYTES).read_to_end(&mut text).with_context(|| file.display().to_string())?;
        }
        let wish = Wish { program: program.display().to_string(), ..wish };
        authorize::authorize(&text, &wish, set).map_err(|message| anyhow::anyhow!("{}: {message}", file.display()))
    };
    match line() {
        Ok(Authorized { line, hint }) => {
            answer::say(&hint);
            answer::print(&format!("{line}\n"))
        }
        Err(error) => {
            answer::say(&format!("ERROR: {}\n", audit::escape::for_terminal(&format!("{error:#}"))));
            Exit::Usage
        }
    }
}

/// Looks at the host for one account, and says what is wrong.
fn examine(options: look::options::Options, json: bool) -> Exit {
    let (own, _) = identity::account();
    let name = options.user.clone().unwrap_or_else(|| own.clone());
    if name != own && !nix::unistd::Uid::effective().is_root() {
        answer::say("ERROR: --user: only root can look at another account\n");
        return Exit::Usage;
    }
    let report = match look::look(&options) {
        Ok(facts) => facts.map_or_else(|| Report::of_nobody(&name), |facts| Report::of(&facts)),
        Err(error) => {
            answer::say(&format!("ERROR: {error:#}\n"));
            return Exit::Unavailable;
        }
    };
    answer::print(&if json { report.json() } else { report.text() });
    if report.ok { Exit::Success } else { Exit::Failed }
}

/// Judges each case of a file, and says which came out otherwise.
fn test(gate: &Gate, file: &std::path::Path) -> Exit {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            answer::say(&format!("ERROR: {}: {error}\n", file.display()));
            return Exit::Usage;
        }
    };
    let outcome = cases::run(&text, |request| gate.decide(request.as_bytes(), false).verdict.map(drop));
    answer::print(&outcome.report(&file.display().to_string()));
    if outcome.passed() { Exit::Success } else { Exit::Failed }
}

/// Judges what a log holds under two policies. A record's `--profile` is not in it, so the profile that judged
/// then counts where it still exists and the policy does not choose one for the key.
fn diff(old: &std::path::Path, new: &std::path::Path, log: &std::path::Path, parent: nix::unistd::Pid) -> Exit {
    let read = || -> anyhow::Result<_> {
        let sets = [policy_file::load(Some(&absolute(old)))?, policy_file::load(Some(&absolute(new)))?];
        let log = std::fs::read(log).with_context(|| log.display().to_string())?;
        Ok((sets, audit::read::entries(&String::from_utf8_lossy(&log))))
    };
    let ([old, new], entries) = match read() {
        Ok(read) => read,
        Err(error) => return validate(Err(error)),
    };
    let judge = |set: PolicySet| {
        move |entry: &audit::read::Entry| {
            let recorded = set.profiles.contains_key(&entry.profile).then_some(entry.profile.as_str());
            let chosen = set.select(&entry.request, None);
            let by_default = chosen.profile == set.default_profile;
            let Selected { policy, profile, denial, .. } =
                if by_default { set.select(&entry.request, recorded) } else { chosen };
            let gate = Gate { policy, profile, refusal: denial, account: account(&entry.request.user), parent };
            let command = entry.request.command.as_deref().unwrap_or_default();
            gate.decide(command, false).verdict.map(drop)
        }
    };
    answer::print(&replay::Changes::of(&entries, judge(old), judge(new)).report())
}

/// What sshd says of the connection.
fn request(key: Option<String>, command: Option<Vec<u8>>) -> Request {
    let text = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let (user, _) = identity::account();
    let proof = std::env::var_os("SSH_USER_AUTH").and_then(|file| identity::proof(file.as_ref()));
    let (fingerprint, certificate) = proof.map(|proof| (proof.fingerprint, proof.certificate)).unzip();
    Request {
        user,
        key,
        fingerprint,
        certificate: certificate.flatten(),
        client: text("SSH_CONNECTION").and_then(|connection| Client::parse(&connection)),
        command,
    }
}

fn account(name: &str) -> Account {
    let (_, home) = identity::account();
    let locale = std::env::vars_os().filter(
        |(name, value)| matches!((name.to_str(), value.to_str()), (Some(name), Some(value)) if is_locale(name, value)),
    );
    Account { name: name.to_owned(), home, locale: locale.collect() }
}

/// The words as ssh would send them.
fn joined(words: &[OsString]) -> Vec<u8> {
    words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&b' ')
}

fn absolute(file: &std::path::Path) -> std::path::PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

fn validate(policy: anyhow::Result<PolicySet>) -> Exit {
    match policy {
        Ok(_) => answer::print("policy: valid\n"),
        Err(error) => {
            answer::say(&format!("ERROR: {error:#}\n"));
            Exit::Config
        }
    }
}

/// Nothing runs with a broken policy; the record goes where records go by default.
fn broken_policy(error: &anyhow::Error, request: &Request, profile: &str) -> Exit {
    let id = identity::record_id();
    let default = policy::Policy::default();
    let recorded = audit::syslog::Sink::connect(&default.audit).and_then(|sink| {
        audit::Audit::new(sink, request, profile, id.clone())
            .error("policy-broken", &dockgate::decision::Understood::named("-"))
    });
    let record = if recorded.is_ok() { format!("record: {id}\n") } else { String::new() };
    answer::say(&format!(
        "ERROR: policy: it is broken or not trustworthy, so nothing was run\nreason: {}\nhint: the administrator has to mend it (dockgate policy validate); sending this again cannot help\n{record}",
        audit::escape::for_terminal(&format!("{error:#}"))
    ));
    Exit::Config
}
