//! World: what is on the daemon before a request, and afterwards; looked at past the gate.

use super::KEY;
use crate::support::Lab;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Container,
    Volume,
    Network,
    Image,
}

impl Kind {
    pub(super) const ALL: &'static [Self] = &[Self::Container, Self::Volume, Self::Network, Self::Image];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Volume => "volume",
            Self::Network => "network",
            Self::Image => "image",
        }
    }
}

/// Something that the daemon has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// An image can have several, or none.
    pub(super) names: Vec<String>,
    /// Whether the key has made it.
    pub(super) own: bool,
    /// What must not change: state, settings, mounts, networks.
    pub(super) like: Value,
    /// As the daemon shows it.
    pub(super) whole: Value,
}

/// All that is there, by kind and id.
pub(super) type Things = BTreeMap<(Kind, String), Thing>;

/// The containers that are there before: name, options, image and command.
const CONTAINERS: &[(&str, &[&str])] = &[
    (
        "shop-web-1",
        &[
            "-d",
            "--init",
            "--label=com.docker.compose.project=shop",
            "--label=com.docker.compose.service=web",
            "--label=com.docker.compose.oneoff=False",
            "--label=com.docker.compose.container-number=1",
            "-v",
            "shop-data:/data",
            "--network",
            "shop-net",
            "shop/app:1",
            "sleep",
            "100000",
        ],
    ),
    ("vault-1", &["-v", "/anonymous", "busybox", "true"]),
    ("kin-web", &["@kin", "shop/app:1", "true"]),
    ("heir-web", &["-d", "--init", "mine/app:1", "sleep", "100000"]),
    (
        "mine-web",
        &[
            "-d",
            "--init",
            "@own",
            "@small",
            "-v",
            "mine-data:/data",
            "--network",
            "mine-net",
            "mine/app:1",
            "sleep",
            "100000",
        ],
    ),
    ("mine-idle", &["@own", "@small", "-v", "/anonymous", "mine/app:1", "true"]),
    ("mine-link", &["@own", "@small", "-v", "@link", "mine/app:1", "sleep", "100000"]),
];
const VOLUMES: &[(&str, bool)] =
    &[("shop-data", false), ("vault-data", false), ("mine-data", true), ("mine-spare", true)];
const NETWORKS: &[(&str, bool)] = &[("shop-net", false), ("edge", false), ("mine-net", true), ("mine-spare", true)];

/// The daemon, and what is on it.
pub(super) struct World {
    lab: &'static Lab,
    /// Directories of the host that a policy can grant.
    pub(super) grounds: PathBuf,
    pub(super) before: Things,
}

impl World {
    pub(super) fn build(lab: &'static Lab) -> Self {
        let grounds = lab.directory.join("grounds");
        for directory in ["up/sub", "ro/sub", "no"] {
            std::fs::create_dir_all(grounds.join(directory)).expect("a directory");
        }
        symlink("/etc", grounds.join("ro/out")).expect("a link");
        let mut world = Self { lab, grounds, before: Things::new() };
        world.docker(&["rm", "-f", "web"]);
        world.docker(&["save", "-o", &world.archive(), "busybox"]);
        world.restore(&Things::new());
        world
    }

    fn archive(&self) -> String {
        self.lab.directory.join("busybox.tar").display().to_string()
    }

    /// docker as root, past the gate.
    fn docker(&self, words: &[&str]) -> bool {
        self.lab.docker(words).code == 0
    }

