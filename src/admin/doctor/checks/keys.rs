//! The keys that let somebody in, and what their lines say. Pure.

use crate::admin::doctor::check::Problem;
use crate::admin::doctor::facts::{Facts, Forced, Key, KeyFile};
use crate::keys::key_line::KeyLine;

const AUTHORIZE: &str = "write the line anew: dockgate authorize KEYFILE";

pub(super) fn readable(facts: &Facts) -> Vec<Problem> {
    let unread = facts.key_files.iter().filter_map(|file| Some((file, file.text.as_ref().err()?)));
    let problem = |(file, error): (&KeyFile, &String)| {
        let path = file.way.path.display();
        Problem::fault(format!("what {path} lets in is not known: {error}"), "run doctor as root")
    };
    let mut found: Vec<Problem> = unread.map(problem).collect();
    let files_alone = facts.sshd.as_ref().is_ok_and(|sshd| sshd.value("authorizedkeyscommand").is_none());
    if found.is_empty() && files_alone && facts.keys().is_empty() {
        let name = &facts.account.name;
        found.push(Problem::warning(
            format!("no key lets anybody in as {name}: there is none in {}", file_names(facts)),
            "dockgate authorize KEYFILE >> FILE, as root",
        ));
    }
    found
}

fn file_names(facts: &Facts) -> String {
    let files: Vec<String> = facts.key_files.iter().map(|file| file.way.path.display().to_string()).collect();
    if files.is_empty() { "AuthorizedKeysFile none".to_owned() } else { files.join(" and ") }
}

/// A key that the account adds itself has no forced command. Under dockgate as the login shell that is no
/// matter, but for `forwarding`.
pub(super) fn files_are_roots(facts: &Facts) -> Vec<Problem> {
    if facts.gated_always() {
        return Vec::new();
    }
    let name = &facts.account.name;
    let mut found = Vec::new();
    for file in &facts.key_files {
        if let Some(step) = file.way.changeable(&facts.account) {
            found.push(Problem::fault(
                format!(
                    "{name} can change {}, and so add keys without a forced command to {}",
                    step.path.display(),
                    file.way.path.display()
                ),
                format!(
                    "AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u for {name} in sshd_config, with root's files there"
                ),
            ));
        }
    }
    found
}

pub(super) fn one_file(facts: &Facts) -> Vec<Problem> {
    let [_, _, ..] = facts.key_files.as_slice() else { return Vec::new() };
    vec![Problem::warning(
        format!("sshd looks for keys in {}: one of them is easily forgotten", file_names(facts)),
        "AuthorizedKeysFile with one file",
    )]
}

pub(super) fn lines(facts: &Facts) -> Vec<Problem> {
    let problem = |(place, line): (String, Result<KeyLine, String>)| {
        let wrong = line.map_or_else(Some, |line| line.key.weakness())?;
        Some(Problem::warning(format!("{place}: {wrong}"), AUTHORIZE))
    };
    facts.lines().into_iter().filter_map(problem).collect()
}

pub(super) fn commands(facts: &Facts) -> Vec<Problem> {
    if facts.gated_always() {
        return Vec::new();
    }
    let problem = |key: &Key| {
        let what = match key.line.command() {
            None => "has no forced command: it gets a shell".to_owned(),
            Some(command) => match facts.forced(command) {
                Forced::Gate { .. } => return None,
                Forced::Other => format!("runs \"{command}\", which is not this dockgate with options alone"),
            },
        };
        Some(Problem::fault(format!("{} {what}", named(key)), AUTHORIZE))
    };
    facts.keys().iter().filter_map(problem).collect()
}

pub(super) fn restricted(facts: &Facts) -> Vec<Problem> {
    facts.keys().iter().filter_map(|key| unrestricted(facts, key)).collect()
}

/// What a line leaves open is a fault where sshd's configuration does not close it. A terminal that somebody
/// has opened again behind `restrict` is meant.
fn unrestricted(facts: &Facts, key: &Key) -> Option<Problem> {
    let restrict = key.line.options.iter().any(|option| option.name == "restrict");
    let mut open = Vec::new();
    for extra in key.line.open() {
        let behind = facts.sshd.as_ref().map_or_else(|_| vec!["sshd's default"], |sshd| sshd.behind(extra));
        let meant = restrict && extra == "pty";
        if !meant && !behind.is_empty() {
            open.push(format!("{extra} ({})", behind.join(", ")));
        }
    }
    let place = named(key);
    if !open.is_empty() {
        let lacks = if restrict { "opens again behind restrict" } else { "has no restrict and leaves open" };
        let what = format!("{place} {lacks}: {}; a forwarded socket reaches docker past the gate", open.join(", "));
        Some(Problem::fault(what, AUTHORIZE))
    } else if !restrict {
        let what = format!("{place} has no restrict; what it would close is closed today, but later versions add more");
        Some(Problem::warning(what, AUTHORIZE))
    } else {
        None
    }
}

