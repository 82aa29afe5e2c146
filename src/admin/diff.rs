//! Replay: what a change of policy would have meant for the requests in a log. Pure.

use crate::audit::escape::for_terminal;
use crate::audit::read::Entry;
use crate::denial::Denial;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Requests by what changes for them, each with how often it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    refused: BTreeMap<String, (usize, String)>,
    allowed: BTreeMap<String, (usize, String)>,
    same: usize,
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
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reason;
    use crate::request::Request;

    #[test]
    fn lists_what_changes() {
        let entry = |command: &str| Entry {
            verdict: "allow".into(),
            profile: "default".into(),
            id: "1".into(),
            request: Request { command: Some(command.into()), key: Some("k".into()), ..Request::default() },
        };
        let entries = ["docker ps", "docker ps", "docker rm x", "docker top x"].map(entry);
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
            "newly refused: 1\n     2 x k: docker ps\n         ps: no\nnewly allowed: 1\n     1 x k: docker rm x\n         rm: no\nas before: 1 records\n"
        );
    }
}
