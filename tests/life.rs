//! docker's life under the gate: how it ends, that the end is recorded, and that nothing is left running.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
mod support;

#[path = "life/kills.rs"]
mod kills;
#[path = "life/names.rs"]
mod names;
#[path = "life/streams.rs"]
mod streams;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use support::{Lab, Outcome, id_of, spawn, until};

/// The record of the end of the one request that holds `mark`.
fn end_of(lab: &Lab, mark: &str) -> String {
    let id = id_of(&lab.records(mark, 1).remove(0));
    lab.end(&id)
}

#[test]
fn an_end_is_recorded_under_the_id_of_its_decision() {
    let lab = Lab::shared();
    for (code, mark) in [(0, "life-zero"), (37, "life-some"), (255, "life-most")] {
        let outcome = lab.ssh(&format!("docker run --rm --name {mark} busybox sh -c 'exit {code}'"));
        assert_eq!(outcome.code, code);
        let end = end_of(lab, mark);
        assert!(end.starts_with("authpriv.info dockgate["), "{end}");
        assert!(end.contains(&format!(" exit={code} ms=")) && end.contains(" ended=itself judged_ms="), "{end}");
        // Making, joining, waiting and starting, at least.
        let calls = end.split(" calls=").nth(1).unwrap().split(' ').next().unwrap();
        assert!(calls.parse::<u64>().unwrap() >= 4 && end.ends_with(" calls_refused=0"), "{end}");
    }
    // What does not run has no end.
    let refused = lab.ssh("docker exec life-refused sh").denied("blocked-command");
    assert!(refused.stdout.is_empty());
    lab.ssh("true").succeeded();
    let log = fs::read_to_string(lab.value("LOG")).unwrap();
    for mark in ["life-refused", "request=\"true\""] {
        let id = id_of(&lab.records(mark, 1).remove(0));
        assert!(!log.contains(&format!("verdict=end id={id} ")), "{mark}");
    }
}

/// A docker that is this shell script, and a policy that names it.
fn script(lab: &Lab, name: &str, text: &str) -> PathBuf {
    let program = lab.directory.join(name);
    fs::write(&program, format!("#!/bin/sh\n{text}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let policy = lab.directory.join(format!("{name}.toml"));
    let text = format!("[docker]\nprogram = {program:?}\n[audit]\nsocket = {:?}\n", lab.value("LOG_SOCKET"));
    fs::write(&policy, text).unwrap();
    policy
}

/// The account's number.
fn uid(lab: &Lab) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata(lab.home()).unwrap())
}

/// The gate as sshd would start it, over a connection.
fn gate(lab: &Lab, policy: &std::path::Path, request: &str) -> std::process::Command {
    let mut gate = lab.gate(policy, request.as_bytes());
    gate.env("SSH_CONNECTION", "192.0.2.7 51514 192.0.2.1 22").stdin(Stdio::null());
    gate
}

#[test]
fn docker_that_dies_of_a_signal_is_seen_to() {
    use std::os::unix::process::ExitStatusExt;
    let lab = Lab::shared();
    let policy = script(lab, "life-suicide", "kill -${2#--format=} $$\n");
    for (signal, number) in [("TERM", 15), ("KILL", 9), ("SEGV", 11), ("INT", 2), ("HUP", 1)] {
        let status = gate(lab, &policy, &format!("docker ps --format {signal}")).status().unwrap();
        assert_eq!(status.signal(), Some(number), "{signal}: {status:?}");
        let end = end_of(lab, &format!("--format {signal}\""));
        assert!(end.contains(&format!(" signal={signal} ")), "{end}");
    }
}

/// A gate whose docker has said that it is there.
fn begun(lab: &Lab, policy: &std::path::Path, request: &str) -> Child {
    let mut child = spawn(&mut gate(lab, policy, request));
    support::read_until(child.stdout.as_mut().unwrap(), "there");
    child
}

