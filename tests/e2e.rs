//! End to end: a real ssh client through a real sshd to a real dockerd, with a real syslog beside it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the other end-to-end tests use the rest")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use support::{Lab, Outcome, fingerprint, id_of, new_key, read_until, spawn, ssh_as, until};

#[test]
fn what_the_mission_lists_works() {
    let lab = Lab::shared();
    for (request, says) in [
        ("docker ps", "web"),
        ("docker images", "busybox"),
        ("docker inspect -f '{{.State.Status}}' web", "running"),
        ("docker run --rm busybox echo 'a;b $x'", "a;b $x"),
        ("docker network ls", "bridge"),
        ("docker volume ls", "DRIVER"),
        ("docker system df", "Images"),
        ("docker compose ls", "NAME"),
        ("docker compose version", "Docker Compose"),
        ("docker buildx ls", "default"),
        ("docker version --format '{{.Server.Version}}'", "28."),
        ("docker exec --help", "Usage:"),
        ("docker help run", "Usage:"),
    ] {
        let outcome = lab.ssh(request).succeeded();
        assert!(outcome.out().contains(says), "{request}: {}", outcome.out());
    }
    for request in [
        "docker create --name e2e-life busybox sleep 1000",
        "docker start e2e-life",
        "docker restart -t 0 e2e-life",
        "docker logs e2e-life",
        "docker top e2e-life",
        "docker pause e2e-life",
        "docker unpause e2e-life",
        "docker update --memory 32m --memory-swap 32m e2e-life",
        "docker rename e2e-life e2e-life2",
        "docker stop -t 0 e2e-life2",
        "docker rm e2e-life2",
        "docker volume create e2e-vol",
        "docker run --rm -v e2e-vol:/data busybox touch /data/x",
        "docker volume rm e2e-vol",
        "docker network create e2e-net",
        "docker network rm e2e-net",
    ] {
        lab.ssh(request).succeeded();
    }
    // No registry here: that docker tried is what can be seen.
    assert!(lab.ssh("docker pull localhost:1/none").err().contains("localhost:1"));
}

#[test]
fn a_blocked_command_is_refused_recorded_and_does_nothing() {
    let lab = Lab::shared();
    lab.docker(&["run", "-d", "--name", "e2e-blocked", "busybox", "sleep", "100000"]).succeeded();
    for (request, first) in [
        ("docker exec e2e-blocked touch /planted", "docker 'exec' is blocked"),
        ("docker container exec e2e-blocked touch /planted", "docker 'exec' is blocked"),
        ("docker -l info exec e2e-blocked touch /planted", "docker 'exec' is blocked"),
        ("docker compose exec e2e-blocked touch /planted", "docker compose 'exec' is blocked"),
        ("docker compose -p x exec e2e-blocked touch /planted", "docker compose 'exec' is blocked"),
        ("docker cp e2e-blocked:/etc/passwd .", "docker 'cp' is blocked"),
        ("docker commit e2e-blocked stolen", "docker 'commit' is blocked"),
        ("docker diff e2e-blocked", "docker 'diff' is blocked"),
        ("docker export e2e-blocked", "docker 'export' is blocked"),
        ("docker import - planted", "docker 'import' is blocked"),
        ("docker load", "docker 'load' is blocked"),
        ("docker image save busybox", "docker 'save' is blocked"),
        ("docker attach e2e-blocked", "docker 'attach' is blocked"),
        ("docker start -ai e2e-blocked", "docker 'attach' is blocked"),
        ("docker push busybox", "docker 'push' is blocked"),
        ("docker image tag busybox planted", "docker 'tag' is blocked"),
    ] {
        let outcome = lab.ssh(request).denied("blocked-command");
        assert!(outcome.err().starts_with(&format!("ERROR: {first} by security policy\n")), "{}", outcome.err());
        assert!(outcome.stdout.is_empty(), "{request}");
        assert!(outcome.err().contains("\nhint: "));
        let id = record_id(&outcome);
        let record = lab.records(&format!(" id={id} "), 1).remove(0);
        assert!(record.starts_with("authpriv.warning dockgate["), "{record}");
        assert!(record.contains(": verdict=deny reason=blocked-command command="), "{record}");
        assert!(record.ends_with(&format!(" request=\"{request}\"")), "{record}");
    }
    assert!(lab.docker(&["diff", "e2e-blocked"]).out().is_empty(), "nothing was written in the container");
    assert!(!lab.docker(&["images"]).out().contains("planted"));
    assert!(!lab.docker(&["images"]).out().contains("stolen"));
    assert_eq!(fs::read_dir(lab.home()).unwrap().filter(|e| e.as_ref().unwrap().file_name() == "passwd").count(), 0);
}

fn record_id(outcome: &Outcome) -> String {
    outcome.err().lines().find_map(|line| line.strip_prefix("record: ")).expect("a record id").to_owned()
}

#[test]
fn nothing_of_the_host_is_given() {
    let lab = Lab::shared();
    for (request, reason) in [
        ("docker run -v /:/h busybox true", "bind-mount"),
        ("docker run -v /etc:/h:ro busybox cat /h/shadow", "bind-mount"),
        ("docker run --mount TYPE=BIND,SRC=/,DST=/h busybox true", "bind-mount"),
        ("docker run -v .:/h busybox true", "bind-mount"),
        ("docker run --privileged busybox true", "privileged"),
        ("docker run --privileged=T busybox true", "privileged"),
        ("docker run --cap-add all busybox true", "capability"),
        ("docker run --device /dev/null busybox true", "device"),
        ("docker run --pid host busybox true", "namespace"),
        ("docker run --net=host busybox true", "namespace"),
        ("docker run --network name=host busybox true", "namespace"),
        ("docker run --pid container:web busybox true", "namespace"),
        ("docker run --volumes-from web busybox true", "volumes-from"),
        ("docker run --security-opt seccomp=unconfined busybox true", "security-opt"),
        ("docker run --cidfile .ssh/x busybox true", "client-write"),
        ("docker run --env-file /etc/passwd busybox env", "client-file"),
        ("docker volume create -o type=none -o o=bind -o device=/ v", "volume-options"),
        ("docker build -o out .", "client-write"),
        ("docker build /etc", "client-file"),
        ("docker -H tcp://127.0.0.1:1 ps", "global-flag"),
        ("docker --config /tmp ps", "global-flag"),
    ] {
        lab.ssh(&request.replace("docker run ", "docker run --label e2e-given ")).denied(reason);
    }
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "label=e2e-given"]).out(), "", "no container was made");
    // A volume that the administrator has made of a host directory is not handed on.
    lab.docker(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", "e2e-bound"]).succeeded();
    lab.ssh("docker run --rm -v e2e-bound:/h busybox ls /h").denied("volume-options");
    lab.ssh("docker run --rm --mount src=e2e-bound,dst=/h busybox ls /h").denied("volume-options");
    lab.docker(&["volume", "rm", "e2e-bound"]).succeeded();
}

