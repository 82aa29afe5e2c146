//! Sink: what takes records.

use super::record::Verdict;
use anyhow::Result;
use std::fmt::Debug;

/// Somewhere that takes records.
pub trait Sink: Debug + Send + Sync {
    /// How many bytes a record's line may have; more goes on in further lines.
    fn room(&self) -> usize;

    /// Hands one line over.
    ///
    /// # Errors
    /// When it was not taken.
    fn write(&self, verdict: Verdict, line: &str) -> Result<()>;
}
