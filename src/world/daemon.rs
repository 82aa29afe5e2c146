//! Questions to the Docker daemon over its socket. Acts: asks.

use super::question::{asked, length as length_of, no_answer};
use crate::demand::Object;
use crate::docker::asks::{is_of_memory, is_volume_name};
use crate::facts::{Container, Listed, Mount, Unreachable, Volume};
use anyhow::{Result, anyhow, ensure};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a named volume stands for. A name that is none by docker's rule is not put into a request.
pub fn volume(host: &str, name: &str) -> Volume {
    if !is_volume_name(name) {
        return Volume::Special("it is not a volume's name".to_owned());
    }
    match get(host, &format!("/volumes/{name}")) {
        Ok(None) => Volume::Plain,
        Ok(Some(inspect)) => volume_of(&inspect),
        Err(why) => Volume::Unknown(why),
    }
}

/// Every container, running or not.
///
/// # Errors
/// When the daemon's answer does not come or is not understood.
pub fn containers(host: &str) -> Result<Vec<Container>, Unreachable> {
    match get(host, "/containers/json?all=1")? {
        Some(Value::Array(list)) => list.iter().map(container_of).collect::<Result<_>>().map_err(no_answer),
        Some(_) | None => Err(no_answer(anyhow!("the daemon's list of containers is no list"))),
    }
}

/// One entry of `GET /containers/json` (Docker Engine API 1.41 and later).
///
/// # Errors
/// When it has no id.
pub fn container_of(entry: &Value) -> Result<Container> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |key: &str| entry.get(key).and_then(Value::as_array).into_iter().flatten();
    let id = text(entry, "Id");
    ensure!(!id.is_empty(), "a container without an id");
    let networks = entry.pointer("/NetworkSettings/Networks").and_then(Value::as_object).into_iter().flatten();
    let mount = |mount: &Value| Mount {
        kind: text(mount, "Type"),
        name: text(mount, "Name"),
        source: text(mount, "Source"),
        read_only: mount.get("RW") != Some(&Value::Bool(true)),
    };
    Ok(Container {
        id,
        // `/web/db` is how a container that is linked to as `db` appears; its own names have no second slash.
        names: list("Names").filter_map(Value::as_str).map(|name| name.trim_start_matches('/').to_owned()).collect(),
        running: matches!(text(entry, "State").as_str(), "running" | "paused" | "restarting"),
        attached: matches!(text(entry, "State").as_str(), "running" | "paused"),
        labels: labels_of(entry),
        mounts: list("Mounts").map(mount).collect(),
        image: text(entry, "ImageID"),
        networks: networks.flat_map(|(name, network)| [name.clone(), text(network, "NetworkID")]).collect(),
    })
}

/// Every volume, network or image.
///
/// # Errors
/// As [`containers`].
pub fn listed(host: &str, object: Object) -> Result<Vec<Listed>, Unreachable> {
    let (path, at) = list_of(object);
    match get(host, path)?.as_ref().and_then(|answer| answer.pointer(at)) {
        Some(Value::Array(list)) => Ok(list.iter().map(listed_of).collect()),
        // Older daemons say so for none.
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(no_answer(anyhow!("the daemon's list of {}s is no list", object.name()))),
    }
}

/// One entry of `GET /volumes`, `/networks` or `/images/json`.
pub fn listed_of(entry: &Value) -> Listed {
    let texts = |key: &str| match entry.get(key) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Listed {
        id: texts("Id").concat(),
        names: ["Name", "Names", "RepoTags", "RepoDigests"].iter().flat_map(|key| texts(key)).collect(),
        device: entry.pointer("/Options/device").and_then(Value::as_str).unwrap_or_default().to_owned(),
        labels: labels_of(entry),
    }
}

/// The path of a list, and where in the answer it stands.
fn list_of(object: Object) -> (&'static str, &'static str) {
    match object {
        Object::Container => ("/containers/json?all=1", ""),
        Object::Image => ("/images/json", ""),
        Object::Network => ("/networks", ""),
        Object::Volume => ("/volumes", "/Volumes"),
    }
}

/// How long the list of all objects of a kind is, in bytes.
///
/// # Errors
/// When the daemon cannot be asked, or gives no answer.
pub fn length(host: &str, object: Object) -> Result<usize, Unreachable> {
    length_of(host, list_of(object).0)
}

