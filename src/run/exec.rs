//! Exec: becomes docker with what was judged and recorded, and nothing else. Acts: execve(2).
#![expect(clippy::disallowed_methods, reason = "docker is started here, and only here")]

use crate::audit::Audited;
use crate::docker::asks::is_remote;
use crate::docker::{Component, Invocation};
use crate::policy::Policy;
use crate::request::account::Account;
use crate::run::memory;
use crate::run::watch;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where systems keep docker, in order: NixOS, a local installation, a package.
const PROGRAMS: &[&str] = &["/run/current-system/sw/bin/docker", "/usr/local/bin/docker", "/usr/bin/docker"];

/// All that is needed to become docker, found before the record is written: a record never claims a run
/// that could not be.
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    over_ssh: bool,
}

impl Launch {
    /// Finds the program and builds the environment. `over_ssh`: docker is to end with the connection.
    ///
    /// # Errors
    /// When there is no docker, or no place for buildx to keep its state.
    pub fn prepare(policy: &Policy, account: &Account, invocation: &Invocation, over_ssh: bool) -> Result<Self> {
        let environment = environment(policy, account, invocation, state_directory)?;
        Ok(Self { program: program(policy)?, environment, over_ssh })
    }
}

/// The environment of docker for one command. `state` is asked for a directory that the account can write,
/// where buildx needs one.
///
/// # Errors
/// As `state`.
pub fn environment(
    policy: &Policy,
    account: &Account,
    invocation: &Invocation,
    state: impl FnOnce() -> Result<PathBuf>,
) -> Result<Vec<(OsString, OsString)>> {
    let mut environment = account.environment(&policy.host, &policy.config);
    if builds(invocation) {
        environment.push(("BUILDX_CONFIG".into(), state()?.join("buildx").into()));
        // Else buildx starts git in a build context, and git reads what the context's .git says.
        environment.push(("BUILDX_GIT_INFO".into(), "false".into()));
    }
    if fetches(invocation) {
        // The classic builder would have the client run git; BuildKit has the daemon fetch.
        environment.push(("DOCKER_BUILDKIT".into(), "1".into()));
    }
    Ok(environment)
}

/// Whether buildx may take part, which needs a directory that it can write, and `DOCKER_CONFIG` is none.
fn builds(invocation: &Invocation) -> bool {
    match invocation.component() {
        Component::Docker => false,
        Component::Buildx => true,
        Component::Compose => invocation.project_use().is_some(),
    }
}

/// Whether a build context could be an address.
fn fetches(invocation: &Invocation) -> bool {
    builds(invocation)
        && (invocation.component() == Component::Compose || invocation.operands().iter().any(|word| is_remote(word)))
}

/// Where an account's state directory is.
pub fn state_path(uid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/dockgate-{uid}"))
}

/// The account's own directory below /tmp, which nobody else can write or replace.
///
/// # Errors
/// When it cannot be made, or is somebody else's.
pub fn state_directory() -> Result<PathBuf> {
    let uid = nix::unistd::Uid::current();
    let path = state_path(uid.as_raw());
    let about = || format!("state directory {}", path.display());
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error).with_context(about),
        _ => {}
    }
    let metadata = std::fs::symlink_metadata(&path).with_context(about)?;
    let own = metadata.is_dir() && metadata.uid() == uid.as_raw() && metadata.mode() & 0o077 == 0;
    ensure!(own, "{} is not this account's own; the administrator has to remove it", about());
    Ok(path)
}

/// The docker program: the policy's, or the first that is there.
///
/// # Errors
/// When there is none, or it cannot be run by this account.
pub fn program(policy: &Policy) -> Result<PathBuf> {
    let runnable = |path: &Path| nix::unistd::access(path, nix::unistd::AccessFlags::X_OK);
    if let Some(program) = &policy.program {
        runnable(program).with_context(|| format!("docker program {}", program.display()))?;
        return Ok(program.clone());
    }
    let itself = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    let found = PROGRAMS.iter().map(PathBuf::from).find(|path| {
        // A `docker` that is dockgate under another name would only ask itself again.
        runnable(path).is_ok() && std::fs::canonicalize(path).ok() != itself
    });
    found.with_context(|| format!("no docker program in any of {}", PROGRAMS.join(", ")))
}

/// Becomes docker. Comes back only when that failed.
///
/// # Errors
/// When the connection is gone already, or docker cannot be started.
pub fn become_docker(audited: Audited<Invocation>, launch: &Launch, parent: Pid) -> Result<std::convert::Infallible> {
    let invocation = audited.into_subject();
    let model = invocation.model().map(|model| memory::memory_file(&model.text)).transpose()?;
    let argv = match &model {
        Some(file) => invocation.argv_with_model(&memory::path_of(file)),
        None => invocation.argv(),
    };
    die_with_connection(&invocation, parent, launch.over_ssh)?;
    let Launch { program, environment, over_ssh: _ } = launch;
    let variables = environment.iter().map(|(name, value)| (name, value));
    let error = Command::new(program).args(argv).env_clear().envs(variables).exec();
    Err(error).with_context(|| format!("docker program {}", program.display()))
}

/// sshd leaves a command running when its client is gone. The kernel ends docker with its parent, and
/// [`watch`] with its connection.
///
/// docker itself passes SIGTERM on to a container in the foreground and waits, so it gets SIGKILL, and the
/// daemon sees the connection end. Compose and buildx run as plugins, whose parent docker is: they are told
/// by SIGTERM, and end by themselves.
fn die_with_connection(invocation: &Invocation, parent: Pid, over_ssh: bool) -> Result<()> {
    let signal = match invocation.component() {
        Component::Docker => Signal::SIGKILL,
        Component::Compose | Component::Buildx => Signal::SIGTERM,
    };
    nix::sys::prctl::set_pdeathsig(signal).context("asking to end with the connection")?;
    if nix::unistd::getppid() != parent {
        bail!("the connection has ended");
    }
    if over_ssh { watch::start(signal) } else { Ok(()) }
}
