//! The client goes in mid-build.
use crate::support::{Lab, read_until, spawn, until};
use crate::{Proxy, docker_at, ends, far_key, one_at_a_time};
use std::io::Write;
use std::process::{Command, Stdio};

fn runs(mark: &str) -> bool {
    Command::new("pgrep").args(["-f", mark]).output().unwrap().status.success()
}

#[test]
fn a_client_that_goes_takes_its_build_with_it() {
    let _one = one_at_a_time();
    let lab = Lab::shared();
    let proxy = Proxy::start(lab, lab.value("POLICY").as_ref(), "faults-build");
    let bin = far_key(lab, lab.value("POLICY").as_ref(), "faults-build");
    let here = format!("unix://{}", proxy.socket.display());
    let ways = [("ssh://lazyworkhorse", "0"), ("ssh://lazyworkhorse", "1"), (here.as_str(), "0"), (here.as_str(), "1")];
    for (number, (host, kit)) in ways.into_iter().enumerate() {
        let about = format!("{host} DOCKER_BUILDKIT={kit}");
        let sleep = format!("sleep 8080{number}");
        let words: &[&str] =
            if kit == "1" { &["build", "--progress=plain", "--no-cache", "-"] } else { &["build", "--no-cache", "-"] };
        let mut command = docker_at(lab, host, words);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("DOCKER_BUILDKIT", kit);
        let mut child = spawn(command.stdin(Stdio::piped()));
        let file = format!("FROM busybox\nRUN echo begun && {sleep}\n");
        child.stdin.take().unwrap().write_all(file.as_bytes()).unwrap();
        if kit == "1" {
            read_until(child.stderr.as_mut().unwrap(), "begun");
        } else {
            read_until(child.stdout.as_mut().unwrap(), "begun\n");
        }
        until(&format!("{about}: the step runs"), || runs(&format!("^{sleep}$")));
        child.kill().unwrap();
        child.wait().unwrap();
        until(&format!("{about}: the step has ended"), || !runs(&format!("^{sleep}$")));
        until(&format!("{about}: no gate is left"), || lab.processes("dockgate.*faults-build").is_empty());
        until(&format!("{about}: the proxy serves nobody"), || proxy.threads() == 2);
    }
    assert!(ends(lab, "faults-build", 4).len() >= 4);
    assert_eq!(lab.docker(&["ps", "-q", "--filter", "status=running"]).succeeded().out().lines().count(), 1);
}
