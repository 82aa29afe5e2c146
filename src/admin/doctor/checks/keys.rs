//! The keys that let somebody in, and what their lines say. Pure.

use crate::admin::doctor::check::{Problem, word};
use crate::admin::doctor::facts::{Facts, Forced, Key, KeyFile, Place, program_of};
use crate::admin::doctor::way::{Kind, READ, Step, WRITE};
use crate::cli::label::label;
use crate::keys::key_line::KeyLine;
use crate::keys::public_key::holds_key;
use crate::world::policy_file::DEFAULT_PATH;
use std::path::{Path, PathBuf};

/// The fix that makes a comment of a line that cannot be read, by its number: nothing in it is lost, and it lets
/// nobody in.
fn silenced(place: &Place) -> String {
    format!(
        "sed -i '{}s/^/# /' {}   # then mend the line and take the # away, or: {}",
        place.line,
        word(&place.file),
        authorize(&place.file)
    )
}

/// The fix that makes a comment of a key's line: what else it says, such as `from=`, is not lost. It is found by the
/// key: numbers change while others are mended.
fn anew(key: &Key) -> String {
    let file = &key.place.file;
    format!("sed -i '{}s/^/# /' {}   # then: {}", key.address(), word(file), authorize(file))
}

/// The fix that puts options in front of a key's line, in the place of commas that were left over there.
fn in_front(key: &Key, options: &str) -> String {
    let end = if key.line.options.is_empty() { " " } else { "," };
    format!("sed -i '{}s|^[ ,]*\\([^ ,#]\\)|{options}{end}\\1|' {}", key.address(), word(&key.place.file))
}

fn authorize(file: &Path) -> String {
    format!("dockgate authorize KEYFILE >> {}", file.display())
}

pub(super) fn readable(facts: &Facts) -> Vec<Problem> {
    let unread = facts.key_files.iter().filter_map(|file| Some((file, file.text.as_ref().err()?)));
    let problem = |(file, error): (&KeyFile, &String)| {
        let path = file.way.path.display();
        Problem::fault(format!("what {path} lets in is not known: {error}"), "run doctor as root")
    };
    let mut found: Vec<Problem> = unread.map(problem).collect();
    found.extend(nobody(facts).filter(|_| found.is_empty()));
    found
}

/// That there is no key by which anybody gets in, where keys' files alone say so.
fn nobody(facts: &Facts) -> Option<Problem> {
    let sshd = facts.sshd.as_ref().ok()?;
    if sshd.value("authorizedkeyscommand").is_some() || !facts.keys().is_empty() {
        return None;
    }
    let missing = facts.key_files.iter().filter(|file| matches!(file.text, Ok(None)));
    let missing: Vec<String> = missing.map(|file| format!("{} is not there", file.way.path.display())).collect();
    let missing = if missing.is_empty() { String::new() } else { format!(" ({})", missing.join(", ")) };
    let what = format!(
        "no key lets anybody in as {}: there is none that can be read in {}{missing}",
        facts.account.name,
        file_names(facts)
    );
    let place = one_place(facts);
    let known = facts.key_files.iter().any(|file| file.way.path == place.file);
    let used = if known { String::new() } else { format!("{}; ", place.used(facts)) };
    let fix = format!("{}{used}{}; chmod 644 {}", place.directory(facts), authorize(&place.file), word(&place.file));
    // A certificate may be meant to.
    let others = sshd.is_on("trustedusercakeys") && facts.gated_always();
    Some(if others { Problem::warning(what, fix) } else { Problem::fault(what, fix) })
}

/// sshd becomes the account to read its keys, and under `StrictModes` takes no file that others can write.
pub(super) fn usable(facts: &Facts) -> Vec<Problem> {
    let strict = facts.sshd.as_ref().is_ok_and(|sshd| sshd.is_on("strictmodes"));
    let name = &facts.account.name;
    let mut found = Vec::new();
    for file in facts.key_files.iter().filter(|file| file.way.end().is_some()) {
        let way = &file.way;
        let path = way.path.display();
        if !way.usable(&facts.account, READ) {
            let at = way.barred(&facts.account).map_or(way.target(), |step| &step.path);
            let right = if at == way.target() { "r" } else { "x" };
            found.push(Problem::fault(
                format!("sshd reads {path} as {name}, who cannot, because of {}: its keys let nobody in", at.display()),
                format!("chmod o+{right} {}", word(at)),
            ));
        }
        let foreign = |step: &&Step| step.uid != 0 && step.uid != facts.account.uid;
        let open = |step: &&Step| step.kind != Kind::Link && step.mode & (WRITE << 3 | WRITE) != 0;
        // From the file up to the home or the root.
        let inside = way
            .steps
            .iter()
            .filter(|step| !way.path.starts_with(&facts.account.home) || step.path.starts_with(&facts.account.home));
        if let Some(step) = inside.clone().find(|step| strict && (foreign(step) || open(step))) {
            let at = word(&step.path);
            let owner = if foreign(&step) { format!("chown root {at}; ") } else { String::new() };
            let fix = match step.is_shared() {
                true => elsewhere(facts, file, facts.gated_always() || way.changeable(&facts.account).is_none()),
                false => format!("{owner}chmod go-w {at}"),
            };
            found.push(Problem::fault(
                format!(
                    "others than root and {name} can write {}, and sshd takes no keys from {path} then (StrictModes)",
                    step.path.display()
                ),
                fix,
            ));
        }
    }
    found
}