#[test]
fn streams_and_exit_codes_pass_unchanged() {
    let lab = Lab::shared();
    for code in [0, 1, 37, 125, 126, 127, 255] {
        assert_eq!(lab.ssh(&format!("docker run --rm busybox sh -c 'exit {code}'")).code, code);
    }
    assert_eq!(lab.ssh("docker run --rm busybox /none").code, 127);
    assert_eq!(lab.ssh("docker run --rm busybox /etc").code, 126);
    assert_eq!(lab.ssh("docker run --memory bad busybox").code, 125);
    let bytes: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let echoed = lab.ssh_with("docker run --rm -i busybox cat", &bytes).succeeded();
    assert!(echoed.stdout == bytes, "{} bytes came back", echoed.stdout.len());
    let built = lab.ssh_with("docker build -q -t e2e-built -", b"FROM busybox\nRUN echo built > /x\n").succeeded();
    assert!(built.out().starts_with("sha256:"));
    assert_eq!(lab.ssh("docker run --rm e2e-built cat /x").succeeded().out(), "built\n");
    let config = lab.ssh_with("docker compose -f - config", b"services: {a: {image: busybox}}").succeeded();
    assert!(config.out().contains("image: busybox"));
}

#[test]
fn compose_runs_what_was_judged() {
    let lab = Lab::shared();
    let project = "services:\n  a: {image: busybox, command: sleep 1000, volumes: ['data:/data'], environment: {X: 'a$$b'}}\nvolumes: {data: }\n";
    lab.ssh_with("docker compose -p e2e -f - up -d", project.as_bytes()).succeeded();
    assert!(lab.ssh("docker compose -p e2e ps").succeeded().out().contains("e2e-a-1"));
    let env = lab.docker(&["inspect", "-f", "{{.Config.Env}}", "e2e-a-1"]).out();
    assert!(env.contains("X=a$b"), "{env}");
    lab.ssh_with("docker compose -p e2e -f - down -v -t 0", project.as_bytes()).succeeded();
    fs::write(lab.home().join("made-for-e2e"), "x").unwrap();
    std::os::unix::fs::symlink("/proc/1/root", lab.home().join("link-for-e2e")).unwrap();
    for (text, reason) in [
        ("services: {a: {image: busybox, privileged: true}}", "privileged"),
        ("services: {a: {image: busybox, volumes: ['/:/h']}}", "bind-mount"),
        ("services: {a: {image: busybox, volumes: ['./x:/h']}}", "bind-mount"),
        ("services: {a: {image: busybox, volumes: [{type: bind, source: /, target: /h}]}}", "bind-mount"),
        ("services: {a: {image: busybox, pid: host}}", "namespace"),
        ("services: {a: {image: busybox, network_mode: host}}", "namespace"),
        ("services: {a: {image: busybox, network_mode: 'container:web'}}", "namespace"),
        ("services: {a: {image: busybox, cap_add: [ALL]}}", "capability"),
        ("services: {a: {image: busybox, devices: ['/dev/null:/dev/x']}}", "device"),
        ("services: {a: {image: busybox, security_opt: ['seccomp:unconfined']}}", "security-opt"),
        (
            "services: {a: {image: busybox, profiles: [p], privileged: true}, b: {image: busybox, depends_on: [a]}}",
            "project-model",
        ),
        ("services: {a: {image: busybox, post_start: [{command: id}]}}", "blocked-command"),
        ("services: {a: {provider: {type: /bin/sh}}}", "client-program"),
        ("services: {a: {image: busybox, use_api_socket: true}}", "host-setting"),
        ("services: {a: {image: busybox, configs: [c]}}\nconfigs: {c: {file: /etc/shadow}}", "client-file"),
        ("services: {a: {image: busybox, secrets: [c]}}\nsecrets: {c: {file: /etc/passwd}}", "client-file"),
        (
            "services: {a: {image: busybox, volumes: ['vol:/v']}}\nvolumes: {vol: {driver_opts: {type: none, o: bind, device: /}}}",
            "volume-options",
        ),
        // The daemon would make a directory of what is missing, and follow its own links where the gate's end.
        ("services: {a: {image: busybox, configs: [c]}}\nconfigs: {c: {file: ./missing}}", "client-file"),
        ("services: {a: {image: busybox, secrets: [c]}}\nsecrets: {c: {file: .}}", "client-file"),
        (
            "services: {a: {image: busybox, secrets: [c]}}\nsecrets: {c: {file: /proc/self/cwd/made-for-e2e}}",
            "client-file",
        ),
        (
            "services: {a: {image: busybox, secrets: [c]}}\nsecrets: {c: {file: ./link-for-e2e/etc/shadow}}",
            "client-file",
        ),
        ("services: {a: {build: {context: ./link-for-e2e/}, image: x}}", "client-file"),
        ("services: {a: {build: {context: ., dockerfile: '$${upper(\"x\")}'}, image: x}}", "project-model"),
        (
            "services: {a: {image: q, build: {context: made-for-e2e.d, secrets: [x]}}}\nsecrets: {x: {environment: 'HOME,type=file,env=,src=.ssh/id'}}",
            "project-model",
        ),
        ("services: {a: {image: 'base/%{if true}os%{endif}', build: {context: made-for-e2e.d}}}", "project-model"),
        ("services: {a: {image: busybox, env_file: /etc/passwd}}", "client-file"),
        ("services: {a: {image: busybox, env_file: '${HOME}/.profile'}}", "client-file"),
        ("services: {a: {extends: {file: /etc/passwd, service: x}}}", "client-file"),
        ("include: [/etc/passwd]", "client-file"),
        ("services: {a: {build: /etc, image: x}}", "client-file"),
        ("services: {a: {build: {context: ., ssh: [default]}, image: x}}", "client-program"),
        ("x-x: &x {privileged: true}\nservices: {a: {<<: *x, image: busybox}}", "privileged"),
        (
            "services: {a: {image: busybox, logging: {driver: syslog, options: {syslog-address: 'tcp://127.0.0.1:1'}}}}",
            "log-driver",
        ),
    ] {
        lab.ssh_with("docker compose -p e2e-bad -f - up -d", text.as_bytes()).denied(reason);
        assert_eq!(
            lab.docker(&["ps", "-aq", "--filter", "label=com.docker.compose.project=e2e-bad"]).out(),
            "",
            "{text}"
        );
    }
    // Files that are not the request's own are not read, nor quoted in an error.
    let outcome = lab.ssh("docker compose -f /etc/passwd config").denied("client-file");
    assert!(!outcome.err().contains("root:"));
    lab.ssh("docker compose -f https://example.org/x.git up").denied("remote-project");
    // A file of variables that names another project, where there is none.
    let project = lab.home().join("elsewhere");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("prod.env"), "A=b\nCOMPOSE_FILE=elsewhere/c.yml\n").unwrap();
    fs::write(project.join("c.yml"), "services: {a: {image: busybox, privileged: true}}").unwrap();
    lab.ssh("docker compose --env-file elsewhere/prod.env up -d").denied("project-model");
    fs::write(project.join(".env"), "export BUILDX_CPU_PROFILE=profile\n").unwrap();
    fs::write(project.join("c.yml"), "services: {a: {image: busybox}}").unwrap();
    lab.ssh("docker compose --project-directory elsewhere -f elsewhere/c.yml config").denied("project-model");
}

