//! Authorize: the authorized_keys line for a public key. Acts: reads the key.
#![expect(clippy::disallowed_methods, reason = "the public key is read here")]

use super::caller::{Caller, absolute};
use crate::answer;
use crate::audit::escape::for_terminal;
use crate::cli::label::label;
use crate::exit::Exit;
use crate::keys::key_line::KeyLine;
use crate::keys::public_key::PublicKey;
use crate::policy::set::PolicySet;
use anyhow::Context;
use ipnet::IpNet;
use std::io::Read;
use std::path::Path;

/// A file of more bytes than this is not a public key.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// Prints the authorized_keys line for the key in a file; `-` is standard input.
///
/// # Errors
/// The exit code, when there is no policy, or no such profile.
pub fn run(file: &Path, from: Vec<IpNet>, caller: Caller) -> Result<Exit, Exit> {
    let set = caller.policy()?;
    let _ = caller.select(&set)?;
    let Caller { config, profile, request, .. } = caller;
    let line = || -> anyhow::Result<Authorized> {
        let program = std::env::current_exe().and_then(|path| path.canonicalize()).context("where dockgate is")?;
        let config = config.map(|file| absolute(&file).display().to_string());
        let wish = Wish { program: program.display().to_string(), config, key: request.key, profile, from };
        let name = || file.display().to_string();
        let text = text_of(file).with_context(name)?;
        authorize(&text, &wish, &set).map_err(|message| anyhow::anyhow!("{}: {message}", name()))
    };
    Ok(match line() {
        Ok(Authorized { line, hint }) => {
            answer::say(&hint);
            answer::print(&format!("{line}\n"))
        }
        Err(error) => {
            answer::say(&format!("ERROR: {}\n", for_terminal(&format!("{error:#}"))));
            Exit::Usage
        }
    })
}

fn text_of(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match file.as_os_str() == "-" {
        true => std::io::stdin().take(MAX_KEY_BYTES).read_to_end(&mut text)?,
        false => std::fs::File::open(file)?.take(MAX_KEY_BYTES).read_to_end(&mut text)?,
    };
    Ok(text)
}

/// What the line is to say besides the key.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// dockgate itself, absolute.
    pub program: String,
    /// The policy file, absolute, if it is not the usual one.
    pub config: Option<String>,
    /// The key's label; without one its comment is taken.
    pub key: Option<String>,
    pub profile: Option<String>,
    /// Where the key may be used from; anywhere, if there is none.
    pub from: Vec<IpNet>,
}

/// The line, and what the administrator may want to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorized {
    /// Without the newline.
    pub line: String,
    pub hint: String,
}

/// Makes the line out of a public key's file.
///
/// # Errors
/// A sentence about what cannot be taken, and what to give instead.
pub fn authorize(file: &[u8], wish: &Wish, policy: &PolicySet) -> Result<Authorized, String> {
    let key = only_key(file)?;
    let label = match &wish.key {
        Some(label) => label.clone(),
        None => label(&key.comment).map_err(|_| no_label(&key.comment))?,
    };
    if label.starts_with('-') {
        return Err(format!("the label {label} would be read as an option; choose another with --key=NAME"));
    }
    let fingerprint = key.fingerprint();
    let listed = policy.keys.get(&label).and_then(|listed| listed.fingerprint.as_ref());
    if let Some(other) = listed.filter(|listed| **listed != fingerprint) {
        return Err(format!("the policy file has {other} under keys.{label}, and this key is {fingerprint}"));
    }
    let mut command = plain_path("dockgate", &wish.program)?.to_owned();
    if let Some(config) = &wish.config {
        command.push_str(" --config ");
        command.push_str(plain_path("the policy file", config)?);
    }
    command.push_str(" --key ");
    command.push_str(&label);
    if let Some(profile) = &wish.profile {
        command.push_str(" --profile ");
        command.push_str(profile);
    }
    let mut line = format!("restrict,pty,command=\"{command}\"");
    if !wish.from.is_empty() {
        // sshd takes a range only by its first address.
        let from: Vec<String> = wish.from.iter().map(|range| range.trunc().to_string()).collect();
        line.push_str(&format!(",from=\"{}\"", from.join(",")));
    }
    line.push_str(&format!(" {} {}", key.text(), key.comment));
    let hint = match listed {
        Some(_) => String::new(),
        None => format!(
            "to tie the label to this key, in the policy file: [keys.\"{label}\"] fingerprint = \"{fingerprint}\"\n"
        ),
    };
    Ok(Authorized { line: line.trim_end().to_owned(), hint })
}