/// `expiry-time` (sshd(8)): `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, with a `Z` for UTC.
pub(super) fn expired(facts: &Facts) -> Vec<Problem> {
    let mut found = Vec::new();
    for key in facts.keys() {
        for option in key.line.options.iter().filter(|option| option.name == "expiry-time") {
            let time = option.value.as_deref().unwrap_or_default();
            let (digits, now) = match time.strip_suffix(['Z', 'z']) {
                Some(digits) => (digits, &facts.now.utc),
                None => (time, &facts.now.local),
            };
            if !now.is_empty() && format!("{digits:0<14}") <= *now {
                // A year from now.
                let year: u32 = now.get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
                let next = format!("{}{}", year + 1, now.get(4..8).unwrap_or("0101"));
                found.push(Problem::fault(
                    format!("{} has expired: expiry-time=\"{time}\"", key),
                    format!(
                        "sed -i '{}s/expiry-time=\"{time}\"/expiry-time=\"{next}\"/' {}",
                        key.address(),
                        word(&key.place.file)
                    ),
                ));
            }
        }
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
                to_root(facts, file),
            ));
        }
    }
    found
}

/// The fix that gives a key file to root; one in the home is added to the one place where keys are.
fn to_root(facts: &Facts, file: &KeyFile) -> String {
    let step = file.way.changeable(&facts.account);
    if may_stay(facts, file) {
        let at = step.map_or_else(|| word(&file.way.path), |step| word(&step.path));
        return format!("chown root:root {at}; chmod go-w {at}");
    }
    elsewhere(facts, file, true)
}

/// Whether keys are well placed there: neither in the home, nor below a directory that is everybody's.
fn may_stay(facts: &Facts, file: &KeyFile) -> bool {
    !file.way.path.starts_with(&facts.account.home) && !file.way.steps.iter().any(Step::is_shared)
}

/// The fix after which sshd looks in the one place; with the keys, unless another fix brings them there.
fn elsewhere(facts: &Facts, file: &KeyFile, with_keys: bool) -> String {
    let place = one_place(facts);
    let moved = if with_keys { moved(file, &place) } else { String::new() };
    format!("{moved}{}", place.used(facts))
}

/// Where all keys are to be: every fix leads there.
struct OnePlace {
    file: PathBuf,
    /// As sshd's configuration names it.
    named: String,
}

/// The first key file outside the home, whoever's it is by now; else the one that docs/install.md makes.
fn one_place(facts: &Facts) -> OnePlace {
    let outside = facts.key_files.iter().find(|file| may_stay(facts, file));
    match outside {
        Some(file) => OnePlace { file: file.way.path.clone(), named: file.way.path.display().to_string() },
        None => {
            let directory = Path::new("/etc/ssh/authorized_keys.d");
            let (file, named) = (directory.join(&facts.account.name), directory.join("%u"));
            OnePlace { file, named: named.display().to_string() }
        }
    }
}

impl OnePlace {
    /// The command that makes its directory, where that is not known to be there.
    fn directory(&self, facts: &Facts) -> String {
        let Some(directory) = self.file.parent() else { return String::new() };
        let mut steps = facts.key_files.iter().flat_map(|file| &file.way.steps);
        if steps.any(|step| step.path == directory) {
            return String::new();
        }
        format!("install -d -m 755 -o root -g root {}; ", word(directory))
    }

    fn used(&self, facts: &Facts) -> String {
        facts.written.for_account(&facts.account.name, &format!("AuthorizedKeysFile {}", self.named))
    }
}

