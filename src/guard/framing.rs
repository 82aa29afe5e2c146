//! Framing: where an HTTP/1.1 body ends (RFC 9112 section 6), read strictly and written anew. Pure.

use super::buffer::Buffer;

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes; none for a message without a body.
    Length(u64),
    Chunked,
    /// As far as the connection goes. Of answers only.
    UntilEnd,
}

/// The longest line that says a chunk's size, and the longest of a trailer.
const MAX_LINE: usize = 1024;

/// What frames a chunk, at most, in bytes: sixteen digits and two line ends.
const CHUNK_FRAME: usize = 24;

/// A body that breaks the rules of its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Where in a body the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// So much of data is left, until the end of the connection where it is `None`.
    Data(Option<u64>),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    Done,
}

/// Passes a body from one framing to another.
#[derive(Debug)]
pub(crate) struct Reframe {
    at: At,
    to: Framing,
    finished: bool,
}

impl Reframe {
    pub(crate) fn new(from: Framing, to: Framing) -> Self {
        let at = match from {
            Framing::Length(0) => At::Done,
            Framing::Length(length) => At::Data(Some(length)),
            Framing::Chunked => At::ChunkSize,
            Framing::UntilEnd => At::Data(None),
        };
        Self { at, to, finished: false }
    }

    /// Whether the whole body, and its end, has been put into the target.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Moves what can be moved. `ended`: no more comes into `from`.
    ///
    /// # Errors
    /// When what comes is no body of its framing, or ends too early.
    pub(crate) fn pass(&mut self, from: &mut Buffer, ended: bool, to: &mut Buffer) -> Result<(), Malformed> {
        while !self.finished {
            if self.at == At::Done {
                if self.to == Framing::Chunked {
                    if to.room() < CHUNK_FRAME {
                        return Ok(());
                    }
                    to.push(b"0\r\n\r\n");
                }
                self.finished = true;
                return Ok(());
            }
            match self.next(from.data()) {
                Err(malformed) => return Err(malformed),
                Ok(Step::Skip(count)) => from.consume(count),
                Ok(Step::Data(length)) => {
                    let room =
                        if self.to == Framing::Chunked { to.room().saturating_sub(CHUNK_FRAME) } else { to.room() };
                    let length = length.min(room);
                    if length == 0 {
                        return Ok(());
                    }
                    self.put(from.data().get(..length).unwrap_or_default(), to);
                    from.consume(length);
                    self.took(length);
                }
                Ok(Step::More) if !ended => return Ok(()),
                Ok(Step::More) if self.at == At::Data(None) => self.at = At::Done,
                Ok(Step::More) => return Err(Malformed),
            }
        }
        Ok(())
    }

    fn put(&self, data: &[u8], to: &mut Buffer) {
        if self.to == Framing::Chunked {
            to.push(format!("{:x}\r\n", data.len()).as_bytes());
            to.push(data);
            to.push(b"\r\n");
        } else {
            to.push(data);
        }
    }

    /// What stands at the beginning of `input`; moves on over what is no data.
    fn next(&mut self, input: &[u8]) -> Result<Step, Malformed> {
        match self.at {
            At::Data(_) | At::ChunkData(_) if input.is_empty() => Ok(Step::More),
            At::Data(None) => Ok(Step::Data(input.len())),
            At::Data(Some(left)) | At::ChunkData(left) => {
                Ok(Step::Data(usize::try_from(left).unwrap_or(usize::MAX).min(input.len())))
            }
            At::ChunkSize => {
                let Some(line) = line(input)? else { return Ok(Step::More) };
                self.at = match size(line)? {
                    0 => At::Trailer,
                    size => At::ChunkData(size),
                };
                Ok(Step::Skip(line.len() + 2))
            }
            At::ChunkEnd => {
                let Some(line) = line(input)? else { return Ok(Step::More) };
                if !line.is_empty() {
                    return Err(Malformed);
                }
                self.at = At::ChunkSize;
                Ok(Step::Skip(2))
            }
            At::Trailer => {
                let Some(line) = line(input)? else { return Ok(Step::More) };
                // Nobody here sends fields behind a body, and they could say something of the next one.
                if !line.is_empty() {
                    return Err(Malformed);
                }
                self.at = At::Done;
                Ok(Step::Skip(2))
            }
            At::Done => Ok(Step::Skip(0)),
        }
    }

