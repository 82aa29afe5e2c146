//! Gate: one request from its bytes to docker or to a refusal. The pipeline, on one screen.

use crate::answer::guide;
use crate::answer::{check_json, check_text, failed, print, refuse, say, unrecorded};
use crate::api::labels::Ownership;
use crate::audit::{Audit, syslog};
use crate::compose::{self, Project};
use crate::decision::{Action, Decision, Understood, docker_or_own};
use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};
use crate::docker::row::Use;
use crate::docker::{Invocation, Model};
use crate::exit::Exit;
use crate::facts::{Facts, Unreachable};
use crate::guard::{Calls, Guard, Via, dial_stdio};
use crate::policy::rules::{labels, limits};
use crate::policy::{Policy, Verdict, advice};
use crate::request::Request;
use crate::request::account::Account;
use crate::request::own::Own;
use crate::request::words::Words;
use crate::run::deadline::{self, Missed, ProcessorTime};
use crate::run::exec::{self, Launch};
use crate::run::session;
use crate::world;
use crate::world::project::{self, Located};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long judging may take, what has to be read from the client included.
const PATIENCE: Duration = Duration::from_secs(30);

/// The processor time, in seconds, that judging may take, and each program that it starts.
const PROCESSOR_SECONDS: u64 = 60;

/// Who runs the gate, under what policy.
#[derive(Debug)]
pub struct Gate {
    pub policy: Policy,
    pub profile: String,
    /// Why the key may not be used at all, if so.
    pub refusal: Option<Denial>,
    pub account: Account,
    /// The process that the gate must not outlive: sshd's for this connection.
    pub parent: nix::unistd::Pid,
}

/// What could not be looked up is unknown, and unknown is denied.
fn unresolved(error: anyhow::Error) -> Denial {
    let hint = "mend the Compose file or the command, and send it again";
    Denial::new(Reason::ProjectModel, "Compose project", format!("{error:#}"), hint)
}

impl Gate {
    /// Judges the bytes of a request: words, meaning, block-list, and only then a look at the world.
    ///
    /// `standard_input` says whether a Compose file may be read from there.
    pub fn decide(&self, request: &[u8], standard_input: bool) -> Decision {
        let mut understood = Understood::named("-");
        let verdict = self.judge(request, standard_input, &mut understood).map_err(|denial| {
            let hint = advice::fitting(&self.policy.settings, &denial.hint);
            Denial { hint, ..denial }
        });
        Decision { understood, verdict }
    }

    fn judge(&self, request: &[u8], standard_input: bool, understood: &mut Understood) -> Verdict<Action> {
        if let Some(denial) = &self.refusal {
            return Err(denial.clone());
        }
        let words = Words::split(request)?;
        if let Some(own) = Own::parse(&words, request) {
            *understood = Understood::named(own.name());
            return Ok(self.policy.own(Action::Own(own)));
        }
        let invocation = Invocation::parse(&words)?;
        *understood = Understood { command: invocation.name().to_owned(), secrets: Some(invocation.secrets()) };
        let mut demands = invocation.demands();
        self.policy.screen(&demands)?;
        if invocation.name() == Own::DialStdio.name() {
            return self.permit(Action::Own(Own::DialStdio), &demands);
        }
        if let Some(project) = Project::of(&invocation) {
            demands.extend(project.demands());
            let _ = self.permit((), &demands)?;
            if let Some((located, model)) = self.model(&project, standard_input)? {
                let directory = located.directory.display().to_string();
                demands.extend(compose::model::demands(&model, &directory, project.builds));
                demands.extend(compose::effects::effects(&model, &project));
                let facts = self.look_up(&demands);
                let _ = self.policy.judge((), &demands, &facts)?;
                // What only looks prints the model as it was sent.
                let label = self.label().filter(|_| project.purpose == Use::Makes);
                let text = compose::judged::as_judged(model, &directory, |path| facts.resolved(path), label);
                let invocation = invocation.with_model(Model { directory: located.directory, text });
                return self.policy.judge(Action::Docker(invocation), &demands, &facts);
            }
            demands.push(project.touches(None));
            demands.extend(project.starts(None));
        }
        let invocation = self.labelled(invocation);
        self.permit(Action::Docker(invocation), &demands)
    }