pub(super) fn policy(facts: &Facts) -> Vec<Problem> {
    let Ok(set) = &facts.policy else { return Vec::new() };
    let mut found = Vec::new();
    for key in facts.keys() {
        let Some(Forced::Gate { config, profile }) = key.line.command().map(|command| facts.forced(command)) else {
            continue;
        };
        let place = named(&key);
        if !facts.is_the_policy(config.as_deref()) {
            let other = config.map_or_else(String::new, |file| format!(" --config {file}"));
            found.push(Problem::warning(
                format!("{place} goes by another policy file than {}", facts.policy_file.path.display()),
                format!("dockgate doctor{other}, to have that one checked"),
            ));
        } else if let Some(profile) = profile.filter(|profile| !set.profiles.contains_key(profile)) {
            found.push(Problem::fault(
                format!("{place} names the profile {profile}, which the policy does not have: all is refused"),
                format!("[profiles.{profile}] in the policy file, or {AUTHORIZE}"),
            ));
        }
    }
    found
}

pub(super) fn keys_command(facts: &Facts) -> Vec<Problem> {
    let command = facts.sshd.as_ref().ok().and_then(|sshd| sshd.value("authorizedkeyscommand"));
    let problem = |command: &str| {
        Problem::warning(
            format!("AuthorizedKeysCommand {command} can bring keys that nobody has looked at here"),
            format!(
                "AuthorizedKeysCommand none for {}, or see that each line has restrict,command=",
                facts.account.name
            ),
        )
    };
    command.map(problem).into_iter().collect()
}

/// Ways in that no key's line restricts.
const LOGINS: &[(&str, &str)] = &[
    ("TrustedUserCAKeys", "a certificate of that authority gets in by what it says itself"),
    ("HostbasedAuthentication", "another host's word is enough"),
    ("GSSAPIAuthentication", "a Kerberos ticket is enough"),
    ("KerberosAuthentication", "a Kerberos password is enough"),
];

pub(super) fn other_logins(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    let on = LOGINS.iter().filter(|(keyword, _)| sshd.is_on(&keyword.to_ascii_lowercase()));
    let problem = |(keyword, why): &(&str, &str)| {
        let value = sshd.value(&keyword.to_ascii_lowercase()).unwrap_or_default();
        Problem::warning(
            format!("{keyword} {value}: {why}, without restrict and a forced command"),
            format!(
                "in sshd_config, for {}: AuthenticationMethods publickey, TrustedUserCAKeys none",
                facts.account.name
            ),
        )
    };
    on.map(problem).collect()
}

