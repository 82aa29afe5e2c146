//! Public keys as OpenSSH writes them: `TYPE BASE64 COMMENT` (sshd(8), AUTHORIZED_KEYS FILE FORMAT). Pure.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// The fewest bits of an RSA key that is taken; NIST SP 800-131A has disallowed fewer since 2014.
pub const MIN_RSA_BITS: usize = 2048;

/// A type of key, and of what strings its blob consists (RFC 4253, 5656, 8709; OpenSSH's PROTOCOL.u2f).
struct Kind {
    name: &'static str,
    /// The type itself is the first.
    fields: usize,
    shape: Shape,
}

enum Shape {
    /// 32 bytes of public key in the second field.
    Ed25519,
    /// The curve's name in the second field.
    Curve(&'static str),
    /// Exponent and modulus.
    Rsa,
    /// Four numbers.
    Dsa,
}

const KINDS: &[Kind] = &[
    Kind { name: "ssh-ed25519", fields: 2, shape: Shape::Ed25519 },
    Kind { name: "sk-ssh-ed25519@openssh.com", fields: 3, shape: Shape::Ed25519 },
    Kind { name: "ecdsa-sha2-nistp256", fields: 3, shape: Shape::Curve("nistp256") },
    Kind { name: "ecdsa-sha2-nistp384", fields: 3, shape: Shape::Curve("nistp384") },
    Kind { name: "ecdsa-sha2-nistp521", fields: 3, shape: Shape::Curve("nistp521") },
    Kind { name: "sk-ecdsa-sha2-nistp256@openssh.com", fields: 4, shape: Shape::Curve("nistp256") },
    Kind { name: "ssh-rsa", fields: 3, shape: Shape::Rsa },
    Kind { name: "ssh-dss", fields: 5, shape: Shape::Dsa },
];

/// One public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// `ssh-ed25519` and so on.
    pub kind: &'static str,
    pub blob: Vec<u8>,
    /// What stands behind the key; may be empty.
    pub comment: String,
}

impl PublicKey {
    /// Reads a key that stands at the start of `text`.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = word(text);
        if name.contains("-cert-v01@") {
            return Err(format!("{name} is a certificate; give the public key itself"));
        }
        let kind = KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| format!("\"{name}\" is not a type of key; known are {}", names().join(", ")))?;
        let (encoded, comment) = word(rest);
        let blob = STANDARD.decode(encoded).map_err(|_| format!("what follows {name} is not base64"))?;
        kind.check(&blob)?;
        Ok(Self { kind: kind.name, blob, comment: comment.to_owned() })
    }

    /// `SHA256:…`, as ssh-keygen -l prints it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.blob)
    }

    /// Why it should not let anybody in, although sshd may take it.
    pub fn weakness(&self) -> Option<String> {
        let kind = KINDS.iter().find(|kind| kind.name == self.kind)?;
        match kind.shape {
            Shape::Dsa => Some("DSA keys are too weak, and OpenSSH has dropped them".to_owned()),
            Shape::Rsa => {
                let modulus = fields(&self.blob)?.get(2).map_or(0, |modulus| bits(modulus));
                let weak = format!("an RSA key of {modulus} bits is too weak; {MIN_RSA_BITS} are the fewest");
                (modulus < MIN_RSA_BITS).then_some(weak)
            }
            Shape::Ed25519 | Shape::Curve(_) => None,
        }
    }

    /// The key without its comment.
    pub fn text(&self) -> String {
        format!("{} {}", self.kind, STANDARD.encode(&self.blob))
    }
}

/// The types of key, each with the number of strings in its blob, the type itself included.
pub fn kinds() -> impl Iterator<Item = (&'static str, usize)> {
    KINDS.iter().map(|kind| (kind.name, kind.fields))
}

/// Whether a word is a type of key.
pub fn is_kind(word: &str) -> bool {
    KINDS.iter().any(|kind| kind.name == word)
}

/// The fingerprint of a key's blob.
pub fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

fn names() -> Vec<&'static str> {
    KINDS.iter().filter(|kind| !matches!(kind.shape, Shape::Dsa)).map(|kind| kind.name).collect()
}

/// The first word, and what follows the blanks behind it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_matches([' ', '\t']))
}

