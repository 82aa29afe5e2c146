//! The checks of a proxy: one row each, as docs/doctor.md lists them. Pure.

use super::{ProxyFacts, Started};
use crate::admin::doctor::check::{Check, Problem, word};
use crate::admin::doctor::checks::{
    LogSocket, broken, dropping, listing, past, profiles, proxy_of, unrecorded, user_of,
};
use crate::admin::doctor::facts::Daemon;
use crate::admin::doctor::way::{Kind, WRITE, Way};
use crate::docker::nearest::nearest;
use crate::policy::set::PolicySet;
use crate::request::Request;
use std::path::Path;

/// The checks of what the policy names, as for keys.
pub const OF_POLICY: &[&str] = &["proxy-daemon", "proxy-past", "proxy-syslog"];

/// Every check, in the order of the report.
pub const ALL: &[Check<ProxyFacts>] = &[
    Check { id: "proxy-start", holds: "it is known how it is started, and dockgate takes that", examine: start },
    Check { id: "proxy-policy", holds: "its policy is sound, and has its profile and its key", examine: policy },
    Check { id: "proxy-socket", holds: "its socket is there, and not for everybody", examine: socket },
    Check { id: "proxy-daemon", holds: "its daemon is there, and is not the proxy itself", examine: daemon },
    Check { id: "proxy-past", holds: "its programs reach the daemon by it alone", examine: programs },
    Check { id: "proxy-key", holds: "its records, and what is made through it, have a label", examine: key },
    Check { id: "proxy-syslog", holds: "its records can be sent, and are not dropped", examine: records },
];

impl ProxyFacts {
    fn place(&self) -> String {
        self.socket.path.display().to_string()
    }

    /// The instance of the package's unit, where no other one starts it.
    fn instance(&self) -> Option<String> {
        let other = self.started.as_ref().is_some_and(|started| !started.by.starts_with("dockgate-proxy@"));
        proxy_of(&self.socket).filter(|_| !other)
    }

    /// The command that makes its socket.
    fn listening(&self) -> String {
        match (self.instance(), &self.started) {
            (Some(instance), _) => format!("systemctl enable --now dockgate-proxy@{instance}.socket"),
            // The NixOS module's, which has a socket unit beside it.
            (None, Some(Started { by, .. })) if by.starts_with("dockgate-proxy-") => {
                format!("systemctl restart {}", word(Path::new(by).with_extension("socket").as_path()))
            }
            (None, Some(_)) => self.again(),
            (None, None) => "a unit that starts it, such as dockgate-proxy@.service".to_owned(),
        }
    }

    fn again(&self) -> String {
        match &self.started {
            Some(Started { by, .. }) if by.ends_with(".service") => {
                format!("systemctl restart {}", word(Path::new(by)))
            }
            _ => "# and start it again".to_owned(),
        }
    }

    /// A command that starts the proxy with further options from now on, where the package's unit starts it.
    fn with(&self, options: &str) -> String {
        let Some(Started { environment: Some(file), .. }) = &self.started else {
            return format!("start it with {options}");
        };
        let file = word(file);
        format!(
            "grep -qs ^OPTIONS= {file} || echo OPTIONS= >>{file}; sed -i 's|^OPTIONS=\"\\{{0,1\\}}|&{options} |' {file}; {}",
            self.again()
        )
    }

    /// And with another value of one.
    fn renamed(&self, option: &str, from: &str, to: &str) -> String {
        let Some(Started { environment: Some(file), .. }) = &self.started else {
            return format!("start it with {option} {to} in the place of {option} {from}");
        };
        let change = format!("s#{option}[ =]{from}\\([ \"]\\|$\\)#{option} {to}\\1#");
        format!("sed -i '{change}' {}; {}", word(file), self.again())
    }
}

fn start(facts: &ProxyFacts) -> Vec<Problem> {
    let place = facts.place();
    match &facts.started {
        None => {
            let what = format!("no unit and no process of dockgate proxy is for {place}");
            vec![Problem::warning(what, facts.listening())]
        }
        Some(Started { options: Ok(_), .. }) => Vec::new(),
        Some(Started { by, environment, options: Err(error) }) => {
            // Which options are meant is not to be guessed: without one of them more could be permitted.
            let fix = match environment {
                Some(file) => format!("mend OPTIONS= in {} (dockgate proxy --help); {}", word(file), facts.again()),
                None => format!("mend ExecStart= of {by} (dockgate proxy --help)"),
            };
            vec![Problem::fault(format!("{by} cannot start: {error}"), fix)]
        }
    }
}