#[test]
fn whatever_kills_the_gate_kills_docker() {
    let lab = Lab::shared();
    // It listens to nothing.
    let policy = script(lab, "life-deaf", "trap '' TERM HUP INT QUIT\necho there\nwhile :; do sleep 0.1; done\n");
    let runs = || !lab.processes("life-deaf").is_empty();
    for signal in ["KILL", "ABRT", "SYS"] {
        let mut child = begun(lab, &policy, &format!("docker ps --filter name=deaf-{signal}"));
        assert!(runs());
        let killed = std::process::Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
        assert!(killed.unwrap().success());
        child.wait().unwrap();
        until(&format!("docker is gone with SIG{signal}"), || !runs());
    }
}

#[test]
fn what_docker_leaves_behind_is_ended() {
    let lab = Lab::shared();
    let policy = script(lab, "life-parent", "setsid /bin/sleep 87654 >/dev/null 2>&1 &\n(sleep 87654 &)\nexit 5\n");
    let outcome: Outcome = gate(lab, &policy, "docker ps --filter name=parent").output().unwrap().into();
    assert_eq!(outcome.code, 5);
    assert_eq!(lab.processes("sleep 87654"), Vec::<String>::new());
    assert!(end_of(lab, "name=parent").contains(" exit=5 "));
}

#[test]
fn time_that_is_up_ends_docker() {
    let lab = Lab::shared();
    let talk = "while echo there; do sleep 0.2; done\n";
    for (limit, text, cause) in [
        ("duration = '1s'", talk, "limit-duration"),
        ("idle = '1s'", "echo there\nsleep 76543\n", "limit-idle"),
        // Asked to end, it does not listen.
        ("duration = '2s'\nidle = '1s'", "trap '' TERM\necho there\nsleep 76543\nsleep 76543\n", "limit-idle"),
    ] {
        let name = format!("life-{}", limit.split(' ').next().unwrap());
        let policy = script(lab, &name, text);
        fs::write(&policy, format!("{}[limits]\n{limit}\n", fs::read_to_string(&policy).unwrap())).unwrap();
        let mark = format!("name=up-{cause}-{}", text.len());
        let outcome: Outcome = gate(lab, &policy, &format!("docker events --filter {mark}")).output().unwrap().into();
        let outcome = outcome.denied("limit");
        assert!(outcome.out().starts_with("there\n") && outcome.err().starts_with("ERROR: docker: ended, because it "));
        assert!(end_of(lab, &mark).contains(&format!(" ended={cause} ")), "{}", end_of(lab, &mark));
        assert_eq!(lab.processes("sleep 76543"), Vec::<String>::new());
    }
    // What is only observed ends by itself.
    let policy = script(lab, "life-observed", "case \"$*\" in *first*) sleep 65432;; esac\nsleep 2\nexit 6\n");
    let own = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, format!("mode = 'observe'\n{own}[limits]\nduration = '1s'\nidle = '1s'\nsessions = 1\n"))
        .unwrap();
    let mut first = spawn(&mut gate(lab, &policy, "docker ps --filter name=first"));
    until("it runs", || !lab.processes("sleep 65432").is_empty());
    assert_eq!(gate(lab, &policy, "docker ps --filter name=observed").output().unwrap().status.code(), Some(6));
    assert!(end_of(lab, "name=observed").contains(" ended=itself "), "{}", end_of(lab, "name=observed"));
    let log = fs::read_to_string(lab.value("LOG")).unwrap();
    let observed = log.lines().find(|line| line.contains("request=\"docker ps --filter name=observed\"")).unwrap();
    assert!(observed.contains(" verdict=observe reason=limit "), "{observed}");
    assert!(!lab.processes("sleep 65432").is_empty(), "it goes on, whatever is observed");
    first.kill().unwrap();
    first.wait().unwrap();
    // What goes on talking is not idle.
    let policy = script(lab, "life-talker", "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.2; done\nexit 4\n");
    fs::write(&policy, format!("{}[limits]\nidle = '1s'\n", fs::read_to_string(&policy).unwrap())).unwrap();
    assert_eq!(gate(lab, &policy, "docker ps --filter name=talker").output().unwrap().status.code(), Some(4));
}

