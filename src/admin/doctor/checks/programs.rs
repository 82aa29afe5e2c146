//! The files and sockets that the gate works with. Pure.

use crate::admin::doctor::check::Problem;
use crate::admin::doctor::facts::{Daemon, Facts};
use crate::admin::doctor::way::{EXECUTE, Kind, READ, WRITE, Way};
use std::path::Path;

pub(super) fn gate(facts: &Facts) -> Vec<Problem> {
    program(facts, "dockgate", &facts.gate)
}

pub(super) fn docker(facts: &Facts) -> Vec<Problem> {
    match &facts.docker {
        Ok(way) => program(facts, "docker", way),
        Err(error) => {
            vec![Problem::fault(error.clone(), "install docker, or name it in docker.program of the policy file")]
        }
    }
}

fn program(facts: &Facts, what: &str, way: &Way) -> Vec<Problem> {
    let path = way.path.display();
    let name = &facts.account.name;
    if let Some(missing) = way.missing() {
        return vec![Problem::fault(format!("{what}: {missing}"), format!("install {what} at {path}"))];
    }
    let mut found = unchangeable(facts, what, way);
    if !way.usable(&facts.account, EXECUTE) {
        let at = way.barred(&facts.account).map_or(way.target(), |step| &step.path).display();
        found.push(Problem::fault(format!("{name} cannot run {path}, because of {at}"), format!("chmod o+x {at}")));
    }
    found
}

fn unchangeable(facts: &Facts, what: &str, way: &Way) -> Vec<Problem> {
    let Some(step) = way.changeable(&facts.account) else { return Vec::new() };
    let (path, at) = (way.path.display(), step.path.display());
    vec![Problem::fault(
        format!("{} can change {at}, and so {what} at {path}", facts.account.name),
        format!("chown root:root {at}; chmod go-w {at}"),
    )]
}

pub(super) fn plugins(facts: &Facts) -> Vec<Problem> {
    facts.plugins.iter().flat_map(|way| unchangeable(facts, "docker's plugins", way)).collect()
}

pub(super) fn docker_config(facts: &Facts) -> Vec<Problem> {
    let mut found = unchangeable(facts, "docker's configuration", &facts.docker_config);
    for problem in &mut found {
        problem.fix.push_str(", or docker.config in the policy file with another directory");
    }
    found
}

pub(super) fn policy(facts: &Facts) -> Vec<Problem> {
    let path = facts.policy_file.path.display();
    if let Err(error) = &facts.policy {
        return vec![Problem::fault(
            error.clone(),
            format!("mend it until dockgate policy validate {path} says valid"),
        )];
    }
    // Without one the built-in policy holds.
    if facts.policy_file.end().is_none() || facts.policy_file.usable(&facts.account, READ) {
        return Vec::new();
    }
    let at = facts.policy_file.barred(&facts.account).map_or(facts.policy_file.target(), |step| &step.path).display();
    vec![Problem::fault(
        format!("{} cannot read {path}, because of {at}: every request fails", facts.account.name),
        format!("chmod o+rX {at}"),
    )]
}

/// Mounts that a container could write the gate's own ground through.
pub(super) fn mounts(facts: &Facts) -> Vec<Problem> {
    let Ok(set) = &facts.policy else { return Vec::new() };
    let profiles = set.profiles.keys().filter_map(|name| set.with_profile(name));
    let mounts = std::iter::once(set.base.clone()).chain(profiles).flat_map(|policy| policy.settings.bind_mounts.value);
    let mut mounts: Vec<_> = mounts.filter(|mount| !mount.read_only).map(|mount| mount.path).collect();
    mounts.sort();
    mounts.dedup();
    let ways = [&facts.gate, &facts.shell, &facts.policy_file, &facts.docker_config];
    let ways = ways.into_iter().chain(&facts.docker).chain(facts.key_files.iter().map(|file| &file.way));
    let grounds: Vec<&Path> = ways.flat_map(|way| [way.path.as_path(), way.target()]).collect();
    let home = &facts.account.home;
    let reached = |mount: &Path| {
        let below_home = mount.starts_with(home).then_some(home.as_path());
        below_home.or_else(|| grounds.iter().copied().chain([home.as_path()]).find(|ground| ground.starts_with(mount)))
    };
    let problem = |mount: &std::path::PathBuf| {
        let ground = reached(mount)?.display();
        Some(Problem::fault(
            format!("host.bind_mounts lets containers write {}, where {ground} is", mount.display()),
            format!("list {0}:ro, or another directory than {0}", mount.display()),
        ))
    };
    mounts.iter().filter_map(problem).collect()
}

