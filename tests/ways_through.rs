//! Ways through that were found on the real thing, each tried again on a real dockerd: what it was to reach is not
//! reached, and what it was to spoil is still there.
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
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::{Lab, Outcome, post};

/// A policy of the lab's, with more in it.
struct Under {
    policy: PathBuf,
}

impl Under {
    fn new(name: &str, text: &str) -> Self {
        let lab = Lab::shared();
        let policy = lab.directory.join(format!("{name}.toml"));
        fs::write(&policy, format!("{text}\n{}", fs::read_to_string(lab.value("POLICY")).unwrap())).unwrap();
        Self { policy }
    }

    /// Sends a request through the gate, as sshd would start it.
    fn send(&self, request: &str) -> Outcome {
        Lab::shared().gate(&self.policy, request.as_bytes()).stdin(Stdio::null()).output().unwrap().into()
    }
}

/// What the kernel holds a container to: the value of a file in its control group.
fn in_group(container: &str, controller: &str, file: &str) -> String {
    let lab = Lab::shared();
    let id = lab.docker(&["inspect", "-f", "{{.Id}}", container]).succeeded().out();
    let found = find(Path::new("/sys/fs/cgroup"), id.trim(), controller).expect("the container's group");
    fs::read_to_string(found.join(file)).unwrap().trim().to_owned()
}

/// The directory of a control group, in that controller's hierarchy where each has its own.
fn find(below: &Path, id: &str, controller: &str) -> Option<PathBuf> {
    let separate = below.join(controller);
    let mut left = vec![if separate.is_dir() { separate } else { below.to_owned() }];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains(id) {
                return Some(entry.path());
            }
            left.extend(Some(entry.path()).filter(|path| path.is_dir() && !path.is_symlink()));
        }
    }
    None
}

/// `max`, or thousandths of a processor.
fn processors(container: &str) -> String {
    let separate = Path::new("/sys/fs/cgroup/cpu").is_dir();
    let (quota, period) = if separate {
        (in_group(container, "cpu", "cpu.cfs_quota_us"), in_group(container, "cpu", "cpu.cfs_period_us"))
    } else {
        let max = in_group(container, "cpu", "cpu.max");
        let (quota, period) = max.split_once(' ').unwrap();
        (quota.to_owned(), period.to_owned())
    };
    let number = |text: &str| text.parse::<i64>().unwrap();
    if quota == "max" || quota == "-1" {
        "max".to_owned()
    } else {
        (number(&quota) * 1000 / number(&period)).to_string()
    }
}

#[test]
fn a_limit_cannot_be_lifted_by_another_spelling() {
    let lab = Lab::shared();
    let under = Under::new("spelled", "[limits]\ncpus = 0.5\nmemory = '64m'\npids = 20\n");
    let run = "docker run -d --name spelled -m 64m --pids-limit 20";
    for options in ["--cpus=0.5 --cpu-quota=-1", "--cpus=0.5 --cpu-quota=-1 --cpu-period=0", "--cpu-period=1000", ""] {
        under.send(&format!("{run} {options} busybox sleep 1000")).denied("limit");
    }
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "name=spelled"]).out(), "", "no container was made");
    under.send(&format!("{run} --cpus=0.5 --cpu-quota=0 busybox sleep 1000")).succeeded();
    for options in [
        "--cpu-quota=-1",
        "--cpus=0.5 --cpu-quota -1",
        "--cpu-period=1000",
        "--memory-swap=-1",
        "-m 64m --memory-swap=-1",
        "--memory-swap 129m",
        "--pids-limit=-1",
        "--pids-limit=0",
    ] {
        under.send(&format!("docker update {options} spelled")).denied("limit");
    }
    under.send("docker update -m 32m --memory-swap 32m --pids-limit 010 spelled").succeeded();
    assert_eq!(processors("spelled"), "500");
    let separate = Path::new("/sys/fs/cgroup/memory").is_dir();
    let file = if separate { "memory.limit_in_bytes" } else { "memory.max" };
    assert_eq!(in_group("spelled", "memory", file), (32 << 20).to_string());
    // Docker reads an octal number, which is never more.
    assert_eq!(in_group("spelled", "pids", "pids.max"), "8");
    lab.docker(&["rm", "-f", "spelled"]).succeeded();
}

