//! One key makes so much that the daemon's lists could not be looked through any more: it is stopped before that, and
//! what is there can still be used and removed, by every key.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
mod support;

use std::io::Write;
use std::process::Stdio;
use support::Lab;

/// What the API answers to a call with a JSON body.
fn post(lab: &Lab, path: &str, body: &serde_json::Value) -> String {
    let body = body.to_string();
    let length = body.len();
    let call = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let policy = lab.value("POLICY");
    let mut gate = lab.gate(policy.as_ref(), b"docker system dial-stdio");
    let mut gate = gate.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    gate.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
    String::from_utf8(gate.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_list_never_gets_too_long_to_judge_by() {
    let lab = Lab::shared();
    let labels: serde_json::Map<_, _> = (0..100).map(|i| (format!("l{i}"), "x".repeat(9000).into())).collect();
    for (kind, path, name, body) in [
        ("container", "/v1.51/containers/create?name=crowd-", "Image", "busybox"),
        ("network", "/v1.51/networks/create", "Name", "crowd-"),
        ("volume", "/v1.51/volumes/create", "Name", "crowd-"),
    ] {
        let mut made = Vec::new();
        let refused = (0..20).find_map(|number| {
            let of_query = path.ends_with('-');
            let path = if of_query { format!("{path}{number}") } else { path.to_owned() };
            let value = if of_query { body.to_owned() } else { format!("{body}{number}") };
            let answer = post(lab, &path, &serde_json::json!({name: value, "Labels": labels}));
            if answer.starts_with("HTTP/1.1 201 ") {
                made.push(format!("crowd-{number}"));
                return None;
            }
            Some(answer)
        });
        let refused = refused.unwrap();
        assert!(refused.starts_with("HTTP/1.1 403 "), "{kind}: {refused}");
        assert!(
            refused.contains("reason: limit: ") && refused.contains(&format!("list of {kind}s is 4 MiB")),
            "{refused}"
        );
        assert_eq!(made.len(), 5, "{kind}");
        // By words, too, and nothing is left of it.
        let words = if kind == "container" { "docker create --name crowd-words busybox" } else { "" };
        if !words.is_empty() {
            let outcome = lab.ssh(words);
            assert!(outcome.err().contains("list of containers is 4 MiB"), "{}", outcome.err());
        }
        // What is there works as ever, and can be removed.
        if kind == "container" {
            lab.ssh("docker start crowd-0").succeeded();
            assert!(lab.ssh("docker ps -a").succeeded().out().contains("crowd-4"));
        }
        for name in &made {
            let force = if kind == "container" { "-f " } else { "" };
            lab.ssh(&format!("docker {kind} rm {force}{name}")).succeeded();
        }
    }
    lab.ssh("docker create --name crowd-after busybox").succeeded();
    lab.ssh("docker rm crowd-after").succeeded();
}
