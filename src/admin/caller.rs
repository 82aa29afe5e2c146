//! Caller: what every sub-command starts from. Data, and the policy that it comes to. Acts: reads the policy file.

use crate::answer;
use crate::cli::audit::AuditCommand;
use crate::cli::shared::takes;
use crate::cli::{Command, PolicyCommand};
use crate::exit::Exit;
use crate::gate::Gate;
use crate::policy::set::{PolicySet, Selected};
use crate::request::Request;
use crate::request::account::Account;
use crate::world::policy_file;
use std::path::{Path, PathBuf};

/// Who runs dockgate, with which of the options that all sub-commands share.
#[derive(Debug)]
pub struct Caller {
    /// `--config`, as given.
    pub config: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// A request without a command: the account, and the key that `--key` names.
    pub request: Request,
    pub account: Account,
    /// The process that started this one.
    pub parent: nix::unistd::Pid,
}

impl Caller {
    /// Everything that the policy file says, or, once the reason has been told, the exit code.
    ///
    /// # Errors
    /// [`Exit::Config`] when there is no policy that can be trusted.
    pub fn policy(&self) -> Result<PolicySet, Exit> {
        // sshd starts the gate in the home, so there a relative path is refused; here it is what the shell completes.
        let config = self.config.as_deref().map(absolute);
        policy_file::load(config.as_deref()).map_err(|error| broken(&error))
    }

    /// The profile that this caller's key gets, and the policy under it.
    ///
    /// # Errors
    /// [`Exit::Config`] when the policy has no such profile.
    pub fn select(&self, set: &PolicySet) -> Result<Selected, Exit> {
        let selected = set.select(&self.request, self.profile.as_deref());
        if set.with_profile(&selected.profile).is_none() {
            let known: Vec<&str> = set.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            answer::say(&format!("ERROR: profile: the policy has no profile {} (it has {known})\n", selected.profile));
            return Err(Exit::Config);
        }
        Ok(selected)
    }

    /// The same, for whoever asks about a key: not about one whose requests the gate refuses, all of them, as the policy
    /// file does not have its label.
    ///
    /// # Errors
    /// As [`Caller::select`].
    pub fn select_known(&self, set: &PolicySet) -> Result<Selected, Exit> {
        is_known(set, self.request.key.as_deref())?;
        self.select(set)
    }

    /// A gate that judges as this caller's key would be judged. An administrator asks about a key and does not come
    /// with it, so nothing is refused for the key's own sake.
    ///
    /// # Errors
    /// As [`Caller::policy`] and [`Caller::select`].
    pub fn gate(self) -> Result<Gate, Exit> {
        let Selected { policy, profile, because: _, denial: _ } = self.select_known(&self.policy()?)?;
        Ok(Gate {
            policy: policy.into(),
            candidate: None,
            profile,
            refusal: None,
            account: self.account,
            parent: self.parent,
        })
    }
}

/// Tells of a label that the policy file does not have among its keys.
///
/// # Errors
/// [`Exit::Config`], once it has been told.
pub fn is_known(set: &PolicySet, label: Option<&str>) -> Result<(), Exit> {
    let Some(label) = label.filter(|label| set.is_unknown(label)) else { return Ok(()) };
    let known: Vec<&str> = set.keys.keys().map(String::as_str).collect();
    answer::say(&format!(
        "ERROR: key {label}: the policy file has no such key, so the gate refuses all that comes under that label (it has {})\n",
        known.join(", ")
    ));
    Err(Exit::Config)
}

/// The sub-command as the table of options has it, and as it was called.
fn named(command: &Command) -> (&'static str, &'static str) {
    let name = match command {
        Command::Check { .. } => "check",
        Command::Authorize { .. } => "authorize",
        Command::Proxy { .. } => "proxy",
        Command::Audit { command } => match **command {
            AuditCommand::List { .. } => "audit list",
            AuditCommand::Show { .. } => "audit show",
            AuditCommand::Summary { .. } => "audit summary",
            AuditCommand::Follow { .. } => "audit follow",
            AuditCommand::Suggest { .. } => "audit suggest",
            AuditCommand::Verify { .. } => "audit verify",
            AuditCommand::Chain { .. } => "audit chain",
            AuditCommand::Seal { .. } => "audit seal",
            AuditCommand::Who { .. } => "audit who",
        },
        Command::Doctor { .. } => "doctor",
        Command::Policy { command: PolicyCommand::Show } => "policy show",
        Command::Policy { command: PolicyCommand::Test { .. } } => "policy test",
        // A file that is named is the one that is looked at.
        Command::Policy { command: PolicyCommand::Validate { file: Some(_) } } => return ("", "policy validate FILE"),
        Command::Policy { command: PolicyCommand::Validate { file: None } } => "policy validate",
        Command::Policy { command: PolicyCommand::Diff { .. } } => "policy diff",
    };
    (name, name)
}

/// An option that this sub-command has no use for, and the sub-command.
fn unused(command: &Command, caller: &Caller) -> Option<(&'static str, &'static str)> {
    let (row, name) = named(command);
    let given = [
        ("config", caller.config.is_some()),
        ("profile", caller.profile.is_some()),
        ("key", caller.request.key.is_some()),
    ];
    let idle = given.iter().find(|(option, given)| *given && !takes(row, option));
    idle.map(|(option, _)| (*option, name))
}

/// Refuses an option that would be ignored.
///
/// # Errors
/// [`Exit::Usage`], once it has been told.
pub fn heed(command: &Command, caller: &Caller) -> Result<(), Exit> {
    let Some((option, name)) = unused(command, caller) else { return Ok(()) };
    answer::say(&format!("ERROR: --{option}: {name} does not take it\n"));
    Err(Exit::Usage)
}

/// Tells what is wrong with a policy file.
pub fn broken(error: &anyhow::Error) -> Exit {
    answer::say(&format!("ERROR: {error:#}\n"));
    Exit::Config
}

/// A path as a file has to name it for other working directories.
pub fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}
