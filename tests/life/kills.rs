//! Whoever is killed, and whenever: nothing is left running, and an end is recorded where a gate lived to write it.
use crate::script;
use crate::support::{Lab, id_of, new_key, read_until, spawn, until};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
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
    /// `None` is one that does not end.
    input: Option<&'static [u8]>,
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
        if let Some(text) = self.input {
            client.stdin.take().unwrap().write_all(text).unwrap();
        }
        // buildx tells its progress on standard error.
        match (self.told, self.request.contains(" build ")) {
            ("", _) => {}
            (told, true) => read_until(client.stderr.as_mut().unwrap(), told),
            (told, false) => read_until(client.stdout.as_mut().unwrap(), told),
        }
        until(&format!("{} runs", self.request), || !self.processes(lab).is_empty());
        let first = self.processes(lab).remove(0);
        let first = first.split(' ').next().unwrap().parse().unwrap();
        let gate = if process(first).1.starts_with("dockgate") { first } else { above(first, "dockgate") };
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
    let case = |request: String, input, mark: String, told| Case { request, input: Some(input), mark, told };
    vec![
        case(format!("docker events --filter container=quiet-{name}"), &b""[..], format!("container=quiet-{name}"), ""),
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

/// A policy for one way to keep the gate busy with judging, and what it waits for.
struct Phase {
    name: &'static str,
    policy: PathBuf,
    request: &'static str,
    /// In the command line of who is waited for: the gate itself, or what it has started.
    mark: String,
}

const HANGS: &str = "case $* in *config*) exec sleep 87651 ;; esac\n";

fn phases(lab: &Lab) -> Vec<Phase> {
    let file = "services: {a: {image: busybox}}";
    fs::write(lab.home().join("judged.yaml"), file).unwrap();
    let own = |name: &str, change: &dyn Fn(String) -> String| {
        let policy = lab.directory.join(format!("life-{name}.toml"));
        fs::write(&policy, change(fs::read_to_string(lab.value("POLICY")).unwrap())).unwrap();
        policy
    };
    // The plugin as the gate starts it by itself, and docker where that is not plain.
    let config = lab.directory.join("life-config");
    fs::create_dir_all(config.join("cli-plugins")).unwrap();
    let plugin = config.join("cli-plugins/docker-compose");
    fs::write(&plugin, format!("#!/bin/sh\n{HANGS}")).unwrap();
    fs::set_permissions(plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let config = config.display().to_string();
    // A daemon that takes a connection and says nothing.
    let silent = lab.directory.join("life-silent.sock");
    let daemon = UnixListener::bind(&silent).unwrap();
    fs::set_permissions(&silent, fs::Permissions::from_mode(0o666)).unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        daemon.incoming().for_each(|client| kept.push(client));
    });
    let silent = silent.display().to_string();
    let started = || "sleep 87651".to_owned();
    let compose = "docker compose -p NAME -f judged.yaml up";
    vec![
        Phase { name: "docker", policy: script(lab, "life-docker", HANGS), request: compose, mark: started() },
        Phase {
            name: "plugin",
            policy: own("plugin", &|text| text.replace(lab.value("CONFIG"), &config)),
            request: compose,
            mark: started(),
        },
        Phase {
            name: "input",
            policy: own("input", &|text| text),
            request: "docker compose -p NAME -f - up",
            mark: "^[^ ]*/dockgate .*life-input.toml".to_owned(),
        },
        Phase {
            name: "daemon",
            policy: own("daemon", &|text| {
                format!("{}[containers]\nonly = ['a-*']\n", text.replace(lab.value("SOCKET"), &silent))
            }),
            request: "docker logs NAME",
            mark: "^[^ ]*/dockgate .*life-daemon.toml".to_owned(),
        },
    ]
}

#[test]
fn whoever_is_killed_while_the_gate_judges() {
    let lab = Lab::shared();
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    for Phase { name, policy, request, mark } in phases(lab) {
        let gate = format!("restrict,command=\"{}/dockgate --config {}\"", lab.directory.display(), policy.display());
        let key = new_key(lab, &format!("key-{name}"), &keys, &gate);
        for victim in VICTIMS {
            let project = format!("judged-{name}-{victim:?}").to_lowercase();
            let request = request.replace("NAME", &project);
            let case = Case { request, input: None, mark: mark.clone(), told: "" };
            ends(lab, &case, victim, Some(&key));
            // Nothing was allowed, so nothing has ended.
            let record = lab.records(&project, usize::from(victim != Victim::Gate)).pop();
            // What was being sent ends with the session, too, and is then an empty file.
            let gone = |record: &String| {
                record.contains(" verdict=error reason=client-gone ")
                    || name == "input" && record.contains(" verdict=deny reason=project-model ")
            };
            assert!(record.as_ref().is_none_or(gone), "{name}, {victim:?}: {record:?}");
        }
    }
}

/// What docker has started, and what does not look after its parent, outlives a gate that is killed. It has the guard for
/// its daemon, and that is gone.
#[test]
fn what_outlives_a_gate_that_is_killed_reaches_no_daemon() {
    let lab = Lab::shared();
    let told = lab.home().join("life-orphan");
    let orphan = "import os, socket, sys\n\
        def connect():\n    s = socket.socket(socket.AF_UNIX); s.connect(os.environ['DOCKER_HOST'][7:]); return s\n\
        kept = connect(); kept.send(b'GET /_ping HTTP/1.1\\r\\nHost: docker\\r\\n\\r\\n')\n\
        assert kept.recv(9999).startswith(b'HTTP/1.1 200 ')\n\
        print('there', flush=True); kept.settimeout(60)\n\
        assert kept.recv(9999) == b''\n\
        try:\n    while True: connect().close()\n\
        except ConnectionRefusedError:\n    os.rename(sys.argv[1] + '.new', sys.argv[1])\n";
    let program = lab.directory.join("life-orphan.py");
    fs::write(&program, orphan).unwrap();
    fs::write(told.with_extension("new"), "").unwrap();
    std::os::unix::fs::chown(lab.home(), Some(crate::uid(lab)), None).unwrap();
    let text = format!("setsid python3 {} {}\n", program.display(), told.display());
    let policy = script(lab, "life-orphans", &format!("{text}exit 1\n"));
    let own = fs::read_to_string(&policy).unwrap();
    let host = format!("[docker]\nhost = \"unix://{}\"\n", lab.value("SOCKET"));
    fs::write(&policy, own.replace("[docker]\n", &host)).unwrap();
    let mut child = spawn(&mut crate::gate(lab, &policy, "docker ps --filter name=orphan"));
    read_until(child.stdout.as_mut().unwrap(), "there");
    child.kill().unwrap();
    child.wait().unwrap();
    until("its connection has ended, and there is no other", || told.exists());
    until("it ends", || lab.processes("life-orphan.py").is_empty());
}
