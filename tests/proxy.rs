//! `dockgate proxy`: the API on a socket for programs of this host, and as the daemon of a gate.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use support::{Lab, Outcome, id_of, spawn, until};

/// A proxy that runs as root, as its unit may have it, and is ended with the test.
struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Proxy {
    /// With the lab's policy and `more`; the account's group may use its socket.
    fn start(lab: &Lab, name: &str, more: &str, options: &[&str]) -> Self {
        policy(lab, name, lab.value("SOCKET"), more);
        Self::start_as_it_is(lab, name, options)
    }

    /// With the policy that there is under this name.
    fn start_as_it_is(lab: &Lab, name: &str, options: &[&str]) -> Self {
        let policy = directory(lab).join(format!("{name}.toml"));
        Self::start_by(dockgate(lab, &policy), lab, name, options)
    }

    /// By the first words of a command.
    fn start_by(mut command: Command, lab: &Lab, name: &str, options: &[&str]) -> Self {
        let socket = directory(lab).join(format!("{name}.sock"));
        command.arg("proxy").arg("--listen").arg(format!("unix:{}", socket.display()));
        command.args(["--group", &group(lab)]).args(options);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let proxy = Self { child, socket };
        until("it listens", || UnixStream::connect(&proxy.socket).is_ok());
        proxy
    }

    /// docker of the account's, with the proxy for its daemon.
    fn docker(&self, lab: &Lab, words: &[&str]) -> Outcome {
        docker_at(lab, &self.socket, words).output().unwrap().into()
    }

    /// What raw bytes are answered, until the end.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = UnixStream::connect(&self.socket).unwrap();
        socket.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Ends it as systemd does.
    fn stop(mut self) -> i32 {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code().expect("it ends by itself")
    }
}

fn directory(lab: &Lab) -> PathBuf {
    let directory = lab.directory.join("proxies");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
    directory
}

fn group(lab: &Lab) -> String {
    let account = nix::unistd::User::from_name(lab.value("ACCOUNT")).unwrap().unwrap();
    nix::unistd::Group::from_gid(account.gid).unwrap().unwrap().name
}

fn dockgate(lab: &Lab, policy: &Path) -> Command {
    // Signals that this process ignores would be ignored there, too.
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal").arg(lab.directory.join("dockgate")).arg("--config").arg(policy);
    command
}

/// The lab's policy, for another daemon.
fn policy(lab: &Lab, name: &str, daemon: &str, more: &str) -> PathBuf {
    let file = directory(lab).join(format!("{name}.toml"));
    let own = std::fs::read_to_string(lab.value("POLICY")).unwrap();
    let own = own.replace(&format!("unix://{}", lab.value("SOCKET")), &format!("unix://{daemon}"));
    std::fs::write(&file, format!("{own}\n{more}")).unwrap();
    file
}

/// A configuration of a client's own, which buildx writes to.
fn client_config(lab: &Lab) -> &'static Path {
    static CONFIG: OnceLock<PathBuf> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let config = directory(lab).join("config");
        let made = Command::new("cp").arg("-r").arg(lab.value("CONFIG")).arg(&config).status().unwrap();
        let given = Command::new("chown").arg("-R").arg(lab.value("ACCOUNT")).arg(&config).status().unwrap();
        assert!(made.success() && given.success());
        config
    })
}

fn docker_at(lab: &Lab, socket: &Path, words: &[&str]) -> Command {
    let account = lab.value("ACCOUNT");
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid", account, "--regid", account, "--init-groups"]).arg(lab.value("DOCKER")).args(words);
    command.env_clear().env("HOME", lab.home()).env("PATH", "/usr/bin:/bin").current_dir(lab.home());
    command.env("DOCKER_HOST", format!("unix://{}", socket.display())).env("DOCKER_CONFIG", client_config(lab));
    command.stdin(Stdio::null());
    command
}

fn with(mut command: Command, options: &[&str]) -> Command {
    command.args(options);
    command
}

fn with_input(mut command: Command, input: &[u8]) -> Outcome {
    let mut child = spawn(command.stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().into()
}

/// What raw bytes of the account's are answered: who connects counts.
fn raw_as_the_account(lab: &Lab, socket: &Path, bytes: &[u8]) -> String {
    raw_as(lab, lab.value("ACCOUNT"), socket, bytes)
}

/// The same of somebody else in the account's group.
fn raw_as(lab: &Lab, who: &str, socket: &Path, bytes: &[u8]) -> String {
    let mut python = Command::new("/usr/bin/setpriv");
    python.args(["--reuid", who, "--regid", &group(lab), "--clear-groups", "/usr/bin/python3", "-c"]);
    python.arg("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ns.sendall(sys.stdin.buffer.read())\nsys.stdout.write(s.makefile().read())");
    with_input(
        {
            python.arg(socket);
            python
        },
        bytes,
    )
    .succeeded()
    .out()
}

/// Lines of the log with every mark, once there are `count`.
#[track_caller]
fn logged(lab: &Lab, marks: &[&str], count: usize) -> Vec<String> {
    let found = || {
        let log = std::fs::read_to_string(lab.value("LOG")).unwrap_or_default();
        log.lines().filter(|line| marks.iter().all(|mark| line.contains(mark))).map(str::to_owned).collect::<Vec<_>>()
    };
    until(&format!("{marks:?}"), || found().len() >= count);
    let found = found();
    assert_eq!(found.len(), count, "{marks:?}: {found:#?}");
    found
}

const PROJECT: &[u8] =
    b"services:\n  a:\n    build: {context: ., dockerfile_inline: \"FROM busybox\\nRUN echo built >/x\\n\"}\n    \
    command: sh -c 'cat /x /cfg; echo; exec sleep 1000'\n    init: true\n    volumes: ['data:/data']\n    \
    configs: [{source: c, target: /cfg}]\nvolumes: {data: }\nconfigs: {c: {content: configured}}\n";

#[test]
fn whose_name_nobody_can_say_is_not_served() {
    let lab = Lab::shared();
    let policy = policy(lab, "nameless", lab.value("SOCKET"), "");
    let hangs = directory(lab).join("getent");
    std::fs::write(&hangs, "#!/bin/sh\nexec /bin/sleep 54398\n").unwrap();
    std::fs::set_permissions(&hangs, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", "mount --bind \"$1\" /usr/bin/getent && shift && exec \"$@\"", "sh"])
        .arg(hangs);
    let dockgate = dockgate(lab, &policy);
    command.arg(dockgate.get_program()).args(dockgate.get_args());
    let proxy = Proxy::start_by(command, lab, "nameless", &[]);
    // Of the account that files know nobody is asked.
    proxy.docker(lab, &["ps"]).succeeded();
    let call = b"POST /v1.51/containers/nameless/start HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
    let answer = raw_as(lab, "64399", &proxy.socket, call);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("reason: unavailable: "), "{answer}");
    let log = std::fs::read_to_string(lab.value("LOG")).unwrap();
    let records: Vec<&str> = log.lines().filter(|line| line.contains(" user=64399 ")).collect();
    assert!(matches!(*records, [record] if record.contains(" verdict=deny reason=unavailable ")), "{records:?}");
}

