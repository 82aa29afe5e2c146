//! Public keys as OpenSSH writes them: `TYPE BASE64 COMMENT` (sshd(8), AUTHORIZED_KEYS FILE FORMAT). Pure.
//!
//! `ssh-key` reads the key itself; here are the sentences for what is none, and what is too weak.

use ssh_key::HashAlg;
use ssh_key::public::KeyData;

/// The fewest bits of an RSA key that is taken; NIST SP 800-131A has disallowed fewer since 2014.
pub const MIN_RSA_BITS: usize = 2048;

const DSA: &str = "ssh-dss";

/// The types of key that sshd takes, or took once.
const KINDS: &[&str] = &[
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
    DSA,
];

/// One public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    data: KeyData,
    /// `TYPE BASE64`, as it was given.
    text: String,
    /// What stands behind the key; may be empty.
    pub comment: String,
}

impl PublicKey {
    /// Reads a key that stands at the start of `text`.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, rest) = word(text);
        if kind.contains("-cert-v01@") {
            return Err(format!("{kind} is a certificate; give the public key itself"));
        }
        if !is_kind(kind) {
            let known: Vec<&str> = KINDS.iter().copied().filter(|kind| *kind != DSA).collect();
            return Err(format!("\"{kind}\" is not a type of key; known are {}", known.join(", ")));
        }
        let (encoded, comment) = word(rest);
        let data =
            read(kind, encoded).ok_or_else(|| match KINDS.iter().find(|other| read(other, encoded).is_some()) {
                Some(other) => format!("the line says {kind}, the key itself \"{other}\""),
                None => format!("what follows {kind} is not a key of that type in base64"),
            })?;
        Ok(Self { data, text: format!("{kind} {encoded}"), comment: comment.to_owned() })
    }

    /// `ssh-ed25519`, and so on.
    pub fn kind(&self) -> &str {
        word(&self.text).0
    }

    /// `SHA256:…`, as ssh-keygen -l prints it.
    pub fn fingerprint(&self) -> String {
        self.data.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Why it should not let anybody in, although sshd may take it.
    pub fn weakness(&self) -> Option<String> {
        match &self.data {
            KeyData::Dsa(_) => Some("DSA keys are too weak, and OpenSSH has dropped them".to_owned()),
            KeyData::Rsa(_) => {
                let modulus = self.rsa_bits().unwrap_or_default();
                let weak = format!("an RSA key of {modulus} bits is too weak; {MIN_RSA_BITS} are the fewest");
                (modulus < MIN_RSA_BITS).then_some(weak)
            }
            _ => None,
        }
    }

    /// The size of an RSA key.
    pub fn rsa_bits(&self) -> Option<usize> {
        match &self.data {
            KeyData::Rsa(key) => Some(key.n().as_positive_bytes().map_or(0, bits)),
            _ => None,
        }
    }

    /// The key without its comment.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Whether a word is a type of key.
pub fn is_kind(word: &str) -> bool {
    KINDS.contains(&word)
}

/// The fewest characters of a key in base64: that of Ed25519 has 68.
const MIN_ENCODED: usize = 60;

/// Whether a key of any type stands anywhere in a line: base64 that begins with the length of a name. What sshd skips
/// in base64 is skipped here.
pub fn holds_key(line: &str) -> bool {
    let line: String = line.chars().filter(|c| !matches!(c, '\r' | '\u{b}' | '\u{c}')).collect();
    let encoded = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    line.match_indices("AAAA").any(|(at, _)| {
        line.get(at..).is_some_and(|rest| rest.chars().take_while(|c| encoded(*c)).count() >= MIN_ENCODED)
    })
}

fn read(kind: &str, encoded: &str) -> Option<KeyData> {
    let key = ssh_key::PublicKey::from_openssh(&format!("{kind} {encoded}")).ok()?;
    Some(key.key_data().clone())
}

/// The first word, and what follows the blanks behind it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_matches([' ', '\t']))
}

/// The bits of a number, most significant byte first; `ssh-key` counts whole bytes.
fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    number.len() * 8 - leading
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

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
            assert_eq!((key.text(), key.comment.as_str()), (line.as_str(), "a  comment"));
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
            // A modulus that is negative, and one with a zero too many: sshd takes neither.
            (key_of("ssh-rsa", &[&[1, 0, 1], &[0x80; 256]]), "not a key of that type"),
            (key_of("ssh-rsa", &[&[1, 0, 1], &[0, 0x7f]]), "not a key of that type"),
            (key_of("ssh-ed25519", &[&[7; 31]]), "not a key of that type"),
            (key_of("ssh-ed25519", &[&[7; 32], b"more"]), "not a key of that type"),
            (key_of("ecdsa-sha2-nistp256", &[b"nistp384", &[4; 97]]), "not a key of that type"),
            (ed25519.replace("AAAAC3", "AAAAD3"), "not a key of that type"),
            (format!("{}A", ed25519.trim_end_matches('=')), "not a key of that type"),
            ("ssh-ed25519".to_owned(), "not a key of that type"),
            ("ssh-ed25519 ***".to_owned(), "not a key of that type"),
        ] {
            let message = PublicKey::parse(&line).expect_err(&line);
            assert!(message.contains(says), "{line}: {message}");
        }
    }

    #[test]
    fn a_key_is_seen_in_any_line() {
        for kind in KINDS.iter().chain(&["ssh-ed448"]) {
            for fields in [&[7; 32], &[0xff; 32]] {
                let key = key_of(kind, &[fields]);
                let encoded = key.split(' ').next_back().expect("base64");
                assert!(holds_key(&key) && holds_key(&format!("x, y=\" ssh-rsa\t{encoded}")), "{kind}");
                assert!(holds_key(&format!("{}\u{b}{}", &encoded[..5], &encoded[5..])), "{kind}");
            }
        }
        for none in ["", "restrict,command=\"x ssh-ed25519 AAAA", "ssh-ed25519 nonsense me"] {
            assert!(!holds_key(none), "{none}");
        }
    }

    #[test]
    fn short_rsa_and_dsa_are_weak() {
        let rsa = |modulus: &[u8]| key_of("ssh-rsa", &[&[1, 0, 1], modulus]);
        for (line, says) in [
            (rsa(&[&[0][..], &[0x80; 128]].concat()), Some("1024 bits")),
            (rsa(&[&[0x7f][..], &[0xff; 255]].concat()), Some("2047 bits")),
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