    fn took(&mut self, length: usize) {
        let left = |left: u64| left.saturating_sub(length as u64);
        self.at = match self.at {
            At::Data(Some(size)) if left(size) == 0 => At::Done,
            At::Data(Some(size)) => At::Data(Some(left(size))),
            At::ChunkData(size) if left(size) == 0 => At::ChunkEnd,
            At::ChunkData(size) => At::ChunkData(left(size)),
            other => other,
        };
    }
}

enum Step {
    /// So many bytes are none of the body's.
    Skip(usize),
    /// So many bytes are the body's.
    Data(usize),
    /// It cannot be told yet.
    More,
}

/// The line at the beginning, without its CR LF; `None` where it is not whole yet.
fn line(input: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        return if input.len() > MAX_LINE { Err(Malformed) } else { Ok(None) };
    };
    match input.get(..end).and_then(|line| line.strip_suffix(b"\r")) {
        Some(line) if line.len() <= MAX_LINE => Ok(Some(line)),
        _ => Err(Malformed),
    }
}

/// A chunk's size: hexadecimal digits and nothing else, no sign, blank or extension.
fn size(line: &[u8]) -> Result<u64, Malformed> {
    if line.is_empty() || line.len() > 16 || !line.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(line).map_err(|_| Malformed)?;
    u64::from_str_radix(text, 16).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes `input` in pieces of `piece` bytes; what came out, and what of the input was left.
    fn pass(input: &[u8], piece: usize, from: Framing, to: Framing) -> Result<(Vec<u8>, usize), Malformed> {
        let mut body = Reframe::new(from, to);
        let (mut source, mut target, mut out) = (Buffer::default(), Buffer::default(), Vec::new());
        let mut rest = input;
        loop {
            body.pass(&mut source, rest.is_empty(), &mut target)?;
            out.extend_from_slice(target.data());
            target.consume(usize::MAX);
            if body.is_finished() {
                return Ok((out, rest.len() + source.data().len()));
            }
            let (now, later) = rest.split_at(piece.min(rest.len()));
            assert_eq!(source.push(now), now.len());
            rest = later;
        }
    }

    #[test]
    fn bodies_are_passed_from_any_framing_to_any() {
        let chunked = b"5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\nGET";
        for piece in [1, 2, 3, 7, 100] {
            let plain = pass(chunked, piece, Framing::Chunked, Framing::UntilEnd);
            assert_eq!(plain, Ok((b"hello world".to_vec(), 3)));
            let length = pass(b"hello worldGET", piece, Framing::Length(11), Framing::Length(11));
            assert_eq!(length, Ok((b"hello world".to_vec(), 3)));
            let again = pass(chunked, piece, Framing::Chunked, Framing::Chunked).unwrap();
            assert_eq!(pass(&again.0, piece, Framing::Chunked, Framing::UntilEnd).unwrap().0, b"hello world");
            let end = pass(b"hello", piece, Framing::UntilEnd, Framing::Chunked).unwrap();
            assert_eq!(pass(&end.0, piece, Framing::Chunked, Framing::UntilEnd).unwrap().0, b"hello");
        }
        assert_eq!(pass(b"GET", 1, Framing::Length(0), Framing::Length(0)), Ok((Vec::new(), 3)));
    }

    #[test]
    fn what_others_might_read_otherwise_is_malformed() {
        for body in [
            "5;x=y\r\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n0\r\n\r\n",
            "5\nhello\n0\n\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
            "5\r\nhello\r\n",
            "5\r\nhel",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
            "\r\n",
            "",
        ] {
            let passed = pass(body.as_bytes(), 3, Framing::Chunked, Framing::UntilEnd);
            assert_eq!(passed, Err(Malformed), "{body:?}");
        }
        assert_eq!(pass(b"hel", 3, Framing::Length(5), Framing::Length(5)), Err(Malformed));
        assert_eq!(pass(&[b'0'; 5000], 1000, Framing::Chunked, Framing::UntilEnd), Err(Malformed));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_passed_or_malformed(bytes: Vec<u8>, piece in 1usize..9) {
            let _ = pass(&bytes, piece, Framing::Chunked, Framing::Chunked);
        }

        #[test]
        fn what_is_passed_is_the_same(bytes: Vec<u8>, piece in 1usize..40) {
            let chunked = pass(&bytes, piece, Framing::UntilEnd, Framing::Chunked).unwrap().0;
            proptest::prop_assert_eq!(pass(&chunked, piece, Framing::Chunked, Framing::UntilEnd).unwrap().0, bytes);
        }
    }
}