impl Kind {
    fn check(&self, blob: &[u8]) -> Result<(), String> {
        let broken = || Err(format!("what follows {} is not a key of that type", self.name));
        let Some(fields) = fields(blob) else { return broken() };
        let [embedded, second, ..] = fields.as_slice() else { return broken() };
        if *embedded != self.name.as_bytes() {
            let embedded = String::from_utf8_lossy(embedded);
            return Err(format!("the line says {}, the key itself \"{}\"", self.name, embedded.escape_default()));
        }
        let sound = match self.shape {
            Shape::Ed25519 => second.len() == 32,
            Shape::Curve(curve) => *second == curve.as_bytes(),
            Shape::Rsa | Shape::Dsa => true,
        };
        if fields.len() != self.fields || !sound {
            return broken();
        }
        Ok(())
    }
}

/// Strings with their length in front, four bytes, to the very end.
fn fields(mut blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while let Some((length, rest)) = blob.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        fields.push(field);
        blob = rest;
    }
    blob.is_empty().then_some(fields)
}

/// The bits of a number, most significant byte first.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    let leading = digits.first().map_or(0, |byte| byte.leading_zeros() as usize);
    digits.len() * 8 - leading
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A line `TYPE BASE64` of these strings, the type first.
    pub(crate) fn key_of(name: &str, fields: &[&[u8]]) -> String {
        let mut blob = Vec::new();
        for field in [&[name.as_bytes()], fields].concat() {
            blob.extend(u32::try_from(field.len()).expect("short").to_be_bytes());
            blob.extend(field);
        }
        format!("{name} {}", STANDARD.encode(blob))
    }

    #[test]
    fn takes_what_openssh_takes() {
        let rsa = |bits: usize| [&[0], &vec![0x80; bits / 8][..]].concat();
        for line in [
            key_of("ssh-ed25519", &[&[7; 32]]),
            key_of("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"]),
            key_of("ecdsa-sha2-nistp256", &[b"nistp256", &[4; 65]]),
            key_of("ecdsa-sha2-nistp384", &[b"nistp384", &[4; 97]]),
            key_of("ecdsa-sha2-nistp521", &[b"nistp521", &[4; 133]]),
            key_of("sk-ecdsa-sha2-nistp256@openssh.com", &[b"nistp256", &[4; 65], b"ssh:"]),
            key_of("ssh-rsa", &[&[1, 0, 1], &rsa(2048)]),
        ] {
            let key = PublicKey::parse(&format!("{line} a  comment ")).expect(&line);
            assert_eq!((key.text(), key.comment.as_str()), (line, "a  comment"));
        }
    }

    #[test]
    fn a_key_that_is_not_what_it_says_is_refused() {
        let ed25519 = key_of("ssh-ed25519", &[&[7; 32]]);
        for (line, says) in [
            (key_of("ssh-rsa", &[&[1, 0, 1]]), "not a key of that type"),
            (key_of("ssh-ed25519-cert-v01@openssh.com", &[&[1]]), "certificate"),
            (key_of("ssh-ed448", &[&[7; 57]]), "not a type of key"),
            (ed25519.replace("ssh-ed25519", "ssh-rsa"), "the key itself \"ssh-ed25519\""),
            (key_of("ssh-ed25519", &[&[7; 31]]), "not a key of that type"),
            (key_of("ssh-ed25519", &[&[7; 32], b"more"]), "not a key of that type"),
            (key_of("ecdsa-sha2-nistp256", &[b"nistp384", &[4; 97]]), "not a key of that type"),
            (ed25519.replace("AAAAC3", "AAAAD3"), "not a key of that type"),
            (format!("{}A", ed25519.trim_end_matches('=')), "not base64"),
            ("ssh-ed25519".to_owned(), "not a key of that type"),
            ("ssh-ed25519 ***".to_owned(), "not base64"),
        ] {
            let message = PublicKey::parse(&line).expect_err(&line);
            assert!(message.contains(says), "{line}: {message}");
        }
    }

    #[test]
    fn short_rsa_and_dsa_are_weak() {
        let rsa = |modulus: &[u8]| key_of("ssh-rsa", &[&[1, 0, 1], modulus]);
        for (line, says) in [
            (rsa(&[0x80; 128]), Some("1024 bits")),
            (rsa(&[&[0, 0x7f][..], &[0xff; 255]].concat()), Some("2047 bits")),
            (rsa(&[&[0, 0x80][..], &[0; 255]].concat()), None),
            (key_of("ssh-dss", &[&[1], &[2], &[3], &[4]]), Some("DSA")),
            (key_of("ssh-ed25519", &[&[7; 32]]), None),
        ] {
            let weakness = PublicKey::parse(&line).expect(&line).weakness();
            assert_eq!(weakness.is_some(), says.is_some(), "{line}");
            assert!(weakness.is_none_or(|weakness| says.is_some_and(|says| weakness.contains(says))), "{line}");
        }
    }
}
