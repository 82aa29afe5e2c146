//! The programs that the gate works with, and their files. Pure.

use crate::admin::doctor::check::{Problem, word};
use crate::admin::doctor::facts::{Extension, Facts};
use crate::admin::doctor::way::{EXECUTE, READ, Way};
use std::path::Path;

pub(super) fn gate(facts: &Facts) -> Vec<Problem> {
    program(facts, "dockgate", &facts.gate)
}

pub(super) fn docker(facts: &Facts) -> Vec<Problem> {
    match &facts.docker {
        Ok(way) => program(facts, "docker", way),
        // That is said below.
        Err(error) if error.contains(PODMAN) => Vec::new(),
        Err(error) => {
            vec![Problem::fault(
                error.clone(),
                "apt-get install --yes docker.io   # or docker.program in the policy file",
            )]
        }
    }
}

/// What the gate says of it, which starts nothing then.
const PODMAN: &str = " is podman";

/// podman answers to docker's commands, and keeps containers, volumes and limits in places of its own.
pub(super) fn is_docker(facts: &Facts) -> Vec<Problem> {
    let mended = "apt-get remove --yes podman-docker; apt-get install --yes docker.io";
    let way = match &facts.docker {
        Ok(way) => way,
        Err(error) if error.contains(PODMAN) => return vec![Problem::fault(error.clone(), mended)],
        Err(_) => return Vec::new(),
    };
    let path = way.path.display();
    match &facts.docker_version {
        Ok(version) if version.to_ascii_lowercase().contains("podman") => vec![Problem::fault(
            format!(
                "{path} is podman: what the policy protects and limits is not judged there, so it is not supported"
            ),
            mended,
        )],
        // Why it cannot be run is said above.
        Err(error) if way.usable(&facts.account, EXECUTE) => vec![Problem::fault(
            format!("{} gets no version from docker: {error}", facts.account.name),
            "apt-get install --yes --reinstall docker.io   # or the package that brings it here",
        )],
        _ => Vec::new(),
    }
}

/// The oldest versions that the catalogue of commands was made of.
const OLDEST: &[(&str, u32, u32)] = &[("compose", 2, 20), ("buildx", 0, 10)];

/// Compose and buildx are what `docker compose` and `docker build` are.
pub(super) fn extensions(facts: &Facts) -> Vec<Problem> {
    facts.extensions.iter().filter_map(|extension| extension_problem(facts, extension)).collect()
}

fn extension_problem(facts: &Facts, extension: &Extension) -> Option<Problem> {
    let name = extension.name;
    // Docker's own package, else Debian's, of which there is a plugin from Debian 13 on.
    let install = format!(
        "apt-get install --yes docker-{name}-plugin || apt-get install --yes docker-{name}   \
         # Debian 12 itself has no such plugin (its docker-compose is v1): docs.docker.com/engine/install/debian"
    );
    let Some(way) = &extension.way else {
        let blocked =
            facts.policy.as_ref().is_ok_and(|set| set.base.settings.blocked.value.iter().any(|word| word == name));
        let what = format!("docker has no {name}: every docker {name} fails (exit code 69)");
        return (!blocked).then(|| Problem::warning(what, install));
    };
    let path = way.path.display();
    if !way.usable(&facts.account, EXECUTE) {
        let at = way.barred(&facts.account).map_or(way.target(), |step| &step.path);
        let what = format!("{} cannot run {path}, because of {}", facts.account.name, at.display());
        return Some(Problem::fault(what, format!("chmod o+rx {}", word(at))));
    }
    match &extension.version {
        Ok(version) => {
            let (_, major, minor) = OLDEST.iter().find(|(oldest, _, _)| *oldest == name)?;
            let what = format!("{path} is version {version}; {major}.{minor} is the oldest that is judged rightly");
            older(version, (*major, *minor)).then(|| Problem::fault(what, install))
        }
        Err(error) => Some(Problem::fault(format!("docker cannot use {path}: {error}"), install)),
    }
}

