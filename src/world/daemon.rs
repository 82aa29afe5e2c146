//! Questions to the Docker daemon over its socket. Acts: connects.
#![expect(clippy::disallowed_methods, reason = "the daemon is asked here")]

use crate::demand::Object;
use crate::docker::asks::is_volume_name;
use crate::facts::{Container, Listed, Mount, Volume};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the daemon may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer of more bytes than this is not one.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What a named volume stands for. A name that is none by docker's rule is not put into a request.
///
/// Without a daemon there is no volume, and docker will say so itself.
pub fn volume(host: &str, name: &str) -> Volume {
    if !is_volume_name(name) {
        return Volume::Unknown("it is not a volume's name".to_owned());
    }
    match get(host, &format!("/volumes/{name}")) {
        Ok(None) => Volume::Plain,
        Ok(Some(inspect)) => volume_of(&inspect),
        Err(error) => Volume::Unknown(format!("{error:#}")),
    }
}

/// Every container, running or not; none without a daemon.
///
/// # Errors
/// When the daemon's answer does not come or is not understood, in words.
pub fn containers(host: &str) -> Result<Vec<Container>, String> {
    let read = || match get(host, "/containers/json?all=1")? {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(container_of).collect(),
        Some(_) => bail!("the daemon's list of containers is no list"),
    };
    read().map_err(|error: anyhow::Error| format!("{error:#}"))
}

/// One entry of `GET /containers/json` (Docker Engine API 1.41 and later).
fn container_of(entry: &Value) -> Result<Container> {
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

/// Every volume, network or image; none without a daemon.
///
/// # Errors
/// As [`containers`].
pub fn listed(host: &str, object: Object) -> Result<Vec<Listed>, String> {
    let (path, at) = match object {
        Object::Container => ("/containers/json?all=1", ""),
        Object::Image => ("/images/json", ""),
        Object::Network => ("/networks", ""),
        Object::Volume => ("/volumes", "/Volumes"),
    };
    let read = || match get(host, path)? {
        None => Ok(Vec::new()),
        Some(answer) => match answer.pointer(at) {
            Some(Value::Array(list)) => Ok(list.iter().map(listed_of).collect()),
            // Older daemons say so for none.
            Some(Value::Null) => Ok(Vec::new()),
            _ => bail!("the daemon's list is no list"),
        },
    };
    read().map_err(|error: anyhow::Error| format!("{error:#}"))
}

/// One entry of `GET /volumes`, `/networks` or `/images/json`.
fn listed_of(entry: &Value) -> Listed {
    let texts = |key: &str| match entry.get(key) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Listed {
        id: texts("Id").concat(),
        names: ["Name", "Names", "RepoTags", "RepoDigests"].iter().flat_map(|key| texts(key)).collect(),
        labels: labels_of(entry),
    }
}

fn labels_of(entry: &Value) -> BTreeMap<String, String> {
    let labels = entry.get("Labels").and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn volume_of(inspect: &Value) -> Volume {
    let driver = inspect.get("Driver").and_then(|driver| driver.as_str()).unwrap_or_default();
    if driver != "local" {
        return Volume::Special(format!("driver {driver}"));
    }
    match inspect.get("Options") {
        None | Some(Value::Null) => Volume::Plain,
        Some(Value::Object(options)) if options.is_empty() => Volume::Plain,
        Some(options) => Volume::Special(options.to_string()),
    }
}

/// A connection to the daemon; `None` where there is none, which docker will say itself.
fn connect(host: &str) -> Result<Option<Box<dyn Connection>>> {
    let connected: std::io::Result<Box<dyn Connection>> = if let Some(socket) = host.strip_prefix("unix://") {
        UnixStream::connect(socket).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    } else if let Some(address) = host.strip_prefix("tcp://") {
        let address = address.to_socket_addrs()?.next().context("the daemon's address")?;
        TcpStream::connect_timeout(&address, PATIENCE).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    } else {
        bail!("only a daemon on a Unix or TCP socket can be asked");
    };
    match connected {
        Ok(stream) => Ok(Some(stream)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

/// `GET path`, as JSON; `None` for 404 and without a daemon. HTTP/1.0, so that the answer ends with the
/// connection.
fn get(host: &str, path: &str) -> Result<Option<Value>> {
    let Some(mut stream) = connect(host)? else { return Ok(None) };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").context("asking the daemon")?;
    let mut answer = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut answer).context("reading the daemon's answer")?;
    let answer = String::from_utf8(answer).context("reading the daemon's answer")?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("the daemon's answer has no end of head") };
    match head.split(' ').nth(1) {
        Some("200") => Ok(Some(serde_json::from_str(body).context("reading the daemon's answer")?)),
        Some("404") => Ok(None),
        status => bail!("the daemon answered {}", status.unwrap_or("nothing")),
    }
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
