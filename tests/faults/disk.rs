//! There is no room on the disk where the gate keeps its sockets and files.
use crate::support::{Lab, Outcome};
use crate::{gate, logged, one_at_a_time, policy};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

/// A command in a mount namespace of its own, in which the account's state directory is a file system that is full.
fn full(lab: &Lab, command: &Command, inodes: &str) -> Command {
    let uid = std::fs::metadata(lab.home()).unwrap().uid();
    let state = dockgate::run::exec::state_path(lab.value("ACCOUNT"), uid);
    std::fs::create_dir_all(&state).unwrap();
    std::os::unix::fs::chown(&state, Some(uid), None).unwrap();
    let mut inner = Command::new("/usr/bin/unshare");
    let script = "mount -t tmpfs -o size=4k,nr_inodes=$1,mode=700,uid=$2 tmpfs \"$3\" && \
        { head -c 4096 /dev/zero >\"$3/filler\" 2>/dev/null || :; } && shift 3 && exec \"$@\"";
    inner.args(["--mount", "/bin/sh", "-c", script, "sh", inodes, &uid.to_string()]).arg(&state);
    inner.arg(command.get_program()).args(command.get_args());
    inner.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    inner.current_dir(lab.home()).stdin(Stdio::null());
    inner
}

#[test]
fn where_there_is_no_room_for_a_socket_nothing_runs_and_that_is_said_and_recorded() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let command = gate(lab, lab.value("POLICY").as_ref(), "faults-full", "docker run --name faults-full busybox true");
    let outcome = Outcome::from(full(lab, &command, "2").output().unwrap());
    assert_eq!(outcome.code, 69, "{}{}", outcome.out(), outcome.err());
    assert!(outcome.err().contains("No space left on device"), "{}", outcome.err());
    assert!(outcome.err().contains("\nhint: ") && outcome.err().contains("record: "), "{}", outcome.err());
    let records = logged(lab, &[" key=faults-full ", "verdict=error "], 1);
    assert_eq!(records.len(), 1, "{records:#?}");
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "name=faults-full"]).succeeded().out(), "", "nothing was made");
    assert!(lab.processes("key faults-full").is_empty());
    // The API by ssh needs no file.
    let mut far =
        full(lab, &gate(lab, lab.value("POLICY").as_ref(), "faults-full-far", "docker system dial-stdio"), "2");
    let mut child = crate::support::spawn(far.stdin(Stdio::piped()));
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap()).succeeded();
    assert!(outcome.out().starts_with("HTTP/1.1 200 OK"), "{}", outcome.out());
}

#[test]
fn where_there_is_no_room_for_a_project_or_a_place_it_is_refused() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    std::fs::write(
        lab.home().join("full.yaml"),
        "services: {a: {image: busybox, environment: {A: b}, env_file: full.env}}\n",
    )
    .unwrap();
    std::fs::write(lab.home().join("full.env"), "C=d\n".repeat(2000)).unwrap();
    let limited = policy(lab, "faults-places", lab.value("SOCKET"), "[limits]\nsessions = 2");
    for (request, file, inodes) in [
        ("docker compose -p faults-project -f full.yaml up -d", lab.value("POLICY").into(), "100"),
        ("docker compose -p faults-project -f full.yaml up -d", lab.value("POLICY").into(), "2"),
        ("docker run --label faults-place busybox true", limited, "2"),
    ] {
        let outcome = Outcome::from(full(lab, &gate(lab, &file, "faults-room", request), inodes).output().unwrap());
        assert!(outcome.code == 77 || outcome.code == 69, "{request} {inodes}: {} {}", outcome.code, outcome.err());
        assert!(outcome.err().contains("No space left on device"), "{request} {inodes}: {}", outcome.err());
        assert!(outcome.err().contains("record: "), "{request} {inodes}: {}", outcome.err());
    }
    let records = logged(lab, &[" key=faults-room "], 3);
    assert!(records.iter().all(|record| !record.contains(" verdict=allow ")), "{records:#?}");
    for filter in ["label=com.docker.compose.project=faults-project", "label=faults-place"] {
        assert_eq!(lab.docker(&["ps", "-aq", "--filter", filter]).succeeded().out(), "", "nothing was made");
    }
}

#[test]
fn a_proxy_that_finds_no_room_for_its_socket_says_so() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    // A directory of root's, as a proxy asks for, in the place of which there is a full one.
    let directory = lab.directory.join("full");
    std::fs::create_dir(&directory).unwrap();
    let script = "mount -t tmpfs -o nr_inodes=1,mode=755 tmpfs \"$1\" && exec \"$2\" --config \"$3\" proxy --listen \"unix:$1/p.sock\"";
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--mount", "/bin/sh", "-c", script, "sh"]).arg(&directory).arg(lab.directory.join("dockgate"));
    let outcome = Outcome::from(command.arg(lab.value("POLICY")).stdin(Stdio::null()).output().unwrap());
    assert_eq!(outcome.code, 64, "{}", outcome.err());
    assert!(outcome.err().contains("No space left on device") && outcome.err().contains("p.sock"), "{}", outcome.err());
}
