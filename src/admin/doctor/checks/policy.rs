//! The policy file of each key: that it holds, and that it lets the key do anything. Pure.

use crate::admin::doctor::account::Account;
use crate::admin::doctor::check::{Problem, word};
use crate::admin::doctor::facts::{Facts, Forced, Key};
use crate::admin::doctor::way::{Kind, READ, Step, Way};
use crate::docker::nearest::nearest;
use crate::policy::set::{Key as Listed, PolicySet};
use crate::request::{Client, Request};
use std::path::Path;

pub(super) fn file(facts: &Facts) -> Vec<Problem> {
    unsound(facts, &facts.policy_file, &facts.policy).into_iter().collect()
}

/// A candidate decides nothing: where it is broken, records say so in the place of what it would do.
pub(super) fn candidate(facts: &Facts) -> Vec<Problem> {
    let Some((way, policy)) = &facts.candidate else { return Vec::new() };
    let said = |(why, fix)| Problem::warning(format!("no request is judged by the candidate: {why}"), fix);
    broken(&facts.account, way, policy).map(said).into_iter().collect()
}

/// A policy file by which nothing runs.
fn unsound(facts: &Facts, way: &Way, policy: &Result<PolicySet, String>) -> Option<Problem> {
    let (why, fix) = broken(&facts.account, way, policy)?;
    Some(Problem::fault(format!("every request fails (exit code 78): {why}"), fix))
}

/// What is wrong with a policy file, if anything, and how that is mended.
pub(in crate::admin::doctor) fn broken(
    account: &Account,
    way: &Way,
    policy: &Result<PolicySet, String>,
) -> Option<(String, String)> {
    let path = way.path.display();
    if let Err(error) = policy {
        // Whose file it is is judged before what is in it, and so are the directories on the way.
        let ours = |step: &Step| {
            let sticky = step.kind == Kind::Directory && step.mode & 0o1000 != 0;
            step.uid == 0 && (step.mode & 0o022 == 0 || sticky || step.kind == Kind::Link)
        };
        let fix = match way.steps.iter().find(|step| !ours(step)) {
            Some(step) => format!("chown -h root:root {0}; chmod go-w {0}", word(&step.path)),
            None => format!("mend it until dockgate policy validate {path} says valid"),
        };
        return Some((error.clone(), fix));
    }
    // Without one the built-in policy holds.
    if way.end().is_none() || way.usable(account, READ) {
        return None;
    }
    let at = way.barred(account).map_or(way.target(), |step| &step.path);
    Some((
        format!("{} cannot read {path}, because of {}", account.name, at.display()),
        format!("chmod o+rX {}", word(at)),
    ))
}

pub(super) fn of_keys(facts: &Facts) -> Vec<Problem> {
    let mut found = Vec::new();
    for key in facts.keys() {
        let Some(Forced::Gate { config, profile, key: label }) =
            key.line.command().map(|command| facts.forced(command))
        else {
            continue;
        };
        if facts.is_the_policy(config.as_deref()) {
            if let Ok(set) = &facts.policy {
                found.extend(shut_out(facts, &key, set, &facts.policy_file.path, profile.as_deref(), label.as_deref()));
            }
            continue;
        }
        let Some((way, policy)) = config.as_ref().and_then(|config| facts.other_policies.get(Path::new(config))) else {
            let what = format!("{} goes by the usual policy file, not by {}", key, facts.policy_file.path.display());
            found.push(Problem::warning(what, "dockgate doctor without --config, to have that one checked"));
            continue;
        };
        if let Some(Problem { level, what, fix }) = unsound(facts, way, policy) {
            found.push(Problem { level, what: format!("{key}: {what}"), fix });
        } else if let Ok(set) = policy {
            found.push(Problem::warning(
                format!("{key} goes by another policy file than {}", facts.policy_file.path.display()),
                format!("dockgate doctor --user {} --config {}", facts.account.name, word(&way.path)),
            ));
            found.extend(shut_out(facts, &key, set, &way.path, profile.as_deref(), label.as_deref()));
        }
    }
    found
}

