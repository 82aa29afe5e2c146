//! Scope: what of an answer a key may see, where only some objects are there for it. Acts by asking before the call which
//! those are; the rest is pure.

use super::Guard;
use crate::api::call::Call;
use crate::demand::Object;
use crate::facts::{Container, Facts};
use crate::policy::rules::scope;
use crate::policy::settings::{OBJECTS, Only, Settings};
use crate::world::{self, daemon};
use serde_json::Value;
use std::collections::BTreeSet;

/// Where an answer has objects of the daemon's in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// It is a list of containers, images or networks.
    Of(Object),
    /// It has one in the field `Volumes`.
    Volumes,
    /// `system df`: each kind has a field.
    Usage,
    /// A network, with the containers that are in it.
    Network,
    /// An image, with all of its names.
    Image,
    /// A line for each thing that happens.
    Events,
}

impl Lists {
    fn of(call: &Call) -> Option<Self> {
        match call.name().as_str() {
            "GET /containers/json" => Some(Self::Of(Object::Container)),
            "GET /images/json" => Some(Self::Of(Object::Image)),
            "GET /images/{image}/json" => Some(Self::Image),
            "GET /networks" => Some(Self::Of(Object::Network)),
            "GET /networks/{network}" => Some(Self::Network),
            "GET /volumes" => Some(Self::Volumes),
            "GET /system/df" => Some(Self::Usage),
            "GET /events" => Some(Self::Events),
            _ => None,
        }
    }

    /// The kinds that it has in it.
    fn objects(self) -> &'static [Object] {
        match self {
            Self::Of(Object::Container) | Self::Network => &[Object::Container],
            Self::Of(Object::Image) | Self::Image => &[Object::Image],
            Self::Of(Object::Network) => &[Object::Network],
            Self::Of(Object::Volume) | Self::Volumes => &[Object::Volume],
            Self::Usage | Self::Events => OBJECTS,
        }
    }
}

/// What of an answer is there for a key.
#[derive(Debug)]
pub(super) struct Scope {
    lists: Lists,
    settings: Settings,
    facts: Facts,
    /// The ids of containers that are there for the key, as far as they are known.
    containers: BTreeSet<String>,
}

impl Scope {
    /// How the answer to a call has to be narrowed; `None` where it has not.
    pub(super) fn of(guard: &Guard, call: &Call) -> Option<Self> {
        let settings = &guard.policy.settings;
        let lists = Lists::of(call)?;
        if lists.objects().iter().all(|object| settings.only(*object).is_none()) {
            return None;
        }
        let facts = world::of_scope(&guard.policy, guard.asks(), lists.objects());
        Some(Self::with(lists, settings.clone(), facts))
    }

    fn with(lists: Lists, settings: Settings, facts: Facts) -> Self {
        let mut scope = Self { lists, settings, facts, containers: BTreeSet::new() };
        let known = scope.facts.all_containers().unwrap_or_default();
        scope.containers =
            known.iter().filter(|known| scope.has_container(known)).map(|known| known.id.clone()).collect();
        scope
    }

    /// Whether the answer goes on for long, and is looked through line by line.
    pub(super) fn is_of_lines(&self) -> bool {
        self.lists == Lists::Events
    }

    fn has_container(&self, container: &Container) -> bool {
        scope::has_container(&self.settings, &self.facts, container).unwrap_or(false)
    }

    /// Whether an entry of a list is there for the key. What is not understood is not.
    fn has(&self, object: Object, entry: &Value) -> bool {
        if object == Object::Container {
            return daemon::container_of(entry).is_ok_and(|container| self.has_container(&container));
        }
        scope::has(&self.settings, &self.facts, object, &daemon::listed_of(entry)).unwrap_or(false)
    }

    /// The answer without what is not there for the key; `None` where it is no such answer.
    pub(super) fn narrowed(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut body: Value = serde_json::from_slice(body).ok()?;
        match self.lists {
            Lists::Of(object) => self.narrow(object, &mut body)?,
            Lists::Volumes => self.narrow_field(Object::Volume, &mut body, "Volumes")?,
            Lists::Image => self.rename(&mut body),
            Lists::Usage => {
                for (object, field) in
                    [(Object::Container, "Containers"), (Object::Image, "Images"), (Object::Volume, "Volumes")]
                {
                    self.narrow_field(object, &mut body, field)?;
                }
                // The steps of everybody's builds, and nothing says whose each is.
                if let (true, Some(cache)) = (self.settings.only(Object::Image).is_some(), body.get_mut("BuildCache")) {
                    *cache = Value::Array(Vec::new());
                }
            }
            Lists::Network => {
                if let Some(inside) = body.get_mut("Containers").and_then(Value::as_object_mut) {
                    inside.retain(|id, _| {
                        self.settings.only(Object::Container).is_none() || self.containers.contains(id)
                    });
                }
            }
            Lists::Events => return None,
        }
        Some(body.to_string().into_bytes())
    }

