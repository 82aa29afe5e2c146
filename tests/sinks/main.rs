//! Records through a real rsyslogd: every form whole, a daemon that comes back, the example's chain.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

mod alerts;
mod collector;
mod secrets;
mod sessions;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Waits until `done`, or fails after twenty seconds.
#[track_caller]
fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A rsyslogd with a configuration of its own; it ends with the value.
struct Rsyslog {
    directory: PathBuf,
    name: String,
    child: Option<Child>,
}

impl Rsyslog {
    fn start(directory: &Path, name: &str, configuration: &str) -> Self {
        let file = directory.join(format!("{name}.conf"));
        fs::write(&file, configuration).unwrap();
        let mut daemon = Self { directory: directory.to_owned(), name: name.to_owned(), child: None };
        daemon.again();
        daemon
    }

    fn again(&mut self) {
        let path = |end: &str| self.directory.join(format!("{}.{end}", self.name));
        let checked = Command::new("/usr/sbin/rsyslogd").arg("-N1").arg("-f").arg(path("conf")).output();
        let checked = checked.expect("rsyslogd: `make test` installs it");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let log = fs::File::create(path("err")).unwrap();
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command.arg("-n").arg("-i").arg(path("pid")).arg("-f").arg(path("conf"));
        self.child = Some(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    }

    /// Ends it as systemd does, so that it saves its queues.
    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A gate whose docker is /bin/true.
struct Gate {
    directory: tempfile::TempDir,
}

impl Gate {
    fn new(audit: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("dockgate-sinks.").tempdir().unwrap();
        let socket = directory.path().join("log.sock");
        let policy = format!("[docker]\nprogram = '/bin/true'\n[audit]\nsocket = '{}'\n{audit}", socket.display());
        fs::write(directory.path().join("policy.toml"), policy).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sends(&self, request: &str) -> Option<i32> {
        self.sends_from("192.0.2.1", request)
    }

    /// A request from an address, as sshd would say.
    fn sends_from(&self, address: &str, request: &str) -> Option<i32> {
        let mut gate = Command::new(env!("CARGO_BIN_EXE_dockgate"));
        gate.arg("--config").arg(self.path("policy.toml")).env("SSH_ORIGINAL_COMMAND", request);
        gate.env("SSH_CONNECTION", format!("{address} 50000 192.0.2.254 22"));
        gate.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    }

    /// The decisions that `dockgate audit` finds in a file or directory, as JSON.
    fn decisions(&self, log: &Path) -> Vec<Value> {
        let mut audit = Command::new(env!("CARGO_BIN_EXE_dockgate"));
        let output = audit.args(["audit", "list", "--json"]).arg(log).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn verified(&self, log: &Path) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_dockgate")).args(["audit", "verify"]).arg(log).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn local(gate: &Gate, input: &str, action: &str) -> String {
    let (socket, work) = (gate.path("log.sock"), gate.directory.path());
    format!(
        "global(workDirectory=\"{}\" maxMessageSize=\"16k\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=\"{}\" {input})\n{action}\n",
        work.display(),
        socket.display()
    )
}

fn to_file(path: &Path, template: &str) -> String {
    format!("action(type=\"omfile\" file=\"{}\" template=\"{template}\")", path.display())
}

#[test]
fn every_form_comes_whole_out_of_rsyslog() {
    for (format, input, template) in [
        ("logfmt", "", "RSYSLOG_FileFormat"),
        ("logfmt", "", "RSYSLOG_TraditionalFileFormat"),
        ("json", "", "RSYSLOG_FileFormat"),
        ("rfc5424", "UseSpecialParser=\"off\"", "RSYSLOG_SyslogProtocol23Format"),
    ] {
        let gate = Gate::new(&format!("format = '{format}'\n"));
        let log = gate.path("log");
        let _daemon = Rsyslog::start(gate.directory.path(), "local", &local(&gate, input, &to_file(&log, template)));
        until("rsyslogd's socket", || gate.path("log.sock").exists());
        let secret = "docker run -e TOKEN=s3cr3t-value https://me:s3cr3t-value@x/ nginx";
        let long = format!("docker ps {}", "\"\\x \u{e9}\" ".repeat(4_000));
        let requests = ["docker ps", "docker exec web sh -c 'a \"b\" ]'", secret, &long];
        for request in requests {
            assert!(matches!(gate.sends(request), Some(0 | 77 | 64)), "{request}");
        }
        until(&format!("four decisions: {format} {template}"), || gate.decisions(&log).len() >= requests.len());
        let found = gate.decisions(&log);
        let sent: Vec<&str> = found.iter().map(|record| record["request"].as_str().unwrap()).collect();
        assert_eq!(sent[..2], requests[..2], "{format} {template}");
        assert_eq!(sent[3], long, "{format} {template}");
        assert!(!fs::read_to_string(&log).unwrap().contains("s3cr3t-value"), "{format} {template}");
        assert!(
            gate.verified(&log).contains("no end and no part missing"),
            "{format} {template}: {}",
            gate.verified(&log)
        );
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_rsyslog_restarts() {
    let gate = Gate::new("");
    let log = gate.path("log");
    let mut daemon =
        Rsyslog::start(gate.directory.path(), "local", &local(&gate, "", &to_file(&log, "RSYSLOG_FileFormat")));
    until("rsyslogd's socket", || gate.path("log.sock").exists());
    let mut recorded = BTreeSet::new();
    let mut refused = 0;
    for number in 0..200 {
        if number == 100 {
            // What its socket holds would go with it.
            until("what was sent", || gate.decisions(&log).len() == recorded.len());
            daemon.stop();
        }
        if number == 110 {
            daemon.again();
            until("rsyslogd's socket", || gate.path("log.sock").exists());
        }
        let request = format!("docker exec web n{number}");
        match gate.sends(&request) {
            Some(77) => drop(recorded.insert(request)),
            // Nobody takes the record, so nothing runs.
            Some(69) => refused += 1,
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!((refused, recorded.len()), (10, 190));
    until("all records", || gate.decisions(&log).len() >= recorded.len());
    let found = gate.decisions(&log);
    let found: Vec<String> = found.iter().map(|record| record["request"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found.len(), recorded.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), recorded);
}

/// An example's file with names of the test.
fn example(name: &str, changes: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let mut text = String::new();
    for line in fs::read_to_string(path).unwrap().lines().filter(|line| !line.trim_start().starts_with("tls")) {
        text.push_str(line);
        text.push('\n');
    }
    for (from, to) in changes {
        assert!(text.contains(from), "{name}: {from}");
        text = text.replace(from, to);
    }
    text
}

/// The example's chain, to another file.
fn chain_to(log: &Path) -> String {
    let program = format!("{} audit chain --confirm --sync {}", env!("CARGO_BIN_EXE_dockgate"), log.display());
    example(
        "rsyslog-chain.conf",
        &[("/usr/bin/dockgate audit chain --confirm --sync /var/log/dockgate/chained.log", &program)],
    )
}

#[test]
fn a_chain_that_rsyslog_feeds_names_what_was_changed() {
    let gate = Gate::new("");
    let log = gate.path("chained.log");
    let action = chain_to(&log);
    let mut daemon = Rsyslog::start(gate.directory.path(), "local", &local(&gate, "", &action));
    until("rsyslogd's socket", || gate.path("log.sock").exists());
    let send = |range: std::ops::Range<usize>| {
        for number in range {
            assert_eq!(gate.sends(&format!("docker exec web n{number}")), Some(77));
        }
    };
    send(0..5);
    until("five records", || log.exists() && gate.decisions(&log).len() == 5);
    // Rotated, and rsyslog restarted: one chain all the same.
    fs::rename(&log, gate.path("chained.log.1")).unwrap();
    send(5..8);
    let live = |count: usize| until("live records", || log.exists() && gate.decisions(&log).len() == count);
    // What its socket holds would go with it.
    live(3);
    daemon.stop();
    daemon.again();
    until("rsyslogd's socket", || gate.path("log.sock").exists());
    send(8..10);
    let collected = gate.path("collected");
    live(5);
    drop(daemon);
    fs::create_dir(&collected).unwrap();
    for name in ["chained.log", "chained.log.1"] {
        fs::copy(gate.path(name), collected.join(name)).unwrap();
    }
    let verified = gate.verified(&collected);
    assert!(
        verified
            .ends_with("10 records of 1 hosts, 10 of them chained: nothing changed, missing, double or out of order\n"),
        "{verified}"
    );
    let seal = Command::new(env!("CARGO_BIN_EXE_dockgate")).args(["audit", "seal"]).arg(&log).output().unwrap();
    assert!(seal.stdout.starts_with(b"seq=10 hash="));
    let seals = gate.path("seals");
    fs::write(&seals, &seal.stdout).unwrap();
    let verify = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
        let output = command.args(["audit", "verify", "--seal"]).arg(&seals).arg(&collected).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(verify().0, Some(0));
    let old = collected.join("chained.log.1");
    let text = fs::read_to_string(&old).unwrap();
    fs::write(&old, text.replace("n2\"", "n9\"")).unwrap();
    let (code, out) = verify();
    assert_eq!(code, Some(1));
    assert!(out.starts_with("chained, and changed since: 1\n  seq 3 "), "{out}");
    fs::write(&old, text).unwrap();
    let live = fs::read_to_string(&log).unwrap();
    let cut: String = live.lines().take(4).map(|line| format!("{line}\n")).collect();
    fs::write(collected.join("chained.log"), cut).unwrap();
    assert!(verify().1.contains("seq 10, which a seal names: the chain ends at 9"), "{}", verify().1);
}

/// A gate whose records come to the test itself, whole.
struct Recorder {
    gate: Gate,
    socket: std::os::unix::net::UnixDatagram,
}

impl Recorder {
    fn new(policy: &str) -> Self {
        let gate = Gate::new("");
        let socket = std::os::unix::net::UnixDatagram::bind(gate.path("log.sock")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let recorder = Self { gate, socket };
        recorder.policy("policy.toml", policy);
        recorder
    }

    fn policy(&self, name: &str, policy: &str) {
        let fixed = format!(
            "{policy}\n[docker]\nprogram = '/bin/true'\n[audit]\nsocket = '{}'\n",
            self.gate.path("log.sock").display()
        );
        fs::write(self.gate.path(name), fixed).unwrap();
    }

    /// Sends a request; the exit code and the record of the decision.
    fn record(&self, request: &str) -> (Option<i32>, String) {
        let code = self.gate.sends(request);
        loop {
            let mut message = [0; 16 * 1024];
            let length = self.socket.recv(&mut message).unwrap();
            let message = String::from_utf8_lossy(&message[..length]).into_owned();
            if let Some((_, record)) =
                message.split_once("]: ").filter(|(_, record)| !record.starts_with("verdict=end "))
            {
                return (code, record.to_owned());
            }
        }
    }
}

#[test]
fn all_rules_that_refuse_are_named() {
    let rules = "[commands]\nallowed = ['ps']\n[limits]\nmemory = '1m'\n[containers]\nonly = ['mine-*']\n";
    let request = "docker run --memory 2m --name other --privileged busybox";
    let recorder = Recorder::new(rules);
    let (code, record) = recorder.record(request);
    assert_eq!(code, Some(77));
    assert!(record.starts_with("verdict=deny reason=not-allowed command=run "), "{record}");
    assert!(!record.contains(" also="), "by its name alone, without a look at the rest: {record}");
    recorder.policy("policy.toml", &rules.replace("'ps'", "'run'"));
    let (code, record) = recorder.record(request);
    assert_eq!(code, Some(77));
    assert!(record.contains(" also=\""), "{record}");
    recorder.policy("policy.toml", &format!("mode = 'observe'\n{rules}"));
    let (code, record) = recorder.record("docker run --memory 2m --name other busybox");
    assert_eq!(code, Some(0));
    assert!(record.starts_with("verdict=observe reason=not-allowed command=run "), "{record}");
    let also = record.split(" also=\"").nth(1).and_then(|rest| rest.split('"').next()).expect(&record);
    let mut also: Vec<&str> = also.split(',').collect();
    also.sort_unstable();
    assert_eq!(also, ["limit", "out-of-scope"], "{record}");
    assert!(!record.contains("candidate="), "{record}");
}

#[test]
fn a_candidate_is_judged_beside_the_policy_and_decides_nothing() {
    let recorder = Recorder::new("");
    let candidate = recorder.gate.path("policy.candidate.toml");
    let said = |request: &str| {
        let (code, record) = recorder.record(request);
        let said = record.split(" candidate=").nth(1).and_then(|rest| rest.split(' ').next());
        (code, said.map(|said| said.trim_matches('"').to_owned()), record)
    };
    let says = |request: &str, code: i32, expected: &str| {
        let (is, said, record) = said(request);
        assert_eq!((is, said.as_deref()), (Some(code), Some(expected)), "{request}: {record}");
    };
    assert_eq!(said("docker ps").1, None, "there is no candidate yet");
    recorder.policy(
        "policy.candidate.toml",
        "[commands]\nblocked = []\n[limits]\nmemory = '1m'\n[keys.other]\nprofile = 'operator'\n",
    );
    says("docker ps", 0, "allow");
    says("help", 0, "allow");
    says("docker run busybox", 0, "deny:limit");
    says("docker exec web sh", 77, "allow");
    says("docker exec --privileged web sh", 77, "deny:privileged");
    says("docker run -v /:/x busybox", 77, "deny:bind-mount");
    says("docker frobnicate", 77, "deny:unknown-command");
    says("cat /etc/shadow", 77, "deny:not-docker");
    // Refused before its files are read: what they would ask for is not known.
    says("docker compose -f /etc/shadow up -d", 77, "deny:client-file");
    says("docker compose exec web sh", 77, "unknown");
    recorder.policy("policy.candidate.toml", "mode = 'observe'\n[commands]\nallowed = ['images']\n");
    says("docker ps", 0, "observe:not-allowed");
    recorder.policy("policy.candidate.toml", "[commands]\nallowed = ['images']\n");
    says("docker ps", 0, "deny:not-allowed");
    // Whatever is wrong with it, the policy in force decides.
    for (text, mode) in [("no policy", 0o644), ("", 0o666)] {
        fs::write(&candidate, text).unwrap();
        fs::set_permissions(&candidate, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        says("docker ps", 0, "error");
        says("docker exec web sh", 77, "error");
    }
}