pub(super) fn docker_socket(facts: &Facts) -> Vec<Problem> {
    let name = &facts.account.name;
    let (way, group) = match &facts.daemon {
        Daemon::Socket(way, group) => (way, group),
        Daemon::Address(address) => {
            return vec![Problem::warning(
                format!("{address}: whoever reaches this address is root, past the gate"),
                "docker.host = \"unix:///var/run/docker.sock\", and a daemon that listens nowhere else",
            )];
        }
    };
    let path = way.path.display();
    let Some(end) = way.end().filter(|end| end.kind == Kind::Socket) else {
        let what = way.missing().unwrap_or_else(|| format!("{path} is not a socket"));
        return vec![Problem::fault(what, "start dockerd, or name its socket in docker.host of the policy file")];
    };
    let mut found = Vec::new();
    if end.mode & WRITE != 0 {
        found.push(Problem::fault(
            format!("every account can write {path}, which is root on this host"),
            format!("chmod o-rw {path}, and the same in docker.socket's SocketMode"),
        ));
    }
    if !way.usable(&facts.account, WRITE) {
        let group = group.as_deref().unwrap_or("docker");
        let fix = match way.barred(&facts.account) {
            Some(step) => format!("chmod o+x {}", step.path.display()),
            None => format!("usermod --append --groups {group} {name}"),
        };
        found.push(Problem::fault(format!("{name} cannot write {path} (group {group}, mode {:04o})", end.mode), fix));
    }
    found
}

pub(super) fn syslog(facts: &Facts) -> Vec<Problem> {
    let way = &facts.syslog;
    let fix = "start a syslog daemon (systemd-journald or rsyslogd), or name its datagram socket in audit.socket";
    if let Some(error) = way.missing().or_else(|| facts.syslog_error.clone()) {
        return vec![Problem::fault(format!("no record can be written, so nothing runs: {error}"), fix)];
    }
    if way.usable(&facts.account, WRITE) {
        return Vec::new();
    }
    let at = way.barred(&facts.account).map_or(way.target(), |step| &step.path).display();
    vec![Problem::fault(format!("{} cannot write to the syslog socket, because of {at}", facts.account.name), fix)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{facts, found, roots, socket};
    use crate::admin::doctor::way::tests::way;
    use crate::policy::set::PolicySet;

    #[test]
    fn programs_are_root_s_and_run() {
        let own = || way(&[("/", 0, 0, 0o755), ("/opt/", 1000, 0, 0o755), ("/opt/x", 0, 0, 0o755)]);
        let shut = || way(&[("/", 0, 0, 0o755), ("/opt/", 0, 0, 0o700), ("/opt/x", 0, 0, 0o755)]);
        let gone = || Way { broken: Some(("/opt/x".into(), "none".into())), ..roots("/opt/x") };
        for (facts, expected) in [
            (Facts { docker: Ok(own()), ..facts() }, "fault docker-program"),
            (Facts { docker: Ok(shut()), ..facts() }, "fault docker-program"),
            (Facts { docker: Ok(gone()), ..facts() }, "fault docker-program"),
            (Facts { docker: Err("none".into()), ..facts() }, "fault docker-program"),
            (Facts { plugins: vec![roots("/usr/lib/"), own()], ..facts() }, "fault docker-plugins"),
            (Facts { docker_config: own(), ..facts() }, "fault docker-config"),
            (Facts { policy: Err("broken".into()), ..facts() }, "fault policy-file"),
            (Facts { policy_file: Way { path: facts().policy_file.path, ..shut() }, ..facts() }, "fault policy-file"),
        ] {
            assert_eq!(found(&facts), [expected]);
        }
        let mut changed = facts();
        changed.gate.steps.iter_mut().for_each(|step| step.mode |= 0o002);
        assert!(found(&changed).contains(&"fault gate-program".to_owned()));
    }

    #[test]
    fn sockets_are_there_and_not_for_everybody() {
        let daemon = |way| Facts { daemon: Daemon::Socket(way, None), ..facts() };
        for (facts, expected) in [
            (daemon(socket("/s", 998, 0o660)), &[][..]),
            (daemon(socket("/s", 997, 0o660)), &["fault docker-socket"]),
            (daemon(socket("/s", 998, 0o666)), &["fault docker-socket"]),
            (daemon(roots("/s")), &["fault docker-socket"]),
            (Facts { daemon: Daemon::Address("tcp://x".into()), ..facts() }, &["warning docker-socket"]),
            (Facts { syslog_error: Some("refused".into()), ..facts() }, &["fault syslog-socket"]),
            (Facts { syslog: socket("/s", 0, 0o600), ..facts() }, &["fault syslog-socket"]),
        ] {
            assert_eq!(found(&facts), expected);
        }
    }

    #[test]
    fn no_mount_reaches_the_gate_s_ground() {
        for (text, sound) in [
            ("[host]\nbind_mounts = ['/srv/media', '/home/other']\n", true),
            ("[host]\nbind_mounts = ['/home/ai/data:ro', '/:ro']\n", true),
            ("[host]\nbind_mounts = ['/home/ai/data']\n", false),
            ("[host]\nbind_mounts = ['/home']\n", false),
            ("[host]\nbind_mounts = ['/usr']\n", false),
            ("[profiles.p.host]\nbind_mounts = ['/etc']\n", false),
        ] {
            let facts = Facts { policy: Ok(PolicySet::from_toml(text).expect(text)), ..facts() };
            let expected: &[&str] = if sound { &[] } else { &["fault policy-mounts"] };
            assert_eq!(found(&facts), expected, "{text}");
        }
    }
}
