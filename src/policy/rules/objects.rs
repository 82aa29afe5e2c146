//! Which containers, volumes, networks and images a request may touch: those that the policy protects may be
//! looked at and nothing else, and where it lists the only ones for a key, the others do not exist. Pure.

use super::unreachable;
use crate::demand::{ANY_TAG, Object, Reach, Touch};
use crate::denial::{Denial, Reason};
use crate::facts::{Container, Facts, Listed, Unreachable, is_of_project};
use crate::policy::settings::{Pattern, Settings};

/// Judges one object by name, id or the beginning of an id. What the name means is the daemon's to say; every
/// object that it could mean counts.
pub(in crate::policy) fn object(
    settings: &Settings,
    facts: &Facts,
    (object, name, touch): (Object, &str, Touch),
    word: &str,
) -> Result<(), Denial> {
    let rules = Rules { settings, word };
    if object == Object::Volume && touch == Touch::Change {
        rules.of_container(facts, name)?;
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
        Object::Image => is_image(name, listed),
        _ => means(name, &listed.id, &listed.names),
    });
    meant.try_for_each(|listed| rules.listed(object, listed, touch))?;
    // Something of a protected name that is not there yet, and would be taken for the protected one.
    match protecting(settings, object, &[name.to_owned()]) {
        Some(pattern) if touch == Touch::Change => Err(rules.protected(object, name, pattern)),
        _ => Ok(()),
    }
}

/// A name that a container gets.
pub(in crate::policy) fn named(settings: &Settings, name: &str, word: &str) -> Result<(), Denial> {
    let rules = Rules { settings, word };
    match protecting(settings, Object::Container, &[name.to_owned()]) {
        Some(pattern) => Err(rules.protected(Object::Container, name, pattern)),
        None if rules.is_inside(&[name.to_owned()]) => Ok(()),
        None => Err(rules.outside(name)),
    }
}

/// Whether a volume has the kind of name that docker makes up: 64 hexadecimal digits.
pub fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The names that a new container could get; none where docker makes one up.
pub(in crate::policy) fn new_container(settings: &Settings, names: &[String], word: &str) -> Result<(), Denial> {
    match (names, &settings.only.value) {
        ([], Some(only)) => Err(Denial::new(
            Reason::OutOfScope,
            word,
            "docker would make up a name that is not one of this key's containers",
            format!("give it one with --name, like {}", patterns(only)),
        )),
        _ => names.iter().try_for_each(|name| named(settings, name, word)),
    }
}

/// Whatever of a kind nothing uses, as docker's `prune` understands that (measured with docker 28.5).
pub(in crate::policy) fn prune(settings: &Settings, facts: &Facts, object: Object, word: &str) -> Result<(), Denial> {
    if !settings.watches(object) {
        return Ok(());
    }
    let rules = Rules { settings, word };
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
            unused.try_for_each(|listed| rules.listed(object, listed, Touch::Change))
        }
    }
}

