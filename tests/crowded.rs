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

use support::{Lab, one_at_a_time, post};

#[test]
fn a_list_never_gets_too_long_to_judge_by() {
    let _one = one_at_a_time();
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
            let answer =
                post(lab, lab.value("POLICY").as_ref(), &path, &serde_json::json!({name: value, "Labels": labels}));
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

/// A container brings the volumes that it names, and each mount stands in the list of containers.
#[test]
fn one_container_does_not_bring_more_volumes_than_can_be_looked_through() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let create = |host: serde_json::Value, volumes: serde_json::Value| {
        let body = serde_json::json!({"Image": "busybox", "HostConfig": host, "Volumes": volumes});
        post(lab, lab.value("POLICY").as_ref(), "/v1.51/containers/create?name=crowd-mounts", &body)
    };
    let binds: Vec<String> = (0..20_000).map(|i| format!("crowd-v{i}:/m{i}")).collect();
    let mounts: Vec<_> = (0..9_000)
        .map(|i| serde_json::json!({"Type": "volume", "Source": format!("crowd-v{i}"), "Target": format!("/m{i}")}))
        .collect();
    let anonymous: serde_json::Map<_, _> = (0..20_000).map(|i| (format!("/m{i}"), serde_json::json!({}))).collect();
    let none = || serde_json::json!({});
    for answer in [
        create(serde_json::json!({"Binds": binds}), none()),
        create(serde_json::json!({"Mounts": mounts}), none()),
        create(none(), anonymous.into()),
    ] {
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("reason: limit: "), "{answer}");
    }
    assert_eq!(lab.docker(&["volume", "ls", "-q", "--filter", "name=crowd-v"]).out(), "");
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "name=crowd-mounts"]).out(), "");
    let answer = create(serde_json::json!({"Binds": binds[..20]}), none());
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    lab.docker(&["rm", "-f", "crowd-mounts"]).succeeded();
    let volumes = lab.docker(&["volume", "ls", "-q", "--filter", "name=crowd-v"]).out();
    assert_eq!(volumes.lines().count(), 20);
    lab.docker(&[&["volume", "rm"][..], &volumes.lines().collect::<Vec<_>>()].concat()).succeeded();
}
