//! World: looks up what a verdict must know, as the demands name it. Acts: reads directories, asks the daemon.
#![expect(clippy::disallowed_methods, reason = "this is where the world is looked at")]

use crate::daemon;
use crate::demand::{Demand, Want};
use crate::facts::{Facts, Place};
use crate::policy::Policy;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Looks up everything that `demands` name.
pub fn look_up(policy: &Policy, home: &Path, demands: &[Demand]) -> Facts {
    let mut facts = Facts {
        working_directory: std::env::current_dir().and_then(fs::canonicalize).unwrap_or_else(|_| PathBuf::from("/")),
        home: fs::canonicalize(home).unwrap_or_else(|_| home.to_owned()),
        ..Facts::default()
    };
    for demand in demands {
        match &demand.want {
            Want::ClientRead { path } | Want::ClientReadTree { path } | Want::Bind { source: path, .. } => {
                let place = place(path, &facts);
                facts.places.insert(path.clone(), place);
            }
            Want::Volume { name } => {
                let volume = daemon::volume(&policy.host, name);
                facts.volumes.insert(name.clone(), volume);
            }
            Want::Credentials => facts.config_is_writable = writable(&policy.config),
            _ => {}
        }
    }
    facts
}

/// Resolves a path as the kernel will; what does not exist yet hangs below what does.
fn place(path: &str, facts: &Facts) -> Place {
    let absolute = facts.working_directory.join(path);
    let resolved = match fs::canonicalize(&absolute) {
        Err(error) if error.kind() == ErrorKind::NotFound => below_what_exists(&absolute),
        other => other,
    };
    match resolved {
        Ok(path) => Place::At {
            directory: path.is_dir(),
            readable: !path.exists() || nix::unistd::access(&path, nix::unistd::AccessFlags::R_OK).is_ok(),
            dot_directories: dot_directories(&path, &facts.home),
            path,
        },
        Err(error) => Place::Unknown(error.to_string()),
    }
}

/// The deepest ancestor that exists, resolved, with the rest as given. A dangling symbolic link is an
/// error: what it leads to could come into being.
fn below_what_exists(path: &Path) -> std::io::Result<PathBuf> {
    let mut missing = PathBuf::new();
    for ancestor in path.ancestors() {
        match fs::symlink_metadata(ancestor) {
            Ok(_) => return Ok(fs::canonicalize(ancestor)?.join(missing)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        match ancestor.components().next_back() {
            Some(Component::Normal(name)) => {
                missing =
                    if missing.as_os_str().is_empty() { PathBuf::from(name) } else { Path::new(name).join(missing) };
            }
            _ => return Err(ErrorKind::InvalidInput.into()),
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// The dot-directories that would be read with `path` when it is the home or above it.
fn dot_directories(path: &Path, home: &Path) -> Vec<String> {
    if !home.starts_with(path) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(home) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// Whether this process could write in a directory.
pub fn writable(directory: &Path) -> bool {
    nix::unistd::access(directory, nix::unistd::AccessFlags::W_OK).is_ok()
}
