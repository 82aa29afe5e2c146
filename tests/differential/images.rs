//! Images: named, made of containers, built, imported, fetched and sent.
use super::Sent;
use super::daemon::Daemon;
use super::dice::{Dice, json, target};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The names of an image that tests gave it.
fn names(daemon: &Daemon, id: &str) -> Vec<String> {
    let tags = daemon.get(&format!("/images/{id}/json"))["RepoTags"].take();
    let mut names: Vec<String> =
        tags.as_array().into_iter().flatten().map(|tag| tag.as_str().unwrap().to_owned()).collect();
    names.retain(|name| name != "busybox:latest");
    names.sort();
    names
}

/// What an image is like; it is removed.
fn shown(daemon: &Daemon, id: &str) -> Value {
    let mut seen = daemon.get(&format!("/images/{id}/json"));
    // The daemon joins an image's and a commit's in one order or another.
    seen["Config"]["Env"].as_array_mut().into_iter().for_each(|all| all.sort_by_key(ToString::to_string));
    let names = names(daemon, id);
    for name in &names {
        daemon.delete(&format!("/images/{name}?force=1"));
    }
    daemon.delete(&format!("/images/{id}?force=1"));
    json!({"Config": seen["Config"], "Comment": seen["Comment"], "Author": seen["Author"], "Names": names, "Architecture": seen["Architecture"]})
}

const REPOSITORIES: &[(&str, &str)] = &[
    ("repo", "differential/a"),
    ("repo", "localhost:5/differential/a"),
    ("repo", "Upper/case"),
    ("repo", "differential/a:inner"),
    ("repo", "differential@sha256:x"),
    ("tag", "one"),
    ("tag", ""),
    ("tag", "a:b"),
    ("tag", "ä"),
];

/// `POST /images/{image}/tag`
pub(crate) fn tag(dice: &mut Dice) -> Sent {
    let mut query = dice.query(REPOSITORIES, 2);
    if dice.one_in(4) {
        query.push(("force".to_owned(), "1".to_owned()));
    }
    let image = *dice.of(&["busybox", "busybox:latest", "busybox%3Alatest", "docker.io/library/busybox"]);
    let target = target(dice, &format!("/images/{image}/tag"), &query);
    Sent::plain("POST", target, |daemon, request| {
        daemon.send(request).successful()?;
        let names = names(daemon, "busybox:latest");
        names.iter().for_each(|name| daemon.delete(&format!("/images/{name}")));
        Ok(json!(names))
    })
}

const COMMITS: &[(&str, &str)] = &[
    ("author", "a <b@c>"),
    ("comment", "said\tso"),
    ("changes", "ENV A=b"),
    ("changes", "LABEL a=b\nENTRYPOINT [\"sh\"]"),
    ("changes", "USER 1000"),
    ("changes", "VOLUME /v"),
    ("changes", "RUN true"),
    ("pause", "0"),
    ("pause", "True"),
    ("repo", "differential/c"),
    ("tag", "two"),
];

const CONFIG: &[&str] = &[
    r#""Hostname": "h""#,
    r#""User": "1000""#,
    r#""Env": ["Z=1"]"#,
    r#""Cmd": ["true"]"#,
    r#""Entrypoint": "sh""#,
    r#""WorkingDir": "/w""#,
    r#""Labels": {"a": "z", "b": "c"}"#,
    r#""ExposedPorts": {"80/tcp": {}}"#,
    r#""Volumes": {"/v": {}}"#,
    r#""OnBuild": ["RUN x"]"#,
    r#""StopSignal": "TERM""#,
    r#""Healthcheck": {"Test": ["NONE"]}"#,
    r#""Shell": ["/bin/sh"]"#,
    r#""Tty": true"#,
];

/// `POST /commit`
pub(crate) fn commit(dice: &mut Dice) -> Sent {
    let mut query = dice.query(COMMITS, 4);
    query.push((
        "container".to_owned(),
        (*dice.of(&["differential-says", "differential-says", "differential-says", "/differential-says", "none"]))
            .to_owned(),
    ));
    let target = target(dice, "/commit", &query);
    let body = if dice.one_in(4) {
        Vec::new()
    } else {
        let fields = dice.fields(CONFIG, 4);
        json(dice, &Value::Object(fields))
    };
    Sent::json("POST", target, body, |daemon, request| {
        let id = daemon.send(request).successful()?.at("/Id");
        Ok(shown(daemon, &id))
    })
}

