//! Serve: what a request comes to. It is judged in bounded time, recorded, and then docker runs, or the client is told
//! why not. Acts.

use crate::answer::guide;
use crate::answer::{
    check_json, check_text, failed, print, refuse, say, timed_out, unended, unrecorded, unwanted, warn,
};
use crate::api::labels::Ownership;
use crate::audit::end::{Cause, End};
use crate::audit::{Audit, Audited, sinks::Sinks};
use crate::decision::{Action, Decision, Understood, docker_or_own};
use crate::denial::{Denial, Reason};
use crate::docker::Invocation;
use crate::exit::{Ending, Exit, Outcome};
use crate::gate::{self, Gate, PATIENCE};
use crate::guard::listener::Listener;
use crate::guard::{Calls, Guard, Via, dial_stdio};
use crate::policy::candidate::Opinion;
use crate::policy::settings::Origin;
use crate::policy::values::{Mode, Period};
use crate::policy::{self, Permit};
use crate::request::Request;
use crate::request::own::Own;
use crate::run::deadline::{self, Bounds, Missed};
use crate::run::exec::{self, Launch};
use crate::run::life::{FarEnd, Times};
use crate::run::session;
use crate::run::signals::{self, Signals};
use crate::world::dial;
use anyhow::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The processor time, in seconds, that judging may take, and each program that it starts.
const PROCESSOR_SECONDS: u64 = 60;

/// The memory, in bytes, that the gate may take while it judges, and each program that it starts. Compose starts up
/// with 190 MiB.
const MEMORY: u64 = 512 * 1024 * 1024;

/// A request that is being served, and its record.
#[derive(Debug)]
struct Service<'a> {
    gate: Arc<Gate>,
    request: &'a Request,
    audit: Arc<Audit>,
    begun: Instant,
}

/// What docker needs to start, to be waited for and to reach the daemon.
#[derive(Debug)]
struct Ready {
    launch: Launch,
    signals: Signals,
    listener: Listener,
    /// Of a Compose project.
    files: Option<String>,
}

/// Serves one request: judges, records, and then acts or refuses.
pub fn serve(gate: &Arc<Gate>, request: &Request, id: String) -> Ending {
    let begun = Instant::now();
    let audit = match Sinks::connect(&gate.policy.audit) {
        Ok(sinks) => Arc::new(Audit::new(sinks, request, &gate.profile, id).under(&gate.policy)),
        Err(error) => return unrecorded(&error).into(),
    };
    let service = Service { gate: Arc::clone(gate), request, audit, begun };
    match &request.command {
        Some(text) if !request.login => service.command(text),
        _ => service.interactive().into(),
    }
}

