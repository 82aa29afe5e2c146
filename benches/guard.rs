//! What the guard costs: calls through it, side by side with the same calls on the daemon's own socket.
//!
//! A real dockerd of the lab's, and a real proxy. What is compared alternates within one run.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "a benchmark")]

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Lab, spawn, until};

const ROUNDS: usize = 2000;

fn main() {
    let lab = Lab::shared();
    let proxy = Proxy::start(lab);
    let raw = PathBuf::from(lab.value("SOCKET"));
    for number in 0..9 {
        lab.docker(&["create", "--name", &format!("bench-{number}"), "busybox", "true"]).succeeded();
    }
    println!("{ROUNDS} calls on a kept connection, medians");
    for path in ["/_ping", "/v1.51/containers/json?all=1"] {
        let (mut one, mut other) = (Kept::open(&raw), Kept::open(&proxy.socket));
        let (mut bare, mut through) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(one.call(path));
            through.push(other.call(path));
        }
        let (bare, through) = (median(bare), median(through));
        let added = through.saturating_sub(bare);
        println!("+{:4} µs  {} µs against {} µs  GET {path}", added.as_micros(), through.as_micros(), bare.as_micros());
    }
    for connections in [10, 50] {
        let (bare, through) = (rate(&raw, connections), rate(&proxy.socket, connections));
        println!(
            "{:5.2}  {through} calls/s against {bare}  GET /_ping on {connections} connections",
            through as f64 / bare as f64
        );
    }
    stream(lab, &raw, &proxy);
    first_answer(lab);
}

/// A proxy under whose policy nothing is blocked.
struct Proxy {
    child: Child,
    socket: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    fn start(lab: &Lab) -> Self {
        let policy = lab.directory.join("bench.toml");
        let own = std::fs::read_to_string(lab.value("POLICY")).unwrap();
        std::fs::write(&policy, format!("{own}\n[commands]\nblocked = []\n")).unwrap();
        let socket = lab.directory.join("bench.sock");
        let mut command = Command::new(lab.directory.join("dockgate"));
        command.arg("--config").arg(policy).arg("proxy").arg("--listen").arg(&socket);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("it listens", || UnixStream::connect(&socket).is_ok());
        Self { child, socket }
    }

    /// The most memory that it has had, in KiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// A connection on which one call follows another.
struct Kept {
    reader: BufReader<UnixStream>,
}

impl Kept {
    fn open(socket: &Path) -> Self {
        Self { reader: BufReader::new(UnixStream::connect(socket).unwrap()) }
    }

    fn call(&mut self, path: &str) -> Duration {
        let start = Instant::now();
        self.reader.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").as_bytes()).unwrap();
        let (mut line, mut length, mut chunked) = (String::new(), 0, false);
        loop {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            chunked |= lower.starts_with("transfer-encoding: chunked");
            if line == "\r\n" {
                break;
            }
        }
        while chunked {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            length = usize::from_str_radix(line.trim(), 16).unwrap() + 2;
            chunked = length > 2;
            self.reader.read_exact(&mut vec![0; length]).unwrap();
            length = 0;
        }
        self.reader.read_exact(&mut vec![0; length]).unwrap();
        start.elapsed()
    }
}

/// Calls a second on so many connections at once.
fn rate(socket: &Path, connections: usize) -> u64 {
    let (calls, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            let (mut kept, calls, over) = (Kept::open(socket), Arc::clone(&calls), Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    kept.call("/_ping");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let seconds = 3;
    std::thread::sleep(Duration::from_secs(seconds));
    over.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    calls.load(Ordering::Relaxed) / seconds
}

/// A long answer: an image that is saved.
fn stream(lab: &Lab, raw: &Path, proxy: &Proxy) {
    let file = lab.directory.join("big");
    let mut random = std::fs::File::open("/dev/urandom").unwrap().take(100 << 20);
    std::io::copy(&mut random, &mut std::fs::File::create(&file).unwrap()).unwrap();
    let tar = lab.directory.join("big.tar");
    let packed = Command::new("tar").arg("-C").arg(&lab.directory).arg("-cf").arg(&tar).arg("big").status().unwrap();
    assert!(packed.success());
    lab.docker(&["import", tar.to_str().unwrap(), "bench-big"]).succeeded();
    let before = proxy.peak();
    let (mut bare, mut through, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..5 {
        for (socket, times) in [(raw, &mut bare), (&*proxy.socket, &mut through)] {
            let mut client = UnixStream::connect(socket).unwrap();
            let start = Instant::now();
            client
                .write_all(b"GET /images/bench-big/get HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
                .unwrap();
            bytes = std::io::copy(&mut client, &mut std::io::sink()).unwrap();
            times.push(start.elapsed());
        }
    }
    assert!(bytes > 100 << 20);
    let (bare, through) = (median(bare), median(through));
    println!(
        "{:5.2}  {} ms against {} ms  an answer of {} MiB; {} KiB of memory more at the most",
        through.as_secs_f64() / bare.as_secs_f64(),
        through.as_millis(),
        bare.as_millis(),
        bytes >> 20,
        proxy.peak() - before
    );
}

/// The first answer of `docker system dial-stdio`, from the start of the process.
fn first_answer(lab: &Lab) {
    let policy = lab.directory.join("bench.toml");
    let mut docker = Command::new(lab.value("DOCKER"));
    docker.args(["system", "dial-stdio"]).env("DOCKER_HOST", format!("unix://{}", lab.value("SOCKET")));
    let mut gate = Command::new(lab.directory.join("dockgate"));
    gate.arg("--config").arg(policy).env("SSH_ORIGINAL_COMMAND", "docker system dial-stdio");
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..40 {
        for (command, times) in [&mut docker, &mut gate].into_iter().zip(&mut times) {
            let start = Instant::now();
            let mut child = spawn(command.stdin(Stdio::piped()));
            child.stdin.as_mut().unwrap().write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
            child.stdout.as_mut().unwrap().read_exact(&mut [0; 12]).unwrap();
            times.push(start.elapsed());
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
    let [docker, gate] = times.map(median);
    println!(
        "{:5.2}  {:.1} ms against {:.1} ms of docker's own  the first answer of dial-stdio",
        gate.as_secs_f64() / docker.as_secs_f64(),
        millis(gate),
        millis(docker)
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    *times.get(times.len() / 2).expect("at least one round")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
