//! Relay: bytes between a client and the daemon, both ways at once, in bounded memory. Acts: reads, writes, polls.
//!
//! One buffer a direction: who does not read stops who writes. What a direction does to the bytes is told by its
//! [`Pass`].

use super::buffer::Buffer;
use super::framing::{Malformed, Reframe};
use super::wire::{Wire, wait};
use nix::poll::{PollFd, PollFlags};
use std::io::{Error, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// What is done to the bytes of one direction.
pub(super) trait Pass {
    /// Moves what can be moved from `from` to `to`. `ended`: no more comes into `from`.
    ///
    /// # Errors
    /// When what comes breaks the rules of its framing.
    fn pass(&mut self, from: &mut Buffer, ended: bool, to: &mut Buffer) -> Result<(), Malformed>;

    /// Whether all that there is to pass has been put into its target.
    fn is_finished(&self) -> bool;

    /// Whether the first of it has come.
    fn has_begun(&self) -> bool {
        true
    }
}

impl Pass for Reframe {
    fn pass(&mut self, from: &mut Buffer, ended: bool, to: &mut Buffer) -> Result<(), Malformed> {
        Reframe::pass(self, from, ended, to)
    }

    fn is_finished(&self) -> bool {
        Reframe::is_finished(self)
    }
}

/// All bytes as they come, until the end.
#[derive(Debug, Default)]
struct Raw {
    finished: bool,
}

impl Pass for Raw {
    fn pass(&mut self, from: &mut Buffer, ended: bool, to: &mut Buffer) -> Result<(), Malformed> {
        let moved = to.push(from.data());
        from.consume(moved);
        self.finished = ended && from.is_empty();
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

/// Moves what can be moved of what was read, now or before. Whether anything was: then there may be more to move, once it is written.
fn advance(pass: &mut impl Pass, from: &mut Wire, to: &mut Buffer) -> Result<bool, Malformed> {
    let before = (from.ahead.data().len(), to.data().len());
    pass.pass(&mut from.ahead, from.ended, to)?;
    Ok((from.ahead.data().len(), to.data().len()) != before)
}

/// Why an exchange came to no end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The client has gone, or broke the rules: nobody is left to be told.
    Client,
    /// The client's body is none.
    Malformed,
    /// The daemon has gone, in mid-answer where `begun`.
    Daemon { error: Error, begun: bool },
}

/// What is on its way to the daemon and to the client, kept from call to call for its memory alone.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    up: Buffer,
    down: Buffer,
}

/// Takes a request's body to the daemon and its answer to the client, until the answer has been written. An answer
/// that comes before the whole body was taken is the answer.
///
/// # Errors
/// [`Broken`]; where there is a `patience`, also once the daemon has said nothing for so long, while the client was not
/// waited for.
pub(super) fn exchange(
    client: &mut Wire,
    daemon: &mut Wire,
    body: &mut Reframe,
    answer: &mut impl Pass,
    patience: Option<Duration>,
    Buffers { up, down }: &mut Buffers,
) -> Result<(), Broken> {
    // What a call before this has left.
    up.consume(usize::MAX);
    down.consume(usize::MAX);
    // Whether the daemon still takes the body.
    let mut taken = true;
    let mut gone = false;
    let mut since = Instant::now();
    loop {
        // First what is left of before, for that makes room.
        client.write(down).map_err(|_| Broken::Client)?;
        let mut moved = false;
        taken = taken && daemon.write(up).is_ok();
        if taken {
            moved |= advance(body, client, up).map_err(|_| Broken::Malformed)?;
            taken = daemon.write(up).is_ok();
        }
        let advanced = advance(answer, daemon, down);
        // Also where a head was passed on, and what stood behind it was wrong.
        let begun = answer.has_begun();
        let broken = |error: Error| Broken::Daemon { error, begun };
        if let Ok(more) = advanced {
            moved |= more;
        } else {
            let kind = if daemon.ended { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
            // What has come belongs to the client, as far as it goes.
            let _ = client.write(down);
            return Err(broken(kind.into()));
        }
        client.write(down).map_err(|_| Broken::Client)?;
        if answer.is_finished() && down.is_empty() {
            return Ok(());
        }
        if moved || !down.is_empty() {
            since = Instant::now();
        }
        if moved {
            continue;
        }
        let body_waits = taken && !body.is_finished();
        if gone && (client.ended || !body_waits) {
            return Err(Broken::Client);
        }
        let until = patience.filter(|_| down.is_empty()).and_then(|patience| since.checked_add(patience));
        let ready = ready(client, daemon, [up, down], until, !gone).map_err(broken)?;
        gone |= ready.hung_up;
        if ready.client {
            client.read().map_err(|_| Broken::Client)?;
        }
        if ready.daemon {
            daemon.read().map_err(broken)?;
        }
    }
}

/// Passes on what the daemon sends, and drops what the client does, until either has ended.
pub(super) fn output(client: &mut Wire, daemon: &mut Wire) {
    let mut down = Buffer::default();
    let nothing = Buffer::default();
    let mut downward = Raw::default();
    loop {
        if client.write(&mut down).is_err() {
            return;
        }
        let moved = advance(&mut downward, daemon, &mut down).unwrap_or(false);
        if client.write(&mut down).is_err() || (downward.is_finished() && down.is_empty()) {
            return;
        }
        if moved {
            continue;
        }
        let ready = match ready(client, daemon, [&nothing, &down], None, true) {
            Ok(ready) if !ready.hung_up => ready,
            Ok(_) | Err(_) => return,
        };
        if ready.read(client, daemon).is_err() {
            return;
        }
        client.ahead.consume(usize::MAX);
    }
}

/// Joins the two ends, each byte as it comes, and each end of a direction, until both have ended or one has gone.
pub(super) fn splice(client: &mut Wire, daemon: &mut Wire) {
    let (mut up, mut down) = (Buffer::default(), Buffer::default());
    let (mut upward, mut downward) = (Raw::default(), Raw::default());
    let mut gone = false;
    loop {
        // First what is left of before, for that makes room.
        if client.write(&mut down).is_err() {
            return;
        }
        if daemon.output.is_some() && daemon.write(&mut up).is_err() {
            daemon.output = None;
            up.consume(usize::MAX);
        }
        let moved = advance(&mut upward, client, &mut up).unwrap_or(false)
            | advance(&mut downward, daemon, &mut down).unwrap_or(false);
        if daemon.output.is_some() && daemon.write(&mut up).is_err() {
            // It takes no more; what it has to say is still passed on.
            daemon.output = None;
            up.consume(usize::MAX);
        }
        if client.write(&mut down).is_err() {
            return;
        }
        if upward.is_finished() && up.is_empty() {
            daemon.end_output();
        }
        if downward.is_finished() && down.is_empty() {
            client.end_output();
        }
        let ended = (daemon.output.is_none(), client.output.is_none());
        // A client that has closed both of its halves wants no answer, once all that it sent has been passed on.
        if ended == (true, true) || (gone && ended.0) {
            return;
        }
        // Where the daemon reads no more, what the client sends has nowhere to go, and is not waited for. Nor is it where
        // the client learns of the daemon's end by this one's: docker's own dial-stdio ends then, too.
        if ended.1 && (!client.halves || has_hung_up(daemon)) {
            return;
        }
        if moved {
            continue;
        }
        let Ok(ready) = ready(client, daemon, [&up, &down], None, !gone) else { return };
        gone |= ready.hung_up;
        if ready.read(client, daemon).is_err() {
            return;
        }
    }
}

/// What became ready.
struct Ready {
    /// The client reads no more.
    hung_up: bool,
    /// There is something to read from it, or its end.
    client: bool,
    /// The same of the daemon.
    daemon: bool,
}

impl Ready {
    /// Reads what can be read.
    fn read(&self, client: &mut Wire, daemon: &mut Wire) -> std::io::Result<()> {
        if self.client {
            client.read()?;
        }
        if self.daemon {
            daemon.read()?;
        }
        Ok(())
    }
}

/// Waits until something can be read that there is room for, or written that is due, or an end hangs up.
fn ready(
    client: &Wire,
    daemon: &Wire,
    [up, down]: [&Buffer; 2],
    until: Option<Instant>,
    watch: bool,
) -> std::io::Result<Ready> {
    let mut ends = Vec::with_capacity(4);
    // First, so that it is found again.
    if let (true, Some(output)) = (watch, &client.output) {
        let events = if down.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
        ends.push(PollFd::new(output.as_fd(), events));
    }
    let watched = ends.len();
    let places = [client, daemon].map(|wire| {
        let place = (!wire.ended && wire.ahead.room() > 0).then_some(ends.len());
        if place.is_some() {
            ends.push(PollFd::new(wire.input.as_fd(), PollFlags::POLLIN));
        }
        place
    });
    if let (false, Some(output)) = (up.is_empty(), &daemon.output) {
        ends.push(PollFd::new(output.as_fd(), PollFlags::POLLOUT));
    }
    if client.output.is_none() {
        // For its closing the half that it still has.
        ends.push(PollFd::new(daemon.input.as_fd(), PollFlags::empty()));
    }
    if ends.is_empty() {
        return Err(ErrorKind::BrokenPipe.into());
    }
    wait(&mut ends, until)?;
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR;
    let first = ends.first().filter(|_| watched == 1).and_then(PollFd::revents);
    let hung_up = first.is_some_and(|events| events.intersects(gone));
    let [client, daemon] = places.map(|place| place.and_then(|place| ends.get(place)?.any()).unwrap_or(false));
    Ok(Ready { hung_up, client, daemon })
}

/// Whether the other end is closed altogether, and not just one half of it.
fn has_hung_up(wire: &Wire) -> bool {
    let mut ends = [PollFd::new(wire.input.as_fd(), PollFlags::empty())];
    nix::poll::poll(&mut ends, 0u8).is_ok_and(|count| count > 0)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the other ends of the tests are threads")]
mod tests {
    use super::*;
    use crate::guard::framing::Framing;
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;
    use std::thread;

    fn ends() -> (UnixStream, Wire) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (ours, Wire::of_socket(theirs.into()).unwrap())
    }

    #[test]
    fn a_half_close_passes_each_way() {
        let ((mut client, mut inner), (mut daemon, mut outer)) = (ends(), ends());
        let joined = thread::spawn(move || splice(&mut inner, &mut outer));
        client.write_all(b"in").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        daemon.read_to_string(&mut text).unwrap();
        assert_eq!(text, "in");
        daemon.write_all(b"out").unwrap();
        drop(daemon);
        text.clear();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "out");
        joined.join().unwrap();
    }

    #[test]
    fn a_reader_that_was_slow_gets_the_rest() {
        for _ in 0..20 {
            let ((mut client, mut inner), (mut daemon, mut outer)) = (ends(), ends());
            let joined = thread::spawn(move || splice(&mut inner, &mut outer));
            let sent = thread::spawn(move || daemon.write_all(&vec![7; 1 << 20]).unwrap());
            // Until everything on the way is full; then all of it is taken at once.
            thread::sleep(Duration::from_millis(20));
            let mut taken = vec![0; 1 << 20];
            client.read_exact(&mut taken).unwrap();
            assert!(taken.iter().all(|byte| *byte == 7));
            sent.join().unwrap();
            drop(client);
            joined.join().unwrap();
        }
    }

    #[test]
    fn the_daemons_half_close_leaves_the_clients() {
        let ((mut client, mut inner), (mut daemon, mut outer)) = (ends(), ends());
        let joined = thread::spawn(move || splice(&mut inner, &mut outer));
        daemon.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        client.write_all(b"still").unwrap();
        drop(client);
        let mut text = String::new();
        daemon.read_to_string(&mut text).unwrap();
        assert_eq!(text, "still");
        joined.join().unwrap();
    }

    #[test]
    fn a_stream_ends_when_either_end_has_gone() {
        for client_first in [true, false] {
            let ((client, mut inner), (daemon, mut outer)) = (ends(), ends());
            let joined = thread::spawn(move || splice(&mut inner, &mut outer));
            if client_first {
                drop(client)
            } else {
                drop(daemon)
            }
            joined.join().unwrap();
        }
    }

    #[test]
    fn an_answer_before_the_whole_body_is_the_answer() {
        let ((mut client, mut inner), (mut daemon, mut outer)) = (ends(), ends());
        let joined = thread::spawn(move || {
            let mut body = Reframe::new(Framing::Length(1 << 30), Framing::Chunked);
            let mut answer = Reframe::new(Framing::Length(2), Framing::Length(2));
            exchange(&mut inner, &mut outer, &mut body, &mut answer, None, &mut Buffers::default())
                .map(|()| body.is_finished())
        });
        client.write_all(b"some").unwrap();
        daemon.read_exact(&mut [0; 9]).unwrap();
        daemon.write_all(b"no").unwrap();
        drop(daemon);
        let mut answer = [0; 2];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"no");
        assert!(matches!(joined.join().unwrap(), Ok(false)));
    }

    #[test]
    fn a_client_that_has_gone_ends_the_exchange() {
        let ((client, mut inner), (_daemon, mut outer)) = (ends(), ends());
        let joined = thread::spawn(move || {
            let mut body = Reframe::new(Framing::Length(0), Framing::Length(0));
            let mut answer = Reframe::new(Framing::UntilEnd, Framing::UntilEnd);
            exchange(&mut inner, &mut outer, &mut body, &mut answer, None, &mut Buffers::default())
        });
        drop(client);
        assert!(matches!(joined.join().unwrap(), Err(Broken::Client)));
    }

    #[test]
    fn a_daemon_that_says_nothing_is_not_waited_for_where_there_is_a_deadline() {
        struct Never;
        impl Pass for Never {
            fn pass(&mut self, _: &mut Buffer, _: bool, _: &mut Buffer) -> Result<(), Malformed> {
                Ok(())
            }
            fn is_finished(&self) -> bool {
                false
            }
            fn has_begun(&self) -> bool {
                false
            }
        }
        let ((_client, mut inner), (_daemon, mut outer)) = (ends(), ends());
        let mut body = Reframe::new(Framing::Length(0), Framing::Length(0));
        let soon = Some(Duration::from_millis(5));
        let broken =
            exchange(&mut inner, &mut outer, &mut body, &mut Never, soon, &mut Buffers::default()).unwrap_err();
        assert!(matches!(broken, Broken::Daemon { error, begun: false } if error.kind() == ErrorKind::TimedOut));
    }
}
