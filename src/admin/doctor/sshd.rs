//! What `sshd -T` prints: the configuration in effect for one account, keywords in small letters. Pure.

use super::account::Account;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// sshd's configuration in effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sshd {
    values: BTreeMap<String, Vec<String>>,
}

impl Sshd {
    /// Reads what `sshd -T` has printed: `keyword value…` a line.
    pub fn parse(text: &str) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in text.lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            values.entry(keyword.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
        }
        Self { values }
    }

    /// A keyword's value, where it is set to one; sshd prints `none` for some that are not.
    pub fn value(&self, keyword: &str) -> Option<&str> {
        self.values.get(keyword)?.first().map(String::as_str).filter(|value| !value.is_empty() && *value != "none")
    }

    /// Everything but `no`. What sshd does not print, it does not have.
    pub fn is_on(&self, keyword: &str) -> bool {
        self.value(keyword).is_some_and(|value| value != "no")
    }

    /// All values of a keyword that may be repeated or hold several.
    pub fn words(&self, keyword: &str) -> impl Iterator<Item = &str> {
        self.values.get(keyword).into_iter().flatten().flat_map(|value| value.split_ascii_whitespace())
    }

    /// `Subsystem NAME COMMAND`, as pairs.
    pub fn subsystems(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.get("subsystem").into_iter().flatten().filter_map(|value| value.split_once(' '))
    }

    /// Where the account's keys are (sshd_config(5), `AuthorizedKeysFile` and TOKENS).
    pub fn key_files(&self, account: &Account) -> Vec<PathBuf> {
        let files = self.words("authorizedkeysfile").filter(|file| *file != "none");
        files.map(|file| account.home.join(expand(file, account))).collect()
    }

    /// Whether a login without a key gets in with a password, perhaps asked for by PAM.
    pub fn takes_passwords(&self) -> bool {
        let on = self.is_on("passwordauthentication") || self.is_on("kbdinteractiveauthentication");
        on && !self.takes_keys_alone()
    }

    /// Whether every way in goes by a key, perhaps with more beside it.
    pub fn takes_keys_alone(&self) -> bool {
        let mut lists = self.words("authenticationmethods").peekable();
        lists.peek().is_some() && lists.all(|list| list.split(',').any(|method| method.starts_with("publickey")))
    }

    /// The keywords by which an option of a key's line (`port-forwarding` …) has an effect.
    pub fn behind(&self, extra: &str) -> Vec<&'static str> {
        let keywords: &[&str] = match extra {
            "port-forwarding" => &["AllowTcpForwarding", "AllowStreamLocalForwarding"],
            "agent-forwarding" => &["AllowAgentForwarding"],
            "x11-forwarding" => &["X11Forwarding"],
            "pty" => &["PermitTTY"],
            _ => &["PermitUserRC"],
        };
        let forwarding = extra.ends_with("-forwarding");
        if forwarding && self.is_on("disableforwarding") {
            return Vec::new();
        }
        keywords.iter().copied().filter(|keyword| self.is_on(&keyword.to_ascii_lowercase())).collect()
    }
}

fn expand(file: &str, account: &Account) -> String {
    let mut path = String::new();
    let mut characters = file.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => match characters.next() {
                Some('h') => path.push_str(&account.home.to_string_lossy()),
                Some('u') => path.push_str(&account.name),
                Some('U') => path.push_str(&account.uid.to_string()),
                Some(other) => path.push(other),
                None => path.push('%'),
            },
            other => path.push(other),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::account::tests::account;

    #[test]
    fn what_sshd_prints_is_read() {
        let sshd = Sshd::parse(
            "port 22\nacceptenv LANG\nacceptenv LC_*\nforcecommand none\npermittty yes\nx11forwarding yes\n\
             allowtcpforwarding local\ndisableforwarding no\nsubsystem sftp internal-sftp -l INFO\nexposeauthinfo no\n",
        );
        assert_eq!(sshd.words("acceptenv").collect::<Vec<_>>(), ["LANG", "LC_*"]);
        assert_eq!((sshd.value("forcecommand"), sshd.value("port")), (None, Some("22")));
        assert!(sshd.is_on("permittty") && !sshd.is_on("exposeauthinfo") && !sshd.is_on("no-such"));
        assert_eq!(sshd.subsystems().collect::<Vec<_>>(), [("sftp", "internal-sftp -l INFO")]);
        assert_eq!(sshd.behind("port-forwarding"), ["AllowTcpForwarding"]);
        assert_eq!(sshd.behind("user-rc"), [""; 0]);
        let closed = Sshd::parse("x11forwarding yes\npermittty yes\ndisableforwarding yes\n");
        assert_eq!((closed.behind("x11-forwarding").len(), closed.behind("pty")), (0, vec!["PermitTTY"]));
    }

    #[test]
    fn key_files_are_named_by_tokens_or_below_the_home() {
        let account = account();
        for (value, expected) in [
            (
                ".ssh/authorized_keys .ssh/authorized_keys2",
                &["/home/ai/.ssh/authorized_keys", "/home/ai/.ssh/authorized_keys2"][..],
            ),
            ("/etc/ssh/keys/%u", &["/etc/ssh/keys/ai"]),
            ("%h/k /k/%U%%", &["/home/ai/k", "/k/1000%"]),
            ("none", &[]),
        ] {
            let sshd = Sshd::parse(&format!("authorizedkeysfile {value}\n"));
            assert_eq!(sshd.key_files(&account), expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{value}");
        }
    }

    #[test]
    fn a_password_counts_where_no_key_is_needed_beside_it() {
        for (text, expected) in [
            ("passwordauthentication yes\nauthenticationmethods any\n", true),
            ("passwordauthentication no\nkbdinteractiveauthentication yes\n", true),
            ("passwordauthentication no\nkbdinteractiveauthentication no\nauthenticationmethods any\n", false),
            ("passwordauthentication yes\nauthenticationmethods publickey\n", false),
            ("passwordauthentication yes\nauthenticationmethods publickey,password publickey\n", false),
            ("passwordauthentication yes\nauthenticationmethods publickey password\n", true),
        ] {
            assert_eq!(Sshd::parse(text).takes_passwords(), expected, "{text}");
        }
    }
}
