//! Admin: what an administrator does with dockgate, a file for each sub-command. No request passes through here.

use crate::cli::{Command, PolicyCommand};
use crate::exit::Exit;
use caller::Caller;

pub mod account;
pub mod audit;
pub mod authorize;
pub mod caller;
pub mod check;
pub mod diff;
pub mod docs;
pub mod doctor;
pub mod proxy;
pub mod show;
pub mod test;
pub mod validate;

/// Runs a sub-command.
pub fn run(command: Command, caller: Caller) -> Exit {
    if let Err(exit) = caller::heed(&command, &caller) {
        return exit;
    }
    let done = match command {
        Command::Check { json, explain, user, words } => check::run(&words, json, explain, user.as_deref(), caller),
        Command::Authorize { file, from } => authorize::run(&file, from, caller),
        Command::Proxy { listen, group } => proxy::run(&listen, group.as_deref(), &caller),
        Command::Audit { command } => audit::run(*command, &caller),
        Command::Doctor { user, json, proxy: Some(socket), .. } => {
            Ok(doctor::run_proxy(&socket, user.as_deref(), json, &caller))
        }
        Command::Doctor { user, json, proxy: None, probe, log, sshd, sshd_config } => {
            Ok(doctor::run(user, sshd, sshd_config, probe.then_some(log), json, &caller))
        }
        Command::Policy { command: PolicyCommand::Show } => show::run(&caller),
        Command::Policy { command: PolicyCommand::Validate { file } } => validate::run(file.as_deref(), &caller),
        Command::Policy { command: PolicyCommand::Test { user, file } } => test::run(&file, user.as_deref(), caller),
        Command::Policy { command: PolicyCommand::Diff { user, old, new, log } } => {
            diff::run(&old, &new, &log, user.as_deref(), caller)
        }
    };
    done.unwrap_or_else(|exit| exit)
}
