//! The daemon is not there, hangs, or dies.
use crate::support::{Lab, Outcome, read_until, spawn, until};
use crate::{Proxy, docker_at, ends, far_key, gate, one_at_a_time, policy};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::thread::{JoinHandle, spawn as thread};
use std::time::Duration;

const LIST: &[u8] = b"GET /v1.51/containers/json HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";

/// A daemon that says this to whoever asks, and then nothing more, but keeps the connection.
fn hanging(lab: &Lab, name: &str, says: &'static [u8]) -> String {
    let socket = lab.directory.join(format!("{name}-daemon.sock"));
    let listener = UnixListener::bind(&socket).unwrap();
    crate::support::until("it is there", || socket.exists());
    fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    thread(move || {
        let mut kept = Vec::new();
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let _ = client.write_all(says);
            kept.push(client);
        }
    });
    socket.display().to_string()
}

/// What each of the three ways says of a list, all at once.
struct Answers {
    argv: Outcome,
    far: Outcome,
    proxy: String,
}

fn asked(lab: &'static Lab, name: &'static str, daemon: &str) -> JoinHandle<Answers> {
    let policy = policy(lab, name, daemon, "");
    let ask = move || {
        let argv = spawn(&mut gate(lab, &policy, name, "docker ps"));
        let mut far = spawn(gate(lab, &policy, name, "docker system dial-stdio").stdin(Stdio::piped()));
        // Kept, so that it is not its end that ends it.
        let mut input = far.stdin.take().unwrap();
        input.write_all(LIST).unwrap();
        let proxy = Proxy::start(lab, &policy, name);
        let mut client = proxy.connect();
        client.write_all(LIST).unwrap();
        let mut said = Vec::new();
        client.read_to_end(&mut said).unwrap();
        drop(client);
        until("the proxy serves nobody", || proxy.threads() == 2);
        let (argv, far) = (argv.wait_with_output().unwrap().into(), far.wait_with_output().unwrap().into());
        Answers { argv, far, proxy: String::from_utf8_lossy(&said).into_owned() }
    };
    thread(ask)
}

