//! sshd's configuration, as it is in effect for the account. Pure.

use crate::admin::doctor::check::{Problem, word};
use crate::admin::doctor::facts::{Facts, Forced, Key, Running};
use crate::admin::doctor::pattern::overlap;
use crate::admin::doctor::sshd::Sshd;
use std::path::Path;

/// Variables that load code into every program, the login shell and dockgate included (measured with
/// OpenSSH 9.2: `LD_PRELOAD` of the client's, under `AcceptEnv *`).
const LOADER: &[&str] = &["LD_*", "GLIBC_TUNABLES"];

/// Variables by which sshd says what was asked for, and by whom.
const SPEAKING: &[&str] = &["SSH_ORIGINAL_COMMAND", "SSH_USER_AUTH"];

/// Variables that have some shell read a file, or define its functions.
const STARTING: &[&str] = &["BASH_ENV", "BASH_FUNC_*", "ENV", "SHELLOPTS", "ZDOTDIR", "XDG_CONFIG_HOME"];

pub(super) fn readable(facts: &Facts) -> Vec<Problem> {
    let problem = |error: &String| {
        // sshd does not say its configuration without the directory that its unit makes when it starts.
        let directory = error.split_once("Missing privilege separation directory: ").map(|(_, directory)| directory);
        let fix = match directory {
            Some(directory) => format!("mkdir -m 755 {}   # sshd's own: is it running?", word(Path::new(directory))),
            None if facts.by_root => match place(error) {
                Some((file, line)) => {
                    format!("sed -n {line}p {}   # mend that line, until sshd -t says nothing", word(Path::new(file)))
                }
                None => format!(
                    "sshd -t -f {}   # until it says nothing; --sshd and --sshd-config name another sshd",
                    word(&facts.written.main)
                ),
            },
            None => format!(
                "sudo dockgate doctor --user {}   # root is told; --sshd and --sshd-config name another sshd",
                facts.account.name
            ),
        };
        let what = "what sshd does for";
        Problem::fault(format!("{what} {} is not known, nor which keys it takes: {error}", facts.account.name), fix)
    };
    facts.sshd.as_ref().err().map(problem).into_iter().collect()
}

/// The file and the line that sshd has something against: `FILE: line N: …` or `FILE line N: …`.
fn place(error: &str) -> Option<(&str, &str)> {
    error.lines().find_map(|line| {
        let (before, after) = line.split_once(" line ")?;
        let number = after.get(..after.find(|c: char| !c.is_ascii_digit())?).filter(|number| !number.is_empty())?;
        let start = before.find(" /").map_or(0, |at| at + 1);
        let file = before.get(start..)?.trim_end_matches(':');
        file.starts_with('/').then_some((file, number))
    })
}

/// What is said of sshd's files holds once it has read them.
pub(super) fn running(facts: &Facts) -> Vec<Problem> {
    let Some(Running { silent, closes, unread }) = &facts.running else { return Vec::new() };
    if let (Some(address), true) = (silent, closes) {
        let what = format!(
            "sshd ends connections to {address} before it says a word: libwrap, MaxStartups or another program"
        );
        let fix = "take sshd and ALL out of /etc/hosts.deny, or name the agent's address in /etc/hosts.allow (hosts_access(5))";
        return vec![Problem::fault(what, fix)];
    }
    if let Some(address) = silent {
        let what = format!("no sshd answers at {address}, so nobody gets in");
        return vec![Problem::fault(what, format!("systemctl start {}", facts.written.unit))];
    }
    let problem = |file: &std::path::PathBuf| {
        Problem::fault(format!("{} was changed after sshd has read it", file.display()), facts.written.reload())
    };
    unread.first().map(problem).into_iter().collect()
}

pub(super) fn loader(facts: &Facts) -> Vec<Problem> {
    accepted(facts, LOADER, "code of the client's choice runs before the gate")
}

pub(super) fn speaking(facts: &Facts) -> Vec<Problem> {
    accepted(facts, SPEAKING, "the client can say what only sshd should")
}

