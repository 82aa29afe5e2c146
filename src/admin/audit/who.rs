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

    /// Whether the record is of a request that made it, or named it, or of its making itself.
    ///
    /// What Compose makes has names that begin with the project's.
    pub fn is_in(&mut self, fields: &Fields<'_>) -> bool {
        if fields.verdict() == "deny" && self.deed == Deed::Made {
            return false;
        }
        let name = self.name;
        if let Some(kind) = fields.get("made") {
            return is_made(kind, fields.or_none("name"), fields.or_none("object"), name);
        }
        let Some(about) = self.understood.of(fields) else { return false };
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

/// By its name, or by an id of which `wanted` is the beginning.
fn is_made(kind: &str, made: &str, id: &str, wanted: &str) -> bool {
    let is_id = wanted.len() >= 12 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    let same = if kind == Object::Image.name() { is_same(Object::Image, made, wanted) } else { made == wanted };
    same || (is_id && id.trim_start_matches("sha256:").starts_with(wanted))
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
            ("0123456789ab", Deed::Made, "verdict=made made=container name=web object=0123456789abcdef", true),
            ("web", Deed::Made, "verdict=made made=container name=web object=0123456789abcdef", true),
            ("0123", Deed::Made, "verdict=made made=container name=web object=0123456789abcdef", false),
            ("0123456789ab", Deed::Made, "verdict=made made=image name=- object=sha256:0123456789abcdef", true),
            ("net", Deed::Made, "verdict=made made=network name=net object=01", true),
            ("web", Deed::Made, "verdict=allow via=proxy request=\"POST /containers/create?name=web\"", true),
            ("web", Deed::Named, "verdict=allow via=argv request=\"DELETE /containers/web\"", true),
            ("web", Deed::Made, "verdict=allow via=argv request=\"DELETE /containers/web\"", false),
            ("shop-web-1", Deed::Made, "verdict=allow via=argv request=\"POST /containers/shop-web-1/start\"", false),
        ] {
            assert_eq!(Wanted::new(name, deed).is_in(&Fields::of(record).unwrap()), found, "{name} {record}");
        }
    }
}
