//! Check: says the verdict on a request, and runs nothing. Acts.
#![expect(clippy::disallowed_methods, reason = "it says from where it judges")]

use super::account::Other;
use super::caller::Caller;
use crate::answer;
use crate::audit::escape::for_terminal;
use crate::decision::Explanation;
use crate::exit::Exit;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// # Errors
/// The exit code, when there is no policy to judge by, or no account to judge as.
pub fn run(words: &[OsString], json: bool, explain: bool, user: Option<&str>, caller: Caller) -> Result<Exit, Exit> {
    let request = joined(words);
    if let Some(option) = request.strip_prefix(b"-") {
        let option = String::from_utf8_lossy(option.split(|byte| b" =".contains(byte)).next().unwrap_or_default());
        answer::say(&format!("ERROR: -{}: check has no such option (dockgate check --help)\n", for_terminal(&option)));
        return Err(Exit::Usage);
    }
    let (caller, other) = caller.in_place_of(user)?;
    let gate = caller.gate()?;
    other.map_or(Ok(()), Other::enter)?;
    let mut decision = gate.explain(&request, true);
    let explanation = decision.understood.explanation.as_ref();
    let missing: Vec<String> = explanation.map(missing).unwrap_or_default();
    decision.understood.warnings.extend(missing);
    if !explain {
        decision.understood.explanation = None;
    }
    Ok(if json { answer::check_json(&decision) } else { answer::check_text(&decision) })
}

/// What the request names and is not there, from where it is judged: such a verdict is about nothing.
fn missing(explanation: &Explanation) -> Vec<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let absent = explanation.grounds.iter().filter(|ground| ground.is_absent());
    let mut words: Vec<&str> = absent.map(|ground| ground.word.as_str()).collect();
    words.dedup();
    let warn = |word: &str| {
        format!("{word}: nothing is there (judged from {}; --user ACCOUNT: from its home)", here.display())
    };
    words.into_iter().map(warn).collect()
}

/// The words as ssh would send them.
fn joined(words: &[OsString]) -> Vec<u8> {
    words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&b' ')
}
