//! Whether docker's verb may be used: the block-list, and the allow-list where there is one. Pure.

use crate::denial::{Denial, Reason};
use crate::policy::operations;
use crate::policy::settings::Settings;

/// Judges an operation by its name. `instead`: it is asked for by another command that has the same effect, `word`.
pub(in crate::policy) fn operation(settings: &Settings, name: &str, instead: bool, word: &str) -> Result<(), Denial> {
    let sought = operations::Sought::of(name);
    let (reason, verb) = if sought.is_in(&settings.blocked.value) {
        (Reason::BlockedCommand, "is blocked by security policy")
    } else if settings.allowed.value.as_deref().is_some_and(|allowed| !sought.is_in(allowed)) {
        (Reason::NotAllowed, "is not on the allow-list of the security policy")
    } else {
        return Ok(());
    };
    let message = match name.strip_prefix("compose ") {
        Some(below) => format!("docker compose '{below}' {verb}"),
        None => format!("docker '{name}' {verb}"),
    };
    // Where a Compose file asks for it, the place in the file tells more than the command that it amounts to.
    let message = if word.starts_with("services.") { format!("{word}: {message}") } else { message };
    let row = operations::explanation(name).filter(|_| reason == Reason::BlockedCommand);
    let why = row.map_or("the administrator's policy does not permit it", |row| row.why);
    let why = if instead { format!("{word} has the effect of {name}: it {why}") } else { why.to_owned() };
    let hint =
        row.map_or("`help` lists what may be run here; sending it in another spelling cannot help", |row| row.hint);
    Err(Denial { reason, message, risk: row.map(|row| row.risk), why, hint: hint.to_owned(), further: Vec::new() })
}