    fn build_image(&self, name: &str, text: &str) {
        let mut command = Command::new(self.lab.value("DOCKER"));
        command.env_clear().env("HOME", &self.lab.directory).env("PATH", "/usr/bin:/bin");
        command.env("DOCKER_HOST", format!("unix://{}", self.lab.value("SOCKET")));
        command
            .args(["build", "-q", "-t", name, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.env("DOCKER_CONFIG", self.lab.value("CONFIG"));
        let mut child = command.spawn().expect("docker");
        child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("a Dockerfile");
        assert!(child.wait().expect("docker").success(), "{name} is built");
    }

    /// Takes away what is new, makes again what is gone or otherwise, and looks at what is there then.
    pub(super) fn restore(&mut self, now: &Things) {
        let socket = self.lab.value("SOCKET");
        let same = |key: &(Kind, String)| match (self.before.get(key), now.get(key)) {
            (Some(before), Some(now)) => before.like == now.like && before.names == now.names,
            _ => false,
        };
        for kind in [Kind::Container, Kind::Network, Kind::Volume, Kind::Image] {
            for (key, thing) in now.iter().filter(|((of, _), _)| *of == kind).filter(|(key, _)| !same(key)) {
                let known = self.before.contains_key(key);
                let _ = match kind {
                    Kind::Container => http(socket, "DELETE", &format!("/containers/{}?force=1&v=1", key.1)),
                    Kind::Network => http(socket, "DELETE", &format!("/networks/{}", key.1)),
                    Kind::Volume if !known => http(socket, "DELETE", &format!("/volumes/{}", key.1)),
                    Kind::Image if !known && thing.names.is_empty() => {
                        http(socket, "DELETE", &format!("/images/{}", key.1))
                    }
                    Kind::Image => {
                        let own = |name: &&String| !self.before.get(key).is_some_and(|old| old.names.contains(name));
                        for name in thing.names.iter().filter(own) {
                            let _ = http(socket, "DELETE", &format!("/images/{name}?force=1"));
                        }
                        (0, Value::Null)
                    }
                    Kind::Volume => (0, Value::Null),
                };
            }
        }
        self.make(now);
        self.before = self.look();
        self.check();
    }

    /// Makes what is missing.
    fn make(&self, now: &Things) {
        let there = self.look();
        let has = |kind: Kind, name: &str| {
            there.values().any(|thing| thing.kind == kind && thing.names.iter().any(|own| own == name))
        };
        let held = |name: &str| {
            let id = |things: &Things| {
                things.values().find(|thing| thing.names.iter().any(|own| own == name)).map(|thing| thing.id.clone())
            };
            self.before.is_empty() || id(&self.before) == id(&there)
        };
        let (account, key) = (format!("dockgate.account={}", self.lab.value("ACCOUNT")), format!("dockgate.key={KEY}"));
        if !has(Kind::Image, "busybox:latest") || !held("busybox:latest") {
            assert!(self.docker(&["load", "-i", &self.archive()]), "busybox is there again");
        }
        if !has(Kind::Image, "shop/app:1") || !held("shop/app:1") {
            self.build_image("shop/app:1", "FROM busybox\nLABEL team=shop\n");
        }
        if !has(Kind::Image, "mine/alias:1") || !held("mine/alias:1") {
            assert!(self.docker(&["tag", "shop/app:1", "mine/alias:1"]));
        }
        if !has(Kind::Image, "mine/app:1") || !held("mine/app:1") {
            self.build_image("mine/app:1", &format!("FROM busybox\nLABEL {account}\nLABEL {key}\n"));
        }
        for (name, own) in VOLUMES.iter().filter(|(name, _)| !has(Kind::Volume, name)) {
            let labels: &[&str] = if *own { &["--label", &account, "--label", &key] } else { &[] };
            assert!(self.docker(&[&["volume", "create"], labels, &[*name]].concat()), "{name} is made");
        }
        for (name, own) in NETWORKS.iter().filter(|(name, _)| !has(Kind::Network, name)) {
            let labels: &[&str] = if *own { &["--label", &account, "--label", &key] } else { &[] };
            assert!(self.docker(&[&["network", "create"], labels, &[*name]].concat()), "{name} is made");
        }
        for (name, options) in CONTAINERS.iter().filter(|(name, _)| !has(Kind::Container, name)) {
            self.make_container(name, options, &account, &key);
        }
        if !there.values().any(|thing| thing.kind == Kind::Image && thing.names.is_empty()) || now.is_empty() {
            assert!(self.docker(&["commit", "vault-1"]), "an image without a name");
        }
    }

    fn make_container(&self, name: &str, options: &[&str], account: &str, key: &str) {
        let link = self.grounds.join("up/link");
        // What a container mounts is a directory when it is made, and a link to another afterwards.
        let _ = std::fs::remove_file(&link);
        let _ = std::fs::create_dir(&link);
        let mount = format!("{}:/link", link.display());
        let id = format!("dockgate.id=of-{name}");
        let mut words = vec![if options[0] == "-d" { "run" } else { "create" }, "--name", name];
        for option in options {
            match *option {
                "@own" => words.extend(["--label", account, "--label", key, "--label", &id]),
                "@kin" => words.extend(["--label", account, "--label", "dockgate.key=kin", "--label", &id]),
                "@small" => words.extend(["--memory", "32m", "--cpus", "0.2", "--pids-limit", "32"]),
                "@link" => words.push(&mount),
                other => words.push(other),
            }
        }
        let made = self.lab.docker(&words);
        assert_eq!(made.code, 0, "{name}: {}", made.err());
        std::fs::remove_dir(&link).expect("a directory");
        symlink("/etc", &link).expect("a link");
    }

    /// That everything is there that is to be.
    fn check(&self) {
        let has = |kind: Kind, name: &str| {
            self.before.values().any(|thing| thing.kind == kind && thing.names.iter().any(|own| own == name))
        };
        for (name, _) in CONTAINERS {
            assert!(has(Kind::Container, name), "{name}: {:#?}", self.before.keys());
        }
        for (name, _) in VOLUMES {
            assert!(has(Kind::Volume, name), "{name}");
        }
        for (name, _) in NETWORKS {
            assert!(has(Kind::Network, name), "{name}");
        }
        for name in ["busybox:latest", "shop/app:1", "mine/app:1", "mine/alias:1"] {
            assert!(has(Kind::Image, name), "{name}");
        }
    }

    /// All that is there now.
    pub(super) fn look(&self) -> Things {
        let socket = self.lab.value("SOCKET");
        let get = |path: &str| http(socket, "GET", path).1;
        let list = |value: Value| value.as_array().cloned().unwrap_or_default();
        let account = self.lab.value("ACCOUNT");
        let marked = |labels: Option<&Value>, id: bool| {
            let label = |name: &str| labels?.get(name)?.as_str();
            label("dockgate.account") == Some(account)
                && label("dockgate.key") == Some(KEY)
                && (!id || label("dockgate.id").is_some_and(|id| !id.is_empty()))
        };
        let mut things = Things::new();
        let mut put = |thing: Thing| drop(things.insert((thing.kind, thing.id.clone()), thing));
        for entry in list(get("/containers/json?all=1")) {
            let id = text(&entry, "/Id");
            let whole = get(&format!("/containers/{id}/json"));
            // One that was being removed.
            if whole.pointer("/Id").is_none() {
                continue;
            }
            let mut networks: Vec<String> = whole
                .pointer("/NetworkSettings/Networks")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect();
            networks.sort();
            let like = serde_json::json!([
                whole["State"]["Status"],
                whole["State"]["StartedAt"],
                whole["RestartCount"],
                whole["HostConfig"],
                whole["Image"],
                networks
            ]);
            let own = marked(whole.pointer("/Config/Labels"), true);
            let name = text(&whole, "/Name").trim_start_matches('/').to_owned();
            put(Thing { kind: Kind::Container, id, names: vec![name], own, like, whole });
        }
        for whole in list(get("/volumes").pointer("/Volumes").cloned().unwrap_or_default()) {
            let name = text(&whole, "/Name");
            let own = marked(whole.get("Labels"), false);
            // What docker has named is told by whose container has it.
            let names = if name.len() == 64 { Vec::new() } else { vec![name.clone()] };
            put(Thing { kind: Kind::Volume, id: name, names, own, like: whole["CreatedAt"].clone(), whole });
        }
        for whole in list(get("/networks")) {
            let (id, name) = (text(&whole, "/Id"), text(&whole, "/Name"));
            if ["bridge", "host", "none"].contains(&name.as_str()) {
                continue;
            }
            let own = marked(whole.get("Labels"), false);
            put(Thing { kind: Kind::Network, id, names: vec![name], own, like: whole["Created"].clone(), whole });
        }
        for whole in list(get("/images/json")) {
            let tags = list(whole["RepoTags"].clone());
            let mut names: Vec<String> =
                tags.iter().filter_map(Value::as_str).filter(|tag| !tag.starts_with('<')).map(str::to_owned).collect();
            names.sort();
            let own = marked(whole.get("Labels"), false);
            put(Thing { kind: Kind::Image, id: text(&whole, "/Id"), names, own, like: Value::Null, whole });
        }
        of_their_containers(&mut things);
        things
    }

    /// The id of something by its name.
    pub(super) fn id(&self, kind: Kind, name: &str) -> String {
        let found = self.before.values().find(|thing| thing.kind == kind && thing.names.iter().any(|own| own == name));
        found.map_or_else(|| name.to_owned(), |thing| thing.id.trim_start_matches("sha256:").to_owned())
    }

    /// The volume that docker has named for a container.
    pub(super) fn anonymous(&self, container: &str) -> String {
        let found = self.before.values().find(|thing| thing.kind == Kind::Container && thing.names[0] == container);
        found.map_or_else(String::new, |thing| text(&thing.whole, "/Mounts/0/Name"))
    }

    /// A running container's group in a hierarchy of the kernel's.
    pub(super) fn group(&self, controller: &str, id: &str) -> Option<PathBuf> {
        let root = Path::new("/sys/fs/cgroup");
        let below = if root.join(controller).is_dir() { root.join(controller) } else { root.to_owned() };
        let group = below.join(format!("dockgate-{}", self.lab.value("ACCOUNT"))).join(id);
        group.is_dir().then_some(group)
    }
}

/// A volume that docker has named is the key's where all containers are that have it.
fn of_their_containers(things: &mut Things) {
    let containers: Vec<Thing> = things.values().filter(|thing| thing.kind == Kind::Container).cloned().collect();
    for volume in things.values_mut().filter(|thing| thing.kind == Kind::Volume && thing.names.is_empty()) {
        let mut having = containers
            .iter()
            .filter(|container| mounts(container).any(|mount| text(mount, "/Name") == volume.id))
            .peekable();
        volume.own |= having.peek().is_some() && having.all(|container| container.own);
    }
}

pub(super) fn mounts(container: &Thing) -> impl Iterator<Item = &Value> {
    container.whole.pointer("/Mounts").and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One call to the daemon: its status and its answer.
fn http(socket: &str, method: &str, path: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).expect("the daemon");
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: docker\r\n\r\n").expect("a call");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}
