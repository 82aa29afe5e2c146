//! Policy show: the policy in force, as a policy file would say it. Acts.

use super::caller::Caller;
use crate::answer;
use crate::exit::Exit;
use crate::policy::{self, set::Selected};

/// # Errors
/// The exit code, when there is no policy to show.
pub fn run(caller: &Caller) -> Result<Exit, Exit> {
    let Selected { policy, profile, because, denial: _ } = caller.select_known(&caller.policy()?)?;
    Ok(answer::print(&format!("# profile {profile}: {because}\n{}", policy::show::text(&policy))))
}
