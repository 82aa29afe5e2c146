//! Start: in which of its roles dockgate was started. Pure.
//!
//! - by its own name: a forced command, or a tool for the administrator;
//! - as the account's login shell, which sshd starts as `dockgate -c COMMAND` (or as `-dockgate`, to log in);
//! - as `docker`, a wrapper ahead of the real one in somebody's PATH.

use crate::request::words::Words;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Arguments for dockgate's own command line, its name first.
    Own(Vec<OsString>),
    /// A request, whole; `None` to log in.
    Request(Option<Vec<u8>>),
    /// To log in by a key whose forced command is dockgate with options. A client that sends that itself, by a key
    /// without a forced command, comes the same way: so this is what the record shows.
    Login(Vec<u8>),
}

/// What a forced command must be to be honoured as dockgate's own command line.
pub trait Itself {
    /// Whether a word of a command line names this very program.
    fn is_itself(&self, program: &str) -> bool;
}

impl Start {
    /// Decides by the arguments. `original` says whether sshd has set `SSH_ORIGINAL_COMMAND`, as it does for
    /// forced commands.
    pub fn of(arguments: Vec<OsString>, original: bool, itself: &impl Itself) -> Self {
        let name = arguments.first().and_then(|first| Path::new(first).file_name());
        let name = name.map(OsStrExt::as_bytes).unwrap_or_default();
        if name == b"docker" {
            return Self::Request(Some(wrapped(&arguments)));
        }
        match arguments.as_slice() {
            [_] if name.starts_with(b"-") => Self::Request(None),
            [_, option, command] if option == "-c" => Self::shell(command.as_bytes(), original, itself),
            _ => Self::Own(arguments),
        }
    }

    /// sshd gives a login shell the key's forced command where there is one, else the client's own words. The
    /// forced command is honoured where it is dockgate with options and sshd says what the client asked for;
    /// everything else is a request, also a client's own `dockgate --profile …`.
    fn shell(command: &[u8], original: bool, itself: &impl Itself) -> Self {
        let request = Self::Request(Some(command.to_vec()));
        let Ok(words) = Words::split(command) else { return request };
        match words.as_slice().split_first() {
            Some((program, options)) if itself.is_itself(program) && only_options(options) => {
                if original {
                    Self::Own(words.as_slice().iter().map(OsString::from).collect())
                } else {
                    Self::Login(command.to_vec())
                }
            }
            _ => request,
        }
    }
}

/// `--name value` or `--name=value`, and no sub-command.
pub(crate) fn only_options(words: &[String]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let known = ["--config", "--profile", "--key"].iter().find(|name| word.starts_with(**name));
        match known.and_then(|name| word.strip_prefix(name)) {
            Some("") => {
                if words.next().is_none() {
                    return false;
                }
            }
            Some(rest) if rest.starts_with('=') => {}
            _ => return false,
        }
    }
    true
}

/// The arguments of `docker` as a request that splits into just these words.
fn wrapped(arguments: &[OsString]) -> Vec<u8> {
    let rest = arguments.get(1..).unwrap_or_default();
    match rest.iter().map(|word| word.to_str()).collect::<Option<Vec<_>>>() {
        Some(words) => shell_words::join(std::iter::once("docker").chain(words)).into_bytes(),
        // Not UTF-8: as it is, to be refused for that.
        None => rest.iter().fold(b"docker".to_vec(), |line, word| [&line[..], b" ", word.as_bytes()].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gate;

    impl Itself for Gate {
        fn is_itself(&self, program: &str) -> bool {
            program == "/usr/bin/dockgate"
        }
    }

    fn start(arguments: &[&str], original: bool) -> Start {
        Start::of(arguments.iter().map(OsString::from).collect(), original, &Gate)
    }

    fn request(text: &str) -> Start {
        Start::Request(Some(text.as_bytes().to_vec()))
    }

    #[test]
    fn the_name_says_the_role() {
        let own = |words: &[&str]| Start::Own(words.iter().map(OsString::from).collect());
        assert_eq!(start(&["/usr/bin/dockgate", "--key", "a"], true), own(&["/usr/bin/dockgate", "--key", "a"]));
        assert_eq!(start(&["dockgate", "check", "-c", "x"], false), own(&["dockgate", "check", "-c", "x"]));
        assert_eq!(start(&["-dockgate"], false), Start::Request(None));
        assert_eq!(
            start(&["/opt/bin/docker", "ps", "--format", "{{.ID}} x"], false),
            request("docker ps --format '{{.ID}} x'")
        );
        assert_eq!(start(&["docker"], false), request("docker"));
    }

    #[test]
    fn a_login_shell_honours_only_its_own_forced_command() {
        let forced = "/usr/bin/dockgate --config /etc/p.toml --key=hermes";
        let words: Vec<OsString> = forced.split(' ').map(OsString::from).collect();
        assert_eq!(start(&["dockgate", "-c", forced], true), Start::Own(words));
        // To log in with that key: there is nothing to judge.
        assert_eq!(start(&["dockgate", "-c", forced], false), Start::Login(forced.as_bytes().to_vec()));
        for asked in [
            "docker ps",
            "/usr/bin/dockgate check docker ps",
            "/usr/bin/dockgate --key",
            "/tmp/dockgate --profile operator",
            "dockgate --profile operator",
            "id; /usr/bin/dockgate",
            "",
        ] {
            assert_eq!(start(&["dockgate", "-c", asked], true), request(asked), "{asked}");
            assert_eq!(start(&["dockgate", "-c", asked], false), request(asked), "{asked}");
        }
    }
}
