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

/// Calls to the daemon's API while the command ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that were passed on.
    pub made: u64,
    pub refused: u64,
    /// What clients of the API only looked at, which has no records of its own: the commands that it is.
    pub looked: Vec<String>,
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let Self { outcome, cause, ran, judged, calls: Counts { made, refused, looked } } = self;
        let (ran, judged, cause) = (ran.as_millis(), judged.as_millis(), cause.word());
        let mut line = format!(
            "verdict=end id={id} {outcome} ms={ran} ended={cause} judged_ms={judged} calls={made} calls_refused={refused}"
        );
        if !looked.is_empty() {
            line.push_str(&format!(" looked=\"{}\"", looked.join(",")));
        }
        line
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
            calls: Counts { made: 3, refused: 1, looked: Vec::new() },
        };
        assert_eq!(
            end.line("5f-1"),
            "verdict=end id=5f-1 exit=0 ms=1234 ended=itself judged_ms=4 calls=3 calls_refused=1"
        );
        let looked = vec!["container inspect".to_owned(), "ps".to_owned()];
        let far = End { calls: Counts { looked, ..end.calls.clone() }, ..end.clone() };
        assert!(far.line("5f-1").ends_with(" calls_refused=1 looked=\"container inspect,ps\""));
        let killed = End { outcome: Outcome::Signal(Signal::SIGKILL), cause: Cause::ClientGone, ..end };
        assert!(killed.line("5f-1").starts_with("verdict=end id=5f-1 signal=KILL ms=1234 ended=client-gone "));
    }
}
