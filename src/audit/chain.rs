//! Chain: lines that each name the one before by its digest, so that no line can be changed, taken out, doubled or
//! moved without a trace. Pure.

use sha2::{Digest, Sha256};

/// A line's digest.
pub type Hash = [u8; 32];

/// What stands before the first line of a chain.
pub const BEGINNING: Hash = [0; 32];

/// Where a chain has come to: the number and the digest of its last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub seq: u64,
    pub hash: Hash,
}

impl Head {
    /// Of a chain without lines.
    pub const NONE: Self = Self { seq: 0, hash: BEGINNING };

    /// The head after a line, if it is one of a chain.
    pub fn after(line: &[u8]) -> Option<Self> {
        Link::of(line).map(|link| Self { seq: link.seq, hash: hash(line) })
    }

    /// `line` as the next of the chain, and the head then.
    pub fn extend(self, line: &str) -> (String, Self) {
        let seq = self.seq + 1;
        let linked = format!("seq={seq} prev={} {line}", hex(&self.hash));
        let hash = hash(linked.as_bytes());
        (linked, Self { seq, hash })
    }

    /// What is kept elsewhere, so that the chain cannot be made anew: `seq=17 hash=…`.
    pub fn seal(self) -> String {
        format!("seq={} hash={}", self.seq, hex(&self.hash))
    }

    /// Reads a seal; what stands behind it on the line is not looked at.
    pub fn of_seal(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let seq = words.next()?.strip_prefix("seq=")?.parse().ok()?;
        Some(Self { seq, hash: of_hex(words.next()?.strip_prefix("hash=")?)? })
    }
}

/// The beginning of a chained line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: u64,
    pub prev: Hash,
    /// How long it is; the line that was chained follows.
    pub length: usize,
}

impl Link {
    /// The link that a line begins with.
    pub fn of(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"seq=")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let seq = std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
        let rest = rest.get(digits..)?.strip_prefix(b" prev=")?;
        let prev = of_hex(std::str::from_utf8(rest.get(..64)?).ok()?)?;
        (rest.get(64) == Some(&b' ')).then_some(Self { seq, prev, length: "seq= prev= ".len() + digits + 64 })
    }
}

/// SHA-256 of a line without its end.
pub fn hash(line: &[u8]) -> Hash {
    Sha256::digest(line).into()
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_hex(text: &str) -> Option<Hash> {
    let mut hash = BEGINNING;
    let pairs = text.as_bytes().chunks(2);
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_begins_and_goes_on() {
        let (first, head) = Head::NONE.extend("verdict=allow");
        assert_eq!(first, format!("seq=1 prev={} verdict=allow", "0".repeat(64)));
        assert_eq!(Head::after(first.as_bytes()), Some(head));
        let (second, _) = head.extend("verdict=deny");
        let link = Link::of(second.as_bytes()).unwrap();
        assert_eq!((link.seq, link.prev, &second[link.length..]), (2, hash(first.as_bytes()), "verdict=deny"));
        assert_eq!(Head::of_seal(&format!("{} whatever", head.seal())), Some(head));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, text: String) {
            let _ = (Link::of(&bytes), Head::of_seal(&text), Link::of(format!("seq=1 prev={text}").as_bytes()));
        }
    }
}
