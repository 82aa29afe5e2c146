//! What the gate costs end to end: commands over an ssh connection that is kept, with the gate and with docker in its
//! place.
//!
//! A real dockerd and a real sshd of the lab's. The two take turns; `DOCKGATE_ROUNDS` says how often, for a machine that
//! has other work.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "a benchmark")]

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use support::{Lab, new_key};

/// Commands over a connection that is kept, with the gate and with docker in its place.
fn main() {
    let lab = Lab::shared();
    let rounds = std::env::var("DOCKGATE_ROUNDS").map_or(40, |rounds| rounds.parse().expect("a number"));
    let ways = [Way::docker(lab), Way::open(lab, "gate", lab.value("KEY").to_owned())];
    projects(lab);
    lab.ssh("docker compose -f bench/compose.yml up -d").succeeded();
    println!("{rounds} rounds, the gate against docker: median and best, as a ratio and in ms");
    for request in [
        "docker ps",
        "docker compose -f bench/compose.yml ps",
        "docker compose -f bench/resolved.yml ps",
        "docker compose -f bench/compose.yml logs",
        "docker compose -f bench/compose.yml restart -t 0 web",
        "docker compose -f bench/compose.yml up -d",
    ] {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            for (way, times) in ways.iter().zip(&mut times) {
                let time = way.send(lab, request);
                // The first opens the connection.
                times.extend((round > 0).then_some(time));
            }
        }
        let [bare, gate] = times.map(figures);
        println!("{}   {}   {request}", compared(gate.0, bare.0), compared(gate.1, bare.1));
    }
    lab.docker(&["rm", "-f", "bench-web-1", "bench-db-1"]).succeeded();
}

/// A connection with a key of its own.
struct Way {
    options: Vec<String>,
    key: String,
}

impl Way {
    fn open(lab: &Lab, name: &str, key: String) -> Self {
        let path = lab.directory.join(format!("{name}.master"));
        let options = ["-o", "ControlMaster=auto", "-o", "ControlPersist=30", "-S"].map(str::to_owned);
        Self { options: options.into_iter().chain([path.display().to_string()]).collect(), key }
    }

    /// docker in the gate's place.
    fn docker(lab: &Lab) -> Self {
        let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
        let docker = lab.value("DOCKER");
        let host = format!("DOCKER_HOST=unix://{} DOCKER_CONFIG={}", lab.value("SOCKET"), lab.value("CONFIG"));
        let bare = lab.directory.join("bare");
        let text = format!("#!/bin/sh\nset -- $SSH_ORIGINAL_COMMAND\nshift\n{host} exec {docker} \"$@\"\n");
        std::fs::write(&bare, text).unwrap();
        std::fs::set_permissions(&bare, PermissionsExt::from_mode(0o755)).unwrap();
        let line = format!("restrict,command=\"{}\"", bare.display());
        Self::open(lab, "bare", new_key(lab, "bench-bare", &keys, &line))
    }

    fn send(&self, lab: &Lab, request: &str) -> Duration {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let start = Instant::now();
        let output = lab.client(&options, &[request]).env("LAB_KEY", &self.key).output().unwrap();
        let taken = start.elapsed();
        assert!(output.status.success(), "{output:?}");
        taken
    }
}

fn projects(lab: &Lab) {
    let file = lab.home().join("bench/compose.yml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let service = |name: &str| format!("  {name}: {{image: busybox, command: sleep 100000, stop_grace_period: 0s}}\n");
    let text = format!("services:\n{}{}networks: {{default: {{}}}}\n", service("web"), service("db"));
    std::fs::write(&file, &text).unwrap();
    // What is resolved to be judged, as a command that makes containers is.
    std::fs::write(file.with_file_name("resolved.yml"), format!("{text}configs: {{}}\n")).unwrap();
}

/// The median, and the best: the one tells what to expect, the other what it takes where nobody else has the processor.
fn figures(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (*times.get(times.len() / 2).expect("at least one round"), *times.first().expect("at least one round"))
}

fn compared(gate: Duration, bare: Duration) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    format!("{:5.2} {:6.1} : {:6.1}", gate.as_secs_f64() / bare.as_secs_f64(), millis(gate), millis(bare))
}
