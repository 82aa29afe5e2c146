//! Policy test: cases of what a policy should say, line by line, and whether it does. Acts: reads the file of cases.
//!
//! ```text
//! # what hermes needs
//! allow docker ps
//! deny  docker exec web sh
//! deny:bind-mount docker run -v /:/h busybox
//! key=watcher deny docker restart web
//! ```
//!
//! Without `key=LABEL` a case is judged as for the key of `--key`.
#![expect(clippy::disallowed_methods, reason = "the administrator's file of cases is read here")]

use super::account::Other;
use super::caller::Caller;
use crate::answer;
use crate::audit::escape::for_terminal;
use crate::cli::label::label;
use crate::denial::Denial;
use crate::exit::Exit;
use crate::gate::Gate;
use crate::policy::set::Selected;
use crate::request::Request;
use std::fmt::Write;
use std::path::Path;

/// Judges each case of a file, and says which came out otherwise.
///
/// # Errors
/// The exit code, when there is no policy to judge by, or no such file.
pub fn run(file: &Path, user: Option<&str>, caller: Caller) -> Result<Exit, Exit> {
    let (caller, other) = caller.in_place_of(user)?;
    let set = caller.policy()?;
    let Selected { profile, because, .. } = caller.select_known(&set)?;
    let text = std::fs::read_to_string(file).map_err(|error| {
        answer::say(&format!("ERROR: {}: {error}\n", file.display()));
        Exit::Usage
    })?;
    other.map_or(Ok(()), Other::enter)?;
    let outcome = judge_all(&text, |label, request| {
        let key = label.map(str::to_owned).or_else(|| caller.request.key.clone());
        // Whoever judges by label comes with the key that the policy has under it.
        let fingerprint = key.as_ref().and_then(|key| set.keys.get(key)?.fingerprint.clone());
        let asked = Request { key, fingerprint, ..caller.request.clone() };
        let unknown = asked.key.as_deref().is_some_and(|key| set.is_unknown(key));
        let Selected { mut policy, profile, denial, .. } = set.select(&asked, caller.profile.as_deref());
        // A policy can be tried where there is no docker.
        policy.offline = true;
        let gate = Gate {
            policy: policy.into(),
            candidate: None,
            profile,
            // Nothing is refused for the key's own sake, but for a label that no request can come under.
            refusal: denial.filter(|_| unknown),
            account: caller.account.clone(),
            parent: caller.parent,
        };
        gate.decide(request.as_bytes(), false).verdict.map(drop)
    });
    answer::print(&format!("profile {profile}: {because}\n{}", outcome.report(&file.display().to_string())));
    Ok(if outcome.passed() { Exit::Success } else { Exit::Failed })
}

/// What came of a file of cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    passed: usize,
    /// Line number and what is wrong with it.
    failed: Vec<(usize, String)>,
}

/// Judges each case with `judge`. A line that is no case is a failure, too.
pub fn judge_all(text: &str, judge: impl Fn(Option<&str>, &str) -> Result<(), Denial>) -> Outcome {
    let mut outcome = Outcome::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match case(line, &judge) {
            Ok(()) => outcome.passed += 1,
            Err(wrong) => outcome.failed.push((index + 1, wrong)),
        }
    }
    outcome
}

fn case(line: &str, judge: impl Fn(Option<&str>, &str) -> Result<(), Denial>) -> Result<(), String> {
    let (label, line) = match line.strip_prefix("key=").and_then(|rest| rest.split_once([' ', '\t'])) {
        Some((key, rest)) => (Some(label(key).map_err(|wrong| format!("key={key}: {wrong}"))?), rest.trim_start()),
        None => (None, line),
    };
    let (expected, request) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let request = request.trim_start();
    let verdict = judge(label.as_deref(), request);
    let matches = match (expected.split_once(':'), &verdict) {
        (Some(("deny", wanted)), Err(denial)) => denial.reason.code() == wanted,
        (Some(("deny", _)), Ok(())) => false,
        (None, Ok(())) if expected == "allow" => true,
        (None, Err(_)) if expected == "deny" => true,
        (None, _) if matches!(expected, "allow" | "deny") => false,
        _ => return Err(format!("\"{expected}\" is none of allow, deny and deny:REASON")),
    };
    let found = match verdict {
        Ok(()) => "allow".to_owned(),
        Err(denial) => format!("deny ({}: {})", denial.reason.code(), denial.message),
    };
    if matches { Ok(()) } else { Err(format!("{request}\n  - {expected}\n  + {found}")) }
}

impl Outcome {
    /// Whether every case came out as it should, and there was one.
    pub fn passed(&self) -> bool {
        self.failed.is_empty() && self.passed > 0
    }

    /// The failures as differences, and the count.
    pub fn report(&self, file: &str) -> String {
        let mut text = String::new();
        for (line, wrong) in &self.failed {
            let _ = writeln!(text, "{file}:{line}: {}", for_terminal(wrong).replace("\\n  ", "\n  "));
        }
        let _ = writeln!(text, "{} passed, {} failed", self.passed, self.failed.len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::Reason;

    #[test]
    fn failures_are_shown_as_differences() {
        let judge = |label: Option<&str>, request: &str| match request {
            "docker ps" if label != Some("none") => Ok(()),
            _ => Err(Denial::new(Reason::BindMount, "x", "y", "z")),
        };
        let outcome = judge_all("# c\nallow docker ps\n\ndeny  docker x\ndeny:bind-mount docker x\n", judge);
        assert_eq!(outcome.report("f"), "3 passed, 0 failed\n");
        let labelled = judge_all("key=none deny docker ps\nkey=me  allow docker ps\nkey=a/b allow docker ps\n", judge);
        assert_eq!(labelled.report("f"), "f:3: key=a/b: use 1 to 64 of a-z A-Z 0-9 - _ . @\n2 passed, 1 failed\n");
        assert!(outcome.passed());
        let outcome = judge_all("deny docker ps\nallow docker x\ndeny:device docker x\nmaybe docker ps\n", judge);
        assert!(!outcome.passed());
        assert_eq!(
            outcome.report("f"),
            "f:1: docker ps\n  - deny\n  + allow\nf:2: docker x\n  - allow\n  + deny (bind-mount: x: y)\n\
             f:3: docker x\n  - deny:device\n  + deny (bind-mount: x: y)\n\
             f:4: \"maybe\" is none of allow, deny and deny:REASON\n0 passed, 4 failed\n"
        );
        assert!(!judge_all("# nothing\n", judge).passed());
    }
}
