//! Clock: how long a connection may last, and how long without sending anything to the client. Pure.

use crate::audit::end::Cause;
use crate::run::life::Times;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a connection does, as its thread says.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// How many bytes the client has been sent.
    sent: AtomicU64,
    /// No call is being served: the client is waited for.
    waits: AtomicBool,
}

impl Activity {
    pub(super) fn sends(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn waits(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }
}

/// The limits of one connection, from when it began.
#[derive(Debug)]
pub(super) struct Clock {
    over_at: Option<Instant>,
    idle: Option<Duration>,
    /// How many bytes the client had been sent when that was last looked at, and since when it is so many.
    sent: u64,
    since: Instant,
}

impl Clock {
    /// `None` where nothing is limited.
    pub(super) fn new(times: Times, now: Instant) -> Option<Self> {
        let Times { duration, idle } = times;
        let over_at = duration.and_then(|duration| now.checked_add(duration));
        (over_at.is_some() || idle.is_some()).then_some(Self { over_at, idle, sent: 0, since: now })
    }

    /// How long to wait before it is looked at again.
    ///
    /// # Errors
    /// Why the connection is over.
    pub(super) fn look(&mut self, now: Instant, activity: &Activity) -> Result<Duration, Cause> {
        let (sent, waits) = (activity.sent.load(Ordering::Relaxed), activity.waits.load(Ordering::Relaxed));
        if self.over_at.is_some_and(|at| at <= now) {
            return Err(Cause::Duration);
        }
        // A client that asks for nothing keeps nothing busy.
        if sent != self.sent || waits {
            (self.sent, self.since) = (sent, now);
        }
        if self.idle.is_some_and(|most| now.saturating_duration_since(self.since) >= most) {
            return Err(Cause::Idle);
        }
        let left = self.over_at.map(|at| at.saturating_duration_since(now));
        // A few times in the time that it may last.
        let next = [left, self.idle.map(|most| most / 8)].into_iter().flatten().min();
        Ok(next.unwrap_or(Duration::from_secs(60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_over_by_time_or_by_silence() {
        let begun = Instant::now();
        let after = |seconds: u64| begun + Duration::from_secs(seconds);
        assert!(Clock::new(Times::default(), begun).is_none());
        let times = |duration: Option<u64>, idle: Option<u64>| Times {
            duration: duration.map(Duration::from_secs),
            idle: idle.map(Duration::from_secs),
        };
        let sent = |bytes: usize| {
            let activity = Activity::default();
            activity.sends(bytes);
            activity
        };
        let mut clock = Clock::new(times(Some(100), None), begun).expect("limited");
        assert_eq!(clock.look(after(60), &sent(0)), Ok(Duration::from_secs(40)));
        assert_eq!(clock.look(after(100), &sent(7)), Err(Cause::Duration));
        let mut clock = Clock::new(times(Some(100), Some(16)), begun).expect("limited");
        assert_eq!(clock.look(after(10), &sent(1)), Ok(Duration::from_secs(2)));
        assert_eq!(clock.look(after(25), &sent(1)), Ok(Duration::from_secs(2)));
        assert_eq!(clock.look(after(26), &sent(1)), Err(Cause::Idle));
        assert_eq!(clock.look(after(26), &sent(2)), Ok(Duration::from_secs(2)), "it has said something");
        let waits = sent(2);
        waits.waits(true);
        assert_eq!(clock.look(after(90), &waits), Ok(Duration::from_secs(2)), "it is asked for nothing");
        assert_eq!(clock.look(after(99), &sent(2)), Ok(Duration::from_secs(1)));
    }
}