pub(super) fn starting(facts: &Facts) -> Vec<Problem> {
    if facts.gated_by_shell() {
        return Vec::new();
    }
    accepted(facts, STARTING, "a shell can be made to read a file before the gate")
}

/// The patterns of `AcceptEnv` that let one of `names` in.
fn accepted(facts: &Facts, names: &[&str], why: &str) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let problem = |pattern: &str| {
        let let_in: Vec<&str> = names.iter().copied().filter(|name| overlap(pattern, name)).collect();
        (!let_in.is_empty()).then(|| {
            Problem::fault(
                format!("AcceptEnv {pattern} lets {} in: {why}", let_in.join(", ")),
                of_account(facts, "AcceptEnv LANG LC_*"),
            )
        })
    };
    sshd.words("acceptenv").filter_map(problem).collect()
}

/// Variables that sshd itself sets (measured with OpenSSH 9.2: the loader obeys `SetEnv LD_PRELOAD=…`).
pub(super) fn set_env(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let names = || [LOADER, SPEAKING, STARTING].into_iter().flatten();
    let bad = |word: &str| {
        let name = word.split('=').next().unwrap_or_default();
        names().any(|pattern| overlap(name, pattern))
    };
    let problem = |word: &str| {
        let fix = facts.written.without("SetEnv", |word| bad(word));
        Problem::fault(
            format!("SetEnv {word} sets a variable by which programs load or read what is not the gate's"),
            fix.unwrap_or_else(|| of_account(facts, "SetEnv LANG=C.UTF-8")),
        )
    };
    sshd.words("setenv").filter(|word| bad(word)).map(problem).collect()
}

/// The fix that sets something for the account.
fn of_account(facts: &Facts, line: &str) -> String {
    facts.written.for_account(&facts.account.name, line)
}

/// Whether sshd lets the account in at all: it asks the four lists in this order (sshd_config(5), `AllowGroups`).
pub(super) fn let_in(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let name = facts.account.name.as_str();
    let groups: Vec<&str> = facts.account.groups.iter().map(|(_, group)| group.as_str()).collect();
    let is_user = |pattern: &str| overlap(pattern.rsplit_once('@').map_or(pattern, |(user, _)| user), name);
    let is_group = |pattern: &str| groups.iter().any(|group| overlap(pattern, group));
    // A pattern with a host denies from there alone.
    let denies_user = |pattern: &str| pattern.rsplit_once('@').is_none_or(|(_, host)| host == "*") && is_user(pattern);
    let mut found = Vec::new();
    if sshd.value("maxsessions") == Some("0") {
        let fix = of_account(facts, "MaxSessions 10");
        found.push(Problem::fault("MaxSessions 0: sshd starts no command for anybody", fix));
    }
    let mut denied = |keyword: &str, denies: &dyn Fn(&str) -> bool| {
        if let Some(pattern) = sshd.words(&keyword.to_ascii_lowercase()).find(|pattern| denies(pattern)) {
            let fix = facts.written.without(keyword, denies);
            found.push(Problem::fault(
                format!("{keyword} {pattern} keeps {name} out"),
                fix.unwrap_or_else(|| format!("sshd -T | grep -i {keyword}   # take {pattern} out of {keyword}")),
            ));
        }
    };
    denied("DenyUsers", &denies_user);
    denied("DenyGroups", &is_group);
    let mut allowed = |keyword: &str, allows: &dyn Fn(&str) -> bool, own: &str| {
        let small = keyword.to_ascii_lowercase();
        let list: Vec<&str> = sshd.words(&small).collect();
        if !list.is_empty() && !list.iter().any(|pattern| allows(pattern)) {
            let what = format!("{keyword} {} does not let {name} in", list.join(" "));
            found.push(Problem::fault(what, of_account(facts, &format!("{keyword} {own}"))));
        }
    };
    allowed("AllowUsers", &is_user, name);
    allowed("AllowGroups", &is_group, groups.first().copied().unwrap_or(name));
    found
}

