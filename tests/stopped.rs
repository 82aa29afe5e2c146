//! What has stopped and is still there: the daemon, the log, Compose for others. A lab of its own, as the daemons of the
//! lab are stopped, and one thing at a time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
mod support;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{Lab, Outcome, id_of, one_at_a_time, spawn};

/// A daemon of the lab's that is stopped, until this is dropped.
struct Stopped(Pid);

impl Stopped {
    fn new(lab: &Lab, program: &str) -> Self {
        let words = |process: &fs::DirEntry| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>()
        };
        let own = lab.directory.display().to_string();
        let is_it = |process: &fs::DirEntry| {
            let words = words(process);
            let name = words.first().map(|first| first.rsplit('/').next().unwrap_or_default().to_owned());
            name.as_deref() == Some(program) && words.iter().any(|word| word.contains(&own))
        };
        let found = fs::read_dir("/proc").unwrap().flatten().find(is_it).expect("it runs");
        let pid = Pid::from_raw(found.file_name().to_string_lossy().parse().unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

fn policy(lab: &Lab, name: &str, more: &str) -> PathBuf {
    let file = lab.directory.join(format!("{name}.toml"));
    fs::write(&file, format!("{}\n{more}\n", fs::read_to_string(lab.value("POLICY")).unwrap())).unwrap();
    file
}

#[test]
fn a_daemon_that_hangs_is_not_one_that_has_nothing() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    lab.docker(&["create", "--name", "stopped-kept", "-v", "stopped-data:/d", "busybox"]).succeeded();
    let rows = [
        ("[containers]\nprotected = ['stopped-kept']", "docker rm -f stopped-kept"),
        ("[containers]\nonly = 'own'", "docker rm -f stopped-kept"),
        ("[volumes]\nonly = ['x']", "docker volume rm stopped-data"),
        ("[images]\nonly = 'own'", "docker build -t busybox -"),
        ("[images]\nonly = 'own'", "docker image prune -f"),
        ("[limits]\ncontainers = 1", "docker start stopped-kept"),
        ("", "docker run -v stopped-data:/d busybox true"),
    ];
    let outcomes: Vec<(&str, Outcome, Duration)> = {
        let _stopped = Stopped::new(lab, "dockerd");
        let send = |(number, (text, request)): (usize, &(&'static str, &'static str))| {
            let policy = policy(lab, &format!("hangs-{number}"), text);
            let child = spawn(lab.gate(&policy, request.as_bytes()).stdin(Stdio::null()));
            (*request, child, Instant::now())
        };
        let sent: Vec<_> = rows.iter().enumerate().map(send).collect();
        sent.into_iter()
            .map(|(request, child, begun)| (request, child.wait_with_output().unwrap().into(), begun.elapsed()))
            .collect()
    };
    for (request, outcome, time) in outcomes {
        let outcome = outcome.denied("unreachable");
        assert!(outcome.err().contains("could not be looked up"), "{request}: {}", outcome.err());
        assert!(time < Duration::from_secs(25), "{request}: {time:?}");
    }
    lab.docker(&["volume", "inspect", "stopped-data"]).succeeded();
    assert_eq!(lab.docker(&["inspect", "-f", "{{.State.Status}}", "stopped-kept"]).succeeded().out(), "created\n");
}

#[test]
fn a_record_that_was_not_written_whole_is_told_of() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let long = "stopped-log-".repeat(10_000);
    let request = format!("docker volume create --label text={long} stopped-volume");
    let stopped = Stopped::new(lab, "rsyslogd");
    let child = spawn(lab.gate(lab.value("POLICY").as_ref(), request.as_bytes()).stdin(Stdio::null()));
    // Longer than one part waits.
    std::thread::sleep(Duration::from_secs(4));
    drop(stopped);
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(outcome.code, 69, "{}", outcome.err());
    assert_ne!(lab.docker(&["volume", "inspect", "stopped-volume"]).code, 0, "nothing ran");
    let told = lab.records("reason=record-incomplete", 1).remove(0);
    assert!(told.contains(" verdict=error reason=record-incomplete command=\"volume create\" "), "{told}");
    let log = fs::read_to_string(lab.value("LOG")).unwrap();
    let id = format!(" id={} ", id_of(&told));
    let parts: Vec<&str> = log.lines().filter(|line| line.contains(&id) && line.contains(" part=")).collect();
    let last = parts.last().unwrap().split(" part=").nth(1).unwrap().split(' ').next().unwrap();
    let (number, of) = last.split_once('/').unwrap();
    assert!(parts.len() > 1 && number != of, "some arrived, and not the one that commits: {last}");
}

