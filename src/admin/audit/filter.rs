//! Which records a person wants to see. Pure.

use super::about::{Understood, is_call};
use super::names::Names;
use crate::audit::read::line::Fields;
use crate::audit::read::time::{self, Micros};
use crate::audit::read::value;
use crate::cli::audit::Filter as Options;
use crate::demand::Object;
use crate::denial::Reason;
use crate::docker::catalogue::{self, Found};
use crate::guard::{Via, proxy};
use ipnet::IpNet;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use wildmatch::WildMatch;

/// The options, understood. Records must satisfy each kind that is given, by any of its values.
#[derive(Debug, Default)]
pub struct Filter {
    since: Option<Micros>,
    until: Option<Micros>,
    host: Vec<WildMatch>,
    /// Fields by name, and what they may be.
    fields: Vec<(&'static str, Vec<WildMatch>)>,
    /// The reasons, the first or a further one.
    reason: Vec<WildMatch>,
    client: Vec<IpNet>,
    objects: Vec<(Object, Names)>,
    project: Vec<WildMatch>,
    text: Vec<String>,
    understood: Understood,
    /// Something but the time is asked for.
    narrows: bool,
    begun: Begun,
}

/// Requests that were wanted and permitted: what became of them is wanted, too.
#[derive(Debug, Default)]
struct Begun {
    /// Whether the request itself was wanted, or only calls of it.
    runs: HashMap<String, bool>,
    order: VecDeque<String>,
}

impl Begun {
    /// So many may be under way.
    const MOST: usize = 65_536;

    fn add(&mut self, fields: &Fields<'_>) {
        let request = !is_call(fields);
        let run = name(fields);
        if let Some(known) = self.runs.get_mut(&run) {
            *known |= request;
            return;
        }
        self.runs.insert(run.clone(), request);
        self.order.push_back(run);
        // What ended is still in the order.
        while self.runs.len() > Self::MOST || self.order.len() > 2 * Self::MOST {
            let Some(oldest) = self.order.pop_front() else { break };
            self.runs.remove(&oldest);
        }
    }
}

/// A request, as no other of any host is named.
fn name(fields: &Fields<'_>) -> String {
    format!("{} {}", fields.host, fields.id())
}

impl Filter {
    /// Understands the options; times are relative to `now`.
    ///
    /// # Errors
    /// A sentence about the first one that is not understood.
    pub fn of(options: &Options, now: Micros) -> Result<Self, String> {
        let Options {
            since,
            until,
            host,
            key,
            account,
            client,
            verdict,
            reason,
            via,
            command,
            container,
            image,
            project,
            text,
        } = options;
        known("verdict", verdict, &mut VERDICTS.iter().copied())?;
        known(
            "reason",
            reason,
            &mut OTHER_REASONS.iter().copied().chain(Reason::ALL.iter().map(|(_, code, _)| *code)),
        )?;
        known_commands(command)?;
        known("via", via, &mut Via::WORDS.iter().copied())?;
        let moment = |text: &Option<String>| text.as_deref().map(|text| time::since(text, now)).transpose();
        let fields = [("key", key), ("user", account), ("verdict", verdict), ("via", via), ("command", command)];
        let objects = [(Object::Container, container), (Object::Image, image)];
        let range = |text: &String| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address
                .or_else(|_| text.parse::<IpNet>())
                .map_err(|_| format!("\"{text}\" is neither an address nor a range"))
        };
        Ok(Self {
            since: moment(since)?,
            until: moment(until)?,
            host: patterns(host),
            fields: fields
                .into_iter()
                .filter(|(_, names)| !names.is_empty())
                .map(|(name, of)| (name, patterns(of)))
                .collect(),
            reason: patterns(reason),
            client: client.iter().map(range).collect::<Result<_, _>>()?,
            objects: objects
                .into_iter()
                .filter(|(_, names)| !names.is_empty())
                .map(|(kind, of)| (kind, Names::of(of)))
                .collect(),
            project: patterns(project),
            text: text.clone(),
            understood: Understood::default(),
            narrows: *options != Options { since: since.clone(), until: until.clone(), ..Options::default() },
            begun: Begun::default(),
        })
    }

