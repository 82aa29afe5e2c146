//! Exec: starts docker with what was judged and recorded, and nothing else. Acts.
#![expect(clippy::disallowed_methods, reason = "docker is started here, and only here")]

use crate::audit::Audited;
use crate::audit::end::Cause;
use crate::docker::asks::is_remote;
use crate::docker::{Component, Invocation};
use crate::exit::Outcome;
use crate::policy::Policy;
use crate::request::account::Account;
use crate::run::child::{self, Bond, Child, Group};
use crate::run::life::{Entrance, FarEnd, Farewell, Life, Times};
use crate::run::memory;
use crate::run::signals::Signals;
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::{IsTerminal, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where systems keep docker, in order: NixOS, a local installation, a package.
const PROGRAMS: &[&str] = &["/run/current-system/sw/bin/docker", "/usr/local/bin/docker", "/usr/bin/docker"];

/// All that is needed to start docker, found before the record is written: a record never claims a run
/// that could not be.
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    over_ssh: bool,
}

impl Launch {
    /// Finds the program and builds the environment. `host`: the daemon as docker is to reach it. `over_ssh`: docker is
    /// to end with the connection.
    ///
    /// # Errors
    /// When there is no docker, or no place for buildx to keep its state.
    pub fn prepare(
        policy: &Policy,
        host: &str,
        account: &Account,
        invocation: &Invocation,
        over_ssh: bool,
    ) -> Result<Self> {
        let mut environment = environment(policy, account, invocation, || state_directory(&account.name))?;
        environment.retain(|(name, _)| name != "DOCKER_HOST");
        environment.push(("DOCKER_HOST".into(), host.into()));
        Ok(Self { program: program(policy)?, environment, over_ssh })
    }

    /// In somebody's own shell the end of a pipeline is docker's business.
    fn far_end(&self) -> Result<FarEnd> {
        if self.over_ssh { FarEnd::of_stdout() } else { Ok(FarEnd::none()) }
    }

    /// At a terminal docker stays in the foreground that the gate is in.
    fn group(&self) -> Group {
        let terminal =
            std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
        if self.over_ssh && !terminal { Group::Own } else { Group::Same }
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

/// Where an account's state directory is: where root has made one for it, else below the directory that logind makes
/// for it (`XDG_RUNTIME_DIR`, whose value could be the client's, and so is not asked), else in /tmp. There alone could
/// another account of the host be first, and nothing that needs the directory would run.
pub fn state_path(account: &str, uid: u32) -> PathBuf {
    let own = PathBuf::from(format!("/run/dockgate/{account}"));
    let user = PathBuf::from(format!("/run/user/{uid}"));
    match (own.is_dir(), user.is_dir()) {
        (true, _) if !account.contains('/') => own,
        (_, true) => user.join("dockgate"),
        _ => PathBuf::from(format!("/tmp/dockgate-{uid}")),
    }
}

/// The account's own directory, which nobody else can write or replace.
///
/// # Errors
/// When it cannot be made, or is somebody else's.
pub fn state_directory(account: &str) -> Result<PathBuf> {
    let uid = nix::unistd::Uid::current();
    let path = state_path(account, uid.as_raw());
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
        refuse_podman(program)?;
        return Ok(program.clone());
    }
    let itself = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    let found = PROGRAMS.iter().map(PathBuf::from).find(|path| {
        // A `docker` that is dockgate under another name would only ask itself again.
        runnable(path).is_ok() && std::fs::canonicalize(path).ok() != itself
    });
    let found = found.with_context(|| format!("no docker program in any of {}", PROGRAMS.join(", ")))?;
    refuse_podman(&found)?;
    Ok(found)
}

/// podman answers to docker's commands, and keeps containers, volumes and limits in places of its own, where nothing
/// of them is looked up. As docker it comes as a link, or as a short script that starts it (Debian's podman-docker).
fn refuse_podman(program: &Path) -> Result<()> {
    let real = std::fs::canonicalize(program).with_context(|| format!("docker program {}", program.display()))?;
    let named = real.file_name().is_some_and(|name| name.to_string_lossy().starts_with("podman"));
    // With room for one byte more: it is read by one call.
    let mut start = Vec::with_capacity(4097);
    let read = || std::fs::File::open(&real)?.take(4096).read_to_end(&mut start);
    // What cannot be read is no script that this account could run.
    let scripted = { read }().is_ok() && start.starts_with(b"#!") && start.windows(6).any(|word| word == b"podman");
    ensure!(!named && !scripted, "docker program {} is podman, which dockgate does not support", program.display());
    Ok(())
}

/// docker, started.
#[derive(Debug)]
pub struct Docker {
    child: Child,
    farewell: Farewell,
    begun: Instant,
}

/// Starts docker as a child, with this process's standard streams.
///
/// # Errors
/// When the connection is gone already, or docker cannot be started.
pub fn start(audited: Audited<Invocation>, launch: &Launch) -> Result<Docker> {
    let begun = Instant::now();
    let invocation = audited.into_subject();
    let model = invocation.model().map(|model| memory::memory_file(&model.text)).transpose()?;
    let variables = invocation.variables().iter().map(|text| memory::memory_file(text)).collect::<Result<Vec<_>>>()?;
    let paths: Vec<String> = variables.iter().map(memory::path_of).collect();
    let input = invocation.takes_model_as_input();
    let argv = match &model {
        Some(_) if input => invocation.argv_with_model("-", &paths),
        Some(file) => invocation.argv_with_model(&memory::path_of(file), &paths),
        None => invocation.argv(),
    };
    ensure!(!launch.far_end()?.has_gone(), "the connection has ended");
    let Launch { program, environment, over_ssh: _ } = launch;
    let mut command = Command::new(program);
    command.args(argv).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    if let Some(file) = model.as_ref().filter(|_| input) {
        command.stdin(file.try_clone().context("the project's model")?);
    }
    child::adopt()?;
    let child = Child::start(command, launch.group(), Bond::Starter)
        .with_context(|| format!("docker program {}", program.display()))?;
    let farewell = match invocation.component() {
        Component::Docker => Farewell::Kill,
        Component::Compose | Component::Buildx => Farewell::Ask,
    };
    Ok(Docker { child, farewell, begun })
}

impl Docker {
    /// Waits until docker has ended: how, why, and after what time.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(
        self,
        launch: &Launch,
        signals: &Signals,
        times: Times,
        entrance: &impl Entrance,
    ) -> Result<(Outcome, Cause, Duration)> {
        let Self { child, farewell, begun } = self;
        let (outcome, cause) = Life::new(signals, launch.far_end()?, farewell, times).wait(&child, entrance)?;
        Ok((outcome, cause, begun.elapsed()))
    }
}