    fn narrow_field(&self, object: Object, body: &mut Value, field: &str) -> Option<()> {
        body.get_mut(field).map_or(Some(()), |list| self.narrow(object, list))
    }

    fn narrow(&self, object: Object, list: &mut Value) -> Option<()> {
        match list {
            Value::Array(list) => {
                list.retain(|entry| self.has(object, entry));
                if object == Object::Image {
                    list.iter_mut().for_each(|image| self.rename(image));
                }
                Some(())
            }
            Value::Null => Some(()),
            _ => None,
        }
    }

    /// Takes the names that are not there for the key off an image.
    fn rename(&self, image: &mut Value) {
        for field in ["RepoTags", "RepoDigests"] {
            if let Some(names) = image.get_mut(field).and_then(Value::as_array_mut) {
                names.retain(|name| name.as_str().is_some_and(|name| scope::shows(&self.settings, name)));
            }
        }
    }

    /// Whether those of a kind are the key's that it has made.
    fn is_own(&self, object: Object) -> bool {
        self.settings.only(object) == Some(&Only::Own)
    }

    /// Whether what a line says has happened is there for the key.
    pub(super) fn keeps(&mut self, line: &[u8]) -> bool {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return line.trim_ascii().is_empty() };
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (id, name) = (text("/Actor/ID"), text("/Actor/Attributes/name"));
        let labels = event.pointer("/Actor/Attributes").cloned().unwrap_or_default();
        let entry = |names: &str, list: Value| serde_json::json!({"Id": id, names: list, "Labels": labels});
        // A container joins a network, or mounts a volume.
        let container = text("/Actor/Attributes/container");
        let corner = self.settings.only(Object::Container).is_some();
        let (joined, by_own) = (!container.is_empty(), self.containers.contains(container));
        let known = |object: Object| {
            let all = self.facts.all_listed(object).unwrap_or_default();
            let mut meant = all.iter().filter(|listed| listed.id == id || listed.names.iter().any(|name| name == id));
            meant.next().map(|listed| scope::has(&self.settings, &self.facts, object, listed).unwrap_or(false))
        };
        match text("/Type") {
            "container" => {
                let labels = daemon::labels_of(&entry("Names", Value::Null));
                let tells = |name: &str| scope::tells_of(&self.settings, &self.facts.owner, name, &labels);
                // Of a new name, the old one is told, too.
                let before = text("/Actor/Attributes/oldName").trim_start_matches('/');
                let kept = tells(name) && (before.is_empty() || tells(before));
                if kept {
                    self.containers.insert(id.to_owned());
                }
                kept
            }
            "image" => self.has(Object::Image, &entry("RepoTags", serde_json::json!([id, name]))),
            "network" | "volume" if corner && joined && !by_own => false,
            // One that is new and does not say whose it is, is the key's where its container is.
            "network" => known(Object::Network).unwrap_or_else(|| {
                self.has(Object::Network, &entry("Name", name.into()))
                    || (corner && joined && self.is_own(Object::Network))
            }),
            "volume" => known(Object::Volume).unwrap_or_else(|| {
                self.has(Object::Volume, &entry("Name", id.into())) || (corner && joined && self.is_own(Object::Volume))
            }),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Listed, Owner};
    use crate::policy::Policy;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn scope(lists: Lists, policy: &str) -> Scope {
        let owner = Owner { account: "ai".to_owned(), key: Some("hermes".to_owned()) };
        let image = Listed { id: "sha256:1".to_owned(), names: vec!["busybox:1".to_owned()], ..Listed::default() };
        let own = Container { id: "c1".to_owned(), names: vec!["mine-web".to_owned()], ..Container::default() };
        let facts = Facts {
            owner,
            containers: Some(Ok(vec![own])),
            listed: BTreeMap::from([(Object::Image, Ok(vec![image]))]),
            ..Facts::default()
        };
        Scope::with(lists, Policy::from_toml(policy).unwrap().settings, facts)
    }

    fn narrowed(lists: Lists, policy: &str, body: &Value) -> Option<Value> {
        serde_json::from_slice(&scope(lists, policy).narrowed(body.to_string().as_bytes())?).ok()
    }

    const OWN: &str =
        "[containers]\nonly = 'own'\n[images]\nonly = 'own'\n[volumes]\nonly = 'own'\n[networks]\nonly = 'own'\n";

    fn labels(id: &str) -> Value {
        json!({"dockgate.account": "ai", "dockgate.key": "hermes", "dockgate.id": id})
    }

