//! The streams between docker and the client, at their edges; and the record of an end that nobody takes.
use crate::support::{Lab, Outcome, id_of, read_until, spawn, until};
use crate::{end_of, gate, script};
use std::fs;
use std::io::Read;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn docker_that_closes_its_output_runs_on() {
    let lab = Lab::shared();
    let done = lab.home().join("life-closed");
    let text = format!("echo there\nexec >&-\nsleep 1\ntouch {}\necho late >&2\nexit 6\n", done.display());
    let policy = script(lab, "life-closes", &text);
    let outcome: Outcome = gate(lab, &policy, "docker ps --filter name=closes").output().unwrap().into();
    assert_eq!((outcome.code, outcome.out().as_str(), outcome.err().as_str()), (6, "there\n", "late\n"));
    assert!(done.exists());
    assert!(end_of(lab, "name=closes").contains(" exit=6 ") && end_of(lab, "name=closes").contains(" ended=itself "));
}

#[test]
fn docker_whose_output_nobody_reads_is_waited_for_and_goes_with_its_client() {
    let lab = Lab::shared();
    // More than a pipe and ssh hold.
    let policy = script(lab, "life-full", "echo there\nexec dd if=/dev/zero bs=1M count=64 status=none\n");
    let mut child = spawn(&mut gate(lab, &policy, "docker ps --filter name=full"));
    read_until(child.stdout.as_mut().unwrap(), "there");
    std::thread::sleep(Duration::from_secs(1));
    assert!(child.try_wait().unwrap().is_none() && !lab.processes("count=64").is_empty());
    // Read late, it comes whole.
    let mut all = Vec::new();
    child.stdout.as_mut().unwrap().read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 1 + 64 * 1024 * 1024);
    assert!(child.wait().unwrap().success());
    let mut child = spawn(&mut gate(lab, &policy, "docker ps --filter name=never"));
    read_until(child.stdout.as_mut().unwrap(), "there");
    drop(child.stdout.take());
    child.wait().unwrap();
    assert_eq!(lab.processes("count=64"), Vec::<String>::new());
    assert!(end_of(lab, "name=never").contains(" verdict=end "));
}

#[test]
fn docker_that_ignores_sigterm_is_killed_with_its_client() {
    let lab = Lab::shared();
    // What Compose is asked by; it has the time that it gives containers.
    let text = "case $* in *config*) echo '{\"name\": \"deaf\", \"services\": {\"a\": {\"image\": \"busybox\"}}}'; exit ;; esac\n\
                trap '' TERM\necho there\nwhile :; do sleep 0.1; done\n";
    let policy = script(lab, "life-ignores", text);
    fs::write(lab.home().join("deaf.yaml"), "name: deaf\nservices: {a: {image: busybox}}\n").unwrap();
    let mut child = spawn(&mut gate(lab, &policy, "docker compose -p deaf -f deaf.yaml logs -f"));
    read_until(child.stdout.as_mut().unwrap(), "there");
    let begun = Instant::now();
    drop(child.stdout.take());
    child.wait().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(14), "it had {:?}", begun.elapsed());
    assert_eq!(lab.processes("life-ignores"), Vec::<String>::new());
    let end = end_of(lab, "deaf.yaml logs");
    assert!(end.contains(" signal=KILL ") && end.contains(" ended=client-gone "), "{end}");
}

#[test]
fn an_end_that_cannot_be_recorded_is_told() {
    let lab = Lab::shared();
    let policy = script(lab, "life-unheard", "echo there\nread line\nexit 4\n");
    // A log of the test's own, which goes while docker runs.
    let path = lab.directory.join("life-log");
    let log = UnixDatagram::bind(&path).unwrap();
    std::os::unix::fs::chown(&path, Some(crate::uid(lab)), None).unwrap();
    let text = fs::read_to_string(&policy).unwrap().replace(lab.value("LOG_SOCKET"), path.to_str().unwrap());
    fs::write(&policy, text).unwrap();
    let mut child = spawn(gate(lab, &policy, "docker ps --filter name=unheard").stdin(Stdio::piped()));
    read_until(child.stdout.as_mut().unwrap(), "there");
    let mut record = [0; 8192];
    let length = log.recv(&mut record).unwrap();
    let id = id_of(std::str::from_utf8(&record[..length]).unwrap());
    drop(log);
    fs::remove_file(&path).unwrap();
    drop(child.stdin.take());
    let outcome: Outcome = child.wait_with_output().unwrap().into();
    // docker's own code, and the last word.
    assert_eq!(outcome.code, 4);
    let err = outcome.err();
    assert!(
        err.starts_with("dockgate: how this ended could not be recorded: ")
            && err.ends_with(&format!("\nrecord: {id}\n")),
        "{err}"
    );
}

#[test]
fn what_is_said_to_others_than_the_client_is_silence() {
    let lab = Lab::shared();
    for (name, text, cause) in [
        ("life-busy", "echo there\nwhile :; do echo x; sleep 0.2; done >/dev/zero\n", "limit-idle"),
        ("life-frank", "for i in 1 2 3 4 5 6 7 8 9; do echo x; sleep 0.2; done >&2\n", "itself"),
    ] {
        let policy = script(lab, name, text);
        fs::write(&policy, format!("{}[limits]\nidle = '1s'\n", fs::read_to_string(&policy).unwrap())).unwrap();
        // As sshd gives them: sockets.
        let ((out, theirs), (err, their_err)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        let mut command = gate(lab, &policy, &format!("docker ps --filter name={name}"));
        command.stdout(std::os::fd::OwnedFd::from(theirs)).stderr(std::os::fd::OwnedFd::from(their_err));
        let mut child = command.spawn().unwrap();
        drop(command);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(if cause == "itself" { 0 } else { 77 }));
        assert!(end_of(lab, &format!("name={name}")).contains(&format!(" ended={cause} ")));
        drop((out, err));
    }
    until("nothing of it is left", || lab.processes("life-busy").is_empty());
}
