//! A hundred gates and one collector, by the examples.

use super::{Gate, Rsyslog, example, until};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

const GATES: usize = 100;

/// A socket of each gate's own, whose host has a name of its own, before a daemon that forwards.
fn forwarder(gate: &Gate, port: &str) -> String {
    let mut text = format!(
        "global(workDirectory=\"{}\" maxMessageSize=\"16k\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n",
        gate.directory.path().display()
    );
    for number in 0..GATES {
        let socket = gate.path(&format!("log{number}.sock"));
        text += &format!("input(type=\"imuxsock\" Socket=\"{}\" HostName=\"gate{number}\")\n", socket.display());
        let policy = format!("[docker]\nprogram = '/bin/true'\n[audit]\nsocket = '{}'\n", socket.display());
        fs::write(gate.path(&format!("policy{number}.toml")), policy).unwrap();
    }
    let changes = [("target=\"collector.example.org\" port=\"2514\"", format!("target=\"127.0.0.1\" port=\"{port}\""))];
    let changes = changes.each_ref().map(|(from, to)| (*from, to.as_str()));
    let action = example("rsyslog-forward.conf", &changes);
    text + &action.replace("resumeInterval=\"5\"", "resumeInterval=\"1\"")
}

/// One request of each gate, four at once; what was recorded, by host.
fn send(gate: &Gate, round: &str) -> BTreeSet<String> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let sent = std::sync::Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= GATES {
                        return;
                    }
                    let request = format!("docker exec web {round}");
                    let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
                    command.arg("--config").arg(gate.path(&format!("policy{number}.toml")));
                    command.env("SSH_ORIGINAL_COMMAND", &request).stdin(Stdio::null());
                    assert_eq!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code(), Some(77));
                    sent.lock().unwrap().insert(format!("gate{number} {request}"));
                }
            });
        }
    });
    sent.into_inner().unwrap()
}

#[test]
fn a_hundred_gates_and_a_collector_that_was_down_lose_and_double_nothing() {
    let gate = Gate::new("");
    let remote = gate.path("remote");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let collect = example(
        "rsyslog-collect.conf",
        &[("/var/log/remote", &remote.display().to_string()), ("port=\"2514\"", &format!("port=\"{port}\""))],
    );
    let global = format!("global(workDirectory=\"{}\" maxMessageSize=\"16k\")\n", gate.directory.path().display());
    let mut collector = Rsyslog::start(gate.directory.path(), "collector", &format!("{global}{collect}"));
    let _host = Rsyslog::start(gate.directory.path(), "host", &forwarder(&gate, &port));
    until("rsyslogd's sockets", || gate.path(&format!("log{}.sock", GATES - 1)).exists());
    let found = || -> Vec<String> {
        if !remote.exists() {
            return Vec::new();
        }
        let decisions = gate.decisions(&remote);
        let text = |record: &serde_json::Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
        decisions.iter().map(|record| format!("{} {}", text(record, "host"), text(record, "request"))).collect()
    };
    let mut sent = send(&gate, "up");
    until("the first round", || found().len() >= sent.len());
    collector.stop();
    sent.append(&mut send(&gate, "down"));
    sent.append(&mut send(&gate, "still-down"));
    collector.again();
    sent.append(&mut send(&gate, "up-again"));
    assert_eq!(sent.len(), 4 * GATES);
    let missing = || sent.difference(&found().into_iter().collect()).cloned().collect::<Vec<_>>();
    until("all rounds", || missing().is_empty());
    assert_eq!(found().len(), sent.len(), "doubled");
    assert_eq!(fs::read_dir(&remote).unwrap().count(), GATES, "a directory for each host");
    let verified = gate.verified(&remote);
    assert!(verified.contains(&format!("of {GATES} hosts: no end and no part missing, nothing double")), "{verified}");
}