#[test]
fn what_a_container_has_mounted_is_judged_as_it_is_when_it_is_started() {
    let lab = Lab::shared();
    let shared = lab.directory.join("shared");
    fs::create_dir_all(shared.join("up/x")).unwrap();
    fs::create_dir_all(shared.join("media/x")).unwrap();
    let shared = shared.display();
    let under = Under::new(
        "mounted",
        &format!("[commands]\nblocked = ['exec']\n[host]\nbind_mounts = ['{shared}/media:ro', '{shared}/up']\n"),
    );
    // Through the gate such a container is not made, whatever stands first.
    for (source, mode) in
        [("up/x", ":ro"), ("up/x", ""), ("up/./x/..//x", ":ro"), ("media/../up/x", ":ro"), ("up/y", ":ro")]
    {
        under.send(&format!("docker create --name held -v {shared}/{source}:/h{mode} busybox")).denied("bind-mount");
    }
    let mut made =
        vec!["create", "--label", "com.docker.compose.project=held", "--label", "com.docker.compose.service=a"];
    made.extend(["--label", "com.docker.compose.config-hash=x", "--label", "com.docker.compose.oneoff=False"]);
    let read = ["busybox", "cat", "/h/shadow"];
    let (up, media) = (format!("{shared}/up/x:/h:ro"), format!("{shared}/media/x:/h:ro"));
    lab.docker(&[&made[..], &["--name", "held-a-1", "-v", &up], &read].concat()).succeeded();
    lab.docker(&[&made[..1], &["--name", "held-b", "-v", &media], &read].concat()).succeeded();
    let device = format!("device={shared}/up/x");
    lab.docker(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, "held"]).succeeded();
    lab.docker(&[&made[..1], &["--name", "held-c", "-v", "held:/h:ro"], &read].concat()).succeeded();
    // What is mounted as it was made is nobody's business, wherever it is.
    lab.docker(&["create", "--name", "held-d", "-v", "/etc:/h:ro", "busybox", "true"]).succeeded();
    under.send(&format!("docker run --rm -v {shared}/up:/u busybox sh -c 'rmdir /u/x && ln -s /etc /u/x'")).succeeded();
    fs::remove_dir(lab.directory.join("shared/media/x")).unwrap();
    std::os::unix::fs::symlink("/etc", lab.directory.join("shared/media/x")).unwrap();
    for name in ["held-a-1", "held-b", "held-c"] {
        for command in ["start", "restart -t 0", "unpause", "start held-d"] {
            under.send(&format!("docker {command} {name}")).denied("bind-mount");
        }
        // Where a container does not run the daemon mounts what it has for a copy.
        under.send(&format!("docker cp {name}:/h/shadow -")).denied("bind-mount");
        assert_eq!(lab.docker(&["inspect", "-f", "{{.State.Status}}", name]).out(), "created\n");
    }
    for command in ["start", "restart"] {
        under.send(&format!("docker compose -p held {command}")).denied("bind-mount");
    }
    assert_eq!(lab.docker(&["logs", "held-a-1"]).out(), "");
    under.send("docker start held-d").succeeded();
    // It would have been read.
    lab.docker(&["start", "-a", "held-a-1"]).succeeded();
    assert!(lab.docker(&["logs", "held-a-1"]).out().contains("root:"));
    lab.docker(&["rm", "-f", "held-a-1", "held-b", "held-c", "held-d"]).succeeded();
    lab.docker(&["volume", "rm", "held"]).succeeded();
}

#[test]
fn grants_of_which_one_could_lead_another_elsewhere_are_refused() {
    for grants in
        ["'/srv/media/uploads', '/srv/media:ro', '/srv/media/uploads/x:ro'", "'/srv/media', '/srv/media/uploads'"]
    {
        let under = Under::new("nested", &format!("[host]\nbind_mounts = [{grants}]\n"));
        let outcome = under.send("docker ps");
        assert_eq!(outcome.code, 78, "{}", outcome.err());
        assert!(!outcome.err().contains("uploads"), "what the file says is not the client's: {}", outcome.err());
        assert!(outcome.err().contains("\nrecord: "), "where the file would have it: {}", outcome.err());
    }
}

