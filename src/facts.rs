//! Facts: what a verdict must know of the world: where a path leads, which containers there are. Pure: they are
//! looked up by [`crate::world`] before the policy judges. (What the doctor knows of the host is another thing, in
//! `admin::doctor::facts`.)
//!
//! What is not in here is unknown, and unknown is denied.

use crate::demand::Object;
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
    /// Whether something is mounted below a path of the request, by the path as given.
    pub mounted_below: BTreeMap<String, bool>,
    /// The named volumes of the request.
    pub volumes: BTreeMap<String, Volume>,
    /// The names in files of labels, by the path as given; `None` for what is no file that could be read.
    pub label_files: BTreeMap<String, Option<Vec<String>>>,
    /// The daemon's default runtime, when a demand is about that; or why it is not known.
    pub default_runtime: Option<Result<String, Unreachable>>,
    /// Where a container's mount leads, by its path on the host.
    pub ways: BTreeMap<String, Way>,
    /// Whether the account can write docker's configuration directory.
    pub config_is_writable: bool,
    /// Every container that the daemon has, when a demand is about them; or why they are not known.
    pub containers: Option<Result<Vec<Container>, Unreachable>>,
    /// How long the daemon's list of a kind is, in bytes, when a demand is for one more; or why that is not known.
    pub lengths: BTreeMap<Object, Result<usize, Unreachable>>,
    /// Who asks.
    pub owner: Owner,
    /// Every volume, network or image, when a demand is about such.
    pub listed: BTreeMap<Object, Result<Vec<Listed>, Unreachable>>,
}

/// Who asks: a key of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    pub account: String,
    /// The key's label, empty where it has none; `None`: any key of the account.
    pub key: Option<String>,
}

impl Owner {
    /// Whether labels are those of something that this key of this account has made.
    pub fn has_made(&self, labels: &BTreeMap<String, String>) -> bool {
        let key = labels.get(KEY_LABEL);
        let is_of_key = self.key.as_ref().map_or(key.is_some(), |own| key == Some(own));
        labels.get(ACCOUNT_LABEL) == Some(&self.account) && is_of_key
    }

    /// Whether something counts as this key's by its labels. What says an account and no key, as what was made before the
    /// gate set that label, could be each key's of the account.
    pub fn may_have_made(&self, labels: &BTreeMap<String, String>) -> bool {
        let own = self.key.as_ref().zip(labels.get(KEY_LABEL));
        labels.get(ACCOUNT_LABEL) == Some(&self.account) && own.is_none_or(|(own, key)| own == key)
    }

    /// Whether labels are those of a container that was made so; an image of the key's hands on all but the id.
    pub fn has_made_container(&self, labels: &BTreeMap<String, String>) -> bool {
        self.has_made(labels) && labels.get(ID_LABEL).is_some_and(|id| !id.is_empty())
    }
}

/// The labels that the gate sets on what it makes.
const ACCOUNT_LABEL: &str = "dockgate.account";
const KEY_LABEL: &str = "dockgate.key";
const ID_LABEL: &str = "dockgate.id";

/// Why something of the daemon's is not known, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// Nothing listens where the policy says that it does, or this account may not connect. Docker itself could do
    /// nothing either.
    NoDaemon(String),
    /// It did not answer, or not what a docker daemon answers.
    NoAnswer(String),
    /// It was not asked.
    NotAsked,
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoDaemon(why) | Self::NoAnswer(why) => f.write_str(why),
            Self::NotAsked => f.write_str("it was not asked"),
        }
    }
}

/// A container as the daemon lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name; and `OTHER/ALIAS` for each container that links to it.
    pub names: Vec<String>,
    /// Running, paused or restarting.
    pub running: bool,
    /// Running or paused: in its networks. One that is being started over is not, between two tries.
    pub attached: bool,
    pub labels: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    /// The id of its image.
    pub image: String,
    /// The names and ids of the networks that it is in.
    pub networks: Vec<String>,
}

/// A volume, network or image as the daemon lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Empty for volumes.
    pub id: String,
    /// Its name; an image's tags and digests.
    pub names: Vec<String>,
    /// Of a volume, the directory or device of the host that it stands for; empty for others.
    pub device: String,
    pub labels: BTreeMap<String, String>,
}

/// What a container has mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`, …
    pub kind: String,
    /// The volume's name; empty for other mounts.
    pub name: String,
    /// The path on the host.
    pub source: String,
    pub read_only: bool,
}

/// How the kernel finds what is at a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The path, and that of each symbolic link that it leads over, each with the links in front of it resolved.
    pub over: Vec<PathBuf>,
    /// Where it ends.
    pub end: PathBuf,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// All symbolic links resolved; what does not exist yet is kept as given below what does.
    At {
        path: PathBuf,
        kind: Kind,
        /// Whether this account can read it; what does not exist counts as readable.
        readable: bool,
        /// Dot-directories directly below it, by name; looked up for the account's home only.
        dot_directories: Vec<String>,
    },
    /// It could not be looked up.
    Unknown(String),
}

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Missing,
    /// A regular file.
    File,
    Directory,
    /// A socket, a device, a pipe.
    Other,
}