/// Whether a key is enough, and of a type that sshd takes.
pub(super) fn public_key(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let mut found = Vec::new();
    if sshd.value("pubkeyauthentication") == Some("no") {
        let fix = of_account(facts, "PubkeyAuthentication yes");
        found.push(Problem::fault("PubkeyAuthentication no: sshd takes no key", fix));
    }
    let mut lists = sshd.words("authenticationmethods").peekable();
    let key_alone = |list: &str| list == "any" || list.split(',').all(|method| method == "publickey");
    if lists.peek().is_some() && !lists.any(key_alone) {
        let lists: Vec<&str> = sshd.words("authenticationmethods").collect();
        let what = format!("AuthenticationMethods {} asks for more than a key", lists.join(" "));
        found.push(Problem::fault(what, of_account(facts, "AuthenticationMethods publickey")));
    }
    if let Some(taken) = sshd.value("pubkeyacceptedalgorithms").or_else(|| sshd.value("pubkeyacceptedkeytypes")) {
        let keys = facts.keys();
        let refused = keys.iter().filter(|key| {
            let kind = key.line.key.kind();
            !taken.split(',').any(|name| name == kind || kind == "ssh-rsa" && name.starts_with("rsa-sha2-"))
        });
        found.extend(refused.map(|key| {
            let kind = key.line.key.kind();
            let fix = of_account(facts, &format!("PubkeyAcceptedAlgorithms +{kind}"));
            Problem::fault(format!("{}: sshd takes no {kind} (PubkeyAcceptedAlgorithms)", key.place), fix)
        }));
    }
    found.extend(too_small(facts, sshd));
    found
}

/// RSA keys that are smaller than sshd takes.
fn too_small(facts: &Facts, sshd: &Sshd) -> Vec<Problem> {
    let fewest: usize = sshd.value("requiredrsasize").and_then(|bits| bits.parse().ok()).unwrap_or_default();
    let keys = facts.keys();
    let small = keys.iter().filter_map(|key| Some((key, key.line.key.rsa_bits().filter(|bits| *bits < fewest)?)));
    let problem = |(key, bits): (&Key, usize)| {
        let what = format!("{key}: it has {bits} bits, and sshd takes RSA keys of {fewest} (RequiredRSASize)");
        Problem::fault(what, of_account(facts, &format!("RequiredRSASize {bits}")))
    };
    small.map(problem).collect()
}

pub(super) fn chroot(facts: &Facts) -> Vec<Problem> {
    let directory = facts.sshd.as_ref().ok().and_then(|sshd| sshd.value("chrootdirectory"));
    let problem = |directory: &str| {
        let what = format!("ChrootDirectory {directory}: there is neither dockgate nor docker in there");
        Problem::fault(what, of_account(facts, "ChrootDirectory none"))
    };
    directory.map(problem).into_iter().collect()
}

pub(super) fn user_environment(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    if !sshd.is_on("permituserenvironment") {
        return Vec::new();
    }
    let value = sshd.value("permituserenvironment").unwrap_or_default();
    vec![Problem::fault(
        format!("PermitUserEnvironment {value}: ~/.ssh/environment and environment= set variables such as LD_PRELOAD"),
        facts
            .written
            .without("PermitUserEnvironment", |word| word != "no")
            .unwrap_or_else(|| "PermitUserEnvironment no in sshd_config".to_owned()),
    )]
}

pub(super) fn expose(facts: &Facts) -> Vec<Problem> {
    let (Ok(sshd), Ok(set)) = (&facts.sshd, &facts.policy) else { return Vec::new() };
    if sshd.is_on("exposeauthinfo") {
        return Vec::new();
    }
    let fix = of_account(facts, "ExposeAuthInfo yes");
    let tied: Vec<&str> =
        set.keys.iter().filter(|(_, key)| key.fingerprint.is_some()).map(|(label, _)| label.as_str()).collect();
    if tied.is_empty() {
        return vec![Problem::warning("ExposeAuthInfo is off, so no record has the key's fingerprint", fix)];
    }
    let what = format!(
        "ExposeAuthInfo is off, so these keys, which the policy ties to a fingerprint, are refused: {}",
        tied.join(", ")
    );
    vec![Problem::fault(what, fix)]
}

