//! Digest: the SHA-256 of a text that was read, for the record: so that it can be told a month later which text it was.
//! Pure.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Of the texts, one after the other, as sha256sum(1) would print it of their concatenation: 64 hexadecimal digits.
pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    texts.into_iter().for_each(|text| hash.update(text));
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // A String takes everything.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_that_of_sha256sum() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::of(["abc"]), abc);
        assert_eq!(super::of(["a", "", "bc"]), abc);
    }
}
