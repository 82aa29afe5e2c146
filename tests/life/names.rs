//! A name service that does not answer: of hosts while the gate judges, and of the account itself.
use crate::support::{Lab, Outcome, id_of, spawn, until};
use crate::{script, uid};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The gate in a mount namespace where getent waits for ever, as the account of this number.
fn gate(lab: &Lab, policy: &Path, uid: u32, request: &str) -> Command {
    let hangs = lab.directory.join("getent-hangs");
    if !hangs.exists() {
        fs::write(&hangs, "#!/bin/sh\nexec /bin/sleep 65432\n").unwrap();
        fs::set_permissions(&hangs, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = "mount --bind \"$1\" /usr/bin/getent && exec setpriv --reuid \"$2\" --regid \"$2\" --clear-groups \"$3\" --config \"$4\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&hangs).arg(uid.to_string());
    command.arg(lab.directory.join("dockgate")).arg(policy).current_dir(lab.home()).stdin(Stdio::null());
    command.env("SSH_ORIGINAL_COMMAND", request).env("SSH_CONNECTION", "192.0.2.7 51514 192.0.2.1 22");
    command
}

/// A docker that says that it was started, and a daemon whose host only a name service knows.
fn policy(lab: &Lab, name: &str) -> (std::path::PathBuf, std::path::PathBuf) {
    let started = lab.home().join(format!("{name}-started"));
    let policy = script(lab, name, &format!("touch {}\n", started.display()));
    let text = fs::read_to_string(&policy).unwrap();
    let text = text.replace("[docker]\n", "[docker]\nhost = \"tcp://daemon.invalid:2375\"\n");
    fs::write(&policy, format!("{text}[containers]\nonly = ['a-*']\n")).unwrap();
    (policy, started)
}

fn asked(mark: &str) -> Vec<String> {
    let output = Command::new("pgrep").args(["-a", "-f", mark]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Processes that wait for the name service.
fn waiting() -> Vec<String> {
    asked("^/bin/sleep 65432")
}

#[test]
fn a_name_service_that_does_not_answer_delays_a_refusal_and_nothing_more() {
    let lab = Lab::shared();
    let (policy, started) = policy(lab, "life-names");
    let account = uid(lab);
    // What is judged by the daemon's word, and what is only run.
    for (request, code, verdict) in [
        ("docker logs name-asked", 77, "verdict=deny reason=unreachable "),
        ("docker images name-run", 69, "verdict=error reason=docker-not-started "),
    ] {
        let outcome: Outcome = gate(lab, &policy, account, request).output().unwrap().into();
        assert_eq!(outcome.code, code, "{}", outcome.err());
        assert!(lab.records(request, 1).remove(0).contains(verdict), "{}", outcome.err());
    }
    // Nobody says who this is, so nobody says which files are its own configuration. All else is there that docker needs.
    let near = lab.directory.join("life-names-near.toml");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&near, text.replace("tcp://daemon.invalid:2375", &format!("unix://{}", lab.value("SOCKET")))).unwrap();
    let outcome: Outcome = gate(lab, &near, 64321, "docker images name-less").output().unwrap().into();
    assert_eq!(outcome.code, 69, "{}", outcome.err());
    assert!(outcome.err().contains("\nreason: unavailable: "), "{}", outcome.err());
    let record = lab.records("name-less", 1).remove(0);
    assert!(record.contains(" verdict=deny reason=unavailable ") && record.contains(" user=64321 "), "{record}");
    assert!(!started.exists());
    until(&format!("nothing waits: {:?}", waiting()), || waiting().is_empty());
    // Whoever goes meanwhile takes it along: the client, and the gate.
    for (mark, killed) in [("name-left", false), ("name-killed", true)] {
        let mut child = spawn(&mut gate(lab, &policy, account, &format!("docker logs {mark}")));
        until("the name service is asked", || waiting().len() == 1);
        if killed {
            child.kill().unwrap();
        } else {
            drop(child.stdout.take());
        }
        child.wait().unwrap();
        until(&format!("nothing waits: {:?}", waiting()), || waiting().is_empty());
        let records = lab.records(mark, usize::from(!killed));
        assert!(records.iter().all(|record| record.contains(" verdict=error reason=client-gone ")), "{records:?}");
        assert!(records.iter().all(|record| !id_of(record).is_empty()));
    }
    assert!(!started.exists());
}