    #[test]
    fn only_the_keys_containers_are_listed() {
        let policy = "[containers]\nonly = ['mine-*']\n";
        let mine = json!({"Id": "1", "Names": ["/mine-web"]});
        // A link to a container is a name of it, and patterns are for whole names.
        let linked = json!({"Id": "2", "Names": ["/web", "/other/mine"]});
        let list = Lists::Of(Object::Container);
        assert_eq!(narrowed(list, policy, &json!([linked, mine])), Some(json!([mine])));
        assert_eq!(
            narrowed(Lists::Usage, policy, &json!({"Containers": [linked, mine], "Images": [{"Id": "3"}]})),
            Some(json!({"Containers": [mine], "Images": [{"Id": "3"}]}))
        );
        assert_eq!(narrowed(Lists::Usage, policy, &json!({"Containers": null})), Some(json!({"Containers": null})));
        assert_eq!(narrowed(list, policy, &json!({"message": 1})), None);
        assert_eq!(scope(list, policy).narrowed(b"no"), None);
        let inside = json!({"Name": "n", "Containers": {"c1": {"Name": "mine-web"}, "c2": {"Name": "web"}}});
        let seen = narrowed(Lists::Network, policy, &inside).unwrap();
        assert_eq!(seen["Containers"], json!({"c1": {"Name": "mine-web"}}));
    }

    #[test]
    fn what_a_key_has_made_is_listed() {
        let made = json!({"Id": "1", "ImageID": "sha256:1", "Labels": labels("7")});
        let of_another = json!({"Id": "2", "ImageID": "sha256:1", "Labels": {"dockgate.account": "ai", "dockgate.key": "x", "dockgate.id": "7"}});
        // What an image has handed on has no id of a record, or that of an image that is not there.
        let inherited = json!({"Id": "3", "ImageID": "sha256:1", "Labels": labels("")});
        let unknown = json!({"Id": "4", "ImageID": "sha256:2", "Labels": labels("7")});
        let list = json!([made, of_another, inherited, unknown]);
        assert_eq!(narrowed(Lists::Of(Object::Container), OWN, &list), Some(json!([made])));
        let bridge = json!({"Id": "b", "Name": "bridge"});
        let net = json!({"Id": "n", "Name": "net", "Labels": labels("7")});
        let other = json!({"Id": "o", "Name": "other", "Labels": {}});
        assert_eq!(narrowed(Lists::Of(Object::Network), OWN, &json!([bridge, net, other])), Some(json!([bridge, net])));
        let volume = json!({"Name": "v", "Labels": labels("7")});
        let volumes = json!({"Volumes": [volume, {"Name": "w", "Labels": null}]});
        assert_eq!(narrowed(Lists::Volumes, OWN, &volumes), Some(json!({"Volumes": [volume]})));
        let usage = narrowed(Lists::Usage, OWN, &json!({"BuildCache": [{"Description": "RUN x"}]}));
        assert_eq!(usage, Some(json!({"BuildCache": []})));
    }

    #[test]
    fn an_image_has_the_names_that_are_there() {
        let policy = "[images]\nonly = ['team/*']\n";
        let image = json!({"Id": "1", "RepoTags": ["team/app:1", "shop/app:1"], "RepoDigests": ["shop/app@sha256:1"]});
        let other = json!({"Id": "2", "RepoTags": ["shop/app:2"]});
        let seen = json!([{"Id": "1", "RepoTags": ["team/app:1"], "RepoDigests": []}]);
        assert_eq!(narrowed(Lists::Of(Object::Image), policy, &json!([image, other])), Some(seen));
    }

    #[test]
    fn events_of_others_are_left_out() {
        let event = |kind: &str, id: &str, attributes: &Value| {
            json!({"Type": kind, "Actor": {"ID": id, "Attributes": attributes}}).to_string().into_bytes()
        };
        let mut own = scope(Lists::Events, OWN);
        let mut made = labels("7");
        made["name"] = "web".into();
        assert!(!own.keeps(&event("network", "n", &json!({"name": "net", "container": "c9"}))));
        assert!(own.keeps(&event("container", "c9", &made)));
        assert!(own.keeps(&event("network", "n", &json!({"name": "net", "container": "c9"}))));
        assert!(own.keeps(&event("volume", "v", &json!({"container": "c9"}))));
        for (kind, attributes) in [
            ("container", json!({"name": "web"})),
            ("container", labels("")),
            ("image", json!({"name": "busybox"})),
            ("network", json!({"name": "net"})),
            ("volume", json!({})),
        ] {
            assert!(!own.keeps(&event(kind, "x", &attributes)), "{kind}");
        }
        assert!(own.keeps(&event("image", "sha256:3", &labels("7"))));
        assert!(own.keeps(&event("daemon", "x", &json!({}))));
        assert!(!own.keeps(b"nonsense"));
        made["oldName"] = "/db".into();
        assert!(own.keeps(&event("container", "c9", &made)));
        let mut named = scope(Lists::Events, "[containers]\nonly = ['mine-*']\n");
        assert!(named.keeps(&event("container", "c2", &json!({"name": "mine-db"}))));
        assert!(!named.keeps(&event("container", "c3", &json!({"name": "db"}))));
        assert!(!named.keeps(&event("container", "c2", &json!({"name": "mine-db", "oldName": "/shop-db"}))));
        assert!(named.keeps(&event("network", "n", &json!({"name": "net"}))));
        assert!(!named.keeps(&event("network", "n", &json!({"name": "net", "container": "c3"}))));
    }
}