/// The one key of a file that has nothing else, but for comments and empty lines.
fn only_key(file: &[u8]) -> Result<PublicKey, String> {
    let text = std::str::from_utf8(file).map_err(|_| "it is not text in UTF-8, so not a public key".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.contains("PRIVATE KEY-----") || text.starts_with("PuTTY-User-Key-File") {
        return Err("it is a private key, which stays where it was made; give the public one (FILE.pub)".to_owned());
    }
    if text.starts_with("---- BEGIN SSH2 PUBLIC KEY") {
        return Err("it is in the format of RFC 4716; ssh-keygen -i -f FILE prints it as OpenSSH has it".to_owned());
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let line = lines.next().ok_or("there is no key in it")?;
    if lines.next().is_some() {
        return Err("it has more than one line; give one key at a time, each has a label of its own".to_owned());
    }
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err("its line has a control character in it".to_owned());
    }
    match KeyLine::parse(line) {
        Ok(Some(KeyLine { options, key })) if options.is_empty() => match key.weakness() {
            Some(weakness) => Err(format!("{weakness}; make a key with ssh-keygen -t ed25519")),
            None => Ok(key),
        },
        Ok(Some(_)) => Err("its key brings options of its own; give the bare public key".to_owned()),
        // The sentence for a line that begins with a key, not for one that begins with options.
        _ => Err(PublicKey::parse(line.trim()).err().unwrap_or_else(|| "there is no key in it".to_owned())),
    }
}

fn no_label(comment: &str) -> String {
    match comment {
        "" => "the key has no comment to take its label from; name it with --key NAME".to_owned(),
        _ => format!("the key's comment \"{comment}\" is not a plain label; name the key with --key NAME"),
    }
}

/// A path that the login shell and sshd's quotes leave as it is.
fn plain_path<'a>(what: &str, path: &'a str) -> Result<&'a str, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=".contains(c);
    if path.starts_with('/') && path.chars().all(plain) {
        Ok(path)
    } else {
        Err(format!(
            "{what} is at \"{}\"; put it at a path without blanks, quotes and special characters",
            path.escape_debug()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::public_key::tests::key_of;

    fn wish() -> Wish {
        Wish { program: "/usr/bin/dockgate".to_owned(), ..Wish::default() }
    }

    fn key(comment: &str) -> String {
        format!("{} {comment}", key_of("ssh-ed25519", &[&[7; 32]]))
    }

    fn line(file: &str, wish: &Wish) -> Result<String, String> {
        authorize(file.as_bytes(), wish, &PolicySet::default()).map(|authorized| authorized.line)
    }

    #[test]
    fn the_line_says_what_was_wished() {
        let named = Wish { key: Some("hermes".to_owned()), ..wish() };
        let all = Wish {
            config: Some("/etc/x.toml".to_owned()),
            profile: Some("operator".to_owned()),
            from: vec!["192.0.2.7/24".parse().expect("a range"), "2001:db8::1/128".parse().expect("an address")],
            ..named.clone()
        };
        for (file, wish, options, comment) in [
            ("hermes", &wish(), "--key hermes\"", "hermes"),
            ("hermes\n", &wish(), "--key hermes\"", "hermes"),
            ("hermes\r\n", &wish(), "--key hermes\"", "hermes"),
            ("hermes@laptop", &wish(), "--key hermes@laptop\"", "hermes@laptop"),
            ("on the  laptop", &named, "--key hermes\"", "on the  laptop"),
            ("", &named, "--key hermes\"", ""),
            (
                "me",
                &all,
                "--config /etc/x.toml --key hermes --profile operator\",from=\"192.0.2.0/24,2001:db8::1/128\"",
                "me",
            ),
        ] {
            let expected = format!("restrict,pty,command=\"/usr/bin/dockgate {options} {}", key(comment));
            assert_eq!(line(&key(file), wish).as_deref(), Ok(expected.trim_end()), "{file:?}");
        }
        let commented = format!("# of the agent\n\n{}\n", key("hermes"));
        assert!(line(&commented, &wish()).is_ok_and(|line| !line.contains("agent")));
    }

    #[test]
    fn what_is_not_one_bare_public_key_is_refused() {
        for (file, says) in [
            (String::new(), "no key"),
            ("# only this\n".to_owned(), "no key"),
            (key("a\n") + &key("b"), "more than one"),
            (key("a\n") + "trailing", "more than one"),
            (format!("restrict {}", key("a")), "options"),
            (format!("command=\"id\" {}", key("a")), "options"),
            (key("a\u{1b}[31m"), "control character"),
            (key("a\rb"), "control character"),
            (key("a\u{85}"), "control character"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n".to_owned(), "private"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII\n".to_owned(), "private"),
            ("PuTTY-User-Key-File-3: ssh-ed25519\n".to_owned(), "private"),
            ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n".to_owned(), "ssh-keygen -i"),
            (key("a").replace("ssh-ed25519", "ssh-ed448"), "\"ssh-ed448\" is not a type"),
            (key("a").replace("ssh-ed25519", "ssh-rsa"), "the key itself \"ssh-ed25519\""),
            (key_of("ssh-rsa", &[&[3], &[&[0][..], &[0x80; 128]].concat()]), "1024 bits"),
            (key_of("ssh-dss", &[&[1], &[2], &[3], &[4]]), "DSA"),
            (key(""), "no comment"),
            (key("of the agent"), "--key NAME"),
            (key("-x"), "option"),
        ] {
            let message = line(&file, &wish()).expect_err(&file);
            assert!(message.contains(says), "{file:?}: {message}");
        }
        assert!(authorize(&[0xff, 0xfe], &wish(), &PolicySet::default()).is_err());
    }

    #[test]
    fn a_path_that_a_shell_would_read_differently_is_refused() {
        for path in ["/opt/my programs/dockgate", "/opt/\"x\"/dockgate", "/opt/'x'", "/opt/$x", "dockgate", "/opt/a;b"]
        {
            let program = Wish { program: path.to_owned(), ..wish() };
            let config = Wish { config: Some(path.to_owned()), ..wish() };
            assert!(line(&key("a"), &program).is_err() && line(&key("a"), &config).is_err(), "{path}");
        }
    }

    #[test]
    fn a_label_of_another_key_is_refused() {
        let fingerprint = PublicKey::parse(&key("")).expect("a key").fingerprint();
        let policy = |of: &str| PolicySet::from_toml(&format!("[keys.a]\nfingerprint = '{of}'\n")).expect("valid");
        let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let refused = authorize(key("a").as_bytes(), &wish(), &policy(other)).expect_err("another key");
        assert!(refused.contains(other) && refused.contains(&fingerprint));
        assert!(authorize(key("a").as_bytes(), &wish(), &policy(&fingerprint)).is_ok_and(|made| made.hint.is_empty()));
    }
}