impl Service<'_> {
    fn command(&self, text: &[u8]) -> Ending {
        // Held until this process has ended.
        let (_place, observed) = match enter(&self.gate, self.request) {
            Ok(place) => (place, None),
            Err(denial) if self.gate.policy.settings.mode.value == Mode::Observe => (None, Some(denial)),
            Err(denial) => {
                let understood = Understood::named("-").with_candidate(self.gate.undecided());
                return refuse(&self.audit, &denial, &understood).into();
            }
        };
        // From here on the connection's end is the gate's, and what it has started ends with it.
        let bound = signals::end_with_parent(self.gate.parent);
        let limit = Bounds::set(PROCESSOR_SECONDS, MEMORY).map_err(Into::into);
        let Decision { understood, verdict } = match decide_in_time(&self.gate, self.request, text, false) {
            Ok(decision) => decision,
            Err(understood) => return unwanted(&self.audit, &understood).into(),
        };
        let judged = self.begun.elapsed();
        warn(&understood.warnings);
        let permit = match verdict {
            Err(denial) => return refuse(&self.audit, &denial, &understood).into(),
            Ok(permit) => permit.observing(observed),
        };
        let ready = bound.and(limit).and_then(|limit| self.prepare(&permit, limit));
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => return failed(&self.audit, &understood, &error).into(),
        };
        match self.audit.permit(permit, &understood).map(|audited| (audited.part(docker_or_own), ready)) {
            Err(error) => unrecorded(&error).into(),
            Ok((Ok(invocation), Some(ready))) => self.run(invocation, &ready, judged, &understood),
            Ok((Err(Own::DialStdio), _)) => self.dial_stdio(judged).into(),
            Ok((Err(own), _)) => self.answer(&own).into(),
            Ok((Ok(_), None)) => Exit::Unavailable.into(),
        }
    }

    /// What docker needs to start and to be waited for; nothing, where dockgate answers itself. From here on a
    /// signal waits for docker, so that what is recorded as allowed has its end recorded, too.
    fn prepare(&self, permit: &Permit<Action>, limit: Bounds) -> Result<Option<Ready>> {
        let invocation = match permit.subject() {
            // What is answered at once needs no more processor time; docker and the API may go on for long.
            Action::Own(own) if *own != Own::DialStdio => return Ok(None),
            Action::Own(_) => None,
            Action::Docker(invocation) => Some(invocation),
        };
        limit.lift()?;
        let Gate { policy, account, parent, .. } = &*self.gate;
        dial::find(&policy.host)?;
        let Some(invocation) = invocation else { return Ok(None) };
        let listener = Listener::bind(&exec::state_directory(&account.name)?, self.audit.id())?;
        let over_ssh = self.request.client.is_some();
        let launch = Launch::prepare(policy, &listener.host(), account, invocation, over_ssh)?;
        let files = invocation.model().map(|model| model.files.clone()).filter(|files| !files.is_empty());
        Ok(Some(Ready { launch, signals: Signals::block(*parent)?, listener, files }))
    }

    /// Runs docker, waits for its end and records it. Its calls are judged by the guard.
    fn run(&self, invocation: Audited<Invocation>, ready: &Ready, judged: Duration, understood: &Understood) -> Ending {
        let Ready { launch, signals, listener, files } = ready;
        let times = Times::of(&self.gate.policy.settings);
        let guard = self.guard(Via::Argv(understood.command.clone()), files.clone());
        let ended = listener.porter(Arc::clone(&guard)).and_then(|porter| {
            let docker = exec::start(invocation, launch)?;
            docker.wait(launch, signals, times, &porter)
        });
        let (outcome, cause, ran) = match ended {
            Ok(ended) => ended,
            Err(error) => return failed(&self.audit, understood, &error).into(),
        };
        self.ended(&End { outcome, cause, ran, judged, calls: guard.calls.counts() });
        self.over(cause, times).map_or(Ending::Docker(outcome), Into::into)
    }

    /// Tells the client that its time was up, if it was.
    fn over(&self, cause: Cause, times: Times) -> Option<Exit> {
        let shown = |most: Duration| Period::shown(most.as_secs());
        let why = match (cause, times.duration, times.idle) {
            (Cause::Duration, Some(most), _) => format!("it ran for {} (limits.duration)", shown(most)),
            (Cause::Idle, _, Some(most)) => format!("it wrote nothing for {} (limits.idle)", shown(most)),
            _ => return None,
        };
        Some(timed_out(&self.audit, &self.gate.policy.settings, &why))
    }

    /// Serves the API over standard input and output.
    fn dial_stdio(&self, judged: Duration) -> Exit {
        let (begun, times) = (Instant::now(), Times::of(&self.gate.policy.settings));
        let guard = self.guard(Via::DialStdio, None);
        let served = Signals::block(self.gate.parent).and_then(|signals| dial_stdio::serve(&guard, &signals, times));
        let cause = match served {
            Ok(cause) => cause,
            Err(error) => return failed(&self.audit, &Understood::named(Own::DialStdio.name()), &error),
        };
        let outcome = Outcome::Code(Exit::Success as i32);
        self.ended(&End { outcome, cause, ran: begun.elapsed(), judged, calls: guard.calls.counts() });
        self.over(cause, times).unwrap_or(Exit::Success)
    }

    fn guard(&self, via: Via, files: Option<String>) -> Arc<Guard> {
        let Gate { policy, candidate, account, .. } = &*self.gate;
        Arc::new(Guard {
            policy: Arc::clone(policy),
            candidate: candidate.clone(),
            home: account.home.clone(),
            via,
            audit: Arc::clone(&self.audit),
            owner: Ownership {
                key: Some(self.request.key.clone().unwrap_or_default()),
                account: account.name.clone(),
                id: self.audit.id().to_owned(),
            },
            files,
            calls: Calls::default(),
        })
    }

    /// Records an end.
    fn ended(&self, end: &End) {
        if let Err(error) = self.audit.end(end) {
            unended(&self.audit, &error);
        }
    }

    /// A login without a command: there is no shell, so say what there is.
    fn interactive(&self) -> Exit {
        let Self { gate, request, audit, .. } = self;
        // Nobody's policy gives a shell.
        let said =
            gate.undecided().map(|said| if said == Opinion::Unknown { Opinion::Deny(Reason::NoCommand) } else { said });
        let understood = Understood::named("login").with_candidate(said);
        if let Some(denial) = &gate.refusal {
            return refuse(audit, denial, &understood);
        }
        let denial = Denial::new(
            Reason::NoCommand,
            "login",
            "there is no shell here",
            "send a docker command: ssh HOST docker ps",
        );
        if let Err(error) = audit.deny(&denial, &understood) {
            return unrecorded(&error);
        }
        say(&guide::guide(&gate.policy, request));
        Exit::Usage
    }

    /// Answers what dockgate serves itself.
    fn answer(&self, own: &Own) -> Exit {
        match own {
            Own::Probe => Exit::Success,
            Own::Help => print(&guide::guide(&self.gate.policy, self.request)),
            Own::PolicyShow => print(&policy::show::text(&self.gate.policy)),
            Own::Version => print(concat!("dockgate ", env!("CARGO_PKG_VERSION"), "\n")),
            Own::Check { request, json, explain } => {
                match decide_in_time(&self.gate, self.request, request, *explain) {
                    Ok(decision) if *json => check_json(&decision),
                    Ok(decision) => check_text(&decision),
                    // Nobody reads the answer.
                    Err(_) => Exit::Unavailable,
                }
            }
            Own::DialStdio => Exit::Unavailable,
        }
    }
}

