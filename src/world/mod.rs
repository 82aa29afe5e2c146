//! World: looks up what a verdict must know, as the demands name it. Acts: reads directories, asks the daemon.
#![expect(clippy::disallowed_methods, reason = "this is where the world is looked at")]

use crate::demand::{Demand, Object, Reach, Want};
use crate::facts::{Facts, Kind, Mount, Owner, Place, Unreachable, Way};
use crate::policy::Policy;
use crate::policy::settings::Only;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};

pub mod accounts;
pub mod daemon;
pub mod dial;
pub mod identity;
pub mod name_service;
pub mod policy_file;
pub mod project;
mod question;
pub mod sources;
pub mod tree;

/// Looks up everything that `demands` name. `owner`: who asks.
pub fn look_up(policy: &Policy, owner: Owner, home: &Path, demands: &[Demand]) -> Facts {
    let mut facts = Facts { owner, ..Facts::default() };
    for question in demands.iter().filter_map(|demand| question(policy, &demand.want)) {
        if facts.home.as_os_str().is_empty() {
            facts.home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
            let here = std::env::current_dir().and_then(fs::canonicalize);
            facts.working_directory = here.unwrap_or_else(|_| PathBuf::from("/"));
        }
        match question {
            Question::Place(path) => {
                let place = place(path, &facts);
                facts.places.insert(path.to_owned(), place);
            }
            Question::Length(object) => {
                let length = || match daemon::length(&policy.host, object) {
                    Err(Unreachable::NoDaemon(_)) if policy.offline => Ok(0),
                    length => length,
                };
                facts.lengths.entry(object).or_insert_with(length);
            }
            Question::MountedBelow(path) => {
                let below = facts.places.get(path).is_none_or(is_mounted_below);
                facts.mounted_below.insert(path.to_owned(), below);
            }
            Question::Volume(name) => {
                let volume = daemon::volume(&policy.host, name);
                facts.volumes.insert(name.to_owned(), volume);
            }
            Question::DefaultRuntime => {
                facts.default_runtime.get_or_insert_with(|| daemon::default_runtime(&policy.host));
            }
            Question::Objects(objects) => list(policy, &objects, &mut facts),
            Question::ProjectMounts(project) => look_up_mounts(policy, project, &mut facts),
            Question::Ways => look_up_ways(policy, &mut facts),
            Question::LabelFile(path) => {
                let names = label_file(path, &facts);
                facts.label_files.insert(path.to_owned(), names);
            }
            Question::Configuration => facts.config_is_writable = writable(&policy.config),
        }
    }
    facts
}

/// Whether judging `demands` has to look at anything, and so could have to wait.
pub fn is_asked(policy: &Policy, demands: &[Demand]) -> bool {
    demands.iter().any(|demand| question(policy, &demand.want).is_some())
}

