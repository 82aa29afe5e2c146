//! Where the gate sends what it permits and what it records, and where it keeps its state. Pure.

use super::account::power_of;
use crate::admin::doctor::account::Account;
use crate::admin::doctor::check::{Problem, word};
use crate::admin::doctor::facts::{Daemon, Facts};
use crate::admin::doctor::rate::{Limit, LogDaemon};
use crate::admin::doctor::way::{EXECUTE, Kind, WRITE, Way};
use std::path::Path;

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
        let fix = match proxy_of(way) {
            Some(instance) => format!("systemctl enable --now dockgate-proxy@{instance}.socket"),
            None => "systemctl start docker   # or docker.host in the policy file, with the daemon's socket".to_owned(),
        };
        return vec![Problem::fault(what, fix)];
    };
    let past = past(&facts.account, &facts.usual_socket, way, proxy_of(way).is_some());
    let mut found: Vec<Problem> = past.into_iter().collect();
    if end.mode & WRITE != 0 {
        found.push(Problem::fault(
            format!("every account can write {path}, which is root on this host"),
            format!("chmod o-rw {}   # and the same in docker.socket's SocketMode", word(&way.path)),
        ));
    }
    if !way.usable(&facts.account, WRITE) {
        let what =
            format!("{name} cannot write {path} (group {}, mode {:04o})", group.as_deref().unwrap_or("-"), end.mode);
        found.push(Problem::fault(what, access(facts, way, group.as_deref())));
    }
    found
}

/// Where an account is to use another socket than dockerd's own, such as a proxy's: that it can reach that one too,
/// without having to for the other.
pub(in crate::admin::doctor) fn past(account: &Account, usual: &Way, way: &Way, proxied: bool) -> Option<Problem> {
    let end = usual.end().filter(|end| end.kind == Kind::Socket);
    let open = end.filter(|_| usual.usable(account, WRITE) && usual.target() != way.target());
    let what = |at: &Path| {
        format!("{} can open {}, and reaches that daemon past {}", account.name, at.display(), way.path.display())
    };
    let Some(end) = open else {
        // dockerd may not be running just now.
        let member = proxied && account.groups.iter().any(|(_, group)| group == "docker");
        return member.then(|| Problem::fault(what(&usual.path), leaving(account, "docker")));
    };
    let mut without = account.clone();
    without.groups.retain(|(gid, _)| *gid != end.gid);
    let by_group = without.gid != end.gid && !usual.usable(&without, WRITE);
    // What everybody may use is to be closed first.
    let own = way.usable(&without, WRITE) && way.end().is_some_and(|end| end.mode & WRITE == 0);
    if by_group && !proxied && !own {
        // One group for both sockets: it has to be in it.
        return None;
    }
    let group = account.groups.iter().find(|(gid, _)| *gid == end.gid).map_or("docker", |(_, name)| name);
    let fix = match () {
        () if by_group => leaving(account, group),
        () if account.gid == end.gid => format!("usermod --gid {0} {0}   # a group of its own", account.name),
        () => format!("chown root:docker {0}; chmod 660 {0}", word(usual.target())),
    };
    Some(Problem::fault(what(&end.path), fix))
}

fn leaving(account: &Account, group: &str) -> String {
    format!("gpasswd --delete {} {}", account.name, shell_words::quote(group))
}

/// The instance of the package's unit that makes a socket, where it is one of `dockgate proxy`.
pub(in crate::admin::doctor) fn proxy_of(way: &Way) -> Option<String> {
    let name = way.path.strip_prefix("/run/dockgate-proxy").ok()?.to_str()?.strip_suffix(".sock")?;
    (!name.is_empty() && !name.contains('/')).then(|| shell_words::quote(name).into_owned())
}

/// The fix that gives a proxy's socket to an account.
pub(in crate::admin::doctor) fn user_of(instance: &str, name: &str) -> String {
    format!(
        "install -d /etc/systemd/system/dockgate-proxy@{instance}.socket.d; \
         printf '[Socket]\\nSocketUser={name}\\n' >/etc/systemd/system/dockgate-proxy@{instance}.socket.d/user.conf; \
         systemctl daemon-reload; systemctl restart dockgate-proxy@{instance}.socket"
    )
}

/// The fix that lets the account reach docker's socket, and gives it no more than that.
fn access(facts: &Facts, way: &Way, group: Option<&str>) -> String {
    let name = &facts.account.name;
    if let Some(instance) = proxy_of(way) {
        return user_of(&instance, name);
    }
    if let Some(owner) = facts.daemon.rootless().filter(|owner| *owner != facts.account.uid) {
        return format!(
            "docker.host in the policy file: this is the rootless daemon of user id {owner}, which serves that account alone; \
             give {name} one of its own (dockerd-rootless-setuptool.sh install), or log in as that account"
        );
    }
    if let Some(step) = way.barred(&facts.account) {
        return format!("chmod o+x {}", word(&step.path));
    }
    match group {
        // To be in such a group is more than docker.
        Some(group) if power_of(group).is_none() => {
            format!("usermod --append --groups {} {name}", shell_words::quote(group))
        }
        _ => format!(
            "groupadd --system --force docker; chgrp docker {0}; chmod g+rw {0}; usermod --append --groups docker {name}   \
             # for the next start too: \"group\": \"docker\" in /etc/docker/daemon.json, or that chgrp in a task at boot (Synology)",
            word(way.target())
        ),
    }
}

