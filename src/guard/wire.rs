//! Wire: one end of an exchange, a socket or a pair of pipes. Acts: reads, writes, polls.
//!
//! Nothing here blocks but [`poll`](nix::poll::poll), and that has a deadline wherever one is due.

use super::buffer::Buffer;
use super::clock::Activity;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// A stream of bytes in each direction.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(super) input: OwnedFd,
    /// `None` once the other end has been told that no more comes.
    pub(super) output: Option<OwnedFd>,
    /// Read, and not yet used.
    pub(crate) ahead: Buffer,
    /// The other end sends no more.
    pub(crate) ended: bool,
    /// Whether one direction can end and the other go on, as a socket's can.
    pub(super) halves: bool,
    /// Told what is written, where somebody wants to know.
    activity: Option<Arc<Activity>>,
}

impl Wire {
    /// A wire over two descriptors, which are set not to block.
    pub(crate) fn new(input: OwnedFd, output: OwnedFd) -> Result<Self> {
        for fd in [&input, &output] {
            let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
            fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Self { input, output: Some(output), ahead: Buffer::default(), ended: false, halves: false, activity: None })
    }

    /// A wire over a connected socket.
    pub(crate) fn of_socket(socket: OwnedFd) -> Result<Self> {
        Ok(Self { halves: true, ..Self::new(socket.try_clone()?, socket)? })
    }

    /// With somebody who is told what is done here.
    pub(super) fn watched(self, activity: Arc<Activity>) -> Self {
        Self { activity: Some(activity), ..self }
    }

    /// Whether a client is waited for, to ask for something.
    pub(super) fn waits(&self, waits: bool) {
        self.activity.iter().for_each(|activity| activity.waits(waits));
    }

    fn count(&self, written: usize) {
        self.activity.iter().for_each(|activity| activity.sends(written));
    }

    /// The wire for another owner; this one has nothing to say any more.
    ///
    /// # Errors
    /// When there are no further descriptors.
    pub(crate) fn take(&mut self) -> Result<Self> {
        let input = self.input.try_clone()?;
        let output = self.output.take();
        let (ahead, activity) = (std::mem::take(&mut self.ahead), self.activity.clone());
        Ok(Self { input, output, ahead, ended: self.ended, halves: self.halves, activity })
    }

    /// Reads what is there, without waiting; whether anything happened, an end included.
    pub(crate) fn read(&mut self) -> Result<bool> {
        let space = self.ahead.space();
        if space.is_empty() || self.ended {
            return Ok(false);
        }
        match nix::unistd::read(&self.input, space) {
            Ok(0) => self.ended = true,
            Ok(count) => self.ahead.filled(count),
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(false),
            // The other end has gone without reading all; what it sent has been read.
            Err(Errno::ECONNRESET) => self.ended = true,
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Writes what can be written of `from`, without waiting.
    pub(crate) fn write(&mut self, from: &mut Buffer) -> Result<()> {
        while !from.is_empty() {
            let Some(output) = &self.output else { return Err(ErrorKind::BrokenPipe.into()) };
            match nix::unistd::write(output, from.data()) {
                Ok(count) => {
                    self.count(count);
                    from.consume(count);
                }
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for more to read until the deadline; false at the end of what comes.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] at the deadline, and what read(2) says.
    pub(crate) fn fill(&mut self, until: Option<Instant>) -> Result<bool> {
        // Most often there is nothing yet: it is waited for before it is looked for.
        while !self.ended && self.ahead.room() > 0 {
            wait(&mut [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)], until)?;
            if self.read()? {
                return Ok(!self.ended);
            }
        }
        Ok(false)
    }

    /// Writes all of `bytes` before the deadline.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] at the deadline, and what write(2) says.
    pub(crate) fn write_all(&mut self, mut bytes: &[u8], until: Option<Instant>) -> Result<()> {
        while !bytes.is_empty() {
            let Some(output) = &self.output else { return Err(ErrorKind::BrokenPipe.into()) };
            match nix::unistd::write(output, bytes) {
                Ok(count) => {
                    self.count(count);
                    bytes = bytes.get(count..).unwrap_or_default();
                }
                Err(Errno::EAGAIN) => wait(&mut [PollFd::new(output.as_fd(), PollFlags::POLLOUT)], until)?,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tells the other end that no more comes; what it sends can still be read.
    pub(crate) fn end_output(&mut self) {
        if let Some(output) = self.output.take() {
            // A pipe has no half to shut down, and is ended by being closed.
            let _ =
                nix::sys::socket::shutdown(std::os::fd::AsRawFd::as_raw_fd(&output), nix::sys::socket::Shutdown::Write);
        }
    }

    /// Whether the other end has sent something, or its end, that nobody asked for: of a connection that is kept
    /// for the next request, that it cannot be used any more.
    pub(crate) fn is_stale(&mut self) -> bool {
        self.read().unwrap_or(true) || !self.ahead.is_empty() || self.ended
    }
}

/// poll(2) until something happens.
///
/// # Errors
/// [`ErrorKind::TimedOut`] at the deadline.
pub(super) fn wait(ends: &mut [PollFd], until: Option<Instant>) -> Result<()> {
    loop {
        let timeout = match until {
            None => PollTimeout::NONE,
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                // Rounded up, so that a rest of less than a millisecond is not waited for in a circle.
                PollTimeout::try_from(left + std::time::Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
            }
        };
        match nix::poll::poll(ends, timeout) {
            Ok(0) => return Err(ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::from(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    fn pair() -> (Wire, Wire) {
        let (one, other) = UnixStream::pair().unwrap();
        (Wire::of_socket(one.into()).unwrap(), Wire::of_socket(other.into()).unwrap())
    }

    #[test]
    fn a_half_that_ends_leaves_the_other() {
        let (mut one, mut other) = pair();
        one.write_all(b"hello", None).unwrap();
        one.end_output();
        assert!(other.fill(None).unwrap());
        assert_eq!(other.ahead.data(), b"hello");
        assert!(!other.fill(None).unwrap() && other.ended);
        other.write_all(b"still", None).unwrap();
        assert!(one.fill(None).unwrap());
        assert_eq!(one.ahead.data(), b"still");
    }

    #[test]
    fn waiting_has_an_end() {
        let (mut one, mut other) = pair();
        let soon = || Some(Instant::now() + Duration::from_millis(5));
        assert_eq!(one.fill(soon()).unwrap_err().kind(), ErrorKind::TimedOut);
        // Nobody reads: the kernel takes some, and then no more.
        assert_eq!(other.write_all(&vec![0; 8 << 20], soon()).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_kept_connection_that_has_ended_is_known() {
        let (mut one, other) = pair();
        assert!(!one.is_stale());
        drop(other);
        assert!(one.is_stale());
    }
}
