//! Doctor: whether what is outside the policy file holds the gate up: account, files, keys, sshd. Pure, but for
//! [`look`], which gathers the [`facts`] that the [`checks`] judge.

use crate::audit::escape::for_terminal;
use check::{Level, Problem};
use facts::Facts;
use serde::Serialize;
use std::fmt::Write;

pub mod account;
pub mod check;
pub mod checks;
pub mod facts;
pub mod look;
pub mod pattern;
pub mod sshd;
pub mod way;

/// A problem, under the check that found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub level: Level,
    pub what: String,
    pub fix: String,
}

/// All that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// No fault; warnings alone are fine.
    pub ok: bool,
    pub findings: Vec<Finding>,
}

impl Report {
    /// Makes every check.
    pub fn of(facts: &Facts) -> Self {
        // Nothing can be kept from root, so one finding says it all.
        let alone = facts.account.uid == 0;
        let checks = checks::ALL.iter().filter(|check| !alone || check.id == checks::ACCOUNT);
        let findings = checks.flat_map(|check| {
            let found = (check.examine)(facts).into_iter();
            found.map(|Problem { level, what, fix }| Finding { check: check.id, level, what, fix })
        });
        Self::with(findings.collect())
    }

    /// There is no such account, so nothing else can be looked at.
    pub fn of_nobody(name: &str) -> Self {
        let what = format!("there is no account {name}");
        let fix = format!("useradd --create-home --shell /bin/dash --groups docker {name}, or another --user");
        Self::with(vec![Finding { check: checks::ACCOUNT, level: Level::Fault, what, fix }])
    }

    fn with(findings: Vec<Finding>) -> Self {
        Self { ok: findings.iter().all(|finding| finding.level != Level::Fault), findings }
    }

    /// Two lines a finding, escaped for a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, level, what, fix } in &self.findings {
            let _ = writeln!(text, "{}: {check}: {}\n  fix: {}", level.name(), for_terminal(what), for_terminal(fix));
        }
        if self.ok {
            let _ = writeln!(text, "doctor: no faults found ({} checks)", checks::ALL.len());
        }
        text
    }

    /// One line of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_text_or_json() {
        let finding = |level| Finding { check: "home", level, what: "a\u{1b}b".to_owned(), fix: "mend".to_owned() };
        let warned = Report::with(vec![finding(Level::Warning)]);
        assert!(
            warned.ok && warned.text().starts_with("warning: home: a\\u{1b}b\n  fix: mend\ndoctor: no faults found (")
        );
        let faulty = Report::with(vec![finding(Level::Fault)]);
        assert_eq!(faulty.text(), "fault: home: a\\u{1b}b\n  fix: mend\n");
        assert_eq!(
            faulty.json(),
            "{\"ok\":false,\"findings\":[{\"check\":\"home\",\"level\":\"fault\",\"what\":\"a\\u001bb\",\"fix\":\"mend\"}]}\n"
        );
    }
}