/// What is to be looked up.
enum Question<'a> {
    /// Where a path leads.
    Place(&'a str),
    /// How long the list of a kind is.
    Length(Object),
    /// Whether something is mounted below where a path leads, which a demand before has asked for.
    MountedBelow(&'a str),
    Volume(&'a str),
    DefaultRuntime,
    /// All objects of these kinds.
    Objects(Vec<Object>),
    ProjectMounts(&'a str),
    /// Where the mounts of all containers lead.
    Ways,
    LabelFile(&'a str),
    /// Whether docker's configuration can be written.
    Configuration,
}

/// What must be known to judge a demand, if anything.
fn question<'a>(policy: &Policy, want: &'a Want) -> Option<Question<'a>> {
    let settings = &policy.settings;
    let some = |objects: Vec<Object>| (!objects.is_empty()).then_some(Question::Objects(objects));
    match want {
        Want::ClientRead { path }
        | Want::ClientReadTree { path }
        | Want::DaemonMount { path }
        | Want::Bind { source: path, .. } => Some(Question::Place(path)),
        Want::More { object, .. } => Some(Question::Length(*object)),
        Want::BindBelow { source } => Some(Question::MountedBelow(source)),
        Want::Volume { name } => Some(Question::Volume(name)),
        Want::Runtime { name } if !settings.runtimes.value.contains(name) => Some(Question::DefaultRuntime),
        Want::OwnProject { .. } => some(vec![Object::Container]),
        Want::ProjectMounts { project } => Some(Question::ProjectMounts(project)),
        Want::Object { object, .. } => some(kinds_for(policy, *object)),
        Want::Image { .. } if settings.images.value.is_some() || settings.only(Object::Image).is_some() => {
            some(vec![Object::Image])
        }
        Want::Prune { object } if settings.watches(*object) => {
            some([vec![Object::Container], kinds_for(policy, *object)].concat())
        }
        Want::RemovedVolumes(_) if settings.only(Object::Volume).is_some() => some(kinds_for(policy, Object::Volume)),
        Want::PruneNameless if settings.only(Object::Image).is_some() => some(vec![Object::Container, Object::Image]),
        Want::Project { reach, .. } => {
            let objects: &[Object] = match reach {
                Reach::Look | Reach::Containers => &[Object::Container],
                Reach::Everything { .. } => &[Object::Container, Object::Image, Object::Network, Object::Volume],
            };
            some(objects.iter().flat_map(|object| kinds_for(policy, *object)).collect())
        }
        Want::Starts(_) if settings.containers_at_once.value.is_some() => some(vec![Object::Container]),
        Want::Mounted(_) if !policy.writable.is_empty() || !settings.bind_mounts.value.is_empty() => {
            Some(Question::Ways)
        }
        Want::LabelFile { path } => Some(Question::LabelFile(path)),
        Want::Credentials => Some(Question::Configuration),
        _ => None,
    }
}

/// The names in a file of labels, read as docker reads it (docker/cli `kvfile`): a line each, blanks in front left
/// out. A file that may not be read is not looked into.
fn label_file(path: &str, facts: &Facts) -> Option<Vec<String>> {
    if facts.client_may_not_read(path, false).is_some() {
        // That is refused, and of what is elsewhere nothing more is told.
        return Some(Vec::new());
    }
    let Place::At { path: resolved, kind, .. } = place(path, facts) else { return None };
    if kind == Kind::Missing {
        // docker will say so itself.
        return Some(Vec::new());
    }
    if kind != Kind::File {
        return None;
    }
    let mut text = Vec::new();
    fs::File::open(resolved).ok()?.take(MAX_LABELS + 1).read_to_end(&mut text).ok()?;
    let text = String::from_utf8(text).ok().filter(|text| text.len() as u64 <= MAX_LABELS)?;
    let names = text.trim_start_matches('\u{feff}').split(['\n', '\r']).map(|line| line.trim_start());
    Some(names.map(|line| line.split('=').next().unwrap_or_default().trim_end().to_owned()).collect())
}

/// A file of labels of more bytes than this is not one.
const MAX_LABELS: u64 = 1024 * 1024;

/// Lists all objects of these kinds, once.
fn list(policy: &Policy, objects: &[Object], facts: &mut Facts) {
    for object in objects {
        if *object == Object::Container {
            facts.containers.get_or_insert_with(|| or_none(policy, daemon::containers(&policy.host)));
        } else {
            facts.listed.entry(*object).or_insert_with(|| or_none(policy, daemon::listed(&policy.host, *object)));
        }
    }
}

/// What a daemon has that is not there: nothing, where nothing is to run either.
fn or_none<T>(policy: &Policy, found: Result<Vec<T>, Unreachable>) -> Result<Vec<T>, Unreachable> {
    match found {
        Err(Unreachable::NoDaemon(_)) if policy.offline => Ok(Vec::new()),
        found => found,
    }
}

/// Of which kinds all must be known to know objects of a kind: of volumes, which containers have them; of a key's own
/// containers, of which images they are.
fn kinds_for(policy: &Policy, object: Object) -> Vec<Object> {
    let settings = &policy.settings;
    let kinds: &[Object] = if object == Object::Volume { &[Object::Container, object] } else { &[object] };
    let mut known: Vec<Object> = kinds.iter().copied().filter(|object| settings.watches(*object)).collect();
    let volumes = object == Object::Volume && settings.only(object).is_some();
    if volumes || (known.contains(&Object::Container) && settings.only(Object::Container) == Some(&Only::Own)) {
        known.extend([Object::Container, Object::Image]);
    }
    known
}

fn list_for(policy: &Policy, object: Object, facts: &mut Facts) {
    list(policy, &kinds_for(policy, object), facts);
}

/// What must be known to tell which objects of a kind are there for who asks.
pub fn of_scope(policy: &Policy, owner: Owner, objects: &[Object]) -> Facts {
    let mut facts = Facts { owner, ..Facts::default() };
    objects.iter().for_each(|object| list_for(policy, *object, &mut facts));
    facts
}

/// The mounts of a project's containers, as if the request had asked for them.
fn look_up_mounts(policy: &Policy, project: &str, facts: &mut Facts) {
    list(policy, &[Object::Container], facts);
    list_for(policy, Object::Volume, facts);
    let containers = facts.of_project(project).unwrap_or_default();
    let mounts: Vec<Mount> = containers.into_iter().flat_map(|container| container.mounts.clone()).collect();
    for mount in mounts {
        if mount.kind == "volume" {
            facts.volumes.insert(mount.name.clone(), daemon::volume(&policy.host, &mount.name));
        } else {
            let place = place(&mount.source, facts);
            facts.places.insert(mount.source, place);
        }
    }
}

/// Where the mounts of all containers lead, by way of which symbolic links.
fn look_up_ways(policy: &Policy, facts: &mut Facts) {
    list(policy, &[Object::Container, Object::Volume], facts);
    let containers = facts.all_containers().unwrap_or_default();
    let mounted = containers.iter().flat_map(|container| &container.mounts).map(|mount| &mount.source);
    let devices = facts.all_listed(Object::Volume).unwrap_or_default().iter().map(|volume| &volume.device);
    let sources: BTreeSet<String> = mounted.chain(devices).filter(|path| path.starts_with('/')).cloned().collect();
    facts.ways = sources
        .into_iter()
        .filter_map(|source| Some((way(Path::new(&source))?, source)))
        .map(|(way, source)| (source, way))
        .collect();
}

/// Follows a path link by link; `None` where it cannot be found out. What is missing ends where it would be.
fn way(path: &Path) -> Option<Way> {
    let mut way = Way { over: vec![path.to_owned()], end: PathBuf::from("/") };
    let mut left: VecDeque<OsString> = path.components().map(|part| part.as_os_str().to_owned()).collect();
    while let Some(part) = left.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::RootDir) => way.end = PathBuf::from("/"),
            Some(Component::ParentDir) => {
                way.end.pop();
            }
            Some(Component::Normal(name)) => {
                let next = way.end.join(name);
                match fs::read_link(&next) {
                    Ok(target) => {
                        way.over.push(next);
                        if way.over.len() > MAX_LINKS {
                            return None;
                        }
                        target.components().rev().for_each(|part| left.push_front(part.as_os_str().to_owned()));
                    }
                    // No link; or nothing that this account may look into, where no container writes either.
                    Err(_) => way.end = next,
                }
            }
            Some(Component::CurDir | Component::Prefix(_)) | None => {}
        }
    }
    Some(way)
}

