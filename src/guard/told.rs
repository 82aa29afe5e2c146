//! Told: what the record of a call says of it. Data.

use super::Guard;
use crate::denial::Reason;
use crate::policy::candidate::Opinion;

/// What the record of a call says of it.
pub(super) struct Told<'a> {
    pub(super) shown: &'a str,
    pub(super) candidate: Option<Opinion>,
}

impl<'a> Told<'a> {
    /// Of something that is refused whatever the policy.
    pub(super) fn refused(shown: &'a str, reason: Reason, guard: &Guard) -> Self {
        let said = guard.candidate.as_ref().map(|candidate| candidate.policy());
        Self { shown, candidate: said.map(|said| said.map_or_else(|said| said, |_| Opinion::Deny(reason))) }
    }
}