/// Whether `v2.40.3+ds1` and its like is older.
fn older(version: &str, oldest: (u32, u32)) -> bool {
    let mut numbers = version.trim_start_matches('v').split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < oldest,
        // A build of somebody's own.
        _ => false,
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
        // A script is read by its interpreter, as the account.
        found.push(Problem::fault(format!("{name} cannot run {path}, because of {at}"), format!("chmod o+rx {at}")));
    }
    found
}

fn unchangeable(facts: &Facts, what: &str, way: &Way) -> Vec<Problem> {
    let Some(step) = way.changeable(&facts.account) else { return Vec::new() };
    let (path, at) = (way.path.display(), step.path.display());
    let fix = match step.is_shared() {
        true => format!("put {what} into a directory of root's: {at} is everybody's, and has to be"),
        false => format!("chown root:root {0}; chmod go-w {0}", word(&step.path)),
    };
    vec![Problem::fault(format!("{} can change {at}, and so {what} at {path}", facts.account.name), fix)]
}

pub(super) fn plugins(facts: &Facts) -> Vec<Problem> {
    facts.plugins.iter().flat_map(|way| unchangeable(facts, "docker's plugins", way)).collect()
}

pub(super) fn docker_config(facts: &Facts) -> Vec<Problem> {
    let mut found = unchangeable(facts, "docker's configuration", &facts.docker_config);
    for problem in &mut found {
        problem.fix.push_str("   # or docker.config in the policy file with another directory");
    }
    found.extend(unread(facts));
    found
}

/// `docker login` as root leaves a file for root alone; docker says so at every command, and goes without it (measured
/// with docker 28).
fn unread(facts: &Facts) -> Option<Problem> {
    let (way, account) = (&facts.docker_credentials, &facts.account);
    if way.end().is_none() || way.usable(account, READ) {
        return None;
    }
    let fix = match way.barred(account) {
        Some(step) => format!("chmod o+x {}", word(&step.path)),
        None => format!("chgrp {} {1}; chmod g+r {1}", account.gid, word(way.target())),
    };
    let what =
        format!("{} cannot read {}, so docker warns, and goes without credentials", account.name, way.path.display());
    Some(Problem::warning(what, fix))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{facts, found, roots};
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
        ] {
            assert_eq!(found(&facts), [expected]);
        }
        let mut changed = facts();
        changed.gate.steps.iter_mut().for_each(|step| step.mode |= 0o002);
        assert!(found(&changed).contains(&"fault gate-program".to_owned()));
    }

    #[test]
    fn what_docker_is_and_brings_is_looked_at() {
        let extension = |name, way, version: Result<&str, &str>| {
            let version = version.map(str::to_owned).map_err(str::to_owned);
            Facts { extensions: vec![Extension { name, way, version }], ..facts() }
        };
        let here = || Some(roots("/usr/libexec/docker/cli-plugins/docker-compose"));
        for (facts, expected) in [
            (Facts { docker_version: Ok("podman version 5.4.1".into()), ..facts() }, &["fault docker-is-docker"][..]),
            (
                Facts { docker: Err("docker program /usr/bin/docker is podman, which".into()), ..facts() },
                &["fault docker-is-docker"],
            ),
            (Facts { docker_version: Err("no such library".into()), ..facts() }, &["fault docker-is-docker"]),
            (extension("compose", None, Err("none")), &["warning docker-extensions"]),
            (extension("compose", here(), Err("broken")), &["fault docker-extensions"]),
            (extension("compose", here(), Ok("v2.3.3")), &["fault docker-extensions"]),
            (extension("compose", here(), Ok("2.40.3+ds1-1")), &[]),
            (extension("compose", here(), Ok("v5.0.0")), &[]),
            (extension("compose", here(), Ok("(devel)")), &[]),
            (extension("buildx", here(), Ok("v0.9.1")), &["fault docker-extensions"]),
        ] {
            assert_eq!(found(&facts), expected);
        }
        let blocked = PolicySet::from_toml("[commands]\nblocked = ['compose']\n").expect("valid");
        assert_eq!(found(&Facts { policy: Ok(blocked), ..extension("compose", None, Err("none")) }), [""; 0]);
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
