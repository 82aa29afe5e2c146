//! The account itself: what it may do besides docker. Pure.

use crate::admin::doctor::account::Password;
use crate::admin::doctor::check::{Problem, word};
use crate::admin::doctor::facts::Facts;

/// Groups that are root by another name, and by what.
const ROOT_GROUPS: &[(&str, &str)] = &[
    ("root", "files of the group root"),
    ("sudo", "sudo"),
    ("wheel", "sudo and su"),
    ("admin", "sudo"),
    ("disk", "the disks themselves"),
    ("shadow", "the hashes of all passwords"),
    ("kmem", "the kernel's memory"),
    ("lxd", "containers with the host's root"),
    ("incus", "containers with the host's root"),
    ("incus-admin", "containers with the host's root"),
    ("libvirt", "virtual machines with the host's disks"),
];

/// Groups that show more than an agent should see.
const LOG_GROUPS: &[&str] = &["adm", "systemd-journal"];

pub(super) fn is_not_root(facts: &Facts) -> Vec<Problem> {
    if facts.account.uid != 0 {
        return Vec::new();
    }
    vec![Problem::fault(
        format!("{} is root, and no gate holds root", facts.account.name),
        "dockgate doctor --user NAME, with the account that the keys log in to",
    )]
}

pub(super) fn groups(facts: &Facts) -> Vec<Problem> {
    let name = &facts.account.name;
    let mut found = Vec::new();
    for (gid, group) in &facts.account.groups {
        let fix = if *gid == facts.account.gid {
            format!("groupadd --force {name}; usermod --gid {name} {name}")
        } else {
            format!("gpasswd --delete {name} {group}")
        };
        if let Some(gives) = power_of(group) {
            found.push(Problem::fault(format!("{name} is in the group {group}: it gives {gives}"), fix));
        } else if LOG_GROUPS.contains(&group.as_str()) {
            found.push(Problem::warning(format!("{name} is in the group {group}: it shows the system's logs"), fix));
        }
    }
    found
}

/// What a group gives that is root by another name.
pub(super) fn power_of(group: &str) -> Option<&'static str> {
    ROOT_GROUPS.iter().find(|(root, _)| *root == group).map(|(_, gives)| *gives)
}

pub(super) fn sudo(facts: &Facts) -> Vec<Problem> {
    let name = &facts.account.name;
    match &facts.sudo {
        None => Vec::new(),
        Some(Ok(rules)) if rules.is_empty() => Vec::new(),
        Some(Ok(rules)) => vec![Problem::fault(
            format!("sudo lets {name} run: {}", rules.join("; ")),
            format!("take {name} and its groups out of /etc/sudoers and /etc/sudoers.d"),
        )],
        Some(Err(error)) => vec![Problem::warning(
            format!("what sudo lets {name} do is not known: {error}"),
            format!("sudo -l -U {name}, as root"),
        )],
    }
}

pub(super) fn password(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let name = &facts.account.name;
    let asks = sshd.takes_passwords();
    match &facts.account.password {
        Password::Usable if asks => vec![Problem::fault(
            format!("{name} has a password, and sshd takes passwords: such a login has no key, so no restrict"),
            format!("usermod --password '*' {name}"),
        )],
        Password::Unknown(error) if asks => vec![Problem::warning(
            format!("sshd takes passwords, and whether {name} has one is not known: {error}"),
            "run doctor as root, or PasswordAuthentication no and KbdInteractiveAuthentication no",
        )],
        _ => Vec::new(),
    }
}

pub(super) fn jobs(facts: &Facts) -> Vec<Problem> {
    let name = &facts.account.name;
    // A daemon of the account's own runs without a login, too.
    let own_daemon = facts.daemon.rootless() == Some(facts.account.uid);
    let problem = |job: &Result<std::path::PathBuf, String>| match job {
        Ok(path) if own_daemon && path.starts_with("/var/lib/systemd/linger") => None,
        Ok(path) => Some(Problem::warning(
            format!("{} runs programs as {name} without a login", path.display()),
            match path.parent().and_then(|directory| directory.file_name()) {
                Some(linger) if linger == "linger" => format!("loginctl disable-linger {name}"),
                _ => format!("rm {}", word(path)),
            },
        )),
        Err(error) => Some(Problem::warning(format!("not known: {error}"), "run doctor as root")),
    };
    facts.jobs.iter().filter_map(problem).collect()
}

