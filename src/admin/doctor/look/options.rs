//! Options: what an administrator names to be looked at. Data. Pure.

use std::path::PathBuf;

/// What to look at; `None`: what is usual.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The account's name; this process's own.
    pub user: Option<String>,
    /// The policy file, absolute.
    pub config: Option<PathBuf>,
    pub sshd: Option<PathBuf>,
    pub sshd_config: Option<PathBuf>,
    /// To start the gate; and where its records may be besides the usual logs.
    pub probe: Option<Vec<PathBuf>>,
}
