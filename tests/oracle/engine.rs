//! An Engine API that does nothing and records everything.
//!
//! It answers so that the client goes on: containers `web` and `db` exist, creating works, streams end at
//! once. Volumes `hostvol` and `plugged` stand for something of the host.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest body that is kept.
const MAX_BODY: u64 = 4 << 20;

/// One recorded API call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Decoded, without the API version.
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.query)?;
        match self.json() {
            Value::Null => Ok(()),
            body => write!(f, " {body}"),
        }
    }
}

#[derive(Default)]
struct State {
    calls: Mutex<Vec<Call>>,
    open: AtomicUsize,
    created: AtomicUsize,
    /// What `_ping` says of the builder: BuildKit or the old one.
    buildkit: AtomicBool,
}

/// A listening daemon. It lives as long as the test.
pub(crate) struct Engine(Arc<State>);

impl Engine {
    /// Listens on `socket`, for everybody.
    pub(crate) fn listen(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket");
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666)).expect("its mode");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                state.open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // A client that goes away ends its connection, and nothing else.
                    let _ = serve(&state, stream);
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self(state)
    }

    /// Chooses the builder that the daemon recommends.
    pub(crate) fn set_buildkit(&self, on: bool) {
        self.0.buildkit.store(on, Ordering::SeqCst);
    }

    /// The calls since the last time, once every connection has ended.
    pub(crate) fn take(&self) -> Vec<Call> {
        let patience = Instant::now() + Duration::from_millis(500);
        while self.0.open.load(Ordering::SeqCst) > 0 && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::mem::take(&mut self.0.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How the ids of created containers begin.
pub(crate) const CREATED: &str = "c0ffee";

struct Head {
    method: String,
    target: String,
    last: bool,
    fields: BTreeMap<String, String>,
}

fn head(reader: &mut impl BufRead) -> Option<Head> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut parts = line.trim_end().split(' ');
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let last = parts.next() == Some("HTTP/1.0");
    let mut fields = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => fields.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => return Some(Head { method, target, last, fields }),
        };
    }
}

fn body(reader: &mut impl BufRead, fields: &BTreeMap<String, String>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if let Some(length) = fields.get("content-length").and_then(|length| length.parse::<u64>().ok()) {
        reader.take(length.min(MAX_BODY)).read_to_end(&mut body)?;
    } else if fields.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
            let mut chunk = Vec::new();
            reader.by_ref().take(size).read_to_end(&mut chunk)?;
            reader.read_line(&mut line)?;
            if size == 0 {
                break;
            }
            if body.len() as u64 <= MAX_BODY {
                body.extend(chunk);
            }
        }
    }
    Ok(body)
}

fn serve(state: &State, stream: UnixStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(Head { method, target, last, fields }) = head(&mut reader) {
        let upgrade = fields.get("upgrade").cloned();
        if fields.contains_key("expect") {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let path = unversioned(&decode(path, false));
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name, true), decode(value, true)))
            .collect();
        let call = Call { method, path, query, body: body(&mut reader, &fields)? };
        let answer = answer(state, &call);
        let (method, path) = (call.method.clone(), call.path.clone());
        state.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        if let Some(protocol) = upgrade {
            return hijacked(state, &path, &protocol, &mut reader, &mut writer);
        }
        let (status, kind, body) = answer;
        let builder = if state.buildkit.load(Ordering::SeqCst) { 2 } else { 1 };
        write!(
            writer,
            "HTTP/1.1 {status} X\r\nApi-Version: 1.51\r\nOstype: linux\r\nBuilder-Version: {builder}\r\nDocker-Experimental: true\r\nSwarm: active/manager\r\nServer: Docker/28.5.2 (linux)\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        if method != "HEAD" {
            writer.write_all(&body)?;
        }
        if last {
            break;
        }
    }
    writer.shutdown(Shutdown::Both)
}

/// `/v1.51/containers/json` is `/containers/json`.
fn unversioned(path: &str) -> String {
    match path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) {
        Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => format!("/{rest}"),
        _ => path.to_owned(),
    }
}

