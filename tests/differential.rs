//! What the gate reads of a call is what dockerd reads: bodies are sent to a real one as they are, and as they go on
//! through the gate, and what comes of the two is the same.
//!
//! `DOCKGATE_DIFFERENTIAL` is the number of bodies (default 120).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

use dockgate::api::call::Call;
use dockgate::api::forward::{Payload, Resolved};
use dockgate::api::head::{Framing, Head};
use dockgate::api::labels::Ownership;
use dockgate::api::route::Route;
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

#[expect(dead_code, reason = "shared with the other tests")]
mod support;
use support::Lab;

/// Fields of a container's own.
const CONFIG: &[&str] = &[
    r#""Hostname": "h""#,
    r#""User": "1000:1000""#,
    r#""Env": ["A=b", "Ü=\u00fc\ud83d\ude00"]"#,
    r#""Cmd": "true""#,
    r#""Cmd": ["sh", "-c", "true"]"#,
    r#""Entrypoint": ["sh"]"#,
    r#""WorkingDir": "/w""#,
    r#""Tty": true, "OpenStdin": true"#,
    r#""Labels": {"a": "b", "A": "c", "Bind\u017f": "d"}"#,
    r#""StopSignal": "INT", "StopTimeout": 0"#,
    r#""Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000, "Retries": 2}"#,
    r#""ExposedPorts": {"80/tcp": {}}"#,
    r#""Volumes": {"/anonymous": {}}"#,
    r#""NetworkDisabled": true"#,
    r#""Shell": ["sh"]"#,
];

