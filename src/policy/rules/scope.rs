//! Scope: which containers, volumes, networks and images there are for a key, where the policy has the only ones: those
//! of some names, or those that it has made. Pure.

use super::names::{is_anonymous, is_image, is_image_of, is_one};
use super::unreachable;
use crate::demand::{ANY_TAG, Existing, Object, Touch};
use crate::denial::{Denial, Reason};
use crate::facts::{Container, Facts, Listed, Owner, Unreachable};
use crate::policy::settings::{Only, Pattern, Settings};
use std::collections::BTreeMap;

/// Networks that every daemon has; whoever names none is in the first.
pub const PREDEFINED: &[&str] = &["bridge", "host", "none"];

/// Whether a container is there for the key.
///
/// # Errors
/// When that is not known.
pub fn has_container<'a>(
    settings: &Settings,
    facts: &'a Facts,
    container: &Container,
) -> Result<bool, &'a Unreachable> {
    match settings.only(Object::Container) {
        None => Ok(true),
        Some(Only::Names(only)) => Ok(container.names.iter().any(|name| matches(only, name))),
        Some(Only::Own) => facts.has_made(container),
    }
}

/// Whether a volume, network or image is there for the key, by any of its names.
///
/// # Errors
/// As [`has_container`].
pub fn has<'a>(
    settings: &Settings,
    facts: &'a Facts,
    object: Object,
    listed: &Listed,
) -> Result<bool, &'a Unreachable> {
    let Some(only) = settings.only(object) else { return Ok(true) };
    match object {
        Object::Network if listed.names.iter().any(|name| PREDEFINED.contains(&name.as_str())) => return Ok(true),
        // What has no name of its own belongs to whoever has made its containers, or itself.
        Object::Volume if listed.names.iter().any(|name| is_anonymous(name)) => {
            return if facts.owner.has_made(&listed.labels) { Ok(true) } else { of_containers(facts, listed) };
        }
        Object::Image if is_nameless(listed) => return Ok(facts.owner.has_made(&listed.labels)),
        _ => {}
    }
    match only {
        Only::Own => Ok(facts.owner.has_made(&listed.labels)),
        Only::Names(only) => Ok(listed.names.iter().any(|name| has_named(only, object, name))),
    }
}

/// Whether a container is there for the key by what an event says of it.
pub fn tells_of(settings: &Settings, owner: &Owner, name: &str, labels: &BTreeMap<String, String>) -> bool {
    match settings.only(Object::Container) {
        None => true,
        Some(Only::Names(only)) => matches(only, name),
        Some(Only::Own) => owner.has_made_container(labels),
    }
}

/// Whether one of an image's names is there for the key.
pub fn shows(settings: &Settings, image: &str) -> bool {
    match settings.only(Object::Image) {
        Some(Only::Names(only)) => has_named(only, Object::Image, image),
        Some(Only::Own) | None => true,
    }
}

/// Whether all containers that have a volume were made by who asks; a volume that none has is nobody's.
fn of_containers<'a>(facts: &'a Facts, volume: &Listed) -> Result<bool, &'a Unreachable> {
    let has = |container: &&Container| container.mounts.iter().any(|mount| volume.names.contains(&mount.name));
    let mut found = false;
    for container in facts.all_containers()?.iter().filter(has) {
        if !facts.has_made(container)? {
            return Ok(false);
        }
        found = true;
    }
    Ok(found)
}

/// Whether an image has lost its names to others, or never had one.
pub(super) fn is_nameless(image: &Listed) -> bool {
    image.names.iter().all(|name| name.starts_with("<none>"))
}

/// Whether an object has this very name: what is made is never meant by an id.
pub(super) fn has_name(object: Object, listed: &Listed, name: &str) -> bool {
    match object {
        Object::Image => {
            let unnumbered = Listed { id: String::new(), ..listed.clone() };
            is_image(name, &unnumbered)
        }
        _ => listed.names.iter().any(|own| own == name),
    }
}

fn matches(only: &[Pattern], name: &str) -> bool {
    only.iter().any(|pattern| pattern.matches(name))
}

fn has_named(only: &[Pattern], object: Object, name: &str) -> bool {
    match (object, name.strip_suffix(ANY_TAG)) {
        // Every tag is there only where none is named.
        (Object::Image, Some(repository)) => matches(only, repository),
        (Object::Image, None) => only.iter().any(|pattern| is_image_of(pattern, name)),
        _ => matches(only, name),
    }
}

/// A container that is there.
pub(super) fn container(settings: &Settings, facts: &Facts, container: &Container, word: &str) -> Result<(), Denial> {
    let name = container.names.iter().find(|name| !name.contains('/')).unwrap_or(&container.id);
    match has_container(settings, facts, container) {
        Ok(true) => Ok(()),
        Ok(false) => Err(outside(settings, Object::Container, name, word)),
        Err(why) => Err(unreachable(word, "whose the container is", why)),
    }
}

/// A volume, network or image that is there, and is meant by `name`.
pub(super) fn listed(
    settings: &Settings,
    facts: &Facts,
    (object, listed, name, touch): (Object, &Listed, &str, Touch),
    word: &str,
) -> Result<(), Denial> {
    let inside = match settings.only(object) {
        // An image in several names is touched in the one that is given, or as a whole.
        Some(Only::Names(only)) if object == Object::Image && !is_nameless(listed) => {
            let by_name = !name.contains('@') && has_name(object, listed, name);
            let tags = || listed.names.iter().filter(|own| !own.contains('@') && !own.starts_with("<none>"));
            Ok(match touch {
                _ if by_name => has_named(only, object, name),
                Touch::Change if tags().next().is_some() => tags().all(|own| has_named(only, object, own)),
                _ => listed.names.iter().any(|own| has_named(only, object, own)),
            })
        }
        _ => has(settings, facts, object, listed),
    };
    match inside {
        Ok(true) => Ok(()),
        Ok(false) => Err(outside(settings, object, listed.names.first().map_or(name, |first| first), word)),
        Err(why) => Err(unreachable(word, &format!("whose the {} is", object.name()), why)),
    }
}

