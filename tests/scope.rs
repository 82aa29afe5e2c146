//! The corner of a key: of what it has not made, or not by such a name, nothing is there for it; neither by words nor over
//! the API, on a real dockerd.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
mod support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use support::{Lab, Outcome, new_key, spawn, ssh_as};

/// A key whose policy has more in it than the lab's.
struct Key {
    name: String,
    path: String,
}

impl Key {
    fn new(name: &str, policy: &str) -> Self {
        let lab = Lab::shared();
        let file = lab.directory.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(lab.value("POLICY")).unwrap();
        std::fs::write(&file, format!("{text}\n{policy}\n")).unwrap();
        let options = format!(r#"command="{} --config {} --key {name}",restrict"#, lab.value("GATE"), file.display());
        let path = new_key(lab, name, &lab.directory.join("keys").join(lab.value("ACCOUNT")), &options);
        Self { name: name.to_owned(), path }
    }

    /// Only what the key has made is there for it.
    fn of_own(name: &str) -> Self {
        let kinds = ["containers", "volumes", "networks", "images"];
        Self::new(name, &kinds.map(|kind| format!("[{kind}]\nonly = 'own'\n")).concat())
    }

    /// A command by its words.
    fn say(&self, request: &str) -> Outcome {
        ssh_as(Lab::shared(), &self.path, request)
    }

    /// docker on the far side, by this key.
    fn far(&self, words: &str, input: &[u8]) -> Outcome {
        let lab = Lab::shared();
        let home = lab.directory.join(format!("far-{}", self.name));
        let bin = home.join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let ssh = bin.join("ssh");
        if !ssh.exists() {
            let config = lab.directory.join("ssh_config");
            let text = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} -i {} \"$@\"\n", config.display(), self.path);
            std::fs::write(&ssh, text).unwrap();
            std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut command = Command::new(lab.value("DOCKER"));
        command.env_clear().env("HOME", &home).current_dir(&home);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        command.env("DOCKER_HOST", "ssh://lazyworkhorse").env("DOCKER_CONFIG", lab.value("CONFIG"));
        let mut child = spawn(command.args(words.split(' ')).stdin(Stdio::piped()));
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let outcome = child.wait_with_output().unwrap().into();
        writer.join().unwrap();
        outcome
    }

    /// What one call is answered.
    fn call(&self, request: &str) -> String {
        let lab = Lab::shared();
        let mut command = lab.client(&[], &["docker system dial-stdio"]);
        let mut child = spawn(command.env("LAB_KEY", &self.path).stdin(Stdio::piped()));
        let text = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Outcome::from(child.wait_with_output().unwrap()).out()
    }
}

/// docker as root, past the gate; what it printed.
#[track_caller]
fn root(words: &str) -> String {
    Lab::shared().docker(&words.split(' ').collect::<Vec<_>>()).succeeded().out()
}

/// The name of the volume that a container has.
fn mounted(container: &str) -> String {
    let words = ["inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", container];
    Lab::shared().docker(&words).succeeded().out()
}

/// An image of root's own, made without the network.
fn image(name: &str, from: &str) {
    let made = root(&format!("create {from} true"));
    root(&format!("commit {} {name}", made.trim()));
    root(&format!("rm {}", made.trim()));
}

