//! Exit codes: docker's own when docker ran, else one of dockgate's (sysexits.h). Data.

use nix::sys::signal::Signal;
use std::fmt;

/// Why the gate itself ends, as an exit code that docker, ssh and timeout(1) do not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It answered by itself.
    Success = 0,
    /// A check of the administrator's found something (`policy test`, `doctor`).
    Failed = 1,
    /// `EX_USAGE`: dockgate's own options, or no command at all.
    Usage = 64,
    /// `EX_UNAVAILABLE`: the record could not be written, or docker is missing. Nothing ran.
    Unavailable = 69,
    /// `EX_NOPERM`: refused.
    Denied = 77,
    /// `EX_CONFIG`: the policy file is broken or could be changed by others. Nothing ran.
    Config = 78,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What the system says of a process that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its exit code.
    Code(i32),
    /// The signal that it died of.
    Signal(Signal),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit={code}"),
            // SIGKILL is KILL, as in ssh's own words.
            Self::Signal(signal) => write!(f, "signal={}", signal.as_str().trim_start_matches("SIG")),
        }
    }
}

/// How the gate itself ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a code of its own.
    Gate(Exit),
    /// As docker has.
    Docker(Outcome),
}

impl From<Exit> for Ending {
    fn from(exit: Exit) -> Self {
        Self::Gate(exit)
    }
}
