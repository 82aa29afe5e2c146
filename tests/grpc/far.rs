//! Builds by a docker on the far side: through ssh, the gate, its guard and the mediation.

use super::{Client, DOCKERFILE, image_says, label};
use crate::support::{Lab, Outcome, read_until, spawn, until};
use std::process::Command;

/// docker in the client's directory, whose daemon is the lab's, by ssh.
fn far_docker(client: &Client, words: &[&str]) -> Command {
    let lab = Lab::shared();
    let mut command = client.command(words);
    command
        .env("PATH", format!("{}/bin:/usr/bin:/bin", lab.directory.display()))
        .env("DOCKER_HOST", "ssh://lazyworkhorse");
    command
}

fn far(client: &Client, words: &[&str]) -> Outcome {
    far_docker(client, words).output().unwrap().into()
}

#[test]
fn builds_work_from_the_far_side() {
    let lab = Lab::shared();
    let client = Client::new("");
    client.file("Dockerfile", DOCKERFILE).file("hello", "hello\n");
    // Compose asks for events over a connection of its own, which takes ssh a moment; a container that has ended by
    // then it would wait for without end.
    let service = "build: {context: ., args: {WORD: a}}\n    command: sh -c 'cat /hello /word && sleep 3'\n";
    client.file("compose.yaml", format!("services:\n  a:\n    {service}    network_mode: none\n"));
    for (image, words) in [
        ("far-build", &["build", "--progress=plain", "-t", "far-build", "--build-arg", "WORD=a", "."][..]),
        ("far-buildx", &["buildx", "build", "--load", "-t", "far-buildx", "--build-arg", "WORD=a", "."]),
        ("far-a", &["compose", "-p", "far", "build"]),
    ] {
        let outcome = far(&client, words).succeeded();
        assert!(words.contains(&"compose") || outcome.err().contains("COPY --from=made"), "{}", outcome.err());
        assert_eq!(image_says(image, &[]), "hello\na\n");
        assert_eq!(label(image, "dockgate.key"), "hermes");
        assert_eq!(label(image, "dockgate.account"), lab.value("ACCOUNT"));
    }
    until("a record of each build", || {
        let log = std::fs::read_to_string(lab.value("LOG")).unwrap();
        let built = |line: &&str| line.contains("LLBBridge/Solve") && line.contains(" via=dial-stdio ");
        log.lines().filter(built).count() >= 3
    });
    let up = far(&client, &["compose", "-p", "far", "up", "--build"]).succeeded();
    assert!(up.out().contains("a-1  | a\n"), "{}", up.out());
    let ids = || lab.docker(&["ps", "-aq", "--filter", "label=com.docker.compose.project=far"]).out();
    let before = ids();
    far(&client, &["compose", "-p", "far", "up", "--build", "--no-start"]).succeeded();
    assert_eq!(ids(), before, "what is built anew out of the same is the same image");
    far(&client, &["compose", "-p", "far", "down", "--rmi", "all"]).succeeded();
}

#[test]
fn a_build_from_the_far_side_is_refused_with_a_record() {
    let lab = Lab::shared();
    let client = Client::new("");
    client.file("Dockerfile", "FROM busybox\nRUN echo far-refused >/ran\n");
    for (words, reason) in [
        (&["build", "--push", "-t", "127.0.0.1:9/far-refused:1", "."][..], "blocked-command"),
        (&["build", "--network", "host", "-t", "far-refused", "."], "namespace"),
        (&["build", "-o", "out", "."], "blocked-command"),
    ] {
        let outcome = far(&client, words);
        assert_ne!(outcome.code, 0, "{words:?}");
        let text = outcome.err();
        assert!(text.contains(&format!("reason: {reason}")), "{words:?}: {text}");
        let id: String = text
            .split("record: ")
            .nth(1)
            .unwrap()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let refused =
            |line: &&str| line.contains(&format!("verdict=deny reason={reason} ")) && line.contains(" request=\"gRPC ");
        until("its record", || {
            let log = std::fs::read_to_string(lab.value("LOG")).unwrap();
            let of_it = log.lines().filter(|line| line.contains(&format!(" id={id} via=dial-stdio ")));
            of_it.filter(refused).count() == 1
        });
    }
    assert!(!lab.docker(&["image", "ls", "--format", "{{.Repository}}"]).out().contains("far-refused"));
    assert!(!client.path("out").exists());
}

#[test]
fn a_far_build_that_is_broken_off_leaves_nothing_running() {
    let lab = Lab::shared();
    let client = Client::new("");
    client.file("Dockerfile", "FROM busybox\nRUN echo begun && sleep 919\n");
    let mut child = spawn(&mut far_docker(&client, &["build", "--progress=plain", "--no-cache", "."]));
    read_until(child.stderr.as_mut().unwrap(), "begun");
    let runs = || Command::new("pgrep").args(["-f", "sleep 919"]).output().unwrap().status.success();
    until("the step runs", runs);
    child.kill().unwrap();
    child.wait().unwrap();
    until("the step has ended", || !runs());
    until("the gates have ended", || lab.processes("dial-stdio").is_empty());
}
