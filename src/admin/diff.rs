//! Policy diff: what a change of policy would have meant for the requests in a log. Acts: reads the files.

use super::account::Other;
use super::caller::{Caller, absolute, broken};
use crate::answer;
use crate::api::call::Call;
use crate::audit::escape::for_terminal;
use crate::audit::read::source::{Lines, Source};
use crate::audit::read::{self, Entry};
use crate::compose::Project;
use crate::decision::Decision;
use crate::demand::Want;
use crate::denial::Denial;
use crate::docker::Invocation;
use crate::exit::Exit;
use crate::gate::Gate;
use crate::guard::{Via, judge};
use crate::policy::Policy;
use crate::policy::set::{PolicySet, Selected};
use crate::request::Request;
use crate::request::account::Account;
use crate::request::words::Words;
use crate::world::{self, policy_file};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Judges what a log holds under two policies.
///
/// # Errors
/// The exit code, when one of the files cannot be read.
pub fn run(old: &Path, new: &Path, log: &Path, user: Option<&str>, caller: Caller) -> Result<Exit, Exit> {
    let read = || -> anyhow::Result<_> {
        let [old, new] = [old, new].map(|file| policy_file::load(Some(&absolute(file))));
        Ok((old?, new?, read::entries(&mut Lines::of(Source::named(log)?))?))
    };
    let (old, new, entries) = read().map_err(|error| broken(&error))?;
    let (caller, other) = caller.in_place_of(user)?;
    other.map_or(Ok(()), Other::enter)?;
    let caller = &caller;
    let judge = |set: PolicySet| move |entry: &Entry| judged(&set, entry, caller);
    Ok(answer::print(&Changes::of(&entries, judge(old), judge(new)).report()))
}

/// Why a record cannot be judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unjudged {
    /// Its Compose file came on standard input, of which a log has nothing.
    Input,
    /// The files that it read are others now, or gone.
    Files,
    /// A call of the API that the record does not hold whole.
    Call,
}

impl Unjudged {
    fn words(self) -> &'static str {
        match self {
            Self::Input => "of requests that read standard input",
            Self::Files => {
                "of requests whose Compose files are not what they were, or are not found from here (--user ACCOUNT: from its home)"
            }
            Self::Call => "of calls that a log does not hold whole: those of builds, and such as were not understood",
        }
    }
}

/// The verdict on a recorded request. A record's `--profile` is not in it, so the profile that judged then counts
/// where it still exists and the policy does not choose one for the key.
fn judged(set: &PolicySet, entry: &Entry, caller: &Caller) -> Result<Result<(), Denial>, Unjudged> {
    let recorded = set.profiles.contains_key(&entry.profile).then_some(entry.profile.as_str());
    let chosen = set.select(&entry.request, None);
    let by_default = chosen.profile == set.default_profile;
    let Selected { mut policy, profile, denial, .. } =
        if by_default { set.select(&entry.request, recorded) } else { chosen };
    policy.offline = true;
    let account = Account { name: entry.request.user.clone(), ..caller.account.clone() };
    let request = entry.request.command.as_deref().unwrap_or_default();
    if let Some(via) = &entry.via {
        let call = std::str::from_utf8(request).ok().and_then(Call::of_record).ok_or(Unjudged::Call)?;
        return Ok(denial.map_or_else(|| called(&policy, &call, (via, &entry.command), &account), Err));
    }
    if reads_input(&entry.request) {
        return Err(Unjudged::Input);
    }
    let gate =
        Gate { policy: policy.into(), candidate: None, profile, refusal: denial, account, parent: caller.parent };
    let Decision { understood, verdict } = gate.decide(request, false);
    // What is refused before the files are read is refused whatever they are.
    let unread = understood.input.is_none() && verdict.is_err();
    if entry.input.is_some() && entry.input != understood.input && !unread {
        return Err(Unjudged::Files);
    }
    Ok(verdict.map(drop))
}

/// The verdict on a recorded call, as far as the record has it.
fn called(policy: &Policy, call: &Call, (via, command): (&str, &str), account: &Account) -> Result<(), Denial> {
    let mut demands = call.demands();
    if via == Via::Argv(String::new()).word() {
        // It is a part of its command, whose record is another.
        demands.retain(|demand| !matches!(demand.want, Want::Operation { instead: false, .. }));
    } else {
        judge::rename(&mut demands, command);
        judge::by_allow_list(policy, call, &mut demands);
    }
    let facts = world::look_up(policy, policy.owner(&account.name), &account.home, &demands);
    policy.judge((), &demands, &facts).map(drop)
}

/// Whether a request's Compose file came on standard input.
fn reads_input(request: &Request) -> bool {
    let words = Words::split(request.command.as_deref().unwrap_or_default());
    let invocation = words.and_then(|words| Invocation::parse(&words));
    let project = invocation.ok().as_ref().and_then(Project::of);
    project.is_some_and(|project| project.files.iter().any(|file| file == "-"))
}

