//! Judge: what the mediation of a connection is given, and what it tells of it.

use crate::api::build::Stamp;
use crate::demand::Demand;
use crate::denial::Denial;
use std::os::fd::OwnedFd;

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/grpc`.
    Grpc,
    /// `/session`.
    Session,
}

/// A side of the connection: what is read, what is written, and what was read behind the upgrade already.
#[derive(Debug)]
pub struct Side {
    pub input: OwnedFd,
    pub output: OwnedFd,
    pub ahead: Vec<u8>,
}

/// A call that is to be judged.
#[derive(Debug)]
pub struct Judged<'a> {
    /// `/PACKAGE.SERVICE/METHOD`; as the client sent it where that is not known.
    pub method: &'a str,
    /// What it asks for, or why it is refused whatever the policy says.
    pub asked: Result<&'a [Demand], Denial>,
    /// Whether something is different afterwards.
    pub changes: bool,
}

/// Who judges, and keeps the records.
pub trait Judge {
    /// Judges one call, and writes the record that is due.
    ///
    /// # Errors
    /// The refusal, in the words for the client.
    fn judge(&self, call: &Judged<'_>) -> Result<(), String>;

    /// What is added to the builds that pass.
    fn stamp(&self) -> &Stamp;
}

/// How many calls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub refused: u64,
}
