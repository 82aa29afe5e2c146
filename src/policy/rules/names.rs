//! Names: what docker takes for a name of a container, volume, network or image. Pure.

use crate::demand::{ANY_TAG, Existing, Object};
use crate::facts::{Container, Listed, is_of_project};
use crate::policy::settings::Pattern;

/// Whether a volume has the kind of name that docker makes up: 64 hexadecimal digits.
pub fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a name reads like the id of another object, of which docker shows twelve hexadecimal digits: docker takes a name
/// before the beginning of an id (moby 28.5: containers, networks and images), so whoever copies that id means this.
pub(in crate::policy) fn reads_as_id(object: Object, name: &str) -> bool {
    let digits = match object {
        Object::Container | Object::Network => plain(name).to_owned(),
        Object::Image => bare(&familiar(plain(name))).to_owned(),
        // It has no id.
        Object::Volume => return false,
    };
    (12..=64).contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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

/// Whether a container is among those that are meant.
pub(super) fn is_one(container: &Container, existing: &Existing) -> bool {
    match existing {
        Existing::Named(names) => names.iter().any(|name| means(name, &container.id, &container.names)),
        Existing::Project(None) => true,
        Existing::Project(Some(project)) => is_of_project(&container.labels, project),
    }
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
