//! End: how a command ended, as the second record under its id. Pure.

use crate::exit::Outcome;
use std::time::Duration;

/// Why a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By itself.
    Itself,
    /// The far end of its standard output has gone, or sshd's process for the connection.
    ClientGone,
    /// The gate was sent a signal, and passed it on.
    Signal,
    /// It ran for longer than `limits.duration`.
    Duration,
    /// It said nothing for longer than `limits.idle`.
    Idle,
}

impl Cause {
    /// The word in the record.
    pub fn word(self) -> &'static str {
        match self {
            Self::Itself => "itself",
            Self::ClientGone => "client-gone",
            Self::Signal => "signal",
            Self::Duration => "limit-duration",
            Self::Idle => "limit-idle",
        }
    }
}

/// Calls to the daemon's API while the command ran: those that were passed on, and those that were refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub made: u64,
    pub refused: u64,
}

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub outcome: Outcome,
    pub cause: Cause,
    /// From its start to its end.
    pub ran: Duration,
    /// From the gate's start to the verdict: reading, `docker compose config`, questions to the daemon.
    pub judged: Duration,
    pub calls: Counts,
}

impl End {
    /// The record's one line.
    pub fn line(&self, id: &str) -> String {
        let Self { outcome, cause, ran, judged, calls: Counts { made, refused } } = self;
        let (ran, judged, cause) = (ran.as_millis(), judged.as_millis(), cause.word());
        format!(
            "verdict=end id={id} {outcome} ms={ran} ended={cause} judged_ms={judged} calls={made} calls_refused={refused}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;

    #[test]
    fn an_end_is_one_line() {
        let end = End {
            outcome: Outcome::Code(0),
            cause: Cause::Itself,
            ran: Duration::from_micros(1_234_567),
            judged: Duration::from_millis(4),
            calls: Counts { made: 3, refused: 1 },
        };
        assert_eq!(
            end.line("5f-1"),
            "verdict=end id=5f-1 exit=0 ms=1234 ended=itself judged_ms=4 calls=3 calls_refused=1"
        );
        let killed = End { outcome: Outcome::Signal(Signal::SIGKILL), cause: Cause::ClientGone, ..end };
        assert!(killed.line("5f-1").starts_with("verdict=end id=5f-1 signal=KILL ms=1234 ended=client-gone "));
    }
}