#[test]
fn a_record_says_by_what_a_call_was_judged() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "judged", "", &[]);
    let call = b"POST /v1.51/containers/judged-proxy/exec HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
    let answer = proxy.raw(call);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let sum = Command::new("sha256sum").arg(directory(lab).join("judged.toml")).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap().split(' ').next().unwrap().to_owned();
    let found = || {
        let log = std::fs::read_to_string(lab.value("LOG")).unwrap();
        log.lines().find(|line| line.contains("judged-proxy")).map(str::to_owned)
    };
    until("the call's record", || found().is_some());
    let record = found().unwrap();
    let judged = format!(" policy={sum} version={} ", env!("CARGO_PKG_VERSION"));
    assert!(record.contains(" via=proxy ") && record.contains(&judged), "{record}");
}

#[test]
fn stock_clients_work_and_each_connection_is_recorded() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "stock", "", &["--key", "builder"]);
    assert!(proxy.docker(lab, &["ps"]).succeeded().out().contains("web"));
    assert_eq!(proxy.docker(lab, &["run", "--rm", "busybox", "echo", "hi"]).succeeded().out(), "hi\n");
    assert_eq!(proxy.docker(lab, &["run", "--rm", "busybox", "sh", "-c", "exit 37"]).code, 37);
    let echoed = with_input(docker_at(lab, &proxy.socket, &["run", "--rm", "-i", "busybox", "cat"]), b"bytes");
    assert_eq!(echoed.succeeded().out(), "bytes");
    let words = ["compose", "-p", "proxied", "-f", "-", "up", "-d", "--build"];
    with_input(docker_at(lab, &proxy.socket, &words), PROJECT).succeeded();
    until("what it prints", || {
        let logs = proxy.docker(lab, &["logs", "proxied-a-1"]).succeeded().out();
        logs.contains("built") && logs.contains("configured")
    });
    let labels = lab.docker(&["inspect", "-f", "{{json .Config.Labels}}", "proxied-a-1"]).out();
    assert!(labels.contains(r#""dockgate.key":"builder""#), "{labels}");
    assert!(labels.contains(&format!(r#""dockgate.account":"{}""#, lab.value("ACCOUNT"))), "{labels}");
    proxy.docker(lab, &["rm", "-f", "proxied-a-1"]).succeeded();
    let record = logged(lab, &["command=create ", "request=\"POST /containers/create?name=proxied-a-1 "], 1).remove(0);
    let id = id_of(&record);
    assert!(record.contains(" via=proxy ") && record.contains(" key=builder "), "{record}");
    assert!(record.contains(&format!(" user={} ", lab.value("ACCOUNT"))), "{record}");
    let opened = logged(lab, &[&format!(" id={id} "), "verdict=allow reason=permitted command=proxy "], 1).remove(0);
    let peer = |line: &str| line.split(" peer=").nth(1).unwrap().split(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(peer(&opened), peer(&record));
    let end = lab.end(&id);
    assert!(end.contains(" ended=itself ") && end.contains(" calls_refused=0"), "{end}");
}

#[test]
fn what_is_refused_is_refused_whoever_asks() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "refuses", "[profiles.look.commands]\nallowed = ['ps', 'version']\n", &[]);
    for (words, reason) in [
        (&["exec", "web", "touch", "/planted"][..], "blocked-command"),
        (&["run", "--rm", "--label", "proxy-given", "-v", "/:/h", "busybox", "true"], "bind-mount"),
        (&["run", "--rm", "--label", "proxy-given", "--privileged", "busybox", "true"], "privileged"),
        (&["run", "--rm", "--label", "proxy-given", "--label", "dockgate.x=y", "busybox", "true"], "reserved-label"),
    ] {
        let outcome = proxy.docker(lab, words);
        assert!(outcome.code != 0 && outcome.err().contains(&format!("reason: {reason}: ")), "{}", outcome.err());
        let id = outcome.err().split("record: ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        logged(lab, &[&format!("verdict=deny reason={reason} "), &format!(" id={id} "), " via=proxy "], 1);
    }
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "label=proxy-given"]).out(), "", "no container was made");
    assert!(
        !lab.docker(&["diff", "web"]).succeeded().out().contains("planted"),
        "nothing was written in the container"
    );
    // Another profile, by the option.
    let narrow = Proxy::start(lab, "narrow", "[profiles.look.commands]\nallowed = ['ps']\n", &["--profile", "look"]);
    narrow.docker(lab, &["ps"]).succeeded();
    let outcome = narrow.docker(lab, &["stop", "web"]);
    assert!(outcome.err().contains("reason: not-allowed: "), "{}", outcome.err());
    // Nobody but root, this account's group and the owner comes as far as a record.
    let metadata = std::fs::metadata(&proxy.socket).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o660);
    let stranger = Command::new("/usr/bin/setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(lab.value("DOCKER"))
        .arg("ps")
        .env("DOCKER_HOST", format!("unix://{}", proxy.socket.display()))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&stranger.stderr).contains("permission denied"), "{stranger:?}");
}