/// What belongs to a Compose project.
pub(in crate::policy) fn project(
    settings: &Settings,
    facts: &Facts,
    project: Option<&str>,
    reach: Reach,
    word: &str,
) -> Result<(), Denial> {
    let rules = Rules { settings, word };
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
            own.try_for_each(|listed| rules.listed(*object, listed, *touch))?;
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

/// Whether `name` can mean the object: by docker's rules its name, its id or the beginning of that.
pub(in crate::policy) fn means(name: &str, id: &str, names: &[String]) -> bool {
    let name = plain(name);
    // `web/db` is web's link to db, and db by another name.
    let first = name.split('/').next().unwrap_or_default();
    let name_of = |own: &String| own == name || own == first;
    !name.is_empty() && (id.starts_with(name) || names.iter().any(name_of))
}

/// A name without what docker's client takes away around it.
fn plain(name: &str) -> &str {
    name.trim_matches(|c: char| c == '/' || c.is_whitespace())
}

/// Whether `name` can mean the image.
pub(in crate::policy) fn is_image(name: &str, image: &Listed) -> bool {
    let name = plain(name);
    if let Some(repository) = name.strip_suffix(ANY_TAG) {
        return image.names.iter().any(|own| bare(&familiar(own)) == familiar(repository));
    }
    let id = image.id.strip_prefix("sha256:").unwrap_or(&image.id);
    let by_id = name.strip_prefix("sha256:").unwrap_or(name);
    let full = familiar(name);
    // A tag and a digest: the digest counts, and the tag could be what is protected.
    let tagged = full.split('@').next().unwrap_or_default().to_owned();
    let digest = full.split_once('@').map(|(tagged, digest)| format!("{}@{digest}", bare(tagged)));
    (!by_id.is_empty() && id.starts_with(by_id))
        || image.names.iter().map(|own| familiar(own)).any(|own| {
            own == full || own == tagged || own == format!("{tagged}:latest") || Some(&own) == digest.as_ref()
        })
}

/// An image's name without what docker adds (distribution/reference, "familiar" names).
fn familiar(name: &str) -> String {
    let name = ["docker.io/", "index.docker.io/"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name).to_owned()
}

/// An image's name without tag and digest.
pub(in crate::policy) fn bare(name: &str) -> &str {
    let repository = name.split('@').next().unwrap_or(name);
    let slash = repository.rfind('/').map_or(0, |slash| slash + 1);
    let colon = repository.get(slash..).and_then(|last| last.find(':')).map(|colon| slash + colon);
    colon.and_then(|colon| repository.get(..colon)).unwrap_or(repository)
}

/// Whether a pattern means an image of this name: with its tag, or in any.
pub(in crate::policy) fn is_image_of(pattern: &Pattern, name: &str) -> bool {
    let name = familiar(plain(name));
    let pattern = familiar(pattern.as_str());
    if let Some(repository) = name.strip_suffix(ANY_TAG) {
        let any = Pattern::new(bare(&pattern));
        return any.matches(repository) || Pattern::new(&pattern).matches(repository);
    }
    let (tagged, digest) = name.split_once('@').unwrap_or((&name, ""));
    let bare = bare(&name);
    let tagged = if tagged == bare && digest.is_empty() { format!("{bare}:latest") } else { tagged.to_owned() };
    let pattern = Pattern::new(&pattern);
    pattern.matches(&tagged) || pattern.matches(bare) || pattern.matches(&name)
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

fn patterns(patterns: &[Pattern]) -> String {
    patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(", ")
}

struct Rules<'a> {
    settings: &'a Settings,
    word: &'a str,
}

impl Rules<'_> {
    fn container(&self, container: &Container, touch: Touch) -> Result<(), Denial> {
        let name = container.names.iter().find(|name| !name.contains('/')).unwrap_or(&container.id);
        match protecting(self.settings, Object::Container, &container.names) {
            Some(pattern) if touch == Touch::Change => Err(self.protected(Object::Container, name, pattern)),
            _ if !self.is_inside(&container.names) => Err(self.outside(name)),
            _ => Ok(()),
        }
    }

    fn listed(&self, object: Object, listed: &Listed, touch: Touch) -> Result<(), Denial> {
        match protecting(self.settings, object, &listed.names) {
            Some(pattern) if touch == Touch::Change => {
                Err(self.protected(object, listed.names.first().unwrap_or(&listed.id), pattern))
            }
            _ => Ok(()),
        }
    }

    /// A volume without a name of its own belongs to the containers that have it.
    fn of_container(&self, facts: &Facts, volume: &str) -> Result<(), Denial> {
        if !self.settings.watches(Object::Container) || !is_anonymous(volume) {
            return Ok(());
        }
        let all = facts.all_containers().map_err(|why| self.unknown(Object::Container, why))?;
        let has = |container: &&Container| container.mounts.iter().any(|mount| mount.name == volume);
        all.iter().filter(has).try_for_each(|container| self.container(container, Touch::Change))
    }

    fn is_inside(&self, names: &[String]) -> bool {
        let Some(only) = &self.settings.only.value else { return true };
        names.iter().any(|name| only.iter().any(|pattern| pattern.matches(name)))
    }

    fn protected(&self, object: Object, name: &str, pattern: &Pattern) -> Denial {
        let (kind, pattern) = (object.name(), pattern.as_str());
        let why = format!(
            "the {kind} {name} is protected by the policy ({kind}s.protected has \"{pattern}\"): it may be looked at, and not changed, removed or joined"
        );
        let hint = format!(
            "leave it alone: docker {kind} inspect {name} shows it; sending this in another spelling cannot help"
        );
        Denial::new(Reason::Protected, self.word, why, hint)
    }

    fn outside(&self, name: &str) -> Denial {
        let only = self.settings.only.value.as_deref().map(patterns).unwrap_or_default();
        let why = format!("the container {name} is not one of this key's, which are {only}");
        Denial::new(Reason::OutOfScope, self.word, why, "name one of your own: docker ps --all lists all there are")
    }

    fn unknown(&self, object: Object, why: &Unreachable) -> Denial {
        unreachable(self.word, &format!("which {}s there are", object.name()), why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_meant_by_any_of_its_names() {
        let image = Listed {
            id: "sha256:abcdef".to_owned(),
            names: vec!["busybox:1.36".to_owned(), "team/app:latest".to_owned(), "busybox@sha256:77".to_owned()],
            ..Listed::default()
        };
        for name in
            ["abc", "sha256:abcd", "busybox:1.36", "docker.io/library/busybox:1.36", "team/app", "busybox@sha256:77"]
        {
            assert!(is_image(name, &image), "{name}");
        }
        for name in ["", "busybox", "app", "team/app:1", "bcd"] {
            assert!(!is_image(name, &image), "{name}");
        }
    }

    #[test]
    fn a_pattern_means_an_image_in_any_tag_or_in_one() {
        for (pattern, name, expected) in [
            ("busybox", "busybox:1.36", true),
            ("busybox", "docker.io/library/busybox", true),
            ("busybox:latest", "busybox", true),
            ("busybox:latest", "busybox:1", false),
            ("registry.example.org:5000/team/*", "registry.example.org:5000/team/app:1", true),
            ("registry.example.org:5000/team/*", "registry.example.org:5001/team/app:1", false),
            ("busybox", "busybox@sha256:0", true),
            ("busybox", "evil/busybox", false),
            ("docker.io/busybox", "busybox", true),
        ] {
            assert_eq!(is_image_of(&Pattern::new(pattern), name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_container_is_meant_by_name_id_or_beginning_of_an_id() {
        let names = ["web".to_owned(), "db/alias".to_owned()];
        for (name, expected) in [
            ("web", true),
            ("/web", true),
            ("0a", true),
            ("0a1b", true),
            ("db/alias", true),
            ("we", false),
            ("", false),
            ("a1", false),
        ] {
            assert_eq!(means(name, "0a1b", &names), expected, "{name}");
        }
    }
}