/// A name under which something would be made or brought; what has it already is inside.
pub(super) fn makes(
    settings: &Settings,
    facts: &Facts,
    (object, name, touch): (Object, &str, Touch),
    word: &str,
) -> Result<(), Denial> {
    match settings.only(object) {
        Some(Only::Names(only)) if !has_named(only, object, name) && !is_judged_by_containers(object, name) => {
            Err(outside(settings, object, name, word))
        }
        Some(Only::Own) if touch == Touch::Bring && !is_judged_by_containers(object, name) => {
            let all = facts.all_listed(object).map_err(|why| unreachable(word, "what is there", why))?;
            if all.iter().any(|listed| has_name(object, listed, name)) {
                return Ok(());
            }
            let (why, hint) = if object == Object::Volume {
                (
                    "docker would make the volume itself, and nothing would say that it is this key's",
                    format!(
                        "make it first: docker volume create {name}; docker compose up makes a project's volumes by itself, \
                         and they are this key's"
                    ),
                )
            } else {
                (
                    "an image that comes from elsewhere is not one that this key has made, and only those are there for it (images.only)",
                    "docker build -t NAME makes one; what a build starts from it fetches itself".to_owned(),
                )
            };
            Err(Denial::new(Reason::OutOfScope, word, why, hint))
        }
        _ => Ok(()),
    }
}

/// Volumes that docker has named are the containers' that have them.
fn is_judged_by_containers(object: Object, name: &str) -> bool {
    object == Object::Volume && is_anonymous(name)
}

/// A name that a container gets.
pub(super) fn named(settings: &Settings, name: &str, word: &str) -> Result<(), Denial> {
    match settings.only(Object::Container) {
        Some(Only::Names(only)) if !matches(only, name) => Err(outside(settings, Object::Container, name, word)),
        _ => Ok(()),
    }
}

/// Containers that would be removed, with the volumes that docker has named for them.
pub(in crate::policy) fn removed(
    settings: &Settings,
    facts: &Facts,
    existing: &Existing,
    word: &str,
) -> Result<(), Denial> {
    if settings.only(Object::Volume).is_none() {
        return Ok(());
    }
    let unknown = |why: &Unreachable| unreachable(word, "which volumes the containers have", why);
    let all = facts.all_containers().map_err(unknown)?.iter().filter(|container| is_one(container, existing));
    let volumes = facts.all_listed(Object::Volume).map_err(unknown)?;
    for mount in all.flat_map(|container| &container.mounts).filter(|mount| is_anonymous(&mount.name)) {
        let mut meant = volumes.iter().filter(|volume| volume.names.contains(&mount.name));
        meant.try_for_each(|volume| {
            listed(settings, facts, (Object::Volume, volume, &mount.name, Touch::Change), word)
        })?;
    }
    Ok(())
}

/// An image that a container is made of, or that is fetched.
pub(in crate::policy) fn runs(settings: &Settings, facts: &Facts, name: &str, word: &str) -> Result<(), Denial> {
    let Some(only) = settings.only(Object::Image) else { return Ok(()) };
    let all = facts.all_listed(Object::Image).map_err(|why| unreachable(word, "which images there are", why))?;
    let mut meant = all.iter().filter(|image| is_image(name, image)).peekable();
    match only {
        Only::Names(only) if meant.peek().is_none() && !has_named(only, Object::Image, name) => {
            Err(outside(settings, Object::Image, name, word))
        }
        _ => meant.try_for_each(|image| listed(settings, facts, (Object::Image, image, name, Touch::Look), word)),
    }
}

pub(super) fn patterns(patterns: &[Pattern]) -> String {
    patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(", ")
}

fn outside(settings: &Settings, object: Object, name: &str, word: &str) -> Denial {
    let kind = object.name();
    let which = match settings.only(object) {
        Some(Only::Names(only)) if only.is_empty() => "which has none".to_owned(),
        Some(Only::Names(only)) => format!("which are {}", patterns(only)),
        Some(Only::Own) | None => "which are those that it has made".to_owned(),
    };
    let name = if object == Object::Image && name.starts_with("<none>") { "without a name" } else { name };
    // What the request has not named itself, by the beginning of an id or as one of many, it is not told.
    let what = if word.contains(name) { format!("the {kind} {name}") } else { format!("a {kind} that this means") };
    let why = format!("{what} is not one of this key's, {which} ({kind}s.only)");
    let list = match object {
        Object::Container => "docker ps --all",
        Object::Image => "docker images",
        Object::Network => "docker network ls",
        Object::Volume => "docker volume ls",
    };
    Denial::new(Reason::OutOfScope, word, why, format!("name one of your own: {list} lists all there are"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_no_name_is_one_that_has_none_at_all() {
        let named = |names: &[&str]| Listed {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Listed::default()
        };
        assert!(is_nameless(&named(&[])));
        assert!(is_nameless(&named(&["<none>:<none>", "<none>@<none>"])));
        assert!(!is_nameless(&named(&["busybox@sha256:77"])));
    }
}
