//! Buffer: bytes on their way from one end to the other, never more than it holds. Pure.

/// Bytes in one buffer. A head must fit in one, and a stream is passed on by as much at a time.
pub(crate) const CAPACITY: usize = 64 * 1024;

/// A queue of at most [`CAPACITY`] bytes, which takes no memory until something is put into it: most directions of most
/// calls carry nothing.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// What is in it, oldest first.
    pub(crate) fn data(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes it could still take.
    pub(crate) fn room(&self) -> usize {
        CAPACITY - (self.end - self.start)
    }

    /// Drops the oldest `count` bytes, or all that there are.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Free space to read into; what was read is told by [`Buffer::filled`]. Empty only when it is full.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.allocate();
        if self.end == CAPACITY && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    fn allocate(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = vec![0; CAPACITY].into_boxed_slice();
        }
    }

    /// So many bytes were put into [`Buffer::space`].
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = CAPACITY.min(self.end.saturating_add(count));
    }

    /// Takes as much of `bytes` as there is room for, and says how much that was.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        if !bytes.is_empty() {
            self.allocate();
        }
        let count = bytes.len().min(self.room());
        if CAPACITY - self.end < count {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if let (Some(space), Some(bytes)) = (self.bytes.get_mut(self.end..self.end + count), bytes.get(..count)) {
            space.copy_from_slice(bytes);
            self.end += count;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(32))]
        #[test]
        fn bytes_come_out_as_they_went_in(steps in proptest::collection::vec((0u32..70_000, 0u32..70_000), 0..8)) {
            let mut buffer = Buffer::default();
            let mut model: std::collections::VecDeque<u8> = std::collections::VecDeque::new();
            let mut next = 0u8;
            for (push, consume) in steps {
                let bytes: Vec<u8> = (0..push).map(|_| { next = next.wrapping_add(1); next }).collect();
                let taken = buffer.push(&bytes);
                proptest::prop_assert_eq!(taken, bytes.len().min(CAPACITY - model.len()));
                model.extend(&bytes[..taken]);
                buffer.consume(consume as usize);
                model.drain(..(consume as usize).min(model.len()));
                proptest::prop_assert!(buffer.data().iter().eq(model.iter()));
            }
        }
    }

    #[test]
    fn there_is_space_until_it_is_full() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.push(&vec![1; CAPACITY + 1]), CAPACITY);
        assert!(buffer.space().is_empty());
        buffer.consume(10);
        assert_eq!(buffer.space().len(), 10);
    }
}
