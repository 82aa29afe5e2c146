//! A check of the host, and a problem that one can find. Data. Pure.

use serde::Serialize;
use std::path::Path;

/// One thing that is looked at among facts, as docs/doctor.md lists it.
pub struct Check<F> {
    /// Stable, for programs.
    pub id: &'static str,
    /// What holds when nothing is wrong.
    pub holds: &'static str,
    pub(super) examine: fn(&F) -> Vec<Problem>,
}

impl<F> std::fmt::Debug for Check<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The gate can be passed by, or cannot work.
    Fault,
    /// Somebody should know.
    Warning,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
        }
    }
}

/// What is wrong, and how it is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    pub what: String,
    /// A command for root's shell where one command can do it, with what else there is to say as its comment.
    pub fix: String,
}

/// A path as a word of a command.
pub(super) fn word(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}

impl Problem {
    pub(super) fn fault(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Fault, what: what.into(), fix: fix.into() }
    }

    pub(super) fn warning(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Warning, what: what.into(), fix: fix.into() }
    }
}