fn decode(text: &str, plus: bool) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) if plus => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hijacked(
    state: &State,
    path: &str,
    protocol: &str,
    reader: &mut BufReader<UnixStream>,
    writer: &mut UnixStream,
) -> std::io::Result<()> {
    write!(
        writer,
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
    )?;
    let mut sent = Vec::new();
    if path == "/grpc" {
        // The connection's end is no error: what was sent until then is recorded.
        let _ = super::grpc::serve(reader, writer, &mut sent);
    } else if path == "/session" {
        // Here the daemon is the one who asks, and this one asks nothing.
        reader.take(MAX_BODY).read_to_end(&mut sent)?;
    } else {
        writer.shutdown(Shutdown::Write)?;
        reader.get_ref().set_read_timeout(Some(Duration::from_millis(200)))?;
        let _ = reader.take(MAX_BODY).read_to_end(&mut sent);
    }
    let call = Call { method: "SENT".to_owned(), path: path.to_owned(), query: BTreeMap::new(), body: sent };
    state.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    Ok(())
}

type Answer = (u16, &'static str, Vec<u8>);

fn answer(state: &State, call: &Call) -> Answer {
    let ok = |value: Value| (200, "application/json", value.to_string().into_bytes());
    let made = |value: Value| (201, "application/json", value.to_string().into_bytes());
    let none = || (204, "application/json", Vec::new());
    let missing =
        |what: &str| (404, "application/json", json!({"message": format!("No such {what}")}).to_string().into_bytes());
    let parts: Vec<&str> = call.path.split('/').skip(1).collect();
    match (call.method.as_str(), parts.as_slice()) {
        (_, ["_ping"]) => (200, "text/plain", b"OK".to_vec()),
        (_, ["version"]) => ok(version()),
        (_, ["info"]) => ok(info()),
        (_, ["auth"]) => ok(json!({"Status": "Login Succeeded"})),
        (_, ["events"]) => (200, "application/json", Vec::new()),
        ("GET", ["system", "df"]) => {
            ok(json!({"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": []}))
        }
        ("GET", ["containers", "json"]) => ok(json!([listed("web"), listed("db")])),
        ("POST", ["containers", "create"]) => {
            let number = state.created.fetch_add(1, Ordering::SeqCst);
            made(json!({"Id": format!("{CREATED}{number:058x}"), "Warnings": []}))
        }
        (_, [_, "prune"]) => ok(json!({"SpaceReclaimed": 0})),
        ("GET", ["containers", name, "json"]) if is_container(name) => ok(container(name)),
        ("GET", ["containers", name, "logs" | "stats"]) if is_container(name) => {
            (200, "application/octet-stream", Vec::new())
        }
        ("GET", ["containers", _, "top"]) => ok(json!({"Titles": ["PID"], "Processes": [["1"]]})),
        ("GET", ["containers", _, "changes"]) => ok(json!([])),
        (_, ["containers", _, "archive" | "export"]) => (200, "application/x-tar", vec![0; 1024]),
        ("POST", ["containers", _, "wait"]) => ok(json!({"StatusCode": 0})),
        ("POST", ["containers", _, "update"]) => ok(json!({"Warnings": []})),
        ("POST", ["containers", _, "exec"]) => made(json!({"Id": "e".repeat(64)})),
        ("GET", ["exec", _, "json"]) => ok(json!({"ID": "e".repeat(64), "ExitCode": 0, "Running": false})),
        ("GET", ["containers", ..]) => missing("container"),
        ("POST", ["commit"]) => made(json!({"Id": "0".repeat(64)})),
        ("GET", ["images", "json"]) => ok(
            json!([{"Id": format!("sha256:{}", "a".repeat(64)), "RepoTags": ["busybox:latest"], "RepoDigests": [], "Size": 1, "Created": 1_767_225_600, "Containers": 0, "Labels": {}}]),
        ),
        ("GET", ["images", "search"]) => ok(json!([])),
        ("GET", ["images", .., "history"]) => ok(json!([])),
        ("GET", ["images", .., "get"]) => (200, "application/x-tar", vec![0; 1024]),
        ("GET", ["images", name @ .., "json"]) if !name.concat().contains("missing") => ok(image()),
        ("GET", ["images", ..]) => missing("image"),
        ("POST", ["images", "create" | "load"] | ["images", .., "push"] | ["build"]) => {
            (200, "application/json", b"{\"status\":\"done\"}\r\n".to_vec())
        }
        ("POST", ["images", .., "tag"]) => (201, "text/plain", Vec::new()),
        ("DELETE", ["images", ..]) => ok(json!([])),
        ("GET", ["volumes"]) => ok(json!({"Volumes": [volume("data")], "Warnings": []})),
        ("GET", ["volumes", "missing"]) => missing("volume"),
        ("GET", ["volumes", name]) => ok(volume(name)),
        ("POST", ["volumes", "create"]) => made(volume("data")),
        ("GET", ["networks"]) => ok(json!([network("bridge"), network("n1")])),
        ("GET", ["networks", "missing"]) => missing("network"),
        ("GET", ["networks", name]) => ok(network(name)),
        ("POST", ["networks", "create"]) => made(json!({"Id": "d".repeat(64)})),
        ("GET", ["distribution", ..]) => ok(
            json!({"Descriptor": {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": format!("sha256:{}", "d".repeat(64)), "size": 1}, "Platforms": []}),
        ),
        ("GET", ["plugins"]) => ok(json!([])),
        ("GET", ["plugins", .., "json"]) => {
            ok(json!({"Id": "p", "Name": "x", "Enabled": false, "Config": {}, "Settings": {}}))
        }
        ("GET", ["services" | "tasks" | "nodes" | "secrets" | "configs"]) => ok(json!([])),
        ("GET", ["services" | "tasks" | "nodes" | "secrets" | "configs", id]) => {
            ok(json!({"ID": id, "Version": {"Index": 1}, "Spec": {"Name": id}}))
        }
        ("POST" | "PUT" | "DELETE", _) => none(),
        _ => missing("page"),
    }
}

fn is_container(name: &str) -> bool {
    matches!(name, "web" | "db") || name.starts_with(CREATED)
}

fn version() -> Value {
    json!({"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64",
        "Experimental": true, "Platform": {"Name": "recorder"}, "Components": [], "GitCommit": "x",
        "GoVersion": "go", "KernelVersion": "x", "BuildTime": "2026-01-01T00:00:00Z"})
}

fn info() -> Value {
    json!({"ID": "X", "OSType": "linux", "Architecture": "x86_64", "Name": "recorder", "ServerVersion": "28.5.2",
        "Swarm": {"LocalNodeState": "active", "ControlAvailable": true, "NodeID": "n"},
        "Plugins": {"Volume": ["local"], "Network": ["bridge"]}, "RegistryConfig": {"IndexConfigs": {}},
        "ExperimentalBuild": true, "IndexServerAddress": "https://index.docker.io/v1/", "SecurityOptions": [],
        "Driver": "overlay2", "DriverStatus": []})
}

fn listed(name: &str) -> Value {
    json!({"Id": format!("{name:x<64}"), "Names": [format!("/{name}")], "Image": "busybox", "State": "running",
        "Status": "Up", "Labels": {"com.docker.compose.project": "p", "com.docker.compose.service": name,
            "com.docker.compose.container-number": "1", "com.docker.compose.oneoff": "False"},
        "Created": 1_767_225_600, "Command": "sh", "Ports": [], "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": {}}, "Mounts": []})
}

fn container(name: &str) -> Value {
    json!({"Id": name, "Name": format!("/{name}"), "Image": "busybox", "Created": "2026-01-01T00:00:00Z",
        "Path": "sh", "Args": [], "RestartCount": 0, "Platform": "linux", "Mounts": [],
        "State": {"Status": "running", "Running": true, "Paused": false, "ExitCode": 0, "Pid": 1,
            "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z"},
        "Config": {"Hostname": "x", "Image": "busybox", "Tty": true, "OpenStdin": true, "Labels": {}, "Env": [], "Cmd": ["sh"]},
        "HostConfig": {"NetworkMode": "bridge", "LogConfig": {"Type": "json-file"}, "RestartPolicy": {"Name": "no"}},
        "NetworkSettings": {"Networks": {}, "Ports": {}}})
}

fn image() -> Value {
    json!({"Id": format!("sha256:{}", "a".repeat(64)), "RepoTags": ["busybox:latest"], "RepoDigests": [],
        "Os": "linux", "Architecture": "amd64", "Size": 1, "Config": {"Cmd": ["sh"], "Labels": {}},
        "RootFS": {"Type": "layers", "Layers": []}, "Created": "2026-01-01T00:00:00Z"})
}

fn volume(name: &str) -> Value {
    let (driver, options) = match name {
        "hostvol" => ("local", json!({"type": "none", "o": "bind", "device": "/etc"})),
        "plugged" => ("nfs", Value::Null),
        _ => ("local", Value::Null),
    };
    json!({"Name": name, "Driver": driver, "Mountpoint": "/x", "Scope": "local", "Options": options,
        "ClusterVolume": {"ID": name, "Version": {"Index": 1}, "Spec": {"Availability": "active"}}})
}

fn network(name: &str) -> Value {
    json!({"Name": name, "Id": "d".repeat(64), "Scope": "local", "Driver": "bridge", "Containers": {}, "Options": {},
        "IPAM": {"Driver": "default", "Config": []}})
}
