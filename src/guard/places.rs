//! Places: how many large bodies are judged, and large answers narrowed, at once, so that memory has a bound however many
//! clients there are. Acts: waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest, in bytes, that needs no place. What stock clients send is a few KiB.
const SMALL: usize = 8 * 1024;

/// How many larger ones are judged at once. Four of 60 000 values took 205 MB together (measured).
const MOST: usize = 4;

static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

fn taken() -> MutexGuard<'static, usize> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place among those that are judged, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    is_needed: bool,
}

impl Place {
    /// A place for a body of so many bytes; `None` where none becomes free in time.
    pub(super) fn take(length: usize, patience: Duration) -> Option<Self> {
        if length <= SMALL {
            return Some(Self { is_needed: false });
        }
        let waited = FREED.wait_timeout_while(taken(), patience, |taken| *taken >= MOST);
        let (mut taken, late) = waited.unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() {
            return None;
        }
        *taken += 1;
        Some(Self { is_needed: true })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_needed {
            *taken() -= 1;
            FREED.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_ones_wait_for_each_other_and_small_ones_for_nobody() {
        let soon = Duration::from_millis(5);
        let places: Vec<_> = (0..MOST).map(|_| Place::take(SMALL + 1, soon).expect("a place")).collect();
        assert!(Place::take(SMALL + 1, soon).is_none());
        assert!(Place::take(SMALL, soon).is_some());
        drop(places);
        assert!(Place::take(SMALL + 1, soon).is_some());
    }
}