    /// The label of what is made under a limit of its number.
    fn label(&self) -> Option<(&str, &str)> {
        self.policy.settings.containers_at_once.value.map(|_| (limits::LABEL, &*self.account.name))
    }

    /// What is made carries the gate's label, and none that its image would have it inherit as somebody's mark.
    fn labelled(&self, mut invocation: Invocation) -> Invocation {
        if let Some(image) = invocation.made_of() {
            let inherited = match world::daemon::image_labels(&self.policy.host, image) {
                Ok(Some(names)) => names,
                // What an image has that is yet to be fetched is not known.
                Ok(None) | Err(Unreachable::NoAnswer(_)) => vec![labels::PROJECT.to_owned()],
                // Nothing will be made.
                Err(Unreachable::NoDaemon(_) | Unreachable::NotAsked) => Vec::new(),
            };
            for name in inherited.iter().filter(|name| labels::is_reserved(name)) {
                invocation = invocation.with_label(name, "");
            }
        }
        match self.label() {
            Some((name, value)) => invocation.with_label(name, value),
            None => invocation,
        }
    }

    fn look_up(&self, demands: &[Demand]) -> Facts {
        world::look_up(&self.policy, &self.account.home, demands)
    }

    /// Looks up what the demands name, and judges them.
    fn permit<T>(&self, subject: T, demands: &[Demand]) -> Verdict<T> {
        self.policy.judge(subject, demands, &self.look_up(demands))
    }

    /// The model of a Compose project; `None` where there is no file, and a project can only be known by its
    /// name. Every file is judged before Compose reads it.
    fn model(&self, project: &Project, standard_input: bool) -> Result<Option<(Located, Value)>, Denial> {
        // Before judging is given up, so that Compose does not outlive it.
        let until = Instant::now() + PATIENCE.saturating_sub(Duration::from_secs(4));
        let located = project::locate(project).map_err(unresolved)?;
        if located.files.is_empty() {
            return Ok(None);
        }
        let directory = located.directory.display().to_string();
        let named = located.files.iter().filter(|file| *file != "-").cloned();
        let read = named
            .chain([format!("{directory}/.env")])
            .map(|path| Demand::new(Want::ClientRead { path: path.clone() }, path));
        let _ = self.permit((), &read.collect::<Vec<_>>())?;
        let mut files = Vec::new();
        for source in project::read(&located, standard_input).map_err(unresolved)? {
            let file = compose::source::parse(&source.name, &source.text)?;
            for document in &file.documents {
                let _ = self.permit((), &compose::source::demands(document, &directory))?;
            }
            files.push(file.text);
        }
        if files.is_empty() {
            return Ok(Some((located, Value::Null)));
        }
        let program = exec::program(&self.policy).map_err(unresolved)?;
        let model = project::resolve(&self.policy, &self.account, &program, project, &located, &files, until)
            .map_err(unresolved)?;
        Ok(Some((located, compose::judged::as_read(model))))
    }

    /// As [`Gate::decide`], in bounded time: a request that keeps the gate busy is a refusal like others.
    fn decide_in_time(self: &Arc<Self>, request: &[u8]) -> Decision {
        let (gate, request) = (Arc::clone(self), request.to_vec());
        deadline::within(PATIENCE, move || gate.decide(&request, true)).unwrap_or_else(|missed| {
            let why = match missed {
                Missed::Late => format!("what it asks for could not be found out in {} seconds", PATIENCE.as_secs()),
                Missed::Failed => "the gate failed to judge it, which is a defect of the gate".to_owned(),
            };
            let hint = "send it again; a Compose file comes on standard input within that time, and has an end";
            let denial = Denial::new(Reason::TooSlow, "request", why, hint);
            Decision { understood: Understood::named("-"), verdict: Err(denial) }
        })
    }

    /// A place among the sessions at once, where their number is limited.
    fn enter(&self) -> Result<Option<session::Place>, Denial> {
        let Some(most) = self.policy.settings.sessions.value else { return Ok(None) };
        let why = match session::enter(most) {
            Ok(Some(place)) => return Ok(Some(place)),
            Ok(None) => {
                format!("{most} requests of this account are being served, and no more may at once (limits.sessions)")
            }
            Err(error) => format!("how many requests are being served could not be found out ({error:#})"),
        };
        let hint = "wait until one of them has ended; docker logs -f and events go on until you end them";
        Err(Denial::new(Reason::Limit, "request", why, hint))
    }