#[test]
fn podman_is_not_taken_for_docker() {
    let lab = Lab::shared();
    lab.docker(&["run", "-d", "--name", "kept", "busybox", "sleep", "100000"]).succeeded();
    let wrapper = lab.directory.join("podman-docker");
    fs::write(&wrapper, "#!/bin/sh\nexec /usr/bin/podman \"$@\"\n").unwrap();
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let link = lab.directory.join("linked-docker");
    fs::copy("/bin/true", lab.directory.join("podman")).unwrap();
    std::os::unix::fs::symlink("podman", &link).unwrap();
    let policy = fs::read_to_string(lab.value("POLICY")).unwrap();
    for program in [&wrapper, &link] {
        // Neither a daemon nor docker: what is protected cannot be known.
        let text = policy.replace(lab.value("DOCKER"), program.to_str().unwrap());
        let nowhere = text.replace(lab.value("SOCKET"), "/run/nothing.sock");
        let file = lab.directory.join("podman.toml");
        fs::write(&file, format!("[containers]\nprotected = ['kept']\n{nowhere}")).unwrap();
        let under = Under { policy: file };
        under.send("docker rm -f kept").denied("unreachable");
        let outcome = under.send("docker ps");
        assert_eq!(outcome.code, 69, "{}", outcome.err());
        assert!(outcome.err().contains("is podman, which dockgate does not support"), "{}", outcome.err());
    }
    lab.docker(&["rm", "-f", "kept"]).succeeded();
}

#[test]
fn another_account_cannot_stop_the_gate_and_one_key_not_another() {
    let lab = Lab::shared();
    let account = lab.value("ACCOUNT");
    let under = Under::new("sessions", "[profiles.narrow.limits]\nsessions = 1\n");
    let as_key = |key: &str, request: &str| {
        let mut gate = lab.gate(&under.policy, request.as_bytes());
        gate.args(["--profile", "narrow", "--key", key]).stdin(Stdio::null());
        gate
    };
    let send = |key: &str| -> Outcome { as_key(key, "docker version").output().unwrap().into() };
    let uid = |words: &[&str]| {
        let output = std::process::Command::new("id").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // Somebody else was first in /tmp.
    let taken = PathBuf::from(format!("/tmp/dockgate-{}", uid(&["-u", account])));
    fs::create_dir(&taken).unwrap();
    send("one").denied("limit");
    // What root has made for the account cannot be taken by others.
    let own = PathBuf::from(format!("/run/dockgate/{account}"));
    fs::create_dir_all(&own).unwrap();
    fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    assert!(std::process::Command::new("chown").arg(account).arg(&own).status().unwrap().success());
    send("one").succeeded();
    // One key's requests are not counted as another's.
    let mut held = support::spawn(&mut as_key("one", "docker events"));
    support::until("docker runs", || !lab.processes("docker events").is_empty());
    send("one").denied("limit");
    send("two").succeeded();
    held.kill().unwrap();
    held.wait().unwrap();
    support::until("the place is free", || send("one").code == 0);
    fs::remove_dir(&taken).unwrap();
    fs::remove_dir_all(&own).unwrap();
}

/// Unmounted again whatever becomes of the test.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: PathBuf) -> Self {
        fs::create_dir_all(&path).unwrap();
        assert!(Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&path).status().unwrap().success());
        Self(path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn what_is_mounted_below_a_grant_to_read_is_not_written() {
    let lab = Lab::shared();
    let media = lab.directory.join("below-media");
    let below = Mounted::at(media.join("sub"));
    let source = media.display().to_string();
    let under = Under::new("below", &format!("[host]\nbind_mounts = ['{source}:ro']\n"));
    let create = |version: &str, host: serde_json::Value| {
        let body = serde_json::json!({"Image": "busybox", "Cmd": ["true"], "HostConfig": host});
        let answer = post(lab, &under.policy, &format!("{version}/containers/create?name=below"), &body);
        lab.docker(&["rm", "-f", "below"]);
        answer
    };
    let binds = || serde_json::json!({"Binds": [format!("{source}:/m:ro")]});
    let mount = |options: serde_json::Value| serde_json::json!({"Mounts": [{"Type": "bind", "Source": source, "Target": "/m", "ReadOnly": true, "BindOptions": options}]});
    let not_recursive = || mount(serde_json::json!({"ReadOnlyNonRecursive": true}));
    for (version, host) in [
        ("/v1.41", binds()),
        ("/v1.43", binds()),
        ("", binds()),
        ("/v1.43", mount(serde_json::json!({}))),
        ("/v1.44", not_recursive()),
        ("/v1.51", not_recursive()),
    ] {
        let answer = create(version, host.clone());
        let refused = answer.starts_with("HTTP/1.1 403 ") && answer.contains("reason: bind-mount");
        assert!(refused, "{version} {host}: {answer}");
    }
    for host in [binds(), mount(serde_json::json!({"ReadOnlyForceRecursive": true}))] {
        let answer = create("/v1.51", host.clone());
        assert!(answer.starts_with("HTTP/1.1 201 "), "{host}: {answer}");
    }
    under.send(&format!("docker run --rm -v {source}:/m:ro busybox true")).succeeded();
    // Where nothing is mounted below, an older docker does as well as it ever did.
    drop(below);
    let answer = create("/v1.43", binds());
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}
