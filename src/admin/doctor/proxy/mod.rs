//! The facts about a socket of `dockgate proxy`, for programs on this host. Data. Pure.

use super::account::Account;
use super::facts::Daemon;
use super::rate::Limit;
use super::way::Way;
use crate::policy::set::PolicySet;
use std::path::PathBuf;

pub mod checks;
pub mod unit;

/// A proxy, as far as it bears on the programs that use it.
#[derive(Clone, Debug)]
pub struct ProxyFacts {
    pub socket: Way,
    /// The name of the socket's group.
    pub group: Option<String>,
    pub started: Option<Started>,
    /// Who serves: root, unless the unit says otherwise.
    pub server: Account,
    pub policy_file: Way,
    pub policy: Result<PolicySet, String>,
    pub daemon: Daemon,
    /// Who may connect, root left out; the one that was named, if one was.
    pub users: Vec<Account>,
    /// Whether those were named, and are meant to be able to.
    pub named: bool,
    /// Whether the policy in force for keys has this socket for its daemon: a gate is what connects.
    pub of_a_gate: bool,
    pub syslog: Way,
    /// Why nothing can be sent there.
    pub syslog_error: Option<String>,
    pub limits: Vec<Limit>,
}

/// How a proxy is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The unit, or the process where there is none.
    pub by: String,
    /// The file in which the package's unit looks for further options.
    pub environment: Option<PathBuf>,
    /// The options, or why dockgate refuses them.
    pub options: Result<Options, String>,
}

/// What decides how calls are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub config: Option<PathBuf>,
    pub profile: Option<String>,
    pub key: Option<String>,
}