#[test]
fn so_many_projects_are_resolved_at_once_and_no_more() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let uid = nix::unistd::User::from_name(lab.value("ACCOUNT")).unwrap().unwrap().uid;
    lab.ssh("docker ps").succeeded();
    let state = dockgate::run::exec::state_path(lab.value("ACCOUNT"), uid.as_raw());
    let compose = |request: &str| lab.ssh_with(request, b"services: {a: {image: busybox}}\n");
    compose("docker compose -p stopped-x -f - config").succeeded();
    let hold = |number: u64| {
        let path = state.join(format!("judging-{number}"));
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).unwrap();
        nix::unistd::chown(&path, Some(uid), None).unwrap();
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error).unwrap()
    };
    let mut held: Vec<_> = (0..dockgate::run::session::JUDGING).map(hold).collect();
    let refused = compose("docker compose -p stopped-x -f - up -d").denied("too-slow");
    assert!(refused.err().contains("4 other projects of this account are being resolved"), "{}", refused.err());
    assert!(refused.err().contains("hint: send it again when they have been"), "{}", refused.err());
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "name=stopped-x"]).out(), "");
    // What loads no project waits for nobody, and one place is enough.
    lab.ssh("docker ps").succeeded();
    held.pop();
    compose("docker compose -p stopped-x -f - config").succeeded();
    drop(held);
    // More at once than there are places: each has its turn.
    let many: Vec<_> = (0..12)
        .map(|_| {
            let mut child =
                spawn(lab.client(&[], &["docker compose -p stopped-x -f - config -q"]).stdin(Stdio::piped()));
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"services: {a: {image: busybox}}\n").unwrap();
            child
        })
        .collect();
    for child in many {
        Outcome::from(child.wait_with_output().unwrap()).succeeded();
    }
}

#[test]
fn one_key_leaves_another_a_place_to_be_judged() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let uid = nix::unistd::User::from_name(lab.value("ACCOUNT")).unwrap().unwrap().uid;
    lab.ssh("docker ps").succeeded();
    let state = dockgate::run::exec::state_path(lab.value("ACCOUNT"), uid.as_raw());
    let of = |key: &str, number: u64| {
        state.join(format!("judging-{}-{number}", key.bytes().map(|b| format!("{b:02x}")).collect::<String>()))
    };
    let hold = |path: std::path::PathBuf| {
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).unwrap();
        nix::unistd::chown(&path, Some(uid), None).unwrap();
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error).unwrap()
    };
    // All that the lab's key may have, which is not all that there is.
    let held: Vec<_> = (0..dockgate::run::session::JUDGING - 1).map(|number| hold(of("hermes", number))).collect();
    let request = "docker compose -p stopped-y -f - config -q";
    lab.ssh_with(request, b"services: {a: {image: busybox}}\n").denied("too-slow");
    let mut other = lab.gate(lab.value("POLICY").as_ref(), request.as_bytes());
    let mut other = spawn(other.args(["--key", "other"]).stdin(Stdio::piped()));
    std::io::Write::write_all(&mut other.stdin.take().unwrap(), b"services: {a: {image: busybox}}\n").unwrap();
    Outcome::from(other.wait_with_output().unwrap()).succeeded();
    drop(held);
}
