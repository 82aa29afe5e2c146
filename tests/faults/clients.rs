//! Clients that are many, or slow.
use crate::support::{Lab, Outcome, spawn, until};
use crate::{Proxy, ends, gate, logged, one_at_a_time};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";

#[test]
fn two_hundred_sessions_at_once_are_served_and_ended() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let policy = lab.value("POLICY");
    let mut sessions: Vec<_> = (0..200)
        .map(|_| {
            let mut child =
                spawn(gate(lab, policy.as_ref(), "faults-many", "docker system dial-stdio").stdin(Stdio::piped()));
            child.stdin.as_mut().unwrap().write_all(PING).unwrap();
            child
        })
        .collect();
    for session in &mut sessions {
        crate::support::read_until(session.stdout.as_mut().unwrap(), "\r\n\r\nOK");
    }
    for mut session in sessions {
        drop(session.stdin.take());
        assert_eq!(Outcome::from(session.wait_with_output().unwrap()).code, 0);
    }
    let ends = ends(lab, "faults-many", 200);
    assert!(ends.len() == 200 && ends.iter().all(|end| end.contains(" ended=itself ") && end.contains(" calls=1 ")));
    assert!(lab.processes("key faults-many").is_empty());
}

/// Half a head, a head whose bytes come one by one, and a body whose bytes do.
const SLOW: &[(&str, &[u8])] = &[
    ("head", b"GET /_ping HT"),
    ("body", b"POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{"),
];

#[test]
fn who_is_slow_on_purpose_is_ended_and_recorded_while_others_are_served() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let policy = lab.value("POLICY");
    let proxy = Proxy::start(lab, policy.as_ref(), "faults-slow");
    let begun = Instant::now();
    let said: Vec<_> = std::thread::scope(|scope| {
        let mut slow = Vec::new();
        for (what, first) in SLOW {
            let mut client = proxy.connect();
            slow.push(scope.spawn(move || {
                client.write_all(first).unwrap();
                let mut writer = client.try_clone().unwrap();
                // A byte a second, until nobody takes it.
                std::thread::spawn(move || {
                    while writer.write_all(b" ").is_ok() {
                        std::thread::sleep(Duration::from_secs(1))
                    }
                });
                let mut answer = String::new();
                let _ = client.read_to_string(&mut answer);
                (*what, answer)
            }));
            let mut child =
                spawn(gate(lab, policy.as_ref(), "faults-slow", "docker system dial-stdio").stdin(Stdio::piped()));
            slow.push(scope.spawn(move || {
                let mut writer = child.stdin.take().unwrap();
                writer.write_all(first).unwrap();
                std::thread::spawn(move || {
                    while writer.write_all(b" ").is_ok() {
                        std::thread::sleep(Duration::from_secs(1))
                    }
                });
                (*what, Outcome::from(child.wait_with_output().unwrap()).out())
            }));
        }
        let mut other = proxy.connect();
        other.write_all(PING).unwrap();
        let mut answer = [0; 15];
        other.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        slow.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert!(begun.elapsed() > Duration::from_secs(25), "{:?}", begun.elapsed());
    for (what, answer) in &said {
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("did not come whole in 30 seconds"),
            "{what}: {answer}"
        );
    }
    let records = logged(lab, &["verdict=deny reason=too-slow ", " key=faults-slow "], said.len());
    assert_eq!(records.len(), 4, "{records:#?}");
    until("the proxy serves nobody", || proxy.threads() == 2);
    assert!(lab.processes("key faults-slow").is_empty());
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "status=created"]).succeeded().out(), "", "nothing was made");
}

/// What a process has had at the most, in MB.
fn most_memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

#[test]
fn many_large_bodies_at_once_are_judged_in_bounded_memory() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, lab.value("POLICY").as_ref(), "faults-large");
    // Each value is a mount that is refused, with its reason. One value too many is refused before.
    for count in [60_000, 150_000] {
        let binds = vec![r#""/:/a""#; count].join(",");
        let body = format!(r#"{{"Image": "busybox", "HostConfig": {{"Binds": [{binds}]}}}}"#);
        let head =
            "POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close";
        let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let ready = std::sync::Barrier::new(48);
        let answers: Vec<String> = std::thread::scope(|scope| {
            let ask = || {
                let mut client = proxy.connect();
                let (most, last) = request.as_bytes().split_at(request.len() - 1);
                client.write_all(most).unwrap();
                ready.wait();
                client.write_all(last).unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).unwrap();
                answer
            };
            let asked: Vec<_> = (0..48).map(|_| scope.spawn(ask)).collect();
            asked.into_iter().map(|client| client.join().unwrap()).collect()
        });
        for answer in answers {
            // Who waited too long is told that, too.
            let status = answer.get(..12).unwrap_or_default();
            assert!(["HTTP/1.1 403", "HTTP/1.1 400", "HTTP/1.1 503"].contains(&status), "{answer}");
        }
    }
    let most = most_memory(proxy.child.id());
    assert!(most < 1024, "{most} MB");
    println!("{most} MB");
}
