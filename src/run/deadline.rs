//! Deadline: work that may not go on for ever. Acts: starts a thread, sets limits of the process.
#![expect(clippy::disallowed_methods, reason = "the thread is started here, and only here")]

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Stack for the work, in bytes: parsers recurse with the nesting of what they read.
const STACK: usize = 64 * 1024 * 1024;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It was not done in time. It may go on until the process ends.
    Late,
    /// It could not be started, or ended without a result: a defect.
    Failed,
    /// Nobody waits for it any more. It may go on until the process ends.
    Unwanted,
}

/// How often it is looked whether the work is wanted still.
const STEP: Duration = Duration::from_millis(200);

/// Does `work`, and waits for its result no longer than `limit`, nor when it is `unwanted`. Once that is there, the
/// thread has gone: a signal for the process that this thread waits for, of a child that has ended, could be given to it
/// and be lost (signal(7)).
///
/// While the work is done, this thread allocates nothing, so that the work may fork: a child gets the heap's lock as it
/// stands at that moment, and with it held by a thread that the child has not, could allocate nothing. So `unwanted` must
/// not either.
///
/// # Errors
/// [`Missed`], when there is no result then.
pub fn within<T: Send + 'static>(
    limit: Duration,
    unwanted: impl Fn() -> bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Missed> {
    let begun = Instant::now();
    let shared = Arc::new((Mutex::new(None), Condvar::new()));
    let theirs = Arc::clone(&shared);
    let (result, told) = &*shared;
    let mut waiting = hold(result);
    let started = Builder::new().stack_size(STACK).spawn(move || {
        let (result, told) = &*theirs;
        // Free from when this is waited for.
        drop(hold(result));
        let done = caught(work);
        *hold(result) = Some(done);
        told.notify_one();
    });
    let Ok(thread) = started else { return Err(Missed::Failed) };
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        (waiting, _) = told.wait_timeout(waiting, left.min(STEP)).unwrap_or_else(PoisonError::into_inner);
        match waiting.take() {
            Some(done) => {
                drop(waiting);
                // It has nothing to do any more but to end.
                return thread.join().map_err(|_| Missed::Failed).and(done);
            }
            None if left.is_zero() => return Err(Missed::Late),
            None if unwanted() => return Err(Missed::Unwanted),
            None => {}
        }
    }
}

/// What a thread that panicked has left is as it was before: it panics nowhere while it holds this.
fn hold<T>(result: &Mutex<T>) -> MutexGuard<'_, T> {
    result.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` that waits for nothing, and has its own end.
///
/// # Errors
/// [`Missed::Failed`], when it ended without a result.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Missed> {
    // Nothing that the work has changed is looked at afterwards.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Missed::Failed)
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
    use std::sync::mpsc::channel;

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
        let wanted = || false;
        assert_eq!(within(Duration::from_secs(60), wanted, || 7), Ok(7));
        // It would wait for ever: the sender that it waits for is kept.
        let (kept, never) = channel::<()>();
        assert_eq!(within(Duration::from_millis(10), wanted, move || never.recv().is_ok()), Err(Missed::Late));
        let (kept_too, never) = channel::<()>();
        assert_eq!(within(Duration::from_secs(60), || true, move || never.recv().is_ok()), Err(Missed::Unwanted));
        drop((kept, kept_too));
        assert_eq!(within(Duration::from_secs(60), wanted, || -> u8 { panic!("a defect") }), Err(Missed::Failed));
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| -> u8 { panic!("a defect") }), Err(Missed::Failed));
    }
}