/// As many as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Resolves a path; what does not exist yet hangs below what does.
fn place(path: &str, facts: &Facts) -> Place {
    let absolute = facts.working_directory.join(path);
    let resolved = match resolve(&absolute) {
        Err(error) if error.kind() == ErrorKind::NotFound => below_what_exists(&absolute),
        other => other,
    };
    match resolved {
        Ok(path) => Place::At {
            kind: kind(&path),
            readable: !path.exists() || nix::unistd::access(&path, nix::unistd::AccessFlags::R_OK).is_ok(),
            dot_directories: dot_directories(&path, &facts.home),
            path,
        },
        Err(error) => Place::Unknown(error.to_string()),
    }
}

/// Whether something is mounted below where a path leads (proc_pid_mountinfo(5)); `true` where that cannot be read.
fn is_mounted_below(place: &Place) -> bool {
    let (Place::At { path, .. }, Ok(text)) = (place, fs::read_to_string("/proc/self/mountinfo")) else { return true };
    text.lines().any(|line| {
        let point = line.split(' ').nth(4).map(unescaped);
        point.is_none_or(|point| Path::new(&point) != path && Path::new(&point).starts_with(path))
    })
}

/// Blanks, line feeds and backslashes stand there in octal.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

fn kind(path: &Path) -> Kind {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Kind::File,
        Ok(metadata) if metadata.is_dir() => Kind::Directory,
        Ok(_) => Kind::Other,
        Err(_) => Kind::Missing,
    }
}

/// Where the kernel finds a path, without its magic links: `/proc/PID/root` and `/proc/PID/cwd` lead whoever
/// opens them into another process's world — the gate, docker and the daemon each into another one.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let found = openat2(AT_FDCWD, path, how)?;
    fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd()))
}

/// The deepest ancestor that exists, resolved, with the rest as given. A dangling symbolic link is an
/// error: what it leads to could come into being.
fn below_what_exists(path: &Path) -> std::io::Result<PathBuf> {
    let mut missing = PathBuf::new();
    for ancestor in path.ancestors() {
        match fs::symlink_metadata(ancestor) {
            Ok(_) => return Ok(resolve(ancestor)?.join(missing)),
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