/// Where somebody sends records.
pub(in crate::admin::doctor) struct LogSocket<'a> {
    pub account: &'a Account,
    pub way: &'a Way,
    /// Why nothing can be sent there.
    pub error: Option<&'a str>,
    /// The policy file that names it.
    pub policy_file: &'a Path,
}

pub(super) fn syslog(facts: &Facts) -> Vec<Problem> {
    let Facts { account, syslog, syslog_error, policy_file, .. } = facts;
    unrecorded(&LogSocket { account, way: syslog, error: syslog_error.as_deref(), policy_file: &policy_file.path })
}

pub(in crate::admin::doctor) fn unrecorded(log: &LogSocket<'_>) -> Vec<Problem> {
    let LogSocket { account, way, error, policy_file: _ } = log;
    let path = way.path.display();
    let start =
        "systemctl restart rsyslog   # or systemd-journald; or name another daemon's datagram socket in audit.socket";
    if let Some(error) = error {
        // EPROTOTYPE: somebody listens, and takes streams.
        if error.contains("wrong type") {
            return vec![Problem::fault(
                format!("{path} is a stream socket, and records are datagrams, so nothing runs"),
                elsewhere(log),
            )];
        }
        return vec![Problem::fault(format!("no record can be written, so nothing runs: {error}"), start)];
    }
    if let Some(error) = way.missing() {
        return vec![Problem::fault(format!("no record can be written, so nothing runs: {error}"), start)];
    }
    if way.usable(account, WRITE) {
        return Vec::new();
    }
    let fix = match way.barred(account) {
        Some(step) => format!("chmod o+x {}", word(&step.path)),
        None => format!("chmod o+w {}", word(way.target())),
    };
    let at = way.barred(account).map_or(way.target(), |step| &step.path).display();
    vec![Problem::fault(format!("{} cannot write to the syslog socket, because of {at}", account.name), fix)]
}

/// The fix that has records sent to the usual socket.
fn elsewhere(log: &LogSocket<'_>) -> String {
    let (socket, usual) = (log.way.path.display(), "/dev/log");
    if log.way.path.as_os_str() == usual {
        return "start a log daemon that makes /dev/log as syslog(3) wants it (rsyslogd, systemd-journald)".to_owned();
    }
    format!("sed -i 's|{socket}|{usual}|' {}   # or another datagram socket in audit.socket", word(log.policy_file))
}

/// dockgate is told that a datagram was taken; what the daemon does with it, it is not told.
pub(super) fn limits(facts: &Facts) -> Vec<Problem> {
    dropping(&facts.limits)
}

pub(in crate::admin::doctor) fn dropping(limits: &[Limit]) -> Vec<Problem> {
    let problem = |limit: &Limit| {
        let (file, place) = (word(&limit.file), format!("{}:{}", limit.file.display(), limit.line));
        match limit.daemon {
            LogDaemon::Rsyslog => {
                let off: String = limit.text.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned() + "0";
                Problem::fault(
                    format!(
                        "{place}: {}: rsyslog drops records of a process that sends many, and a long request has many",
                        limit.text
                    ),
                    format!("sed -i '{}s/{}/{off}/' {file}; systemctl restart rsyslog", limit.line, limit.text),
                )
            }
            LogDaemon::Journald => Problem::fault(
                format!(
                    "{place}: {}: journald drops the records of a login beyond that many in its interval",
                    limit.text
                ),
                format!(
                    "sed -i '{}c\\RateLimitBurst=10000' {file}; systemctl restart systemd-journald   # 0 is no limit",
                    limit.line
                ),
            ),
        }
    };
    limits.iter().map(problem).collect()
}

/// Where sessions are counted and buildx keeps its state: if it is somebody else's, such requests fail.
pub(super) fn state(facts: &Facts) -> Vec<Problem> {
    let way = &facts.state;
    let Some(end) = way.end() else { return unmade(&facts.account, way).into_iter().collect() };
    if end.kind == Kind::Directory && end.uid == facts.account.uid && end.mode & 0o077 == 0 {
        return Vec::new();
    }
    let what = format!(
        "the state directory {} is not {}'s own: no request that takes docker runs",
        way.path.display(),
        facts.account.name
    );
    vec![Problem::fault(what, format!("rm -r {}   # and see who made it", word(&way.path)))]
}

