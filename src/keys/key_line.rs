//! Lines of an authorized_keys file: `OPTION,OPTION="VALUE" TYPE BASE64 COMMENT` (sshd(8)). Pure.

use crate::keys::public_key::{PublicKey, is_kind};

/// A key with the options in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    pub options: Vec<KeyOption>,
    pub key: PublicKey,
}

/// `name` or `name="value"`; sshd does not mind the letter case of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOption {
    /// In small letters.
    pub name: String,
    /// Without its quotes.
    pub value: Option<String>,
}

/// What sshd gives a session besides its command.
pub const EXTRAS: &[&str] = &["port-forwarding", "agent-forwarding", "x11-forwarding", "pty", "user-rc"];

impl KeyLine {
    /// Reads a line; `None` for an empty one and a comment.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(line: &str) -> Result<Option<Self>, String> {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        // As sshd does: a line that begins with a key has no options.
        if line.split([' ', '\t']).next().is_some_and(is_kind) {
            return Ok(Some(Self { options: Vec::new(), key: PublicKey::parse(line)? }));
        }
        let (options, rest) = split_options(line);
        let rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Err("it has no key".to_owned());
        }
        Ok(Some(Self { key: PublicKey::parse(rest)?, options: parse_options(options)? }))
    }

    /// The forced command, if there is one.
    pub fn command(&self) -> Option<&str> {
        // sshd refuses a line that has two.
        self.options.iter().find(|option| option.name == "command").and_then(|option| option.value.as_deref())
    }

    /// Which of [`EXTRAS`] the line leaves open. Options take effect in their order.
    pub fn open(&self) -> Vec<&'static str> {
        let mut open = EXTRAS.to_vec();
        for KeyOption { name, .. } in &self.options {
            if name == "restrict" {
                open.clear();
            } else if let Some(closed) = name.strip_prefix("no-") {
                open.retain(|extra| *extra != closed);
            } else if let Some(extra) = EXTRAS.iter().find(|extra| *extra == name)
                && !open.contains(extra)
            {
                open.push(extra);
            }
        }
        open
    }
}

/// The options end at the first blank outside quotes.
fn split_options(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let mut characters = line.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next_if(|(_, next)| *next == '"');
            }
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return line.split_at(at),
            _ => {}
        }
    }
    (line, "")
}

fn parse_options(text: &str) -> Result<Vec<KeyOption>, String> {
    let mut options = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find([',', '=']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !plain {
            return Err(format!("\"{}\" is neither a type of key nor an option", name.escape_default()));
        }
        let (value, after) = match after.strip_prefix('=') {
            Some(value) => {
                let (value, after) = dequote(value).ok_or_else(|| format!("the value of {name} is not in quotes"))?;
                (Some(value), after)
            }
            None => (None, after),
        };
        options.push(KeyOption { name: name.to_ascii_lowercase(), value });
        if after.is_empty() {
            return Ok(options);
        }
        rest = after.strip_prefix(',').ok_or_else(|| format!("a comma is missing behind {name}"))?;
    }
}

/// `"value"` and what follows. `\"` is a quote; every other backslash is itself.
fn dequote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        if let Some(after) = rest.strip_prefix("\\\"") {
            value.push('"');
            rest = after;
            continue;
        }
        let mut characters = rest.chars();
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            other => value.push(other),
        }
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::public_key::tests::key_of;

    fn line(options: &str) -> Result<Option<KeyLine>, String> {
        KeyLine::parse(&format!("{options} {} me", key_of("ssh-ed25519", &[&[7; 32]])))
    }

    #[test]
    fn options_are_read_as_sshd_reads_them() {
        for (text, command, open) in [
            ("", None, EXTRAS),
            ("restrict", None, &[][..]),
            ("RESTRICT,Command=\"a b\"", Some("a b"), &[]),
            ("command=\"a \\\"b, c\\\" \\d\",restrict", Some("a \"b, c\" \\d"), &[]),
            ("restrict,pty,command=\"x\"", Some("x"), &["pty"]),
            ("port-forwarding,restrict", None, &[]),
            ("no-pty,no-user-rc,no-X11-forwarding,no-agent-forwarding", None, &["port-forwarding"]),
            ("from=\"192.0.2.0/24,!192.0.2.7\",environment=\"A=b c\"", None, EXTRAS),
        ] {
            let line = line(text).expect(text).expect("a key");
            assert_eq!((line.command(), line.open().as_slice()), (command, open), "{text}");
        }
    }

    #[test]
    fn lines_that_are_none_are_told_apart() {
        for none in ["", "   ", "# ssh-ed25519", "\t# x"] {
            assert_eq!(KeyLine::parse(none), Ok(None), "{none:?}");
        }
        for (options, says) in [
            ("command=x", "quotes"),
            ("command=\"x", "no key"),
            ("restrict command=\"x\"", "not a type of key"),
            ("restrict,,pty", "neither a type of key nor an option"),
            ("command=\"x\"restrict", "comma"),
        ] {
            let message = line(options).map(|line| format!("{line:?}")).expect_err(options);
            assert!(message.contains(says), "{options}: {message}");
        }
    }
}