fn policy(facts: &ProxyFacts) -> Vec<Problem> {
    if let Some((why, fix)) = broken(&facts.server, &facts.policy_file, &facts.policy) {
        return vec![Problem::fault(format!("{why}: {} serves nobody", facts.place()), fix)];
    }
    let (Ok(set), Some(Started { options: Ok(options), .. })) = (&facts.policy, &facts.started) else {
        return Vec::new();
    };
    let request = Request { key: options.key.clone(), peer: Some(1), ..Request::default() };
    let selected = set.select(&request, options.profile.as_deref());
    let Some(denial) = selected.denial else { return Vec::new() };
    let file = word(&facts.policy_file.path);
    let (label, profile) = (options.key.as_deref().unwrap_or_default(), options.profile.as_deref());
    let (meant, fix) = match profile {
        Some(profile) if set.with_profile(profile).is_none() => {
            match nearest(profile, set.profiles.keys().map(String::as_str)) {
                Some(meant) => (Some(meant), facts.renamed("--profile", profile, meant)),
                None => {
                    let fix = facts.renamed("--profile", profile, "PROFILE");
                    (None, format!("{fix}   # PROFILE: {}, or one that you define in {file}", profiles(set)))
                }
            }
        }
        _ => match set.keys.get(label) {
            // One of ssh's keys has the label: its profile is meant here, too.
            Some(listed) => {
                let profile = profile.or(listed.profile.as_deref()).unwrap_or(&set.default_profile);
                let own = format!("{label}.proxy");
                let fix = listing(set, &own, "", Some(profile), &file);
                (None, format!("{fix}; {}", facts.renamed("--key", label, &own)))
            }
            None => match nearest(label, spare(set)) {
                Some(meant) => (Some(meant), facts.renamed("--key", label, meant)),
                None => (None, listing(set, label, "", profile, &file)),
            },
        },
    };
    let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean {meant}?)"));
    vec![Problem::fault(format!("{} serves nobody: {}{meant}", facts.place(), denial.message), fix)]
}

/// The labels that no key of ssh's has: what is tied to a fingerprint or to addresses is no proxy's.
fn spare(set: &PolicySet) -> impl Iterator<Item = &str> {
    let free = set.keys.iter().filter(|(_, listed)| listed.fingerprint.is_none() && listed.from.is_none());
    free.map(|(label, _)| label.as_str())
}

fn socket(facts: &ProxyFacts) -> Vec<Problem> {
    let (way, place) = (&facts.socket, facts.place());
    let Some(end) = way.end().filter(|end| end.kind == Kind::Socket) else {
        let what = way.missing().unwrap_or_else(|| format!("{place} is not a socket"));
        return vec![Problem::fault(what, facts.listening())];
    };
    let mut found = Vec::new();
    if end.mode & WRITE != 0 {
        found.push(Problem::fault(
            format!("every account can use {place} (mode {:04o})", end.mode),
            format!("chmod o-rw {}   # and SocketMode= in its .socket unit", word(way.target())),
        ));
    }
    // Whoever can put another socket in its place is asked in the daemon's stead.
    let steps = way.steps.iter().filter(|step| step.kind == Kind::Directory);
    let open = |mode: u32| mode & 0o022 != 0 && mode & 0o1000 == 0;
    found.extend(steps.filter(|step| step.uid != 0 || open(step.mode)).map(|step| {
        let at = word(&step.path);
        Problem::fault(
            format!("others than root can change {at}, and put another socket in the place of {place}"),
            format!("chown root:root {at}; chmod go-w {at}"),
        )
    }));
    for user in facts.users.iter().filter(|user| facts.named && !way.usable(user, WRITE)) {
        let fix = match (way.barred(user), facts.instance()) {
            (Some(step), _) => format!("chmod o+x {}", word(&step.path)),
            (None, Some(instance)) => user_of(&instance, &user.name),
            (None, None) => format!("SocketUser={} in its .socket unit", user.name),
        };
        let group = facts.group.as_deref().unwrap_or("-");
        found.push(Problem::fault(
            format!("{} cannot write {place} (group {group}, mode {:04o})", user.name, end.mode),
            fix,
        ));
    }
    found
}

fn daemon(facts: &ProxyFacts) -> Vec<Problem> {
    let Daemon::Socket(way, _) = &facts.daemon else { return Vec::new() };
    if facts.started.as_ref().is_some_and(|started| started.options.is_err()) {
        // Which policy is meant is not known.
        return Vec::new();
    }
    if way.target() == facts.socket.target() {
        let own = facts.instance().unwrap_or_else(|| "own".to_owned());
        let file = format!("/etc/dockgate/proxy-{own}.toml");
        return vec![Problem::fault(
            format!("the policy's docker.host is {} itself, so it has no daemon", facts.place()),
            // A policy without the rest of this one would permit more.
            format!(
                "sed '/^ *\\(docker\\.\\)\\{{0,1\\}}host *=/d' {} >{file}; {}",
                word(&facts.policy_file.path),
                facts.with(&format!("--config {file}"))
            ),
        )];
    }
    let there = way.end().is_some_and(|end| end.kind == Kind::Socket);
    let missing = || way.missing().unwrap_or_else(|| format!("{} is not a socket", way.path.display()));
    let fix = "systemctl start docker   # or docker.host in the policy file, with the daemon's socket";
    if there { Vec::new() } else { vec![Problem::fault(missing(), fix)] }
}

