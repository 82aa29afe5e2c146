//! Project files: reads a Compose project's files and has Compose resolve them. Acts: reads files, runs
//! `docker compose config`, or docker's plugin for it directly, which starts nothing and asks no daemon.
#![expect(clippy::disallowed_methods, reason = "the project's files are read and resolved here")]

use super::tree::Tree;
use crate::compose::Project;
use crate::compose::names::absolute;
use crate::compose::variables::{self, Refused};
use crate::exit::Outcome;
use crate::policy::Policy;
use crate::request::account::Account;
use crate::run::child::Bond;
use crate::run::exec;
use crate::run::memory::{memory_file, path_of};
use crate::run::output::{self, Said};
use crate::run::plugin;
use crate::run::session;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A Compose file of more bytes than this is not one.
const MAX_BYTES: u64 = 1024 * 1024;

/// A model of more bytes than this is not judged.
const MAX_OUTPUT: u64 = 4 * 1024 * 1024;

/// How long Compose may take to resolve a project.
const PATIENCE: Duration = Duration::from_secs(15);

/// The names that Compose looks for, in its order (compose-go `cli.DefaultFileNames`).
const NAMES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: &[&str] =
    &["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// One file's text, with the name to use in messages.
#[derive(Debug)]
pub struct Text {
    pub name: String,
    pub text: String,
}

/// Why a project is not known.
#[derive(Debug)]
pub enum Trouble {
    /// Something that who sent the request can mend: what is wrong, and how.
    Request { why: String, hint: String },
    /// Too much is being done for this account: in words, and what to do.
    Busy { why: String, hint: String },
    /// Docker or its Compose plugin does not work on this host.
    Host(anyhow::Error),
}

/// No place to resolve a project in.
fn busy() -> Trouble {
    let why =
        format!("{} other projects of this account are being resolved, and no more may at once", session::JUDGING);
    Trouble::Busy { why, hint: "send it again when they have been; one after the other none of them waits".to_owned() }
}

impl Trouble {
    pub(super) fn request(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Request { why: why.into(), hint: hint.into() }
    }

    /// A file that cannot be read.
    fn file(name: &str, error: &anyhow::Error) -> Self {
        Self::request(format!("{name}: {error:#}"), "mend the file or its name, and send the request again")
    }
}

/// Where a project's files are, before any is read.
#[derive(Debug)]
pub struct Located {
    /// The project directory, absolute.
    pub directory: PathBuf,
    /// As given, or as found.
    pub files: Vec<String>,
    /// The files of variables that Compose will read and that are there, as given or found.
    pub variables: Vec<String>,
    /// Whether the request names the Compose files, so that a file of variables cannot name others.
    given: bool,
    /// The Compose files as Compose names them in a label: absolute paths, and `-` for standard input.
    pub label: String,
}

/// Finds the project's files as Compose would: those given, or the first with a known name in the project
/// directory or a directory above it. Reads none of them.
///
/// # Errors
/// When there is no working directory.
pub fn locate(project: &Project) -> Result<Located, Trouble> {
    let here = std::env::current_dir().context("working directory").map_err(Trouble::Host)?;
    let first = project.files.iter().find(|file| *file != "-").and_then(|file| Path::new(file).parent());
    let directory = match (&project.directory, first) {
        (Some(directory), _) => here.join(directory),
        (None, Some(parent)) => here.join(parent),
        (None, None) => here.clone(),
    };
    let given = !project.files.is_empty();
    let mut located =
        Located { directory, files: project.files.clone(), variables: Vec::new(), given, label: String::new() };
    let mut variables = Vec::new();
    if !given {
        // Compose looks here before it looks further up.
        variables.push(located.directory.join(".env"));
        let directory = located.directory.clone();
        for above in directory.ancestors() {
            let named = |names: &[&str]| names.iter().map(|name| above.join(name)).find(|path| path.is_file());
            if let Some(found) = named(NAMES) {
                let files = [Some(found), named(OVERRIDES)].into_iter().flatten();
                located.files = files.map(|path| path.display().to_string()).collect();
                located.directory = above.to_owned();
                break;
            }
        }
    }
    let label = |file: &String| match file.as_str() {
        "-" => "-".to_owned(),
        file => absolute(&here, file).display().to_string(),
    };
    located.label = located.files.iter().map(label).collect::<Vec<_>>().join(",");
    variables.extend([here.join(".env"), located.directory.join(".env")]);
    variables.extend(project.env_files.iter().map(PathBuf::from));
    for path in variables {
        let name = path.display().to_string();
        if std::fs::symlink_metadata(&path).is_ok() && !located.variables.contains(&name) {
            located.variables.push(name);
        }
    }
    Ok(located)
}

/// Reads a file of variables that Compose takes for the project.
fn variables_in(name: &str, given: bool) -> Result<Text, Trouble> {
    let file = File::open(name).map_err(anyhow::Error::from);
    let text = file.and_then(text_of).map_err(|error| Trouble::file(name, &error))?;
    if let Some(Refused { name: variable, hint }) = variables::refused(&text, given) {
        return Err(Trouble::request(format!("{name} sets {variable}, which is not taken from there"), hint));
    }
    if variables::grows(&text) {
        return Err(Trouble::request(
            format!("{name} has a variable that grows too large"),
            "write its value out, shorter",
        ));
    }
    Ok(Text { name: name.to_owned(), text })
}

/// What the files hold that a request names, or that Compose finds for it.
#[derive(Debug)]
pub struct Found {
    pub texts: Vec<Text>,
    /// Of variables.
    pub variables: Vec<Text>,
}

impl Found {
    /// Whether a file of variables gives the project its name.
    pub fn is_named(&self) -> bool {
        self.variables.iter().any(|file| variables::sets(&file.text, "COMPOSE_PROJECT_NAME"))
    }

    /// The texts of the files of variables that Compose takes, in its order; `None` where that is not plain, or where they
    /// name the project.
    pub fn variables_taken(&self, project: &Project, located: &Located) -> Option<Vec<String>> {
        if self.is_named() {
            return None;
        }
        let text = |file: &Text| file.text.clone();
        if !project.env_files.is_empty() {
            let given = project.env_files.iter().map(|name| self.variables.iter().find(|file| file.name == *name));
            return given.map(|file| file.map(text)).collect();
        }
        let own = absolute(&located.directory, ".env");
        let only = self.variables.iter().all(|file| absolute(&located.directory, &file.name) == own);
        (only && self.variables.len() <= 1).then(|| self.variables.iter().map(text).collect())
    }
}

/// Reads the files of variables and the Compose files; standard input too, unless `standard_input` says that it may not be read.
///
/// # Errors
/// When a file is not there, cannot be read, is too large, or is not UTF-8.
pub fn read(located: &Located, standard_input: bool) -> Result<Found, Trouble> {
    let variables = located.variables.iter().map(|name| variables_in(name, located.given)).collect::<Result<_, _>>()?;
    let mut texts = Vec::new();
    for name in &located.files {
        let (name, text) = if name == "-" {
            let name = "standard input".to_owned();
            if !standard_input {
                continue;
            }
            let text = text_of(std::io::stdin().lock()).map_err(|error| Trouble::file(&name, &error))?;
            (name, text)
        } else {
            (name.clone(), sent_text(name)?)
        };
        if text.trim().is_empty() {
            let hint = "send the file's text: ssh HOST docker compose -p NAME -f - up -d < compose.yaml";
            return Err(Trouble::request(format!("empty compose file: {name} holds nothing"), hint));
        }
        texts.push(Text { name, text });
    }
    Ok(Found { texts, variables })
}

/// The text of a file that the request names.
fn sent_text(name: &str) -> Result<String, Trouble> {
    let hint = format!(
        "files are looked for on this host, below your home; send yours on standard input: ssh HOST docker compose -p NAME -f - up -d < {name}"
    );
    text_at(name, || File::open(name), &hint)
}

/// The text of a file that is opened so; `hint` is what to do where it is not there.
pub(super) fn text_at(name: &str, open: impl FnOnce() -> std::io::Result<File>, hint: &str) -> Result<String, Trouble> {
    let path = || std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name)).display().to_string();
    match open().map_err(anyhow::Error::from).and_then(text_of) {
        Ok(text) => Ok(text),
        Err(error) => Err(match error.downcast_ref::<std::io::Error>() {
            // In Compose's words.
            Some(error) if error.kind() == ErrorKind::NotFound => {
                Trouble::request(format!("open {}: no such file or directory", path()), hint)
            }
            _ => Trouble::file(&path(), &error),
        }),
    }
}

