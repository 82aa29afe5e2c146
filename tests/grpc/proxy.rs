//! A proxy before the daemon that mediates its gRPC, and passes everything else on.

use crate::support::Lab;
use dockgate::api::build::{Stamp, session};
use dockgate::facts::Facts;
use dockgate::grpc::judge::{Endpoint, Judge, Judged, Side};
use dockgate::grpc::mediate;
use dockgate::policy::Policy;
use dockgate::policy::set::PolicySet;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) struct Proxy {
    pub(crate) socket: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    daemon: PathBuf,
    policy: Policy,
    stamp: Stamp,
    records: Mutex<Vec<String>>,
    open: AtomicUsize,
}

struct TestJudge(Arc<Shared>);

impl Judge for TestJudge {
    fn judge(&self, call: &Judged<'_>) -> Result<(), String> {
        let verdict = match &call.asked {
            Ok(demands) => self.0.policy.judge((), demands, &Facts::default()).map(|_| ()),
            Err(denial) => Err(denial.clone()),
        };
        let word = match &verdict {
            Ok(()) => format!("{} {}", if call.changes { "allow" } else { "read" }, call.method),
            Err(denial) => format!("deny {} {} {}", denial.reason.code(), call.method, denial.message),
        };
        self.0.records.lock().unwrap().push(word);
        verdict.map_err(|denial| {
            format!("ERROR: {}\nreason: {}\nhint: {}", denial.message, denial.reason.code(), denial.hint)
        })
    }

    fn stamp(&self) -> &Stamp {
        &self.0.stamp
    }
}

impl Proxy {
    pub(crate) fn start(lab: &Lab, socket: PathBuf, policy: &str) -> Self {
        let policy = PolicySet::from_toml(policy).unwrap().of_default_profile();
        let images = policy.settings.images.value.as_ref();
        let images = images.map(|patterns| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect());
        let labels = BTreeMap::from([("dockgate.key".to_owned(), "hermes".to_owned())]);
        let shared = Arc::new(Shared {
            daemon: lab.value("SOCKET").into(),
            policy,
            stamp: Stamp { owner: "hermes".to_owned(), labels, keeps_key: false, images },
            records: Mutex::default(),
            open: AtomicUsize::new(0),
        });
        let listener = UnixListener::bind(&socket).unwrap();
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(&shared, client.unwrap()));
            }
        });
        Self { socket, shared }
    }

    /// The records whose call holds `mark`.
    pub(crate) fn records(&self, mark: &str) -> Vec<String> {
        self.shared.records.lock().unwrap().iter().filter(|record| record.contains(mark)).cloned().collect()
    }

    /// How many connections are being mediated.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

fn serve(shared: &Arc<Shared>, mut client: UnixStream) {
    let mut daemon = UnixStream::connect(&shared.daemon).unwrap();
    let Some((head, ahead)) = head(&mut client) else { return };
    let endpoint = match head.split(' ').nth(1) {
        Some("/grpc") => Some(Endpoint::Grpc),
        Some("/session") => Some(Endpoint::Session),
        _ => None,
    };
    let Some(endpoint) = endpoint else {
        daemon.write_all(head.as_bytes()).unwrap();
        daemon.write_all(&ahead).unwrap();
        return splice(client, daemon);
    };
    daemon.write_all(of_session(&head).as_bytes()).unwrap();
    let Some((answer, daemon_ahead)) = self::head(&mut daemon) else { return };
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    client.write_all(answer.as_bytes()).unwrap();
    let side =
        |stream: UnixStream, ahead| Side { input: stream.try_clone().unwrap().into(), output: stream.into(), ahead };
    let judge = TestJudge(Arc::clone(shared));
    shared.open.fetch_add(1, Ordering::SeqCst);
    mediate(endpoint, side(client, ahead), side(daemon, daemon_ahead), &judge).unwrap();
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

/// The head with what it says of the session's methods and contexts as the gate says it.
fn of_session(head: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((name, value)) if name.starts_with("X-Docker-Expose-Session") => {
            let value = session::header(&name.to_ascii_lowercase(), value, "hermes");
            value.map_or(String::new(), |value| format!("{name}: {value}\r\n"))
        }
        _ => format!("{line}\r\n"),
    };
    head.split_inclusive("\r\n").map(|text| line(text.trim_end_matches("\r\n"))).collect()
}

/// A head with its empty line, and what was read behind it.
fn head(stream: &mut UnixStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut more = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).unwrap(), rest));
        }
        let count = stream.read(&mut more).unwrap_or(0);
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&more[..count]);
    }
}

fn splice(client: UnixStream, daemon: UnixStream) {
    let half = |mut from: UnixStream, mut to: UnixStream| {
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        })
    };
    let up = half(client.try_clone().unwrap(), daemon.try_clone().unwrap());
    let _ = half(daemon, client).join();
    let _ = up.join();
}
