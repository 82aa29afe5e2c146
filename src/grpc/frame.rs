//! Frame: gRPC's messages within the data of a call: one byte of flags, four of length, the message. Pure.

use bytes::{Buf, BufMut, Bytes, BytesMut};

const HEAD: usize = 5;

/// A message with its head.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEAD + message.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    bytes.freeze()
}

/// The one message of a request.
///
/// # Errors
/// In words, when it is compressed, not whole, or not the only one.
pub(super) fn only(mut bytes: &[u8]) -> Result<&[u8], String> {
    if bytes.len() < HEAD {
        return Err("the request has no message".to_owned());
    }
    if bytes.get_u8() != 0 {
        return Err("the message is compressed".to_owned());
    }
    let length = bytes.get_u32();
    if usize::try_from(length).is_ok_and(|length| length == bytes.len()) {
        Ok(bytes)
    } else {
        Err("the request is not one whole message".to_owned())
    }
}

/// Messages out of data that comes in pieces; those that are too long to be of interest are left out.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    kept: BytesMut,
    /// How much of a message that is left out is still to come.
    skipped: usize,
}

/// The longest message that is kept whole, in bytes.
const LONGEST: usize = 1 << 20;

impl Splitter {
    /// Takes the next piece, and shows each message that is whole now.
    pub(super) fn push(&mut self, mut piece: &[u8], mut message: impl FnMut(&[u8])) {
        let skipped = self.skipped.min(piece.len());
        self.skipped -= skipped;
        piece.advance(skipped);
        self.kept.extend_from_slice(piece);
        while let Some(mut head) = self.kept.get(..HEAD) {
            let _flags = head.get_u8();
            let length = head.get_u32() as usize;
            if length > LONGEST {
                self.kept.advance(HEAD);
                let here = length.min(self.kept.len());
                self.kept.advance(here);
                self.skipped = length - here;
            } else if let Some(whole) = self.kept.get(HEAD..HEAD + length) {
                message(whole);
                self.kept.advance(HEAD + length);
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_message() {
        assert_eq!(only(&framed(b"abc")), Ok(&b"abc"[..]));
        assert_eq!(only(&framed(b"")), Ok(&b""[..]));
        for bytes in [&b""[..], &[0, 0, 0, 0], &[1, 0, 0, 0, 0], &[0, 0, 0, 0, 1], &[0, 0, 0, 0, 0, 0]] {
            assert!(only(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let mut stream = framed(b"one").to_vec();
        stream.extend(framed(&vec![7; LONGEST + 1]));
        stream.extend(framed(b""));
        stream.extend(framed(b"two"));
        for size in [1, 2, 7, 4096, stream.len()] {
            let mut splitter = Splitter::default();
            let mut messages = Vec::new();
            stream.chunks(size).for_each(|piece| splitter.push(piece, |message| messages.push(message.to_vec())));
            assert_eq!(messages, [b"one".to_vec(), Vec::new(), b"two".to_vec()], "{size}");
        }
    }
}