/// The runtime that containers get which ask for none.
///
/// # Errors
/// As [`containers`].
pub fn default_runtime(host: &str) -> Result<String, Unreachable> {
    let info = get(host, "/info")?;
    let name = info.as_ref().and_then(|info| info.get("DefaultRuntime")?.as_str());
    name.map(str::to_owned).ok_or_else(|| no_answer(anyhow!("the daemon does not say which runtime is its default")))
}

/// The names of an image's labels; `None` where the daemon has no such image.
///
/// # Errors
/// As [`containers`].
pub fn image_labels(host: &str, name: &str) -> Result<Option<Vec<String>>, Unreachable> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if !name.chars().all(usual) || name.is_empty() || name.contains("..") {
        return Ok(None);
    }
    let Some(image) = get(host, &format!("/images/{name}/json"))? else { return Ok(None) };
    let labels = image.pointer("/Config/Labels").and_then(Value::as_object).into_iter().flatten();
    Ok(Some(labels.map(|(name, _)| name.clone()).collect()))
}

/// One container, image, network or volume by name, id or the beginning of an id; `None` where there is none. A name
/// that no such object can have is not put into a request.
///
/// # Errors
/// As [`containers`].
pub fn inspect(host: &str, object: Object, name: &str) -> Result<Option<Value>, Unreachable> {
    let mut encoded = String::new();
    name.bytes().for_each(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'/' | b':' | b'@' => {
            encoded.push(char::from(byte));
        }
        _ => encoded.push_str(&format!("%{byte:02X}")),
    });
    let path = match object {
        Object::Container => format!("/containers/{encoded}/json"),
        Object::Image => format!("/images/{encoded}/json"),
        Object::Network => format!("/networks/{encoded}"),
        Object::Volume => format!("/volumes/{encoded}"),
    };
    // 400: several have ids that begin so, and none has the name.
    asked(host, &path, &["404", "400"])
}

/// The labels of an entry.
pub fn labels_of(entry: &Value) -> BTreeMap<String, String> {
    let labels = entry.get("Labels").and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn volume_of(inspect: &Value) -> Volume {
    let driver = inspect.get("Driver").and_then(|driver| driver.as_str()).unwrap_or_default();
    if driver != "local" {
        return Volume::Special(format!("driver {driver}"));
    }
    let of_memory =
        |(name, value): (&String, &Value)| is_of_memory(&format!("{name}={}", value.as_str().unwrap_or_default()));
    match inspect.get("Options") {
        None | Some(Value::Null) => Volume::Plain,
        Some(Value::Object(options)) if options.iter().all(of_memory) => Volume::Plain,
        Some(options) => Volume::Special(options.to_string()),
    }
}

/// `GET path`, as JSON; `None` for 404.
fn get(host: &str, path: &str) -> Result<Option<Value>, Unreachable> {
    asked(host, path, &["404"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_local_volume_without_options_is_plain() {
        assert_eq!(volume_of(&json!({"Driver": "local", "Options": null})), Volume::Plain);
        assert_eq!(volume_of(&json!({"Driver": "local", "Options": {}})), Volume::Plain);
        assert_eq!(volume_of(&json!({"Driver": "local"})), Volume::Plain);
        assert!(matches!(volume_of(&json!({"Driver": "local", "Options": {"device": "/"}})), Volume::Special(_)));
        assert!(matches!(volume_of(&json!({"Driver": "nfs"})), Volume::Special(_)));
        assert!(matches!(volume_of(&json!({})), Volume::Special(_)));
    }

    #[test]
    fn a_container_is_read_with_what_it_mounts() {
        let entry = json!({"Id": "abc", "Names": ["/web", "/db/web"], "State": "paused", "Labels": {"a": "b"},
            "Mounts": [{"Type": "bind", "Source": "/srv", "RW": true}, {"Type": "volume", "Name": "v", "RW": false}, {}]});
        let container = container_of(&entry).expect("a container");
        assert_eq!(container.names, ["web", "db/web"]);
        assert!(container.running);
        assert_eq!(container.labels.get("a").map(String::as_str), Some("b"));
        let mounts: Vec<_> =
            container.mounts.iter().map(|mount| (&*mount.kind, &*mount.source, mount.read_only)).collect();
        assert_eq!(mounts, [("bind", "/srv", false), ("volume", "", true), ("", "", true)]);
        assert!(container_of(&json!({"Names": []})).is_err());
    }

    #[test]
    fn an_image_is_read_with_its_tags() {
        let image = listed_of(&json!({"Id": "sha256:1", "RepoTags": ["a:1"], "RepoDigests": null, "Labels": null}));
        assert_eq!((image.id.as_str(), image.names.as_slice()), ("sha256:1", &["a:1".to_owned()][..]));
    }
}