    /// Serves one request: judges, records, and then acts or refuses. Comes back only if docker did not run.
    pub fn serve(self: &Arc<Self>, request: &Request, id: String) -> Exit {
        let audit = match syslog::Sink::connect(&self.policy.audit) {
            Ok(sink) => Arc::new(Audit::new(sink, request, &self.profile, id)),
            Err(error) => return unrecorded(&error),
        };
        let Some(text) = &request.command else { return self.interactive(request, &audit) };
        // Held until this process, or the docker that it becomes, has ended.
        let _place = match self.enter() {
            Ok(place) => place,
            Err(denial) => return refuse(&audit, &denial, &Understood::named("-")),
        };
        let limit = ProcessorTime::limit(PROCESSOR_SECONDS);
        let Decision { understood, verdict } = self.decide_in_time(text);
        let permit = match verdict {
            Err(denial) => return refuse(&audit, &denial, &understood),
            Ok(permit) => permit,
        };
        // What is answered at once needs no more; docker and the API may go on for long.
        let lifted = match permit.subject() {
            Action::Own(own) if *own != Own::DialStdio => Ok(()),
            Action::Own(_) | Action::Docker(_) => limit.and_then(ProcessorTime::lift).map_err(anyhow::Error::from),
        };
        let launch = lifted.and_then(|()| match permit.subject() {
            Action::Own(_) => Ok(None),
            Action::Docker(invocation) => {
                Launch::prepare(&self.policy, &self.account, invocation, request.client.is_some()).map(Some)
            }
        });
        let launch = match launch {
            Ok(launch) => launch,
            Err(error) => return failed(&audit, &understood, &error),
        };
        match audit.permit(permit, &understood).map(|audited| (audited.part(docker_or_own), launch)) {
            Err(error) => unrecorded(&error),
            Ok((Ok(invocation), Some(launch))) => match exec::become_docker(invocation, &launch, self.parent) {
                Err(error) => failed(&audit, &understood, &error),
                Ok(never) => match never {},
            },
            Ok((Err(Own::DialStdio), _)) => self.dial_stdio(request, &audit),
            Ok((Err(own), _)) => self.answer(&own, request),
            Ok((Ok(_), None)) => Exit::Unavailable,
        }
    }

    /// Serves the API over standard input and output.
    fn dial_stdio(&self, request: &Request, audit: &Arc<Audit>) -> Exit {
        let guard = Arc::new(Guard {
            policy: self.policy.clone(),
            home: self.account.home.clone(),
            via: Via::DialStdio,
            audit: Arc::clone(audit),
            owner: Ownership {
                key: request.key.clone().unwrap_or_default(),
                account: self.account.name.clone(),
                id: audit.id().to_owned(),
            },
            calls: Calls::default(),
        });
        match dial_stdio::serve(&guard) {
            Ok(()) => Exit::Success,
            Err(error) => failed(audit, &Understood::named(Own::DialStdio.name()), &error),
        }
    }

    /// A login without a command: there is no shell, so say what there is.
    fn interactive(&self, request: &Request, audit: &Audit) -> Exit {
        let understood = Understood::named("login");
        if let Some(denial) = &self.refusal {
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
        say(&guide::guide(&self.policy, request));
        Exit::Usage
    }

    /// Answers what dockgate serves itself.
    fn answer(&self, own: &Own, request: &Request) -> Exit {
        match own {
            Own::Probe => Exit::Success,
            Own::Help => print(&guide::guide(&self.policy, request)),
            Own::PolicyShow => print(&guide::policy_text(&self.policy)),
            Own::Version => print(concat!("dockgate ", env!("CARGO_PKG_VERSION"), "\n")),
            Own::Check { request, json } => {
                let decision = self.decide(request, false);
                if *json { check_json(&decision) } else { check_text(&decision) }
            }
            Own::DialStdio => Exit::Unavailable,
        }
    }
}