#[test]
fn what_others_have_is_not_there_for_a_key_of_its_own() {
    let key = Key::of_own("corner-own");
    image("scope-other:1", "busybox");
    root("create --name scope-other -v scope-data:/data busybox true");
    root("network create scope-net");
    let network = root("network inspect -f {{.Id}} scope-net");
    root("volume create scope-idle");
    let nameless = root("commit scope-other");
    let before = root("image inspect -f {{.Id}} scope-other:1");
    let container = root("inspect -f {{.Id}} scope-other");
    let (network, container) = (&network[..12], &container[..12]);
    for request in [
        "rm -f scope-other",
        &format!("rm -f {container}"),
        "logs scope-other",
        "inspect scope-other",
        "rename scope-other scope-taken",
        "volume rm scope-data",
        "volume inspect scope-data",
        "volume create scope-data",
        "run -v scope-data:/d scope-other:1 true",
        "network rm scope-net",
        &format!("network rm {network}"),
        "network inspect scope-net",
        "network create scope-net",
        "network connect scope-net scope-other",
        "run --network scope-net scope-other:1 true",
        "rmi scope-other:1",
        "run scope-other:1 true",
        "history scope-other:1",
        "build -t scope-other:1 -",
        "pull scope-other:1",
        "volume prune -af",
        "network prune -f",
        "container prune -f",
        "image prune -f",
        "system prune -af --volumes",
    ] {
        key.say(&format!("docker {request}")).denied("out-of-scope");
        let far = key.far(request, b"FROM scratch\nLABEL x=y\n");
        // `rm -f` minds nothing that is not there.
        assert!(far.code != 0 || far.err().contains("No such container: "), "{request}: {}{}", far.out(), far.err());
    }
    // As if it were not there, where a call names it.
    for (path, says) in [
        ("GET /v1.51/containers/scope-other/json", "No such container: scope-other"),
        ("POST /v1.51/containers/scope-other/stop", "No such container: scope-other"),
        ("DELETE /v1.51/images/scope-other:1", "No such image: scope-other:1"),
        ("GET /v1.51/networks/scope-net", "network scope-net not found"),
        ("DELETE /v1.51/volumes/scope-data", "get scope-data: no such volume"),
        (
            r#"GET /v1.51/containers/json?filters={%22since%22:{%22scope-other%22:true}}"#,
            "No such container: scope-other",
        ),
        (r#"GET /v1.51/images/json?filters={%22before%22:[%22scope-other:1%22]}"#, "No such image: scope-other:1"),
    ] {
        let answer = key.call(path);
        assert!(
            answer.starts_with("HTTP/1.1 404 ") && answer.contains(&format!("{{\"message\":\"{says}\"}}")),
            "{answer}"
        );
        let absent = key.call(&path.replace("scope-", "nosuch-"));
        let message =
            |answer: &str| answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim().replace("nosuch-", "scope-");
        assert_eq!(message(&answer), message(&absent), "{path}");
    }
    for (path, names) in [
        ("/containers/json?all=1", "scope-other"),
        ("/images/json", "scope-other"),
        ("/networks", "scope-net"),
        ("/volumes", "scope-data"),
        ("/system/df", "scope-"),
    ] {
        let answer = key.call(&format!("GET /v1.51{path}"));
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains(names), "{path}: {answer}");
    }
    // All of it is as it was.
    assert_eq!(root("image inspect -f {{.Id}} scope-other:1"), before);
    assert_eq!(root("inspect -f {{.State.Status}} scope-other"), "created\n");
    root("volume inspect scope-data");
    root("network inspect scope-net");
    root("volume inspect scope-idle");
    root(&format!("image inspect {}", nameless.trim()));
    assert_eq!(root("ps -aq --filter ancestor=scope-other:1"), "", "nothing was made of it");
}

