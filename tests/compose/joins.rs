//! What a service takes of another one, of the daemon's own and of memory: given where nothing of the host comes with
//! it, by the words and by the calls.

use crate::Key;
use crate::support::{Lab, Outcome};

/// Two services, `b` with a namespace of `a`'s, and what `a` is like besides.
fn joining(mode: &str, a: &str, b: &str) -> String {
    format!(
        "services: {{a: {{image: busybox, command: sleep 1000, stop_grace_period: 0s{a}}}, b: {{image: busybox, command: sleep 1000, stop_grace_period: 0s, {mode}: 'service:a'{b}}}}}"
    )
}

fn host_config(lab: &Lab, container: &str, field: &str) -> String {
    lab.docker(&["inspect", "-f", &format!("{{{{.HostConfig.{field}}}}}"), container])
        .succeeded()
        .out()
        .trim()
        .to_owned()
}

fn id(lab: &Lab, container: &str) -> String {
    lab.docker(&["inspect", "-f", "{{.Id}}", container]).succeeded().out().trim().to_owned()
}

#[test]
fn a_service_joins_another_one_of_its_project() {
    let lab = Lab::shared();
    for (key, field, a) in
        [("network_mode", "NetworkMode", ""), ("pid", "PidMode", ""), ("ipc", "IpcMode", ", ipc: shareable")]
    {
        let send = |text: &str, words: &str| -> Outcome {
            lab.ssh_with(&format!("docker compose -p joins -f - {words}"), text.as_bytes())
        };
        send(&joining(key, a, ""), "up -d").succeeded();
        assert_eq!(host_config(lab, "joins-b-1", field), format!("container:{}", id(lab, "joins-a-1")));
        // Alone, beside the one that is there; once more; and both anew.
        let before = id(lab, "joins-a-1");
        send(&joining(key, a, ", environment: {A: b}"), "up -d").succeeded();
        assert_eq!(id(lab, "joins-a-1"), before);
        assert_eq!(host_config(lab, "joins-b-1", field), format!("container:{before}"));
        send(&joining(key, a, ""), "run --rm b true").succeeded();
        send(&joining(key, a, ""), "up -d --force-recreate").succeeded();
        assert_eq!(host_config(lab, "joins-b-1", field), format!("container:{}", id(lab, "joins-a-1")));
        send(&joining(key, a, ""), "down -t 0").succeeded();
    }
    let reached = "services: {a: {image: busybox, command: nc -l -p 80 -e echo reached}, b: {image: busybox, network_mode: 'service:a', command: sh -c 'for i in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 80 </dev/null && break; sleep 1; done'}}";
    let outcome =
        lab.ssh_with("docker compose -p joins -f - up --exit-code-from b -t 0", reached.as_bytes()).succeeded();
    assert!(outcome.out().contains("reached"), "{}{}", outcome.out(), outcome.err());
    lab.ssh("docker compose -p joins down -t 0").succeeded();
    // By the name that the file gives a container.
    let named = "services: {a: {image: busybox, container_name: joins-named, command: sleep 1000, stop_grace_period: 0s}, b: {image: busybox, command: 'true', depends_on: [a], network_mode: 'container:joins-named'}}";
    lab.ssh_with("docker compose -p joins -f - up -d", named.as_bytes()).succeeded();
    lab.ssh_with("docker compose -p joins -f - down -t 0", named.as_bytes()).succeeded();
    let other = named.replace("'container:joins-named'", "'container:joins-other'");
    lab.ssh_with("docker compose -p joins -f - up -d", other.as_bytes()).denied("namespace");
}