/// A tar archive of plain files.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut header = vec![0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[108..115].copy_from_slice(b"0000000");
        header[116..123].copy_from_slice(b"0000000");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[136..147].copy_from_slice(b"00000000000");
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(header);
        bytes.extend(content.as_bytes());
        bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    }
    bytes.extend([0; 1024]);
    bytes
}

/// What a step of a build sees of what it was given.
const LOOKS: &str = "RUN (cut -d: -f1 /proc/net/dev | sort; ulimit -n; cat /sys/fs/cgroup/memory.max \
    /sys/fs/cgroup/memory.swap.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.weight /sys/fs/cgroup/cpuset.cpus; \
    df -k /dev/shm | tail -1; grep 192.0.2 /etc/hosts; grep -E 'Cap|Seccomp|NoNew' /proc/self/status; \
    cat /proc/self/cgroup | head -c 20) >/x 2>&1; true\n";

const BUILD: &[(&str, &str)] = &[
    ("buildargs", r#"{"A":"given"}"#),
    ("buildargs", r#"{"A":null,"HTTP_PROXY":"http://192.0.2.9"}"#),
    ("buildargs", r#"{"a":"small","A":"x"}"#),
    ("buildargs", r#"{"A":"x","A":"y"}"#),
    ("labels", r#"{"given":"1","from":"query"}"#),
    ("labels", r#"{"given":"1","Given":"2"}"#),
    ("labels", r#"["a"]"#),
    ("cachefrom", r#"["busybox"]"#),
    ("dockerfile", "Other"),
    ("dockerfile", "sub/../Dockerfile"),
    ("target", "base"),
    ("target", "none"),
    ("t", "differential/built"),
    ("t", "differential/built:x"),
    ("networkmode", "none"),
    ("networkmode", "host"),
    ("networkmode", "default"),
    ("memory", "33554432"),
    ("memswap", "67108864"),
    ("memswap", "-1"),
    ("cpuquota", "50000"),
    ("cpuperiod", "100000"),
    ("cpushares", "512"),
    ("cpusetcpus", "0"),
    ("cpusetmems", "0"),
    ("shmsize", "1048576"),
    ("ulimits", r#"[{"Name":"nofile","Soft":100,"Hard":200}]"#),
    ("ulimits", r#"[{"name":"nofile","Soft":100,"soft":300,"Hard":400}]"#),
    ("extrahosts", "a:192.0.2.1"),
    ("securityopt", "seccomp=unconfined"),
    ("cgroupparent", "/differential"),
    ("nocache", "True"),
    ("rm", "0"),
    ("forcerm", "1"),
    ("q", "1"),
    ("pull", "false"),
    ("platform", "linux/amd64"),
    ("isolation", "default"),
    ("squash", "0"),
    ("version", "1"),
    ("version", "2"),
    ("remote", ""),
];

/// `POST /build` by the classic builder. What it has cached of one must not be what the other gets.
pub(crate) fn build(dice: &mut Dice) -> Sent {
    let mut query = dice.query(BUILD, 5);
    query.retain(|(key, _)| key != "nocache");
    let looks = dice.one_in(2);
    let step = if looks { LOOKS } else { "" };
    let file = format!(
        "FROM busybox AS base\nARG A=unset\nENV GOT=$A\nLABEL from=file\nFROM base AS last\nLABEL stage=last\n{step}"
    );
    let context = archive(&[("Dockerfile", &file), ("Other", "FROM busybox\nLABEL from=other\n"), ("sub/x", "x")]);
    let mut target = target(dice, "/build", &query);
    target.push_str(if target.contains('?') { "&nocache=1" } else { "?nocache=1" });
    Sent::stream(target, context, move |daemon, request| {
        let answer = daemon.send(request).successful()?.text();
        if let Some(error) = answer.lines().find(|line| line.contains(r#""errorDetail""#)) {
            return Ok(json!(error));
        }
        let built = answer.split("sha256:").last().unwrap_or_default();
        let id: String = built.chars().take_while(char::is_ascii_hexdigit).collect();
        let id = match answer.rsplit("Successfully built ").next().filter(|_| answer.contains("Successfully built ")) {
            Some(rest) => rest.chars().take_while(char::is_ascii_hexdigit).collect(),
            None => id,
        };
        let looked = if looks { file_in(daemon, &id) } else { Value::Null };
        let seen = shown(daemon, &id);
        daemon.ask("POST", "/containers/prune?filters=%7B%22label%22:%5B%22from%22%5D%7D");
        Ok(json!({"image": seen, "step": looked}))
    })
}

/// The text of `/x` in an image.
fn file_in(daemon: &Daemon, image: &str) -> Value {
    let Ok(made) = daemon.post("/containers/create", &json!({"Image": image, "Cmd": ["x"]})).successful() else {
        return Value::Null;
    };
    let id = made.at("/Id");
    let file = daemon.ask("GET", &format!("/containers/{id}/archive?path=/x"));
    daemon.delete(&format!("/containers/{id}?force=1"));
    if file.status == 200 {
        json!(String::from_utf8_lossy(&file.body[512..]).trim_end_matches('\0'))
    } else {
        json!(file.status)
    }
}

/// A registry that has nothing, and tells what it is asked.
const REGISTRY: &str = r#"
import http.server, sys
log = open(sys.argv[1], "a")
class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.requestline, file=log, flush=True)
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_HEAD = do_GET
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// [`REGISTRY`] in the network of the daemon's.
pub(crate) struct Registry {
    process: Child,
    port: u16,
    /// What it was asked, a line each, before it has answered.
    log: PathBuf,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    pub(crate) fn start(lab: &Path) -> Self {
        let mark = format!("^dockerd --config-file {}", lab.display());
        let found = Command::new("pgrep").args(["-o", "-f", &mark]).output().unwrap();
        let daemon = String::from_utf8(found.stdout).unwrap();
        let mut command = Command::new("/usr/bin/nsenter");
        command.args(["--target", daemon.trim(), "--net", "/usr/bin/python3", "-c", REGISTRY]);
        let log = lab.join("registry.log");
        command.arg(&log);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, port: line.trim().parse().unwrap(), log }
    }
}

/// `POST /images/create`: fetched from a registry, or imported.
pub(crate) fn fetch(dice: &mut Dice, registry: &Registry) -> Sent {
    let host = format!("127.0.0.1:{}", registry.port);
    if dice.one_in(3) {
        return import(dice);
    }
    let name = dice.of(&[
        "x",
        "team/x",
        "x:inner",
        "x@sha256:6f50ff28313157c868a35057423f37bc07cf50d48ae4fccce5a79e2abacffc73",
        "Upper",
        "x/../y",
    ]);
    let mut query = dice.query(
        &[
            ("tag", "t"),
            ("tag", ""),
            ("tag", "sha256:6f50ff28313157c868a35057423f37bc07cf50d48ae4fccce5a79e2abacffc73"),
            ("platform", "linux/arm64"),
            ("repo", "other/x"),
            ("message", "m"),
            ("changes", "ENV A=b"),
        ],
        3,
    );
    query.push(("fromImage".to_owned(), format!("{host}/{name}")));
    let target = target(dice, "/images/create", &query);
    let log = registry.log.clone();
    Sent::stream(target, Vec::new(), move |daemon, request| {
        let before = std::fs::read_to_string(&log).unwrap().len();
        let answer = daemon.send(request);
        let mut asked: Vec<String> =
            std::fs::read_to_string(&log).unwrap()[before..].lines().map(str::to_owned).collect();
        // Some are asked beside each other, and again.
        asked.sort();
        asked.dedup();
        Ok(json!([answer.status, asked]))
    })
}

fn import(dice: &mut Dice) -> Sent {
    let mut query = dice.query(REPOSITORIES, 2);
    query.extend(dice.query(
        &[
            ("changes", "ENV A=b"),
            ("changes", "RUN x"),
            ("message", "said"),
            ("platform", "linux/amd64"),
            ("platform", "linux/arm64"),
        ],
        2,
    ));
    query.push(("fromSrc".to_owned(), "-".to_owned()));
    let target = target(dice, "/images/create", &query);
    Sent::stream(target, archive(&[("file", "content")]), |daemon, request| {
        let answer = daemon.send(request).successful()?.text();
        if answer.contains(r#""errorDetail""#) {
            return Ok(json!("an error"));
        }
        let id: String =
            answer.split("sha256:").last().unwrap_or_default().chars().take_while(char::is_ascii_hexdigit).collect();
        let mut seen = shown(daemon, &id);
        // It says when.
        seen["Comment"] = json!(seen["Comment"].as_str().is_some_and(|comment| comment.contains("said")));
        Ok(seen)
    })
}