/// As [`Gate::decide`], in bounded time: a request that keeps the gate busy is a refusal like others. What the words
/// alone decide waits for nothing. Where the client has gone meanwhile, there is no decision.
fn decide_in_time(
    gate: &Arc<Gate>,
    request: &Request,
    text: &[u8],
    explain: bool,
) -> Result<Decision, Box<Understood>> {
    let begun = Instant::now();
    let by_words = || if explain { None } else { gate.decide_by_words(text) };
    let missed = match deadline::caught(by_words) {
        Ok(Some(decision)) => return Ok(decision),
        Ok(None) => {
            // What cannot be watched is taken to be there.
            let far_end = request.client.as_ref().and_then(|_| FarEnd::of_stdout().ok());
            let gone = || far_end.as_ref().is_some_and(FarEnd::has_gone);
            let (gate, bytes) = (Arc::clone(gate), text.to_vec());
            let judge = move || if explain { gate.explain(&bytes, true) } else { gate.decide(&bytes, true) };
            match deadline::within(PATIENCE, gone, judge) {
                Ok(mut decision) => {
                    decision.understood.judged = Some(begun.elapsed());
                    return Ok(decision);
                }
                Err(missed) => missed,
            }
        }
        Err(missed) => missed,
    };
    let understood = deadline::caught(|| gate::understood(text)).unwrap_or_else(|_| Understood::named("-"));
    let understood = Understood { judged: Some(begun.elapsed()), ..understood.with_candidate(gate.undecided()) };
    let why = match missed {
        Missed::Unwanted => return Err(Box::new(understood)),
        Missed::Late => format!("what it asks for could not be found out in {} seconds", PATIENCE.as_secs()),
        Missed::Failed => "the gate failed to judge it, which is a defect of the gate".to_owned(),
    };
    let hint = "send it again; a Compose file comes on standard input within that time, and has an end";
    Ok(Decision { understood, verdict: Err(Denial::new(Reason::TooSlow, "request", why, hint)) })
}

/// A place among the sessions at once, where their number is limited.
///
/// A limit at the top of the policy file is one for the whole account; one of a profile is each key's own.
fn enter(gate: &Gate, request: &Request) -> Result<Option<session::Place>, Denial> {
    let sessions = &gate.policy.settings.sessions;
    let Some(most) = sessions.value else { return Ok(None) };
    let key = match &sessions.origin {
        Origin::Profile(profile) => request.key.as_ref().or(request.fingerprint.as_ref()).or(Some(profile)),
        Origin::BuiltIn | Origin::File => None,
    };
    let whose = if key.is_some() { "key" } else { "account" };
    let why = match session::enter(&gate.account.name, key.map(String::as_str), most) {
        Ok(Some(place)) => return Ok(Some(place)),
        Ok(None) => {
            format!("{most} requests of this {whose} are being served, and no more may at once (limits.sessions)")
        }
        Err(error) => format!("how many requests are being served could not be found out ({error:#})"),
    };
    let hint = "wait until one of them has ended; docker logs -f and events go on until you end them";
    Err(Denial::new(Reason::Limit, "request", why, hint))
}
