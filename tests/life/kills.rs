//! Whoever is killed, and whenever: nothing is left running, and an end is recorded where a gate lived to write it.
use crate::script;
use crate::support::{Lab, id_of, new_key, read_until, spawn, until};
use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// Who is killed, by SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Gate,
    Session,
    Client,
}

const VICTIMS: [Victim; 3] = [Victim::Gate, Victim::Session, Victim::Client];

/// A process, as ps(1) shows it: its parent and its name.
fn process(pid: u32) -> (u32, String) {
    let output = Command::new("ps").args(["-o", "ppid=,comm=", "-p", &pid.to_string()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (parent, name) = text.trim().split_once(' ').unwrap_or_else(|| panic!("no process {pid}"));
    (parent.parse().unwrap(), name.trim().to_owned())
}

/// The first process above `pid` that has such a name.
fn above(pid: u32, name: &str) -> u32 {
    let mut at = process(pid).0;
    while !process(at).1.starts_with(name) {
        at = process(at).0;
        assert!(at > 1, "{name} above {pid}");
    }
    at
}

fn kill(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// A client's request, whose processes hold `mark` in their command lines.
struct Case {
    request: String,
    input: &'static [u8],
    mark: String,
    /// In its output, once it is as far as it is to be.
    told: &'static str,
}

struct Running {
    client: Child,
    gate: u32,
}

impl Case {
    fn start(&self, lab: &Lab, key: Option<&str>) -> Running {
        let mut command = lab.client(&[], &[&self.request]);
        if let Some(key) = key {
            command.env("LAB_KEY", key);
        }
        let mut client = spawn(command.stdin(Stdio::piped()));
        let mut input = client.stdin.take().unwrap();
        input.write_all(self.input).unwrap();
        drop(input);
        // buildx tells its progress on standard error.
        match (self.told, self.request.contains(" build ")) {
            ("", _) => {}
            (told, true) => read_until(client.stderr.as_mut().unwrap(), told),
            (told, false) => read_until(client.stdout.as_mut().unwrap(), told),
        }
        until(&format!("{} runs", self.request), || !self.processes(lab).is_empty());
        let first = self.processes(lab).remove(0);
        let gate = above(first.split(' ').next().unwrap().parse().unwrap(), "dockgate");
        Running { client, gate }
    }

    fn processes(&self, lab: &Lab) -> Vec<String> {
        lab.processes(&self.mark)
    }
}

/// Kills, and waits until all has gone.
fn ends(lab: &Lab, case: &Case, victim: Victim, key: Option<&str>) {
    let mut running = case.start(lab, key);
    let gate = running.gate;
    match victim {
        Victim::Gate => kill(gate, "-KILL"),
        Victim::Session => kill(above(gate, "sshd"), "-KILL"),
        Victim::Client => running.client.kill().unwrap(),
    }
    let about = format!("{} after the end of the {victim:?}", case.request);
    until(&format!("nothing is left of {about}: {:?}", case.processes(lab)), || case.processes(lab).is_empty());
    until(&format!("no gate is left of {about}"), || !fs::exists(format!("/proc/{gate}")).unwrap());
    running.client.wait().unwrap();
}

/// What is started, with docker, compose and buildx: quiet ones, and such as go on telling.
fn cases(name: &str) -> Vec<Case> {
    const PROJECT: &[u8] =
        b"services: {a: {image: busybox, stop_signal: KILL, command: sh -c 'while echo talk; do sleep 1; done'}}";
    const QUIET: &[u8] = b"services: {a: {image: busybox, stop_signal: KILL, command: sleep 600}}";
    const BUILD: &[u8] = b"FROM busybox\nRUN echo talk-of-a-build && sleep 600\n";
    let case = |request: String, input, mark: String, told| Case { request, input, mark, told };
    vec![
        case(format!("docker events --filter container=quiet-{name}"), b"", format!("container=quiet-{name}"), ""),
        case(
            format!("docker events --since 1h --filter label!=chat-{name}"),
            b"",
            format!("label!=chat-{name}"),
            "container",
        ),
        case(format!("docker compose -p still-{name} -f - up"), QUIET, format!("still-{name}"), "Attaching"),
        case(format!("docker compose -p talk-{name} -f - up"), PROJECT, format!("talk-{name}"), "talk"),
        case(
            format!("docker build --progress plain --no-cache -t build-{name} -"),
            BUILD,
            format!("build-{name}"),
            "talk-of-a-build",
        ),
    ]
}

#[test]
fn whoever_is_killed_while_docker_runs() {
    let lab = Lab::shared();
    for victim in VICTIMS {
        let name = format!("{victim:?}").to_lowercase();
        for case in cases(&name) {
            ends(lab, &case, victim, None);
            let record = lab.records(&case.mark, 1).remove(0);
            assert!(record.contains(" verdict=allow "), "{record}");
            let id = id_of(&record);
            if victim == Victim::Gate {
                let log = fs::read_to_string(lab.value("LOG")).unwrap();
                assert!(!log.contains(&format!("verdict=end id={id} ")), "a dead gate has written");
            } else {
                assert!(lab.end(&id).contains(" ended=client-gone "), "{victim:?}: {}", lab.end(&id));
            }
        }
        for project in ["still", "talk"] {
            lab.ssh(&format!("docker compose -p {project}-{name} down -t 0")).succeeded();
        }
    }
}

#[test]
fn whoever_is_killed_while_the_gate_judges() {
    let lab = Lab::shared();
    // As long as it does not answer, nothing is decided.
    let policy = script(lab, "life-config", "case $* in *config*) exec sleep 87651 ;; esac\n");
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let gate = format!("restrict,command=\"{}/dockgate --config {}\"", lab.directory.display(), policy.display());
    let key = new_key(lab, "key-config", &keys, &gate);
    for victim in VICTIMS {
        let name = format!("judged-{victim:?}").to_lowercase();
        let file = lab.home().join(format!("{name}.yaml"));
        fs::write(&file, "services: {a: {image: busybox}}").unwrap();
        let request = format!("docker compose -p {name} -f {name}.yaml up");
        let case = Case { request, input: b"", mark: "sleep 87651".to_owned(), told: "" };
        ends(lab, &case, victim, Some(&key));
        // Nothing was allowed, so nothing has ended.
        let record = lab.records(&name, usize::from(victim != Victim::Gate)).pop();
        assert!(record.is_none_or(|record| record.contains("verdict=error reason=client-gone ")));
    }
}
