//! Records to the local syslog socket, RFC 3164. Acts: sends datagrams.
#![expect(clippy::disallowed_methods, reason = "the audit's sink")]

use super::record::Verdict;
use crate::policy::Audit;
use crate::policy::values::Facility;
use anyhow::{Context, Result};
use std::fmt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;
use syslog::{Formatter3164, Logger, LoggerBackend};

/// How long a syslog daemon that does not read may hold a request up, before it is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to the syslog daemon.
pub struct Sink {
    socket: PathBuf,
    // The syslog crate's calls take `&mut self`.
    logger: Mutex<Logger<LoggerBackend, Formatter3164>>,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Sink {
    /// Connects to the socket that the policy names.
    ///
    /// # Errors
    /// When there is no syslog daemon behind it.
    pub fn connect(audit: &Audit) -> Result<Self> {
        let about = || format!("syslog socket {}", audit.socket.display());
        let socket = UnixDatagram::unbound().with_context(about)?;
        // The syslog crate connects without a limit on the time that a send may take.
        socket.connect(&audit.socket).with_context(about)?;
        socket.set_write_timeout(Some(PATIENCE)).with_context(about)?;
        let formatter = Formatter3164 {
            facility: facility(audit.facility),
            hostname: None,
            process: "dockgate".to_owned(),
            pid: std::process::id(),
        };
        let logger = Mutex::new(Logger::new(LoggerBackend::Unix(socket), formatter));
        Ok(Self { socket: audit.socket.clone(), logger })
    }

    /// Sends one line: allow and end at info, observe at notice, deny at warning, error at err.
    ///
    /// # Errors
    /// When the daemon is gone, or has not read for [`PATIENCE`].
    pub fn write(&self, verdict: Verdict, line: &str) -> Result<()> {
        let mut logger = self.logger.lock().map_err(|_| anyhow::anyhow!("the audit's lock is broken"))?;
        let sent = match verdict {
            Verdict::Allow | Verdict::End => logger.info(line),
            Verdict::Observe => logger.notice(line),
            Verdict::Deny => logger.warning(line),
            Verdict::Error => logger.err(line),
        };
        sent.map_err(|error| anyhow::anyhow!("syslog socket {}: {error}", self.socket.display()))
    }
}

fn facility(facility: Facility) -> syslog::Facility {
    match facility {
        Facility::Auth => syslog::Facility::LOG_AUTH,
        Facility::Authpriv => syslog::Facility::LOG_AUTHPRIV,
        Facility::Daemon => syslog::Facility::LOG_DAEMON,
        Facility::User => syslog::Facility::LOG_USER,
        Facility::Local0 => syslog::Facility::LOG_LOCAL0,
        Facility::Local1 => syslog::Facility::LOG_LOCAL1,
        Facility::Local2 => syslog::Facility::LOG_LOCAL2,
        Facility::Local3 => syslog::Facility::LOG_LOCAL3,
        Facility::Local4 => syslog::Facility::LOG_LOCAL4,
        Facility::Local5 => syslog::Facility::LOG_LOCAL5,
        Facility::Local6 => syslog::Facility::LOG_LOCAL6,
        Facility::Local7 => syslog::Facility::LOG_LOCAL7,
    }
}
