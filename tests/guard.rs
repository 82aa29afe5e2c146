//! The API guard: real clients over a real ssh, and raw bytes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
mod support;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use support::{Lab, Outcome, new_key, spawn};

/// docker on the far side: its host is the lab's, by ssh.
fn far_docker(lab: &Lab, words: &[&str]) -> Command {
    let mut command = Command::new(lab.value("DOCKER"));
    // Ended with the lab.
    let home = lab.directory.join("far");
    std::fs::create_dir_all(&home).unwrap();
    command.env_clear().env("HOME", &home).current_dir(&home);
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", lab.directory.display()));
    command.env("DOCKER_HOST", "ssh://lazyworkhorse").env("DOCKER_CONFIG", lab.value("CONFIG"));
    command.args(words).stdin(Stdio::null());
    command
}

fn far(lab: &Lab, words: &[&str]) -> Outcome {
    far_docker(lab, words).output().unwrap().into()
}

fn far_with(lab: &Lab, words: &[&str], input: &[u8]) -> Outcome {
    let mut child = spawn(far_docker(lab, words).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let outcome = child.wait_with_output().unwrap().into();
    writer.join().unwrap();
    outcome
}

/// What raw bytes on the API's connection are answered, until it ends.
fn raw(lab: &Lab, bytes: &[u8]) -> String {
    let mut child = spawn(lab.client(&[], &["docker system dial-stdio"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(bytes).unwrap();
    drop(stdin);
    let mut answer = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut answer).unwrap();
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&answer).into_owned()
}

/// Records of calls and of what they belong to, once there are `count`.
#[track_caller]
fn all_records(lab: &Lab, mark: &str, count: usize) -> Vec<String> {
    let found = || {
        let log = std::fs::read_to_string(lab.value("LOG")).unwrap_or_default();
        let meant = log.lines().filter(|line| line.contains(mark) && !line.contains(": verdict=end "));
        meant.map(str::to_owned).collect::<Vec<_>>()
    };
    support::until(mark, || found().len() >= count);
    let found = found();
    assert_eq!(found.len(), count, "records with {mark}: {found:#?}");
    found
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn record_id(text: &str) -> String {
    let line = text.split("record: ").nth(1).unwrap_or_else(|| panic!("a record in {text}"));
    line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

#[test]
fn docker_on_the_far_side_works() {
    let lab = Lab::shared();
    for (words, says) in [
        (&["ps"][..], "web"),
        (&["version", "--format", "{{.Server.Version}}"], "28."),
        (&["info", "--format", "{{.OSType}}"], "linux"),
        (&["images"], "busybox"),
        (&["inspect", "-f", "{{.State.Status}}", "web"], "running"),
        (&["logs", "--tail", "1", "web"], ""),
        (&["top", "web"], "httpd"),
        (&["stats", "--no-stream", "web"], "web"),
        (&["system", "df"], "Images"),
        (&["network", "ls"], "bridge"),
        (&["volume", "create", "guard-volume"], "guard-volume"),
        (&["volume", "rm", "guard-volume"], "guard-volume"),
        (&["network", "create", "guard-net"], ""),
        (&["network", "rm", "guard-net"], "guard-net"),
        (&["run", "--rm", "busybox", "echo", "hello"], "hello"),
        (&["run", "-d", "--init", "--name", "guard-life", "busybox", "sleep", "1000"], ""),
        (&["pause", "guard-life"], ""),
        (&["unpause", "guard-life"], ""),
        (&["update", "--memory", "64m", "--memory-swap", "64m", "guard-life"], ""),
        (&["restart", "-t", "0", "guard-life"], ""),
        (&["rename", "guard-life", "guard-life-2"], ""),
        (&["stop", "-t", "0", "guard-life-2"], ""),
        (&["start", "guard-life-2"], ""),
        (&["kill", "guard-life-2"], ""),
        (&["wait", "guard-life-2"], "137"),
        (&["rm", "-f", "guard-life-2"], ""),
    ] {
        let outcome = far(lab, words).succeeded();
        assert!(outcome.out().contains(says), "{words:?}: {}", outcome.out());
    }
    assert_eq!(far(lab, &["run", "--rm", "busybox", "sh", "-c", "exit 37"]).code, 37);
    let bytes: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let echoed = far_with(lab, &["run", "--rm", "-i", "busybox", "cat"], &bytes).succeeded();
    assert!(echoed.stdout == bytes, "{} bytes came back", echoed.stdout.len());
    // Standard input that stays open, as a terminal's does.
    let mut held = spawn(far_docker(lab, &["run", "--rm", "-i", "busybox", "echo", "ok"]).stdin(Stdio::piped()));
    let open = held.stdin.take();
    support::until("it ends with its container", || matches!(held.try_wait(), Ok(Some(status)) if status.success()));
    drop(open);
}

#[test]
fn what_is_made_over_the_api_is_marked_and_recorded() {
    let lab = Lab::shared();
    far(lab, &["create", "--name", "guard-marked", "busybox"]).succeeded();
    let labels = lab.docker(&["inspect", "-f", "{{json .Config.Labels}}", "guard-marked"]).out();
    assert!(labels.contains(r#""dockgate.key":"hermes""#), "{labels}");
    let record = all_records(lab, "request=\"POST /containers/create?name=guard-marked ", 1).remove(0);
    assert!(record.contains(" verdict=allow reason=permitted command=create "), "{record}");
    assert!(record.contains(" via=dial-stdio "), "{record}");
    let id = record.split(" id=").nth(1).unwrap().split(' ').next().unwrap();
    assert!(labels.contains(&format!(r#""dockgate.id":"{id}""#)), "{labels} {record}");
    let container = lab.docker(&["inspect", "-f", "{{.Id}}", "guard-marked"]).out();
    let made = all_records(lab, &format!(" made=container name=guard-marked object={}", container.trim()), 1).remove(0);
    assert!(made.contains(&format!(" key=hermes id={id} via=dial-stdio made=")), "{made}");
    // The connection's own record is under the same id.
    let both = all_records(lab, &format!(" id={id} "), 3);
    assert!(both.iter().any(|record| record.ends_with("request=\"docker system dial-stdio\"")), "{both:?}");
    far(lab, &["rm", "guard-marked"]).succeeded();
    let forged = post("/v1.51/containers/create", r#"{"Image": "busybox", "Labels": {"dockgate.key": "other"}}"#);
    assert!(raw(lab, forged.as_bytes()).contains("reserved-label"));
}

#[test]
fn who_made_something_is_found_in_the_log_alone() {
    let lab = Lab::shared();
    let audit = |words: &[&str]| -> Outcome {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dockgate"));
        command.arg("audit").args(words).arg(lab.value("LOG")).output().unwrap().into()
    };
    // Nobody gives these a name.
    let id = lab.ssh("docker create busybox true").succeeded().out();
    let volume = lab.ssh("docker volume create").succeeded().out();
    let network = far(lab, &["network", "create", "guard-whose"]).succeeded().out();
    let name = lab.docker(&["inspect", "-f", "{{slice .Name 1}}", id.trim()]).out();
    lab.ssh(&format!("docker rm {}", id.trim())).succeeded();
    lab.ssh(&format!("docker volume rm {}", volume.trim())).succeeded();
    far(lab, &["network", "rm", "guard-whose"]).succeeded();
    for (whose, made) in [
        (id.trim(), "made=container"),
        (&id[..12], "made=container"),
        (name.trim(), "made=container"),
        (volume.trim(), "made=volume"),
        (network.trim(), "made=network"),
        ("guard-whose", "made=network"),
    ] {
        support::until(whose, || audit(&["who", whose]).code == 0);
        let found = audit(&["who", whose]).out();
        assert!(found.lines().any(|line| line.contains(made) && line.contains("key=hermes")), "{whose}: {found}");
    }
    // The call is about what its body says.
    let listed = audit(&["list", "--via", "argv", "--image", "busybox", "--container", "guard-argv-image"]);
    assert_eq!((listed.code, listed.out()), (1, String::new()));
    far(lab, &["create", "--name", "guard-argv-image", "busybox"]).succeeded();
    far(lab, &["rm", "guard-argv-image"]).succeeded();
    let list =
        || audit(&["list", "--via", "dial-stdio", "--image", "busybox", "--container", "guard-argv-image"]).out();
    support::until("the call is listed", || !list().is_empty());
    assert_eq!(list().lines().count(), 1, "{}", list());
    // What it looked at is in the end.
    let suggested = audit(&["suggest", "--text", "guard-argv-image"]).succeeded().out();
    for words in ["\"create\"", "\"rm\"", "images = [\"busybox\"]"] {
        assert!(suggested.contains(words), "{words}: {suggested}");
    }
}

#[test]
fn what_is_blocked_by_name_is_blocked_by_call() {
    let lab = Lab::shared();
    lab.docker(&["run", "-d", "--name", "guard-blocked", "busybox", "sleep", "100000"]).succeeded();
    for (words, operation) in [
        (&["exec", "guard-blocked", "touch", "/planted"][..], "exec"),
        (&["cp", "guard-blocked:/etc/passwd", "-"], "cp"),
        (&["commit", "guard-blocked", "guard-stolen"], "commit"),
        (&["diff", "guard-blocked"], "diff"),
        (&["export", "guard-blocked"], "export"),
        (&["import", "-", "guard-planted"], "import"),
        (&["save", "busybox"], "save"),
        (&["push", "busybox"], "push"),
        (&["tag", "busybox", "guard-planted"], "tag"),
    ] {
        let outcome = far_docker(lab, words).stdout(Stdio::piped()).output().unwrap();
        let outcome = Outcome::from(outcome);
        assert_ne!(outcome.code, 0, "{words:?}");
        let says = format!("docker '{operation}' is blocked by security policy");
        assert!(outcome.err().contains(&says), "{words:?}: {}", outcome.err());
        assert!(outcome.err().contains("reason: blocked-command: ") && outcome.err().contains("hint: "));
        let id = record_id(&outcome.err());
        let records = all_records(lab, &format!(" id={id} "), 2);
        let denied = format!(" verdict=deny reason=blocked-command command={operation} ");
        assert!(records.iter().any(|record| record.contains(&denied)), "{records:?}");
    }
    assert_ne!(far(lab, &["attach", "guard-blocked"]).code, 0);
    assert!(lab.docker(&["diff", "guard-blocked"]).out().is_empty(), "nothing was written in the container");
    let images = lab.docker(&["images"]).out();
    assert!(!images.contains("guard-planted") && !images.contains("guard-stolen"), "{images}");
}

#[test]
fn nothing_of_the_host_is_given_over_the_api() {
    let lab = Lab::shared();
    for (options, reason) in [
        (&["-v", "/:/h"][..], "bind-mount"),
        (&["--mount", "type=bind,src=/etc,dst=/h"], "bind-mount"),
        (&["--privileged"], "privileged"),
        (&["--cap-add", "SYS_ADMIN"], "capability"),
        (&["--device", "/dev/null"], "device"),
        (&["--pid", "host"], "namespace"),
        (&["--net", "host"], "namespace"),
        (&["--pid", "container:web"], "namespace"),
        (&["--volumes-from", "web"], "volumes-from"),
        (&["--security-opt", "seccomp=unconfined"], "security-opt"),
        (&["--cgroup-parent", "/x"], "cgroup-parent"),
        (&["--log-driver", "syslog"], "log-driver"),
    ] {
        let words = [&["run", "--rm", "--label", "guard-given"], options, &["busybox", "true"]].concat();
        let outcome = far(lab, &words);
        assert_eq!(outcome.code, 125, "{options:?}: {}", outcome.err());
        assert!(outcome.err().contains(&format!("reason: {reason}: ")), "{options:?}: {}", outcome.err());
    }
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "label=guard-given"]).out(), "", "no container was made");
}

#[test]
fn bytes_that_could_be_read_in_two_ways_go_no_further() {
    let lab = Lab::shared();
    lab.docker(&["run", "-d", "--name", "guard-wire", "busybox", "sleep", "100000"]).succeeded();
    let create = r#"{"Image": "busybox", "Labels": {"guard-wire": ""}, "#;
    let exec = r#"{"Cmd": ["touch", "/planted"]}"#;
    let rows: &[(&str, String)] = &[
        ("an encoded slash", post("/v1.51/containers/guard-wire%2fexec", exec)),
        ("an encoded letter", post("/v1.51/containers/guard-wire/%65xec", exec)),
        ("a doubled slash", post("//v1.51/containers/guard-wire/exec", exec)),
        ("a dotted path", post("/v1.51/containers/x/../guard-wire/exec", exec)),
        ("encoded dots", post("/v1.51/containers/x/%2e%2e/guard-wire/exec", exec)),
        ("a greedy name", post("/v1.51/containers/create/exec", exec)),
        ("an odd version", post("/v1.51.0/containers/guard-wire/exec", exec)),
        ("an absolute target", post("http://x/containers/guard-wire/exec", exec)),
        ("a method in lower case", "post /containers/guard-wire/exec HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        ("a key twice", post("/containers/create", &format!(r#"{create}"HostConfig": {{}}, "HostConfig": {{"Privileged": true}}}}"#))),
        ("a folded key", post("/containers/create", &format!(r#"{create}"hostconfig": {{"Privileged": true}}}}"#))),
        ("a key with a long s", post("/containers/create", &format!(r#"{create}"HoſtConfig": {{"Privileged": true}}}}"#))),
        ("trailing JSON", post("/containers/create", &format!(r#"{create}"HostConfig": {{}}}}{{"x": 1}}"#))),
        ("an unknown field", post("/containers/create", &format!(r#"{create}"Sidecar": 1}}"#))),
        (
            "a length and chunks",
            format!("POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}", post("/containers/guard-wire/exec", exec)),
        ),
        (
            "an obscure coding",
            "POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "a chunk's extension",
            format!("POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x};a=b\r\n{create}\"HostConfig\": {{}}}}\r\n0\r\n\r\n", create.len() + 16),
        ),
        ("a folded line", "GET /containers/json HTTP/1.1\r\nHost: x\r\n y\r\n\r\n".to_owned()),
        ("a bare line feed", "POST /containers/guard-wire/kill HTTP/1.1\nHost: x\n\n".to_owned()),
        (
            "a form",
            "POST /images/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nfromSrc=-".to_owned(),
        ),
        ("an upgrade where there is none", "GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".to_owned()),
        ("HTTP/1.0", "POST /containers/guard-wire/kill HTTP/1.0\r\n\r\n".to_owned()),
        ("no HTTP", "hello\r\n\r\n".to_owned()),
    ];
    for (class, bytes) in rows {
        let answer = raw(lab, bytes.as_bytes());
        let first = answer.lines().next().unwrap_or_default();
        assert!(["HTTP/1.1 400 Bad Request", "HTTP/1.1 403 Forbidden"].contains(&first), "{class}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{class}: one answer, and nothing behind it: {answer}");
        let records = all_records(lab, &format!(" id={} ", record_id(&answer)), 2);
        assert!(records.iter().any(|record| record.contains(" verdict=deny ")), "{class}: {records:?}");
    }
    assert!(lab.docker(&["diff", "guard-wire"]).out().is_empty(), "nothing was run");
    assert_eq!(lab.docker(&["ps", "-q", "--filter", "name=guard-wire"]).out().lines().count(), 1, "it was not killed");
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "label=guard-wire"]).out(), "", "no container was made");
}

#[test]
fn what_is_pipelined_is_judged_call_by_call() {
    let lab = Lab::shared();
    let exec = post("/containers/web/exec", r#"{"Cmd": ["true"]}"#);
    let ping = "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = raw(lab, format!("{ping}{exec}{ping}{exec}").as_bytes());
    let statuses: Vec<&str> = answer.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)).collect();
    assert_eq!(statuses, ["200 OK", "403 Forbidden", "200 OK", "403 Forbidden"], "{answer}");
}

#[test]
fn the_far_end_of_a_stream_ends_it() {
    let lab = Lab::shared();
    // The record of a call that reads is the connection's own, so it is found by whose it is.
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let command = format!("{} --config {} --key far-end", lab.value("GATE"), lab.value("POLICY"));
    let key = new_key(lab, "far-end", &keys, &format!("restrict,command=\"{command}\""));
    let mut child = spawn(lab.client(&[], &["docker system dial-stdio"]).env("LAB_KEY", key).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"GET /containers/web/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
    support::read_until(child.stdout.as_mut().unwrap(), "HTTP/1.1 200 OK");
    assert!(!lab.processes("dockgate.*far-end").is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    // Standard input is held by nobody but this test, and that does not keep the gate.
    support::until("the gate has ended", || lab.processes("dockgate.*far-end").is_empty());
    let opened = all_records(lab, " key=far-end ", 1).remove(0);
    assert!(lab.end(&support::id_of(&opened)).contains(" calls=1 "));
    drop(stdin);
}

#[test]
fn only_the_containers_of_a_corner_are_there() {
    let lab = Lab::shared();
    let policy = lab.directory.join("corner.toml");
    let text = std::fs::read_to_string(lab.value("POLICY")).unwrap();
    std::fs::write(&policy, format!("{text}\n[containers]\nonly = ['corner-*']\n")).unwrap();
    let gate = lab.value("GATE");
    let options = format!(r#"command="{gate} --config {} --key corner",restrict"#, policy.display());
    let key = new_key(lab, "corner", &lab.directory.join("keys").join(lab.value("ACCOUNT")), &options);
    let call = |bytes: String| {
        let mut child =
            spawn(lab.client(&[], &["docker system dial-stdio"]).env("LAB_KEY", &key).stdin(Stdio::piped()));
        child.stdin.take().unwrap().write_all(bytes.as_bytes()).unwrap();
        Outcome::from(child.wait_with_output().unwrap()).out()
    };
    lab.docker(&["create", "--name", "corner-own", "busybox"]).succeeded();
    let get = |path: &str| call(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    let list = get("/v1.51/containers/json?all=1");
    assert!(list.contains("/corner-own") && !list.contains("/web"), "{list}");
    let usage = get("/v1.51/system/df");
    assert!(usage.contains("/corner-own") && !usage.contains("/web"), "{usage}");
    assert!(get("/v1.51/containers/corner-own/json").starts_with("HTTP/1.1 200 "));
    let id = lab.docker(&["inspect", "-f", "{{.Id}}", "web"]).out();
    for name in ["web", id.trim(), &id[..12]] {
        assert!(get(&format!("/v1.51/containers/{name}/json")).starts_with("HTTP/1.1 404 "), "{name}");
        assert!(call(post(&format!("/v1.51/containers/{name}/stop"), "")).starts_with("HTTP/1.1 "), "{name}");
    }
    assert_eq!(lab.docker(&["inspect", "-f", "{{.State.Status}}", "web"]).out(), "running\n");
}

#[test]
fn every_docker_has_the_guard_as_its_daemon() {
    let lab = Lab::shared();
    lab.ssh("docker run --name guard-argv busybox true").succeeded();
    let words = lab.records("request=\"docker run --name guard-argv busybox true\"", 1).remove(0);
    let id = words.split(" id=").nth(1).unwrap().split(' ').next().unwrap();
    let calls = all_records(lab, &format!(" id={id} via=argv "), 4);
    let (calls, made): (Vec<_>, Vec<_>) = calls.iter().partition(|record| record.contains(" verdict=allow "));
    assert!(made.len() == 1 && made[0].contains(" made=container name=guard-argv object="), "{made:?}");
    for (call, command) in calls.iter().zip(["create", "run", "start"]) {
        assert!(call.contains(&format!(" verdict=allow reason=permitted command={command} ")), "{call}");
    }
    let end = lab.end(id);
    // _ping, create, attach, wait, start.
    assert!(end.contains(" calls=5 calls_refused=0"), "{end}");
    let labels = lab.docker(&["inspect", "-f", "{{json .Config.Labels}}", "guard-argv"]).out();
    assert!(labels.contains(&format!(r#""dockgate.id":"{id}""#)), "{labels}");
    lab.ssh("docker rm guard-argv").succeeded();
    // The socket has gone with the command, and docker is told no other.
    let uid = nix::unistd::User::from_name(lab.value("ACCOUNT")).unwrap().unwrap().uid;
    let state = dockgate::run::exec::state_path(lab.value("ACCOUNT"), uid.as_raw());
    let left = std::fs::read_dir(state).unwrap();
    assert!(left.flatten().all(|entry| !entry.file_name().to_string_lossy().contains(id)));
    let contexts = lab.ssh("docker context inspect default").succeeded().out();
    assert!(contexts.contains("/guard-") && !contexts.contains(lab.value("SOCKET")), "{contexts}");
}

#[test]
fn compose_on_the_far_side_works() {
    let lab = Lab::shared();
    let project =
        b"services:\n  a:\n    build: {context: ., dockerfile_inline: \"FROM busybox\\nRUN echo built >/x\\n\"}\n    \
        command: sh -c 'cat /x /cfg; echo; exec sleep 1000'\n    init: true\n    volumes: ['data:/data']\n    \
        configs: [{source: c, target: /cfg}]\nvolumes: {data: }\nconfigs: {c: {content: configured}}\n";
    far_with(lab, &["compose", "-p", "guard-far", "-f", "-", "up", "-d", "--build"], project).succeeded();
    assert!(far(lab, &["compose", "-p", "guard-far", "ps"]).succeeded().out().contains("guard-far-a-1"));
    support::until("what the container prints", || {
        let logs = far(lab, &["compose", "-p", "guard-far", "logs"]).succeeded().out();
        logs.contains("built") && logs.contains("configured")
    });
    let labels = lab.docker(&["image", "inspect", "-f", "{{json .Config.Labels}}", "guard-far-a"]).out();
    assert!(labels.contains(r#""dockgate.key":"hermes""#), "{labels}");
    far(lab, &["compose", "-p", "guard-far", "down", "-v", "-t", "0"]).succeeded();
    assert_ne!(far(lab, &["compose", "-p", "guard-far", "cp", "/etc/passwd", "a:/x"]).code, 0);
}

#[test]
fn builds_on_the_far_side_work_and_send_nothing_away() {
    let lab = Lab::shared();
    let dockerfile = b"FROM busybox\nRUN echo built >/x\n";
    far_with(lab, &["build", "-t", "guard-built", "-"], dockerfile).succeeded();
    assert_eq!(lab.docker(&["run", "--rm", "guard-built", "cat", "/x"]).succeeded().out(), "built\n");
    for (words, reason) in [
        (&["build", "--push", "-t", "localhost:1/x", "-"][..], "blocked-command"),
        (&["build", "-o", "out", "-"], "blocked-command"),
        (&["build", "--network", "host", "-"], "namespace"),
        (&["build", "--allow", "security.insecure", "-"], "build-entitlement"),
    ] {
        let outcome = far_with(lab, words, dockerfile);
        assert_ne!(outcome.code, 0, "{words:?}");
        assert!(outcome.err().contains(&format!("reason: {reason}: ")), "{words:?}: {}", outcome.err());
        let command =
            if reason == "blocked-command" { if words.contains(&"--push") { "push" } else { "save" } } else { "build" };
        let denied = format!(" verdict=deny reason={reason} command={command} ");
        let records = all_records(lab, &format!(" id={} ", record_id(&outcome.err())), 2);
        assert!(records.iter().any(|record| record.contains(&denied)), "{words:?}: {records:?}");
    }
}

#[test]
fn an_image_marks_no_container_over_the_api() {
    let lab = Lab::shared();
    let dockerfile = b"FROM busybox\nLABEL com.docker.compose.project=shop dockgate.key=other\n";
    let mut build = Command::new(lab.value("DOCKER"));
    build.env_clear().env("HOME", &lab.directory).env("PATH", "/usr/bin:/bin").args([
        "build",
        "-t",
        "guard-marks",
        "-",
    ]);
    build.env("DOCKER_HOST", format!("unix://{}", lab.value("SOCKET"))).env("DOCKER_BUILDKIT", "0");
    let mut child = spawn(build.stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(dockerfile).unwrap();
    Outcome::from(child.wait_with_output().unwrap()).succeeded();
    far(lab, &["create", "--name", "guard-marks", "guard-marks"]).succeeded();
    let labels = lab.docker(&["inspect", "-f", "{{json .Config.Labels}}", "guard-marks"]).out();
    assert!(labels.contains(r#""com.docker.compose.project":"""#), "{labels}");
    assert!(labels.contains(r#""dockgate.key":"hermes""#), "{labels}");
}

#[test]
fn what_an_image_hands_on_makes_nobodys_container_the_keys() {
    let lab = Lab::shared();
    let image = lab.docker(&["create", "--name", "guard-inherits-source", "busybox", "true"]).succeeded();
    let commit = [
        "commit".to_owned(),
        "--change=LABEL dockgate.key=hermes".to_owned(),
        format!("--change=LABEL dockgate.account={}", lab.value("ACCOUNT")),
        "--change=LABEL dockgate.id=of-the-image".to_owned(),
        image.out().trim().to_owned(),
        "guard-inherits".to_owned(),
    ];
    lab.docker(&commit.iter().map(String::as_str).collect::<Vec<_>>()).succeeded();
    // The administrator's own, of an image that the key has built.
    lab.docker(&["create", "-i", "--name", "guard-inherited", "guard-inherits", "sh"]).succeeded();
    let mut file = vec![0_u8; 1536];
    file[..4].copy_from_slice(b"evil");
    file[124..135].copy_from_slice(b"00000000001");
    file[156] = b'0';
    file[512] = b'x';
    let put = format!(
        "PUT /v1.51/containers/guard-inherited/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        file.len()
    );
    let answer = raw(lab, &[put.as_bytes(), &file].concat());
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let attach = "POST /v1.51/containers/guard-inherited/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\
        Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    let answer = raw(lab, attach.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(!lab.docker(&["diff", "guard-inherited"]).succeeded().out().contains("evil"), "nothing was written");
    for operation in ["cp", "attach"] {
        let records = all_records(lab, "/containers/guard-inherited/", 2);
        let denied = format!(" verdict=deny reason=blocked-command command={operation} ");
        assert!(records.iter().any(|record| record.contains(&denied)), "{records:?}");
    }
}

/// docker-py of Debian's, by the ssh client and by paramiko; both read `~/.ssh`.
#[test]
fn docker_py_works_by_both_of_its_ways_through_ssh() {
    let lab = Lab::shared();
    let home = lab.directory.join("docker-py");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    let (port, known) = (lab.value("PORT"), home.join(".ssh/known_hosts"));
    let hosts = std::fs::read_to_string(lab.value("KNOWN_HOSTS")).unwrap();
    std::fs::write(&known, hosts.replace("lazyworkhorse", &format!("[127.0.0.1]:{port}"))).unwrap();
    let config = home.join(".ssh/config");
    let options = format!("IdentityFile {}\nUserKnownHostsFile {}", lab.value("KEY"), known.display());
    std::fs::write(&config, format!("Host 127.0.0.1\n{options}\n")).unwrap();
    let ssh = home.join("ssh");
    std::fs::write(&ssh, format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", config.display())).unwrap();
    std::fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for way in ["ssh", "paramiko"] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clients/docker_py.py");
        let mut python = Command::new("/usr/bin/python3");
        python.arg(script).arg(format!("ssh://{}@127.0.0.1:{port}", lab.value("ACCOUNT"))).arg(way);
        python.env_clear().env("HOME", &home).env("PATH", format!("{}:/usr/bin:/bin", home.display()));
        let outcome = Outcome::from(python.output().unwrap()).succeeded();
        assert_eq!(outcome.out(), "done\n", "{way}: {}", outcome.err());
    }
}

#[test]
fn a_terminal_on_the_far_side_is_one() {
    let lab = Lab::shared();
    let mut command = far_docker(lab, &["run", "--rm", "-it", "busybox", "sh"]);
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let words = words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &words, "/dev/null"]).env_clear();
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "dumb");
    let mut child =
        spawn(script.current_dir(command.current_dir(lab.home()).get_current_dir().unwrap()).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    support::read_until(&mut stdout, "# ");
    stdin.write_all(b"stty size; tty; exit 37\n").unwrap();
    let mut said = String::new();
    stdout.read_to_string(&mut said).unwrap();
    assert!(said.contains("/dev/pts/"), "{said}");
    assert_eq!(child.wait().unwrap().code(), Some(37));
}

#[test]
fn the_classic_builder_is_given_hosts() {
    let lab = Lab::shared();
    let mut build =
        far_docker(lab, &["build", "--add-host", "a:192.0.2.1", "--add-host", "b:192.0.2.2", "-t", "guard-hosts", "-"]);
    let mut child = spawn(build.env("DOCKER_BUILDKIT", "0").stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(b"FROM busybox\nRUN grep -c 192.0.2. /etc/hosts >/x\n").unwrap();
    Outcome::from(child.wait_with_output().unwrap()).succeeded();
    assert_eq!(lab.docker(&["run", "--rm", "guard-hosts", "cat", "/x"]).succeeded().out(), "2\n");
    let labels = lab.docker(&["image", "inspect", "-f", "{{json .Config.Labels}}", "guard-hosts"]).out();
    assert!(labels.contains("dockgate.key") && !labels.contains("dockgate.id"), "{labels}");
}

#[test]
fn what_is_asked_over_the_api_has_an_end() {
    let lab = Lab::shared();
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    for (limit, cause, says) in [
        ("duration = '2s'", "limit-duration", "it ran for 2s (limits.duration)"),
        ("idle = '2s'", "limit-idle", "it wrote nothing for 2s (limits.idle)"),
    ] {
        let policy = lab.directory.join(format!("{cause}.toml"));
        let own = std::fs::read_to_string(lab.value("POLICY")).unwrap();
        std::fs::write(&policy, format!("{own}\n[limits]\n{limit}\n")).unwrap();
        let command = format!("{} --config {} --key {cause}", lab.value("GATE"), policy.display());
        let key = new_key(lab, cause, &keys, &format!("restrict,command=\"{command}\""));
        let mut client = lab.client(&[], &["docker system dial-stdio"]);
        let mut child = spawn(client.env("LAB_KEY", key).stdin(Stdio::piped()));
        let mut stdin = child.stdin.take().unwrap();
        // What no call is being served for is not idle: the client may ask when it likes.
        std::thread::sleep(std::time::Duration::from_millis(if cause == "limit-idle" { 3000 } else { 0 }));
        stdin
            .write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\nGET /events HTTP/1.1\r\nHost: docker\r\n\r\n")
            .unwrap();
        let outcome = Outcome::from(child.wait_with_output().unwrap());
        assert_eq!(outcome.code, 77, "{}{}", outcome.out(), outcome.err());
        assert!(outcome.out().matches("HTTP/1.1 200 OK").count() == 2, "{}", outcome.out());
        assert!(outcome.err().contains(says) && outcome.err().contains("reason: limit: "), "{}", outcome.err());
        assert!(lab.end(&record_id(&outcome.err())).contains(&format!(" ended={cause} ")));
        drop(stdin);
    }
}

#[test]
fn what_is_made_for_a_client_that_has_gone_is_in_the_log_all_the_same() {
    let lab = Lab::shared();
    let body = r#"{"Image": "busybox", "Cmd": ["true"], "Labels": {"guard": "gone"}}"#;
    let call = post("/v1.51/containers/create", body);
    let ids = || {
        let found = lab.docker(&["ps", "-aq", "--no-trunc", "--filter", "label=guard=gone"]).succeeded().out();
        found.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for wait in [2, 5, 10, 15, 20, 30, 50, 80] {
        let mut gate = spawn(lab.gate(lab.value("POLICY").as_ref(), b"docker system dial-stdio").stdin(Stdio::piped()));
        gate.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
        // Its answers go nowhere from now on.
        std::thread::sleep(std::time::Duration::from_millis(wait));
        drop(gate.stdout.take());
        assert!(gate.wait().unwrap().code().is_some());
    }
    assert!(!ids().is_empty(), "none of them was made");
    for id in ids() {
        let log = std::fs::read_to_string(lab.value("LOG")).unwrap();
        assert!(
            log.lines().any(|line| line.contains(" made=container ") && line.contains(&id)),
            "{id} is not in the log"
        );
        lab.docker(&["rm", "-f", &id]).succeeded();
    }
}
