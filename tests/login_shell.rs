//! As the account's login shell, with a real sshd: a lab of its own, because the account's shell is changed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the machine is shared with other tests")]
mod machine;
#[expect(dead_code, reason = "the end-to-end tests use the rest")]
mod support;

use std::fs;
use std::process::Command;
use support::{Lab, new_key, spawn, ssh_as, until};

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
    lab.records(" key=forged ", 0);
    lab.ssh("docker ps --filter name=under-login-shell").succeeded();
    lab.records("under-login-shell", 1);
    for planted in ["added-ran", "bashrc-ran"] {
        assert!(!lab.home().join(planted).exists(), "{planted}");
    }
    a_signal_of_the_clients_ends_docker_with_the_gate(lab);
}

/// sshd sends a client's signal (RFC 4254, 6.9) to the process group of the login shell, which is the gate: that is done
/// here in its stead, for sshd takes none for a forced command, and these have the lab's docker.
fn a_signal_of_the_clients_ends_docker_with_the_gate(lab: &Lab) {
    for signal in ["HUP", "INT", "QUIT", "TERM", "KILL", "ABRT"] {
        let mark = format!("container=signal-{signal}");
        let client = spawn(&mut lab.client(&[], &[&format!("docker events --filter {mark}")]));
        let docker = || lab.processes(&mark).iter().find_map(|line| line.split(' ').next()?.parse::<u32>().ok());
        until("docker runs", || docker().is_some());
        let of = |pid: u32| {
            let output = Command::new("ps").args(["-o", "ppid=,pgid=,sid=", "-p", &pid.to_string()]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let numbers: Vec<u32> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
            (numbers[0], numbers[1], numbers[2])
        };
        let (gate, own_group, _) = of(docker().unwrap());
        let (_, group, session) = of(gate);
        assert!(gate == group && gate == session && group != own_group, "{gate} is what sshd has started");
        let killed = Command::new("kill").args([&format!("-{signal}"), "--", &format!("-{group}")]).status().unwrap();
        assert!(killed.success());
        until(&format!("SIG{signal} has ended docker"), || docker().is_none());
        let code = client.wait_with_output().unwrap().status.code();
        let id = support::id_of(&lab.records(&mark, 1).remove(0));
        if ["KILL", "ABRT"].contains(&signal) {
            // These end the gate, and docker goes with it.
            assert_eq!(code, Some(255));
        } else {
            assert!(lab.end(&id).contains(" ended=signal "), "{}", lab.end(&id));
        }
    }
}

/// The same by a client that asks sshd for it, which OpenSSH's own does not.
#[test]
fn a_signal_that_sshd_passes_on_ends_docker_with_the_gate() {
    let machine = machine::Machine::start();
    let client = include_str!("fixtures/clients/send_signal.py");
    machine.must(&format!("cat >/run/signal.py <<'END'\n{client}\nEND\n"));
    // A key without a forced command, and a docker that goes on until it is ended.
    machine.must(
        "usermod --shell /usr/bin/dockgate ai-worker; sed 's/^/restrict /' /home/agent/laptop.pub >>/etc/ssh/authorized_keys.d/ai-worker; \
         printf '#!/bin/sh\\necho there\\nexec sleep 76531\\n' >/usr/bin/docker",
    );
    for signal in ["HUP", "INT", "QUIT", "TERM", "USR1", "KILL"] {
        let mark = format!("container=asked-{signal}");
        machine.must(&format!(
            "timeout 40 python3 /run/signal.py ai-worker /home/agent/laptop {signal} 'docker events --filter {mark}'; \
             for i in $(seq 500); do pgrep -f '[s]leep 76531|[d]ockgate -c' >/dev/null || exit 0; sleep 0.02; done; \
             ps -ef; exit 1"
        ));
        let log = machine.must("sleep 0.3; cat /var/log/auth.log");
        let decision = log.lines().find(|line| line.contains(&mark)).unwrap();
        assert!(decision.contains(" verdict=allow "), "{decision}");
        let end = log.lines().find(|line| line.contains(&format!("verdict=end id={} ", support::id_of(decision))));
        // A gate that is killed writes nothing, and takes docker with it.
        assert_eq!(end.is_some(), signal != "KILL", "{signal}: {end:?}");
        assert!(
            end.is_none_or(|end| end.contains(&format!(" signal={signal} ")) && end.contains(" ended=signal ")),
            "{end:?}"
        );
    }
}

#[test]
fn what_is_taken_for_a_forced_command_is_recorded_as_it_was_sent() {
    let lab = Lab::shared();
    // The built-in policy logs where every system does: a /dev of the test's own, with the lab's log in it.
    let script = r#"set -e
        mount --make-rprivate /
        mkdir "$1/dev" && mount -t tmpfs tmpfs "$1/dev"
        for name in null zero urandom; do touch "$1/dev/$name" && mount --bind "/dev/$name" "$1/dev/$name"; done
        touch "$1/dev/log" && mount --bind "$1/log.sock" "$1/dev/log"
        mount --rbind "$1/dev" /dev
        exec setpriv --reuid "$2" --regid "$2" --init-groups "$1/dockgate" -c "$3""#;
    let directory = lab.directory.display().to_string();
    let sent = format!("{directory}/dockgate --config /tmp/forged.toml --key forged-label");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", &directory, lab.value("ACCOUNT"), &sent]);
    let outcome = support::Outcome::from(command.env_remove("SSH_ORIGINAL_COMMAND").output().unwrap());
    assert_eq!(outcome.code, 64, "{}{}", outcome.out(), outcome.err());
    let record = lab.records("forged-label", 1).remove(0);
    assert!(record.contains(" verdict=deny reason=no-command command=login "), "{record}");
    assert!(record.contains(" key=- ") && record.ends_with(&format!(" request=\"{sent}\"")), "{record}");
}