/// Adds the keys of a file to those in the one place; nothing, where there are none.
fn moved(file: &KeyFile, place: &OnePlace) -> String {
    if !matches!(&file.text, Ok(Some(_))) || file.way.path == place.file {
        return String::new();
    }
    let (from, to) = (word(&file.way.path), word(&place.file));
    let directory = place.file.parent().map(word).unwrap_or_default();
    format!("install -d -m 755 -o root -g root {directory}; cat {from} >>{to}; chown root:root {to}; chmod 644 {to}; ")
}

pub(super) fn one_file(facts: &Facts) -> Vec<Problem> {
    let [_, _, ..] = facts.key_files.as_slice() else { return Vec::new() };
    let place = one_place(facts);
    // What the account can change is moved by the fix for that.
    let own = |file: &&KeyFile| facts.gated_always() || file.way.changeable(&facts.account).is_none();
    let moves: String = facts.key_files.iter().filter(own).map(|file| moved(file, &place)).collect();
    vec![Problem::warning(
        format!("sshd looks for keys in {}: one of them is easily forgotten", file_names(facts)),
        format!("{moves}{}", place.used(facts)),
    )]
}

pub(super) fn lines(facts: &Facts) -> Vec<Problem> {
    let problem = |(place, text, line): (Place, &str, Result<KeyLine, String>)| match line {
        // Whom sshd lets in by it, and how far, is not known here.
        Err(wrong) if holds_key(text) => Some(Problem::fault(
            format!("{place}: {wrong}: there is a key in this line, which sshd may well take, or refuse"),
            silenced(&place),
        )),
        Err(wrong) => Some(Problem::warning(format!("{place}: {wrong}"), silenced(&place))),
        Ok(line) => {
            let weakness = line.key.weakness()?;
            let key = Key { place, line };
            Some(Problem::warning(format!("{key}: {weakness}"), anew(&key)))
        }
    };
    facts.lines().into_iter().filter_map(problem).collect()
}

pub(super) fn commands(facts: &Facts) -> Vec<Problem> {
    if facts.gated_always() {
        return Vec::new();
    }
    let problem = |key: &Key| {
        let (what, fix) = match key.line.command() {
            None => ("has no forced command: it gets a shell".to_owned(), in_front(key, &forced_command(facts, key))),
            Some(command) => match facts.forced(command) {
                Forced::Gate { .. } => return None,
                Forced::Other => not_the_gate(facts, key, command),
            },
        };
        Some(Problem::fault(format!("{} {what}", key), fix))
    };
    facts.keys().iter().filter_map(problem).collect()
}

/// What is wrong with a forced command, and how it is mended: a dockgate that is elsewhere by now is the same gate, and
/// its options stay.
fn not_the_gate(facts: &Facts, key: &Key, command: &str) -> (String, String) {
    let missing = program_of(command)
        .filter(|program| facts.programs.get(program).is_some_and(|way| way.end().is_none()))
        .map(PathBuf::from);
    let Some(program) = missing else {
        return (format!("runs \"{command}\", which is not this dockgate with options alone"), anew(key));
    };
    let gate = facts.gate.target();
    let fix = match program.file_name() == gate.file_name() {
        true => {
            format!("sed -i '{}s|{}|{}|' {}", key.address(), program.display(), gate.display(), word(&key.place.file))
        }
        false => format!("{}   # or install {}", anew(key), program.display()),
    };
    (format!("runs {}, which is not there: nobody is served by it", program.display()), fix)
}

/// The options that `dockgate authorize` would write.
fn forced_command(facts: &Facts, key: &Key) -> String {
    let comment = &key.line.key.comment;
    let label = label(comment).unwrap_or_else(|_| format!("key-{}", key.place.line));
    let config = match facts.policy_file.path.as_path() {
        usual if usual == Path::new(DEFAULT_PATH) => String::new(),
        other => format!(" --config {}", other.display()),
    };
    let restrict = if key.line.options.iter().any(|option| option.name == "restrict") { "" } else { "restrict,pty," };
    format!("{restrict}command=\"{}{config} --key {label}\"", facts.gate.target().display())
}

