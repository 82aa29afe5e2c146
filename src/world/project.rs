//! Project files: reads a Compose project's files and has Compose resolve them. Acts: reads files, runs
//! `docker compose config`, which starts nothing and asks no daemon.
#![expect(clippy::disallowed_methods, reason = "the project's files are read and resolved here")]

use crate::compose::Project;
use crate::exit::Outcome;
use crate::policy::Policy;
use crate::request::account::Account;
use crate::run::memory::{memory_file, path_of};
use crate::run::output::{self, Said};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A Compose file of more bytes than this is not one.
const MAX_BYTES: u64 = 1024 * 1024;

/// A model of more bytes than this is not judged.
const MAX_OUTPUT: u64 = 16 * 1024 * 1024;

/// How long Compose may take to resolve a project.
const PATIENCE: Duration = Duration::from_secs(15);

/// The names that Compose looks for, in its order (compose-go `cli.DefaultFileNames`).
const NAMES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: &[&str] =
    &["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// Names in a file of variables that would make Compose read other files than those judged, or that mean something
/// to docker, buildx, git or the loader: older versions of Compose take them all for their own environment.
const REDIRECTING: &[&str] = &[
    "BUILDKIT_",
    "BUILDX_",
    "COMPOSE_COMPATIBILITY",
    "COMPOSE_ENV_FILES",
    "COMPOSE_EXPERIMENTAL",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "DOCKER_CONTEXT",
    "DOCKER_CLI_PLUGIN",
    "GIT_SSH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "SSH_AUTH_SOCK",
];

/// One file's text, with the name to use in messages.
#[derive(Debug)]
pub struct Text {
    pub name: String,
    pub text: String,
}

/// Where a project's files are, before any is read.
#[derive(Debug)]
pub struct Located {
    /// The project directory, absolute.
    pub directory: PathBuf,
    /// As given, or as found.
    pub files: Vec<String>,
}

/// Finds the project's files as Compose would: those given, or the first with a known name in the project
/// directory or a directory above it.
///
/// # Errors
/// When a `.env` file names others.
pub fn locate(project: &Project) -> Result<Located> {
    let here = std::env::current_dir().context("working directory")?;
    let first = project.files.iter().find(|file| *file != "-").and_then(|file| Path::new(file).parent());
    let directory = match (&project.directory, first) {
        (Some(directory), _) => here.join(directory),
        (None, Some(parent)) => here.join(parent),
        (None, None) => here.clone(),
    };
    refuse_redirection(&here.join(".env"))?;
    refuse_redirection(&directory.join(".env"))?;
    for file in &project.env_files {
        refuse_redirection(Path::new(file))?;
    }
    if !project.files.is_empty() {
        return Ok(Located { directory, files: project.files.clone() });
    }
    for above in directory.ancestors() {
        let named = |names: &[&str]| names.iter().map(|name| above.join(name)).find(|path| path.is_file());
        if let Some(found) = named(NAMES) {
            refuse_redirection(&above.join(".env"))?;
            let files = [Some(found), named(OVERRIDES)].into_iter().flatten();
            let files = files.map(|path| path.display().to_string()).collect();
            return Ok(Located { directory: above.to_owned(), files });
        }
    }
    Ok(Located { directory, files: Vec::new() })
}

/// Refuses a file of variables that names another project's files, in whatever way it is read.
fn refuse_redirection(path: &Path) -> Result<()> {
    let text = match File::open(path) {
        Ok(file) => text_of(file).with_context(|| path.display().to_string())?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    match REDIRECTING.iter().find(|name| text.contains(**name)) {
        Some(name) => bail!("{} has {name}, which is not taken from there; name files with -f", path.display()),
        None => Ok(()),
    }
}

/// Reads the files. A missing one, and standard input when it may not be read, are left out: Compose then
/// has nothing to run.
///
/// # Errors
/// When a file cannot be read, is too large, or is not UTF-8.
pub fn read(located: &Located, standard_input: bool) -> Result<Vec<Text>> {
    let mut sources = Vec::new();
    for name in &located.files {
        let text = if name == "-" {
            if standard_input { text_of(std::io::stdin().lock()).context("standard input")? } else { String::new() }
        } else {
            match File::open(name) {
                Ok(file) => text_of(file).with_context(|| name.clone())?,
                Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error).with_context(|| name.clone()),
            }
        };
        if !text.trim().is_empty() {
            let name = if name == "-" { "standard input".to_owned() } else { name.clone() };
            sources.push(Text { name, text });
        }
    }
    Ok(sources)
}

fn text_of(reader: impl Read) -> Result<String> {
    let mut text = String::new();
    reader.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= MAX_BYTES, "it is larger than {MAX_BYTES} bytes");
    Ok(text)
}

/// Has Compose resolve the judged files: every service, whatever its profile; no Git, no OCI.
///
/// # Errors
/// When docker cannot be started, or Compose does not accept the project, then with Compose's own words; or when
/// that takes until `until`.
pub fn resolve(
    policy: &Policy,
    account: &Account,
    program: &Path,
    project: &Project,
    located: &Located,
    files: &[String],
    until: Instant,
) -> Result<Value> {
    let files = files.iter().map(|file| memory_file(file)).collect::<Result<Vec<_>>>()?;
    let mut command = Command::new(program);
    command.arg("compose").arg(format!("--project-directory={}", located.directory.display())).arg("--profile=*");
    command.args(project.name.iter().map(|name| format!("--project-name={name}")));
    command.args(project.env_files.iter().map(|file| format!("--env-file={file}")));
    command.args(files.iter().map(|file| format!("--file={}", path_of(file))));
    command.args(["config", "--format=json"]);
    command.env_clear().envs(account.environment(&policy.host, &policy.config));
    command.env("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "false").env("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "false");
    let text = printed(command, until).with_context(|| format!("docker program {}", program.display()))?;
    serde_json::from_str(&text).context("reading what docker compose config printed")
}

/// What a command prints, when it succeeds in time.
fn printed(command: Command, until: Instant) -> Result<String> {
    let until = Instant::now().checked_add(PATIENCE).map_or(until, |patience| patience.min(until));
    let Said { outcome, text, errors } = output::of(command, MAX_OUTPUT, until)?;
    ensure!(outcome == Outcome::Code(0), "docker compose: {}", last_line(&errors));
    Ok(text)
}

fn last_line(errors: &str) -> String {
    let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    last.chars().take(300).collect()
}
