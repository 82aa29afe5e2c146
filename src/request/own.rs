//! Own: the few requests that dockgate answers itself, so that an agent can ask before it acts. Pure.

use crate::request::words::Words;

/// A request that starts no docker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// `help`: who you are and what you may do.
    Help,
    /// `true`: a connection probe.
    Probe,
    /// `dockgate check [--json] [--explain] COMMAND`: the verdict on a request.
    Check { request: Vec<u8>, json: bool, explain: bool },
    /// `dockgate policy show`.
    PolicyShow,
    /// `dockgate --version`.
    Version,
    /// `docker system dial-stdio`, which a docker on the far side sends: the guard serves the API.
    DialStdio,
}

impl Own {
    /// The name in the record.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Probe => "true",
            Self::Check { .. } => "dockgate check",
            Self::PolicyShow => "dockgate policy show",
            Self::Version => "dockgate version",
            Self::DialStdio => "system dial-stdio",
        }
    }

    /// Recognises such a request. `text` is the request that `words` were split from.
    pub fn parse(words: &Words, text: &[u8]) -> Option<Self> {
        let words: Vec<&str> = words.as_slice().iter().map(String::as_str).collect();
        match words.as_slice() {
            ["help" | "--help" | "-h"] | ["dockgate"] | ["dockgate", "help" | "--help"] => Some(Self::Help),
            ["true"] => Some(Self::Probe),
            ["dockgate", "version" | "--version"] => Some(Self::Version),
            ["dockgate", "policy", "show"] => Some(Self::PolicyShow),
            // One word is the request as it would be sent; more are taken from the text, quotes and all.
            ["dockgate", "check", rest @ ..] => Self::check(rest, text),
            _ => None,
        }
    }

    fn check(words: &[&str], text: &[u8]) -> Option<Self> {
        let options = words.iter().take_while(|word| ["--json", "--explain"].contains(word)).count();
        let (options, rest) = words.split_at_checked(options)?;
        let request = match rest {
            [] => return None,
            [one] => one.as_bytes().to_vec(),
            _ => after_words(text, options.len() + 2).to_vec(),
        };
        Some(Self::Check { request, json: options.contains(&"--json"), explain: options.contains(&"--explain") })
    }
}

/// The text behind so many blank-separated words, which `parse` has seen to be plain.
fn after_words(text: &[u8], count: usize) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    for _ in 0..count {
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default().trim_ascii_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_its_own() {
        let own = |text: &str| Own::parse(&Words::split(text.as_bytes()).expect("words"), text.as_bytes());
        let check = |text: &str| Some(Own::Check { request: text.as_bytes().to_vec(), json: false, explain: false });
        let json = |text: &str| Some(Own::Check { request: text.as_bytes().to_vec(), json: true, explain: false });
        let both = |text: &str| Some(Own::Check { request: text.as_bytes().to_vec(), json: true, explain: true });
        assert_eq!(own("dockgate check --explain --json docker ps 'a b'"), both("docker ps 'a b'"));
        assert_eq!(own("dockgate check --json --explain 'docker ps'"), both("docker ps"));
        assert_eq!(own("help"), Some(Own::Help));
        assert_eq!(own(" true "), Some(Own::Probe));
        assert_eq!(own("dockgate policy show"), Some(Own::PolicyShow));
        assert_eq!(own("dockgate check 'docker ps -a'"), check("docker ps -a"));
        assert_eq!(own("dockgate check docker ps --format '{{.ID}} x'"), check("docker ps --format '{{.ID}} x'"));
        assert_eq!(own("dockgate check --json 'docker ps -a'"), json("docker ps -a"));
        assert_eq!(own("dockgate  check --json docker ps 'a b'"), json("docker ps 'a b'"));
        for other in ["dockgate check --json", "true x", "help x", "docker ps", "dockgate check", "dockgate policy", ""]
        {
            assert_eq!(own(other), None, "{other}");
        }
    }
}
