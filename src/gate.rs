//! Gate: one request from its bytes to a verdict. The pipeline, on one screen.

use crate::compose::{self, Project};
use crate::decision::{Action, Decision, Understood};
use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};
use crate::docker::row::Use;
use crate::docker::{Invocation, Model};
use crate::facts::{Facts, Unreachable};
use crate::policy::rules::{labels, limits};
use crate::policy::{Policy, Verdict, advice};
use crate::request::account::Account;
use crate::request::own::Own;
use crate::request::words::Words;
use crate::run::exec;
use crate::world;
use crate::world::project::{self, Located};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long judging may take, what has to be read from the client included.
pub const PATIENCE: Duration = Duration::from_secs(30);

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
}