fn text_of(reader: impl Read) -> Result<String> {
    let mut text = String::new();
    reader.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= MAX_BYTES, "it is larger than {MAX_BYTES} bytes");
    Ok(text)
}

/// What Compose has made of a project.
#[derive(Debug)]
pub struct Resolved {
    pub model: Value,
    /// What it warned of, a line each: variables that are not set, keys that it does not mind.
    pub warnings: Vec<String>,
}

/// A project that a project includes, as far as its names depend on it.
#[derive(Clone, Debug)]
pub struct Level {
    /// What its paths start from, and where the copies are.
    pub directory: PathBuf,
    /// Its files of variables.
    pub variables: Vec<PathBuf>,
}

/// Has Compose say what a project comes to.
#[derive(Debug)]
pub struct Resolver<'a> {
    pub policy: &'a Policy,
    pub account: &'a Account,
    pub project: &'a Project,
    pub located: &'a Located,
    /// When it has to be known.
    pub until: Instant,
}

impl Resolver<'_> {
    /// Has Compose resolve the judged files: of the wanted profiles, or of all where services are named; no Git, no
    /// OCI. What they name is taken from `tree`, where there is one.
    ///
    /// # Errors
    /// When Compose does not accept the project, then with Compose's own words; when that takes too long; or when
    /// docker or Compose does not work here.
    pub fn resolve(&self, files: &[Text], tree: Option<&Tree>) -> Result<Resolved, Trouble> {
        let profiles: Vec<&str> = self.project.wanted_profiles().collect();
        let (text, warnings) = self.config(files, tree, &profiles)?;
        // In JSON a path stands as it is, or with characters escaped that the tree's own path has not.
        let text = tree.map_or_else(|| text.clone(), |tree| tree.named(&text));
        let model = serde_json::from_str(&text).context("reading what docker compose config printed");
        Ok(Resolved { model: model.map_err(Trouble::Host)?, warnings })
    }

    /// What texts mean with variables put in, in a project that is included over these levels.
    ///
    /// # Errors
    /// As [`Resolver::resolve`].
    pub(super) fn meant(&self, tree: &Tree, levels: &[Level], texts: &[String]) -> Result<Vec<String>, Trouble> {
        let mut text = serde_json::json!({"services": {"names": {"image": "names", "command": texts}}}).to_string();
        for Level { directory, variables } in levels.iter().rev() {
            let inner = tree.put(Path::new(OWN_FILE), &text).map_err(Trouble::Host)?;
            text = serde_json::json!({"include": [
                {"path": [inner], "project_directory": directory, "env_file": variables}
            ]})
            .to_string();
        }
        let file = Text { name: "the Compose file".to_owned(), text };
        let (text, _) = self.config(&[file], Some(tree), &[])?;
        let model: Value = serde_json::from_str(&text).context("reading what names mean").map_err(Trouble::Host)?;
        let said = model.pointer("/services/names/command").and_then(Value::as_array).into_iter().flatten();
        let meant: Vec<String> = said.filter_map(Value::as_str).map(|text| text.replace("$$", "$")).collect();
        if meant.len() == texts.len() {
            return Ok(meant);
        }
        Err(Trouble::Host(anyhow::anyhow!("docker compose config: it did not say what the names of files mean")))
    }

    /// What `docker compose config` prints, and the lines of its warnings.
    fn config(&self, files: &[Text], tree: Option<&Tree>, profiles: &[&str]) -> Result<(String, Vec<String>), Trouble> {
        let Self { policy, account, project, located, until } = *self;
        let program = exec::program(policy).map_err(Trouble::Host)?;
        let in_memory = files.iter().map(|file| memory_file(&file.text)).collect::<Result<Vec<_>>>();
        let in_memory = in_memory.map_err(Trouble::Host)?;
        let directory =
            tree.map_or_else(|| located.directory.clone(), |tree| tree.at(&absolute(&located.directory, "")));
        let mut command = compose(&program, &policy.config);
        command.arg("compose").arg(format!("--project-directory={}", directory.display()));
        command.args(profiles.iter().map(|profile| format!("--profile={profile}")));
        command.args(project.name.iter().map(|name| format!("--project-name={name}")));
        command.args(project.env_files.iter().map(|file| format!("--env-file={file}")));
        command.args(in_memory.iter().map(|file| format!("--file={}", path_of(file))));
        command.args(["config", "--format=json"]);
        command.envs(account.environment(&policy.host, &policy.config));
        command.env("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "false").env("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "false");
        // Held until Compose has ended.
        let place =
            session::judge(&account.name, policy.key.as_deref().unwrap_or_default(), until).map_err(Trouble::Host)?;
        let _place = place.ok_or_else(busy)?;
        let until = Instant::now().checked_add(PATIENCE).map_or(until, |patience| patience.min(until));
        let started = output::start(command, Bond::Starter).context("docker compose config").map_err(Trouble::Host)?;
        let said = started.said(MAX_OUTPUT, until).map_err(|error| {
            Trouble::request(
                format!("docker compose config: {error:#}"),
                "send a smaller project, or its parts one by one",
            )
        });
        let Said { outcome, text, errors } = said?;
        // By the names that who sent them knows.
        let name = |line: &str| {
            let named = in_memory.iter().zip(files).map(|(memory, file)| (path_of(memory), &file.name));
            let line = named.fold(line.to_owned(), |line, (path, name)| line.replace(&path, name));
            tree.map_or(line.clone(), |tree| tree.named(&line))
        };
        let lines: Vec<String> = errors.lines().filter(|line| !line.trim().is_empty()).map(name).collect();
        if outcome != Outcome::Code(0) {
            return Err(unaccepted(&lines));
        }
        Ok((text, lines.into_iter().filter(|line| line.contains("level=warning")).collect()))
    }
}

