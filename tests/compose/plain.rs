//! Commands that find what is there by the project's name: Compose is not started to judge them, and nothing else changes.

use crate::support::{Lab, Outcome, new_key, ssh_as};
use crate::{Key, put};
use std::os::unix::fs::PermissionsExt;

/// A key whose docker writes down each of its starts.
struct Counted {
    lab: &'static Lab,
    key: String,
    name: &'static str,
}

impl Counted {
    fn new(name: &'static str, rules: &str) -> Self {
        let lab = Lab::shared();
        let program = lab.directory.join(format!("docker-{name}"));
        let log = lab.home().join(format!("{name}.starts"));
        std::fs::write(&log, "").unwrap();
        std::fs::set_permissions(&log, PermissionsExt::from_mode(0o666)).unwrap();
        let docker = lab.value("DOCKER");
        let script = format!("#!/bin/sh\necho \"$*\" >> {}\nexec {docker} \"$@\"\n", log.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let base = std::fs::read_to_string(lab.value("POLICY")).unwrap();
        let lines = base.lines().map(|line| match line.starts_with("program = ") {
            true => format!("program = \"{}\"\n", program.display()),
            false => format!("{line}\n"),
        });
        let policy = lab.directory.join(format!("policy-{name}.toml"));
        std::fs::write(&policy, format!("{}{rules}\n", lines.collect::<String>())).unwrap();
        let gate = lab.directory.join("dockgate");
        let options = format!("restrict,command=\"{} --config {}\"", gate.display(), policy.display());
        let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
        Self { lab, key: new_key(lab, &format!("key-{name}"), &keys, &options), name }
    }

    /// Sends a request; with the command lines with which docker was started for it.
    fn send(&self, request: &str) -> (Outcome, Vec<String>) {
        let log = self.lab.home().join(format!("{}.starts", self.name));
        std::fs::write(&log, "").unwrap();
        let outcome = ssh_as(self.lab, &self.key, request);
        (outcome, std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect())
    }
}

fn resolves(starts: &[String]) -> usize {
    starts.iter().filter(|line| line.contains("config --format=json")).count()
}

const SERVICES: &str = "services:
  web:
    image: busybox
    command: sh -c 'echo ${WORD}; exec sleep 100000'
    stop_grace_period: 0s
    ports: ['127.0.0.1:42771:80']
    depends_on: [db]
  db: {image: busybox, command: sleep 100000, stop_grace_period: 0s}
  once: {image: busybox, command: sh -c 'sleep 3; exit 3', profiles: [once]}
";

#[test]
fn what_finds_containers_by_the_project_s_name_is_judged_without_compose_and_does_the_same() {
    let counted = Counted::new("plain", "");
    let lab = counted.lab;
    put(lab, "plain/compose.yml", SERVICES);
    put(lab, "plain/.env", "WORD=said\n");
    // A key that is not known to be plain has it resolved.
    put(lab, "plain/slow.yml", &format!("{SERVICES}configs: {{}}\n"));
    let (made, starts) = counted.send("docker compose -f plain/compose.yml --profile once up -d");
    made.succeeded();
    assert_eq!(resolves(&starts), 1, "{starts:?}");
    let mut seen = Vec::new();
    for (command, code) in [
        ("ps -a --format '{{.Name}} {{.Service}} {{.Ports}}' web db", 0),
        ("ps nosuch", 1),
        ("logs --no-color web", 0),
        ("top web", 0),
        ("images --format json web", 0),
        ("port web 80", 0),
        ("port web 81", 1),
        // At the end of them Compose says EOF.
        ("events --since 1 --until 2", 1),
        ("stats --no-stream --format '{{.Name}}' web", 0),
        ("pause web", 0),
        ("unpause web", 0),
        ("restart -t 0 db", 0),
        ("restart -t 0", 0),
        ("kill -s HUP db", 0),
        ("kill web", 0),
        ("stop -t 0", 0),
    ] {
        let [fast, slow] = ["compose.yml", "slow.yml"].map(|file| {
            let (outcome, starts) = counted.send(&format!("docker compose -f plain/{file} {command}"));
            assert_eq!(starts.len() - resolves(&starts), 1, "{starts:?}");
            assert_eq!(resolves(&starts), usize::from(file == "slow.yml"), "{command}: {starts:?}");
            let change = matches!(command.split(' ').next(), Some("pause" | "unpause" | "restart" | "kill" | "stop"));
            // The other one is to find the same.
            match command {
                "pause web" => drop(lab.docker(&["unpause", "plain-web-1"])),
                "unpause web" => drop(lab.docker(&["pause", "plain-web-1"])),
                _ if change => drop(lab.docker(&["start", "plain-web-1", "plain-db-1"])),
                _ => {}
            }
            (
                outcome.code,
                if change || command.starts_with("top") { String::new() } else { outcome.out() },
                outcome.err(),
            )
        });
        let lines = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!((fast.0, &fast.1, lines(&fast.2)), (slow.0, &slow.1, lines(&slow.2)), "{command}");
        assert_eq!(fast.0 == 0, code == 0, "{command}: {fast:?}");
        seen.push(fast.1);
        if command == "pause web" {
            lab.docker(&["pause", "plain-web-1"]).succeeded();
        }
    }
    assert!(seen.concat().contains("said") && seen.concat().contains("127.0.0.1:42771"), "{seen:?}");
    for file in ["compose.yml", "slow.yml"] {
        lab.docker(&["start", "plain-once-1"]).succeeded();
        let (outcome, starts) = counted.send(&format!("docker compose -f plain/{file} wait once"));
        assert_eq!((outcome.code, resolves(&starts)), (3, usize::from(file == "slow.yml")), "{}", outcome.err());
    }
    let (outcome, _) = counted.send("docker compose -f plain/compose.yml --profile once down -t 0");
    outcome.succeeded();
}

#[test]
fn what_is_protected_or_out_of_scope_stays_so_without_a_model() {
    let counted = Counted::new("plain-kept", "[containers]\nprotected = ['kept-*']\nonly = ['kept-*', 'corner-*']");
    let lab = counted.lab;
    let text = "services: {web: {image: busybox, command: sleep 100000}}";
    for project in ["kept", "corner", "beyond"] {
        put(lab, &format!("{project}/compose.yml"), text);
        let name = format!("{project}-web-1");
        let labels =
            [&format!("project={project}"), "service=web", "oneoff=False", "config-hash=x", "container-number=1"];
        let labels: Vec<String> = labels.iter().map(|label| format!("--label=com.docker.compose.{label}")).collect();
        let mut words = vec!["run", "-d", "--name", &name];
        words.extend(labels.iter().map(String::as_str));
        words.extend(["busybox", "sleep", "100000"]);
        lab.docker(&words).succeeded();
    }
    let state = || {
        let format = "{{.State.Status}} {{.State.StartedAt}}";
        lab.docker(&["inspect", "-f", format, "kept-web-1", "beyond-web-1"]).succeeded().out()
    };
    let before = state();
    for (project, reason) in [("kept", "protected"), ("beyond", "out-of-scope")] {
        for command in ["stop -t 0", "kill", "restart -t 0", "pause", "unpause"] {
            for request in [
                format!("docker compose -f {project}/compose.yml {command}"),
                format!("docker compose -p {project} -f corner/compose.yml {command}"),
            ] {
                let (outcome, starts) = counted.send(&request);
                outcome.denied(reason);
                assert_eq!(starts, [""; 0], "{request}");
            }
        }
    }
    assert_eq!(state(), before);
    let (outcome, starts) = counted.send("docker compose -f beyond/compose.yml ps");
    outcome.denied("out-of-scope");
    assert_eq!(starts, [""; 0]);
    let (outcome, starts) = counted.send("docker compose -f kept/compose.yml ps -q");
    assert_eq!((outcome.succeeded().out().lines().count(), resolves(&starts)), (1, 0));
    let (outcome, starts) = counted.send("docker compose -f corner/compose.yml stop -t 0");
    outcome.succeeded();
    assert_eq!((starts.len(), resolves(&starts)), (1, 0));
    let stopped = lab.docker(&["inspect", "-f", "{{.State.Status}}", "corner-web-1"]).succeeded().out();
    assert_eq!(stopped.trim(), "exited");
    lab.docker(&["rm", "-f", "kept-web-1", "corner-web-1", "beyond-web-1"]).succeeded();
}

#[test]
fn a_file_that_may_mean_more_is_resolved_and_refused_as_ever() {
    let counted = Counted::new("plain-more", "");
    for (text, reason) in [
        ("services: {web: {image: busybox, privileged: true}}", "privileged"),
        ("services: {web: {image: busybox, volumes: ['/etc:/etc']}}", "bind-mount"),
        ("services: {web: {image: busybox, env_file: /etc/passwd}}", "client-file"),
        ("services: {web: {image: busybox, imagee: x}}", "project-model"),
        ("services: {web: {image: busybox, labels: {com.docker.compose.project: x}}}", "reserved-label"),
    ] {
        put(counted.lab, "more/compose.yml", text);
        for command in ["ps", "stop", "logs"] {
            let (outcome, _) = counted.send(&format!("docker compose -f more/compose.yml {command}"));
            outcome.denied(reason);
        }
    }
    // Variables name the project.
    put(counted.lab, "more/compose.yml", "services: {web: {image: busybox}}");
    put(counted.lab, "more/.env", "COMPOSE_PROJECT_NAME=elsewhere");
    let (outcome, starts) = counted.send("docker compose -f more/compose.yml ps -q");
    outcome.succeeded();
    assert_eq!(resolves(&starts), 1, "{starts:?}");
    let key = Key::under("plain-input", "");
    key.send("docker compose -f - ps", "services: {web: {image: busybox}}").succeeded();
}