#[test]
fn a_daemon_that_is_gone_or_hangs_is_told_of_by_each_way() {
    const HALF: &[u8] =
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[{";
    let lab = Lab::shared();
    let daemons = [
        ("faults-gone", "/nonexistent/docker.sock".to_owned()),
        ("faults-silent", hanging(lab, "silent", b"")),
        ("faults-head", hanging(lab, "head", b"HTTP/1.1 200 OK\r\nContent-Le")),
        ("faults-body", hanging(lab, "body", HALF)),
    ];
    let answers: Vec<_> = daemons.into_iter().map(|(name, daemon)| (name, asked(lab, name, &daemon))).collect();
    for (name, answers) in answers {
        let Answers { argv, far, proxy } = answers.join().unwrap();
        assert_eq!(argv.code, 1, "{name}: {}", argv.err());
        for said in [&proxy, &far.out()] {
            if name == "faults-body" {
                assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\n[{"), "{name}: {said}");
            } else {
                assert!(said.starts_with("HTTP/1.1 502 "), "{name}: {said}");
                assert!(said.contains("docker: the daemon gives no answer\\nreason: "), "{name}: {said}");
                assert!(argv.err().contains("the daemon gives no answer"), "{name}: {}", argv.err());
            }
        }
        assert_eq!(far.code, 0, "{name}: {}", far.err());
        // The command, the connection, the proxy's, and the one that has looked whether it listens.
        let ends = ends(lab, name, 4);
        assert!(ends.iter().all(|end| end.contains(" ended=itself ")), "{name}: {ends:#?}");
        assert!(lab.processes(&format!("key {name}")).is_empty(), "{name}");
    }
}

/// The lab's dockerd: its number here, and what starts another one in its place.
fn dockerd(lab: &Lab) -> (String, Command) {
    let find = |pattern: &str| {
        let output = Command::new("pgrep").args(["-o", "-f", pattern]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let pid = find(&format!("^dockerd --config-file {}", lab.directory.display()));
    // It outlives the daemon, in its namespaces.
    let shim = find(&format!("containerd-shim-runc-v2 .*{}", lab.directory.display()));
    let text = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let mut again = Command::new("/usr/bin/nsenter");
    again.args(["--target", &shim, "--mount", "--pid", "--net", "--"]);
    again.args(text("cmdline").trim_end_matches('\0').split('\0'));
    again.env_clear().envs(text("environ").trim_end_matches('\0').split('\0').filter_map(|pair| pair.split_once('=')));
    let log = fs::OpenOptions::new().append(true).open(lab.directory.join("dockerd.log")).unwrap();
    again.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    (pid, again)
}

fn signal(pid: &str, signal: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
}

#[test]
fn a_daemon_that_stands_still_is_told_of_and_served_again() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, lab.value("POLICY").as_ref(), "faults-still");
    let pid = dockerd(lab).0;
    signal(&pid, "-STOP");
    let argv = spawn(&mut gate(lab, lab.value("POLICY").as_ref(), "faults-still", "docker ps"));
    let far = spawn(&mut docker_at(lab, "ssh://lazyworkhorse", &["ps"]));
    let here = spawn(&mut docker_at(lab, &format!("unix://{}", proxy.socket.display()), &["ps"]));
    for child in [argv, far, here] {
        let outcome = Outcome::from(child.wait_with_output().unwrap());
        assert_eq!(outcome.code, 1, "{}", outcome.err());
        assert!(outcome.err().contains("the daemon gives no answer"), "{}", outcome.err());
    }
    signal(&pid, "-CONT");
    // Where nsenter has started it, that stops with its child, and would stay behind.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
    signal(parent, "-CONT");
    let host = format!("unix://{}", proxy.socket.display());
    let again = Outcome::from(docker_at(lab, &host, &["ps"]).output().unwrap()).succeeded();
    assert!(again.out().contains("web"), "{}", again.out());
    assert!(ends(lab, "faults-still", 4).len() >= 4);
    assert!(lab.processes("dockgate.*--key (faults-still|hermes)").is_empty());
}

/// Streams of all three ways, each as far as to have said something.
fn streams(lab: &Lab, proxy: &Proxy, bin: &std::path::Path) -> Vec<(String, Child)> {
    let rows: &[(&[&str], &str)] = &[
        (&["logs", "-f", "web"], "response"),
        (&["events", "--since", "1h"], "container"),
        (&["run", "--rm", "busybox", "sh", "-c", "echo begun; exec sleep 1000"], "begun"),
    ];
    let mut begun = Vec::new();
    for (words, told) in rows {
        let line = format!("docker {}", shell_words::join(*words));
        let argv = gate(lab, lab.value("POLICY").as_ref(), "faults-dies", &line);
        let mut far = docker_at(lab, "ssh://lazyworkhorse", words);
        far.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        let here = docker_at(lab, &format!("unix://{}", proxy.socket.display()), words);
        for (way, mut command) in [("argv", argv), ("far", far), ("proxy", here)] {
            let mut child = spawn(&mut command);
            if *told == "response" {
                read_until(child.stderr.as_mut().unwrap(), told);
            } else {
                read_until(child.stdout.as_mut().unwrap(), told);
            }
            begun.push((format!("{way}: {line}"), child));
        }
    }
    begun
}

#[test]
fn a_daemon_that_dies_in_mid_stream_ends_it_and_is_found_again() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    lab.docker(&["exec", "web", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]).succeeded();
    let proxy = Proxy::start(lab, lab.value("POLICY").as_ref(), "faults-dies");
    let bin = far_key(lab, lab.value("POLICY").as_ref(), "faults-dies");
    let running = streams(lab, &proxy, &bin);
    let (pid, mut again) = dockerd(lab);
    signal(&pid, "-KILL");
    for (what, mut child) in running {
        until(&format!("{what} ends"), || child.try_wait().unwrap().is_some());
    }
    until("no gate is left", || lab.processes("dockgate.*faults-dies").is_empty());
    until("the proxy serves nobody", || proxy.threads() == 2);
    let ends = ends(lab, "faults-dies", 9);
    assert!(ends.len() >= 9 && ends.iter().all(|end| !end.contains(" ended=signal ")), "{ends:#?}");
    // The one in its place is found by the same proxy and by new sessions.
    let daemon = thread(move || again.status());
    let host = format!("unix://{}", proxy.socket.display());
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while UnixStream::connect(lab.value("SOCKET")).is_err() || lab.docker(&["ps"]).code != 0 {
        assert!(std::time::Instant::now() < deadline && !daemon.is_finished(), "a new dockerd");
        std::thread::sleep(Duration::from_millis(100));
    }
    lab.docker(&["start", "web"]).succeeded();
    assert!(Outcome::from(docker_at(lab, &host, &["ps"]).output().unwrap()).succeeded().out().contains("web"));
    assert!(lab.ssh("docker ps").succeeded().out().contains("web"));
    lab.docker(&["container", "prune", "-f"]).succeeded();
}