/// Why the policy refuses every request of a key.
fn shut_out(
    facts: &Facts,
    key: &Key,
    set: &PolicySet,
    file: &Path,
    profile: Option<&str>,
    label: Option<&str>,
) -> Option<Problem> {
    let listed = label.and_then(|label| set.keys.get(label));
    let fingerprint = key.line.key.fingerprint();
    let near = listed.and_then(|listed| listed.from.as_ref()?.first()).map(|range| range.network());
    let client = near.and_then(|address| Client::parse(&format!("{address} 1 {address} 22")));
    let request =
        Request { key: label.map(str::to_owned), fingerprint: Some(fingerprint.clone()), client, ..Request::default() };
    let selected = set.select(&request, profile);
    let denial = selected.denial?;
    let file = word(file);
    let label = label.unwrap_or_default();
    let (meant, fix) = if set.with_profile(&selected.profile).is_none() {
        let names = profiles(set);
        match nearest(&selected.profile, set.profiles.keys().map(String::as_str)) {
            Some(meant) => (Some(meant), renamed(key, "--profile", &selected.profile, meant)),
            None => {
                let fix = renamed(key, "--profile", &selected.profile, "PROFILE");
                (None, format!("{fix}   # PROFILE: {names}, or one that you define in {file}"))
            }
        }
    } else if let Some(other) = listed.and_then(|listed| listed.fingerprint.as_ref()) {
        (None, format!("sed -i 's|{other}|{fingerprint}|' {file}   # if this is the key that you mean"))
    } else if let Some(meant) = nearest(label, spare_labels(facts, set, &fingerprint)) {
        let fix = renamed(key, "--key", label, meant);
        (Some(meant), format!("{fix}   # or name it [keys.{label}] in {file}, if {meant} is the mistake"))
    } else {
        (None, listing(set, label, &format!("fingerprint = \"{fingerprint}\"\\n"), profile, &file))
    };
    let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean {meant}?)"));
    Some(Problem::fault(format!("{key}: every request of it is refused: {}{meant}", denial.message), fix))
}

/// The profiles that a policy has, for somebody to choose from.
pub(in crate::admin::doctor) fn profiles(set: &PolicySet) -> String {
    set.profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The fix that puts another name in the place of an option's: what the option keeps a key from stays.
fn renamed(key: &Key, option: &str, from: &str, to: &str) -> String {
    format!("sed -i '{}s|{option}[ =]{from}\\([ \"]\\)|{option} {to}\\1|' {}", key.address(), word(&key.place.file))
}

/// The labels of the policy that could be this key's: those of no other line, and of no other fingerprint. Whoever
/// has one of those is somebody else, with rights of his own.
fn spare_labels<'a>(facts: &Facts, set: &'a PolicySet, fingerprint: &str) -> impl Iterator<Item = &'a str> {
    let label = |key: &Key| match facts.forced(key.line.command()?) {
        Forced::Gate { key, .. } => key,
        Forced::Other => None,
    };
    let taken: Vec<String> = facts.keys().iter().filter_map(label).collect();
    let of = move |listed: &Listed| listed.fingerprint.as_deref().is_none_or(|other| other == fingerprint);
    let spare: Vec<&str> = set
        .keys
        .iter()
        .filter(|(label, listed)| of(listed) && !taken.contains(label))
        .map(|(label, _)| label.as_str())
        .collect();
    spare.into_iter()
}

/// The fix that adds a key to a policy. Without a profile it would have the default one: it gets the one that it is
/// started with, else the narrowest.
pub(in crate::admin::doctor) fn listing(
    set: &PolicySet,
    label: &str,
    further: &str,
    profile: Option<&str>,
    file: &str,
) -> String {
    let (profile, others) = match profile {
        Some(profile) => (profile, String::new()),
        None => (NARROWEST, format!("   # or another of its profiles: {}", profiles(set))),
    };
    format!("printf '\\n[keys.\"{label}\"]\\n{further}profile = \"{profile}\"\\n' >> {file}{others}")
}

