//! Gate: one request from its bytes to a verdict. The pipeline, on one screen.

use crate::compose::{self, Project};
use crate::decision::{Action, Decision, Understood};
use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};
use crate::digest;
use crate::docker::row::Use;
use crate::docker::{Invocation, Model};
use crate::facts::{Facts, Unreachable};
use crate::policy::rules::{labels, limits};
use crate::policy::{Policy, Verdict, advice};
use crate::request::account::Account;
use crate::request::own::Own;
use crate::request::words::Words;
use crate::world;
use crate::world::project::{self, Located, Resolver, Trouble};
use crate::world::sources::{self, Sources, Unread};
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

/// Why a project is not known, for who asked.
fn untold(trouble: Trouble) -> Denial {
    match trouble {
        Trouble::Request { why, hint } => Denial::new(Reason::ProjectModel, "Compose project", why, hint),
        Trouble::Host(error) => {
            let hint = "the administrator has to look at docker's installation and its Compose plugin; sending this again cannot help";
            Denial::new(Reason::Unavailable, "docker compose", format!("{error:#}"), hint)
        }
    }
}

/// A request as far as its words alone say.
pub fn understood(request: &[u8]) -> Understood {
    let Ok(words) = Words::split(request) else { return Understood::named("-") };
    if let Some(own) = Own::parse(&words, request) {
        return Understood::named(own.name());
    }
    match Invocation::parse(&words) {
        Ok(invocation) => read(&invocation),
        Err(_) => Understood::named("-"),
    }
}

fn read(invocation: &Invocation) -> Understood {
    Understood { secrets: invocation.secrets(), ..Understood::named(invocation.name()) }
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
        *understood = read(&invocation);
        let demands = invocation.demands();
        self.policy.screen(&demands)?;
        if invocation.name() == Own::DialStdio.name() {
            return self.permit(Action::Own(Own::DialStdio), &demands);
        }
        match Project::of(&invocation) {
            Some(project) => self.project(invocation, &project, demands, standard_input, understood),
            None => self.permit(Action::Docker(self.labelled(invocation)), &demands),
        }
    }

    /// Judges a command of Compose. Three times something is about to be read that the words do not say, and is judged
    /// first: the files that the gate reads, what these would have Compose read, and what Compose makes of them.
    fn project(
        &self,
        invocation: Invocation,
        project: &Project,
        mut demands: Vec<Demand>,
        standard_input: bool,
        understood: &mut Understood,
    ) -> Verdict<Action> {
        let located = project::locate(project).map_err(untold)?;
        demands.extend(project.demands());
        let read = located.files.iter().filter(|file| *file != "-").chain(&located.variables);
        let read = read.map(|path| Demand::new(Want::ClientRead { path: path.clone() }, path));
        let _ = self.permit((), &demands.iter().cloned().chain(read).collect::<Vec<_>>())?;
        let Some(Known { documents, mut model, nameless }) =
            self.known(project, &located, standard_input, understood)?
        else {
            demands.push(project.touches(None));
            demands.extend(project.starts(None));
            return self.permit(Action::Docker(self.labelled(invocation)), &demands);
        };
        let directory = located.directory.display().to_string();
        demands.extend(compose::model::demands(&model, &directory, project.builds));
        demands.extend(compose::effects::effects(&model, project));
        demands.extend(compose::effects::nameless(&model, project).filter(|_| nameless));
        let facts = self.look_up(&demands);
        // What only looks prints the model as it was sent.
        let label = self.label().filter(|_| project.purpose == Use::Makes);
        compose::judged::with_unwanted(&mut model, &documents);
        let text = compose::judged::as_judged(model, &directory, |path| facts.resolved(path), label);
        let invocation = invocation.with_model(Model { directory: located.directory, text });
        self.policy.judge(Action::Docker(invocation), &demands, &facts)
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
        world::look_up(&self.policy, self.policy.owner(&self.account.name), &self.account.home, demands)
    }

    /// Looks up what the demands name, and judges them.
    fn permit<T>(&self, subject: T, demands: &[Demand]) -> Verdict<T> {
        self.policy.judge(subject, demands, &self.look_up(demands))
    }

    /// What a Compose project comes to; `None` where there is no file, and a project can only be known by its
    /// name.
    fn known(
        &self,
        project: &Project,
        located: &Located,
        standard_input: bool,
        understood: &mut Understood,
    ) -> Result<Option<Known>, Denial> {
        // Before judging is given up, so that Compose does not outlive it.
        let until = Instant::now() + PATIENCE.saturating_sub(Duration::from_secs(4));
        let found = project::read(located, standard_input).map_err(untold)?;
        if located.files.is_empty() {
            return Ok(None);
        }
        let sent = || found.texts.iter().map(|source| &*source.text);
        understood.input = (!found.texts.is_empty()).then(|| digest::of(sent()));
        let resolver = Resolver { policy: &self.policy, account: &self.account, project, located, until };
        let judge = |demands: &[Demand]| {
            let facts = self.look_up(demands);
            let _ = self.policy.judge((), demands, &facts)?;
            Ok(facts)
        };
        let read = sources::read(&resolver, &judge, &found).map_err(|unread| match unread {
            Unread::Denied(denial) => denial,
            Unread::Trouble(trouble) => untold(trouble),
        });
        let Sources { files, tree, documents, included, further } = read?;
        if !further.is_empty() {
            understood.input = Some(digest::of(sent().chain(further.iter().map(String::as_str))));
        }
        let mut model = Value::Null;
        if !files.is_empty() {
            let resolved = resolver.resolve(&files, tree.as_ref()).map_err(untold)?;
            model = compose::judged::as_read(resolved.model);
            understood.warnings = resolved.warnings;
        }
        let nameless = project.is_nameless(&documents) && !found.is_named();
        let documents = documents.into_iter().chain(included).collect();
        Ok(Some(Known { documents, model, nameless }))
    }
}

/// A Compose project, as it was read and as Compose has resolved it.
struct Known {
    /// With those of the files that are included.
    documents: Vec<Value>,
    /// Null where there was nothing to read.
    model: Value,
    /// Whether nobody gave the project a name.
    nameless: bool,
}
