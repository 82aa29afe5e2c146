//! As the account's login shell, with a real sshd: a lab of its own, because the account's shell is changed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
mod support;

use std::fs;
use std::process::Command;
use support::{Lab, new_key, ssh_as};

#[test]
fn as_login_shell_it_gates_a_key_that_the_account_has_added() {
    let lab = Lab::shared();
    // The other tests' forced commands work under it all the same.
    let shell = lab.directory.join("dockgate");
    assert!(Command::new("usermod").arg("--shell").arg(&shell).arg(lab.value("ACCOUNT")).status().unwrap().success());
    let ssh = lab.home().join(".ssh");
    fs::create_dir_all(&ssh).unwrap();
    fs::write(lab.home().join(".bashrc"), "exec touch bashrc-ran\n").unwrap();
    let added = new_key(lab, "key-added", &ssh.join("authorized_keys"), "");
    // Without a forced command the built-in policy holds, whose log and docker are the system's.
    let outcome = ssh_as(lab, &added, "docker exec web sh");
    assert!(matches!(outcome.code, 69 | 77), "{}", outcome.err());
    assert!(outcome.stdout.is_empty());
    let outcome = ssh_as(lab, &added, "touch added-ran");
    assert!(matches!(outcome.code, 69 | 77), "{}", outcome.err());
    // Nor can it choose its policy by naming the gate.
    let itself = format!("{} --config {} --key forged", shell.display(), lab.value("POLICY"));
    let outcome = ssh_as(lab, &added, &itself);
    assert!(matches!(outcome.code, 64 | 69), "{}", outcome.err());
    lab.records("key=forged", 0);
    lab.ssh("docker ps --filter name=under-login-shell").succeeded();
    lab.records("under-login-shell", 1);
    for planted in ["added-ran", "bashrc-ran"] {
        assert!(!lab.home().join(planted).exists(), "{planted}");
    }
}
