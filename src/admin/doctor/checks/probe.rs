//! What came of starting the gate. Pure.

use crate::admin::doctor::check::Problem;
use crate::admin::doctor::facts::{Facts, Trial};
use crate::exit::Exit;

pub(super) fn trials(facts: &Facts) -> Vec<Problem> {
    let Some(trials) = &facts.probe else { return Vec::new() };
    if trials.is_empty() && (facts.sshd.is_err() || facts.key_files.iter().any(|file| file.text.is_err())) {
        let check = if facts.sshd.is_err() { "sshd-config" } else { "key-file-read" };
        return vec![Problem::fault(
            format!("nothing was probed: which keys there are is not known (see {check})"),
            format!("dockgate doctor --user {} --probe   # once {check} is mended", facts.account.name),
        )];
    }
    if trials.is_empty() {
        let what = "there is nothing to probe: no key has this dockgate as its forced command";
        return vec![Problem::fault(
            what,
            "dockgate authorize KEYFILE   # with the agent's public key, as docs/install.md has it",
        )];
    }
    trials.iter().flat_map(|trial| problems(trial, &facts.account.name)).collect()
}

fn problems(trial: &Trial, name: &str) -> Vec<Problem> {
    let Trial { key, request, code, said, recorded } = trial;
    let mut found = Vec::new();
    // A policy may well refuse the one request; that is an answer, too.
    let answered = matches!(code, Some(0)) || *code == Some(Exit::Denied as i32) && *request != "true";
    if !answered {
        let ended = code.map_or_else(|| "did not end by itself".to_owned(), |code| format!("ended with {code}"));
        found.push(Problem::fault(
            format!("{key}: {request:?}, started as sshd starts it, {ended}: {said}"),
            format!("dockgate doctor --user {name} --probe   # once what it says is mended"),
        ));
    }
    if let Err(searched) = recorded {
        found.push(Problem::fault(
            format!(
                "{key}: no record of {request:?}, although the gate was told that it was taken; looked for in {searched}"
            ),
            format!(
                "dockgate doctor --user {name} --probe --log FILE   # if that is where it goes; grep -rn authpriv /etc/rsyslog.conf \
                 /etc/rsyslog.d says what the log daemon does with that facility"
            ),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::checks::tests::{facts, found};

    #[test]
    fn what_could_not_be_looked_at_is_not_missing() {
        let unread = Facts { sshd: Err("x".to_owned()), key_files: Vec::new(), probe: Some(Vec::new()), ..facts() };
        assert_eq!(found(&unread), ["fault sshd-config", "fault probe"]);
        let problems = trials(&unread);
        assert!(problems[0].what.contains("not known (see sshd-config)"), "{problems:?}");
    }

    #[test]
    fn each_request_is_answered_and_recorded() {
        let trial = |request, code, recorded: bool| Trial {
            key: "k".to_owned(),
            request,
            code,
            said: String::new(),
            recorded: if recorded { Ok(()) } else { Err("/var/log/auth.log".to_owned()) },
        };
        for (trials, expected) in [
            (vec![trial("true", Some(0), true), trial("docker version", Some(0), true)], &[][..]),
            (vec![trial("docker version", Some(77), true)], &[]),
            (vec![trial("true", Some(77), true)], &["fault probe"]),
            (vec![trial("docker version", Some(69), false)], &["fault probe", "fault probe"]),
            (vec![trial("true", Some(0), false)], &["fault probe"]),
            (vec![trial("true", None, true)], &["fault probe"]),
            (Vec::new(), &["fault probe"]),
        ] {
            assert_eq!(found(&Facts { probe: Some(trials), ..facts() }), expected);
        }
    }
}