#[test]
fn a_secret_of_the_project_is_mounted_as_it_was_judged() {
    let lab = Lab::shared();
    let project = lab.home().join("secret");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("a$b"), "the secret\n").unwrap();
    std::os::unix::fs::symlink("a$b", project.join("link")).unwrap();
    let text =
        "services: {a: {image: busybox, command: cat /run/secrets/s, secrets: [s]}}\nsecrets: {s: {file: ./link}}";
    let request = "docker compose -p e2e-secret --project-directory secret -f - ";
    lab.ssh_with(&format!("{request} up -d"), text.as_bytes()).succeeded();
    until("the secret is printed", || lab.docker(&["logs", "e2e-secret-a-1"]).out() == "the secret\n");
    let mounts = lab.docker(&["inspect", "-f", "{{range .Mounts}}{{.Source}}{{end}}", "e2e-secret-a-1"]).out();
    assert_eq!(mounts.trim_end(), project.join("a$b").to_str().unwrap());
    lab.ssh_with(&format!("{request} down -t 0"), text.as_bytes()).succeeded();
}

#[test]
fn a_project_does_not_inherit_what_the_gate_would_not_give() {
    let lab = Lab::shared();
    let labels =
        ["com.docker.compose.project=e2e-heir", "com.docker.compose.service=a", "com.docker.compose.oneoff=False"];
    let mut made = vec!["run", "-d", "--name", "e2e-heir-a-1", "-v", "/etc:/host:ro"];
    labels.iter().for_each(|label| made.extend(["--label", label]));
    made.extend(["busybox", "sleep", "1000"]);
    let id = lab.docker(&made).succeeded().out();
    let text = b"services: {a: {image: busybox, command: cat /host/shadow}}";
    for command in ["up -d", "up -d --force-recreate", "create", "run -d a", "scale a=2"] {
        lab.ssh_with(&format!("docker compose -p e2e-heir -f - {command}"), text).denied("bind-mount");
    }
    lab.ssh_with("docker compose -p e2e-heir -f - ps", text).succeeded();
    let left = lab.docker(&["ps", "-q", "--no-trunc", "--filter", "label=com.docker.compose.project=e2e-heir"]).out();
    assert_eq!(left, id);
    lab.docker(&["rm", "-f", "e2e-heir-a-1"]).succeeded();
}

#[test]
fn a_request_that_keeps_the_gate_busy_is_refused_like_others() {
    let lab = Lab::shared();
    // Nothing comes, and no end.
    let mut silent = spawn(lab.client(&[], &["docker compose -p e2e-silent -f - up"]).stdin(Stdio::piped()));
    let held = silent.stdin.take();
    lab.ssh_with("docker compose -p e2e-deep -f - up", "[".repeat(1024 * 1024).as_bytes()).denied("project-model");
    // Half a megabyte that is half a thousand million values once its aliases are written out.
    let aliases = format!("x-a: &a [{}]\nx-b: [{}]\n", "1,".repeat(200_000), "*a,".repeat(2500));
    lab.ssh_with("docker compose -p e2e-aliases -f - up", aliases.as_bytes()).denied("project-model");
    Outcome::from(silent.wait_with_output().unwrap()).denied("too-slow");
    drop(held);
    assert!(lab.records("e2e-deep", 1)[0].contains("verdict=deny reason=project-model"));
    assert!(lab.records("e2e-aliases", 1)[0].contains("verdict=deny reason=project-model"));
    assert!(lab.records("e2e-silent", 1)[0].contains("verdict=deny reason=too-slow command=\"compose up\""));
}

#[test]
fn each_of_a_hundred_connections_leaves_one_record() {
    let lab = Lab::shared();
    let children: Vec<_> =
        (0..100).map(|i| spawn(&mut lab.client(&[], &[&format!("docker ps --filter name=hundred-{i}-x")]))).collect();
    for child in children {
        let outcome: Outcome = child.wait_with_output().unwrap().into();
        outcome.succeeded();
    }
    let records = lab.records("name=hundred-", 100);
    for i in 0..100 {
        assert_eq!(records.iter().filter(|record| record.contains(&format!("hundred-{i}-x"))).count(), 1);
    }
}

#[test]
fn each_of_two_hundred_sessions_at_once_has_its_end() {
    let lab = Lab::shared();
    let children: Vec<_> = (0..200)
        .map(|i| spawn(&mut lab.client(&[], &[&format!("docker ps --filter name=twohundred-{i}-x")])))
        .collect();
    for child in children {
        let outcome: Outcome = child.wait_with_output().unwrap().into();
        outcome.succeeded();
    }
    let records = lab.records("name=twohundred-", 200);
    let ids: std::collections::BTreeSet<String> = records.iter().map(|record| id_of(record)).collect();
    assert_eq!(ids.len(), 200);
    for id in ids {
        assert!(lab.end(&id).contains(" exit=0 "));
    }
}

