//! Plugin: the Compose plugin as docker finds it. Acts: reads docker's configuration, looks for files.
//!
//! docker in front of it finds it, asks it what it is, and starts it: two more programs, each of which takes as long to
//! start as Compose does to resolve a project.
#![expect(clippy::disallowed_methods, reason = "docker's configuration and the plugin are looked for here")]

use serde_json::{Map, Value};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where the docker client looks for plugins, in order, behind `cli-plugins` of its configuration.
pub const DIRECTORIES: &[&str] = &[
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// Below these docker is built to look elsewhere.
const BUILT_OTHERWISE: &[&str] = &["/nix", "/gnu"];

/// What a `config.json` may hold that says nothing of plugins. Of others, such as `cliPluginsExtraDirs` and `aliases`,
/// docker knows what they come to.
const WITHOUT_EFFECT: &[&str] = &[
    "HttpHeaders",
    "auths",
    "credHelpers",
    "credsStore",
    "currentContext",
    "detachKeys",
    "imagesFormat",
    "networksFormat",
    "proxies",
    "psFormat",
    "pruneFilters",
    "volumesFormat",
];

/// A `config.json` of more bytes than this is docker's to read.
const MAX_BYTES: u64 = 1024 * 1024;

/// How a program begins, and how a script does.
const PROGRAM: &[u8] = b"\x7fELF";
const SCRIPT: &[u8] = b"#!";

/// What tells a plugin that docker has started it, and as what (docker CLI, `metadata.ReexecEnvvar`).
pub const STARTED_BY: &str = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";

/// The Compose plugin that this docker starts with this configuration. `None` where docker has to be asked.
pub fn compose(docker: &Path, config: &Path) -> Option<PathBuf> {
    if !is_plain(docker) || !says_nothing(&config.join("config.json")) {
        return None;
    }
    let directories = std::iter::once(config.join("cli-plugins")).chain(DIRECTORIES.iter().map(PathBuf::from));
    for directory in directories {
        let path = directory.join("docker-compose");
        match std::fs::metadata(&path) {
            // docker goes on for no other reason.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Ok(metadata) => {
                let runs = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
                // Of what else there is the C library would have a shell make something.
                let is_program = runs && (begins(&path, PROGRAM) || begins(&path, SCRIPT));
                return is_program.then_some(path);
            }
            Err(_) => return None,
        }
    }
    None
}

/// Whether a program is the docker client itself: no script around it, no launcher that goes by the name it is called.
fn is_plain(docker: &Path) -> bool {
    let Ok(real) = std::fs::canonicalize(docker) else { return false };
    begins(&real, PROGRAM)
        && real.file_name().is_some_and(|name| name == "docker")
        && !BUILT_OTHERWISE.iter().any(|root| real.starts_with(root))
}

fn begins(file: &Path, with: &[u8]) -> bool {
    let mut start = vec![0; with.len()];
    File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == with
}

/// Whether docker's configuration is not there, or holds only what has no effect on plugins.
fn says_nothing(file: &Path) -> bool {
    let mut text = Vec::new();
    match File::open(file) {
        Err(error) => error.kind() == ErrorKind::NotFound,
        Ok(file) => {
            file.take(MAX_BYTES).read_to_end(&mut text).is_ok()
                && serde_json::from_slice::<Map<String, Value>>(&text)
                    .is_ok_and(|entries| entries.keys().all(|key| WITHOUT_EFFECT.contains(&key.as_str())))
        }
    }
}