/// `FILE:LINE: the key COMMENT (FINGERPRINT)`.
fn named(key: &Key) -> String {
    let comment = if key.line.key.comment.is_empty() { "without a comment" } else { &key.line.key.comment };
    format!("{}: the key {comment} ({})", key.place, key.line.key.fingerprint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{FORCED, facts, found, key, roots, with_keys, with_sshd};
    use crate::admin::doctor::way::Way;
    use crate::admin::doctor::way::tests::way;

    fn under_login_shell(facts: Facts) -> Facts {
        let mut facts = Facts { shell: roots("/usr/bin/dockgate"), ..facts };
        facts.account.shell = "/usr/bin/dockgate".into();
        facts.shells.push("/usr/bin/dockgate".to_owned());
        with_sshd(facts, "subsystem sftp /usr/lib/openssh/sftp-server\n")
    }

    #[test]
    fn each_line_is_forced_and_restricted() {
        let gate = "command=\"/usr/bin/dockgate --key me\"";
        for (line, shell, expected) in [
            (FORCED.to_owned(), false, &[][..]),
            (format!("restrict,pty,{gate}"), false, &[]),
            (format!("restrict,{}", gate.replace("dockgate", "dockgate --profile operator")), false, &[]),
            (gate.to_owned(), false, &["fault key-restrict"]),
            (format!("restrict,port-forwarding,{gate}"), false, &["fault key-restrict"]),
            (format!("restrict,user-rc,{gate}"), false, &["fault key-restrict"]),
            (
                format!("no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-pty,no-user-rc,{gate}"),
                false,
                &["warning key-restrict"],
            ),
            ("restrict".to_owned(), false, &["fault key-command", "fault internal-sftp"]),
            ("restrict,command=\"/bin/true\"".to_owned(), false, &["fault key-command"]),
            ("restrict,command=\"/usr/bin/dockgate check x\"".to_owned(), false, &["fault key-command"]),
            ("restrict,command=\"/usr/bin/dockgate --key me; id\"".to_owned(), false, &["fault key-command"]),
            ("restrict,command=\"dockgate --key me\"".to_owned(), false, &["fault key-command"]),
            (format!("restrict,{}", gate.replace("dockgate", "dockgate --profile none")), false, &["fault key-policy"]),
            (
                format!("restrict,{}", gate.replace("dockgate", "dockgate --config /etc/x")),
                false,
                &["warning key-policy"],
            ),
            ("restrict".to_owned(), true, &[]),
            ("restrict,command=\"/bin/true\"".to_owned(), true, &[]),
            (String::new(), true, &["fault key-restrict"]),
        ] {
            let facts = if shell { under_login_shell(facts()) } else { facts() };
            assert_eq!(found(&with_keys(facts, &key(&line))), expected, "{line} {shell}");
        }
        // A weak key gets in all the same.
        let weak = crate::keys::public_key::tests::key_of("ssh-rsa", &[&[3], &[&[0][..], &[0x80; 128]].concat()]);
        assert_eq!(
            found(&with_keys(facts(), &weak)),
            ["warning key-line", "fault key-command", "fault key-restrict", "fault internal-sftp"]
        );
        assert_eq!(found(&with_keys(facts(), &(key(FORCED) + "restrict nonsense\n# comment\n"))), ["warning key-line"]);
    }

    #[test]
    fn what_sshd_closes_is_no_fault() {
        let keys = key("command=\"/usr/bin/dockgate --key me\"");
        let closed = with_sshd(with_keys(facts(), &keys), "disableforwarding yes\npermittty no\npermituserrc no\n");
        assert_eq!(found(&closed), ["warning key-restrict"]);
        let problem = restricted(&with_sshd(with_keys(facts(), &keys), "disableforwarding yes\n"));
        assert!(problem[0].what.contains("pty (PermitTTY), user-rc (PermitUserRC)"), "{}", problem[0].what);
    }

    #[test]
    fn keys_are_in_one_file_of_root_s() {
        let own = way(&[("/", 0, 0, 0o755), ("/home/ai/", 1000, 1000, 0o755), ("/home/ai/keys", 0, 0, 0o644)]);
        let file = |way: &Way, text| KeyFile { way: way.clone(), text };
        let keys = || Ok(Some(key(FORCED)));
        let of = |files| Facts { key_files: files, ..facts() };
        assert_eq!(found(&of(vec![file(&own, keys())])), ["fault key-file-owner", "fault internal-sftp"]);
        assert_eq!(found(&of(vec![file(&roots("/k"), Err("x".into()))])), ["fault key-file-read"]);
        assert_eq!(
            found(&of(vec![file(&roots("/k"), keys()), file(&roots("/l"), Ok(None))])),
            ["warning key-file-second"]
        );
        assert_eq!(found(&of(vec![file(&roots("/k"), Ok(None))])), ["warning key-file-read"]);
        assert_eq!(found(&of(Vec::new())), ["warning key-file-read"]);
        let shell = under_login_shell(of(vec![file(&own, keys())]));
        assert_eq!(found(&shell), ["fault forwarding"]);
        assert_eq!(found(&with_sshd(shell, "disableforwarding yes\nsubsystem sftp /x\n")), [""; 0]);
    }

    #[test]
    fn other_ways_in_are_named() {
        for (lines, expected) in [
            ("authorizedkeyscommand /usr/bin/keys\nsubsystem sftp /x\n", "warning keys-command"),
            ("trustedusercakeys /etc/ca.pub\n", "warning other-logins"),
            ("hostbasedauthentication yes\n", "warning other-logins"),
        ] {
            assert_eq!(found(&with_sshd(facts(), lines)), [expected], "{lines}");
        }
    }
}
