//! Answers: what the client is told, on its two streams. Acts: writes to them.

use crate::audit::{Audit, escape};
use crate::decision::{Action, Decision, Understood};
use crate::denial::{Denial, Reason};
use crate::exit::Exit;
use crate::policy::advice;
use crate::policy::settings::Settings;
use std::io::Write;

mod explained;
pub mod guide;

/// The verdict in words, on standard output.
pub fn check_text(decision: &Decision) -> Exit {
    warn(&decision.understood.warnings);
    if let Some(explanation) = &decision.understood.explanation {
        print(&explained::text(explanation));
    }
    match &decision.verdict {
        Ok(permit) => {
            let command = match permit.subject() {
                Action::Docker(invocation) => format!("docker {}", shell_words::join(invocation.argv())),
                Action::Own(own) => own.name().to_owned(),
            };
            let observed = permit.observed().map_or_else(String::new, |denial| {
                format!("the policy only observes; otherwise it would be refused:\n{}", refusal(denial, None))
            });
            print(&format!("allow: {}\n{observed}", escape::for_terminal(command.trim_end())))
        }
        Err(denial) => {
            print(&format!("deny: {}", refusal(denial, None)));
            exit_of(denial)
        }
    }
}

/// The verdict as one line of JSON, on standard output.
pub fn check_json(decision: &Decision) -> Exit {
    let Decision { understood: Understood { command, warnings, .. }, verdict } = decision;
    warn(warnings);
    let (mut line, exit) = match verdict {
        Ok(permit) => {
            let argv = match permit.subject() {
                Action::Docker(invocation) => Some(invocation.argv()),
                Action::Own(_) => None,
            };
            let observed = permit.observed().map(all);
            let line = serde_json::json!({
                "verdict": "allow", "reason": "permitted", "command": command, "argv": argv, "observed": observed,
            });
            (line, Exit::Success)
        }
        Err(denial) => {
            let Denial { reason, message, risk, why, hint, further: _ } = denial;
            let line = serde_json::json!({
                "verdict": "deny", "reason": reason.code(), "command": command,
                "message": message, "risk": risk, "why": why, "hint": hint, "reasons": all(denial),
            });
            (line, exit_of(denial))
        }
    };
    if let (Some(explanation), Some(line)) = (&decision.understood.explanation, line.as_object_mut()) {
        line.insert("explanation".to_owned(), explained::json(explanation));
    }
    print(&format!("{line}\n"));
    exit
}

/// A refusal with all that goes with it.
fn all(denial: &Denial) -> Vec<serde_json::Value> {
    let all = std::iter::once(denial).chain(&denial.further);
    all.map(|Denial { reason, message, hint, .. }| {
        serde_json::json!({"reason": reason.code(), "message": message, "hint": hint})
    })
    .collect()
}

/// What the host cannot do is not the request's fault, and has the code of that.
fn exit_of(denial: &Denial) -> Exit {
    if denial.reason == Reason::Unavailable { Exit::Unavailable } else { Exit::Denied }
}

/// A refusal's lines: the first has a fixed form; what else is refused follows, each on a line of its own, and in the
/// end every hint once.
pub(crate) fn refusal(denial: &Denial, id: Option<&str>) -> String {
    let Denial { reason, message, risk, why, hint, further } = denial;
    let clean = escape::for_terminal;
    let mut lines = vec![clean(message)];
    lines.extend(further.iter().map(|other| format!("also: {}", clean(&other.message))));
    lines.push(format!(
        "reason: {}",
        clean(&match risk {
            Some(risk) => format!("{}: {risk}: {why}", reason.code()),
            None => format!("{}: {}", reason.code(), reason.meaning()),
        })
    ));
    let mut hints = vec![hint];
    for other in further {
        if !hints.contains(&&other.hint) {
            hints.push(&other.hint);
        }
    }
    lines.extend(hints.iter().take(MAX_HINTS).map(|hint| format!("hint: {}", clean(hint))));
    lines.extend(id.map(|id| format!("record: {id}")));
    lines.join("\n") + "\n"
}

/// More hints than this nobody reads.
const MAX_HINTS: usize = 8;

/// Records a refusal, and tells the client.
pub(crate) fn refuse(audit: &Audit, denial: &Denial, understood: &Understood) -> Exit {
    match audit.deny(denial, understood) {
        Ok(()) => {
            say(&format!("ERROR: {}", refusal(denial, Some(audit.id()))));
            exit_of(denial)
        }
        Err(error) => unrecorded(&error),
    }
}

pub(crate) fn unrecorded(error: &anyhow::Error) -> Exit {
    say(&format!(
        "ERROR: audit: the record of this request could not be written, so nothing was run\nreason: {}\nhint: try again later; the administrator has to look at the system log\n",
        escape::for_terminal(&format!("{error:#}"))
    ));
    Exit::Unavailable
}

pub(crate) fn failed(audit: &Audit, understood: &Understood, error: &anyhow::Error) -> Exit {
    // The client is told in any case; a record that cannot be written now changes nothing for it.
    let recorded = audit.error("docker-not-started", understood).is_ok();
    let record = if recorded { format!("record: {}\n", audit.id()) } else { String::new() };
    say(&format!(
        "ERROR: docker: it could not be started\nreason: {}\nhint: the administrator has to look at docker's installation; sending this again cannot help\n{record}",
        escape::for_terminal(&format!("{error:#}"))
    ));
    Exit::Unavailable
}

/// The client has gone before its request was judged: there is nobody to be told.
pub(crate) fn unwanted(audit: &Audit, understood: &Understood) -> Exit {
    let _ = audit.error("client-gone", understood);
    Exit::Unavailable
}

/// docker was ended because its time was up.
pub(crate) fn timed_out(audit: &Audit, settings: &Settings, why: &str) -> Exit {
    let hint =
        "send a command that ends by itself, such as docker logs --tail 100 NAME; what runs in a container goes on";
    say(&format!(
        "ERROR: docker: ended, because {why}\nreason: {}: {}\nhint: {}\nrecord: {}\n",
        Reason::Limit.code(),
        Reason::Limit.meaning(),
        advice::fitting(settings, hint),
        audit.id()
    ));
    Exit::Denied
}

/// docker has ended, and nobody will find in the log how.
pub(crate) fn unended(audit: &Audit, error: &anyhow::Error) {
    let error = escape::for_terminal(&format!("{error:#}"));
    say(&format!("dockgate: how this ended could not be recorded: {error}\nrecord: {}\n", audit.id()));
}

/// What Compose warned of, to the client's standard error, as Compose would have written it.
pub fn warn(warnings: &[String]) {
    warnings.iter().for_each(|line| say(&format!("{}\n", escape::for_terminal(line))));
}

/// To the client's standard error. A client that has gone needs no answer.
pub fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// To the client's standard output.
pub fn print(text: &str) -> Exit {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Exit::Success
}
