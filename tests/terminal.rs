//! A client that asks for a terminal: `ssh -t`, Ansible's raw, paramiko's get_pty. What README.md and
//! docs/audit-record.md say of it, on a real sshd.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]
#![expect(dead_code, reason = "the lab is shared with other tests")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use support::{Lab, new_key};

/// A key with this in front of its forced command.
fn key(lab: &Lab, name: &str, options: &str) -> String {
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let command = format!("{} --config {} --key {name}", lab.value("GATE"), lab.value("POLICY"));
    new_key(lab, name, &keys, &format!("{options},command=\"{command}\""))
}

fn ssh(lab: &Lab, key: &str, options: &[&str], request: &str) -> support::Outcome {
    lab.client(options, &[request]).env("LAB_KEY", key).output().unwrap().into()
}

#[test]
fn with_pty_a_terminal_is_a_terminal() {
    let lab = Lab::shared();
    let key = key(lab, "terminal", "restrict,pty");
    // Both streams come as one, with line ends as a terminal has them.
    let listed = ssh(lab, &key, &["-tt"], "docker ps --format '{{.Names}}' --filter name=web").succeeded();
    assert_eq!(listed.out(), "web\r\n");
    let refused = ssh(lab, &key, &["-tt"], "docker exec web sh");
    assert_eq!(refused.code, 77, "{}", refused.out());
    assert!(refused.out().starts_with("ERROR: docker 'exec' is blocked by security policy\r\n"), "{}", refused.out());
    let inside = ssh(lab, &key, &["-tt"], "docker run --rm -i -t busybox tty").succeeded();
    assert!(inside.out().starts_with("/dev/pts/"), "{}", inside.out());
    assert_eq!(ssh(lab, &key, &["-tt"], "docker run --rm busybox false").code, 1);
    // No more than a terminal: forwarding stays closed.
    let forwarded = ssh(lab, &key, &["-W", &format!("127.0.0.1:{}", lab.value("PORT"))], "");
    assert_eq!((forwarded.code, forwarded.out().as_str()), (255, ""), "{}", forwarded.err());
}

/// sshd refuses the terminal, and starts the gate all the same; the client gives up when it hears of the first.
#[test]
fn without_pty_the_gate_is_asked_and_the_client_told_nothing() {
    let lab = Lab::shared();
    let key = key(lab, "no-terminal", "restrict");
    lab.docker(&["run", "-d", "--name", "e2e-tty", "busybox", "sleep", "100000"]).succeeded();
    let port = slow_road(lab.value("PORT").parse().unwrap()).to_string();
    let outcome = ssh(lab, &key, &["-tt", "-p", &port], "docker rm -f e2e-tty");
    assert_eq!(outcome.code, 255);
    assert!(outcome.err().contains("PTY allocation request failed"), "{}", outcome.err());
    let record = lab.records("request=\"docker rm -f e2e-tty\"", 1).remove(0);
    assert!(record.contains(" verdict=allow "), "{record}");
    support::until("the container goes", || lab.docker(&["inspect", "e2e-tty"]).code != 0);
}

/// A port behind which what sshd says arrives late, as over a long line.
fn slow_road(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (there, back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || pass_on(client, server, Duration::ZERO));
        pass_on(back, there, Duration::from_millis(500));
    });
    address.port()
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, late: Duration) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        thread::sleep(late);
        if to.write_all(buffer.get(..read).unwrap_or_default()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