#[test]
fn a_candidate_is_judged_beside_the_policy_for_calls_and_for_commands() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "tried", "", &["--key", "tried-key"]);
    let file = directory(lab).join("tried.toml");
    let own = std::fs::read_to_string(&file).unwrap();
    let narrow = "[commands]\nallowed = ['ps', 'create', 'container inspect', 'image inspect']\nblocked = ['cp']\n[limits]\nmemory = '16m'\n";
    std::fs::write(file.with_extension("candidate.toml"), format!("{own}\n{narrow}")).unwrap();
    proxy.docker(lab, &["ps"]).succeeded();
    proxy.docker(lab, &["images"]).succeeded();
    proxy.docker(lab, &["create", "--memory", "8m", "--name", "tried-fits", "busybox"]).succeeded();
    proxy.docker(lab, &["create", "--name", "tried-large", "busybox"]).succeeded();
    let refused = proxy.docker(lab, &["exec", "web", "true"]);
    assert!(refused.err().contains("reason: blocked-command: "), "{}", refused.err());
    for name in ["tried-fits", "tried-large"] {
        proxy.docker(lab, &["rm", name]).succeeded();
    }
    let of_key = " key=tried-key ";
    for (mark, verdict, said) in [
        ("name=tried-fits", "allow", "allow"),
        ("name=tried-large", "allow", "deny:limit"),
        ("/images/json", "allow", "deny:not-allowed"),
        ("DELETE /containers/tried-fits", "allow", "deny:not-allowed"),
        ("POST /containers/web/exec", "deny", "deny:not-allowed"),
    ] {
        let record = logged(lab, &[of_key, mark, "request=", &format!("verdict={verdict} ")], 1).remove(0);
        assert!(record.contains(&format!(" candidate={said} ")), "{mark}: {record}");
    }
    // The same of a command, whose docker's calls are judged, too.
    let project = b"services: {a: {image: busybox, command: 'true', mem_limit: 32m}}\n";
    let mut gate = lab.gate(&file, b"docker compose -p tried -f - create");
    gate.args(["--key", "tried-key"]);
    with_input(gate, project).succeeded();
    let words = logged(lab, &[of_key, "request=\"docker compose -p tried -f - create\""], 1).remove(0);
    assert!(words.contains(" candidate=deny:limit "), "{words}");
    let call = logged(lab, &[of_key, " via=argv ", "POST /containers/create?name=tried-a-1"], 1).remove(0);
    assert!(call.contains(" candidate=deny:limit "), "{call}");
    lab.docker(&["rm", "tried-a-1"]).succeeded();
    let mut audit = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    audit.args(["audit", "summary", "--candidate", "--key", "tried-key"]).arg(lab.value("LOG"));
    let summary = Outcome::from(audit.output().unwrap()).succeeded().out();
    for part in [
        "\nnewly refused: ",
        "\nnewly allowed: 0\n",
        " x limit\n",
        " x not-allowed\n",
        " x tried-key\n",
        "  POST /containers/create?name=tried-large",
    ] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
}

