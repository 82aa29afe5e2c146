//! Existing: what a container that is there was given, as if it were to be made again. Pure.

use super::fields::host;
use super::{rules, shape};
use crate::demand::{Demand, Namespace, Object, Touch, Want};
use crate::docker::asks;
use serde_json::Value;

/// What comes with a container's namespaces, told by what the daemon says of it (`docker inspect`): each network that
/// it is in, what it has mounted, and all that it was given of the host. `None` where that is not all known.
pub fn given(container: &Value) -> Option<Vec<Demand>> {
    let mut config = container.get("HostConfig")?.clone();
    let fields = config.as_object_mut()?;
    for hides in ["MaskedPaths", "ReadonlyPaths"] {
        // As every container has them; one that has none sees more of the host's kernel.
        fields.remove(hides)?.as_array().filter(|paths| !paths.is_empty())?;
    }
    // Which volumes and directories these were is told by the mounts below; what comes with no namespace that can be
    // joined, and is the daemon's own where nobody asks for it, is let be.
    for field in ["Binds", "Mounts", "CgroupnsMode", "LogConfig"] {
        fields.remove(field);
    }
    let config = shape::object(host::CONFIG, config, "HostConfig").ok()?;
    let mut found = rules::demands(host::CONFIG, &config, "HostConfig");
    let mut ask = |want: Want, word: &str| found.push(Demand::new(want, word));
    for (name, _) in container.pointer("/NetworkSettings/Networks").and_then(Value::as_object).into_iter().flatten() {
        ask(asks::object(Object::Network, name, Touch::Change), name);
    }
    for mount in container.get("Mounts")?.as_array()? {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match text("Type").as_str() {
            "tmpfs" | "image" => {}
            "volume" => {
                ask(asks::object(Object::Volume, &text("Name"), Touch::Change), &text("Name"));
                ask(Want::Volume { name: text("Name") }, &text("Name"));
            }
            "bind" => {
                let read_only = mount.get("RW") == Some(&Value::Bool(false));
                ask(Want::Bind { source: text("Source"), read_only }, &text("Source"));
            }
            _ => return None,
        }
    }
    Some(found)
}

/// The networks that a container would be in once it runs, as `docker inspect` shows them.
pub fn networks(container: &Value) -> Vec<Demand> {
    let networks = container.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
    let names = networks.into_iter().flatten().map(|(name, _)| name);
    let asked = names.map(|name| Demand::new(asks::object(Object::Network, name, Touch::Change), name.as_str()));
    asked.collect()
}

/// The container whose namespace a demand is for.
pub fn joined(want: &Want) -> Option<&str> {
    match want {
        Want::Namespace { namespace: Namespace::Network | Namespace::Ipc | Namespace::Pid, mode } => {
            mode.strip_prefix("container:")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(more: &Value) -> Value {
        let mut config = json!({"NetworkMode": "p_default", "Privileged": false, "MaskedPaths": ["/proc/kcore"],
            "ReadonlyPaths": ["/proc/bus"], "CapAdd": null, "Binds": ["v:/v"], "ConsoleSize": [0, 0]});
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        json!({"HostConfig": config, "NetworkSettings": {"Networks": {"p_default": {}, "other": {}}},
            "Mounts": [{"Type": "volume", "Name": "v", "RW": true}, {"Type": "bind", "Source": "/srv", "RW": true}]})
    }

    #[test]
    fn all_that_it_has_is_asked_for_again() {
        let wants = |more: Value| -> Vec<Want> {
            given(&container(&more)).unwrap_or_default().into_iter().map(|demand| demand.want).collect()
        };
        let found = wants(json!({}));
        for network in ["p_default", "other"] {
            assert!(found.contains(&asks::object(Object::Network, network, Touch::Change)), "{found:?}");
        }
        assert!(found.contains(&Want::Volume { name: "v".to_owned() }), "{found:?}");
        assert!(found.contains(&Want::Bind { source: "/srv".to_owned(), read_only: false }), "{found:?}");
        assert!(wants(json!({"Privileged": true})).contains(&Want::Privileged));
        assert!(wants(json!({"CapAdd": ["SYS_ADMIN"]})).len() > found.len());
        let mode = "container:x".to_owned();
        let nested = Want::Namespace { namespace: Namespace::Pid, mode };
        assert!(wants(json!({"PidMode": "container:x"})).contains(&nested));
        assert_eq!(joined(&nested), Some("x"));
    }

    #[test]
    fn one_that_is_not_understood_is_not_known() {
        for more in [json!({"MaskedPaths": []}), json!({"ReadonlyPaths": null}), json!({"New": 1})] {
            assert_eq!(given(&container(&more)), None, "{more}");
        }
        assert_eq!(given(&json!({})), None);
    }
}