#[test]
fn what_a_key_has_made_is_there_for_it_and_for_no_other() {
    let (key, kin) = (Key::of_own("corner-maker"), Key::of_own("corner-kin"));
    let begun = Lab::shared().docker(&["info", "-f", "{{.SystemTime}}"]).succeeded().out();
    root("run -d --name scope-root -v /anonymous busybox sleep 100000");
    let anonymous = mounted("scope-root");
    for request in ["volume create own-vol", "network create own-net", "volume create", "network create e"] {
        key.say(&format!("docker {request}")).succeeded();
    }
    let project =
        b"services:\n  a:\n    build: {context: ., dockerfile_inline: \"FROM busybox\\nRUN echo x >/x\\n\"}\n    \
        command: sleep 100000\n    init: true\n    volumes: ['data:/data', '/more']\nvolumes: {data: }\n";
    let dockerfile = b"FROM busybox\nRUN echo built >/built\n";
    key.far("build -t own/far:1 -", dockerfile).succeeded();
    let said = Lab::shared()
        .client(&[], &["docker build -t own/said:1 -"])
        .env("LAB_KEY", &key.path)
        .stdin(Stdio::piped())
        .spawn();
    let mut said = said.unwrap();
    said.stdin.take().unwrap().write_all(dockerfile).unwrap();
    assert!(said.wait().unwrap().success());
    key.say("docker run -d --init --name own-web -v own-vol:/d -v /a --network own-net own/said:1 sleep 100000")
        .succeeded();
    key.far("run -d --init --name own-far -v own-vol:/d --network own-net own/far:1 sleep 100000", b"").succeeded();
    assert_eq!(key.far("run --rm own/far:1 cat /built", b"").succeeded().out(), "built\n");
    key.far("compose -p own-project -f - up -d --build", project).succeeded();
    key.far("compose -p own-project -f - up -d --build", project).succeeded();
    for (request, shows) in [
        ("ps", "own-web"),
        ("ps", "own-project-a-1"),
        ("images", "own/said"),
        ("images", "own-project-a"),
        ("volume ls", "own-vol"),
        ("volume ls", "own-project_data"),
        ("network ls", "own-net"),
        ("network ls", "bridge"),
        ("network inspect own-net", "own-far"),
        ("network inspect bridge", "bridge"),
        ("stats --no-stream", "own-web"),
        ("system df -v", "own-vol"),
    ] {
        for (way, outcome) in [("words", key.say(&format!("docker {request}"))), ("far", key.far(request, b""))] {
            let out = outcome.succeeded().out();
            assert!(out.contains(shows), "{way}: {request}: {out}");
            assert!(!out.contains("scope-") && !out.contains(anonymous.trim()), "{way}: {request}: {out}");
        }
        let others = kin.say(&format!("docker {request}")).out() + &kin.far(request, b"").out();
        assert!(shows == "bridge" || !others.contains(shows), "{request}: {others}");
    }
    // What the daemon made for containers of others, and what the key's image hands on.
    key.say(&format!("docker run -v {}:/x own/said:1 true", anonymous.trim())).denied("out-of-scope");
    root("run -d --init --name scope-inherits own/said:1 sleep 100000");
    key.say("docker rm -f scope-inherits").denied("out-of-scope");
    assert!(!key.say("docker ps -a").succeeded().out().contains("scope-inherits"));
    // The daemon would make it without a mark.
    key.say("docker run --name own-new -v own-new:/x own/said:1 true").denied("out-of-scope");
    assert_ne!(key.far("run --name own-new -v own-new:/x own/said:1 true", b"").code, 0);
    assert_ne!(Lab::shared().docker(&["volume", "inspect", "own-new"]).code, 0);
    for request in
        ["rm -f own-web", "volume rm own-vol", "network rm own-net", "rmi own/said:1", "compose -p own-project down -v"]
    {
        kin.say(&format!("docker {request}")).denied("out-of-scope");
    }
    let inherits = root("inspect -f {{.Id}} scope-inherits");
    let until = Lab::shared().docker(&["info", "-f", "{{.SystemTime}}"]).succeeded().out();
    let events = format!("events --since {} --until {}", begun.trim(), until.trim());
    let seen = key.say(&format!("docker {events}")).succeeded().out();
    for what in ["name=own-web", "name=own-far", "name=own-project-a-1"] {
        assert!(seen.contains(what), "{what}: {seen}");
    }
    assert_eq!(seen, key.far(&events, b"").succeeded().out(), "words and calls see the same");
    for what in ["scope-", inherits.trim(), anonymous.trim()] {
        assert!(!seen.contains(what), "{what}: {seen}");
    }
    assert_eq!(kin.say(&format!("docker {events}")).succeeded().out().matches("own-").count(), 0);
    root("inspect scope-root");
    root("rm -f scope-root scope-inherits");
    for request in [
        "compose -p own-project down -v -t 0",
        "rm -f -v own-web own-far",
        "volume rm own-vol",
        "network rm own-net e",
        "rmi own/said:1 own/far:1",
    ] {
        key.say(&format!("docker {request}")).succeeded();
    }
}

