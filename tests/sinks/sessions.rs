//! Many sessions at once through a real rsyslogd, one that restarts meanwhile, and one whose disk is full.

use super::{Gate, Rsyslog, chain_to, local, to_file, until};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What clients were told.
#[derive(Debug, Default)]
struct Sent {
    ran: BTreeSet<String>,
    refused: BTreeSet<String>,
    /// Nobody took the record, so nothing ran.
    unrecorded: usize,
}

impl Sent {
    fn recorded(&self) -> usize {
        self.ran.len() + self.refused.len()
    }
}

/// Sends requests as fast as the machine can, four at once: every third is one that is refused.
fn send(gate: &Gate, numbers: std::ops::Range<usize>, sent: &Mutex<Sent>) {
    let next = AtomicUsize::new(numbers.start);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    let request = if number.is_multiple_of(3) {
                        format!("docker exec web n{number}")
                    } else {
                        format!("docker ps --filter name=n{number}")
                    };
                    let code = gate.sends(&request);
                    let mut sent = sent.lock().unwrap();
                    match code {
                        Some(0) => drop(sent.ran.insert(request)),
                        Some(77) => drop(sent.refused.insert(request)),
                        Some(69) => sent.unrecorded += 1,
                        other => unreachable!("{request}: {other:?}"),
                    }
                }
            });
        }
    });
}

/// The log's own lines, counted without the reader that is tested elsewhere: ids by verdict, and requests.
fn lines_of(log: &Path) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
    let (mut ids, mut requests): (BTreeMap<String, Vec<String>>, Vec<String>) = Default::default();
    for line in fs::read_to_string(log).unwrap_or_default().lines() {
        let field = |name: &str| line.split(&format!("{name}=")).nth(1).and_then(|rest| rest.split(' ').next());
        let verdict = field("verdict").expect(line).to_owned();
        ids.entry(verdict).or_default().push(field(" id").expect(line).to_owned());
        requests.extend(line.split(" request=\"").nth(1).map(|rest| rest.trim_end_matches('"').to_owned()));
    }
    (ids, requests)
}

/// As many records as were promised, each once, and an end for each run.
#[track_caller]
fn holds(log: &Path, sent: &Sent) {
    until("all records", || {
        let (ids, requests) = lines_of(log);
        requests.len() >= sent.recorded() && ids.get("end").map_or(0, Vec::len) >= sent.ran.len()
    });
    let (mut ids, mut requests) = lines_of(log);
    let expected: Vec<String> = sent.ran.union(&sent.refused).cloned().collect();
    requests.sort();
    assert_eq!(requests.len(), expected.len(), "lost or doubled");
    assert_eq!(requests, expected);
    let mut of = |verdict: &str| {
        let mut ids = ids.remove(verdict).unwrap_or_default();
        ids.sort();
        ids
    };
    let (allow, deny, end) = (of("allow"), of("deny"), of("end"));
    assert_eq!(allow, end, "a decision without its end, or an end without its decision");
    assert_eq!((allow.len(), deny.len()), (sent.ran.len(), sent.refused.len()));
    let all: BTreeSet<&String> = allow.iter().chain(&deny).collect();
    assert_eq!(all.len(), allow.len() + deny.len(), "an id came twice");
}

#[test]
fn no_session_is_lost_or_doubled_at_full_speed() {
    let count = std::env::var("DOCKGATE_SESSIONS").map_or(500, |count| count.parse().unwrap());
    let gate = Gate::new("");
    let log = gate.path("log");
    let configuration = local(&gate, "", &to_file(&log, "RSYSLOG_FileFormat"));
    let mut daemon = Rsyslog::start(gate.directory.path(), "local", &configuration);
    until("rsyslogd's socket", || gate.path("log.sock").exists());
    let sent = Mutex::default();
    let begun = Instant::now();
    send(&gate, 0..count / 2, &sent);
    let first = begun.elapsed();
    // What its socket holds goes with it, where systemd does not keep the socket; that is rsyslog's and not the gate's.
    holds(&log, &sent.lock().unwrap());
    daemon.stop();
    send(&gate, 0..20, &sent);
    assert_eq!(sent.lock().unwrap().unrecorded, 20, "without a log daemon nothing runs");
    daemon.again();
    until("rsyslogd's socket", || gate.path("log.sock").exists());
    let begun = Instant::now();
    send(&gate, count / 2..count, &sent);
    let took = first + begun.elapsed();
    let sent = sent.into_inner().unwrap();
    assert_eq!(sent.recorded(), count);
    holds(&log, &sent);
    assert!(
        gate.verified(&log).ends_with(" no end and no part missing, nothing double or out of order\n"),
        "{}",
        gate.verified(&log)
    );
    println!("{count} sessions in {took:.1?}: {:.0} a second", count as f64 / took.as_secs_f64());
}

/// A file system of its own, so small that it is soon full; taken away with the value.
struct Small(PathBuf);

impl Small {
    fn new(path: PathBuf) -> Self {
        fs::create_dir(&path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&path).status().unwrap();
        assert!(mounted.success(), "this needs root: run `make test` as root");
        Self(path)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_takes_nothing_from_a_chain() {
    let gate = Gate::new("");
    let small = Small::new(gate.path("small"));
    let (log, ballast) = (small.0.join("chained.log"), small.0.join("ballast"));
    let configuration = local(&gate, "", &chain_to(&log));
    let _daemon = Rsyslog::start(gate.directory.path(), "local", &configuration);
    until("rsyslogd's socket", || gate.path("log.sock").exists());
    fs::write(&ballast, vec![b'x'; 40 * 1024]).unwrap();
    let sent = Mutex::default();
    send(&gate, 0..100, &sent);
    let sent = sent.into_inner().unwrap();
    // What the gate promises is that the daemon has it, and it has.
    assert_eq!((sent.recorded(), sent.unrecorded), (100, 0));
    let written = || fs::read_to_string(&log).unwrap().lines().count();
    let all = sent.recorded() + sent.ran.len();
    until("the disk is full", || {
        Command::new("cp").arg("/bin/sh").arg(small.0.join("more")).output().is_ok_and(|cp| !cp.status.success())
    });
    assert!(written() < all, "the disk was not full");
    fs::remove_file(small.0.join("more")).unwrap();
    fs::remove_file(&ballast).unwrap();
    until("what had no room", || written() >= all);
    assert_eq!(written(), all);
    let verified = gate.verified(&log);
    assert!(
        verified.ends_with(&format!("{all} of them chained: nothing changed, missing, double or out of order\n")),
        "{verified}"
    );
}
