//! Exit codes: docker's own when docker ran, else one of these (sysexits.h). Data.

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