#[test]
fn a_corner_of_names_holds_for_all_kinds() {
    let policy = ["containers", "volumes", "networks"].map(|kind| format!("[{kind}]\nonly = ['named-*', 'named_*']\n"));
    let key = Key::new(
        "corner-named",
        &format!("{}[images]\nonly = ['named/*', 'busybox']\nprotected = ['busybox']\n", policy.concat()),
    );
    image("scope-names:1", "busybox");
    // The same image by two names.
    root("tag scope-names:1 named/twin:1");
    root("volume create scope-names");
    key.say("docker run -d --init --name named-web -v named-data:/d busybox sleep 100000").succeeded();
    let project = b"services:\n  a:\n    image: busybox\n    command: sleep 100000\n    init: true\n    volumes: ['data:/d']\nvolumes: {data: }\n";
    key.far("compose -p named-x -f - up -d", project).succeeded();
    assert_ne!(key.far("compose -p other-x -f - up -d", project).code, 0);
    for request in [
        "run -d --name x busybox true",
        "volume create x",
        "network create x",
        "build -t x -",
        "run --name named-2 -v elsewhere:/d busybox true",
    ] {
        key.say(&format!("docker {request}")).denied("out-of-scope");
        let far = key.far(request, b"FROM scratch\nLABEL a=b\n");
        assert_ne!(far.code, 0, "{request}: {}{}", far.out(), far.err());
    }
    key.say("docker build -t busybox -").denied("protected");
    let far = key.far("build -t busybox -", b"FROM scratch\nLABEL a=b\n");
    assert_ne!(far.code, 0, "{}{}", far.out(), far.err());
    let images = key.say("docker images").succeeded().out();
    assert!(images.contains("named/twin") && images.contains("busybox") && !images.contains("scope-names"), "{images}");
    let inspected = key.far("image inspect named/twin:1", b"").succeeded().out();
    assert!(inspected.contains("named/twin:1") && !inspected.contains("scope-names"), "{inspected}");
    let id = root("image inspect -f {{.Id}} named/twin:1");
    key.say(&format!("docker rmi -f {}", id.trim())).denied("out-of-scope");
    let answer = key.call(&format!("DELETE /v1.51/images/{}?force=1", id.trim()));
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    key.say("docker rmi named/twin:1").succeeded();
    root("image inspect scope-names:1");
    let volumes = key.say("docker volume ls").succeeded().out();
    assert!(volumes.contains("named-data") && volumes.contains("named-x_data") && !volumes.contains("scope-names"));
    key.far("compose -p named-x -f - down -v -t 0", project).succeeded();
    key.say("docker rm -f named-web").succeeded();
    key.say("docker volume rm named-data").succeeded();
    for kind in ["volume", "network"] {
        assert_ne!(Lab::shared().docker(&[kind, "inspect", "x"]).code, 0, "no {kind} was made");
    }
    let busybox = root("image inspect -f {{.Config.Labels}} busybox");
    assert!(!busybox.contains("dockgate"), "{busybox}");
}

#[test]
fn a_refusal_names_nobody_elses() {
    let key = Key::of_own("corner-names");
    root("create --name scope-hidden busybox true");
    root("network create scope-hidden-net");
    let container = root("inspect -f {{.Id}} scope-hidden");
    let network = root("network inspect -f {{.Id}} scope-hidden-net");
    for request in [
        format!("docker logs {}", &container[..12]),
        format!("docker rm -f {}", &container[..4]),
        format!("docker network rm {}", &network[..12]),
        "docker container prune -f".to_owned(),
    ] {
        let said = key.say(&request).denied("out-of-scope").err();
        assert!(!said.contains("scope-"), "{request}: {said}");
    }
    // What it named itself it is told of by that name.
    let said = key.say("docker logs scope-hidden").denied("out-of-scope").err();
    assert!(said.contains("the container scope-hidden is not one of this key's"), "{said}");
    root("rm scope-hidden");
    root("network rm scope-hidden-net");
}