pub(super) fn restricted(facts: &Facts) -> Vec<Problem> {
    // What a line without the gate needs is said there, restrict included.
    let gated = |key: &&Key| {
        facts.gated_always() || key.line.command().is_some_and(|command| facts.forced(command) != Forced::Other)
    };
    facts.keys().iter().filter(gated).filter_map(|key| unrestricted(facts, key)).collect()
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
    let place = key;
    if !open.is_empty() {
        let lacks = if restrict { "opens again behind restrict" } else { "has no restrict and leaves open" };
        let what = format!("{place} {lacks}: {}; a forwarded socket reaches docker past the gate", open.join(", "));
        let fix = if restrict { anew(key) } else { in_front(key, "restrict,pty") };
        Some(Problem::fault(what, fix))
    } else if !restrict {
        let what = format!("{place} has no restrict; what it would close is closed today, but later versions add more");
        Some(Problem::warning(what, in_front(key, "restrict,pty")))
    } else {
        None
    }
}

pub(super) fn keys_command(facts: &Facts) -> Vec<Problem> {
    let command = facts.sshd.as_ref().ok().and_then(|sshd| sshd.value("authorizedkeyscommand"));
    let problem = |command: &str| {
        Problem::warning(
            format!("AuthorizedKeysCommand {command} can bring keys that nobody has looked at here"),
            format!(
                "{}   # or see that each of its lines has restrict,command=",
                facts.written.for_account(&facts.account.name, "AuthorizedKeysCommand none")
            ),
        )
    };
    command.map(problem).into_iter().collect()
}

/// Ways in that no key's line restricts: the keyword, why, and the value that shuts it.
const LOGINS: &[(&str, &str, &str)] = &[
    ("TrustedUserCAKeys", "a certificate of that authority gets in by what it says itself", "none"),
    ("HostbasedAuthentication", "another host's word is enough", "no"),
    ("GSSAPIAuthentication", "a Kerberos ticket is enough", "no"),
    ("KerberosAuthentication", "a Kerberos password is enough", "no"),
];

