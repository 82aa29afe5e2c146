//! An installed docker, asked for help in a directory, with a configuration and a daemon of our own.
#![expect(clippy::disallowed_methods, reason = "it is a program of its own, and acts")]

use crate::daemon;
use crate::help::{Flag, Help, Takes};
use anyhow::{Context, Result, bail};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A way to start docker. What help shows differs, and the catalogue must know all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// No plugins, a daemon that does not say what system it runs on: Windows' options are shown too.
    Bare,
    /// No plugins, a daemon on Linux: docker 20.10 takes `checkpoint` for nothing else.
    Linux,
    /// No plugins, the builder of old.
    OldBuilder,
    /// With Compose and buildx, which is how a host has them.
    Plugins,
}

/// A value that no option takes for true or false.
const PROBE: &str = "dockgate-probe";

#[derive(Debug)]
pub(crate) struct Docker {
    program: PathBuf,
    scratch: PathBuf,
}

impl Docker {
    /// `plugins`: the directory of the plugins, if not one of those that docker finds by itself or that lie
    /// beside it.
    pub(crate) fn new(program: &Path, plugins: Option<&Path>) -> Result<Self> {
        let program = find(program)?;
        let scratch = std::env::temp_dir().join(format!("xtask-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&scratch).with_context(|| format!("making {}", scratch.display()))?;
        let docker = Self { program, scratch };
        for directory in ["home", "empty", "bare", "plugins/cli-plugins"] {
            fs::create_dir_all(docker.scratch.join(directory))?;
        }
        for directory in plugins.map_or_else(|| docker.beside(), |directory| vec![directory.to_owned()]) {
            for entry in fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))? {
                let entry = entry?;
                let link = docker.scratch.join("plugins/cli-plugins").join(entry.file_name());
                symlink(fs::canonicalize(entry.path())?, link)?;
            }
        }
        daemon::start(&docker.scratch.join("any.sock"), None)?;
        daemon::start(&docker.scratch.join("linux.sock"), Some("linux"))?;
        Ok(docker)
    }

    /// Directories of plugins in the tree that docker was unpacked to.
    fn beside(&self) -> Vec<PathBuf> {
        let tree = self.program.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let places = ["libexec/docker/cli-plugins", "lib/docker/cli-plugins"].map(|place| tree.join(place));
        places.into_iter().filter(|place| place.is_dir()).collect()
    }

    fn run(&self, view: View, args: &[&str]) -> Result<Output> {
        let (config, socket, builder) = match view {
            View::Bare => ("bare", "any.sock", ""),
            View::Linux => ("bare", "linux.sock", ""),
            View::OldBuilder => ("bare", "any.sock", "0"),
            View::Plugins => ("plugins", "any.sock", ""),
        };
        let mut command = Command::new(self.plugin(view, args).unwrap_or_else(|| self.program.clone()));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.scratch.join("home"))
            .env("DOCKER_CONFIG", self.scratch.join(config))
            .env("DOCKER_HOST", format!("unix://{}", self.scratch.join(socket).display()))
            .env("BUILDX_EXPERIMENTAL", "1")
            // By this a plugin knows that docker has started it.
            .env("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", &self.program);
        if !builder.is_empty() {
            command.env("DOCKER_BUILDKIT", builder);
        }
        command.args(args).current_dir(self.scratch.join("empty")).stdin(Stdio::null());
        command.output().with_context(|| format!("starting {}", self.program.display()))
    }

    /// The plugin that docker would hand the arguments to, unchanged: starting it without docker saves time.
    fn plugin(&self, view: View, args: &[&str]) -> Option<PathBuf> {
        let (View::Plugins, [name @ ("compose" | "buildx"), word, ..]) = (view, args) else { return None };
        let program = self.scratch.join("plugins/cli-plugins").join(format!("docker-{name}"));
        (*word != "--help" && program.is_file()).then_some(program)
    }

    /// The help that docker gives for `words`, if it is about a command of that many words: for an unknown
    /// one docker shows the help of the group above.
    pub(crate) fn help(&self, view: View, words: &[&str], operand: Option<&str>) -> Result<Option<Help>> {
        let args: Vec<&str> = words.iter().copied().chain(operand).chain(["--help"]).collect();
        let output = self.run(view, &args)?;
        let help = Help::parse(&String::from_utf8_lossy(&output.stdout));
        Ok(help.filter(|help| output.status.success() && help.path.len() >= words.len()))
    }

    /// A flag of which help does not say enough. Help is asked for as well, so the command does not run.
    pub(crate) fn flag(&self, view: View, words: &[&str], long: &str, short: Option<char>) -> Result<Option<Flag>> {
        let Some(takes) = self.probe(view, words, &format!("--{long}={PROBE}"))? else { return Ok(None) };
        let short = match short {
            Some(letter) if self.probe(view, words, &format!("-{letter}={PROBE}"))?.is_some() => Some(letter),
            _ => None,
        };
        Ok(Some(Flag { short, takes }))
    }

    fn probe(&self, view: View, words: &[&str], flag: &str) -> Result<Option<Takes>> {
        let args: Vec<&str> = words.iter().copied().chain([flag, "--help"]).collect();
        let output = self.run(view, &args)?;
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        // Docker 20.10 with Kubernetes' options switched off says so.
        let refusals = ["unknown flag: ", "unknown shorthand flag: ", " is only supported on "];
        if refusals.iter().any(|refusal| text.contains(refusal)) {
            return Ok(None);
        }
        if text.contains("strconv.ParseBool") {
            return Ok(Some(Takes::Nothing));
        }
        if text.contains("invalid argument") || Help::parse(&text).is_some() {
            return Ok(Some(Takes::Value));
        }
        bail!("docker {} said neither yes nor no:\n{text}", args.join(" "))
    }

    /// `28.5.2` of docker, or of a plugin.
    pub(crate) fn version(&self, words: &[&str]) -> Result<String> {
        let output = self.run(View::Plugins, words)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |word: &&str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
        let found = text.split_whitespace().find(number).with_context(|| format!("no version in {text:?}"))?;
        Ok(found.trim_start_matches('v').trim_end_matches(',').to_owned())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // What is left behind is in the system's directory for such things.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// The program by its path, or in the places where systems keep it.
fn find(program: &Path) -> Result<PathBuf> {
    let mut places = ["/run/current-system/sw/bin", "/usr/local/bin", "/usr/bin"].iter().map(Path::new);
    let found = match program.components().count() {
        1 => places.find_map(|place| fs::canonicalize(place.join(program)).ok()),
        _ => fs::canonicalize(program).ok(),
    };
    found.with_context(|| format!("no program {}", program.display()))
}
