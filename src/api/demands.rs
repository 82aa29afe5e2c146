//! What a call asks for, by the rows of the tables. Pure.

use super::call::Call;
use super::head::{Head, Method};
use super::query::Given;
use super::route::{Route, bad, check_name, find};
use super::row::{Asks, Body, Effect};
use super::{image, labels, resources, rules};
use crate::demand::{ANY_TAG, Demand, Existing, Object, Starts, Touch, Want};
use crate::denial::Denial;
use crate::docker::asks;
use serde_json::Value;

/// The first version of the API under which a read-only mount is one with all that is mounted below it (moby 25).
const RECURSIVE: u16 = 44;

/// An object that a call names, for whoever looks it up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub object: Object,
    /// By name, id or the beginning of an id.
    pub name: String,
}

impl Call {
    /// Everything that the call asks for, as if nothing were blocked.
    pub fn demands(&self) -> Vec<Demand> {
        let endpoint = self.endpoint();
        let about = self.name();
        let mut found = Vec::new();
        let mut ask = |want: Want, word: &str| found.push(Demand::new(want, word));
        if !self.operation().is_empty() {
            ask(Want::Operation { name: self.operation().to_owned(), instead: false }, &about);
        }
        let touch = if endpoint.effect == Effect::Changes { Touch::Change } else { Touch::Look };
        for (kind, name) in &self.route.names {
            if let Some(object) = object_of(kind) {
                ask(asks::object(object, name, touch), name);
            }
        }
        for (key, given) in self.route.query.entries() {
            let flag = *given == Given::Flag(false);
            for text in given.items().iter().filter(|text| !flag && !text.is_empty()) {
                let word = format!("{}={text}", key.name);
                asks::wants(key.asks, key.name, text).into_iter().for_each(|want| ask(want, &word));
                key.names.into_iter().for_each(|object| ask(asks::object(object, text, touch), &word));
            }
        }
        for (object, name) in self.compared() {
            ask(asks::object(object, name, Touch::Look), name);
        }
        if let (Body::Json(fields), Some(body)) = (endpoint.body, &self.body) {
            found.extend(rules::demands(fields, body, ""));
        }
        found.extend(labels::demands(self.body.as_ref(), &self.route.query));
        found.extend(endpoint.asks.iter().flat_map(|asks| self.asked(*asks, &about)));
        // Without a version it is the daemon's newest, and that may be older.
        if self.route.version.is_none_or(|version| version < RECURSIVE) {
            let below = |demand: &Demand| match &demand.want {
                Want::Bind { source, read_only: true } => {
                    Some(Demand::new(Want::BindBelow { source: source.clone() }, demand.word.clone()))
                }
                _ => None,
            };
            let below: Vec<Demand> = found.iter().filter_map(below).collect();
            found.extend(below);
        }
        found
    }

    /// The objects that a list is asked for by their age; there is another answer where there are none.
    fn compared(&self) -> impl Iterator<Item = (Object, &str)> {
        let object = match self.endpoint().path {
            "/containers/json" => Some(Object::Container),
            "/images/json" => Some(Object::Image),
            _ => None,
        };
        let filters = match self.route.query.get("filters") {
            Some(Given::Json(filters)) => Some(filters),
            _ => None,
        };
        let given = ["before", "since"].into_iter().filter_map(move |key| filters?.get(key));
        let names = given.flat_map(|values| match values {
            Value::Object(values) => values.keys().map(String::as_str).collect(),
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        });
        names.filter_map(move |name| Some((object?, name)))
    }