/// A login past every key's line gets a shell, where the shell is not the gate.
pub(super) fn other_logins(facts: &Facts) -> Vec<Problem> {
    let Ok(sshd) = &facts.sshd else { return Vec::new() };
    // A certificate is a key to sshd; the others are methods of their own.
    let keys_alone = sshd.takes_keys_alone();
    let on = LOGINS.iter().filter(|(keyword, _, _)| {
        sshd.is_on(&keyword.to_ascii_lowercase()) && (*keyword == "TrustedUserCAKeys" || !keys_alone)
    });
    let problem = |(keyword, why, off): &(&str, &str, &str)| {
        let value = sshd.value(&keyword.to_ascii_lowercase()).unwrap_or_default();
        let what = format!("{keyword} {value}: {why}, without restrict and a forced command");
        let fix = facts.written.for_account(&facts.account.name, &format!("{keyword} {off}"));
        if facts.gated_always() { Problem::warning(what, fix) } else { Problem::fault(what, fix) }
    };
    on.map(problem).collect()
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
    fn a_key_file_that_sshd_cannot_use_is_found() {
        let file = |steps: &[(&str, u32, u32, u32)]| {
            let text = Ok(Some(key(FORCED)));
            with_sshd(Facts { key_files: vec![KeyFile { way: way(steps), text }], ..facts() }, "strictmodes yes\n")
        };
        for (steps, expected) in [
            (&[("/", 0, 0, 0o755), ("/etc/keys", 0, 0, 0o600)][..], &["fault key-file-use"][..]),
            (&[("/", 0, 0, 0o755), ("/etc/", 0, 0, 0o700), ("/etc/keys", 0, 0, 0o644)], &["fault key-file-use"]),
            (&[("/", 0, 0, 0o755), ("/etc/", 0, 0, 0o775), ("/etc/keys", 0, 0, 0o644)], &["fault key-file-use"]),
            (&[("/", 0, 0, 0o755), ("/etc/", 7, 0, 0o755), ("/etc/keys", 0, 0, 0o644)], &["fault key-file-use"]),
            (&[("/", 0, 0, 0o755), ("/etc/", 0, 0, 0o755), ("/etc/keys", 0, 0, 0o644)], &[]),
        ] {
            assert_eq!(found(&file(steps)), expected, "{steps:?}");
        }
    }

    #[test]
    fn a_key_may_be_out_of_date() {
        // It is 13:00 here, and 12:00 in UTC.
        for (time, expired) in [
            ("20261127", true),
            ("20261128", false),
            ("202611271259", true),
            ("202611271301", false),
            ("20261127120001Z", false),
            ("202611271159Z", true),
        ] {
            let line = key(&format!("expiry-time=\"{time}\",{FORCED}"));
            let expected: &[&str] = if expired { &["fault key-expiry"] } else { &[] };
            assert_eq!(found(&with_keys(facts(), &line)), expected, "{time}");
        }
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
        assert_eq!(found(&with_keys(facts(), &weak)), ["warning key-line", "fault key-command", "fault internal-sftp"]);
        assert_eq!(found(&with_keys(facts(), &(key(FORCED) + "restrict nonsense\n# comment\n"))), ["warning key-line"]);
        // An option that is not known, a type that is not, a word too many: the key is there.
        for line in [key("restrict,frobnicate"), key("").replace("ssh-ed25519 ", "rsa-sha2-256 "), key("restrict, x")] {
            let text = key(FORCED) + &line;
            assert_eq!(found(&with_keys(facts(), &text)), ["fault key-line"], "{line}");
            let problems = lines(&with_keys(facts(), &text));
            assert!(problems[0].fix.starts_with("sed -i '2s/^/# /' /etc/keys "), "{problems:?}");
        }
        assert_eq!(
            found(&with_keys(facts(), &key("restrict,"))),
            ["fault key-command", "fault internal-sftp"],
            "a comma that was left over"
        );
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
        assert_eq!(found(&of(vec![file(&roots("/k"), Ok(None))])), ["fault key-file-read"]);
        assert_eq!(found(&of(vec![file(&roots("/k"), Ok(Some("# none\n".to_owned())))])), ["fault key-file-read"]);
        assert_eq!(found(&of(Vec::new())), ["fault key-file-read"]);
        // Certificates are no keys of these files, and brought by a program they may be.
        let others = "trustedusercakeys /x\ndisableforwarding yes\nsubsystem sftp /x\n";
        let certificates = with_sshd(under_login_shell(of(Vec::new())), others);
        assert_eq!(found(&certificates), ["warning key-file-read", "warning other-logins"]);
        let brought = with_sshd(of(Vec::new()), "authorizedkeyscommand /x\nsubsystem sftp /x\n");
        assert_eq!(found(&brought), ["warning keys-command"]);
        let shell = under_login_shell(of(vec![file(&own, keys())]));
        assert_eq!(found(&shell), ["fault forwarding"]);
        assert_eq!(found(&with_sshd(shell, "disableforwarding yes\nsubsystem sftp /x\n")), [""; 0]);
    }

    #[test]
    fn every_fix_leads_to_one_place() {
        let own = |name: &str| {
            let home = [("/", 0, 0, 0o755), ("/home/ai/", 1000, 1000, 0o755)];
            way(&[&home[..], &[(name, 1000, 1000, 0o644)]].concat())
        };
        let file = |way: Way, text: Option<String>| KeyFile { way, text: Ok(text) };
        let keys = || Some(key(FORCED));
        let fixes = |files: Vec<KeyFile>| {
            let facts = Facts { key_files: files, ..facts() };
            let all = files_are_roots(&facts).into_iter().chain(one_file(&facts));
            all.map(|problem| problem.fix).collect::<Vec<_>>()
        };
        // Both files of the home go to the same one, and neither takes the other's place.
        let both = fixes(vec![file(own("/home/ai/keys"), keys()), file(own("/home/ai/keys2"), keys())]);
        let [first, second, one] = both.as_slice() else { panic!("{both:?}") };
        assert!(first.contains("cat /home/ai/keys >>/etc/ssh/authorized_keys.d/ai; "), "{first}");
        assert!(second.contains("cat /home/ai/keys2 >>/etc/ssh/authorized_keys.d/ai; "), "{second}");
        assert!(!one.contains("cat "), "{one}");
        // Where root has one already, that is the place.
        let beside = fixes(vec![file(own("/home/ai/keys"), keys()), file(roots("/k"), keys())]);
        let [first, one] = beside.as_slice() else { panic!("{beside:?}") };
        assert!(first.contains("cat /home/ai/keys >>/k; "), "{first}");
        for fix in both.iter().chain(&beside) {
            let places: Vec<&str> = fix.matches("AuthorizedKeysFile").collect();
            assert_eq!(places.len(), 1, "{fix}");
        }
        assert!(first.contains("AuthorizedKeysFile /k") && one.contains("AuthorizedKeysFile /k"), "{first} {one}");
    }

    #[test]
    fn other_ways_in_are_named() {
        for (lines, expected) in [
            ("authorizedkeyscommand /usr/bin/keys\nsubsystem sftp /x\n", "warning keys-command"),
            ("trustedusercakeys /etc/ca.pub\n", "fault other-logins"),
            ("hostbasedauthentication yes\n", "fault other-logins"),
        ] {
            assert_eq!(found(&with_sshd(facts(), lines)), [expected], "{lines}");
        }
    }
}
