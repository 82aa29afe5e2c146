//! Lines: a body that goes on for long, looked through line by line. Pure.

use super::buffer::Buffer;
use super::framing::{Framing, Malformed, Reframe};
use super::scope::Scope;

/// The longest line, in bytes: what happens to an object is told with all of its labels.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// A body of lines on its way, without those that are not for a key; in chunks for the client.
#[derive(Debug)]
pub(super) struct Lines {
    scope: Scope,
    read: Reframe,
    decoded: Buffer,
    /// What has come of a line that has not ended.
    line: Vec<u8>,
    /// Lines that are kept, as far as there was no room for them.
    kept: Vec<u8>,
    ready: Buffer,
    write: Reframe,
}

impl Lines {
    pub(super) fn new(from: Framing, scope: Scope) -> Self {
        Self {
            scope,
            read: Reframe::new(from, Framing::UntilEnd),
            decoded: Buffer::default(),
            line: Vec::new(),
            kept: Vec::new(),
            ready: Buffer::default(),
            write: Reframe::new(Framing::UntilEnd, Framing::Chunked),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.write.is_finished()
    }

    /// Moves what can be moved. `ended`: no more comes into `from`.
    pub(super) fn pass(&mut self, from: &mut Buffer, ended: bool, to: &mut Buffer) -> Result<(), Malformed> {
        loop {
            let before = (from.data().len(), self.kept.len(), self.ready.data().len());
            // Nothing more is taken before there is room for what there is.
            if self.kept.is_empty() && !self.read.is_finished() {
                self.read.pass(from, ended, &mut self.decoded)?;
                self.sort()?;
            }
            let moved = self.ready.push(&self.kept);
            self.kept.drain(..moved);
            let whole = self.read.is_finished() && self.kept.is_empty();
            self.write.pass(&mut self.ready, whole, to)?;
            let after = (from.data().len(), self.kept.len(), self.ready.data().len());
            if self.write.is_finished() || before == after {
                return Ok(());
            }
        }
    }

    /// Puts each line that has come whole where it belongs. What stands behind the last one is a line, too.
    fn sort(&mut self) -> Result<(), Malformed> {
        self.line.extend_from_slice(self.decoded.data());
        self.decoded.consume(usize::MAX);
        let end = if self.read.is_finished() { Some(self.line.len()) } else { None };
        let end = end.or_else(|| Some(self.line.iter().rposition(|byte| *byte == b'\n')? + 1)).unwrap_or(0);
        let whole: Vec<u8> = self.line.drain(..end).collect();
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            if self.scope.keeps(line) {
                self.kept.extend_from_slice(line);
            }
        }
        if self.line.len() > MAX_LINE { Err(Malformed) } else { Ok(()) }
    }
}
