//! Records to the local syslog socket, RFC 3164 or RFC 5424. Acts: sends datagrams.
#![expect(clippy::disallowed_methods, reason = "one of the audit's sinks")]

use super::format;
use super::read::time;
use super::record::Verdict;
use super::sink::Sink;
use crate::policy::Audit;
use crate::policy::values::{Facility, Format};
use anyhow::{Context, Result};
use std::fmt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use syslog::{Formatter3164, Logger, LoggerBackend};

/// How long a syslog daemon that does not read may hold a request up, before it is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to the syslog daemon.
pub struct Syslog {
    path: PathBuf,
    facility: Facility,
    format: Format,
    // The syslog crate's calls take `&mut self`.
    logger: Mutex<Logger<LoggerBackend, Formatter3164>>,
    // For what the crate does not write.
    socket: UnixDatagram,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").field("path", &self.path).field("format", &self.format).finish_non_exhaustive()
    }
}

impl Syslog {
    /// Connects to the socket that the policy names.
    ///
    /// # Errors
    /// When there is no syslog daemon behind it.
    pub fn connect(audit: &Audit) -> Result<Box<dyn Sink>> {
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
        let logger = Mutex::new(Logger::new(LoggerBackend::Unix(socket.try_clone().with_context(about)?), formatter));
        Ok(Box::new(Self {
            path: audit.socket.clone(),
            facility: audit.facility,
            format: audit.format,
            logger,
            socket,
        }))
    }

    /// RFC 5424: the daemon knows its own host's name.
    fn structured(&self, verdict: Verdict, message: &str) -> std::io::Result<()> {
        let priority = self.facility.number() * 8 + verdict.severity();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = time::show(u64::try_from(now.as_micros()).unwrap_or_default());
        let time = time.trim_end_matches('Z');
        let header = format!(
            "<{priority}>1 {time}.{:06}Z - dockgate {} {}",
            now.subsec_micros(),
            std::process::id(),
            verdict.word()
        );
        self.socket.send(format!("{header} {message}").as_bytes()).map(drop)
    }
}

impl Sink for Syslog {
    fn room(&self) -> usize {
        format::room(self.format)
    }

    /// allow and end at info, observe at notice, deny at warning, error at err. Fails when the daemon is gone, or
    /// has not read for [`PATIENCE`].
    fn write(&self, verdict: Verdict, line: &str) -> Result<()> {
        let about = || format!("syslog socket {}", self.path.display());
        let message = format::message(self.format, line)?;
        if self.format == Format::Rfc5424 {
            return self.structured(verdict, &message).with_context(about);
        }
        let mut logger = self.logger.lock().map_err(|_| anyhow::anyhow!("the audit's lock is broken"))?;
        let sent = match verdict {
            Verdict::Allow | Verdict::Made | Verdict::End => logger.info(message),
            Verdict::Observe => logger.notice(message),
            Verdict::Deny => logger.warning(message),
            Verdict::Error => logger.err(message),
        };
        sent.map_err(|error| anyhow::anyhow!("{}: {error}", about()))
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
