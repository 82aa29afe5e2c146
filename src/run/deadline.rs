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

/// Does `work`, and waits for its result no longer than `limit`. Once that is there, the thread has gone: a signal for the
/// process that this thread waits for, of a child that has ended, could be given to it and be lost (signal(7)).
///
/// # Errors
/// [`Missed`], when there is no result then.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Missed> {
    let (sender, receiver) = channel();
    let started = Builder::new().stack_size(STACK).spawn(move || {
        // Who waited may have gone.
        let _ = sender.send(work());
    });
    let Ok(thread) = started else { return Err(Missed::Failed) };
    match receiver.recv_timeout(limit) {
        // It has nothing to do any more but to end.
        Ok(done) => thread.join().map(|()| done).map_err(|_| Missed::Failed),
        Err(RecvTimeoutError::Timeout) => Err(Missed::Late),
        Err(RecvTimeoutError::Disconnected) => Err(Missed::Failed),
    }
}

/// Limits on the processor time and the memory of this process and of each that it starts, until they are lifted.
#[derive(Debug)]
pub struct Bounds {
    before: Vec<(Resource, rlim_t, rlim_t)>,
}

impl Bounds {
    /// Limits to `seconds` of processor time and `bytes` of memory that can be written, or to the limits that there are
    /// already.
    ///
    /// # Errors
    /// As setrlimit(2).
    pub fn set(seconds: rlim_t, bytes: rlim_t) -> nix::Result<Self> {
        let mut bounds = Self { before: Vec::new() };
        for (resource, most) in [(Resource::RLIMIT_CPU, seconds), (Resource::RLIMIT_DATA, bytes)] {
            let (soft, hard) = getrlimit(resource)?;
            setrlimit(resource, most.min(soft), hard)?;
            bounds.before.push((resource, soft, hard));
        }
        Ok(bounds)
    }

    /// Puts back the limits that there were.
    ///
    /// # Errors
    /// As setrlimit(2).
    pub fn lift(self) -> nix::Result<()> {
        self.before.into_iter().try_for_each(|(resource, soft, hard)| setrlimit(resource, soft, hard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_put_back() {
        let now = || [Resource::RLIMIT_CPU, Resource::RLIMIT_DATA].map(|resource| getrlimit(resource).unwrap());
        let before = now();
        let bounds = Bounds::set(3600, 1 << 40).unwrap();
        assert_eq!(now().map(|(soft, _)| soft), [before[0].0.min(3600), before[1].0.min(1 << 40)]);
        bounds.lift().unwrap();
        assert_eq!(now(), before);
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