    /// How many mounts the body of a new container has, each of which may bring a volume.
    fn mounts(&self) -> usize {
        let Some(body) = &self.body else { return 0 };
        let length = |at| match body.pointer(at) {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(entries)) => entries.len(),
            _ => 0,
        };
        ["/HostConfig/Binds", "/HostConfig/Mounts", "/Volumes"].into_iter().map(length).sum()
    }

    /// What the endpoint asks for by itself.
    fn asked(&self, asks: Asks, about: &str) -> Vec<Demand> {
        let container = || self.named("{container}").unwrap_or_default().to_owned();
        let one = |want: Want| vec![Demand::new(want, about)];
        match asks {
            Asks::Like(ask) => {
                asks::wants(ask, about, self.operation()).into_iter().map(|want| Demand::new(want, about)).collect()
            }
            Asks::Makes => one(Want::NewContainer(resources::new_container(
                Some(self.text("name")).filter(|name| !name.is_empty()),
                self.body.as_ref().unwrap_or(&Value::Null),
            ))),
            Asks::Starts => one(Want::Starts(Starts::Named(vec![container()]))),
            Asks::Limits => one(Want::Resources(resources::updated(self.body.as_ref().unwrap_or(&Value::Null)))),
            Asks::Renames => vec![Demand::new(Want::Named { name: self.text("name").to_owned() }, self.text("name"))],
            Asks::Fetches | Asks::Tags => image::demands(self),
            Asks::RemovesVolumes if self.flag("v") => one(Want::RemovedVolumes(Existing::Named(vec![container()]))),
            Asks::Labels | Asks::RemovesVolumes => Vec::new(),
            Asks::Lengthens(objects) => {
                let count = 1 + self.mounts();
                objects.iter().map(|object| Demand::new(Want::More { object: *object, count }, about)).collect()
            }
            Asks::BuildsFrom => one(Want::AnyImage),
            // Without the filter only what has no name is pruned.
            Asks::PrunesImages => match self.route.query.get("filters") {
                Some(Given::Json(filters)) if !only_dangling(filters) => one(Want::Prune { object: Object::Image }),
                _ => one(Want::PruneNameless),
            },
        }
    }

    /// Reads the body of a route: the whole of a JSON body, nothing of a stream.
    ///
    /// # Errors
    /// A [`Denial`] for JSON that is not strict, for a field or value that the table does not have, and for a name
    /// that its object cannot have: it would be looked up in a path.
    pub fn of(route: Route, body: &[u8]) -> Result<Self, Denial> {
        let call = Self::read(route, body)?;
        for Reference { object, name } in call.references() {
            let name = name.strip_suffix(ANY_TAG).unwrap_or(&name);
            check_name(placeholder(object), name).map_err(|why| bad(&call.name(), &format!("{name}: {why}")))?;
        }
        Ok(call)
    }

    /// The objects that its path names.
    pub fn names(&self) -> impl Iterator<Item = Reference> {
        let named = self.route.names.iter();
        named.filter_map(|(kind, name)| Some(Reference { object: object_of(kind)?, name: name.clone() }))
    }

    /// The objects that it names, to be looked up; containers and networks of the path are passed on by their id
    /// once it is known.
    pub fn references(&self) -> Vec<Reference> {
        let named = self.demands().into_iter().filter_map(|demand| match demand.want {
            Want::Object { object, name, .. } => Some(Reference { object, name }),
            Want::Volume { name } => Some(Reference { object: Object::Volume, name }),
            Want::Image { name } => Some(Reference { object: Object::Image, name }),
            Want::VolumesFrom { container } => {
                let name = container.split(':').next().unwrap_or_default().to_owned();
                Some(Reference { object: Object::Container, name })
            }
            Want::Namespace { mode, .. } => {
                let name = mode.strip_prefix("container:")?.to_owned();
                Some(Reference { object: Object::Container, name })
            }
            _ => None,
        });
        let mut found: Vec<Reference> = named.collect();
        found.sort();
        found.dedup();
        found
    }
}

fn placeholder(object: Object) -> &'static str {
    match object {
        Object::Container => "{container}",
        Object::Image => "{image}",
        Object::Network => "{network}",
        Object::Volume => "{volume}",
    }
}

/// Whether filters leave out, or set, what limits a prune to images without a name.
fn only_dangling(filters: &Value) -> bool {
    let given = filters.get("dangling").and_then(Value::as_object);
    given.is_none_or(|values| values.keys().all(|value| matches!(value.as_str(), "true" | "1")))
}

/// The kind of object that a placeholder of a path stands for.
pub(super) fn object_of(placeholder: &str) -> Option<Object> {
    match placeholder {
        "{container}" => Some(Object::Container),
        "{image}" => Some(Object::Image),
        "{network}" => Some(Object::Network),
        "{volume}" => Some(Object::Volume),
        _ => None,
    }
}

/// What a call looks at that cannot be there: an image's name or a digest, where containers, networks or volumes are looked
/// for by theirs.
pub fn absent(head: &Head) -> Option<Reference> {
    let looks = ["/containers/{container}/json", "/networks/{network}", "/volumes/{volume}"];
    let (endpoint, names) = find(head.method, &head.target.path).filter(|_| head.method == Method::Get)?;
    let (kind, name) = names.into_iter().next().filter(|_| looks.contains(&endpoint.path))?;
    let none = check_name(kind, &name).is_err() && check_name("{image}", &name).is_ok();
    none.then_some(Reference { object: object_of(kind)?, name })
}

#[cfg(test)]
mod tests {
    use super::only_dangling;
    use serde_json::json;

    #[test]
    fn a_prune_of_images_reaches_named_ones_only_where_it_says_so() {
        for (filters, expected) in [
            (json!({}), true),
            (json!({"dangling": {"true": true}}), true),
            (json!({"dangling": {"1": true}}), true),
            (json!({"dangling": {"false": true}}), false),
            (json!({"dangling": {"0": true}}), false),
            (json!({"dangling": {"true": true, "false": true}}), false),
            (json!({"until": {"1h": true}}), true),
        ] {
            assert_eq!(only_dangling(&filters), expected, "{filters}");
        }
    }
}
