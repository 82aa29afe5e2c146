//! Deadline: work that may not go on for ever. Acts: starts a thread, sets limits of the process.
#![expect(clippy::disallowed_methods, reason = "the thread is started here, and only here")]

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

/// Stack for the work, in bytes: parsers recurse with the nesting of what they read.
const STACK: usize = 64 * 1024 * 1024;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It was not done in time. It may go on until the process ends.
    Late,
    /// It could not be started, or ended without a result: a defect.
    Failed,
}

/// Does `work`, and waits for its result no longer than `limit`.
///
/// # Errors
/// [`Missed`], when there is no result then.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Missed> {
    let (sender, receiver) = channel();
    let started = Builder::new().stack_size(STACK).spawn(move || {
        // Who waited may have gone.
        let _ = sender.send(work());
    });
    if started.is_err() {
        return Err(Missed::Failed);
    }
    receiver.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => Missed::Late,
        RecvTimeoutError::Disconnected => Missed::Failed,
    })
}

/// A limit on the processor time of this process and of each that it starts, until it is lifted.
#[derive(Debug)]
pub struct ProcessorTime {
    before: (rlim_t, rlim_t),
}

impl ProcessorTime {
    /// Limits to `seconds`, or to the limit that there is already.
    ///
    /// # Errors
    /// As setrlimit(2).
    pub fn limit(seconds: rlim_t) -> nix::Result<Self> {
        let before = getrlimit(Resource::RLIMIT_CPU)?;
        setrlimit(Resource::RLIMIT_CPU, seconds.min(before.0), before.1)?;
        Ok(Self { before })
    }

    /// Puts back the limit that there was.
    ///
    /// # Errors
    /// As setrlimit(2).
    pub fn lift(self) -> nix::Result<()> {
        setrlimit(Resource::RLIMIT_CPU, self.before.0, self.before.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_put_back() {
        let before = getrlimit(Resource::RLIMIT_CPU).unwrap();
        let limit = ProcessorTime::limit(3600).unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CPU).unwrap().0, before.0.min(3600));
        limit.lift().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_CPU).unwrap(), before);
    }

    #[test]
    fn what_takes_too_long_or_fails_has_no_result() {
        assert_eq!(within(Duration::from_secs(60), || 7), Ok(7));
        // It would wait for ever: the sender that it waits for is kept.
        let (kept, never) = channel::<()>();
        assert_eq!(within(Duration::from_millis(10), move || never.recv().is_ok()), Err(Missed::Late));
        drop(kept);
        assert_eq!(within(Duration::from_secs(60), || -> u8 { panic!("a defect") }), Err(Missed::Failed));
    }
}
