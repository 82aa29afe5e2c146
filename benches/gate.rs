//! What the gate costs: starting a program through it, side by side with starting the program itself.
//!
//! The program is /bin/true, so that what is measured is the gate: reading the policy, judging, two records to a
//! syslog socket that is read, the start of the child and the wait for its end. A run has ended when its standard
//! output has, as for sshd. Runs alternate, and the figure is the ratio of the medians.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a benchmark")]

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;

fn main() {
    let directory = tempfile::Builder::new().prefix("dockgate-bench.").tempdir().unwrap();
    let socket = directory.path().join("log.sock");
    let log = UnixDatagram::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while log.recv(&mut buffer).is_ok() {}
    });
    let policy = directory.path().join("policy.toml");
    std::fs::write(&policy, format!("[docker]\nprogram = '/bin/true'\n[audit]\nsocket = '{}'\n", socket.display()))
        .unwrap();
    println!("{ROUNDS} rounds, medians; ratio to /bin/true alone");
    for request in [
        "docker ps",
        "docker run -d --name web -p 80:80 -e A=b --memory 64m nginx nginx -g 'daemon off;'",
        "docker exec web sh",
    ] {
        let mut gate = Command::new(env!("CARGO_BIN_EXE_dockgate"));
        gate.arg("--config").arg(&policy).env("SSH_ORIGINAL_COMMAND", request);
        gate.env("SSH_CONNECTION", "192.0.2.7 51514 192.0.2.1 22");
        let (mut alone, mut through) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            alone.push(time(&mut Command::new("/bin/true"), 0));
            through.push(time(&mut gate, if request.contains("exec") { 77 } else { 0 }));
        }
        let (alone, through) = (median(alone), median(through));
        let ratio = through.as_secs_f64() / alone.as_secs_f64();
        println!("{ratio:5.2}  {:6.3} ms against {:6.3} ms  {request}", millis(through), millis(alone));
    }
}

fn time(command: &mut Command, code: i32) -> Duration {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).output().unwrap();
    let taken = start.elapsed();
    assert_eq!(output.status.code(), Some(code), "the gate needs root here: its policy file must be root's");
    taken
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    *times.get(times.len() / 2).expect("at least one round")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
