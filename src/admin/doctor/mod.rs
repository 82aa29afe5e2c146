//! Doctor: finds what is wrong outside the policy file. An account with other ways to docker, a key line without
//! the forced command, or an sshd that forwards sockets would make the best policy useless. [`look`] gathers the
//! [`facts`] about the host, and the [`checks`] judge them without looking themselves.

use super::caller::{Caller, absolute};
use crate::answer;
use crate::audit::escape::for_terminal;
use crate::exit::Exit;
use check::{Check, Level, Problem};
use facts::Facts;
use look::options::Options;
use proxy::ProxyFacts;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub mod account;
pub mod check;
pub mod checks;
pub mod facts;
pub mod look;
pub mod pattern;
pub mod proxy;
pub mod rate;
pub mod sshd;
pub mod way;
pub mod written;

/// Looks at the host for one account, and says what is wrong.
pub fn run(
    user: Option<String>,
    sshd: Option<PathBuf>,
    sshd_config: Option<PathBuf>,
    probe: Option<Vec<PathBuf>>,
    json: bool,
    caller: &Caller,
) -> Exit {
    let own = &caller.account.name;
    let name = user.clone().unwrap_or_else(|| own.clone());
    if name != *own && !nix::unistd::Uid::effective().is_root() {
        answer::say("ERROR: --user: only root can look at another account\n");
        return Exit::Usage;
    }
    let [config, sshd, sshd_config] = [&caller.config, &sshd, &sshd_config].map(|file| file.as_deref().map(absolute));
    let probe = probe.map(|logs| logs.iter().map(|file| absolute(file)).collect());
    let report = match look::look(&Options { user, config, sshd, sshd_config, probe }) {
        Ok(facts) => facts.map_or_else(|| Report::of_nobody(&name), |facts| Report::of(&facts)),
        Err(error) => {
            answer::say(&format!("ERROR: {error:#}\n"));
            return Exit::Unavailable;
        }
    };
    report.tell(json)
}

/// Looks at a socket of `dockgate proxy`, and says what is wrong.
pub fn run_proxy(socket: &Path, user: Option<&str>, json: bool, caller: &Caller) -> Exit {
    if !nix::unistd::Uid::effective().is_root() {
        answer::say("ERROR: --proxy: only root can look at how a proxy is started, and at who may use it\n");
        return Exit::Usage;
    }
    let config = caller.config.as_deref().map(absolute);
    match look::proxy(&absolute(socket), user, config.as_deref()) {
        Ok(facts) => {
            facts.map_or_else(|| Report::of_nobody(user.unwrap_or_default()), |facts| Report::of_proxy(&facts))
        }
        Err(error) => {
            answer::say(&format!("ERROR: {error:#}\n"));
            return Exit::Unavailable;
        }
    }
    .tell(json)
}

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
    /// How many checks there are.
    #[serde(skip)]
    checks: usize,
}

impl Report {
    /// Makes every check.
    pub fn of(facts: &Facts) -> Self {
        // Nothing can be kept from root, so one finding says it all.
        let alone = facts.account.uid == 0;
        let checks = checks::ALL.iter().filter(|check| !alone || check.id == checks::ACCOUNT);
        let known = facts.policy.is_ok();
        Self::made(checks.filter(|check| known || !checks::OF_POLICY.contains(&check.id)), facts)
    }

    /// Makes every check of a proxy.
    pub fn of_proxy(facts: &ProxyFacts) -> Self {
        let known = facts.policy.is_ok();
        let checks = proxy::checks::ALL.iter();
        Self::made(checks.filter(|check| known || !proxy::checks::OF_POLICY.contains(&check.id)), facts)
    }

    fn made<'a, F: 'a>(checks: impl Iterator<Item = &'a Check<F>>, facts: &F) -> Self {
        let mut findings = Vec::new();
        let mut count = 0;
        for check in checks {
            let found = (check.examine)(facts).into_iter();
            findings.extend(found.map(|Problem { level, what, fix }| Finding { check: check.id, level, what, fix }));
            count += 1;
        }
        Self { checks: count, ..Self::with(findings) }
    }

    /// There is no such account, so nothing else can be looked at.
    pub fn of_nobody(name: &str) -> Self {
        let what = format!("there is no account {name}");
        let fix = format!("useradd --create-home --shell /bin/dash --groups docker {name}, or another --user");
        Self::with(vec![Finding { check: checks::ACCOUNT, level: Level::Fault, what, fix }])
    }

    fn with(findings: Vec<Finding>) -> Self {
        Self { ok: findings.iter().all(|finding| finding.level != Level::Fault), findings, checks: 0 }
    }

    /// Prints it, and says how that ends.
    fn tell(&self, json: bool) -> Exit {
        answer::print(&if json { self.json() } else { self.text() });
        if self.ok { Exit::Success } else { Exit::Failed }
    }

    /// Two lines a finding, escaped for a terminal; more where it has more, such as an error of TOML's. A fix that
    /// another has brought with it is not printed again.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (at, Finding { check, level, what, fix }) in self.findings.iter().enumerate() {
            let what = what.lines().map(for_terminal).collect::<Vec<_>>().join("\n    ");
            let _ = writeln!(text, "{}: {check}: {what}", level.name());
            let earlier = self.findings.iter().take(at).find(|earlier| earlier.fix.ends_with(fix.as_str()));
            let _ = match earlier {
                Some(Finding { check, .. }) => writeln!(text, "  fix: that of {check}, above"),
                None => writeln!(text, "  fix: {}", for_terminal(fix)),
            };
        }
        if self.ok {
            let _ = writeln!(text, "doctor: no faults found ({} checks)", self.checks);
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
        let (mut more, mut same) = (finding(Level::Fault), finding(Level::Fault));
        (more.fix, more.check, same.what) = ("first; mend".to_owned(), "jobs", "3 | x\n  | ^\u{7}".to_owned());
        assert_eq!(
            Report::with(vec![more, same]).text(),
            "fault: jobs: a\\u{1b}b\n  fix: first; mend\nfault: home: 3 | x\n      | ^\\u{7}\n  fix: that of jobs, above\n"
        );
        let faulty = Report::with(vec![finding(Level::Fault)]);
        assert_eq!(faulty.text(), "fault: home: a\\u{1b}b\n  fix: mend\n");
        assert_eq!(
            faulty.json(),
            "{\"ok\":false,\"findings\":[{\"check\":\"home\",\"level\":\"fault\",\"what\":\"a\\u001bb\",\"fix\":\"mend\"}]}\n"
        );
    }
}