/// The state directory is made by the first request that needs it, so its parent has to take it.
fn unmade(account: &Account, way: &Way) -> Option<Problem> {
    let parent = way.steps.last().filter(|step| step.kind == Kind::Directory)?;
    if parent.grants(account, WRITE | EXECUTE) {
        return None;
    }
    let at = word(&parent.path);
    // Of logind's, or the one for everybody.
    let fix = match parent.path.starts_with("/run/user") {
        true => format!("chown {} {at}; chmod 700 {at}", account.name),
        false => format!("chown root:root {at}; chmod 1777 {at}"),
    };
    Some(Problem::fault(
        format!(
            "{} cannot make its state directory {}: no request that takes docker runs",
            account.name,
            way.path.display()
        ),
        fix,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{facts, found, roots, socket};
    use crate::admin::doctor::way::tests::way;

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
    fn a_proxy_is_the_only_way_to_the_daemon() {
        let mut proxied = facts();
        let socket_of = |uid: u32| {
            let mut way = socket("/run/dockgate-proxy/ai.sock", 0, 0o600);
            way.steps.iter_mut().skip(1).for_each(|step| step.uid = uid);
            Daemon::Socket(way, Some("root".to_owned()))
        };
        proxied.daemon = socket_of(proxied.account.uid);
        let fixes = |facts: &Facts| docker_socket(facts).into_iter().map(|problem| problem.fix).collect::<Vec<_>>();
        assert_eq!(fixes(&proxied), ["gpasswd --delete ai docker"]);
        proxied.account.groups.retain(|(_, group)| group != "docker");
        assert!(fixes(&proxied).is_empty());
        proxied.daemon = socket_of(0);
        assert!(fixes(&proxied)[0].contains("SocketUser=ai"), "{:?}", fixes(&proxied));
        let Daemon::Socket(mut way, _) = socket_of(0) else { unreachable!() };
        way.broken = Some((way.path.clone(), "No such file or directory".to_owned()));
        proxied.daemon = Daemon::Socket(way, None);
        assert_eq!(fixes(&proxied), ["systemctl enable --now dockgate-proxy@ai.socket"]);
    }

    #[test]
    fn no_other_daemon_is_open_that_need_not_be() {
        let fixes = |change: &dyn Fn(&mut Facts)| {
            let mut facts = facts();
            let mut own = socket("/run/agent.sock", 0, 0o600);
            own.steps.iter_mut().skip(1).for_each(|step| step.uid = facts.account.uid);
            facts.daemon = Daemon::Socket(own, Some("root".to_owned()));
            change(&mut facts);
            docker_socket(&facts).into_iter().map(|problem| problem.fix).collect::<Vec<_>>()
        };
        assert_eq!(fixes(&|_| ()), ["gpasswd --delete ai docker"]);
        assert_eq!(fixes(&|facts| facts.account.groups.retain(|(_, name)| name != "docker")), [""; 0]);
        assert_eq!(fixes(&|facts| facts.usual_socket = socket("/run/docker.sock", 997, 0o660)), [""; 0]);
        assert_eq!(fixes(&|facts| facts.usual_socket = roots("/run/docker.sock")), [""; 0]);
        let by_all = fixes(&|facts| facts.usual_socket = socket("/run/docker.sock", 0, 0o666));
        assert_eq!(by_all, ["chown root:docker /run/docker.sock; chmod 660 /run/docker.sock"]);
        let by_first = fixes(&|facts| facts.account.gid = 998);
        assert_eq!(by_first, ["usermod --gid ai ai   # a group of its own"]);
        // One group for both: a second daemon, which would not be reached without it.
        let both = fixes(&|facts| facts.daemon = Daemon::Socket(socket("/run/second.sock", 998, 0o660), None));
        assert_eq!(both, [""; 0]);
    }

    #[test]
    fn nobody_is_sent_to_a_group_of_root_s() {
        let fix = |group: &str, uid: u32, path: &str| {
            let daemon = Daemon::Socket(socket(path, 997, 0o660), Some(group.to_owned()));
            let mut facts = Facts { daemon, ..facts() };
            facts.account.uid = uid;
            docker_socket(&facts).remove(0).fix
        };
        assert!(fix("docker", 1000, "/s").starts_with("usermod --append --groups docker ai"));
        for group in ["root", "disk", "wheel"] {
            let fix = fix(group, 1000, "/s");
            assert!(fix.contains("chgrp docker /s") && !fix.contains(&format!("groups {group}")), "{fix}");
        }
        assert!(fix("x", 1000, "/run/user/1001/docker.sock").contains("rootless daemon of user id 1001"));
    }

    #[test]
    fn a_state_directory_is_the_account_s_own() {
        for (uid, mode, sound) in [(1000, 0o700, true), (0, 0o700, false), (1000, 0o755, false)] {
            let state = way(&[("/", 0, 0, 0o755), ("/tmp/", 0, 0, 0o1777), ("/tmp/dockgate-1000/", uid, 0, mode)]);
            let expected: &[&str] = if sound { &[] } else { &["fault state-directory"] };
            assert_eq!(found(&Facts { state, ..facts() }), expected, "{uid} {mode:o}");
        }
    }
}