/// What the daemon says of a named volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// It does not exist, or it is one of the local driver without options, or in memory.
    Plain,
    /// It has a driver of its own, or options that make it stand for something of the host.
    Special(String),
    /// The daemon could not be asked.
    Unknown(Unreachable),
}

impl Facts {
    /// Why the docker client may not read `path`; `None` when it may.
    ///
    /// A path must lead to something below the working directory that this account can read, and to no
    /// dot-directory or dot-file directly below the home (`.ssh`, `.docker`, `.netrc`); a directory that is
    /// read whole must hold no dot-directory of the home. What is elsewhere is refused in the same words,
    /// whatever is there.
    pub fn client_may_not_read(&self, path: &str, whole: bool) -> Option<String> {
        let here = self.working_directory.display();
        let elsewhere = || Some(format!("it does not lead to something below {here} that this account can read"));
        let Some(Place::At { path, readable: true, dot_directories, .. }) = self.places.get(path) else {
            return elsewhere();
        };
        if self.working_directory.parent().is_none() {
            return Some("the working directory is the root of the file system".to_owned());
        }
        if !path.starts_with(&self.working_directory) {
            return elsewhere();
        }
        if let Some(name) = dot_entry(path, &self.home) {
            return Some(format!("it leads to {name}, which holds the account's own configuration"));
        }
        match dot_directories.first() {
            Some(name) if whole => Some(format!("the whole directory would be read, {name} in it included")),
            _ => None,
        }
    }

    /// Why the daemon, which is root, may not mount the file `path`; `None` when it may: it must be one that the
    /// account may read itself, there, and a regular file. Where it leads comes first: of what is elsewhere nothing is
    /// told.
    pub fn daemon_may_not_mount(&self, path: &str) -> Option<String> {
        self.client_may_not_read(path, false).or_else(|| match self.places.get(path) {
            Some(Place::At { kind: Kind::File, .. }) => None,
            _ => Some("it is not a regular file that this account can read".to_owned()),
        })
    }

    /// The containers of a Compose project, or why they are not known.
    ///
    /// # Errors
    /// When they were not looked up or the daemon did not answer.
    pub fn of_project(&self, project: &str) -> Result<Vec<&Container>, &Unreachable> {
        let all = self.all_containers()?;
        Ok(all.iter().filter(|container| is_of_project(&container.labels, project)).collect())
    }

    /// Every container, or why they are not known.
    ///
    /// # Errors
    /// As [`Facts::of_project`].
    pub fn all_containers(&self) -> Result<&[Container], &Unreachable> {
        match &self.containers {
            Some(Ok(containers)) => Ok(containers),
            Some(Err(why)) => Err(why),
            None => Err(&Unreachable::NotAsked),
        }
    }

    /// Every volume, network or image, or why they are not known.
    ///
    /// # Errors
    /// As [`Facts::of_project`].
    pub fn all_listed(&self, object: Object) -> Result<&[Listed], &Unreachable> {
        match self.listed.get(&object) {
            Some(Ok(listed)) => Ok(listed),
            Some(Err(why)) => Err(why),
            None => Err(&Unreachable::NotAsked),
        }
    }

    /// Whether who asks has made a container. Its image could have been made by the same key, and hands its labels on
    /// to the containers of others; but no two records have the same id.
    ///
    /// # Errors
    /// As [`Facts::of_project`].
    pub fn has_made(&self, container: &Container) -> Result<bool, &Unreachable> {
        if !self.owner.has_made_container(&container.labels) {
            return Ok(false);
        }
        let id = container.labels.get(ID_LABEL);
        let image = self.all_listed(Object::Image)?.iter().find(|image| image.id == container.image);
        Ok(image.is_some_and(|image| image.labels.get(ID_LABEL) != id))
    }

    /// Where a path leads; as given if that is not known.
    pub fn resolved(&self, path: &str) -> String {
        match self.places.get(path) {
            Some(Place::At { path, .. }) => path.display().to_string(),
            Some(Place::Unknown(_)) | None => path.to_owned(),
        }
    }
}

/// By which Compose finds a project's containers (compose `pkg/api/labels.go`).
const PROJECT_LABEL: &str = "com.docker.compose.project";

/// Whether labels are those of something that belongs to a Compose project.
pub fn is_of_project(labels: &BTreeMap<String, String>, project: &str) -> bool {
    labels.get(PROJECT_LABEL).is_some_and(|name| name == project)
}

/// Dot-files directly below the home that belong to a project there.
const OF_PROJECTS: &[&str] = &[".env", ".dockerignore"];

/// The dot-directory or dot-file directly below `home` that `place` is or is in.
fn dot_entry(place: &Path, home: &Path) -> Option<String> {
    let first = place.strip_prefix(home).ok()?.components().next()?.as_os_str().to_string_lossy().into_owned();
    (first.starts_with('.') && !OF_PROJECTS.contains(&first.as_str())).then_some(first)
}
