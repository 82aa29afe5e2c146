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

/// The options up to the key. Empty ones are legal, at the end too: `restrict, ssh-ed25519 …` is a key to sshd
/// (OpenSSH 9.2). It refuses the whole line for an option that it does not know.
fn parse_options(text: &str) -> Result<Vec<KeyOption>, String> {
    let mut options: Vec<KeyOption> = Vec::new();
    let mut rest = text;
    loop {
        while let Some(after) = rest.strip_prefix(',') {
            rest = after;
        }
        if rest.is_empty() {
            return Ok(options);
        }
        let end = rest.find([',', '=', '"']).unwrap_or(rest.len());
        let (written, after) = rest.split_at(end);
        let name = written.to_ascii_lowercase();
        let form = form_of(&name).ok_or_else(|| unknown(written))?;
        let (value, after) = match (form, after.strip_prefix('=')) {
            (Form::Flag, None) => (None, after),
            (Form::Flag, Some(_)) => return Err(format!("{name} has no value")),
            (Form::Once | Form::Value, None) => return Err(format!("{name} has a value, in quotes")),
            (Form::Once | Form::Value, Some(value)) => {
                let (value, after) = dequote(value).ok_or_else(|| format!("the value of {name} is not in quotes"))?;
                (Some(value), after)
            }
        };
        if matches!(form, Form::Once) && options.iter().any(|option| option.name == name) {
            return Err(format!("sshd takes no line with {name} twice"));
        }
        if let Some(value) = value.as_deref().filter(|value| !is_sound(&name, value)) {
            return Err(format!("\"{}\" is no value of {name}", value.escape_default()));
        }
        options.push(KeyOption { name, value });
        if !after.is_empty() && !after.starts_with(',') {
            return Err(format!("a comma is missing behind {written}"));
        }
        rest = after;
    }
}

/// How an option is written.
#[derive(Clone, Copy)]
enum Form {
    Flag,
    /// With a value.
    Value,
    /// With a value, and at most once.
    Once,
}

/// The options of sshd 9.2 (sshd(8)); what it gives a session can be taken away by `no-`, too.
const OPTIONS: &[(&str, Form)] = &[
    ("restrict", Form::Flag),
    ("cert-authority", Form::Flag),
    ("touch-required", Form::Flag),
    ("verify-required", Form::Flag),
    ("command", Form::Once),
    ("principals", Form::Once),
    ("from", Form::Once),
    ("expiry-time", Form::Value),
    ("environment", Form::Value),
    ("permitopen", Form::Value),
    ("permitlisten", Form::Value),
    ("tunnel", Form::Value),
];

/// Those that `no-` turns off.
fn switches() -> impl Iterator<Item = &'static str> {
    EXTRAS.iter().copied().chain(["touch-required", "verify-required"])
}

fn form_of(name: &str) -> Option<Form> {
    let row = OPTIONS.iter().find(|(option, _)| *option == name).map(|(_, form)| *form);
    let switch = || switches().find(|switch| *switch == name.strip_prefix("no-").unwrap_or(name));
    row.or_else(|| switch().map(|_| Form::Flag))
}

fn unknown(written: &str) -> String {
    let known = OPTIONS.iter().map(|(option, _)| *option).chain(switches());
    let meant = crate::docker::nearest::nearest(written, known);
    let meant = meant.map_or_else(String::new, |name| format!(", did you mean {name}?"));
    format!("\"{}\" is neither a type of key nor an option of sshd's{meant}", written.escape_default())
}

/// Whether sshd can read a value; a line with one that it cannot read is refused.
fn is_sound(name: &str, value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match name {
        "expiry-time" => {
            let time = value.strip_suffix(['Z', 'z']).unwrap_or(value);
            digits(time) && [8, 12, 14].contains(&time.len())
        }
        "environment" => value
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')),
        "tunnel" => value.eq_ignore_ascii_case("any") || digits(value),
        _ => true,
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
            // What deleting an option leaves behind: a key all the same.
            ("restrict,", None, &[]),
            ("restrict,,", None, &[]),
            (",", None, EXTRAS),
            ("restrict,pty,", None, &["pty"]),
            ("restrict,,command=\"x\",", Some("x"), &[]),
            (",restrict,command=\"x\"", Some("x"), &[]),
            ("no-touch-required,verify-required,cert-authority,restrict,expiry-time=\"20270101\"", None, &[]),
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
            ("restrict, pty,", "not a type of key"),
            ("restrict,command=\"x\",frobnicate", "\"frobnicate\" is neither a type of key nor an option"),
            ("no-restrict", "neither a type of key nor an option"),
            ("restrict=\"x\"", "has no value"),
            ("restrict,command", "has a value"),
            ("command=\"x\",command=\"x\"", "twice"),
            ("expiry-time=\"2027-01-01\"", "no value of expiry-time"),
            ("environment=\"A\"", "no value of environment"),
            ("tunnel=\"x\"", "no value of tunnel"),
            ("command=\"x\"restrict", "comma"),
        ] {
            let message = line(options).map(|line| format!("{line:?}")).expect_err(options);
            assert!(message.contains(says), "{options}: {message}");
        }
    }
}
