//! Facts: what a verdict must know of the world, looked up beforehand and handed in as data. Pure.
//!
//! What is not in here is unknown, and unknown is denied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The world as far as one request names it.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The directory that relative paths start from, symbolic links resolved.
    pub working_directory: PathBuf,
    /// The account's home, symbolic links resolved.
    pub home: PathBuf,
    /// Where the paths of the request lead, by the path as given.
    pub places: BTreeMap<String, Place>,
    /// The named volumes of the request.
    pub volumes: BTreeMap<String, Volume>,
    /// Whether the account can write docker's configuration directory.
    pub config_is_writable: bool,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// All symbolic links resolved; what does not exist yet is kept as given below what does.
    At {
        path: PathBuf,
        directory: bool,
        /// Whether this account can read it; what does not exist counts as readable.
        readable: bool,
        /// Dot-directories directly below it, by name; looked up for the account's home only.
        dot_directories: Vec<String>,
    },
    /// It could not be looked up.
    Unknown(String),
}

/// What the daemon says of a named volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// It does not exist, or it is one of the local driver without options.
    Plain,
    /// It has a driver of its own, or options that make it stand for something of the host.
    Special(String),
    /// The daemon could not be asked.
    Unknown(String),
}

impl Facts {
    /// Why the docker client may not read `path`; `None` when it may.
    ///
    /// A path must lead under the working directory and to no dot-directory directly below the home
    /// (`.ssh`, `.docker`); a directory that is read whole must hold none.
    pub fn client_may_not_read(&self, path: &str, whole: bool) -> Option<String> {
        let (place, directory, dot_directories) = match self.places.get(path) {
            // Docker's daemon, which is root, mounts some files that a request names.
            Some(Place::At { readable: false, .. }) => return Some("this account cannot read it".to_owned()),
            Some(Place::At { path, directory, dot_directories, .. }) => (path, *directory, dot_directories),
            Some(Place::Unknown(why)) => return Some(format!("it cannot be looked up ({why})")),
            None => return Some("it was not looked up".to_owned()),
        };
        if self.working_directory.parent().is_none() {
            return Some("the working directory is the root of the file system".to_owned());
        }
        if !place.starts_with(&self.working_directory) {
            return Some(format!("it leads outside {}", self.working_directory.display()));
        }
        if let Some(name) = dot_directory(place, &self.home, directory) {
            return Some(format!("it leads into {name}, which holds the account's own configuration"));
        }
        match dot_directories.first() {
            Some(name) if whole => Some(format!("the whole directory would be read, {name} in it included")),
            _ => None,
        }
    }
}

/// The dot-directory directly below `home` that `place` is or is in.
fn dot_directory(place: &Path, home: &Path, directory: bool) -> Option<String> {
    let below = place.strip_prefix(home).ok()?;
    let mut components = below.components();
    let first = components.next()?.as_os_str().to_string_lossy().into_owned();
    let is_directory = directory || components.next().is_some();
    (first.starts_with('.') && is_directory).then_some(first)
}
