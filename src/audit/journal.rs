//! Records to systemd-journald by its native protocol, with fields of their own. Acts: sends datagrams.
#![expect(clippy::disallowed_methods, reason = "one of the audit's sinks")]

use super::read::line::Fields;
use super::record::{MAX_LINE, Verdict};
use super::sink::Sink;
use crate::policy::Audit;
use crate::policy::values::Facility;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

/// How long a journal that does not read may hold a request up, before it is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to the journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    socket: UnixDatagram,
    facility: Facility,
}

impl Journal {
    /// Connects to the socket that the policy names.
    ///
    /// # Errors
    /// When there is no journal behind it.
    pub fn connect(audit: &Audit) -> Result<Box<dyn Sink>> {
        let about = || format!("journal socket {}", audit.journal.display());
        let socket = UnixDatagram::unbound().with_context(about)?;
        socket.connect(&audit.journal).with_context(about)?;
        socket.set_write_timeout(Some(PATIENCE)).with_context(about)?;
        Ok(Box::new(Self { path: audit.journal.clone(), socket, facility: audit.facility }))
    }
}

impl Sink for Journal {
    fn room(&self) -> usize {
        // The request goes twice: in the message and as a field. Far below the 208 KiB that a datagram may have.
        MAX_LINE
    }

    fn write(&self, verdict: Verdict, line: &str) -> Result<()> {
        let entry = entry(verdict, self.facility, std::process::id(), line)?;
        self.socket.send(entry.as_bytes()).with_context(|| format!("journal socket {}", self.path.display()))?;
        Ok(())
    }
}

/// An entry as the protocol has it, a field a line (systemd.io, "Native Journal Protocol"). A record's values
/// hold no newline, so that none needs a length.
fn entry(verdict: Verdict, facility: Facility, pid: u32, line: &str) -> Result<String> {
    let fields = Fields::of(line).context("the record does not have its form")?;
    let (priority, facility) = (verdict.severity(), facility.number());
    let mut entry = format!(
        "MESSAGE={line}\nPRIORITY={priority}\nSYSLOG_FACILITY={facility}\nSYSLOG_IDENTIFIER=dockgate\nSYSLOG_PID={pid}\n"
    );
    for (name, value) in &fields.fields {
        let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
        let _ = writeln!(entry, "DOCKGATE_{name}={value}");
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_gets_every_field() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let recorder = UnixDatagram::bind(&path).unwrap();
        let audit = Audit { journal: path.clone(), ..crate::policy::Policy::default().audit };
        let journal = Journal::connect(&audit).unwrap();
        journal.write(Verdict::Deny, "verdict=deny id=5f-1 judged_ms=3 request=\"a \\\"b\\\" \\n=c\"").unwrap();
        let mut buffer = [0; 4096];
        let length = recorder.recv(&mut buffer).unwrap();
        let entry = std::str::from_utf8(&buffer[..length]).unwrap();
        let pid = std::process::id();
        assert_eq!(
            entry,
            format!(
                "MESSAGE=verdict=deny id=5f-1 judged_ms=3 request=\"a \\\"b\\\" \\n=c\"\nPRIORITY=4\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=dockgate\nSYSLOG_PID={pid}\nDOCKGATE_VERDICT=deny\nDOCKGATE_ID=5f-1\nDOCKGATE_JUDGED_MS=3\nDOCKGATE_REQUEST=a \\\"b\\\" \\n=c\n"
            )
        );
        drop(recorder);
        assert!(journal.write(Verdict::Allow, "verdict=allow").is_err());
        let missing = Audit { journal: directory.path().join("none"), ..audit };
        assert!(format!("{:#}", Journal::connect(&missing).unwrap_err()).contains("journal socket"));
    }
}
