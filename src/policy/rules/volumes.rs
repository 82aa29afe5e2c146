//! Volumes, and what containers inherit of one another. Pure.

use super::{ASK, host, objects, unreachable};
use crate::demand::{Object, Touch};
use crate::denial::{Denial, Reason};
use crate::facts::{Facts, Mount, Unreachable, Volume};
use crate::policy::settings::Settings;

/// A named volume inside a container. It has to be one that stands for nothing of the host.
pub(in crate::policy) fn volume(name: &str, word: &str, facts: &Facts) -> Result<(), Denial> {
    let deny = |why: String, hint: String| Err(Denial::new(Reason::VolumeOptions, word, why, hint));
    match facts.volumes.get(name) {
        Some(Volume::Plain) => Ok(()),
        Some(Volume::Special(what)) => deny(
            format!("the volume {name} stands for something of the host ({what})"),
            format!("use a volume of your own: docker volume create NAME, {ASK}"),
        ),
        // Nor has docker a daemon that would have a volume.
        Some(Volume::Unknown(Unreachable::NoDaemon(_))) => Ok(()),
        Some(Volume::Unknown(why)) => Err(unreachable(word, &format!("what the volume {name} stands for"), why)),
        None => deny(format!("the volume {name} was not looked up"), ASK.to_owned()),
    }
}

/// A volume by a driver of its own, or with driver options.
pub(in crate::policy) fn options(word: &str) -> Result<(), Denial> {
    Err(Denial::new(
        Reason::VolumeOptions,
        word,
        "a volume with a driver or options of its own can stand for a directory or device of the host",
        "docker volume create NAME makes a plain one; --tmpfs /PATH:size=64m gives a container memory to write to",
    ))
}

/// Every volume of another container.
pub(in crate::policy) fn from_container(container: &str, word: &str) -> Result<(), Denial> {
    Err(Denial::new(
        Reason::VolumesFrom,
        word,
        format!("it gives every volume and bind mount of {container} to another container"),
        "mount a named volume of your own: -v data:/data",
    ))
}

/// The mounts of a Compose project's containers, which Compose hands on to those that take their place.
pub(in crate::policy) fn of_project(
    settings: &Settings,
    project: &str,
    word: &str,
    facts: &Facts,
) -> Result<(), Denial> {
    let containers = match facts.of_project(project) {
        Ok(containers) => containers,
        Err(Unreachable::NoDaemon(_)) => return Ok(()),
        Err(why) => return Err(unreachable(word, &format!("what the containers of {project} have mounted"), why)),
    };
    let mut mounts = containers.iter().flat_map(|container| &container.mounts);
    mounts.try_for_each(|mount| inherited(settings, mount, project, facts))
}

fn inherited(settings: &Settings, mount: &Mount, project: &str, facts: &Facts) -> Result<(), Denial> {
    let word = format!("a container of {project} that is already there");
    match mount.kind.as_str() {
        "tmpfs" | "image" => Ok(()),
        "volume" => {
            objects::object(settings, facts, (Object::Volume, &mount.name, Touch::Change), &word)?;
            volume(&mount.name, &word, facts)
        }
        _ if facts.daemon_may_not_mount(&mount.source).is_none() => Ok(()),
        _ => host::bind(settings, &mount.source, mount.read_only, &word, facts),
    }
}
