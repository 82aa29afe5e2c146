//! Labels that carry authority: Compose finds what belongs to a project by them, the gate what it has made. Pure.

use crate::denial::{Denial, Reason};
use crate::facts::Facts;

/// The beginnings of names that no request sets itself.
const RESERVED: &[&str] = &["com.docker.compose.", "dockgate."];

/// The label by which Compose takes a container for one of a project's.
pub const PROJECT: &str = "com.docker.compose.project";

/// Whether a label says whose something is.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|prefix| name.starts_with(prefix))
}

/// A label that a request gives.
pub(in crate::policy) fn label(name: &str, word: &str) -> Result<(), Denial> {
    if !is_reserved(name) {
        return Ok(());
    }
    let why = format!("the label {name} says whose something is, and is not a request's to set");
    Err(Denial::new(Reason::ReservedLabel, word, why, "use a name of your own; docker compose sets its labels itself"))
}

/// The labels of a file.
pub(in crate::policy) fn file(facts: &Facts, path: &str, word: &str) -> Result<(), Denial> {
    match facts.label_files.get(path) {
        Some(Some(names)) => names.iter().try_for_each(|name| label(name, word)),
        Some(None) | None => Err(Denial::new(
            Reason::ClientFile,
            word,
            format!("docker would read {path} on the host, and it is not a file of labels that could be looked at"),
            "give a file below the working directory, or each label by itself with --label",
        )),
    }
}
