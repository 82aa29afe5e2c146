//! Faults: the daemon, the client or room on the disk goes away while something is asked, by each way to the guard. It
//! ends with clear words, nothing is left running, and its end is recorded. A lab of its own, as its daemon is killed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

mod builds;
mod clients;
mod daemon;
mod disk;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::{Lab, new_key, one_at_a_time, until};

/// The lab's policy under another name, with another daemon and more to it.
fn policy(lab: &Lab, name: &str, daemon: &str, more: &str) -> PathBuf {
    let file = lab.directory.join(format!("{name}.toml"));
    let own = fs::read_to_string(lab.value("POLICY")).unwrap();
    let text = own.replace(&format!("unix://{}", lab.value("SOCKET")), &format!("unix://{daemon}"));
    fs::write(&file, format!("{text}\n{more}\n")).unwrap();
    file
}

/// The gate as sshd would start it, for a key of this name.
fn gate(lab: &Lab, policy: &Path, key: &str, request: &str) -> Command {
    let mut gate = lab.gate(policy, request.as_bytes());
    gate.args(["--key", key]).env("SSH_CONNECTION", "192.0.2.7 51514 192.0.2.1 22").stdin(Stdio::null());
    gate
}

/// A proxy that runs as root, and is ended with the test.
struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Proxy {
    fn start(lab: &Lab, policy: &Path, key: &str) -> Self {
        let directory = lab.directory.join("proxies");
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let socket = directory.join(format!("{key}.sock"));
        let mut command = Command::new("/usr/bin/env");
        command.arg("--default-signal").arg(lab.directory.join("dockgate")).arg("--config").arg(policy);
        command.arg("proxy").arg("--listen").arg(format!("unix:{}", socket.display())).args(["--key", key]);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let proxy = Self { child, socket };
        until("it listens", || UnixStream::connect(&proxy.socket).is_ok());
        proxy
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.socket).unwrap()
    }

    /// How many threads it has: one a connection, and its own.
    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// docker with another host for its daemon.
fn docker_at(lab: &Lab, host: &str, words: &[&str]) -> Command {
    let home = lab.directory.join("client");
    fs::create_dir_all(&home).unwrap();
    let mut command = Command::new(lab.value("DOCKER"));
    command.env_clear().env("HOME", &home).env("PATH", format!("{}/bin:/usr/bin:/bin", lab.directory.display()));
    command.env("DOCKER_HOST", host).env("DOCKER_CONFIG", lab.value("CONFIG")).env("BUILDX_CONFIG", &home);
    command.args(words).stdin(Stdio::null()).current_dir(home);
    command
}

/// A key of the account's whose gate has this policy, and an ssh for docker that uses it: what `PATH` begins with.
fn far_key(lab: &Lab, policy: &Path, key: &str) -> PathBuf {
    let command = format!("{} --config {} --key {key}", lab.value("GATE"), policy.display());
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let file = new_key(lab, key, &keys, &format!("restrict,command=\"{command}\""));
    let directory = lab.directory.join(format!("{key}-bin"));
    fs::create_dir(&directory).unwrap();
    let ssh = directory.join("ssh");
    let config = lab.value("SSH_CONFIG");
    fs::write(&ssh, format!("#!/bin/sh\nexec /usr/bin/ssh -F {config} -o IdentityFile={file} \"$@\"\n")).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// Lines of the log with every mark, once there are at least `count`.
#[track_caller]
fn logged(lab: &Lab, marks: &[&str], count: usize) -> Vec<String> {
    let found = || {
        let log = fs::read_to_string(lab.value("LOG")).unwrap_or_default();
        log.lines().filter(|line| marks.iter().all(|mark| line.contains(mark))).map(str::to_owned).collect::<Vec<_>>()
    };
    until(&format!("{count} with {marks:?}"), || found().len() >= count);
    found()
}

/// The records of the ends of all that was allowed to a key, as many as `count`.
#[track_caller]
fn ends(lab: &Lab, key: &str, count: usize) -> Vec<String> {
    let opened = logged(lab, &["verdict=allow ", &format!(" key={key} "), " request="], count);
    let opened = opened.iter().filter(|record| !record.contains(" via="));
    opened.map(|record| lab.end(&support::id_of(record))).collect()
}