/// An account that is out of date lets nobody in: sshd and PAM look at /etc/shadow before the forced command.
pub(super) fn open(facts: &Facts) -> Vec<Problem> {
    let (name, aging, today) = (&facts.account.name, &facts.account.aging, facts.now.day);
    let mut found = Vec::new();
    if aging.expires.is_some_and(|day| day <= today) {
        let what = format!("the account {name} has expired, so sshd lets nobody in (chage -l {name})");
        found.push(Problem::fault(what, format!("chage --expiredate -1 {name}")));
    }
    let late = aging.changed.zip(aging.most).is_some_and(|(changed, most)| changed + most < today);
    if aging.changed == Some(0) || late {
        let what = format!(
            "the password of {name} is out of date: sshd asks for a new one in place of the forced command (chage -l {name})"
        );
        found.push(Problem::fault(what, format!("chage --lastday \"$(date +%F)\" --maxdays -1 {name}")));
    }
    let by_pam = facts.sshd.as_ref().is_ok_and(|sshd| sshd.is_on("usepam"));
    if aging.marked && facts.sshd.is_ok() && !by_pam {
        let what = format!("{name} is locked (! in /etc/shadow), and sshd without PAM lets no key in then");
        found.push(Problem::fault(what, format!("usermod --password '*' {name}")));
    }
    found
}

pub(super) fn host_open(facts: &Facts) -> Vec<Problem> {
    let problem = |path: &std::path::PathBuf| {
        let what = format!("{} is there, and keeps everybody but root out", path.display());
        Problem::fault(what, format!("rm {}", word(path)))
    };
    facts.nologin.iter().map(problem).collect()
}

/// The rules in what `sudo -l -U NAME` prints in the C locale; none where it may run nothing.
pub(crate) fn sudo_rules(printed: &str) -> Vec<String> {
    let lines = printed.lines().skip_while(|line| !line.contains("may run the following commands"));
    lines.skip(1).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::account::Account;
    use crate::admin::doctor::checks::tests::{facts, found, with_sshd};

    #[test]
    fn an_account_with_other_powers_is_found() {
        let account = |change: fn(&mut Account)| {
            let mut facts = facts();
            change(&mut facts.account);
            facts
        };
        let in_group = |name: &str| {
            let mut facts = facts();
            facts.account.groups.push((27, name.to_owned()));
            facts
        };
        for (facts, expected) in [
            (account(|account| account.uid = 0), &["fault account"][..]),
            (in_group("sudo"), &["fault account-groups"]),
            (in_group("disk"), &["fault account-groups"]),
            (in_group("adm"), &["warning account-groups"]),
            (in_group("video"), &[]),
            (
                account(|account| account.password = Password::Usable),
                &["fault account-password", "fault internal-sftp"],
            ),
            (account(|account| account.password = Password::Unknown("x".into())), &["warning account-password"]),
            (Facts { sudo: Some(Ok(vec!["(ALL) ALL".to_owned()])), ..facts() }, &["fault account-sudo"]),
            (Facts { sudo: Some(Ok(Vec::new())), ..facts() }, &[]),
            (Facts { sudo: Some(Err("x".to_owned())), ..facts() }, &["warning account-sudo"]),
            (Facts { jobs: vec![Ok("/var/spool/cron/ai".into())], ..facts() }, &["warning account-jobs"]),
            (account(|account| account.aging.expires = Some(20_000)), &["fault account-open"]),
            (account(|account| account.aging.expires = Some(20_001)), &[]),
            (account(|account| account.aging.changed = Some(0)), &["fault account-open"]),
            (account(|account| (account.aging.changed, account.aging.most) = (Some(19_000), Some(99_999))), &[]),
            (
                account(|account| (account.aging.changed, account.aging.most) = (Some(19_000), Some(90))),
                &["fault account-open"],
            ),
            (with_sshd(account(|account| account.aging.marked = true), "usepam no\n"), &["fault account-open"]),
            (with_sshd(account(|account| account.aging.marked = true), "usepam yes\n"), &[]),
            (Facts { nologin: vec!["/etc/nologin".into()], ..facts() }, &["fault host-open"]),
        ] {
            assert_eq!(found(&facts), expected);
        }
        let closed = with_sshd(account(|account| account.password = Password::Usable), "passwordauthentication no\n");
        assert_eq!(found(&closed), [""; 0]);
    }

    #[test]
    fn what_sudo_prints_is_read() {
        let none = "User ai is not allowed to run sudo on host.\n";
        let some = "Matching Defaults entries for ai on host:\n    env_reset, mail_badpass\n\n\
            User ai may run the following commands on host:\n    (ALL : ALL) ALL\n    (root) NOPASSWD: /bin/x\n";
        assert_eq!(sudo_rules(none), [""; 0]);
        assert_eq!(sudo_rules(some), ["(ALL : ALL) ALL", "(root) NOPASSWD: /bin/x"]);
    }
}