#[test]
fn a_client_that_hangs_up_leaves_no_docker_behind() {
    let lab = Lab::shared();
    lab.docker(&["run", "-d", "--name", "e2e-talk", "busybox", "sh", "-c", "while echo talk; do sleep 1; done"])
        .succeeded();
    let project = lab.home().join("talk");
    fs::create_dir_all(&project).unwrap();
    for (request, mark) in [
        ("docker logs -f e2e-talk", "talk"),
        ("docker run --rm --name e2e-fg busybox sh -c 'trap \"\" TERM; while echo talk; do sleep 1; done'", "talk"),
        ("docker events --since 1h", "container"),
    ] {
        let mut child = spawn(&mut lab.client(&[], &[request]));
        read_until(child.stdout.as_mut().unwrap(), mark);
        let words = request.split(' ').nth(1).unwrap();
        assert!(!lab.processes(&format!("docker {words}")).is_empty(), "{request} runs");
        child.kill().unwrap();
        child.wait().unwrap();
        until(&format!("{request} has ended"), || lab.processes(&format!("docker {words}")).is_empty());
    }
    lab.docker(&["rm", "-f", "e2e-fg"]);
    // One that has nothing to say, and so does not notice by itself; and one session of several on a connection.
    let socket = lab.directory.join("shared-connection");
    let control = format!("ControlPath={}", socket.display());
    let mut master = spawn(&mut lab.client(&["-o", &control, "-M", "-N"], &[]));
    until("the shared connection", || socket.exists());
    for options in [&[][..], &["-o", &control][..]] {
        let mut child = spawn(&mut lab.client(options, &["docker events --filter container=e2e-quiet"]));
        until("it runs", || !lab.processes("docker events --filter=container=e2e-quiet").is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        until("a quiet one has ended", || lab.processes("container=e2e-quiet").is_empty());
    }
    master.kill().unwrap();
    master.wait().unwrap();
    until("no watch is left", || lab.processes("dockgate-watch").is_empty());
    // Compose is a plugin: a second process, which must go too.
    let text = "services: {a: {image: busybox, command: sh -c 'while echo talk; do sleep 1; done'}}";
    lab.ssh_with("docker compose -p e2e-hup -f - up -d", text.as_bytes()).succeeded();
    let mut child = spawn(&mut lab.client(&[], &["docker compose -p e2e-hup logs -f"]));
    read_until(child.stdout.as_mut().unwrap(), "talk");
    assert!(!lab.processes("compose").is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    until("compose logs has ended", || lab.processes("compose").is_empty());
    lab.ssh("docker compose -p e2e-hup down -t 0").succeeded();
    lab.docker(&["rm", "-f", "e2e-talk"]).succeeded();
}

#[test]
fn docker_sees_nothing_of_a_hostile_environment() {
    let lab = Lab::shared();
    // A docker that prints its environment and arguments, behind the same gate.
    let printer = lab.directory.join("printer");
    fs::write(&printer, "#!/bin/sh\nprintf 'arg=%s\\n' \"$@\"\n/usr/bin/env\nexit 37\n").unwrap();
    fs::set_permissions(&printer, fs::Permissions::from_mode(0o755)).unwrap();
    let policy = policy_with(lab, "printer", &lab.directory.join("log.sock"));
    let hostile = [
        ("DOCKER_HOST", "tcp://evil:1"),
        ("DOCKER_CONTEXT", "evil"),
        ("DOCKER_CONFIG", "/evil"),
        ("DOCKER_TLS_VERIFY", "evil"),
        ("DOCKER_CERT_PATH", "/evil"),
        ("DOCKER_API_VERSION", "evil"),
        ("DOCKER_BUILDKIT", "evil"),
        ("DOCKER_CLI_HOOKS", "evil"),
        ("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "/evil"),
        ("LD_PRELOAD_X", "evil"),
        ("BASH_ENV", "/evil"),
        ("ENV", "/evil"),
        ("COMPOSE_FILE", "/evil"),
        ("COMPOSE_PROJECT_NAME", "evil"),
        ("COMPOSE_PROFILES", "evil"),
        ("BUILDX_CONFIG", "/evil"),
        ("BUILDX_CPU_PROFILE", "/evil"),
        ("BUILDX_BUILDER", "evil"),
        ("GIT_SSH_COMMAND", "evil"),
        ("SSH_AUTH_SOCK", "/evil"),
        ("HTTP_PROXY", "evil"),
        ("HOME", "/evil"),
        ("PATH", "/evil"),
        ("USER", "evil"),
        ("XDG_CONFIG_HOME", "/evil"),
        ("TMPDIR", "/evil"),
        ("LANG", "../../evil"),
        ("TERM", "evil\u{1b}"),
        ("LC_ALL", "C.UTF-8"),
        ("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22"),
    ];
    let mut gate = lab.gate(&policy, b"docker ps --all");
    gate.env_clear().env("SSH_ORIGINAL_COMMAND", "docker ps --all").envs(hostile);
    // setpriv itself needs none of it.
    let outcome: Outcome = gate.output().unwrap().into();
    assert_eq!(outcome.code, 37, "{}", outcome.err());
    assert!(!outcome.out().contains("evil"), "{}", outcome.out());
    let mut names: Vec<String> =
        outcome.out().lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
    names.retain(|name| !matches!(name.as_str(), "arg" | "PWD" | "_" | "SHLVL" | "OLDPWD"));
    names.sort();
    assert_eq!(names, ["DOCKER_CONFIG", "DOCKER_HOST", "HOME", "LC_ALL", "LOGNAME", "PATH", "USER"]);
    assert!(outcome.out().starts_with("arg=ps\narg=--all\n"), "{}", outcome.out());
    // And through sshd, whose AcceptEnv takes everything.
    let mut client =
        lab.client(&["-o", "SendEnv=DOCKER_* COMPOSE_* BUILDX_* GIT_SSH_COMMAND BASH_ENV"], &["docker version"]);
    let outcome: Outcome = client
        .envs(hostile.into_iter().filter(|(name, _)| !matches!(*name, "HOME" | "PATH" | "USER")))
        .output()
        .unwrap()
        .into();
    outcome.succeeded();
}

/// A policy file like the lab's, with another docker program (a name in the lab's directory) or log socket.
fn policy_with(lab: &Lab, program: &str, socket: &std::path::Path) -> std::path::PathBuf {
    let policy = lab.directory.join(format!("policy-{program}-{}.toml", socket.file_name().unwrap().to_string_lossy()));
    let program = if program == "docker" {
        lab.value("DOCKER").to_owned()
    } else {
        lab.directory.join(program).display().to_string()
    };
    let text = format!(
        "[docker]\nprogram = {program:?}\nhost = \"unix://{}\"\nconfig = {:?}\n[audit]\nsocket = {:?}\n",
        lab.value("SOCKET"),
        lab.value("CONFIG"),
        socket.display().to_string()
    );
    fs::write(&policy, text).unwrap();
    policy
}

#[test]
fn what_is_not_docker_is_named() {
    let lab = Lab::shared();
    for (request, says) in [
        ("bash -c 'docker ps'", "needs a shell"),
        ("sudo docker ps", "somebody else"),
        ("X=y docker ps", "variables"),
        ("docker-compose ps", "old Compose"),
        ("/usr/bin/docker ps", "not a path"),
        ("rsync --server -e.LsfxCIvu . /tmp/", "synchronises"),
        ("git-upload-pack 'x.git'", "Git"),
        ("scp -t /tmp", "copy files"),
        ("nonsense", "another program"),
    ] {
        let outcome = lab.ssh(request).denied("not-docker");
        assert!(outcome.err().contains(says), "{request}: {}", outcome.err());
    }
    let sftp: Outcome = lab.client(&["-s"], &["sftp"]).output().unwrap().into();
    // sshd passes on no standard error of a subsystem; the code and the record are what there is.
    assert_eq!(sftp.code, 77);
    assert!(lab.records("sftp-server", 1).remove(0).contains("reason=not-docker"));
    for (request, reason) in [
        ("docker ps | cat", "shell-operator"),
        ("docker ps; id", "shell-operator"),
        ("docker ps $(id)", "shell-expansion"),
        ("docker ps\nid", "shell-newline"),
        ("docker ps # x", "shell-comment"),
        ("docker ps 'x", "unterminated-quote"),
    ] {
        lab.ssh(request).denied(reason);
    }
}

#[test]
fn dockgate_answers_what_is_its_own() {
    let lab = Lab::shared();
    let outcome = lab.ssh("true");
    assert_eq!((outcome.code, outcome.stdout.len(), outcome.stderr.len()), (0, 0, 0));
    assert!(lab.ssh("help").succeeded().out().contains("You may run"));
    assert!(lab.ssh("dockgate policy show").succeeded().out().contains("blocked = ["));
    assert!(lab.ssh("dockgate check docker ps").succeeded().out().starts_with("allow: docker ps"));
    assert_eq!(lab.ssh("dockgate check 'docker exec web sh'").code, 77);
    let login: Outcome = lab.client(&[], &[]).output().unwrap().into();
    assert_eq!(login.code, 64);
    assert!(login.err().contains("no shell") && login.err().contains("ssh HOST docker ps"), "{}", login.err());
    assert_eq!(lab.records("request=\"true\"", 1).len(), 1);
    assert!(lab.records("command=login", 1).remove(0).contains("reason=no-command"));
}

#[test]
fn odd_requests_leave_exactly_the_records_they_should() {
    let lab = Lab::shared();
    let long = format!("docker run --rm busybox echo odd-long {}", "x".repeat(60_000));
    assert_eq!(lab.ssh(&long).succeeded().stdout.len(), 60_000 + "odd-long ".len() + 1);
    let id = lab.records("odd-long", 1).remove(0).split(" id=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let parts = lab.records(&format!(" id={id} "), 8);
    let whole: String =
        parts.iter().map(|part| part.split_once("request=\"").unwrap().1.strip_suffix('"').unwrap()).collect();
    assert_eq!(whole, long);
    for (index, part) in parts.iter().enumerate() {
        assert!(part.contains(&format!(" part={}/8 request=\"", index + 1)), "{part}");
    }
    // Bytes that no terminal and no log should see raw.
    let policy = lab.value("POLICY").to_owned();
    let forged = b"docker odd-forged\nNov 22 00:00:00 host sshd[1]: Accepted publickey for root \" verdict=\"allow\" \x1b[31m\xc2\x9b\xe2\x80\xa8\xe2\x80\xae";
    let outcome: Outcome = lab.gate(policy.as_ref(), forged).output().unwrap().into();
    assert_eq!(outcome.code, 77);
    assert!(clean(&outcome.stderr), "{:?}", outcome.err());
    let record = lab.records("odd-forged", 1).remove(0);
    assert!(
        clean(record.as_bytes())
            && record.contains(r#"odd-forged\nNov 22"#)
            && record.contains(r#"\" verdict=\"allow\" \u{1b}[31m\u{9b}\u{2028}\u{202e}"#),
        "{record}"
    );
    let outcome: Outcome = lab.gate(policy.as_ref(), b"docker odd-bytes \xff\xfe").output().unwrap().into();
    outcome.denied("not-utf8");
    assert!(lab.records("odd-bytes", 1).remove(0).ends_with(r#"request="docker odd-bytes \xff\xfe""#));
    let outcome: Outcome = lab.gate(policy.as_ref(), "docker 'odd-word\u{202e}x'".as_bytes()).output().unwrap().into();
    assert!(clean(&outcome.denied("unknown-command").stderr));
    // Secrets in known places are not written down.
    lab.ssh("docker run --rm -e TOKEN=odd-secret busybox true").succeeded();
    lab.records("odd-secret", 0);
    lab.records("-e TOKEN=***", 1);
}

/// Whether text holds nothing that acts on a terminal or breaks a line.
fn clean(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    text.chars()
        .all(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}')))
}

#[test]
fn without_a_record_nothing_runs() {
    let lab = Lab::shared();
    let witness = lab.directory.join("witness-docker");
    let ran = lab.directory.join("home/witness");
    fs::write(&witness, format!("#!/bin/sh\n: > {}\n", ran.display())).unwrap();
    fs::set_permissions(&witness, fs::Permissions::from_mode(0o755)).unwrap();
    let nothing_ran = |socket: &std::path::Path| {
        let policy = policy_with(lab, "witness-docker", socket);
        for request in ["docker ps", "docker exec web sh", "true", "help"] {
            let outcome: Outcome = lab.gate(&policy, request.as_bytes()).output().unwrap().into();
            assert_eq!(outcome.code, 69, "{request}: {}", outcome.err());
            assert!(outcome.err().starts_with("ERROR: audit: "), "{}", outcome.err());
            assert!(!ran.exists());
        }
    };
    nothing_ran(&lab.directory.join("no.sock"));
    let dead = lab.directory.join("dead.sock");
    drop(UnixDatagram::bind(&dead).unwrap());
    nothing_ran(&dead);
    // A daemon that does not read: its queue is filled, then a request must not hang for ever.
    let full = lab.directory.join("full.sock");
    let reader = UnixDatagram::bind(&full).unwrap();
    fs::set_permissions(&full, fs::Permissions::from_mode(0o666)).unwrap();
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to(b"x", &full).is_ok() {}
    nothing_ran(&full);
    drop(reader);
    // With a log, the same docker runs.
    let policy = policy_with(lab, "witness-docker", &lab.directory.join("log.sock"));
    assert!(lab.gate(&policy, b"docker ps").status().unwrap().success());
    assert!(ran.exists());
}

#[test]
fn a_broken_set_up_never_means_allowed() {
    let lab = Lab::shared();
    let log = lab.directory.join("log.sock");
    let missing = policy_with(lab, "no-such-docker", &log);
    let outcome: Outcome = lab.gate(&missing, b"docker ps --filter name=broken-missing").output().unwrap().into();
    assert_eq!(outcome.code, 69, "{}", outcome.err());
    let record = lab.records("broken-missing", 1).remove(0);
    assert!(
        record.starts_with("authpriv.err") && record.contains("verdict=error reason=docker-not-started"),
        "{record}"
    );
    for (text, mode, owner) in [
        ("[docker]\nprogramm = '/x'\n", 0o644, "root"),
        ("[docker\n", 0o644, "root"),
        ("[commands]\nblocked = ['exce']\n", 0o644, "root"),
        ("", 0o666, "root"),
        ("", 0o664, "root"),
        ("", 0o600, "root"),
        ("", 0o644, lab.value("ACCOUNT")),
    ] {
        let policy = lab.directory.join("policy-broken.toml");
        fs::write(&policy, text).unwrap();
        fs::set_permissions(&policy, fs::Permissions::from_mode(mode)).unwrap();
        assert!(Command::new("chown").arg(owner).arg(&policy).status().unwrap().success());
        let outcome: Outcome = lab.gate(&policy, b"docker ps").output().unwrap().into();
        assert_eq!(outcome.code, 78, "{text:?} {mode:o} {owner}: {}", outcome.err());
        assert!(outcome.err().starts_with("ERROR: policy: ") && outcome.stdout.is_empty(), "{}", outcome.err());
        fs::remove_file(&policy).unwrap();
    }
    // In a directory that the account can write, and through a link of the account's.
    let home = lab.home();
    fs::write(home.join("policy.toml"), "").unwrap();
    assert_eq!(lab.gate(&home.join("policy.toml"), b"docker ps").status().unwrap().code(), Some(78));
    let link = home.join("link.toml");
    std::os::unix::fs::symlink(lab.value("POLICY"), &link).unwrap();
    assert_eq!(lab.gate(&link, b"docker ps").status().unwrap().code(), Some(78));
    fs::remove_file(home.join("policy.toml")).unwrap();
    fs::remove_file(link).unwrap();
}

#[test]
fn the_record_names_key_client_and_fingerprint() {
    let lab = Lab::shared();
    lab.ssh("docker ps --filter name=who-am-i").succeeded();
    let record = lab.records("who-am-i", 1).remove(0);
    let keygen = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(lab.directory.join("hermes.pub"))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let fingerprint = String::from_utf8(keygen.stdout).unwrap().split(' ').nth(1).unwrap().to_owned();
    assert!(
        record.contains(&format!(
            " user={} key=hermes fingerprint={fingerprint} client=127.0.0.1:",
            lab.value("ACCOUNT")
        )),
        "{record}"
    );
    assert!(record.starts_with("authpriv.info dockgate["), "{record}");
}

#[test]
fn keys_have_profiles_and_proof_beats_the_label() {
    let lab = Lab::shared();
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let policy = lab.directory.join("policy-keys.toml");
    let gate = |label: &str| {
        format!("restrict,command=\"{}/dockgate --config {} --key {label}\"", lab.directory.display(), policy.display())
    };
    let reader = new_key(lab, "key-reader", &keys, &gate("reader"));
    let operator = new_key(lab, "key-operator", &keys, &gate("operator"));
    // It claims to be the operator's, but sshd proves that it is another's.
    let liar = new_key(lab, "key-liar", &keys, &gate("operator"));
    let proven = new_key(lab, "key-proven", &keys, &gate("operator"));
    let far = new_key(lab, "key-far", &keys, &gate("far"));
    let text = fs::read_to_string(lab.value("POLICY")).unwrap();
    fs::write(
        &policy,
        format!(
            "{text}\n[keys.reader]\nprofile = 'read-only'\n[keys.operator]\nprofile = 'operator'\nfingerprint = '{}'\n\
             [keys.reader-too]\nprofile = 'read-only'\nfingerprint = '{}'\n[keys.far]\nfrom = ['192.0.2.0/24']\n",
            fingerprint(&operator),
            fingerprint(&proven)
        ),
    )
    .unwrap();
    lab.docker(&["run", "-d", "--name", "e2e-keys", "busybox", "sleep", "100000"]).succeeded();
    ssh_as(lab, &reader, "docker ps").succeeded();
    ssh_as(lab, &reader, "docker restart -t 0 e2e-keys").denied("not-allowed");
    ssh_as(lab, &operator, "docker restart -t 0 e2e-keys").succeeded();
    ssh_as(lab, &operator, "docker run --rm busybox true").denied("not-allowed");
    ssh_as(lab, &liar, "docker ps").denied("key-refused");
    ssh_as(lab, &proven, "docker ps --filter name=proven-key").succeeded();
    ssh_as(lab, &proven, "docker restart -t 0 e2e-keys").denied("not-allowed");
    ssh_as(lab, &far, "docker ps").denied("key-refused");
    let record = lab.records("name=proven-key", 1).remove(0);
    assert!(
        record.contains(&format!(" fingerprint={} ", fingerprint(&proven))) && record.contains(" profile=read-only "),
        "{record}"
    );
    lab.docker(&["rm", "-f", "e2e-keys"]).succeeded();
}

#[test]
fn a_certificate_is_as_good_as_a_line_of_keys() {
    let lab = Lab::shared();
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let account = lab.value("ACCOUNT");
    let authority = new_key(lab, "authority", &keys, "restrict,cert-authority");
    let bearer = new_key(lab, "bearer", &lab.directory.join("nobody"), "");
    let gate = lab.directory.join("dockgate");
    let forced = format!("force-command={} --config {} --profile read-only", gate.display(), lab.value("POLICY"));
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-s", &authority, "-I", "hermes on call", "-n", account, "-O", "clear", "-O", &forced])
        .arg(format!("{bearer}.pub"))
        .status();
    assert!(signed.unwrap().success());
    ssh_as(lab, &bearer, "docker ps --filter name=certified").succeeded();
    ssh_as(lab, &bearer, "docker restart certified").denied("not-allowed");
    ssh_as(lab, &bearer, "id").denied("not-docker");
    let record = lab.records("docker ps --filter name=certified", 1).remove(0);
    for field in
        [" profile=read-only ", " certificate=\"hermes on call\" ", &format!(" fingerprint={} ", fingerprint(&bearer))]
    {
        assert!(record.contains(field), "{field}: {record}");
    }
}

#[test]
fn what_is_protected_still_runs_afterwards() {
    let lab = Lab::shared();
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let policy = lab.directory.join("policy-protected.toml");
    let options = format!("restrict,command=\"{}/dockgate --config {}\"", lab.directory.display(), policy.display());
    let key = new_key(lab, "key-protected", &keys, &options);
    let text = fs::read_to_string(lab.value("POLICY")).unwrap();
    fs::write(
        &policy,
        format!(
            "{text}\n[containers]\nprotected = ['e2e-vault*']\n[volumes]\nprotected = ['e2e-vault-data']\n\
             [networks]\nprotected = ['e2e-vault-net']\n[images]\nprotected = ['e2e-vault-image']\n"
        ),
    )
    .unwrap();
    lab.docker(&["network", "create", "e2e-vault-net"]).succeeded();
    lab.docker(&["tag", "busybox", "e2e-vault-image"]).succeeded();
    let project = ["--label", "com.docker.compose.project=e2e-vault", "--label", "com.docker.compose.service=a"];
    let mut words = vec!["run", "-d", "--name", "e2e-vault-1", "-v", "e2e-vault-data:/d", "--network", "e2e-vault-net"];
    words.extend(project);
    words.extend(["busybox", "sleep", "100000"]);
    let id = lab.docker(&words).succeeded().out();
    let stopped = lab.docker(&["create", "--name", "e2e-vault-2", "busybox"]).succeeded().out();
    let started = lab.docker(&["inspect", "-f", "{{.State.StartedAt}}", "e2e-vault-1"]).out();
    let model = b"services: {a: {image: busybox, command: id}}";
    for request in [
        "docker stop e2e-vault-1",
        "docker kill /e2e-vault-1",
        &format!("docker rm -f {}", &id[..5]),
        &format!("docker restart {}", id.trim_end()),
        "docker pause e2e-vault-1",
        "docker rename e2e-vault-1 x",
        "docker update -m 64m e2e-vault-1",
        "docker container prune -f",
        "docker system prune -f",
        "docker compose -p e2e-vault stop",
        "docker compose -p e2e-vault down -v",
        "docker compose -p e2e-vault rm -sf",
        "docker compose -p e2e-vault kill",
        "docker compose -p e2e-vault wait --down-project a",
        "docker volume rm -f e2e-vault-data",
        "docker run --rm -v e2e-vault-data:/d busybox rm -rf /d",
        "docker run --rm --network e2e-vault-net busybox true",
        "docker network disconnect -f e2e-vault-net e2e-vault-1",
        "docker rmi -f e2e-vault-image",
        "docker image prune -af",
    ] {
        ssh_as(lab, &key, request).denied("protected");
    }
    for (model, command) in [
        ("services: {b: {image: e2e-vault-image, pull_policy: always}}", "up -d"),
        ("services: {b: {image: e2e-vault-image}}", "down --rmi all"),
        ("services: {b: {image: e2e-vault-image, build: {context: 'https://example.org/x.git'}}}", "build"),
    ] {
        let mut child = spawn(
            lab.client(&[], &[&format!("docker compose -p e2e-mine -f - {command}")])
                .env("LAB_KEY", &key)
                .stdin(Stdio::piped()),
        );
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), model.as_bytes()).unwrap();
        Outcome::from(child.wait_with_output().unwrap()).denied("protected");
    }
    for command in ["up -d", "down", "restart", "up -d --remove-orphans --force-recreate"] {
        let mut child = spawn(
            lab.client(&[], &[&format!("docker compose -p e2e-vault -f - {command}")])
                .env("LAB_KEY", &key)
                .stdin(Stdio::piped()),
        );
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), model).unwrap();
        Outcome::from(child.wait_with_output().unwrap()).denied("protected");
    }
    for request in
        ["docker logs e2e-vault-1", "docker inspect e2e-vault-1 e2e-vault-data", "docker compose -p e2e-vault ps"]
    {
        ssh_as(lab, &key, request).succeeded();
    }
    let after = lab.docker(&["inspect", "-f", "{{.State.StartedAt}}", "e2e-vault-1"]).succeeded().out();
    assert_eq!(after, started);
    let there = lab.docker(&["ps", "-aq", "--no-trunc", "--filter", "name=e2e-vault"]).out();
    assert!(there.contains(id.trim_end()) && there.contains(stopped.trim_end()), "{there}");
    lab.docker(&["rm", "-fv", "e2e-vault-1", "e2e-vault-2"]).succeeded();
    lab.docker(&["volume", "rm", "e2e-vault-data"]).succeeded();
    lab.docker(&["network", "rm", "e2e-vault-net"]).succeeded();
    lab.docker(&["rmi", "e2e-vault-image"]).succeeded();
}

#[test]
fn a_roof_holds_for_compose_and_for_sessions() {
    let lab = Lab::shared();
    let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
    let policy = lab.directory.join("policy-limits.toml");
    let options = format!("restrict,command=\"{}/dockgate --config {}\"", lab.directory.display(), policy.display());
    let key = new_key(lab, "key-limits", &keys, &options);
    let text = fs::read_to_string(lab.value("POLICY")).unwrap();
    fs::write(
        &policy,
        format!(
            "{text}\n[containers]\nonly = ['e2e-roof-*']\n[limits]\nmemory = '64m'\nports = ['42000-42010']\n\
             images = ['busybox']\ncontainers = 2\nsessions = 3\n"
        ),
    )
    .unwrap();
    let compose = |name: &str, service: &str, command: &str| {
        let mut child = spawn(
            lab.client(&[], &[&format!("docker compose -p {name} -f - {command}")])
                .env("LAB_KEY", &key)
                .stdin(Stdio::piped()),
        );
        let model = format!("services: {{a: {{command: sleep 1000, {service}}}}}");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), model.as_bytes()).unwrap();
        Outcome::from(child.wait_with_output().unwrap())
    };
    // With a build, what is there under the name is taken all the same.
    compose("e2e-roof-x", "image: alpine, mem_limit: 1m, build: 'https://example.org/x.git'", "up -d").denied("limit");
    for service in [
        "image: busybox",
        "image: busybox, mem_limit: 1g",
        "image: busybox, deploy: {resources: {limits: {memory: 65m}}}",
        "image: alpine, mem_limit: 1m",
        "image: busybox, mem_limit: 64m, ports: ['80:80']",
        "image: busybox, mem_limit: 64m, ports: ['80']",
        "image: busybox, mem_limit: 64m, memswap_limit: -1",
        "image: busybox, mem_limit: 64m, volumes: [{type: image, source: alpine, target: /x}]",
        "image: busybox, mem_limit: 64m, scale: 3",
        "image: busybox, mem_limit: 64m, deploy: {replicas: 3}",
    ] {
        compose("e2e-roof-x", service, "up -d").denied("limit");
    }
    let fits = "image: busybox, mem_limit: 64m, ports: ['42001:80']";
    compose("e2e-elsewhere", fits, "up -d").denied("out-of-scope");
    compose("e2e-roof-x", fits, "up -d --scale a=3").denied("limit");
    compose("e2e-roof-x", fits, "run -d --publish 80:80 a").denied("limit");
    compose("e2e-roof-x", fits, "up -d").succeeded();
    compose("e2e-roof-x", fits, "up -d --scale a=3").denied("limit");
    ssh_as(lab, &key, "docker run -d -m 64m --name e2e-roof-2 busybox sleep 1000").succeeded();
    ssh_as(lab, &key, "docker run -d -m 64m --name e2e-roof-3 busybox sleep 1000").denied("limit");
    compose("e2e-roof-x", fits, "up -d").succeeded();
    compose("e2e-roof-x", fits, "run -d a sleep 300").denied("limit");
    compose("e2e-roof-y", fits, "up -d").denied("limit");
    assert_eq!(lab.docker(&["ps", "-q", "--filter", "label=dockgate.account"]).out().lines().count(), 2);

    let followers: Vec<_> = (0..3)
        .map(|_| {
            let mut child = spawn(lab.client(&[], &["docker events --filter container=roof"]).env("LAB_KEY", &key));
            child.stdin.take();
            child
        })
        .collect();
    until("three sessions", || lab.processes("container=roof").len() >= 3);
    ssh_as(lab, &key, "docker ps").denied("limit");
    for mut child in followers {
        // The client's end is the session's.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    until("the sessions end", || ssh_as(lab, &key, "docker ps").code == 0);
    lab.docker(&["rm", "-f", "e2e-roof-2", "e2e-roof-x-a-1"]).succeeded();
    lab.docker(&["network", "rm", "e2e-roof-x_default"]).succeeded();
}

#[test]
fn as_docker_it_judges_its_own_arguments() {
    let lab = Lab::shared();
    let folder = lab.directory.join("wrapper");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(lab.directory.join("dockgate"), folder.join("docker")).unwrap();
    let wrapper =
        |words: &[&str]| -> Outcome { Command::new(folder.join("docker")).args(words).output().unwrap().into() };
    // No log, no policy file of the lab's: what can be seen is that it is the gate, and runs nothing.
    for words in [&["ps"][..], &["exec", "web", "sh"]] {
        let outcome = wrapper(words);
        assert!(matches!(outcome.code, 69 | 77) && outcome.err().starts_with("ERROR: "), "{}", outcome.err());
    }
}

#[test]
fn a_change_of_policy_is_replayed_over_the_log() {
    let lab = Lab::shared();
    lab.ssh("docker ps --filter name=replayed").succeeded();
    lab.ssh("docker run --rm --name replayed busybox true").succeeded();
    lab.ssh("docker run --rm --name replayed --network host busybox true").denied("namespace");
    lab.records("replayed", 3);
    let policy = |name: &str, more: &str| {
        let path = lab.directory.join(name);
        fs::write(&path, fs::read_to_string(lab.value("POLICY")).unwrap() + more).unwrap();
        path
    };
    let old = policy("replay-old.toml", "");
    let new = policy("replay-new.toml", "[commands]\nallowed = ['run']\n[host]\nnamespaces = ['network']\n");
    let mut diff = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    diff.args(["policy", "diff"]).arg(old).arg(new).arg("--log").arg(lab.value("LOG"));
    let outcome: Outcome = diff.output().unwrap().into();
    let report = outcome.succeeded().out();
    let (refused, allowed) = report.split_once("newly allowed: ").unwrap();
    assert!(refused.contains("1 x hermes: docker ps --filter name=replayed\n"), "{report}");
    assert!(!report.contains("docker run --rm --name replayed busybox true"), "{report}");
    assert!(allowed.contains("1 x hermes: docker run --rm --name replayed --network host busybox true\n"), "{report}");
}
