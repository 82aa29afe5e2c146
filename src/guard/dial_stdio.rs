//! Dial-stdio: the API over standard input and output, as `docker -H ssh://HOST` asks for it. Acts.
#![expect(clippy::disallowed_methods, reason = "the connection's thread is started here")]

use super::Guard;
use super::clock::{Activity, Clock};
use super::connection::Connection;
use super::listener::STACK;
use super::wire::{self, Wire};
use crate::audit::end::Cause;
use crate::run::life::Times;
use crate::run::signals::{Signals, Told};
use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

/// How long a connection may take to end when the client has gone.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves calls until the client's end, a signal, or the end of the time that it has; which, is said.
///
/// # Errors
/// When standard input or output cannot be used, or there can be no thread.
pub fn serve(guard: &Arc<Guard>, signals: &Signals, times: Times) -> Result<Cause> {
    let input = std::io::stdin().as_fd().try_clone_to_owned().context("standard input")?;
    let output = std::io::stdout().as_fd().try_clone_to_owned().context("standard output")?;
    let activity = Arc::new(Activity::default());
    let client = Wire::new(input, output).context("standard input and output")?.watched(Arc::clone(&activity));
    let (ended, alive) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).context("a pipe")?;
    let guard = Arc::clone(guard);
    let connection = move || {
        let _alive = alive;
        Connection::new(&guard, client, None).serve();
    };
    // It ends with this process, whatever it waits for.
    Builder::new().stack_size(STACK).spawn(connection).context("a further thread")?;
    let mut clock = Clock::new(times, Instant::now());
    loop {
        let now = Instant::now();
        let next = clock.as_mut().map(|clock| clock.look(now, &activity));
        let until = match next {
            None => None,
            Some(Ok(left)) => now.checked_add(left),
            Some(Err(cause)) => return Ok(cause),
        };
        let mut watched =
            [PollFd::new(ended.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match wire::wait(&mut watched, until) {
            Err(error) if error.kind() == ErrorKind::TimedOut => continue,
            Err(error) => return Err(error).context("waiting for the client"),
            Ok(()) => {}
        }
        // Its thread has let go of it.
        if watched.first().and_then(PollFd::revents).is_some_and(|events| events.contains(PollFlags::POLLHUP)) {
            return Ok(Cause::Itself);
        }
        match signals.take()?.first() {
            None => {}
            Some(Told::ParentGone) => {
                // Whatever it has had made by then is recorded.
                let mut connection = [PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
                let _ = wire::wait(&mut connection, Instant::now().checked_add(FAREWELL));
                return Ok(Cause::ClientGone);
            }
            Some(Told::Pass(_)) => return Ok(Cause::Signal),
        }
    }
}