fn programs(facts: &ProxyFacts) -> Vec<Problem> {
    let Daemon::Socket(daemon, _) = &facts.daemon else { return Vec::new() };
    if daemon.target() == facts.socket.target() {
        return Vec::new();
    }
    let group = |way: &Way| way.end().filter(|end| end.mode & WRITE << 3 != 0).map(|end| end.gid);
    let shared = group(&facts.socket).filter(|gid| *gid != 0 && Some(*gid) == group(daemon));
    if let (Some(_), Some(name)) = (shared, &facts.group) {
        return vec![Problem::fault(
            format!(
                "the group {name} may use {}, and the daemon's own socket {} too",
                facts.place(),
                daemon.path.display()
            ),
            format!(
                "groupadd --system dockgate-clients, SocketGroup=dockgate-clients in the .socket unit (or --group), and the \
                 programs' accounts in that group in place of {name}"
            ),
        )];
    }
    facts.users.iter().filter_map(|user| past(user, daemon, &facts.socket, true)).collect()
}

fn key(facts: &ProxyFacts) -> Vec<Problem> {
    let Some(Started { options: Ok(options), .. }) = &facts.started else { return Vec::new() };
    if facts.of_a_gate || options.key.is_some() {
        return Vec::new();
    }
    let name = facts.instance().unwrap_or_else(|| "NAME".to_owned());
    vec![Problem::warning(
        format!("{} has no --key: whoever connects says by itself whose key something is labelled with", facts.place()),
        facts.with(&format!("--key {name}")),
    )]
}

fn records(facts: &ProxyFacts) -> Vec<Problem> {
    let ProxyFacts { server, syslog, syslog_error, policy_file, limits, .. } = facts;
    let log =
        LogSocket { account: server, way: syslog, error: syslog_error.as_deref(), policy_file: &policy_file.path };
    let mut found = unrecorded(&log);
    found.extend(dropping(limits));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::account::tests::account;
    use crate::admin::doctor::checks::tests::{roots, socket as way_of};
    use crate::admin::doctor::proxy::Options;

    /// A proxy that the NixOS module starts, and at which nothing is wrong.
    fn facts() -> ProxyFacts {
        let mut server = account();
        server.uid = 0;
        let mut client = account();
        client.groups.retain(|(_, name)| name != "docker");
        let options = Options { config: None, profile: None, key: Some("web".to_owned()) };
        let by = "dockgate-proxy-web.service".to_owned();
        ProxyFacts {
            socket: way_of("/run/dockgate-proxy/web.sock", 0, 0o600),
            group: Some("root".to_owned()),
            started: Some(Started { by, environment: None, options: Ok(options) }),
            server,
            policy_file: roots("/etc/dockgate/policy.toml"),
            policy: Ok(PolicySet::default()),
            daemon: Daemon::Socket(way_of("/run/docker.sock", 998, 0o660), Some("docker".to_owned())),
            users: vec![client],
            named: false,
            of_a_gate: false,
            syslog: way_of("/dev/log", 0, 0o666),
            syslog_error: None,
            limits: Vec::new(),
        }
    }

    fn fixes(facts: &ProxyFacts) -> Vec<String> {
        ALL.iter().flat_map(|check| (check.examine)(facts)).map(|problem| problem.fix).collect()
    }

    #[test]
    fn fixes_are_for_the_unit_that_there_is() {
        assert_eq!(fixes(&facts()), [""; 0]);
        let mut gone = facts();
        gone.socket.broken = Some((gone.socket.path.clone(), "none".to_owned()));
        assert_eq!(fixes(&gone), ["systemctl restart dockgate-proxy-web.socket"]);
        gone.started = None;
        let enable = "systemctl enable --now dockgate-proxy@web.socket";
        assert_eq!(fixes(&gone), [enable, enable]);
        let mut bare = facts();
        bare.started.as_mut().unwrap().options = Ok(Options::default());
        assert_eq!(fixes(&bare), ["start it with --key NAME"]);
        bare.of_a_gate = true;
        assert_eq!(fixes(&bare), [""; 0]);
    }

    #[test]
    fn one_group_for_both_sockets_is_no_wall() {
        let shared = ProxyFacts {
            socket: way_of("/run/dockgate-proxy/web.sock", 998, 0o660),
            group: Some("docker".to_owned()),
            users: vec![account()],
            ..facts()
        };
        assert!(fixes(&shared)[0].contains("SocketGroup=dockgate-clients"), "{:?}", fixes(&shared));
        let named = ProxyFacts { users: vec![account()], named: true, ..facts() };
        let expected = ["SocketUser=ai in its .socket unit", "gpasswd --delete ai docker"];
        assert_eq!(fixes(&named), expected);
    }
}