    /// Takes in what a record says of what was made: a name and an id that are one.
    fn learn(&mut self, fields: &Fields<'_>) {
        let Some(kind) = fields.get("made") else { return };
        for (object, names) in self.objects.iter_mut().filter(|(object, _)| object.name() == kind) {
            names.learn(*object, fields.or_none("name"), fields.or_none("object"));
        }
    }

    /// Whether a decision is wanted, or what became of one that was.
    pub fn wants(&mut self, fields: &Fields<'_>) -> bool {
        match fields.verdict() {
            "end" if self.narrows => self.begun.runs.remove(&name(fields)).unwrap_or_default(),
            "made" => {
                self.learn(fields);
                if self.narrows { self.begun.runs.contains_key(&name(fields)) } else { self.is_in_time(fields) }
            }
            "end" => self.is_in_time(fields),
            verdict => {
                let wanted = self.is_in_time(fields) && self.has_fields(fields);
                let wanted = wanted && self.is_from(fields) && self.is_about(fields);
                if wanted && self.narrows && matches!(verdict, "allow" | "observe") {
                    self.begun.add(fields);
                }
                wanted
            }
        }
    }

    /// Whether a record is of the time that is asked for. One whose time is not known is.
    fn is_in_time(&self, fields: &Fields<'_>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        fields.time().is_none_or(|time| {
            self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
        })
    }

    fn has_fields(&self, fields: &Fields<'_>) -> bool {
        let matches = |patterns: &[WildMatch], value: &str| patterns.iter().any(|pattern| pattern.matches(value));
        (self.host.is_empty() || matches(&self.host, &fields.host))
            && self.fields.iter().all(|(name, patterns)| matches(patterns, fields.or_none(name)))
            && (self.reason.is_empty() || reasons(fields).any(|reason| matches(&self.reason, reason)))
    }

    fn is_from(&self, fields: &Fields<'_>) -> bool {
        let address = || fields.address().parse::<IpAddr>().ok();
        self.client.is_empty()
            || address().is_some_and(|address| self.client.iter().any(|range| range.contains(&address)))
    }

    fn is_about(&mut self, fields: &Fields<'_>) -> bool {
        if self.text.is_empty() && self.objects.is_empty() && self.project.is_empty() {
            return true;
        }
        let Some(request) = fields.get("request") else { return false };
        if !self.text.is_empty() {
            let sent = value::unescaped(request).unwrap_or_default();
            let holds = |text: &String| memchr::memmem::find(&sent, text.as_bytes()).is_some();
            if !self.text.iter().any(holds) {
                return false;
            }
        }
        if self.objects.is_empty() && self.project.is_empty() {
            return true;
        }
        let Some(about) = self.understood.of(fields) else { return false };
        let is_named = |(kind, names): &(Object, Names)| {
            about.names().any(|(object, name)| object == *kind && names.has(object, name))
        };
        let of_project = |name: &String| self.project.iter().any(|pattern| pattern.matches(name));
        self.objects.iter().all(is_named) && (self.project.is_empty() || about.project.as_ref().is_some_and(of_project))
    }
}

/// All rules that refused, or would have.
fn reasons<'a>(fields: &'a Fields<'_>) -> impl Iterator<Item = &'a str> {
    std::iter::once(fields.or_none("reason")).chain(fields.get("also").into_iter().flat_map(|also| also.split(',')))
}

/// The verdicts of decisions.
const VERDICTS: &[&str] = &["allow", "deny", "error", "observe"];

/// The reasons of what is no refusal.
const OTHER_REASONS: &[&str] =
    &["client-gone", "docker-not-started", "permitted", "policy-broken", "record-incomplete"];

/// A value that no record has is a mistake, and not a question with an empty answer.
fn known(option: &str, given: &[String], values: &mut dyn Iterator<Item = &str>) -> Result<(), String> {
    let mut values: Vec<&str> = values.collect();
    values.sort_unstable();
    let meant = |given: &&String| !values.iter().any(|value| WildMatch::new(given).matches(value));
    match given.iter().find(meant) {
        Some(given) => {
            Err(format!("--{option} {given}: there is no such {option}; it is one of {}", values.join(", ")))
        }
        None => Ok(()),
    }
}

