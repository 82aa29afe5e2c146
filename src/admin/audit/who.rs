//! Who: which requests made, or named, a container, image, network or volume. Pure.

use super::about::Understood;
use crate::audit::read::line::Fields;
use crate::cli::audit::Deed;
use crate::demand::Object;

/// A name that is looked for.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub name: &'a str,
    pub deed: Deed,
    understood: Understood,
}

impl<'a> Wanted<'a> {
    pub fn new(name: &'a str, deed: Deed) -> Self {
        Self { name, deed, understood: Understood::default() }
    }

    /// Whether the record is of a request that made it, or named it.
    ///
    /// What Compose makes has names that begin with the project's. What the daemon made is in the fields of
    /// calls and ends, under the name and the id that it got.
    pub fn is_in(&mut self, fields: &Fields<'_>) -> bool {
        if fields.verdict() == "deny" && self.deed == Deed::Made {
            return false;
        }
        let name = self.name;
        if fields.get("made").is_some_and(|made| made.split([',', ' ']).any(|made| is_made(made, name))) {
            return true;
        }
        let Some(about) = fields.get("request").and_then(|request| self.understood.of(request)) else { return false };
        let of_project = |project: &String| {
            let rest = name.strip_prefix(project.as_str()).and_then(|rest| rest.strip_prefix(['-', '_']));
            rest.is_some_and(|rest| !rest.is_empty())
        };
        let makes_projects = matches!(about.command, "compose up" | "compose create" | "compose run" | "compose build");
        if makes_projects && about.project.as_ref().is_some_and(of_project) {
            return true;
        }
        match self.deed {
            Deed::Made => about.makes.iter().any(|(object, made)| is_same(*object, made, name)),
            Deed::Named => about.names().any(|(object, named)| is_same(object, named, name)),
        }
    }
}

/// `container:NAME`, `NAME`, or an id of which `wanted` is the beginning.
fn is_made(made: &str, wanted: &str) -> bool {
    let made = made.rsplit_once(['=', '/']).map_or(made, |(_, name)| name);
    let made = made.split_once(':').filter(|(kind, _)| is_kind(kind)).map_or(made, |(_, name)| name);
    made == wanted || (wanted.len() >= 12 && wanted.bytes().all(|b| b.is_ascii_hexdigit()) && made.starts_with(wanted))
}

fn is_kind(word: &str) -> bool {
    [Object::Container, Object::Image, Object::Network, Object::Volume].iter().any(|object| object.name() == word)
}

/// An image without a tag is its latest.
fn is_same(object: Object, named: &str, wanted: &str) -> bool {
    let tagged = |name: &str| match name.rsplit('/').next() {
        Some(last) if !last.contains([':', '@']) => format!("{name}:latest"),
        _ => name.to_owned(),
    };
    named == wanted || (object == Object::Image && tagged(named) == tagged(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maker_is_found() {
        for (name, deed, record, found) in [
            ("web", Deed::Made, "verdict=allow request=\"docker run --name web x\"", true),
            ("web", Deed::Made, "verdict=deny request=\"docker run --name web x\"", false),
            ("web", Deed::Made, "verdict=allow request=\"docker stop web\"", false),
            ("web", Deed::Named, "verdict=allow request=\"docker stop web\"", true),
            ("shop-web-1", Deed::Made, "verdict=allow request=\"docker compose -p shop up -d\"", true),
            ("shop-web-1", Deed::Made, "verdict=allow request=\"docker compose -p shop ps\"", false),
            ("app:latest", Deed::Made, "verdict=allow request=\"docker build -t app -\"", true),
            ("app:2", Deed::Made, "verdict=allow request=\"docker build -t app -\"", false),
            ("0123456789ab", Deed::Made, "verdict=end made=container:0123456789abcdef", true),
            ("0123", Deed::Made, "verdict=end made=container:0123456789abcdef", false),
        ] {
            assert_eq!(Wanted::new(name, deed).is_in(&Fields::of(record).unwrap()), found, "{name} {record}");
        }
    }
}