fn sum(path: &std::path::Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn a_record_says_by_what_it_was_judged() {
    let lab = Lab::shared();
    let judged = format!(" policy={} version={} ", sum(lab.value("POLICY").as_ref()), env!("CARGO_PKG_VERSION"));
    lab.ssh("docker ps --filter name=judged-by").succeeded();
    let record = lab.records("name=judged-by", 1).remove(0);
    assert!(record.contains(&format!("{judged}request=")), "{record}");
    let text = b"services: {a: {image: busybox, privileged: true}}";
    let file = lab.directory.join("judged.yaml");
    fs::write(&file, text).unwrap();
    lab.ssh_with("docker compose -p judged-input -f - up", text).denied("privileged");
    let record = lab.records("judged-input", 1).remove(0);
    assert!(record.contains(&format!("{judged}input={} judged_ms=", sum(&file))), "{record}");
    // The same over the API: of the connection, and of each call that has a record.
    let call = b"POST /v1.51/containers/judged-call/exec HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
    let answer = lab.ssh_with("docker system dial-stdio", call).out();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let log = || fs::read_to_string(lab.value("LOG")).unwrap();
    let line = |mark: &str| log().lines().find(|line| line.contains(mark)).map(str::to_owned);
    until("the call's record", || line("judged-call").is_some());
    let call = line("judged-call").unwrap();
    assert!(call.contains(" via=dial-stdio ") && call.contains(&judged), "{call}");
    let connection = line(" verdict=allow reason=permitted command=\"system dial-stdio\" ").unwrap();
    assert!(connection.contains(&judged), "{connection}");
}

#[test]
fn what_kept_the_gate_busy_is_in_the_record() {
    let lab = Lab::shared();
    let project = r#"{"name": "busy", "services": {"a": {"image": "busybox"}}}"#;
    let policy = script(lab, "life-slow", &format!("case $* in *config*) sleep 2; exec echo '{project}' ;; esac\n"));
    fs::write(lab.home().join("busy.yaml"), "services: {a: {image: busybox}}\n").unwrap();
    let judged = |record: &str| {
        let value = record.split(" judged_ms=").nth(1).unwrap_or_else(|| panic!("{record}"));
        value.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let request = "docker compose -p busy -f busy.yaml up";
    assert!(gate(lab, &policy, request).status().unwrap().success());
    assert!(judged(&end_of(lab, request)) >= 2000);
    // What is refused has no end.
    let refused = script(lab, "life-slow-no", "case $* in *config*) sleep 2; echo no >&2; exit 1 ;; esac\n");
    let request = "docker compose -p busy-no -f busy.yaml up";
    Outcome::from(gate(lab, &refused, request).output().unwrap()).denied("project-model");
    assert!(judged(&lab.records(request, 1).remove(0)) >= 2000);
    // Where the words are enough there is nothing to tell.
    Outcome::from(gate(lab, &refused, "docker exec busy-words sh").output().unwrap()).denied("blocked-command");
    assert!(!lab.records("busy-words", 1).remove(0).contains("judged_ms"));
}

#[test]
fn neither_compose_nor_buildx_outlives_a_gate_that_is_killed() {
    let lab = Lab::shared();
    let text = "services: {a: {image: busybox, stop_signal: KILL, command: sh -c 'while echo talk; do sleep 1; done'}}";
    lab.ssh_with("docker compose -p life-killed -f - up -d", text.as_bytes()).succeeded();
    let build = b"FROM busybox\nRUN echo talk && sleep 54321\n";
    for (request, input, mark, told) in [
        ("docker compose -p life-killed logs -f", &b""[..], "compose", "talk"),
        ("docker compose -p life-killed -f - up", text.as_bytes(), "compose", "talk"),
        ("docker build --progress plain --no-cache -", build, "build", "talk"),
        ("docker events --since 1h", b"", "events", "container"),
    ] {
        let policy = PathBuf::from(lab.value("POLICY"));
        let mut gate = gate(lab, &policy, request);
        let mut child = spawn(gate.stdin(Stdio::piped()));
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
        // buildx tells its progress on standard error.
        if mark == "build" {
            support::read_until(child.stderr.as_mut().unwrap(), told);
        } else {
            support::read_until(child.stdout.as_mut().unwrap(), told);
        }
        let runs = || lab.processes(&format!("docker.*{mark}"));
        assert!(!runs().is_empty(), "{request}");
        child.kill().unwrap();
        child.wait().unwrap();
        until(&format!("{request} is gone: {:?}", runs()), || runs().is_empty());
    }
    lab.ssh("docker compose -p life-killed down -t 0").succeeded();
}