/// What records have for a command that is none of docker's.
const OTHER_COMMANDS: &[&str] =
    &["-", "dockgate check", "dockgate policy show", "dockgate version", "help", "login", proxy::COMMAND, "true"];

/// The same of commands, of which there are too many to name them all.
fn known_commands(given: &[String]) -> Result<(), String> {
    let is = |given: &String| {
        let pattern = WildMatch::new(given);
        let named = catalogue::commands().any(|command| pattern.matches(command.name));
        let other = OTHER_COMMANDS.iter().any(|name| pattern.matches(name));
        named || other || !matches!(catalogue::find(given), Found::Nothing)
    };
    match given.iter().find(|given| !is(given)) {
        Some(given) => Err(format!(
            "--command {given}: docker has no such command, and no record names it; docs/commands.md has them all, and of others there are {}",
            OTHER_COMMANDS.join(", ")
        )),
        None => Ok(()),
    }
}

fn patterns(names: &[String]) -> Vec<WildMatch> {
    names.iter().map(|name| WildMatch::new(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "verdict=deny reason=bind-mount command=run user=ai key=hermes client=192.0.2.7:5 id=660ec95c8bba3-2f also=\"blocked-command,privileged\" request=\"docker run --name web -v /etc:/x nginx:1\"";

    #[test]
    fn each_kind_of_option_narrows() {
        let fields = Fields::of(RECORD).unwrap();
        let one = |text: &str| vec![text.to_owned()];
        let wants = |options: Options| Filter::of(&options, 1_900_000_000_000_000).unwrap().wants(&fields);
        assert!(wants(Options::default()));
        for (yes, no) in [
            (Options { key: one("her*"), ..Options::default() }, Options { key: one("ares"), ..Options::default() }),
            (Options { account: one("ai"), ..Options::default() }, Options { account: one("a"), ..Options::default() }),
            (
                Options { client: one("192.0.2.0/24"), ..Options::default() },
                Options { client: one("192.0.2.8"), ..Options::default() },
            ),
            (
                Options { verdict: one("deny"), ..Options::default() },
                Options { verdict: one("allow"), ..Options::default() },
            ),
            (
                Options { reason: vec!["limit".into(), "bind-mount".into()], ..Options::default() },
                Options { reason: one("limit"), ..Options::default() },
            ),
            (
                Options { command: one("run"), ..Options::default() },
                Options { command: one("rm"), ..Options::default() },
            ),
            (
                Options { container: one("web"), ..Options::default() },
                Options { container: one("nginx:1"), ..Options::default() },
            ),
            (
                Options { image: one("nginx:*"), ..Options::default() },
                Options { image: one("web"), ..Options::default() },
            ),
            (Options { text: one("/etc:"), ..Options::default() }, Options { text: one("/usr"), ..Options::default() }),
            (
                Options { since: Some("2026-01-01".into()), ..Options::default() },
                Options { since: Some("24h".into()), ..Options::default() },
            ),
            (
                Options { until: Some("2026-12-31".into()), ..Options::default() },
                Options { until: Some("2001-12-31".into()), ..Options::default() },
            ),
            (Options { host: one("*"), ..Options::default() }, Options { project: one("*"), ..Options::default() }),
            (
                Options { reason: one("blocked-*"), ..Options::default() },
                Options { via: one("argv"), ..Options::default() },
            ),
        ] {
            assert!(wants(yes.clone()), "{yes:?}");
            assert!(!wants(no.clone()), "{no:?}");
        }
        for (options, says) in [
            (Options { client: one("x"), ..Options::default() }, "range"),
            (Options { verdict: one("refused"), ..Options::default() }, "one of allow, deny, error, observe"),
            (Options { reason: one("bind"), ..Options::default() }, "bind-mount, blocked-command"),
            (Options { command: one("pss"), ..Options::default() }, "docker has no such command"),
            (Options { via: one("ssh"), ..Options::default() }, "one of argv, dial-stdio"),
        ] {
            let message = Filter::of(&options, 0).unwrap_err();
            assert!(message.contains(says), "{message}");
        }
    }
}