pub(super) fn force_command(facts: &Facts) -> Vec<Problem> {
    let command = facts.sshd.as_ref().ok().and_then(|sshd| sshd.value("forcecommand"));
    let other = command.filter(|command| facts.forced(command) == Forced::Other);
    // Under dockgate as the login shell it is judged like a request, and refused.
    let problem = |command: &str| {
        Problem::fault(
            format!("ForceCommand {command} runs in place of the keys' own commands, so dockgate is never asked"),
            of_account(facts, "ForceCommand none"),
        )
    };
    other.map(problem).into_iter().collect()
}

/// sshd runs `internal-sftp` itself, not through the login shell, where no command is forced.
pub(super) fn internal_sftp(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let Some((name, command)) = sshd.subsystems().find(|(_, command)| is_internal(command)) else { return Vec::new() };
    if sshd.value("forcecommand").is_some_and(|forced| !is_internal(forced)) {
        return Vec::new();
    }
    let keys = facts.keys();
    let free = keys.iter().filter(|key| key.line.command().is_none_or(is_internal));
    let mut who: Vec<String> = free.map(|key| format!("{} forces no command", key.place)).collect();
    who.extend(facts.strangers());
    if who.is_empty() {
        return Vec::new();
    }
    vec![Problem::fault(
        format!("Subsystem {name} {command} passes neither a login shell nor dockgate: {}", who.join(", ")),
        format!("Subsystem {name} /usr/lib/openssh/sftp-server in sshd_config, or a forced command in every line"),
    )]
}

fn is_internal(command: &str) -> bool {
    command.split(' ').next() == Some("internal-sftp")
}

/// Logins that no `restrict` holds: under the gate as login shell their commands are judged, but sshd forwards
/// for them all the same (measured: `ssh -N -L` to a socket of docker's). Elsewhere they are faults themselves.
pub(super) fn forwarding(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let mut found = Vec::new();
    if sshd.is_on("permittunnel") {
        found.push(Problem::fault(
            "PermitTunnel gives the account a network of its own into this host",
            of_account(facts, "PermitTunnel no"),
        ));
    }
    let who = facts.strangers();
    let open = forwards(sshd);
    if facts.gated_always() && !who.is_empty() && !open.is_empty() {
        found.push(Problem::fault(
            format!(
                "sshd forwards ({}), and a forwarded socket reaches docker past the gate: {}",
                open.join(", "),
                who.join(", ")
            ),
            of_account(facts, "DisableForwarding yes"),
        ));
    }
    found
}

