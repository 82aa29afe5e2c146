//! Facts of the host: all that the doctor's checks know of it. Data, and what follows from it alone. Pure.

use super::account::{Account, Password};
use super::rate::Limit;
use super::sshd::Sshd;
use super::way::Way;
use super::written::Written;
use crate::keys::key_line::KeyLine;
use crate::policy::set::PolicySet;
use crate::request::start::only_options;
use crate::request::words::Words;
use crate::world::policy_file::DEFAULT_PATH;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The host, as far as it bears on one account.
#[derive(Clone, Debug)]
pub struct Facts {
    pub account: Account,
    /// This very program.
    pub gate: Way,
    /// The account's login shell.
    pub shell: Way,
    /// The lines of /etc/shells.
    pub shells: Vec<String>,
    /// The policy file that was named, or the usual one.
    pub policy_file: Way,
    pub policy: Result<PolicySet, String>,
    /// The candidate beside it, where there is one.
    pub candidate: Option<(Way, Result<PolicySet, String>)>,
    /// Other policy files that keys' lines name.
    pub other_policies: BTreeMap<PathBuf, (Way, Result<PolicySet, String>)>,
    /// The docker program, or why there is none.
    pub docker: Result<Way, String>,
    /// What it says of its version when the account asks.
    pub docker_version: Result<String, String>,
    /// Compose and buildx.
    pub extensions: Vec<Extension>,
    /// The directories in which docker looks for plugins.
    pub plugins: Vec<Way>,
    /// `DOCKER_CONFIG`.
    pub docker_config: Way,
    /// The file in it that docker reads first.
    pub docker_credentials: Way,
    pub daemon: Daemon,
    /// The socket of the daemon that systems have.
    pub usual_socket: Way,
    pub syslog: Way,
    /// Why nothing can be sent there.
    pub syslog_error: Option<String>,
    /// Rate limits under which records get lost.
    pub limits: Vec<Limit>,
    /// The account's state directory.
    pub state: Way,
    /// Files that close the host to everybody but root.
    pub nologin: Vec<PathBuf>,
    pub now: Now,
    pub home: Way,
    /// What of `~/.ssh/rc`, `~/.ssh/environment` and `~/.pam_environment` there is.
    pub ssh_files: Vec<PathBuf>,
    pub sshd: Result<Sshd, String>,
    /// The sshd that runs; `None`: it is not known which one is meant.
    pub running: Option<Running>,
    /// sshd's configuration files.
    pub written: Written,
    pub key_files: Vec<KeyFile>,
    /// The programs that forced commands name.
    pub programs: BTreeMap<String, Way>,
    /// What sudo lets the account do; `None` without sudo.
    pub sudo: Option<Result<Vec<String>, String>>,
    /// What of crontab, at jobs and lingering there is for the account, or why that is not known.
    pub jobs: Vec<Result<PathBuf, String>>,
    /// Whether it is root who looks.
    pub by_root: bool,
    /// What came of the probe, if there was one.
    pub probe: Option<Vec<Trial>>,
}

/// Where the docker daemon is.
#[derive(Clone, Debug)]
pub enum Daemon {
    /// Its socket, and the name of the socket's group.
    Socket(Way, Option<String>),
    /// Anywhere else.
    Address(String),
}

impl Daemon {
    /// The user id whose rootless daemon it is, by the place of its socket.
    pub fn rootless(&self) -> Option<u32> {
        let Self::Socket(way, _) = self else { return None };
        way.path.strip_prefix("/run/user").ok()?.iter().next()?.to_str()?.parse().ok()
    }
}

/// One file of keys.
#[derive(Clone, Debug)]
pub struct KeyFile {
    pub way: Way,
    /// `None`: there is none.
    pub text: Result<Option<String>, String>,
}

/// A line of a key file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// Counted from one.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A key, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub place: Place,
    pub line: KeyLine,
}

impl Key {
    /// sed's address of its line: by the end of the key itself, as the numbers of lines change while others are mended.
    pub fn address(&self) -> String {
        let text = self.line.key.text();
        format!("\\|{}|", text.get(text.len().saturating_sub(32)..).unwrap_or(text))
    }
}

/// `FILE:LINE: the key COMMENT (FINGERPRINT)`.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = &self.line.key;
        let comment = if key.comment.is_empty() { "without a comment" } else { &key.comment };
        write!(f, "{}: the key {comment} ({})", self.place, key.fingerprint())
    }
}

/// A plugin of docker's that the gate counts on.
#[derive(Clone, Debug)]
pub struct Extension {
    /// `compose`, as docker's command has it.
    pub name: &'static str,
    /// The file that docker takes, where there is one.
    pub way: Option<Way>,
    /// The version that it says when the account asks.
    pub version: Result<String, String>,
}

/// The sshd that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Where it is to listen, if no sshd answers anywhere.
    pub silent: Option<SocketAddr>,
    /// Whether connections are taken and ended, without a word.
    pub closes: bool,
    /// Files of its configuration that were changed after it has read them.
    pub unread: Vec<PathBuf>,
}

