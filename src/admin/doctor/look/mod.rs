//! Looks at the host: gathers the [`Facts`] about one account. Acts: reads files, asks sshd and sudo.

use super::account::Account;
use super::facts::{Extension, Facts, Forced, KeyFile, program_of};
use super::sshd::Sshd;
use super::way::Way;
use crate::policy::Policy;
use crate::policy::set::PolicySet;
use crate::run::{exec, plugin};
use crate::world::policy_file;
use anyhow::{Context, Result};
use files::{read, there};
use options::Options;
pub use proxy::proxy;
use sockets::{daemon, datagram};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod account;
mod files;
pub mod options;
mod path;
mod probe;
mod programs;
mod proxy;
mod running;
mod sockets;
mod written;

/// What keeps all but root out while it is there: sshd looks for the first, pam_nologin for both.
const NOLOGIN: &[&str] = &["/etc/nologin", "/run/nologin"];

/// Where dockerd listens on every system.
const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// The plugins that the gate counts on.
const EXTENSIONS: &[&str] = &["compose", "buildx"];

/// Everything about the account; `None` if there is none of that name.
///
/// # Errors
/// When the account's name cannot be looked up, or where dockgate itself is.
pub fn look(options: &Options) -> Result<Option<Facts>> {
    let Some(account) = account::account(options.user.as_deref())? else { return Ok(None) };
    let policy_path = options.config.clone().unwrap_or_else(|| PathBuf::from(policy_file::DEFAULT_PATH));
    let policy = policy_file::load(options.config.as_deref()).map_err(|error| format!("{error:#}"));
    let base = policy.as_ref().map_or_else(|_| Policy::default(), |set| set.base.clone());
    let sshd = programs::sshd(options, &account.name).map_err(|error| format!("{error:#}"));
    let key_files: Vec<KeyFile> = sshd
        .as_ref()
        .map(|sshd| sshd.key_files(&account))
        .unwrap_or_default()
        .iter()
        .map(|file| key_file(file))
        .collect();
    let ssh = account.home.join(".ssh");
    let mut facts = Facts {
        gate: path::way(&std::env::current_exe().context("where dockgate is")?),
        shell: path::way(&account.shell),
        shells: read("/etc/shells").ok().flatten().unwrap_or_default().lines().map(str::to_owned).collect(),
        policy_file: path::way(&policy_path),
        candidate: candidate(&policy_path),
        other_policies: BTreeMap::new(),
        docker_version: Err("there is no docker".to_owned()),
        extensions: Vec::new(),
        limits: written::limits(),
        state: path::way(&exec::state_path(&account.name, account.uid)),
        nologin: NOLOGIN.iter().map(PathBuf::from).filter(|path| there(path)).collect(),
        now: programs::now(),
        running: None,
        written: written::sshd(options.sshd_config.as_deref()),
        docker: exec::program(&base).map(|program| path::way(&program)).map_err(|error| format!("{error:#}")),
        plugins: plugins(&base),
        docker_config: path::way(&base.config),
        docker_credentials: path::way(&base.config.join("config.json")),
        daemon: daemon(&base.host),
        usual_socket: path::way(Path::new(USUAL_SOCKET)),
        syslog: path::way(&base.audit.socket),
        syslog_error: datagram(&base.audit.socket).err().map(|error| format!("{error:#}")),
        home: path::way(&account.home),
        ssh_files: [ssh.join("rc"), ssh.join("environment"), account.home.join(".pam_environment")]
            .into_iter()
            .filter(|path| there(path))
            .collect(),
        sudo: programs::sudo(&account.name),
        jobs: account::jobs(&account),
        by_root: nix::unistd::Uid::effective().is_root(),
        probe: None,
        programs: BTreeMap::new(),
        policy,
        sshd,
        key_files,
        account,
    };
    // Of another configuration, or another sshd, nothing needs to run.
    if let (Ok(sshd), None, None) = (&facts.sshd, &options.sshd, &options.sshd_config) {
        facts.running = Some(running::running(sshd, &facts.written));
    }
    facts.programs = named_programs(&facts);
    facts.other_policies = other_policies(&facts);
    facts.extensions = EXTENSIONS.iter().map(|name| extension(name, &base, &facts.account)).collect();
    if let Ok(docker) = &facts.docker {
        let version = programs::as_account(&facts.account, docker.target(), &["--version"]);
        facts.docker_version = version.map_err(|error| format!("{error:#}"));
    }
    if let Some(logs) = &options.probe {
        facts.probe = Some(probe::probe(&facts, logs));
    }
    Ok(Some(facts))
}

/// What a policy file has for a candidate.
fn candidate(policy: &Path) -> Option<(Way, Result<PolicySet, String>)> {
    let path = policy_file::candidate_of(policy);
    let set = || policy_file::load(Some(&path)).map_err(|error| format!("{error:#}"));
    there(&path).then(|| (path::way(&path), set()))
}

/// The policy files that keys' lines name besides the one that was looked at.
fn other_policies(facts: &Facts) -> BTreeMap<PathBuf, (Way, Result<PolicySet, String>)> {
    let named = facts.keys().into_iter().filter_map(|key| match facts.forced(key.line.command()?) {
        Forced::Gate { config: Some(config), .. } => Some(PathBuf::from(config)),
        _ => None,
    });
    let others = named.filter(|path| *path != facts.policy_file.path);
    let looked = others.map(|path| {
        let policy = policy_file::load(Some(&path)).map_err(|error| format!("{error:#}"));
        (path.clone(), (path::way(&path), policy))
    });
    looked.collect()
}

/// The plugin that docker takes of that name: the first that is there.
fn extension(name: &'static str, policy: &Policy, account: &Account) -> Extension {
    let directories =
        std::iter::once(policy.config.join("cli-plugins")).chain(plugin::DIRECTORIES.iter().map(PathBuf::from));
    let files = directories.map(|directory| directory.join(format!("docker-{name}")));
    let Some(file) = files.into_iter().find(|file| there(file)) else {
        return Extension { name, way: None, version: Err("it is not there".to_owned()) };
    };
    let version = programs::as_account(account, &file, &["docker-cli-plugin-metadata"]).and_then(|printed| {
        let metadata: serde_json::Value = serde_json::from_str(&printed).context("what it says of itself")?;
        let version = metadata.get("Version").and_then(serde_json::Value::as_str);
        Ok(version.context("it says no version")?.to_owned())
    });
    Extension { name, way: Some(path::way(&file)), version: version.map_err(|error| format!("{error:#}")) }
}

/// The programs that keys and sshd force, each with its way.
fn named_programs(facts: &Facts) -> BTreeMap<String, Way> {
    let keys = facts.keys();
    let forced = facts.sshd.as_ref().ok().and_then(|sshd: &Sshd| sshd.value("forcecommand"));
    let commands = keys.iter().filter_map(|key| key.line.command()).chain(forced);
    commands.filter_map(program_of).map(|program| (program.clone(), path::way(Path::new(&program)))).collect()
}

fn plugins(policy: &Policy) -> Vec<Way> {
    let own = policy.config.join("cli-plugins");
    // What the configuration's own directory is worth is docker-config's to say.
    let others = plugin::DIRECTORIES.iter().map(PathBuf::from);
    let own = Some(own).filter(|own| there(own));
    own.into_iter().chain(others).map(|directory| path::way(&directory)).collect()
}

fn key_file(file: &Path) -> KeyFile {
    let text = read(file).map_err(|error| error.to_string());
    KeyFile { way: path::way(file), text }
}