/// Compose, with nothing in its environment: the plugin itself where docker would do nothing but start it.
fn compose(docker: &Path, config: &Path) -> Command {
    let plugin = plugin::compose(docker, config);
    let mut command = Command::new(plugin.as_deref().unwrap_or(docker));
    command.env_clear();
    if plugin.is_some() {
        command.env(plugin::STARTED_BY, docker);
    }
    command
}

/// What the gate writes beside the copies.
const OWN_FILE: &str = "/dockgate-names/names.yaml";

/// What docker says itself where it has no Compose plugin that works: it takes Compose's options for its own, or the
/// word for an unknown command. An old plugin does not know the options.
const NO_PLUGIN: &[&str] =
    &["unknown flag: --", "unknown shorthand flag", "is not a docker command", "unknown command: docker compose"];

/// What Go's runtime says where it gets no more.
const NO_MEMORY: &[&str] = &["out of memory", "cannot allocate memory"];

fn unaccepted(lines: &[String]) -> Trouble {
    let whole = |line: &String| NO_PLUGIN.iter().any(|said| line.contains(said));
    if lines.iter().any(|line| NO_MEMORY.iter().any(|said| line.contains(said))) {
        return Trouble::request(
            "docker compose config: it takes more memory than judging may",
            "send a smaller project, or its parts one by one",
        );
    }
    if let Some(line) = lines.iter().find(|line| whole(line)) {
        return Trouble::Host(anyhow::anyhow!(
            "docker has no Compose plugin here that works, or one that is too old ({line})"
        ));
    }
    let said: Vec<&str> = lines.iter().filter(|line| !line.contains("level=warning")).map(String::as_str).collect();
    let said: String = said.join(" ").chars().take(600).collect();
    let said = if said.is_empty() { "no reason given".to_owned() } else { said };
    Trouble::request(
        format!("docker compose: {said}"),
        "mend that in the Compose file or the command, and send it again",
    )
}
