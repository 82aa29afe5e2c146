//! Policy validate: whether a policy file is well-formed and trustworthy. Acts: reads it.

use super::caller::{Caller, absolute, broken};
use crate::answer;
use crate::exit::Exit;
use crate::world::policy_file;
use std::path::Path;

/// Looks at `file`, at the form alone of what comes on standard input (`-`), or at the policy in force.
///
/// # Errors
/// The exit code, when it is not.
pub fn run(file: Option<&Path>, caller: &Caller) -> Result<Exit, Exit> {
    match file {
        None => caller.policy().map(drop)?,
        Some(file) if file.as_os_str() == "-" => {
            policy_file::form(&mut std::io::stdin().lock()).map_err(|error| broken(&error))?;
            return Ok(answer::print("policy: well-formed; whose file it is was not looked at\n"));
        }
        Some(file) => policy_file::load(Some(&absolute(file))).map(drop).map_err(|error| broken(&error))?,
    }
    Ok(answer::print("policy: valid\n"))
}