/// Fields of `HostConfig`.
const HOST: &[&str] = &[
    r#""Privileged": true"#,
    r#""Privileged": false"#,
    r#""Binds": ["/tmp:/h:ro"]"#,
    r#""Binds": ["differential:/v", "/srv:/s"]"#,
    r#""CapAdd": ["net_admin", "CAP_SYS_PTRACE"]"#,
    r#""CapAdd": "ALL""#,
    r#""CapDrop": ["ALL"]"#,
    r#""NetworkMode": "host""#,
    r#""NetworkMode": "none""#,
    r#""PidMode": "host""#,
    r#""IpcMode": "host""#,
    r#""IpcMode": "private""#,
    r#""UTSMode": "host""#,
    r#""CgroupnsMode": "host""#,
    r#""SecurityOpt": ["no-new-privileges"]"#,
    r#""SecurityOpt": ["seccomp=unconfined"]"#,
    r#""MaskedPaths": []"#,
    r#""MaskedPaths": null"#,
    r#""ReadonlyPaths": ["/x"]"#,
    r#""Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}]"#,
    r#""DeviceCgroupRules": ["c 1:3 rwm"]"#,
    r#""Sysctls": {"net.core.somaxconn": "10"}"#,
    r#""Runtime": "runc""#,
    r#""LogConfig": {"Type": "local", "Config": {"max-size": "1m"}}"#,
    r#""LogConfig": {"Type": "", "Config": {}}"#,
    r#""Tmpfs": {"/t": "size=1m"}"#,
    r#""Memory": 33554432, "MemorySwap": -1"#,
    r#""NanoCpus": 500000000"#,
    r#""CpuQuota": 50000"#,
    r#""PidsLimit": 10"#,
    r#""PidsLimit": null"#,
    r#""OomScoreAdj": 10"#,
    r#""Ulimits": [{"Name": "nofile", "Hard": 2000, "Soft": 1000}]"#,
    r#""RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}"#,
    r#""ReadonlyRootfs": true"#,
    r#""ShmSize": 1048576"#,
    r#""PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18081"}], "81/tcp": null}"#,
    r#""PublishAllPorts": true"#,
    r#""Mounts": [{"Type": "volume", "Source": "differential", "Target": "/m", "ReadOnly": true}]"#,
    r#""Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/b", "BindOptions": {"Propagation": "rslave"}}]"#,
    r#""Mounts": [{"Type": "tmpfs", "Target": "/f", "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 448}}]"#,
    r#""Dns": ["1.1.1.1"], "DnsSearch": [], "DnsOptions": null"#,
    r#""ExtraHosts": ["h:127.0.0.1"]"#,
    r#""GroupAdd": ["1"]"#,
    r#""Annotations": {"a": "b"}"#,
    r#""CgroupParent": "/differential""#,
    r#""Init": true"#,
    r#""Init": null"#,
    r#""VolumesFrom": ["web:ro"]"#,
    r#""MemorySwappiness": -1"#,
    r#""ConsoleSize": [40, 100]"#,
    r#""ContainerIDFile": "/x""#,
    r#""OomKillDisable": false"#,
    r#""StorageOpt": {}"#,
];

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn some<'a>(&mut self, of: &[&'a str], most: usize) -> Vec<&'a str> {
        (0..self.below(most + 1)).map(|_| of[self.below(of.len())]).collect()
    }

    /// A body, in which keys may come twice; in two of three, something in its text is changed.
    fn body(&mut self) -> String {
        let mut fields = vec![r#""Image": "busybox""#.to_owned()];
        fields.extend(self.some(CONFIG, 4).into_iter().map(str::to_owned));
        let host = self.some(HOST, 5).join(", ");
        fields.push(format!(r#""HostConfig": {{{host}}}"#));
        if self.below(12) == 0 {
            fields.push(format!(r#""HostConfig": {{{}}}"#, HOST[self.below(HOST.len())]));
        }
        if self.below(4) == 0 {
            fields.push(r#""NetworkingConfig": {"EndpointsConfig": {"bridge": {"Aliases": null}}}"#.to_owned());
        }
        let body = format!("{{{}}}", fields.join(", "));
        match self.below(3) {
            0 => body,
            _ => self.changed(&body),
        }
    }

    fn changed(&mut self, body: &str) -> String {
        let letters: Vec<usize> =
            body.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
        let at = letters[self.below(letters.len())];
        let letter = &body[at..=at];
        let instead = match self.below(10) {
            0 => letter.to_ascii_uppercase(),
            1 => letter.to_ascii_lowercase(),
            2 => format!("\\u{:04x}", letter.as_bytes()[0]),
            3 if letter.eq_ignore_ascii_case("s") => "\u{17f}".to_owned(),
            4 if letter.eq_ignore_ascii_case("k") => "\u{212a}".to_owned(),
            5 => return format!("{body}{}", ["}", "]", " {}", "\n", "x", "\0"][self.below(6)]),
            6 => return body.replacen("true", ["1", "null", "True", "\"true\""][self.below(4)], 1),
            7 => {
                return body.replacen(
                    "33554432",
                    ["33554432.0", "3.3554432e7", "033554432", "\"1\""][self.below(4)],
                    1,
                );
            }
            8 => return body.replace(": ", " :\t\r\n"),
            _ => return body.replacen('{', "{\"Binds\": null, \"Odd\": 1, ", 1),
        };
        format!("{}{instead}{}", &body[..at], &body[at + 1..])
    }
}

/// The status and the body of the daemon's answer.
fn send(socket: &str, request: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer with a head") + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer[end..].to_vec();
    (status, if head.contains("transfer-encoding: chunked") { unchunked(&body) } else { body })
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        whole.extend(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
        if size == 0 {
            break;
        }
    }
    whole
}

/// Creates a container, and says what it is like; the container is removed again.
fn created(socket: &str, request: &[u8]) -> Result<Value, u16> {
    let (status, body) = send(socket, request);
    if status != 201 {
        return Err(status);
    }
    let id = serde_json::from_slice::<Value>(&body).unwrap()["Id"].as_str().unwrap().to_owned();
    let ask =
        |method: &str, path: &str| send(socket, format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    let (status, body) = ask("GET", &format!("/v1.51/containers/{id}/json"));
    assert_eq!(status, 200);
    assert_eq!(ask("DELETE", &format!("/v1.51/containers/{id}?force=1&v=1")).0, 204);
    let mut seen: Value = serde_json::from_slice(&body).unwrap();
    // It is made up for each container.
    if seen["Config"]["Hostname"].as_str().is_some_and(|name| id.starts_with(name)) {
        seen["Config"]["Hostname"] = Value::Null;
    }
    for mount in seen["Mounts"].as_array_mut().unwrap() {
        if mount["Name"].as_str().is_some_and(|name| name.len() == 64) {
            mount["Name"] = Value::Null;
            mount["Source"] = Value::Null;
        }
    }
    // The daemon has them in no order.
    seen["Mounts"].as_array_mut().unwrap().sort_by_key(|mount| mount["Destination"].as_str().map(str::to_owned));
    Ok(seen)
}

/// What goes on of a request through the gate, and the body that was judged; `None` where it is refused.
fn through(request: &[u8]) -> Option<(Vec<u8>, Value)> {
    let (head, used) = Head::parse(request).unwrap().unwrap();
    let call = Call::of(Route::of(&head).unwrap(), &request[used..]).ok()?;
    let owner = Ownership { key: Some("hermes".to_owned()), account: "ai-worker".to_owned(), id: "0a".to_owned() };
    let forward = call.forward(&Resolved::default(), &owner);
    let mut bytes = forward.head(Framing::None);
    if let Payload::Whole(json) = &forward.body {
        bytes.extend(json);
    }
    Some((bytes, call.body()?.clone()))
}

/// Fields that the daemon shows as they were given.
const AS_GIVEN: &[&str] = &[
    "Annotations",
    "Binds",
    "CgroupParent",
    "DeviceCgroupRules",
    "Devices",
    "ExtraHosts",
    "Memory",
    "NanoCpus",
    "OomScoreAdj",
    "PidMode",
    "Privileged",
    "ReadonlyRootfs",
    "Sysctls",
    "Tmpfs",
    "UTSMode",
    "VolumesFrom",
];

#[test]
fn the_daemon_reads_what_the_gate_reads() {
    let lab = Lab::shared();
    let socket = lab.value("SOCKET");
    let count: usize = std::env::var_os("DOCKGATE_DIFFERENTIAL")
        .map_or(120, |count| count.into_string().unwrap().parse().expect("DOCKGATE_DIFFERENTIAL: a number"));
    let mut dice = Dice(1);
    let (mut made, mut refused, mut failed) = (0, 0, 0);
    for _ in 0..count {
        let body = dice.body();
        let length = body.len();
        let request = format!(
            "POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let Some((forwarded, judged)) = through(request.as_bytes()) else {
            refused += 1;
            continue;
        };
        match (created(socket, request.as_bytes()), created(socket, &forwarded)) {
            (Ok(mut raw), Ok(mut ours)) => {
                made += 1;
                let labels = ours["Config"]["Labels"].as_object_mut().unwrap();
                let own: Vec<String> = labels.keys().filter(|name| name.starts_with("dockgate.")).cloned().collect();
                own.iter().for_each(|name| drop(labels.remove(name)));
                assert_eq!(own, ["dockgate.account", "dockgate.id", "dockgate.key"], "{body}");
                for seen in [&mut raw, &mut ours] {
                    let config = std::mem::take(&mut seen["Config"]);
                    let host = std::mem::take(&mut seen["HostConfig"]);
                    let mounts = std::mem::take(&mut seen["Mounts"]);
                    *seen = serde_json::json!({"Config": config, "HostConfig": host, "Mounts": mounts});
                }
                assert_eq!(ours, raw, "{body}");
                for field in AS_GIVEN {
                    if let Some(given) = judged["HostConfig"].get(field) {
                        assert_eq!(&ours["HostConfig"][field], given, "{field}: {body}");
                    }
                }
                let masked = ours["HostConfig"]["MaskedPaths"].as_array().map_or(0, Vec::len);
                let judged_masked = judged["HostConfig"].get("MaskedPaths").is_some();
                let privileged = judged["HostConfig"].get("Privileged") == Some(&Value::Bool(true));
                assert!(masked > 0 || judged_masked || privileged, "{body}");
            }
            (Err(raw), Err(ours)) => {
                failed += 1;
                assert_eq!(ours, raw, "{body}");
            }
            (raw, ours) => unreachable!("{body}\nas it is: {raw:?}\nthrough the gate: {ours:?}"),
        }
    }
    println!("{count} bodies: {made} containers made, {refused} refused by the gate, {failed} by the daemon");
    assert!(made >= count / 4 && refused >= count / 20, "{made} made, {refused} refused");
}