#[test]
fn what_is_not_of_the_project_or_has_more_is_not_joined() {
    let lab = Lab::shared();
    lab.docker(&["run", "-d", "--name", "stranger", "busybox", "sleep", "100000"]).succeeded();
    for text in [
        "services: {b: {image: busybox, network_mode: 'container:stranger'}}",
        "services: {b: {image: busybox, pid: 'container:stranger'}}",
        "services: {b: {image: busybox, uts: 'container:stranger'}}",
    ] {
        lab.ssh_with("docker compose -p joined -f - up -d", text.as_bytes()).denied("namespace");
    }
    // One of before, of the same name and project and with the gate's marks, that the administrator has made with more.
    let key =
        Key::under("joined", "[networks]\nprotected = ['joined-vault']\n[containers]\nprotected = ['joined-guarded']");
    let join = |mode: &str, container: &str| {
        let body = format!(
            "{{\"Image\": \"busybox\", \"Labels\": {{\"com.docker.compose.project\": \"joined\"}}, \"HostConfig\": {{\"{mode}\": \"container:{container}\"}}}}"
        );
        let head = format!(
            "POST /containers/create?name=joined-b HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = key.send("docker system dial-stdio", &(head + &body)).out();
        let made = !lab.docker(&["ps", "-aq", "--filter", "name=joined-b"]).out().is_empty();
        assert_eq!(answer.starts_with("HTTP/1.1 201 "), made, "{answer}");
        if made {
            lab.docker(&["rm", "-f", "joined-b"]).succeeded();
        }
        answer
    };
    let put_there = |name: &str, owner: &str, project: &str, more: &[&str]| {
        let account = format!("dockgate.account={}", lab.value("ACCOUNT"));
        let (owner, project) = (format!("dockgate.key={owner}"), format!("com.docker.compose.project={project}"));
        let mut words = vec!["run", "-d", "--name", name];
        [&account, &owner, &project, "dockgate.id=0-1"].iter().for_each(|label| words.extend(["--label", label]));
        words.extend(more);
        words.extend(["busybox", "sleep", "100000"]);
        lab.docker(&words).succeeded();
    };
    lab.docker(&["network", "create", "joined-vault"]).succeeded();
    for (name, owner, project, more, said) in [
        ("joined-a", "", "joined", &[] as &[&str], "HTTP/1.1 201 "),
        ("joined-a", "", "joined", &["--privileged"], "namespace of container:"),
        ("joined-a", "", "joined", &["--cap-add", "NET_ADMIN"], "the capability NET_ADMIN"),
        ("joined-a", "", "joined", &["-v", "/etc:/etc2"], "a container would get /etc of the host"),
        ("joined-a", "", "joined", &["--network", "host"], "host's network namespace"),
        ("joined-a", "", "joined", &["--pid", "host"], "host's pid namespace"),
        ("joined-a", "", "joined", &["--pid", "container:stranger"], "the pid namespace of container:"),
        ("joined-a", "", "joined", &["--security-opt", "systempaths=unconfined"], "namespace of container:"),
        ("joined-a", "", "joined", &["--security-opt", "seccomp=unconfined"], "container's confinement"),
        ("joined-a", "", "joined", &["--device", "/dev/null"], "a device of the host"),
        ("joined-a", "", "joined", &["--network", "joined-vault"], "joined-vault is protected"),
        ("joined-a", "other", "joined", &[], "namespace of container:"),
        ("joined-a", "", "other", &[], "namespace of container:"),
        ("joined-guarded", "", "joined", &[], "joined-guarded is protected"),
    ] {
        put_there(name, owner, project, more);
        for mode in ["NetworkMode", "PidMode", "IpcMode"] {
            let answer = join(mode, name);
            assert!(answer.contains(said), "{mode} {name} of {owner} in {project} {more:?}: {answer}");
        }
        lab.docker(&["rm", "-f", name]).succeeded();
    }
    lab.docker(&["rm", "-f", "stranger"]).succeeded();
    lab.docker(&["network", "rm", "joined-vault"]).succeeded();
}

#[test]
fn what_asks_for_nothing_of_the_host_runs() {
    let lab = Lab::shared();
    for (service, around, words, expected) in [
        ("runtime: runc", "", &["inspect", "-f", "{{.HostConfig.Runtime}}", "harmless-a-1"] as &[&str], "runc"),
        (
            "volumes: ['mem:/m']",
            "volumes: {mem: {driver_opts: {type: tmpfs, device: tmpfs, o: 'size=1m,uid=1000,nosuid'}}}",
            &["exec", "harmless-a-1", "df", "-k", "/m"],
            "1024",
        ),
        (
            "blkio_config: {weight: 300, device_read_bps: [{path: /dev/loop0, rate: '1mb'}], device_write_iops: [{path: /dev/loop0, rate: 10}]}",
            "",
            &["inspect", "-f", "{{(index .HostConfig.BlkioDeviceReadBps 0).Rate}}", "harmless-a-1"],
            "1048576",
        ),
    ] {
        let text = format!("services: {{a: {{image: busybox, command: sleep 1000, {service}}}}}\n{around}");
        let outcome = lab.ssh_with("docker compose -p harmless -f - up -d", text.as_bytes());
        let no_throttles = outcome.err().contains("io.max") || outcome.err().contains("blkio");
        if service.starts_with("blkio") && no_throttles {
            // The kernel has none here; the daemon was asked for them.
            assert!(!outcome.err().contains("reason: "), "{}", outcome.err());
        } else {
            outcome.succeeded();
        }
        let shown = lab.docker(words).succeeded().out();
        assert!(shown.contains(expected), "{service}: {shown}");
        lab.docker(&["compose", "-p", "harmless", "down", "-v", "-t", "0"]).succeeded();
    }
    for request in [
        "docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m harmless-memory",
        "docker run --rm -v harmless-memory:/m busybox true",
        "docker run --rm --mount 'type=volume,src=harmless-other,dst=/m,volume-opt=type=tmpfs,volume-opt=device=tmpfs,\"volume-opt=o=size=1m,uid=5\"' busybox true",
        "docker run --rm --runtime runc busybox true",
        "docker create --name harmless-slow --device-read-bps /dev/loop0:1mb --device-write-iops /dev/loop0:5 busybox",
        "docker rm harmless-slow",
        "docker volume rm harmless-memory harmless-other",
    ] {
        lab.ssh(request).succeeded();
    }
    for (request, reason) in [
        ("docker volume create -o type=tmpfs -o device=/ -o o=bind x", "volume-options"),
        ("docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,bind x", "volume-options"),
        ("docker volume create -o type=tmpfs -o type=none -o device=tmpfs x", "volume-options"),
        ("docker volume create -o device=tmpfs -o o=rbind,ro x", "volume-options"),
        ("docker run --rm --runtime other busybox true", "runtime"),
        ("docker create --device-read-bps /etc/shadow:1mb busybox", "host-setting"),
        ("docker create --device-read-bps /dev/shm/x:1mb busybox", "host-setting"),
        ("docker create --device-read-bps /dev/../etc/x:1mb busybox", "host-setting"),
    ] {
        lab.ssh(request).denied(reason);
    }
    // Read where it does nothing; where it would start a program, that is said.
    let text = "services: {a: {image: busybox, models: [m], pull_policy: refresh, pull_refresh_after: 1h}}\nmodels: {m: {model: ai/none}}";
    let text = text.replace(", pull_policy: refresh, pull_refresh_after: 1h", "");
    lab.ssh_with("docker compose -p harmless -f - config -q", text.as_bytes()).succeeded();
    lab.ssh_with("docker compose -p harmless -f - up -d", text.as_bytes()).denied("client-program");
}
