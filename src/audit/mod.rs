//! Audit: one record a decision, written before anything runs, and one of the end of what ran. Acts: writes to its sink.
//!
//! [`Audit::permit`] is the only maker of [`Audited`], and running needs an `Audited`: no record, no run.

use crate::decision::Understood;
use crate::denial::Denial;
use crate::policy::{Permit, Policy};
use crate::request::Request;
use anyhow::Result;
use end::End;
use made::Made;
use record::{ApiCall, Record, Verdict};
use sinks::Sinks;
use std::time::{Duration, Instant};

pub mod chain;
pub mod ecs;
pub mod end;
pub mod escape;
pub mod fallback;
pub mod format;
pub mod journal;
pub mod made;
pub mod mask;
pub mod read;
pub mod record;
pub mod sink;
pub mod sinks;
pub mod syslog;

/// The reason in the record of one that could not be written whole.
const INCOMPLETE: &str = "record-incomplete";

/// How long it is tried to tell of that.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something permitted whose record has been written.
#[derive(Debug)]
#[must_use]
pub struct Audited<T> {
    subject: T,
}

impl<T> Audited<T> {
    /// Hands over what may now be done.
    pub fn into_subject(self) -> T {
        self.subject
    }

    /// Narrows to a part of what may now be done; the record holds for it too.
    pub fn part<U, E>(self, part: impl FnOnce(T) -> Result<U, E>) -> Result<Audited<U>, E> {
        part(self.subject).map(|subject| Audited { subject })
    }
}

/// Where records go, and for which request.
#[derive(Debug)]
pub struct Audit {
    sinks: Sinks,
    request: Request,
    profile: String,
    policy: Option<String>,
    id: String,
}

impl Audit {
    /// The audit of one request. `id` is what the client is told, so that the administrator finds the record.
    pub fn new(sinks: Sinks, request: &Request, profile: &str, id: String) -> Self {
        Self { sinks, request: request.clone(), profile: profile.to_owned(), policy: None, id }
    }

    /// With the policy that judges, whose digest stands in each record.
    pub fn under(self, policy: &Policy) -> Self {
        let digest = policy.digest.clone().unwrap_or_else(|| "built-in".to_owned());
        Self { policy: Some(digest), ..self }
    }

    /// The id of this request's records.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Records a permission, and turns it into leave to act.
    ///
    /// # Errors
    /// When the record cannot be written; the permission is gone with it.
    pub fn permit<T>(&self, permit: Permit<T>, understood: &Understood) -> Result<Audited<T>> {
        self.allow(permit, understood, None)
    }

    /// As [`Audit::permit`], of a call.
    ///
    /// # Errors
    /// As [`Audit::permit`].
    pub fn permit_call<T>(&self, permit: Permit<T>, command: &str, call: ApiCall) -> Result<Audited<T>> {
        self.allow(permit, &Understood::named(command), Some(call))
    }

    /// Leave to make a call that only reads, which has no record of its own: it stands in the number of calls in
    /// the record of the end.
    ///
    /// # Errors
    /// The permit itself, where it is one only because the policy is not enforced: that has its record.
    pub fn permit_read<T>(&self, permit: Permit<T>) -> Result<Audited<T>, Permit<T>> {
        match permit.observed() {
            None => Ok(Audited { subject: permit.into_subject() }),
            Some(_) => Err(permit),
        }
    }

    fn allow<T>(&self, permit: Permit<T>, understood: &Understood, call: Option<ApiCall>) -> Result<Audited<T>> {
        match permit.observed() {
            None => self.write(Verdict::Allow, &["permitted"], understood, call)?,
            Some(denial) => self.write(Verdict::Observe, &denial.codes(), understood, call)?,
        }
        Ok(Audited { subject: permit.into_subject() })
    }

    /// Records a refusal.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn deny(&self, denial: &Denial, understood: &Understood) -> Result<()> {
        self.write(Verdict::Deny, &denial.codes(), understood, None)
    }

    /// As [`Audit::deny`], of a call.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn deny_call(&self, denial: &Denial, command: &str, call: ApiCall) -> Result<()> {
        self.write(Verdict::Deny, &denial.codes(), &Understood::named(command), Some(call))
    }

    /// Records that something failed which is neither permission nor refusal.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn error(&self, reason: &str, understood: &Understood) -> Result<()> {
        self.write(Verdict::Error, &[reason], understood, None)
    }

    /// Records how that ended which a record under the same id has allowed.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn end(&self, end: &End) -> Result<()> {
        self.sinks.write(Verdict::End, &end.line(&self.id))
    }

    /// Records what a call has made that a record under the same id has allowed.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn made(&self, made: &Made<'_>) -> Result<()> {
        self.sinks.write(Verdict::Made, &made.line(&self.request, &self.id))
    }

    fn write(&self, verdict: Verdict, reasons: &[&str], understood: &Understood, call: Option<ApiCall>) -> Result<()> {
        let Understood { command, secrets, input, judged, candidate, explanation: _, warnings: _ } = understood;
        let (secrets, request, policy) = (secrets.as_deref(), &self.request, self.policy.as_deref());
        let (reason, also) = reasons.split_first().unwrap_or((&"-", &[]));
        let also = Some(also.join(",")).filter(|also| !also.is_empty());
        let record = Record {
            verdict,
            reason,
            command,
            request,
            secrets,
            profile: &self.profile,
            id: &self.id,
            call,
            policy,
            input: input.as_deref(),
            // Of what runs, the record of its end has it.
            judged: judged.filter(|_| matches!(verdict, Verdict::Deny | Verdict::Error)).map(|time| time.as_millis()),
            also: also.as_deref(),
            candidate: call.map_or(*candidate, |call| call.candidate),
        };
        for (sent, line) in record.lines_of(self.sinks.room()).iter().enumerate() {
            let written = self.sinks.write(verdict, line);
            if written.is_err() && sent > 0 {
                self.tell_incomplete(command);
            }
            written?;
        }
        Ok(())
    }

    /// Records that the parts before this say nothing, as soon as that can be written, if that is soon.
    fn tell_incomplete(&self, command: &str) {
        let request = Request { command: None, ..self.request.clone() };
        let record = Record {
            verdict: Verdict::Error,
            reason: INCOMPLETE,
            command,
            request: &request,
            secrets: None,
            profile: &self.profile,
            id: &self.id,
            call: None,
            policy: None,
            input: None,
            judged: None,
            also: None,
            candidate: None,
        };
        let lines = record.lines_of(self.sinks.room());
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && !lines.iter().all(|line| self.sinks.tell(Verdict::Error, line)) {
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
