//! The checks: one row each, as docs/doctor.md lists them. Data; the rules are in the modules below. Pure.

use super::check::Check;
use super::facts::Facts;

mod account;
mod keys;
mod login;
mod policy;
mod probe;
mod programs;
mod sockets;
mod sshd;

pub(crate) use account::sudo_rules;
pub(super) use policy::{broken, listing, profiles};
pub(super) use sockets::{LogSocket, dropping, past, proxy_of, unrecorded, user_of};

/// The check without which no other makes sense.
pub const ACCOUNT: &str = "account";

/// The checks of what the policy names. While it is not known what that is, what is built in is nobody's fault.
pub const OF_POLICY: &[&str] = &[
    "policy-mounts",
    "docker-program",
    "docker-is-docker",
    "docker-extensions",
    "docker-plugins",
    "docker-config",
    "docker-socket",
    "syslog-socket",
];

/// Every check, in the order of the report.
pub const ALL: &[Check<Facts>] = &[
    Check { id: ACCOUNT, holds: "the account exists and is not root", examine: account::is_not_root },
    Check { id: "account-groups", holds: "no group of its gives root past docker", examine: account::groups },
    Check { id: "account-sudo", holds: "sudo lets it do nothing", examine: account::sudo },
    Check { id: "account-password", holds: "no password lets anybody in as it", examine: account::password },
    Check { id: "account-open", holds: "the account is not closed by its age", examine: account::open },
    Check { id: "host-open", holds: "nothing keeps everybody but root out", examine: account::host_open },
    Check { id: "account-jobs", holds: "nothing runs as it without a login", examine: account::jobs },
    Check {
        id: "login-shell",
        holds: "its login shell starts a forced command and nothing before it",
        examine: login::shell,
    },
    Check { id: "login-shell-listed", holds: "its login shell stands in /etc/shells", examine: login::listed },
    Check { id: "home", holds: "its home is there, and nobody else can write it", examine: login::home },
    Check {
        id: "ssh-start-files",
        holds: "there is no ~/.ssh/rc, ~/.ssh/environment or ~/.pam_environment",
        examine: login::ssh_files,
    },
    Check { id: "gate-program", holds: "the account can run dockgate and cannot change it", examine: programs::gate },
    Check { id: "policy-file", holds: "the policy file is sound, and the account can read it", examine: policy::file },
    Check { id: "policy-candidate", holds: "the candidate beside it is judged by", examine: policy::candidate },
    Check { id: "policy-mounts", holds: "no container may write what the gate rests on", examine: programs::mounts },
    Check { id: "docker-program", holds: "the account can run docker and cannot change it", examine: programs::docker },
    Check { id: "docker-is-docker", holds: "docker is docker, and answers", examine: programs::is_docker },
    Check {
        id: "docker-extensions",
        holds: "Compose and buildx are there, and not too old",
        examine: programs::extensions,
    },
    Check { id: "docker-plugins", holds: "the account cannot add a plugin to docker", examine: programs::plugins },
    Check {
        id: "docker-config",
        holds: "the account can read docker's configuration, and cannot write it",
        examine: programs::docker_config,
    },
    Check {
        id: "docker-socket",
        holds: "the account can reach the daemon, and not everybody can",
        examine: sockets::docker_socket,
    },
    Check { id: "syslog-socket", holds: "records can be sent", examine: sockets::syslog },
    Check { id: "log-limits", holds: "the log daemon drops no records", examine: sockets::limits },
    Check { id: "state-directory", holds: "the state directory is the account's own", examine: sockets::state },
    Check { id: "sshd-config", holds: "sshd says what is in effect for the account", examine: sshd::readable },
    Check { id: "sshd-running", holds: "sshd runs, and has read its configuration", examine: sshd::running },
    Check { id: "let-in", holds: "sshd lets the account in", examine: sshd::let_in },
    Check { id: "public-key", holds: "a key is enough, and sshd takes its type", examine: sshd::public_key },
    Check { id: "chroot", holds: "sshd does not change the root", examine: sshd::chroot },
    Check { id: "key-file-read", holds: "there are keys, and their files can be read", examine: keys::readable },
    Check { id: "key-file-owner", holds: "the account cannot add keys to itself", examine: keys::files_are_roots },
    Check { id: "key-file-use", holds: "sshd can use the key files as the account", examine: keys::usable },
    Check { id: "key-file-second", holds: "keys are in one place", examine: keys::one_file },
    Check {
        id: "key-line",
        holds: "every line is a key that sshd understands, and none is weak",
        examine: keys::lines,
    },
    Check { id: "key-command", holds: "every key runs dockgate", examine: keys::commands },
    Check { id: "key-restrict", holds: "every key has restrict", examine: keys::restricted },
    Check { id: "key-expiry", holds: "no key has expired", examine: keys::expired },
    Check { id: "key-policy", holds: "the policy lets every key do something", examine: policy::of_keys },
    Check { id: "keys-command", holds: "no program brings further keys", examine: keys::keys_command },
    Check { id: "other-logins", holds: "keys are the only way in", examine: keys::other_logins },
    Check {
        id: "accept-env-loader",
        holds: "the client sets no variable of the dynamic loader's",
        examine: sshd::loader,
    },
    Check { id: "accept-env-sshd", holds: "the client sets no variable by which sshd speaks", examine: sshd::speaking },
    Check {
        id: "accept-env-shell",
        holds: "the client sets no variable that starts files in shells",
        examine: sshd::starting,
    },
    Check { id: "set-env", holds: "sshd sets no variable that loads code", examine: sshd::set_env },
    Check {
        id: "permit-user-environment",
        holds: "the account sets no variables for its logins",
        examine: sshd::user_environment,
    },
    Check { id: "expose-auth-info", holds: "sshd proves which key has come", examine: sshd::expose },
    Check { id: "force-command", holds: "sshd forces no other command on the account", examine: sshd::force_command },
    Check { id: "internal-sftp", holds: "no login gets sftp within sshd", examine: sshd::internal_sftp },
    Check { id: "forwarding", holds: "no login without restrict can forward anything", examine: sshd::forwarding },
    Check { id: "probe", holds: "with `--probe`: the gate answers and is recorded", examine: probe::trials },
];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::admin::doctor::Report;
    use crate::admin::doctor::account::tests::account;
    use crate::admin::doctor::facts::{Daemon, KeyFile, Now, Running};
    use crate::admin::doctor::sshd::Sshd;
    use crate::admin::doctor::way::tests::way;
    use crate::admin::doctor::way::{Kind, Way};
    use crate::admin::doctor::written::Written;
    use crate::keys::public_key::tests::key_of;
    use crate::policy::set::PolicySet;
    use std::collections::BTreeMap;

    /// A file of root's, for all to read and run.
    pub(crate) fn roots(path: &str) -> Way {
        way(&[("/", 0, 0, 0o755), (path, 0, 0, 0o755)])
    }

    pub(crate) fn socket(path: &str, gid: u32, mode: u32) -> Way {
        let mut way = way(&[("/", 0, 0, 0o755), (path, 0, gid, mode)]);
        way.steps.iter_mut().skip(1).for_each(|step| step.kind = Kind::Socket);
        way
    }

    pub(crate) fn key(options: &str) -> String {
        format!("{options} {} me\n", key_of("ssh-ed25519", &[&[7; 32]])).trim_start().to_owned()
    }

    pub(crate) const FORCED: &str = "restrict,command=\"/usr/bin/dockgate --key me\"";

    pub(crate) const SSHD: &str = "authorizedkeysfile /etc/keys\nexposeauthinfo yes\npermituserenvironment no\n\
        authorizedkeyscommand none\nforcecommand none\npermituserrc yes\npermittty yes\nallowtcpforwarding yes\n\
        allowstreamlocalforwarding yes\nallowagentforwarding yes\nx11forwarding yes\npermittunnel no\n\
        passwordauthentication yes\nacceptenv LANG\nacceptenv LC_*\nsubsystem sftp internal-sftp\n";

    /// A host on which nothing is wrong.
    pub(crate) fn facts() -> Facts {
        let account = account();
        Facts {
            home: way(&[("/", 0, 0, 0o755), ("/home/ai/", account.uid, account.gid, 0o755)]),
            account,
            gate: roots("/usr/bin/dockgate"),
            shell: roots("/bin/dash"),
            shells: vec!["/bin/dash".to_owned()],
            policy_file: Way {
                broken: Some(("/etc/dockgate".into(), "none".into())),
                ..roots("/etc/dockgate/policy.toml")
            },
            policy: Ok(PolicySet::default()),
            candidate: None,
            other_policies: BTreeMap::new(),
            docker: Ok(roots("/usr/bin/docker")),
            docker_version: Ok("Docker version 28.5.2, build ecc6942".to_owned()),
            extensions: Vec::new(),
            plugins: vec![roots("/usr/libexec/docker/")],
            docker_config: roots("/etc/docker/"),
            docker_credentials: Way {
                broken: Some(("/etc/docker/config.json".into(), "none".into())),
                ..roots("/etc/docker/config.json")
            },
            daemon: Daemon::Socket(socket("/run/docker.sock", 998, 0o660), Some("docker".to_owned())),
            usual_socket: socket("/run/docker.sock", 998, 0o660),
            syslog: socket("/dev/log", 0, 0o666),
            syslog_error: None,
            limits: Vec::new(),
            state: Way {
                path: "/tmp/dockgate-1000".into(),
                broken: Some(("/tmp/dockgate-1000".into(), "none".into())),
                ..way(&[("/", 0, 0, 0o755), ("/tmp/", 0, 0, 0o1777)])
            },
            nologin: Vec::new(),
            now: Now { day: 20_000, local: "20261127130000".to_owned(), utc: "20261127120000".to_owned() },
            ssh_files: Vec::new(),
            sshd: Ok(Sshd::parse(SSHD)),
            running: Some(Running::default()),
            written: Written { main: "/etc/ssh/sshd_config".into(), unit: "ssh", ..Written::default() },
            key_files: vec![KeyFile { way: roots("/etc/keys"), text: Ok(Some(key(FORCED))) }],
            programs: BTreeMap::from([
                ("/usr/bin/dockgate".to_owned(), roots("/usr/bin/dockgate")),
                ("/bin/true".to_owned(), roots("/bin/true")),
            ]),
            sudo: None,
            jobs: Vec::new(),
            by_root: true,
            probe: None,
        }
    }

    /// `LEVEL CHECK` of everything found, for tables of tests.
    pub(crate) fn found(facts: &Facts) -> Vec<String> {
        Report::of(facts).findings.iter().map(|found| format!("{} {}", found.level.name(), found.check)).collect()
    }

    /// The facts, with sshd's configuration having these lines instead of its own.
    pub(crate) fn with_sshd(facts: Facts, lines: &str) -> Facts {
        let keyword = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let replaced: Vec<String> = lines.lines().map(keyword).collect();
        let kept = SSHD.lines().filter(|line| !replaced.contains(&keyword(line))).map(|line| format!("{line}\n"));
        Facts { sshd: Ok(Sshd::parse(&(kept.collect::<String>() + lines))), ..facts }
    }

    pub(crate) fn with_keys(facts: Facts, text: &str) -> Facts {
        Facts { key_files: vec![KeyFile { way: roots("/etc/keys"), text: Ok(Some(text.to_owned())) }], ..facts }
    }

    #[test]
    fn on_a_sound_host_nothing_is_found() {
        assert_eq!(found(&facts()), [""; 0]);
    }

    #[test]
    fn of_a_broken_policy_nothing_else_is_said() {
        let gone = |path: &str| Way { broken: Some((path.into(), "none".to_owned())), ..roots(path) };
        let facts = Facts { docker: Err("none".to_owned()), syslog: gone("/dev/log"), ..facts() };
        assert_eq!(found(&facts), ["fault docker-program", "fault syslog-socket"]);
        assert_eq!(found(&Facts { policy: Err("broken".to_owned()), ..facts }), ["fault policy-file"]);
        assert!(OF_POLICY.iter().all(|id| ALL.iter().any(|check| check.id == *id)));
    }

    #[test]
    fn ids_are_plain_and_unique() {
        let ids: Vec<&str> = ALL.iter().map(|check| check.id).collect();
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1));
    }
}
