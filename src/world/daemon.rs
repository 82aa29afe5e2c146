//! Questions to the Docker daemon over its socket. Acts: connects.
#![expect(clippy::disallowed_methods, reason = "the daemon is asked here")]

use super::dial::address_of;
use crate::demand::Object;
use crate::docker::asks::{is_of_memory, is_volume_name};
use crate::facts::{Container, Listed, Mount, Unreachable, Volume};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the daemon may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer of more bytes than this is not one.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

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
    let (path, at) = match object {
        Object::Container => ("/containers/json?all=1", ""),
        Object::Image => ("/images/json", ""),
        Object::Network => ("/networks", ""),
        Object::Volume => ("/volumes", "/Volumes"),
    };
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

/// A connection to the daemon.
fn connect(host: &str) -> Result<Box<dyn Connection>, Unreachable> {
    let connected: std::io::Result<Box<dyn Connection>> = if let Some(socket) = host.strip_prefix("unix://") {
        UnixStream::connect(socket).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    } else if let Some(address) = host.strip_prefix("tcp://") {
        let address =
            address_of(address).map_err(|error| Error::new(ErrorKind::AddrNotAvailable, format!("{error:#}")));
        address.and_then(|address| TcpStream::connect_timeout(&address, PATIENCE)).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    } else {
        return Err(no_answer(anyhow!("only a daemon on a Unix or TCP socket can be asked")));
    };
    connected.map_err(|error| {
        let why = format!("the daemon at {host}: {error}");
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied => {
                Unreachable::NoDaemon(why)
            }
            _ => Unreachable::NoAnswer(why),
        }
    })
}

fn no_answer(error: anyhow::Error) -> Unreachable {
    Unreachable::NoAnswer(format!("{error:#}"))
}

trait Connection: Read + Write {}

impl<T: Read + Write> Connection for T {}

/// `GET path`, as JSON; `None` for 404.
fn get(host: &str, path: &str) -> Result<Option<Value>, Unreachable> {
    asked(host, path, &["404"])
}

/// As [`get`]; `none` are the answers of what is not there.
fn asked(host: &str, path: &str, none: &[&str]) -> Result<Option<Value>, Unreachable> {
    answer(connect(host)?, path, none)
        .map_err(|error| Unreachable::NoAnswer(format!("the daemon at {host}: {error:#}")))
}

fn answer(mut stream: Box<dyn Connection>, path: &str, none: &[&str]) -> Result<Option<Value>> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").context("asking the daemon")?;
    let mut answer = Vec::new();
    let mut stream = stream.take(MAX_BYTES);
    let mut piece = vec![0; 64 * 1024];
    // Not every daemon ends the connection behind its answer.
    while !is_whole(&answer) {
        let count = stream.read(&mut piece).context("reading the daemon's answer")?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
    let (head, body) = parted(&answer).context("the daemon's answer has no end of head")?;
    let body = body_of(head, body).context("the daemon's answer is not framed as its head says")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(Some(serde_json::from_slice(&body).context("reading the daemon's answer")?)),
        Some(status) if none.contains(&status) => Ok(None),
        status => bail!("the daemon answered {}", status.unwrap_or("nothing")),
    }
}

/// The head of an answer, and what has come of its body.
fn parted(answer: &[u8]) -> Option<(&str, &[u8])> {
    let (head, body) = answer.split_at(memchr::memmem::find(answer, b"\r\n\r\n")? + 4);
    Some((std::str::from_utf8(head).ok()?, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn is_chunked(head: &str) -> bool {
    header(head, "Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
}

/// Whether an answer says itself that no more comes.
fn is_whole(answer: &[u8]) -> bool {
    let Some((head, body)) = parted(answer) else { return false };
    if is_chunked(head) {
        return body.ends_with(b"0\r\n\r\n") && unchunked(body).is_some();
    }
    let length = header(head, "Content-Length").and_then(|length| length.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// The body behind a head, of all that has come; `None` where it is not whole.
fn body_of<'a>(head: &str, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if is_chunked(head) {
        return unchunked(bytes).map(Cow::Owned);
    }
    match header(head, "Content-Length") {
        Some(length) => bytes.get(..length.parse().ok()?).map(Cow::Borrowed),
        None => Some(Cow::Borrowed(bytes)),
    }
}

/// A chunked body (RFC 9112, 7.1).
fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(bytes.len());
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(bytes) else { return None };
        if size == 0 {
            return Some(body);
        }
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        body.extend_from_slice(bytes.get(start..end)?);
        bytes = bytes.get(end..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_ends_where_it_says() {
        for (answer, whole) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", true),
            // What looks like the end of the chunks within one.
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{0\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n{}", false),
        ] {
            assert_eq!(is_whole(answer.as_bytes()), whole, "{answer}");
        }
    }

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n";
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        for (head, bytes, body) in [
            (chunked, &b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"[..], Some(&b"abc0123456789"[..])),
            (chunked, b"0\r\n\r\n", Some(b"")),
            (chunked, b"3\r\nabc\r\n", None),
            (chunked, b"3\r\nab", None),
            (chunked, b"3\r\nabcd\r\n0\r\n\r\n", None),
            (chunked, b"ffffffffffffffff\r\nabc", None),
            (chunked, b"x", None),
            (length, b"abc", Some(b"abc")),
            (length, b"ab", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"ab", None),
            ("HTTP/1.0 200 OK\r\n\r\n", b"ab", Some(b"ab")),
        ] {
            assert_eq!(body_of(head, bytes).as_deref(), body, "{head}{bytes:?}");
        }
    }

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
