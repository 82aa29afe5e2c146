//! Which containers, volumes, networks and images a request may touch: those that the policy protects may be
//! looked at and nothing else, and where it lists the only ones for a key, the others do not exist. Pure.

use super::names::{is_anonymous, is_image, is_image_of, means, reads_as_id};
use super::{scope, unreachable};
use crate::demand::{Object, Reach, Touch};
use crate::denial::{Denial, Reason};
use crate::facts::{Container, Facts, Listed, Unreachable, is_of_project};
use crate::policy::settings::{Only, Pattern, Settings};

/// Judges one object by name, id or the beginning of an id. What the name means is the daemon's to say; every
/// object that it could mean counts.
pub(in crate::policy) fn object(
    settings: &Settings,
    facts: &Facts,
    (object, name, touch): (Object, &str, Touch),
    word: &str,
) -> Result<(), Denial> {
    let rules = Rules { settings, facts, word };
    if object == Object::Volume && touch.changes() {
        rules.of_container(name)?;
    }
    if touch == Touch::Make {
        no_id(object, name, word)?;
    }
    if !settings.watches(object) {
        return Ok(());
    }
    if object == Object::Container {
        let all = facts.all_containers().map_err(|why| rules.unknown(object, why))?;
        let mut meant = all.iter().filter(|container| means(name, &container.id, &container.names));
        return meant.try_for_each(|container| rules.container(container, touch));
    }
    let all = facts.all_listed(object).map_err(|why| rules.unknown(object, why))?;
    let mut meant = all.iter().filter(|listed| match object {
        _ if touch.makes() => scope::has_name(object, listed, name),
        Object::Image => is_image(name, listed),
        _ => means(name, &listed.id, &listed.names),
    });
    meant.try_for_each(|listed| rules.listed(object, listed, name, touch))?;
    // Something of a protected name that is not there yet, and would be taken for the protected one.
    match protecting(settings, object, &[name.to_owned()]) {
        Some(pattern) if touch.changes() => Err(rules.protected(object, name, pattern)),
        _ if touch.makes() => scope::makes(settings, facts, (object, name, touch), word),
        _ => Ok(()),
    }
}

/// A name that a container gets.
pub(in crate::policy) fn named(settings: &Settings, name: &str, word: &str) -> Result<(), Denial> {
    no_id(Object::Container, name, word)?;
    match protecting(settings, Object::Container, &[name.to_owned()]) {
        Some(pattern) => Err(protected(Object::Container, name, pattern, word)),
        None => scope::named(settings, name, word),
    }
}

/// Nothing gets a name by which somebody else would be taken to it.
fn no_id(object: Object, name: &str, word: &str) -> Result<(), Denial> {
    if !reads_as_id(object, name) {
        return Ok(());
    }
    let kind = object.name();
    let why = format!("{name} reads like the id of another {kind}, and docker would take the name before the id");
    Err(Denial::new(Reason::BadUsage, word, why, "choose a name that is not of hexadecimal digits alone"))
}

/// The names that a new container could get; none where docker makes one up.
pub(in crate::policy) fn new_container(settings: &Settings, names: &[String], word: &str) -> Result<(), Denial> {
    match (names, settings.only(Object::Container)) {
        ([], Some(Only::Names(only))) if !only.is_empty() => Err(Denial::new(
            Reason::OutOfScope,
            word,
            "docker would make up a name that is not one of this key's containers",
            format!("give it one with --name, like {}", scope::patterns(only)),
        )),
        ([], Some(Only::Names(_))) => Err(Denial::new(
            Reason::OutOfScope,
            word,
            "there are no containers for this key, and none can be made (containers.only)",
            "the administrator's policy says what may be made; sending this again in another spelling cannot help",
        )),
        _ => names.iter().try_for_each(|name| named(settings, name, word)),
    }
}