#[test]
fn a_gate_has_a_proxy_for_its_daemon() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "wide", "", &[]);
    let narrow = policy(lab, "gate", &proxy.socket.display().to_string(), "[containers]\nprotected = ['web']\n");
    let gate = |request: &str| {
        let mut command = lab.gate(&narrow, request.as_bytes());
        command.args(["--key", "hermes"]);
        command
    };
    let ssh = |request: &str| -> Outcome { gate(request).stdin(Stdio::null()).output().unwrap().into() };
    assert!(ssh("docker ps").succeeded().out().contains("web"));
    assert_eq!(ssh("docker run --rm busybox echo hi").succeeded().out(), "hi\n");
    assert_eq!(with_input(gate("docker run --rm -i busybox cat"), b"bytes").succeeded().out(), "bytes");
    with_input(gate("docker compose -p two-walls -f - up -d --build"), PROJECT).succeeded();
    // The questions of a gate are one connection to the proxy, whose record counts them; docker has one of its own.
    ssh("docker restart -t 0 two-walls-a-1 two-walls-a-1").succeeded();
    let own = lab.records("request=\"docker restart -t 0 two-walls-a-1 two-walls-a-1\"", 1).remove(0);
    let process = own.split(" id=").nth(1).and_then(|rest| rest.split(' ').next()?.rsplit('-').next()).unwrap();
    let process = u32::from_str_radix(process, 16).unwrap();
    let connections = lab.records(&format!(" peer={process} "), 2);
    assert!(connections.iter().all(|record| record.contains(" command=proxy ")), "{connections:#?}");
    let labels = |object: &str| lab.docker(&["inspect", "-f", "{{json .Config.Labels}}", object]).succeeded().out();
    for object in ["two-walls-a-1", "two-walls-a"] {
        let labels = labels(object);
        assert!(labels.contains(r#""dockgate.key":"hermes""#), "whose it is, the gate says: {labels}");
        assert!(labels.contains(&format!(r#""dockgate.account":"{}""#, lab.value("ACCOUNT"))), "{labels}");
    }
    ssh("docker rm -f web").denied("protected");
    ssh("docker exec two-walls-a-1 id").denied("blocked-command");
    with_input(gate("docker compose -p two-walls -f - down -v -t 0 --rmi local"), PROJECT).succeeded();
    assert_eq!(lab.docker(&["volume", "ls", "-q", "--filter", "name=two-walls"]).out(), "");
    // A key of the account's is the account's word; the account is not.
    let create =
        r#"{"Image": "busybox", "Labels": {"dockgate.account": "root", "dockgate.key": "other", "dockgate.id": "1"}}"#;
    let post = format!(
        "POST /v1.51/containers/create?name=proxy-claims HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\
        Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{create}",
        create.len()
    );
    let answer = proxy.raw(post.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let labels = labels("proxy-claims");
    assert!(
        labels.contains(r#""dockgate.account":"root""#) && labels.contains(r#""dockgate.key":"other""#),
        "{labels}"
    );
    proxy.docker(lab, &["rm", "proxy-claims"]).succeeded();
    let odd = post
        .replace(r#""other""#, r#""a\nb""#)
        .replace(&format!(": {}\r", create.len()), &format!(": {}\r", create.len() - 1));
    let length = create.replace(r#""other""#, r#""a\nb""#).len();
    let odd = odd.replace(&format!("Content-Length: {}", create.len() - 1), &format!("Content-Length: {length}"));
    assert!(proxy.raw(odd.as_bytes()).contains("reserved-label"));
}

#[test]
fn a_project_is_started_again_with_its_configs() {
    let lab = Lab::shared();
    let ssh = |words: &str| lab.ssh_with(&format!("docker compose -p again -f - {words}"), PROJECT).succeeded();
    let logs = || lab.ssh("docker logs again-a-1").succeeded().out();
    for (times, start) in [(1, "up -d --build"), (2, "start"), (3, "up -d")] {
        ssh(start);
        until("it has been started again", || logs().matches("configured").count() == times);
        ssh("stop -t 0");
    }
    ssh("down -v -t 0 --rmi local");
}

#[test]
fn it_ends_its_connections_and_says_so() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "ends", "", &["--key", "lasting"]);
    let socket = proxy.socket.clone();
    let mut following = docker_at(lab, &socket, &["events"]);
    let mut following = spawn(&mut following);
    let opened = || logged(lab, &["command=proxy ", " key=lasting ", &format!(" peer={} ", following.id())], 1);
    let id = id_of(&opened()[0]);
    let mut idle = UnixStream::connect(&socket).unwrap();
    idle.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
    let mut byte = [0];
    idle.read_exact(&mut byte).unwrap();
    assert_eq!(proxy.stop(), 0);
    assert!(!socket.exists(), "its socket has gone");
    assert!(!following.wait().unwrap().success());
    assert!(lab.end(&id).contains(" ended=signal "), "{}", lab.end(&id));
    let all = logged(lab, &["command=proxy ", " key=lasting ", &format!(" peer={} ", std::process::id())], 2);
    // `start` has looked whether it listens, too.
    all.iter().for_each(|record| drop(lab.end(&id_of(record))));
}

#[test]
fn a_policy_that_changes_holds_from_the_next_connection_on() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "changes", "", &["--key", "changing"]);
    proxy.docker(lab, &["ps"]).succeeded();
    policy(lab, "changes", lab.value("SOCKET"), "[commands]\nblocked = ['ps']\n");
    let outcome = proxy.docker(lab, &["ps"]);
    assert!(outcome.err().contains("docker 'ps' is blocked by security policy"), "{}", outcome.err());
    policy(lab, "changes", lab.value("SOCKET"), "[no.such]\ntable = 1\n");
    let outcome = proxy.docker(lab, &["ps"]);
    assert!(
        outcome.code != 0 && outcome.err().contains("policy: it is broken or not trustworthy"),
        "{}",
        outcome.err()
    );
    assert!(!outcome.err().contains("no.such"), "what stands in it is the administrator's");
    policy(lab, "changes", lab.value("SOCKET"), "[keys.other]\n");
    let outcome = proxy.docker(lab, &["ps"]);
    assert!(outcome.err().contains("reason: key-refused: "), "{}", outcome.err());
    let id = outcome.err().split("record: ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let marks = ["verdict=deny reason=key-refused command=proxy ", " key=changing ", &format!(" id={id} ")];
    logged(lab, &marks, 1);
}

#[test]
fn a_socket_that_is_not_its_own_is_not_taken() {
    let lab = Lab::shared();
    let file = policy(lab, "own", lab.value("SOCKET"), "");
    let refused = |options: &[&str], code: i32, says: &str| {
        let output = dockgate(lab, &file).arg("proxy").args(options).output().unwrap();
        let outcome = Outcome::from(output);
        assert_eq!(outcome.code, code, "{options:?}: {}", outcome.err());
        assert!(outcome.err().starts_with("ERROR: ") && outcome.err().contains(says), "{options:?}: {}", outcome.err());
    };
    refused(&["--listen", lab.value("SOCKET")], 78, "docker.host is the proxy's own socket");
    let path = |name: &str| directory(lab).join(name).display().to_string();
    std::fs::write(path("file"), "kept").unwrap();
    refused(&["--listen", &path("file")], 64, "it is there, and is no socket");
    assert_eq!(std::fs::read_to_string(path("file")).unwrap(), "kept");
    let taken = Proxy::start(lab, "taken", "", &[]);
    refused(&["--listen", &taken.socket.display().to_string()], 64, "another program listens on it");
    refused(&["--listen", &path("x.sock"), "--group", "no-such-group"], 64, "group no-such-group: there is none");
    refused(
        &["--listen", &path("x.sock"), "--profile", "no-such"],
        78,
        "--profile names a profile that the policy file does not have",
    );
    std::fs::create_dir_all(path("open")).unwrap();
    std::fs::set_permissions(path("open"), PermissionsExt::from_mode(0o777)).unwrap();
    refused(&["--listen", &path("open/x.sock")], 64, "others can write its directory");
    // One that was left by a proxy that was killed is.
    let left = Proxy::start(lab, "left", "", &[]);
    let mut left = std::mem::ManuallyDrop::new(left);
    left.child.kill().unwrap();
    left.child.wait().unwrap();
    assert!(left.socket.exists());
    Proxy::start(lab, "left", "", &[]).docker(lab, &["ps"]).succeeded();
}

#[test]
fn systemd_makes_the_socket() {
    let lab = Lab::shared();
    let file = policy(lab, "activated", lab.value("SOCKET"), "");
    let socket = directory(lab).join("activated.sock");
    let start = |listen: &Path| {
        let mut command = Command::new("/usr/bin/env");
        command.args(["--default-signal", "systemd-socket-activate"]).arg("-l").arg(&socket);
        command.arg(lab.directory.join("dockgate")).arg("--config").arg(&file).arg("proxy").arg("--listen").arg(listen);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let ping = |what: &str| {
        let mut answer = String::new();
        until(what, || {
            let Ok(mut client) = UnixStream::connect(&socket) else { return false };
            client.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
            let _ = client.read_to_string(&mut answer);
            true
        });
        answer
    };
    let mut activated = start(&socket);
    let answer = ping("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    kill(Pid::from_raw(activated.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(activated.wait().unwrap().code(), Some(0));
    assert!(socket.exists(), "it is systemd's");
    std::fs::remove_file(&socket).unwrap();
    let mut other = start(Path::new("/run/other.sock"));
    ping("it is started");
    assert_eq!(other.wait().unwrap().code(), Some(64));
    let mut said = String::new();
    other.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("the socket that has been passed on (LISTEN_FDS) is "), "{said}");
}

/// A unit's value of this name, for the instance that is named after the account.
fn unit(file: &str, name: &str, instance: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).expect(name);
    value.replace("%i", instance)
}

#[test]
fn the_units_are_what_systemd_takes_and_start_what_they_say() {
    let lab = Lab::shared();
    let units = tempfile::tempdir().unwrap();
    for kind in ["socket", "service"] {
        let source = format!("{}/packaging/systemd/dockgate-proxy@.{kind}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(source).unwrap();
        // Neither the program nor its manual is installed here.
        let text = text.replace("/usr/bin/dockgate", "/bin/true").replace("Documentation=man:dockgate(1)\n", "");
        std::fs::write(units.path().join(format!("dockgate-proxy@root.{kind}")), text).unwrap();
    }
    let files = ["socket", "service"].map(|kind| units.path().join(format!("dockgate-proxy@root.{kind}")));
    let verified = Command::new("systemd-analyze").arg("verify").args(&files).output().unwrap();
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
    // The socket is made where the service says, and the options are the service's own.
    let account = lab.value("ACCOUNT");
    assert_eq!(unit("dockgate-proxy@.socket", "SocketUser", account), account);
    let listen = unit("dockgate-proxy@.socket", "ListenStream", account);
    let start = unit("dockgate-proxy@.service", "ExecStart", account);
    let words: Vec<_> = start.split(' ').collect();
    assert_eq!(words, ["/usr/bin/dockgate", "proxy", "--listen", listen.as_str(), "$OPTIONS"]);
    assert_eq!(Path::new(&listen).parent(), Some(Path::new("/run/dockgate-proxy")));
}

/// A daemon that says this to whoever asks, one answer a connection.
fn fake_daemon(lab: &Lab, name: &str, answer: &'static [u8]) -> PathBuf {
    let socket = directory(lab).join(format!("{name}-daemon.sock"));
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut request = [0; 64 * 1024];
            let _ = client.read(&mut request);
            let _ = client.write_all(answer);
        }
    });
    socket
}

#[test]
fn a_newer_daemon_speaks_the_newest_known_version() {
    let lab = Lab::shared();
    let answer: &[u8] =
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n\
        {\"ApiVersion\":\"1.99\", \"MinAPIVersion\": \"1.24\"}";
    let daemon = fake_daemon(lab, "newer", answer);
    policy(lab, "newer", &daemon.display().to_string(), "");
    let proxy = Proxy::start_as_it_is(lab, "newer", &[]);
    for path in ["/_ping", "/version"] {
        let answer = proxy.raw(format!("GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(answer.contains("\r\nApi-Version: 1.51\r\n"), "{answer}");
        assert_eq!(answer.contains(r#"{"ApiVersion":"1.51","MinAPIVersion":"1.41"}"#), path == "/version", "{answer}");
    }
}

#[test]
fn a_daemon_that_goes_is_told_of() {
    let lab = Lab::shared();
    policy(lab, "gone", "/nonexistent/docker.sock", "");
    let gone = Proxy::start_as_it_is(lab, "gone", &[]);
    let ping = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
    let answer = gone.raw(ping);
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("the daemon gives no answer"), "{answer}");
    let daemon = fake_daemon(lab, "half", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    policy(lab, "half", &daemon.display().to_string(), "");
    let half = Proxy::start_as_it_is(lab, "half", &[]);
    let answer = half.raw(ping);
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nhalf"),
        "no more than has come: {answer}"
    );
    let daemon = fake_daemon(lab, "garbage", b"garbage\r\n\r\n");
    policy(lab, "garbage", &daemon.display().to_string(), "");
    let garbage = Proxy::start_as_it_is(lab, "garbage", &[]);
    let answer = garbage.raw(ping);
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[test]
fn two_hundred_clients_are_served_and_as_many_ends_recorded() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "many", "", &["--key", "many"]);
    let ask = |_| {
        let socket = proxy.socket.clone();
        std::thread::spawn(move || {
            let mut client = UnixStream::connect(&socket).unwrap();
            // All of them are there before the first has been answered.
            std::thread::sleep(std::time::Duration::from_millis(500));
            client.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            answer
        })
    };
    let clients: Vec<_> = (0..200).map(ask).collect();
    for client in clients {
        let answer = client.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    // And the one that has looked whether it listens.
    let opened = logged(lab, &["command=proxy ", " key=many "], 201);
    let ids: std::collections::BTreeSet<_> = opened.iter().map(|record| id_of(record)).collect();
    assert_eq!(ids.len(), 201);
    until("each has its end", || {
        let log = std::fs::read_to_string(lab.value("LOG")).unwrap();
        let ended = log.lines().filter_map(|line| line.split(": verdict=end id=").nth(1)?.split(' ').next());
        ended.filter(|id| ids.contains(*id)).count() == 201
    });
    // A client that says nothing, or not enough, is let be, and keeps nobody else.
    let mut slow: Vec<_> = (0..50).map(|_| UnixStream::connect(&proxy.socket).unwrap()).collect();
    slow.iter_mut().for_each(|client| client.write_all(b"GET /_ping HT").unwrap());
    let answer = proxy.raw(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn what_is_asked_of_a_proxy_has_an_end() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "ending", "[limits]\nduration = '2s'\n", &["--key", "ending"]);
    let mut client = UnixStream::connect(&proxy.socket).unwrap();
    client.write_all(b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let opened = logged(lab, &["command=proxy ", " key=ending "], 2);
    let ends: Vec<_> = opened.iter().map(|record| lab.end(&id_of(record))).collect();
    assert!(ends.iter().any(|end| end.contains(" ended=limit-duration ")), "{ends:?}");
}

/// What a client does beyond its words is judged where no word is: plain docker and Compose, at a guard with a policy.
#[test]
fn the_second_wall_holds_alone() {
    let lab = Lab::shared();
    let granted = lab.directory.join("granted");
    std::fs::create_dir_all(&granted).unwrap();
    let more = format!(
        "[host]\nbind_mounts = ['{}']\n[volumes]\nprotected = ['vault-*']\n[networks]\nprotected = ['edge-*']\n\
        [containers]\nprotected = ['shop-*']\n[limits]\ncpus = 1.0\nimages = ['busybox']\n",
        granted.display()
    );
    let proxy = Proxy::start(lab, "effects", &more, &["--key", "effects"]);
    let refused = |outcome: Outcome, reason: &str| {
        assert_ne!(outcome.code, 0, "{reason}: {}", outcome.out());
        assert!(outcome.err().contains(&format!("reason: {reason}: ")), "{reason}: {}", outcome.err());
    };
    let compose = |words: &[&str], file: &str| {
        let words = [&["compose", "-f", "-"], words].concat();
        with_input(docker_at(lab, &proxy.socket, &words), file.as_bytes())
    };
    let there = |kind: &str, name: &str| lab.docker(&[kind, "inspect", name]).code == 0;

    // A model's names, of a project that is nobody's.
    lab.docker(&["volume", "create", "vault-data"]).succeeded();
    lab.docker(&["network", "create", "edge-net"]).succeeded();
    let named =
        "services: {a: {image: busybox}}\nvolumes: {v: {name: vault-data}}\nnetworks: {default: {name: edge-net}}\n";
    let _ = compose(&["-p", "effects-named", "down", "-v"], named);
    assert!(there("volume", "vault-data") && there("network", "edge-net"));
    refused(proxy.docker(lab, &["volume", "rm", "vault-data"]), "protected");
    refused(proxy.docker(lab, &["run", "--rm", "-v", "vault-data:/v", "busybox", "true"]), "protected");
    refused(proxy.docker(lab, &["volume", "create", "vault-new"]), "protected");

    // What a project's containers have mounted is handed on by Compose.
    let shop = "services: {db: {image: busybox, command: sleep 1000, init: true, volumes: [\"vault-data:/data\"]}}\n\
        volumes: {vault-data: {external: true}}\n";
    let mut own = docker_at(lab, Path::new(lab.value("SOCKET")), &["compose", "-p", "shop", "-f", "-", "up", "-d"]);
    own.env("DOCKER_HOST", format!("unix://{}", lab.value("SOCKET")));
    with_input(own, shop.as_bytes()).succeeded();
    let before = lab.docker(&["inspect", "-f", "{{.Id}}", "shop-db-1"]).succeeded().out();
    let taken = "services: {db: {image: busybox, command: sleep 2000, volumes: [/data]}}\n";
    refused(compose(&["-p", "shop", "up", "-d"], taken), "protected");
    assert_eq!(lab.docker(&["inspect", "-f", "{{.Id}}", "shop-db-1"]).out(), before, "it is the same");
    // A label that makes a container one of it.
    refused(
        proxy.docker(lab, &["run", "-d", "--label", "com.docker.compose.project=shop", "busybox", "sleep", "1000"]),
        "protected",
    );

    // A mount that leads elsewhere by the time of its start.
    let (place, name) = (granted.join("own"), "effects-mounts");
    std::fs::create_dir_all(&place).unwrap();
    let mount = format!("{}:/h", place.display());
    lab.docker(&["create", "--name", name, "-v", &mount, "busybox", "cat", "/h/shadow"]).succeeded();
    std::fs::remove_dir(&place).unwrap();
    std::os::unix::fs::symlink("/etc", &place).unwrap();
    refused(proxy.docker(lab, &["start", name]), "bind-mount");
    assert_eq!(lab.docker(&["inspect", "-f", "{{.State.Status}}", name]).out(), "created\n");

    // The image that runs without being named, and one under another tag.
    lab.docker(&["tag", "busybox", "effects-implicit-a"]).succeeded();
    refused(compose(&["-p", "effects-implicit", "up", "-d"], "services: {a: {build: .}}\n"), "limit");
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "name=effects-implicit"]).out(), "");

    // One limit in another spelling.
    proxy
        .docker(lab, &["run", "-d", "--name", "effects-limits", "--cpus", "0.5", "busybox", "sleep", "1000"])
        .succeeded();
    refused(proxy.docker(lab, &["update", "--cpu-quota=-1", "effects-limits"]), "limit");
    refused(proxy.docker(lab, &["run", "--rm", "busybox", "true"]), "limit");
    assert_eq!(lab.docker(&["inspect", "-f", "{{.HostConfig.NanoCpus}}", "effects-limits"]).out(), "500000000\n");
    // More of what exists.
    refused(proxy.docker(lab, &["exec", "--privileged", "effects-limits", "true"]), "blocked-command");
    refused(proxy.docker(lab, &["rename", "effects-limits", "shop-x-1"]), "protected");
    refused(proxy.docker(lab, &["network", "connect", "edge-net", "effects-limits"]), "protected");
    for words in [
        &["rm", "-f", "effects-limits", "shop-db-1", name][..],
        &["volume", "rm", "vault-data"],
        &["network", "rm", "edge-net"],
    ] {
        lab.docker(words).succeeded();
    }
}

/// What an allow-list has as a part of another command, a client over the API does to what its key has made, and to
/// nothing else.
#[test]
fn a_part_of_a_permitted_command_is_for_the_keys_own() {
    let lab = Lab::shared();
    let more = "[profiles.deployer.commands]\nallowed = ['compose up', 'compose down', 'ps']\n";
    let proxy = Proxy::start(lab, "parts", more, &["--profile", "deployer", "--key", "parts"]);
    lab.docker(&["run", "-d", "--init", "--name", "parts-others", "busybox", "sleep", "1000"]).succeeded();
    lab.docker(&["volume", "create", "parts-others"]).succeeded();
    lab.docker(&["network", "create", "parts-others"]).succeeded();
    let up = |command: &str| {
        let file = format!(
            "services: {{a: {{image: busybox, command: {command}, init: true, volumes: ['data:/d']}}}}\nvolumes: {{data: }}\n"
        );
        let words = ["compose", "-p", "parts", "-f", "-", "up", "-d", "-t", "0"];
        with_input(docker_at(lab, &proxy.socket, &words), file.as_bytes()).succeeded()
    };
    up("sleep 1000");
    let first = lab.docker(&["inspect", "-f", "{{.Id}}", "parts-a-1"]).succeeded().out();
    // The container is stopped, renamed and removed, and another one made.
    up("sleep 2000");
    assert_ne!(lab.docker(&["inspect", "-f", "{{.Id}}", "parts-a-1"]).succeeded().out(), first);
    for words in [
        &["stop", "parts-others"][..],
        &["rm", "-f", "parts-others"],
        &["rename", "parts-others", "parts-mine"],
        &["restart", "parts-others"],
        &["kill", "parts-others"],
        &["volume", "rm", "parts-others"],
        &["network", "rm", "parts-others"],
        &["exec", "parts-a-1", "true"],
        // What nothing is meant by yet, as the beginning of two ids, could be another's when the daemon looks.
        &["kill", "parts-nobody"],
        &["rmi", "abc"],
    ] {
        let outcome = proxy.docker(lab, words);
        let refused =
            ["reason: not-allowed: ", "reason: blocked-command: "].iter().any(|why| outcome.err().contains(why));
        assert!(outcome.code != 0 && refused, "{words:?}: {}", outcome.err());
    }
    let running = lab.docker(&["ps", "--filter", "name=parts-others", "--format", "{{.Names}}"]).succeeded();
    assert_eq!(running.out(), "parts-others\n");
    lab.docker(&["rm", "-f", "parts-others", "parts-a-1"]).succeeded();
    lab.docker(&["network", "inspect", "parts-others"]).succeeded();
    lab.docker(&["volume", "inspect", "parts-others"]).succeeded();
    // Of a list with `ps` alone nothing of a container's settings is read.
    let look = Proxy::start(lab, "looks", "[profiles.look.commands]\nallowed = ['ps']\n", &["--profile", "look"]);
    let refused = look.docker(lab, &["inspect", "web"]).err();
    assert!(refused.contains("reason: not-allowed: ") && refused.contains("hint: the administrator's policy says"));
    assert!(!refused.contains("`help`"), "nothing answers that on a socket: {refused}");
    look.docker(lab, &["ps"]).succeeded();
}

/// A group of an allow-list is each command of the group, also for what is only a part of one; and what is blocked of it
/// is none. Volumes go with `volume rm` alone, as they do by words.
#[test]
fn a_group_on_an_allow_list_is_each_of_its_commands() {
    let lab = Lab::shared();
    let lists = "[profiles.group.commands]\nallowed = ['compose', 'container']\n\
        [profiles.without.commands]\nallowed = ['compose']\n\
        blocked = ['compose up', 'compose create', 'compose run', 'compose scale', 'compose watch']\n\
        [profiles.volumes.commands]\nallowed = ['compose', 'volume']\n";
    let by = |profile: &'static str| Proxy::start(lab, profile, lists, &["--profile", profile, "--key", "group-key"]);
    let group = by("group");
    let file =
        b"services: {a: {image: busybox, command: sleep 1000, init: true, volumes: ['data:/d']}}\nvolumes: {data: }\n";
    let compose = |proxy: &Proxy, words: &[&str]| {
        let words = [&["compose", "-p", "groups", "-f", "-"], words].concat();
        with_input(docker_at(lab, &proxy.socket, &words), file)
    };
    compose(&group, &["up", "-d"]).succeeded();
    assert!(group.docker(lab, &["container", "ls"]).succeeded().out().contains("groups-a-1"));
    group.docker(lab, &["ps"]).succeeded();
    group.docker(lab, &["run", "--rm", "busybox", "true"]).succeeded();
    let refused = compose(&group, &["down", "-t", "0", "-v"]);
    assert!(refused.code != 0 && refused.err().contains("'volume rm' is not on the allow-list"), "{}", refused.err());
    lab.docker(&["volume", "inspect", "groups_data"]).succeeded();
    logged(lab, &[" key=group-key ", " reason=not-allowed ", "DELETE /volumes/groups_data"], 1);
    // By words the same.
    let gate = lab.gate(&directory(lab).join("group.toml"), b"docker compose -p groups -f - down -v");
    let words = with_input(with(gate, &["--profile", "group"]), file);
    assert!(words.code != 0 && words.err().contains("'volume rm' is not on the allow-list"), "{}", words.err());
    lab.docker(&["volume", "inspect", "groups_data"]).succeeded();
    // What makes a network is blocked, one by one.
    let without = by("without");
    let refused = without.docker(lab, &["network", "create", "groups-none"]);
    assert!(refused.err().contains("reason: not-allowed: "), "{}", refused.err());
    assert_ne!(lab.docker(&["network", "inspect", "groups-none"]).code, 0);
    compose(&by("volumes"), &["down", "-t", "0", "-v"]).succeeded();
    assert_ne!(lab.docker(&["volume", "inspect", "groups_data"]).code, 0);
}

/// A profile's number of containers is each key's own, also for a client of the API.
#[test]
fn a_profile_s_number_of_containers_is_each_keys_own() {
    let lab = Lab::shared();
    let limits = "[profiles.agent.limits]\ncontainers = 1\n";
    let by = |key: &str| Proxy::start(lab, key, limits, &["--profile", "agent", "--key", key]);
    let (one, other) = (by("count-one"), by("count-other"));
    let run = |proxy: &Proxy, name: &str| {
        proxy.docker(lab, &["run", "-d", "--init", "--name", name, "busybox", "sleep", "1000"])
    };
    run(&one, "count-first").succeeded();
    run(&other, "count-second").succeeded();
    let refused = run(&one, "count-third");
    assert!(refused.err().contains("1 would run besides the 1 of this key that do"), "{}", refused.err());
    logged(lab, &[" key=count-one ", " reason=limit "], 1);
    let running = lab.docker(&["ps", "--filter", "name=count-", "--format", "{{.Names}}"]).succeeded().out();
    assert!(running.contains("count-first") && running.contains("count-second") && !running.contains("count-third"));
    // By words the same key's.
    let mut gate = lab.gate(&directory(lab).join("count-one.toml"), b"docker run -d busybox true");
    gate.args(["--profile", "agent", "--key", "count-one"]);
    assert!(Outcome::from(gate.output().unwrap()).denied("limit").err().contains("the 1 of this key that do"));
    // The third was made, and never started.
    lab.docker(&["rm", "-f", "count-first", "count-second", "count-third"]);
}

#[test]
fn what_is_only_observed_is_no_more_than_would_be_refused() {
    let lab = Lab::shared();
    let proxy = Proxy::start(
        lab,
        "observes",
        "[profiles.watch]\nmode = 'observe'\n",
        &["--profile", "watch", "--key", "observes"],
    );
    assert_eq!(proxy.docker(lab, &["run", "--rm", "busybox", "echo", "hi"]).succeeded().out(), "hi\n");
    proxy.docker(lab, &["exec", "web", "true"]).succeeded();
    let observed = logged(lab, &[": verdict=observe ", " key=observes "], 3);
    assert!(observed.iter().all(|record| record.contains(" command=exec ")), "{observed:?}");
}

/// What a container is in once it runs is what was judged: by its name, and when it starts.
#[test]
fn a_network_is_the_one_that_was_judged() {
    let lab = Lab::shared();
    let more = "[networks]\nonly = 'own'\nprotected = ['joins-edge']\n";
    let [one, two] = ["joins-one", "joins-two"].map(|key| Proxy::start(lab, key, more, &["--key", key]));
    let edge = lab.docker(&["network", "create", "joins-edge"]).succeeded().out();
    one.docker(lab, &["network", "create", "joins-own"]).succeeded();
    let networks = |name: &str| {
        lab.docker(&["inspect", "-f", "{{range $n, $_ := .NetworkSettings.Networks}}{{$n}} {{end}}", name])
            .succeeded()
            .out()
    };
    // By an id beside the name.
    let endpoint = format!(r#"{{"NetworkID": "{}"}}"#, edge.trim());
    let create = format!(
        r#"{{"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {{"NetworkMode": "joins-own"}}, "NetworkingConfig": {{"EndpointsConfig": {{"joins-own": {endpoint}}}}}}}"#
    );
    let post = |path: &str, body: &str| {
        let length = body.len();
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        raw_as_the_account(lab, &one.socket, bytes.as_bytes())
    };
    let answer = post("/v1.51/containers/create?name=joins-by-id", &create);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    one.docker(lab, &["start", "joins-by-id"]).succeeded();
    assert_eq!(networks("joins-by-id"), "joins-own \n");
    one.docker(lab, &["network", "create", "joins-more"]).succeeded();
    let connect = format!(r#"{{"Container": "joins-by-id", "EndpointConfig": {endpoint}}}"#);
    let answer = post("/v1.51/networks/joins-more/connect", &connect);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(networks("joins-by-id"), "joins-more joins-own \n");
    // By a name that is another's by the time of its start.
    one.docker(lab, &["network", "create", "joins-later"]).succeeded();
    one.docker(lab, &["create", "--name", "joins-by-name", "--network", "joins-later", "busybox", "sleep", "1000"])
        .succeeded();
    one.docker(lab, &["network", "rm", "joins-later"]).succeeded();
    two.docker(lab, &["network", "create", "joins-later"]).succeeded();
    let outcome = one.docker(lab, &["start", "joins-by-name"]);
    assert_ne!(outcome.code, 0, "{}", outcome.out());
    assert_eq!(lab.docker(&["inspect", "-f", "{{.State.Status}}", "joins-by-name"]).succeeded().out(), "created\n");
    // By the administrator's hand, meanwhile.
    one.docker(lab, &["stop", "-t", "0", "joins-by-id"]).succeeded();
    lab.docker(&["network", "connect", "joins-edge", "joins-by-id"]).succeeded();
    assert_ne!(one.docker(lab, &["start", "joins-by-id"]).code, 0);
    lab.docker(&["rm", "-f", "joins-by-id", "joins-by-name"]).succeeded();
    lab.docker(&["network", "rm", "joins-own", "joins-more", "joins-later", "joins-edge"]).succeeded();
}

/// docker asks first whether an image's name is a container's, a network's or a volume's.
#[test]
fn an_image_is_inspected_by_all_of_its_names() {
    let lab = Lab::shared();
    lab.docker(&["tag", "busybox", "localhost:5000/inspects/app:1"]).succeeded();
    let digest = lab.docker(&["image", "inspect", "-f", "{{.Id}}", "busybox"]).succeeded().out();
    let proxy = Proxy::start(lab, "inspects", "", &[]);
    for name in ["busybox:latest", "localhost:5000/inspects/app:1", digest.trim()] {
        for outcome in [
            proxy.docker(lab, &["inspect", "-f", "{{.Id}}", name]),
            lab.ssh(&format!("docker inspect -f '{{{{.Id}}}}' {name}")),
        ] {
            assert_eq!(outcome.succeeded().out(), digest, "{name}");
        }
    }
    let outcome = proxy.docker(lab, &["inspect", "no/such:1"]);
    assert!(
        outcome.code == 1 && outcome.err().to_lowercase().contains("no such object: no/such:1"),
        "{}",
        outcome.err()
    );
}

/// Clients that ask for nothing are no more than others' neighbours for a while.
#[test]
fn who_asks_for_nothing_goes() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, "silent", "", &[]);
    let mut silent = UnixStream::connect(&proxy.socket).unwrap();
    let begun = std::time::Instant::now();
    silent.read_to_end(&mut Vec::new()).unwrap();
    assert!((29..60).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