/// What came of starting the gate as sshd does, with one key's command.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The key, as messages name it.
    pub key: String,
    pub request: &'static str,
    /// `None`: it did not end by itself.
    pub code: Option<i32>,
    /// What it said when it failed.
    pub said: String,
    /// Whether its record was found again; else every place where it was looked for.
    pub recorded: Result<(), String>,
}

/// When doctor looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Days since 1970.
    pub day: i64,
    /// `YYYYMMDDHHMMSS`, as authorized_keys has times: of this host, and of UTC. Empty where it is not known.
    pub local: String,
    pub utc: String,
}

/// What a forced command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forced {
    /// dockgate as the gate, with these options.
    Gate {
        config: Option<String>,
        profile: Option<String>,
        key: Option<String>,
    },
    Other,
}

impl Facts {
    /// Every line of every key file, with its text, read or not.
    pub fn lines(&self) -> Vec<(Place, &str, Result<KeyLine, String>)> {
        let mut lines = Vec::new();
        for KeyFile { way, text } in &self.key_files {
            let text = text.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
            for (number, text) in text.lines().enumerate() {
                if let Some(line) = KeyLine::parse(text).transpose() {
                    lines.push((Place { file: way.path.clone(), line: number + 1 }, text, line));
                }
            }
        }
        lines
    }

    /// The keys that sshd can read.
    pub fn keys(&self) -> Vec<Key> {
        let read = |(place, _, line): (Place, &str, Result<KeyLine, String>)| Some(Key { place, line: line.ok()? });
        self.lines().into_iter().filter_map(read).collect()
    }

    /// Whether the login shell is this dockgate, which gates every login.
    pub fn gated_by_shell(&self) -> bool {
        self.is_gate(&self.shell)
    }

    /// Whether every command passes the gate, whatever the key's line says.
    pub fn gated_always(&self) -> bool {
        let forced = self.sshd.as_ref().ok().and_then(|sshd| sshd.value("forcecommand"));
        self.gated_by_shell() || forced.is_some_and(|command| self.forced(command) != Forced::Other)
    }

    fn is_gate(&self, way: &Way) -> bool {
        way.end().is_some() && way.target() == self.gate.target()
    }

    /// What a forced command runs: the gate only as `dockgate authorize` writes it.
    pub fn forced(&self, command: &str) -> Forced {
        let Ok(words) = Words::split(command.as_bytes()) else { return Forced::Other };
        match words.as_slice().split_first() {
            Some((program, options)) if only_options(options) => {
                let gate = self.programs.get(program).is_some_and(|way| self.is_gate(way));
                let (config, profile) = (option(options, "--config"), option(options, "--profile"));
                let key = option(options, "--key");
                if gate { Forced::Gate { config, profile, key } } else { Forced::Other }
            }
            _ => Forced::Other,
        }
    }

    /// Whether a forced command's `--config` is the policy file that was looked at.
    pub fn is_the_policy(&self, config: Option<&str>) -> bool {
        Path::new(config.unwrap_or(DEFAULT_PATH)) == self.policy_file.path
    }

    /// Why somebody may log in by something else than a key of root's: what the account could add itself, and
    /// what sshd asks others for. In words, to follow "because".
    pub fn strangers(&self) -> Vec<String> {
        let changeable = self.key_files.iter().filter(|file| file.way.changeable(&self.account).is_some());
        let mut found: Vec<String> =
            changeable.map(|file| format!("the account can change {}", file.way.path.display())).collect();
        let Ok(sshd) = &self.sshd else { return found };
        if sshd.value("authorizedkeyscommand").is_some() {
            found.push("AuthorizedKeysCommand can bring keys".to_owned());
        }
        if sshd.takes_passwords() && self.account.password == Password::Usable {
            found.push("the account has a password".to_owned());
        }
        found
    }
}

/// The program that a command names first, if it is a command that can be forced.
pub fn program_of(command: &str) -> Option<String> {
    Words::split(command.as_bytes()).ok()?.as_slice().first().filter(|word| word.starts_with('/')).cloned()
}

fn option(words: &[String], name: &str) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix(name) {
            Some("") => return words.next().cloned(),
            Some(rest) if rest.starts_with('=') => return rest.strip_prefix('=').map(str::to_owned),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_in_both_forms() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(option(&words("--key k --config /c --profile=p"), "--config").as_deref(), Some("/c"));
        assert_eq!(option(&words("--key k --config /c --profile=p"), "--profile").as_deref(), Some("p"));
        assert_eq!(option(&words("--key k"), "--profile"), None);
        assert_eq!(program_of("/usr/bin/dockgate --key 'a b'").as_deref(), Some("/usr/bin/dockgate"));
        assert_eq!(program_of("dockgate"), None);
        assert_eq!(program_of("/usr/bin/dockgate; id"), None);
    }
}