/// Whatever of a kind nothing uses, as docker's `prune` understands that (measured with docker 28.5).
pub(in crate::policy) fn prune(settings: &Settings, facts: &Facts, object: Object, word: &str) -> Result<(), Denial> {
    if !settings.watches(object) {
        return Ok(());
    }
    let rules = Rules { settings, facts, word };
    let containers = facts.all_containers().map_err(|why| rules.unknown(object, why))?;
    match object {
        Object::Container => {
            let mut stopped = containers.iter().filter(|container| !container.running);
            stopped.try_for_each(|container| rules.container(container, Touch::Change))
        }
        Object::Image | Object::Network | Object::Volume => {
            let all = facts.all_listed(object).map_err(|why| rules.unknown(object, why))?;
            let mut unused = all.iter().filter(|listed| match object {
                Object::Network => {
                    !containers.iter().any(|container| container.attached && container.networks.contains(&listed.id))
                }
                Object::Volume => {
                    let mut mounts = containers.iter().flat_map(|container| &container.mounts);
                    !mounts.any(|mount| listed.names.contains(&mount.name))
                }
                // Docker takes an image's names away one by one, the last only where a container uses it.
                Object::Image | Object::Container => true,
            });
            unused.try_for_each(|listed| rules.whole(object, listed, Touch::Change))
        }
    }
}

/// Images without a name that nothing uses, and that others may want.
pub(in crate::policy) fn prune_nameless(settings: &Settings, facts: &Facts, word: &str) -> Result<(), Denial> {
    if settings.only(Object::Image).is_none() {
        return Ok(());
    }
    let rules = Rules { settings, facts, word };
    let containers = facts.all_containers().map_err(|why| rules.unknown(Object::Container, why))?;
    let all = facts.all_listed(Object::Image).map_err(|why| rules.unknown(Object::Image, why))?;
    let is_used = |image: &Listed| containers.iter().any(|container| container.image == image.id);
    let mut unused = all.iter().filter(|image| scope::is_nameless(image) && !is_used(image));
    unused.try_for_each(|image| rules.whole(Object::Image, image, Touch::Change))
}

/// Images of names that nothing tells, where not every name may be taken.
pub(in crate::policy) fn any_name(settings: &Settings, word: &str) -> Result<(), Denial> {
    if !settings.watches(Object::Image) {
        return Ok(());
    }
    Err(Denial::new(
        Reason::OutOfScope,
        word,
        "an archive could have images of any name in it, and not every image is this key's to replace (images.only, images.protected)",
        "docker pull NAME fetches one by its name; docker build -t NAME makes one",
    ))
}

/// What belongs to a Compose project.
pub(in crate::policy) fn project(
    settings: &Settings,
    facts: &Facts,
    project: Option<&str>,
    reach: Reach,
    word: &str,
) -> Result<(), Denial> {
    let rules = Rules { settings, facts, word };
    let reached: &[(Object, Touch)] = match reach {
        Reach::Look => &[(Object::Container, Touch::Look)],
        Reach::Containers => &[(Object::Container, Touch::Change)],
        Reach::Everything { volumes: false, images: false } => {
            &[(Object::Container, Touch::Change), (Object::Network, Touch::Change)]
        }
        Reach::Everything { .. } => &[
            (Object::Container, Touch::Change),
            (Object::Network, Touch::Change),
            (Object::Volume, Touch::Change),
            (Object::Image, Touch::Change),
        ],
    };
    for (object, touch) in reached.iter().filter(|(object, _)| settings.watches(*object)) {
        let Some(project) = project else {
            return Err(Denial::new(
                Reason::Protected,
                word,
                "which project is meant is not known without its file, and some of what is here is protected",
                "name the project: docker compose -p NAME …",
            ));
        };
        if *object == Object::Container {
            let containers = facts.of_project(project).map_err(|why| rules.unknown(*object, why))?;
            containers.into_iter().try_for_each(|container| rules.container(container, *touch))?;
        } else {
            let all = facts.all_listed(*object).map_err(|why| rules.unknown(*object, why))?;
            let mut own = all.iter().filter(|listed| is_of_project(&listed.labels, project));
            own.try_for_each(|listed| rules.whole(*object, listed, *touch))?;
        }
    }
    Ok(())
}