/// Requests by what changes for them, each with how often it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    refused: BTreeMap<String, (usize, String)>,
    allowed: BTreeMap<String, (usize, String)>,
    same: usize,
    unjudged: BTreeMap<Unjudged, usize>,
}

impl Changes {
    /// Judges each entry under both policies.
    fn of(
        entries: &[Entry],
        old: impl Fn(&Entry) -> Result<Result<(), Denial>, Unjudged>,
        new: impl Fn(&Entry) -> Result<Result<(), Denial>, Unjudged>,
    ) -> Self {
        let mut changes = Self::default();
        for entry in entries {
            let request = String::from_utf8_lossy(entry.request.command.as_deref().unwrap_or_default()).into_owned();
            let shown = format!("{}: {request}", entry.request.key.as_deref().unwrap_or("-"));
            let (list, why) = match (old(entry), new(entry)) {
                (Err(why), _) | (_, Err(why)) => {
                    *changes.unjudged.entry(why).or_default() += 1;
                    continue;
                }
                (Ok(Ok(())), Ok(Err(denial))) => (&mut changes.refused, denial),
                (Ok(Err(denial)), Ok(Ok(()))) => (&mut changes.allowed, denial),
                _ => {
                    changes.same += 1;
                    continue;
                }
            };
            list.entry(shown).or_insert_with(|| (0, why.message)).0 += 1;
        }
        changes
    }

    /// Both lists, each request with how often it came and the refusal that comes or goes.
    pub fn report(&self) -> String {
        let mut text = String::new();
        for (title, list) in [("newly refused", &self.refused), ("newly allowed", &self.allowed)] {
            let _ = writeln!(text, "{title}: {}", list.len());
            for (request, (count, why)) in list {
                let _ = writeln!(text, "  {count:>4} x {}\n         {}", for_terminal(request), for_terminal(why));
            }
        }
        let _ = writeln!(text, "as before: {} records", self.same);
        for (why, count) in &self.unjudged {
            let _ = writeln!(text, "not judged: {count} records {}", why.words());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reason;

    #[test]
    fn a_recorded_call_is_judged_as_it_was() {
        let policy = |text: &str| Policy { offline: true, ..Policy::from_toml(text).expect(text) };
        let account = Account { name: "a".into(), home: "/nonexistent".into(), locale: Vec::new() };
        let create = r#"POST /containers/create?name=web {"Image":"nginx","HostConfig":{"Memory":1048576}}"#;
        for (text, call, via, command, expected) in [
            ("", create, "dial-stdio", "create", None),
            ("[limits]\nmemory = '1m'\n", create, "dial-stdio", "create", None),
            ("[limits]\nmemory = '512k'\n", create, "dial-stdio", "create", Some(Reason::Limit)),
            ("[limits]\nimages = ['alpine']\n", create, "argv", "create", Some(Reason::Limit)),
            ("[commands]\nallowed = ['ps']\n", create, "argv", "create", None),
            ("[commands]\nallowed = ['ps']\n", create, "proxy", "create", Some(Reason::NotAllowed)),
            ("[commands]\nallowed = ['run']\n", create, "proxy", "create", None),
            ("[commands]\nblocked = ['create']\n", create, "proxy", "create", Some(Reason::BlockedCommand)),
            ("", "POST /containers/web/attach?stream=1", "dial-stdio", "run", None),
            ("", "POST /containers/web/attach?stream=1", "dial-stdio", "attach", Some(Reason::BlockedCommand)),
        ] {
            let judged = called(&policy(text), &Call::of_record(call).expect(call), (via, command), &account);
            assert_eq!(judged.err().map(|denial| denial.reason), expected, "{text} {call} {via}");
        }
    }

    #[test]
    fn lists_what_changes() {
        let entry = |command: &str| Entry {
            verdict: "allow".into(),
            profile: "default".into(),
            id: "1".into(),
            command: "-".into(),
            via: None,
            input: None,
            request: Request { command: Some(command.into()), key: Some("k".into()), ..Request::default() },
        };
        let piped = "docker compose -p a -f - up -d";
        let entries = ["docker ps", "docker ps", "docker rm x", "docker top x", piped].map(entry);
        let deny = |word: &'static str| {
            move |entry: &Entry| match entry.request.command.as_deref() {
                Some(command) if command.windows(word.len()).any(|part| part == word.as_bytes()) => {
                    Ok(Err(Denial::new(Reason::NotAllowed, word, "no", "-")))
                }
                _ if reads_input(&entry.request) => Err(Unjudged::Input),
                _ => Ok(Ok(())),
            }
        };
        assert_eq!(
            Changes::of(&entries, deny("rm"), deny("ps")).report(),
            "newly refused: 1\n     2 x k: docker ps\n         ps: no\nnewly allowed: 1\n     1 x k: docker rm x\n         rm: no\nas before: 1 records\n\
             not judged: 1 records of requests that read standard input\n"
        );
    }
}