/// The profile that is built in and permits the least.
const NARROWEST: &str = "read-only";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{facts, found, key, roots, with_keys};
    use crate::admin::doctor::way::tests::way;

    #[test]
    fn the_policy_file_is_sound_and_can_be_read() {
        let shut = || way(&[("/", 0, 0, 0o755), ("/opt/", 0, 0, 0o700), ("/opt/x", 0, 0, 0o755)]);
        for (facts, expected) in [
            (Facts { policy: Err("broken".into()), ..facts() }, "fault policy-file"),
            (Facts { policy_file: Way { path: facts().policy_file.path, ..shut() }, ..facts() }, "fault policy-file"),
        ] {
            assert_eq!(found(&facts), [expected]);
        }
    }

    #[test]
    fn a_candidate_is_as_sound_as_a_policy() {
        let way = |mode| way(&[("/", 0, 0, 0o755), ("/etc/dockgate/policy.candidate.toml", 0, 0, mode)]);
        for (candidate, expected) in [
            ((way(0o644), Ok(PolicySet::default())), &[][..]),
            ((way(0o600), Ok(PolicySet::default())), &["warning policy-candidate"]),
            ((way(0o644), Err("broken".to_owned())), &["warning policy-candidate"]),
        ] {
            assert_eq!(found(&Facts { candidate: Some(candidate), ..facts() }), expected);
        }
    }

    #[test]
    fn a_key_that_the_policy_refuses_is_found() {
        let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let own = facts().keys().first().expect("a key").line.key.fingerprint();
        for (policy, options, expected) in [
            (String::new(), "", &[][..]),
            (format!("[keys.me]\nfingerprint = '{own}'\n"), "", &[]),
            (format!("[keys.me]\nfingerprint = '{other}'\n"), "", &["fault key-policy"]),
            ("[keys.me]\nfrom = ['192.0.2.0/24']\n".to_owned(), "", &[]),
            ("[profiles.p]\n".to_owned(), " --profile p", &[]),
            (String::new(), " --profile p", &["fault key-policy"]),
        ] {
            let set = PolicySet::from_toml(&policy).expect(&policy);
            let line = key(&format!("restrict,command=\"/usr/bin/dockgate --key me{options}\""));
            let facts = with_keys(Facts { policy: Ok(set), ..facts() }, &line);
            assert_eq!(found(&facts), expected, "{policy}{options}");
        }
    }

    #[test]
    fn no_fix_gives_a_key_more_than_was_meant() {
        let own = facts().keys().first().expect("a key").line.key.fingerprint();
        let other = key("restrict,command=\"/usr/bin/dockgate --key mee\"");
        for (policy, options, others, says, fix) in [
            (
                "[keys.mee]\nprofile = 'read-only'\n",
                "--key me",
                "",
                Some("mee"),
                "s|--key[ =]me\\([ \"]\\)|--key mee\\1|",
            ),
            // That label is somebody else's.
            (
                "[keys.mee]\nprofile = 'operator'\n",
                "--key me",
                &*other,
                None,
                "[keys.\"me\"]\\nfingerprint = \"OWN\"\\nprofile = \"read-only\"",
            ),
            (
                "[keys.mee]\nfingerprint = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'\n",
                "--key me",
                "",
                None,
                "profile = \"read-only\"",
            ),
            ("[keys.elephant]\n", "--key me --profile operator", "", None, "profile = \"operator\""),
            (
                "",
                "--key me --profile opertor",
                "",
                Some("operator"),
                "s|--profile[ =]opertor\\([ \"]\\)|--profile operator\\1|",
            ),
            ("", "--key me --profile=elephant", "", None, "|--profile PROFILE\\1|"),
        ] {
            let line = key(&format!("restrict,command=\"/usr/bin/dockgate {options}\"")) + others;
            let facts = with_keys(Facts { policy: Ok(PolicySet::from_toml(policy).expect(policy)), ..facts() }, &line);
            let problems = of_keys(&facts);
            let problem = problems.first().expect(policy);
            assert!(problem.fix.contains(&fix.replace("OWN", &own)), "{policy}{options}: {problem:?}");
            let meant = says.map(|says| format!("did you mean {says}?"));
            assert_eq!(problem.what.contains("did you mean"), meant.is_some(), "{problem:?}");
            assert!(meant.is_none_or(|meant| problem.what.contains(&meant)), "{problem:?}");
        }
    }

    #[test]
    fn the_policy_file_that_a_line_names_is_looked_at() {
        let line = key("restrict,command=\"/usr/bin/dockgate --config /etc/other.toml --key me\"");
        let shut = || way(&[("/", 0, 0, 0o755), ("/etc/other.toml", 0, 0, 0o600)]);
        for (way, policy, expected) in [
            (roots("/etc/other.toml"), Ok(PolicySet::default()), "warning key-policy"),
            (roots("/etc/other.toml"), Err("broken".to_owned()), "fault key-policy"),
            (shut(), Ok(PolicySet::default()), "fault key-policy"),
        ] {
            let mut facts = with_keys(facts(), &line);
            facts.other_policies.insert("/etc/other.toml".into(), (way, policy));
            assert_eq!(found(&facts), [expected]);
        }
    }
}
