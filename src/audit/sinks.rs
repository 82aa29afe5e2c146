//! Sinks: where records go, a row for each in a table. Acts: by the sinks.

use super::journal::Journal;
use super::record::Verdict;
use super::sink::Sink;
use super::syslog::Syslog;
use crate::policy::Audit;
use crate::policy::values::SinkName;
use anyhow::{Context, Result};

type Connect = fn(&Audit) -> Result<Box<dyn Sink>>;

/// How each is reached.
const SINKS: &[(SinkName, Connect)] = &[(SinkName::Syslog, Syslog::connect), (SinkName::Journal, Journal::connect)];

/// The sinks of one request.
#[derive(Debug)]
pub struct Sinks {
    /// Nothing runs before all of these have the record.
    required: Vec<Box<dyn Sink>>,
    /// These get it too, if they can.
    also: Vec<Box<dyn Sink>>,
}

impl Sinks {
    /// Reaches the sinks that the policy names.
    ///
    /// # Errors
    /// When one that must have the record cannot be reached.
    pub fn connect(audit: &Audit) -> Result<Self> {
        let reach = |name: &SinkName| {
            let row = SINKS.iter().find(|(known, _)| known == name);
            row.context("a sink without a row")?.1(audit)
        };
        let required = audit.sinks.iter().map(reach).collect::<Result<_>>()?;
        Ok(Self { required, also: audit.also.iter().filter_map(|name| reach(name).ok()).collect() })
    }

    /// How many bytes a record's line may have, so that each takes it.
    pub fn room(&self) -> usize {
        let all = self.required.iter().chain(&self.also);
        all.map(|sink| sink.room()).min().unwrap_or(super::record::MAX_LINE)
    }

    /// Hands one line to whoever takes it; whether anybody did.
    pub fn tell(&self, verdict: Verdict, line: &str) -> bool {
        let told = self.required.iter().chain(&self.also).filter(|sink| sink.write(verdict, line).is_ok());
        told.count() > 0
    }

    /// Hands one line to all.
    ///
    /// # Errors
    /// When one that must have it did not take it.
    pub fn write(&self, verdict: Verdict, line: &str) -> Result<()> {
        self.required.iter().try_for_each(|sink| sink.write(verdict, line))?;
        for sink in &self.also {
            // Its loss stops nothing: that is what the policy says of it.
            let _ = sink.write(verdict, line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn what_must_have_it_must_be_there_and_the_others_need_not() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit {
            socket: directory.path().join("syslog"),
            journal: directory.path().join("journal"),
            sinks: vec![SinkName::Syslog],
            also: vec![SinkName::Journal],
            ..Policy::default().audit
        };
        assert!(Sinks::connect(&audit).is_err());
        let syslog = UnixDatagram::bind(&audit.socket).unwrap();
        let sinks = Sinks::connect(&audit).unwrap();
        sinks.write(Verdict::Allow, "verdict=allow id=1-1").unwrap();
        assert!(Sinks::connect(&Audit { sinks: vec![SinkName::Syslog, SinkName::Journal], ..audit.clone() }).is_err());
        let journal = UnixDatagram::bind(&audit.journal).unwrap();
        let sinks = Sinks::connect(&audit).unwrap();
        sinks.write(Verdict::Allow, "verdict=allow id=1-2").unwrap();
        drop(journal);
        sinks.write(Verdict::Allow, "verdict=allow id=1-3").unwrap();
        drop(syslog);
        assert!(sinks.write(Verdict::Allow, "verdict=allow id=1-4").is_err());
    }

    #[test]
    fn every_sink_has_its_row() {
        for name in SinkName::ALL {
            assert_eq!(SINKS.iter().filter(|(known, _)| known == name).count(), 1, "{name:?}");
        }
    }
}
