//! What a login starts before the gate: the shell and the home's files. Pure.

use crate::admin::doctor::check::{Problem, word};
use crate::admin::doctor::facts::Facts;
use crate::admin::doctor::way::{EXECUTE, WRITE};

/// Shells that read a file of the account's before they run `-c COMMAND`, and which.
const READING: &[(&str, &str)] = &[
    ("bash", "~/.bashrc when sshd has started it"),
    ("zsh", "~/.zshenv"),
    ("fish", "~/.config/fish/config.fish"),
    ("tcsh", "~/.tcshrc"),
    ("csh", "~/.cshrc"),
];

/// Shells that read none: as they are called, and what they are. bash called `sh` reads none, either, with
/// `-c` (measured with bash 5.2), but under any other name it does.
const QUIET: &[(&str, &[&str])] =
    &[("dash", &["dash"]), ("ash", &["busybox", "dash"]), ("sh", &["dash", "bash", "busybox", "sh"])];

/// What lets nobody in.
const CLOSED: &[&str] = &["nologin", "false", "true"];

pub(super) fn shell(facts: &Facts) -> Vec<Problem> {
    let name = &facts.account.name;
    let shell = facts.account.shell.display();
    let fix = format!("usermod --shell /bin/dash {name}   # or dockgate itself");
    if !facts.shell.usable(&facts.account, EXECUTE) {
        return vec![Problem::fault(format!("{name} cannot run its login shell {shell}, so sshd lets nobody in"), fix)];
    }
    if facts.gated_by_shell() {
        return Vec::new();
    }
    if let Some(step) = facts.shell.changeable(&facts.account) {
        return vec![Problem::fault(format!("{name} can change {} and so its login shell", step.path.display()), fix)];
    }
    let base = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (called, real) = (base(&facts.account.shell), base(facts.shell.target()));
    if QUIET.iter().any(|(name, are)| *name == called && are.contains(&real.as_str())) {
        return Vec::new();
    }
    let what = if CLOSED.contains(&called.as_str()) {
        format!("the login shell {shell} runs no forced command: every request fails")
    } else if let Some((_, reads)) = READING.iter().find(|(shell, _)| *shell == real || *shell == called) {
        format!("the login shell {shell} reads {reads}, before any forced command and in spite of restrict")
    } else if called == "dockgate" {
        format!("the login shell {shell} is not the dockgate whose doctor this is ({})", facts.gate.target().display())
    } else {
        format!("the login shell {shell} is not one that is known to read no start-up file before a forced command")
    };
    vec![Problem::fault(what, fix)]
}

pub(super) fn listed(facts: &Facts) -> Vec<Problem> {
    let shell = facts.account.shell.to_string_lossy();
    if facts.shells.iter().any(|line| *line == shell) {
        return Vec::new();
    }
    vec![Problem::warning(
        format!("{shell} does not stand in /etc/shells, and some programs and PAM modules ask for that"),
        format!("echo {} >> /etc/shells", shell_words::quote(&shell)),
    )]
}

pub(super) fn home(facts: &Facts) -> Vec<Problem> {
    let (name, home) = (&facts.account.name, facts.account.home.display());
    let Some(end) = facts.home.end() else {
        return vec![Problem::fault(
            format!(
                "no home {home} ({}): sshd starts in / then, from which no file may be read",
                facts.home.missing().unwrap_or_default()
            ),
            format!("install -d -m 755 -o {name} -g {} {}", facts.account.gid, word(&facts.account.home)),
        )];
    };
    if end.uid != facts.account.uid && end.uid != 0 {
        return vec![Problem::fault(
            format!("the home {home} belongs to user id {}", end.uid),
            format!("chown {name} {}   # or root", word(&facts.account.home)),
        )];
    }
    if end.mode & (WRITE << 3 | WRITE) != 0 {
        return vec![Problem::fault(
            format!("others can write the home {home} (mode {:04o}), and so plant files there", end.mode),
            format!("chmod go-w {}", word(&facts.account.home)),
        )];
    }
    Vec::new()
}

pub(super) fn ssh_files(facts: &Facts) -> Vec<Problem> {
    let problem = |path: &std::path::PathBuf| {
        Problem::fault(
            format!("{} is there: sshd or PAM may run or read it before the gate", path.display()),
            format!("rm {}   # and see who made it", word(path)),
        )
    };
    facts.ssh_files.iter().map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{facts, found, roots};
    use crate::admin::doctor::way::Way;
    use crate::admin::doctor::way::tests::way;

    fn with_shell(called: &str, real: &str) -> Facts {
        let mut facts = facts();
        facts.account.shell = called.into();
        facts.shells.push(called.to_owned());
        facts.shell = Way { path: called.into(), ..roots(real) };
        facts
    }

    #[test]
    fn a_shell_is_known_to_be_quiet_or_a_fault() {
        for (called, real, sound) in [
            ("/bin/dash", "/usr/bin/dash", true),
            ("/bin/sh", "/usr/bin/dash", true),
            ("/bin/sh", "/usr/bin/bash", true),
            ("/bin/ash", "/bin/busybox", true),
            ("/bin/dash", "/usr/bin/bash", false),
            ("/bin/bash", "/usr/bin/bash", false),
            ("/bin/rbash", "/usr/bin/bash", false),
            ("/bin/sh", "/usr/bin/zsh", false),
            ("/usr/bin/fish", "/usr/bin/fish", false),
            ("/usr/bin/ksh", "/usr/bin/ksh93", false),
            ("/usr/sbin/nologin", "/usr/sbin/nologin", false),
            ("/usr/bin/dockgate", "/usr/bin/dockgate", true),
            ("/opt/dockgate", "/opt/dockgate", false),
        ] {
            let findings = found(&with_shell(called, real));
            assert!(findings.contains(&"fault login-shell".to_owned()) != sound, "{called} {real}: {findings:?}");
        }
        let mut facts = facts();
        facts.shell = way(&[("/", 0, 0, 0o755), ("/bin/dash", 0, 0, 0o750)]);
        assert_eq!(found(&facts), ["fault login-shell"]);
        facts.shell = way(&[("/", 0, 0, 0o755), ("/bin/dash", 1000, 0, 0o755)]);
        assert_eq!(found(&facts), ["fault login-shell"]);
        facts.shell = roots("/bin/dash");
        facts.shells.clear();
        assert_eq!(found(&facts), ["warning login-shell-listed"]);
    }

    #[test]
    fn a_home_is_there_and_nobody_else_s() {
        let home = |uid, mode| way(&[("/", 0, 0, 0o755), ("/home/ai/", uid, 1000, mode)]);
        for (home, sound) in [
            (home(1000, 0o755), true),
            (home(0, 0o755), true),
            (home(1000, 0o775), false),
            (home(1000, 0o757), false),
            (home(1001, 0o755), false),
            (Way { broken: Some(("/home/ai".into(), "none".into())), ..home(1000, 0o755) }, false),
        ] {
            let expected: &[&str] = if sound { &[] } else { &["fault home"] };
            assert_eq!(found(&Facts { home, ..facts() }), expected);
        }
        let planted = Facts { ssh_files: vec!["/home/ai/.ssh/rc".into()], ..facts() };
        assert_eq!(found(&planted), ["fault ssh-start-files"]);
    }
}
