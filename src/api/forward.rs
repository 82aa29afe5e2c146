//! Forward: a judged call as it goes to the daemon, every byte of it written anew. Pure.

use super::call::Call;
use super::demands::{Reference, object_of};
use super::head::{Framing, Method, Upgrade};
use super::labels::{ID, Ownership};
use super::query::Given;
use super::route::Reading;
use super::row::{Asks, Body, Endpoint, Takes};
use super::target::encode;
use crate::demand::Object;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the guard has looked up for a call.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// Ids of containers and networks, by which the daemon is asked; what is not here keeps its name.
    pub ids: BTreeMap<Reference, String>,
    /// Labels of a new container's image that say whose something is: they are not inherited.
    pub marks: Vec<String>,
    /// What Compose's label of a project's files says.
    pub files: Option<String>,
    /// A label (`dockgate.key=hermes`) that lists, events and prunes are narrowed to.
    pub only: Option<String>,
}

/// A request for the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    pub method: Method,
    /// In origin form.
    pub target: String,
    pub upgrade: Option<Upgrade>,
    /// Beyond Host, Connection and the framing, which [`Forward::head`] writes.
    pub headers: Vec<(String, String)>,
    pub body: Payload,
}

/// The body of a request for the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    None,
    /// Read whole, and judged.
    Whole(Vec<u8>),
    /// As the client sends it, framed anew.
    Stream,
}