/// A Compose project that nobody has named is not to take over another one that happens to have the same name.
pub(in crate::policy) fn own_project(facts: &Facts, project: &str, word: &str) -> Result<(), Denial> {
    let containers = match facts.of_project(project) {
        Ok(containers) => containers,
        // Nor will anything be made.
        Err(Unreachable::NoDaemon(_)) => return Ok(()),
        Err(why) => return Err(unreachable(word, &format!("which containers the project {project} has"), why)),
    };
    if containers.is_empty() {
        return Ok(());
    }
    let why =
        format!("the file names no project, so it would be {project}, and a project of that name is there already");
    let hint = format!("name yours: docker compose -p NAME -f - …; if it is that one, -p {project}");
    Err(Denial::new(Reason::BadUsage, word, why, hint))
}

/// The pattern that protects an object of one of these names.
fn protecting<'a>(settings: &'a Settings, object: Object, names: &[String]) -> Option<&'a Pattern> {
    settings.protected(object).iter().find(|pattern| {
        names.iter().any(|name| match object {
            Object::Image => is_image_of(pattern, name),
            _ => pattern.matches(name),
        })
    })
}

struct Rules<'a> {
    settings: &'a Settings,
    facts: &'a Facts,
    word: &'a str,
}

impl Rules<'_> {
    fn container(&self, container: &Container, touch: Touch) -> Result<(), Denial> {
        let name = container.names.iter().find(|name| !name.contains('/')).unwrap_or(&container.id);
        match protecting(self.settings, Object::Container, &container.names) {
            Some(pattern) if touch.changes() => Err(self.protected(Object::Container, name, pattern)),
            _ => scope::container(self.settings, self.facts, container, self.word),
        }
    }

    /// A volume, network or image that is meant by `name`.
    fn listed(&self, object: Object, listed: &Listed, name: &str, touch: Touch) -> Result<(), Denial> {
        match protecting(self.settings, object, &listed.names) {
            Some(pattern) if touch.changes() => {
                Err(self.protected(object, listed.names.first().unwrap_or(&listed.id), pattern))
            }
            _ => scope::listed(self.settings, self.facts, (object, listed, name, touch), self.word),
        }
    }

    /// All of it, and not by one of its names.
    fn whole(&self, object: Object, listed: &Listed, touch: Touch) -> Result<(), Denial> {
        let name = if listed.id.is_empty() { listed.names.first().unwrap_or(&listed.id) } else { &listed.id };
        self.listed(object, listed, name, touch)
    }

    /// A volume without a name of its own belongs to the containers that have it.
    fn of_container(&self, volume: &str) -> Result<(), Denial> {
        if !self.settings.watches(Object::Container) || !is_anonymous(volume) {
            return Ok(());
        }
        let all = self.facts.all_containers().map_err(|why| self.unknown(Object::Container, why))?;
        let has = |container: &&Container| container.mounts.iter().any(|mount| mount.name == volume);
        all.iter().filter(has).try_for_each(|container| self.container(container, Touch::Change))
    }

    fn protected(&self, object: Object, name: &str, pattern: &Pattern) -> Denial {
        protected(object, name, pattern, self.word)
    }

    fn unknown(&self, object: Object, why: &Unreachable) -> Denial {
        unreachable(self.word, &format!("which {}s there are", object.name()), why)
    }
}

fn protected(object: Object, name: &str, pattern: &Pattern, word: &str) -> Denial {
    let (kind, pattern) = (object.name(), pattern.as_str());
    let why = format!(
        "the {kind} {name} is protected by the policy ({kind}s.protected has \"{pattern}\"): it may be looked at, and not changed, removed or joined"
    );
    let hint =
        format!("leave it alone: docker {kind} inspect {name} shows it; sending this in another spelling cannot help");
    Denial::new(Reason::Protected, word, why, hint)
}
