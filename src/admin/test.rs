//! Cases: what a policy should say, line by line, and whether it does. Pure.
//!
//! ```text
//! # what hermes needs
//! allow docker ps
//! deny  docker exec web sh
//! deny:bind-mount docker run -v /:/h busybox
//! ```

use crate::denial::Denial;
use std::fmt::Write;

/// What came of a file of cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    passed: usize,
    /// Line number and what is wrong with it.
    failed: Vec<(usize, String)>,
}

/// Judges each case with `judge`. A line that is no case is a failure, too.
pub fn run(text: &str, judge: impl Fn(&str) -> Result<(), Denial>) -> Outcome {
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

fn case(line: &str, judge: impl Fn(&str) -> Result<(), Denial>) -> Result<(), String> {
    let (expected, request) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let request = request.trim_start();
    let found = match judge(request) {
        Ok(()) => ("allow", String::new()),
        Err(denial) => ("deny", format!(" ({}: {})", denial.reason.code(), denial.message)),
    };
    let code = judge(request).err().map(|denial| denial.reason.code());
    let matches = match expected.split_once(':') {
        Some(("deny", wanted)) => code == Some(wanted),
        None if matches!(expected, "allow" | "deny") => expected == found.0,
        _ => return Err(format!("\"{expected}\" is none of allow, deny and deny:REASON")),
    };
    if matches { Ok(()) } else { Err(format!("{request}\n  - {expected}\n  + {}{}", found.0, found.1)) }
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
            let _ =
                writeln!(text, "{file}:{line}: {}", crate::audit::escape::for_terminal(wrong).replace("\\n  ", "\n  "));
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
        let judge = |request: &str| match request {
            "docker ps" => Ok(()),
            _ => Err(Denial::new(Reason::BindMount, "x", "y", "z")),
        };
        let outcome = run("# c\nallow docker ps\n\ndeny  docker x\ndeny:bind-mount docker x\n", judge);
        assert_eq!(outcome.report("f"), "3 passed, 0 failed\n");
        assert!(outcome.passed());
        let outcome = run("deny docker ps\nallow docker x\ndeny:device docker x\nmaybe docker ps\n", judge);
        assert!(!outcome.passed());
        assert_eq!(
            outcome.report("f"),
            "f:1: docker ps\n  - deny\n  + allow\nf:2: docker x\n  - allow\n  + deny (bind-mount: x: y)\n\
             f:3: docker x\n  - deny:device\n  + deny (bind-mount: x: y)\n\
             f:4: \"maybe\" is none of allow, deny and deny:REASON\n0 passed, 4 failed\n"
        );
        assert!(!run("# nothing\n", judge).passed());
    }
}
