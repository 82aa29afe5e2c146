//! Account: the account that the gate runs as, and the environment that docker gets under it. Pure.

use crate::denial::{Denial, Reason};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// For the helpers that docker itself looks up; none of these can be written by an ordinary account.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

/// The account as the password database has it, and what of the environment may go on to docker.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub name: String,
    pub home: PathBuf,
    /// `LANG`, `LC_*` and `TERM`, where they are plain words.
    pub locale: Vec<(OsString, OsString)>,
}

impl Account {
    /// The environment for docker, whole: nothing is inherited. `host` is `DOCKER_HOST`, `config` is
    /// `DOCKER_CONFIG`.
    pub fn environment(&self, host: &str, config: &Path) -> Vec<(OsString, OsString)> {
        let fixed: [(&str, &Path); 4] = [
            ("HOME", &self.home),
            ("USER", Path::new(&self.name)),
            ("LOGNAME", Path::new(&self.name)),
            ("DOCKER_CONFIG", config),
        ];
        let fixed = fixed.iter().map(|(name, value)| (OsString::from(name), value.as_os_str().to_owned()));
        let texts = [("PATH", PATH), ("DOCKER_HOST", host)];
        let texts = texts.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        fixed.chain(texts).chain(self.locale.iter().cloned()).collect()
    }
}

/// Nothing is served for an account of which nobody can say who it is, such as when its name service does not answer.
pub fn unknown(number: u32, why: &str) -> Denial {
    let hint =
        "send it again later; if that does not help, the administrator has to look at the name services of this host";
    let why = format!("who account {number} is could not be found out: {why}");
    Denial::new(Reason::Unavailable, "account", why, hint)
}

/// Whether a variable is one of those that docker may see, with a value that names no file.
pub fn is_locale(name: &str, value: &str) -> bool {
    (matches!(name, "LANG" | "LANGUAGE" | "TERM") || name.starts_with("LC_"))
        && !value.is_empty()
        && value.len() <= 64
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '@' | '-' | '+' | ':'))
}

#[cfg(test)]
mod tests {
    use super::is_locale;

    #[test]
    fn only_plain_locale_words_pass() {
        for (name, value, passes) in [
            ("LANG", "C.UTF-8", true),
            ("LC_ALL", "de_DE.UTF-8@euro", true),
            ("TERM", "xterm-256color", true),
            ("LANG", "../../tmp/x", false),
            ("TERM", "x\u{1b}", false),
            ("TERM", "", false),
            ("LD_PRELOAD", "x", false),
            ("DOCKER_HOST", "x", false),
        ] {
            assert_eq!(is_locale(name, value), passes, "{name}={value}");
        }
    }
}