fn forwards(sshd: &Sshd) -> Vec<&'static str> {
    ["port-forwarding", "agent-forwarding", "x11-forwarding"].iter().flat_map(|extra| sshd.behind(extra)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{FORCED, facts, found, key, with_keys, with_sshd};
    use crate::policy::set::PolicySet;

    #[test]
    fn each_setting_that_lets_something_past_the_gate_is_found() {
        let env = ["fault accept-env-loader", "fault accept-env-sshd", "fault accept-env-shell"];
        for (lines, expected) in [
            ("acceptenv *\n", &env[..]),
            ("acceptenv LANG\nacceptenv L*\n", &["fault accept-env-loader"]),
            ("acceptenv LD_LIBRARY_PATH\n", &["fault accept-env-loader"]),
            ("acceptenv SSH_*\n", &["fault accept-env-sshd"]),
            ("acceptenv BASH_ENV\n", &["fault accept-env-shell"]),
            ("acceptenv LANG LC_* GIT_*\n", &[]),
            ("permituserenvironment yes\n", &["fault permit-user-environment"]),
            ("permituserenvironment LANG,LC_*\n", &["fault permit-user-environment"]),
            ("exposeauthinfo no\n", &["warning expose-auth-info"]),
            ("forcecommand /bin/true\n", &["fault force-command"]),
            ("forcecommand internal-sftp\n", &["fault force-command"]),
            ("forcecommand /usr/bin/dockgate --key all\n", &[]),
            ("permittunnel point-to-point\n", &["fault forwarding"]),
            ("setenv LANG=C LD_PRELOAD=/x\n", &["fault set-env"]),
            ("setenv LANG=C TZ=UTC\n", &[]),
            ("chrootdirectory /srv/%u\n", &["fault chroot"]),
            ("pubkeyauthentication no\n", &["fault public-key"]),
            ("authenticationmethods publickey,password\n", &["fault public-key"]),
            ("authenticationmethods publickey,password publickey\n", &[]),
            ("pubkeyacceptedalgorithms rsa-sha2-512\n", &["fault public-key"]),
            ("pubkeyacceptedalgorithms rsa-sha2-512,ssh-ed25519\n", &[]),
        ] {
            assert_eq!(found(&with_sshd(facts(), lines)), expected, "{lines}");
        }
        assert_eq!(found(&Facts { sshd: Err("no host keys".into()), ..facts() }), ["fault sshd-config"]);
        let shut = "/usr/sbin/sshd -T: Missing privilege separation directory: /run/sshd";
        let fix = readable(&Facts { sshd: Err(shut.into()), ..facts() }).remove(0).fix;
        assert!(fix.starts_with("mkdir -m 755 /run/sshd "), "{fix}");
    }

    #[test]
    fn a_fingerprint_in_the_policy_needs_sshd_s_word() {
        let own = facts().keys().first().expect("a key").line.key.fingerprint();
        let tied = format!("[keys.me]\nfingerprint = '{own}'\n");
        let facts = Facts { policy: Ok(PolicySet::from_toml(&tied).expect("valid")), ..facts() };
        assert_eq!(found(&with_sshd(facts.clone(), "exposeauthinfo no\n")), ["fault expose-auth-info"]);
        assert_eq!(found(&facts), [""; 0]);
    }

    #[test]
    fn a_line_that_sshd_does_not_take_is_named() {
        for (error, expected) in [
            (
                "/usr/sbin/sshd -T: /etc/ssh/sshd_config: line 3: Bad configuration option: X",
                Some(("/etc/ssh/sshd_config", "3")),
            ),
            ("/usr/sbin/sshd -T: /etc/ssh/d/x.conf line 12: missing argument.", Some(("/etc/ssh/d/x.conf", "12"))),
            ("/usr/sbin/sshd -T: /etc/ssh/sshd_config: No such file or directory", None),
            ("no sshd", None),
        ] {
            assert_eq!(place(error), expected);
        }
        let facts = Facts { sshd: Err("/s -T: /f: line 3: Bad".to_owned()), ..facts() };
        assert!(readable(&facts)[0].fix.starts_with("sed -n 3p /f "));
        assert!(readable(&Facts { by_root: false, ..facts })[0].fix.starts_with("sudo dockgate doctor"));
    }

    #[test]
    fn who_is_shut_out_is_found() {
        for (lines, expected) in [
            ("allowusers bob\n", &["fault let-in"][..]),
            ("allowusers bob\nallowusers a*\n", &[]),
            ("allowusers ai@192.0.2.*\n", &[]),
            ("denyusers bob ai\n", &["fault let-in"]),
            ("denyusers ai@192.0.2.7\n", &[]),
            ("denyusers ai@*\n", &["fault let-in"]),
            ("allowgroups wheel\n", &["fault let-in"]),
            ("allowgroups docker\n", &[]),
            ("denygroups docker\n", &["fault let-in"]),
            ("denygroups wheel\nallowusers ai\n", &[]),
        ] {
            assert_eq!(found(&with_sshd(facts(), lines)), expected, "{lines}");
        }
    }

    #[test]
    fn internal_sftp_is_a_fault_where_a_line_forces_no_command() {
        let free = with_keys(facts(), &(key(FORCED) + &key("restrict")));
        assert_eq!(found(&free), ["fault key-command", "fault internal-sftp"]);
        assert_eq!(found(&with_sshd(free.clone(), "subsystem sftp /usr/lib/sftp-server\n")), ["fault key-command"]);
        assert_eq!(found(&with_sshd(free, "forcecommand /usr/bin/dockgate\n")), [""; 0]);
    }
}
