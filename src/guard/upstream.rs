//! Upstream: the connections of one client to the daemon. Acts: connects.

use super::wire::Wire;
use crate::world::dial;
use std::io::Result;

/// The daemon, as one client's connection reaches it.
#[derive(Debug)]
pub(super) struct Upstream<'a> {
    host: &'a str,
    /// Kept open for the next call.
    kept: Option<Wire>,
}

impl<'a> Upstream<'a> {
    pub(super) fn new(host: &'a str) -> Self {
        Self { host, kept: None }
    }

    /// A connection that nothing has been sent on, or whose last call is answered.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub(super) fn take(&mut self) -> Result<Wire> {
        match self.kept.take().map(|mut kept| (kept.is_stale(), kept)) {
            Some((false, kept)) => Ok(kept),
            _ => Wire::of_socket(dial::dial(self.host)?),
        }
    }

    /// Gives back one whose call is answered.
    pub(super) fn keep(&mut self, wire: Wire) {
        self.kept = Some(wire);
    }
}
