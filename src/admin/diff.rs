//! Policy diff: what a change of policy would have meant for the requests in a log. Acts: reads the files.

use super::caller::{Caller, absolute, broken};
use crate::answer;
use crate::audit::escape::for_terminal;
use crate::audit::read::source::{Lines, Source};
use crate::audit::read::{self, Entry};
use crate::compose::Project;
use crate::denial::Denial;
use crate::docker::Invocation;
use crate::exit::Exit;
use crate::gate::Gate;
use crate::policy::set::{PolicySet, Selected};
use crate::request::Request;
use crate::request::account::Account;
use crate::request::words::Words;
use crate::world::policy_file;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Judges what a log holds under two policies.
///
/// # Errors
/// The exit code, when one of the files cannot be read.
pub fn run(old: &Path, new: &Path, log: &Path, caller: &Caller) -> Result<Exit, Exit> {
    let read = || -> anyhow::Result<_> {
        let [old, new] = [old, new].map(|file| policy_file::load(Some(&absolute(file))));
        Ok((old?, new?, read::entries(&mut Lines::of(Source::named(log)?))?))
    };
    let (old, new, entries) = read().map_err(|error| broken(&error))?;
    let judge = |set: PolicySet| move |entry: &Entry| judged(&set, entry, caller);
    Ok(answer::print(&Changes::of(&entries, judge(old), judge(new)).report()))
}

/// The verdict on a recorded request. A record's `--profile` is not in it, so the profile that judged then counts
/// where it still exists and the policy does not choose one for the key.
fn judged(set: &PolicySet, entry: &Entry, caller: &Caller) -> Result<(), Denial> {
    let recorded = set.profiles.contains_key(&entry.profile).then_some(entry.profile.as_str());
    let chosen = set.select(&entry.request, None);
    let by_default = chosen.profile == set.default_profile;
    let Selected { mut policy, profile, denial, .. } =
        if by_default { set.select(&entry.request, recorded) } else { chosen };
    policy.offline = true;
    let account = Account { name: entry.request.user.clone(), ..caller.account.clone() };
    let gate = Gate { policy, profile, refusal: denial, account, parent: caller.parent };
    gate.decide(entry.request.command.as_deref().unwrap_or_default(), false).verdict.map(drop)
}

/// Whether a request's Compose file came on standard input, of which a log has nothing.
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
    /// Those that read standard input, of which the log has nothing.
    unjudged: usize,
}

impl Changes {
    /// Judges each entry under both policies.
    pub fn of(
        entries: &[Entry],
        old: impl Fn(&Entry) -> Result<(), Denial>,
        new: impl Fn(&Entry) -> Result<(), Denial>,
    ) -> Self {
        let mut changes = Self::default();
        for entry in entries {
            let request = String::from_utf8_lossy(entry.request.command.as_deref().unwrap_or_default()).into_owned();
            let shown = format!("{}: {request}", entry.request.key.as_deref().unwrap_or("-"));
            if reads_input(&entry.request) {
                changes.unjudged += 1;
                continue;
            }
            let (list, why) = match (old(entry), new(entry)) {
                (Ok(()), Err(denial)) => (&mut changes.refused, denial),
                (Err(denial), Ok(())) => (&mut changes.allowed, denial),
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
        if self.unjudged > 0 {
            let _ = writeln!(text, "not judged: {} records of requests that read standard input", self.unjudged);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reason;

    #[test]
    fn lists_what_changes() {
        let entry = |command: &str| Entry {
            verdict: "allow".into(),
            profile: "default".into(),
            id: "1".into(),
            request: Request { command: Some(command.into()), key: Some("k".into()), ..Request::default() },
        };
        let piped = "docker compose -p a -f - up -d";
        let entries = ["docker ps", "docker ps", "docker rm x", "docker top x", piped].map(entry);
        let deny = |word: &'static str| {
            move |entry: &Entry| match entry.request.command.as_deref() {
                Some(command) if command.windows(word.len()).any(|part| part == word.as_bytes()) => {
                    Err(Denial::new(Reason::NotAllowed, word, "no", "-"))
                }
                _ => Ok(()),
            }
        };
        assert_eq!(
            Changes::of(&entries, deny("rm"), deny("ps")).report(),
            "newly refused: 1\n     2 x k: docker ps\n         ps: no\nnewly allowed: 1\n     1 x k: docker rm x\n         rm: no\nas before: 1 records\n\
             not judged: 1 records of requests that read standard input\n"
        );
    }
}