impl Forward {
    /// The head in HTTP/1.1; `stream` is the framing of a body that is passed on, and of no other.
    pub fn head(&self, stream: Framing) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: docker\r\n", self.method.name(), self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.upgrade {
            None => {}
            Some(Upgrade::Tcp) => head.push_str("Connection: Upgrade\r\nUpgrade: tcp\r\n"),
            Some(Upgrade::H2c) => head.push_str("Connection: Upgrade\r\nUpgrade: h2c\r\n"),
        }
        match (&self.body, stream) {
            (Payload::Whole(bytes), _) => head.push_str(&format!("Content-Length: {}\r\n", bytes.len())),
            (Payload::Stream, Framing::Length(length)) => head.push_str(&format!("Content-Length: {length}\r\n")),
            (Payload::Stream, Framing::Chunked) => head.push_str("Transfer-Encoding: chunked\r\n"),
            (Payload::None, _) | (Payload::Stream, Framing::None) => {
                if matches!(self.method, Method::Post | Method::Put) {
                    head.push_str("Content-Length: 0\r\n");
                }
            }
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl Call {
    /// Method and path, by the names that were sent.
    pub(super) fn shown_path(&self) -> String {
        format!("{} {}", self.endpoint().method.name(), self.path(&Resolved::default()))
    }

    /// The call for the daemon, by the ids that were judged; what it makes carries the labels of its owner.
    pub fn forward(&self, resolved: &Resolved, owner: &Ownership) -> Forward {
        let endpoint = self.endpoint();
        let version = self.route.version.map_or_else(String::new, |version| format!("/v1.{version}"));
        let mut query = self.route.query.clone();
        let key = |name: &str| endpoint.query.iter().find(|key| key.name == name);
        if let (Some(filters), Some(label)) = (key("filters").filter(|key| key.takes == Takes::Filters), &resolved.only)
        {
            let given = match query.get("filters") {
                Some(Given::Json(Value::Object(given))) => given.clone(),
                _ => Map::new(),
            };
            query.set(filters, Given::Json(narrowed(given, label)));
        }
        if let Some(labels) = key("labels") {
            let mut given = match query.get("labels") {
                Some(Given::Json(Value::Object(given))) => given.clone(),
                _ => Map::new(),
            };
            put_labels(&mut given, owner);
            // What is built anew out of the same stays the same image.
            given.remove(ID);
            query.set(labels, Given::Json(Value::Object(given)));
        }
        for named in endpoint.query.iter().filter(|key| key.names == Some(Object::Container)) {
            let id = self.id(resolved, Object::Container, query.text(named.name));
            id.into_iter().for_each(|id| query.set(named, Given::Text(id)));
        }
        Forward {
            method: endpoint.method,
            target: format!("{version}{}{}", self.path(resolved), query.encode()),
            upgrade: self.route.upgrade,
            headers: self.headers(),
            body: match (endpoint.body, self.reading()) {
                (Body::Stream, Reading::Stream) => Payload::Stream,
                (Body::Json(_), _) => self.json(endpoint, resolved, owner),
                _ => Payload::None,
            },
        }
    }

    fn id(&self, resolved: &Resolved, object: Object, name: &str) -> Option<String> {
        resolved.ids.get(&Reference { object, name: name.to_owned() }).cloned()
    }

    /// Images keep their names: to remove an image by its id is another thing than by its name.
    fn path(&self, resolved: &Resolved) -> String {
        let mut path = String::new();
        for part in self.endpoint().path.split('/').skip(1) {
            path.push('/');
            let Some(name) = self.named(part) else {
                path.push_str(part);
                continue;
            };
            let pinned = object_of(part).filter(|object| matches!(object, Object::Container | Object::Network));
            let id = pinned.and_then(|object| self.id(resolved, object, name));
            let mut segments = id.as_deref().unwrap_or(name).split('/').peekable();
            while let Some(segment) = segments.next() {
                encode(segment, &mut path);
                if segments.peek().is_some() {
                    path.push('/');
                }
            }
        }
        path
    }

    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let mut put = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
        match (self.endpoint().body, self.reading()) {
            (Body::Json(_), _) if self.body.is_some() || is_labelled(self.endpoint()) => {
                put("Content-Type", "application/json")
            }
            (Body::Stream, Reading::Stream) => put("Content-Type", "application/x-tar"),
            _ => {}
        }
        if self.endpoint().credentials {
            self.route.registry_auth.iter().for_each(|value| put("X-Registry-Auth", value));
            self.route.registry_config.iter().for_each(|value| put("X-Registry-Config", value));
        }
        if self.endpoint().path == "/session" {
            self.route.session.iter().for_each(|(name, value)| put(name, value));
        }
        headers
    }

    fn json(&self, endpoint: &Endpoint, resolved: &Resolved, owner: &Ownership) -> Payload {
        // What is made gets its labels, also where the request has nothing to say of it.
        let makes = is_labelled(endpoint);
        let given = self.body.clone().or_else(|| makes.then(|| Value::Object(Map::new())));
        let Some(mut body) = given else { return Payload::None };
        if let (true, Some(map)) = (makes, body.as_object_mut()) {
            let labels = map.entry("Labels").or_insert_with(|| Value::Object(Map::new()));
            if let Some(labels) = labels.as_object_mut() {
                put_labels(labels, owner);
                if let (Some(said), Some(files)) = (labels.get_mut(FILES), &resolved.files) {
                    *said = Value::String(files.clone());
                }
                for mark in &resolved.marks {
                    labels.entry(mark.as_str()).or_insert_with(|| Value::String(String::new()));
                }
            }
        }
        // `connect` and `disconnect` name a container.
        if let Some(Value::String(name)) = body.get_mut("Container") {
            self.id(resolved, Object::Container, name).into_iter().for_each(|id| *name = id);
        }
        for mode in ["NetworkMode", "PidMode", "IpcMode"] {
            if let Some(Value::String(mode)) = body.pointer_mut(&format!("/HostConfig/{mode}")) {
                let id = mode.strip_prefix("container:").and_then(|name| self.id(resolved, Object::Container, name));
                id.into_iter().for_each(|id| *mode = format!("container:{id}"));
            }
        }
        Payload::Whole(body.to_string().into_bytes())
    }
}

/// Where Compose says which files a project was made of (compose `pkg/api/labels.go`).
const FILES: &str = "com.docker.compose.project.config_files";

/// Whether what a call makes has labels in its body.
fn is_labelled(endpoint: &Endpoint) -> bool {
    endpoint.asks.contains(&Asks::Makes) || endpoint.asks.contains(&Asks::Labels)
}

fn put_labels(labels: &mut Map<String, Value>, owner: &Ownership) {
    for (name, value) in owner.labels() {
        labels.insert(name.to_owned(), Value::String(value.to_owned()));
    }
}

/// Filters that are narrowed to what has a label.
fn narrowed(mut filters: Map<String, Value>, label: &str) -> Value {
    let labels = filters.entry("label").or_insert_with(|| Value::Object(Map::new()));
    if let Some(labels) = labels.as_object_mut() {
        labels.insert(label.to_owned(), Value::Bool(true));
    }
    Value::Object(filters)
}
