//! Check: says the verdict on a request, and runs nothing. Acts.

use super::caller::Caller;
use crate::answer;
use crate::exit::Exit;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// # Errors
/// The exit code, when there is no policy to judge by.
pub fn run(words: &[OsString], json: bool, explain: bool, caller: Caller) -> Result<Exit, Exit> {
    let gate = caller.gate()?;
    let request = joined(words);
    let decision = if explain { gate.explain(&request, true) } else { gate.decide(&request, true) };
    Ok(if json { answer::check_json(&decision) } else { answer::check_text(&decision) })
}

/// The words as ssh would send them.
fn joined(words: &[OsString]) -> Vec<u8> {
    words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&b' ')
}
