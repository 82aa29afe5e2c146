//! Gate: one request from its bytes to a verdict. The pipeline, on one screen.

use crate::compose::names::absolute;
use crate::compose::{self, Project};
use crate::decision::{Action, Decision, Explanation, Understood};
use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};
use crate::digest;
use crate::docker::row::Use;
use crate::docker::{Invocation, Model, Sent};
use crate::facts::{Facts, Unreachable};
use crate::policy::candidate::{Candidate, Opinion};
use crate::policy::rules::{labels, limits};
use crate::policy::{Policy, Verdict, advice};
use crate::request::account::Account;
use crate::request::own::Own;
use crate::request::words::Words;
use crate::world;
use crate::world::project::{self, Located, Resolver, Trouble};
use crate::world::sources::{self, Sources, Unread};
use serde_json::Value;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long judging may take, what has to be read from the client included.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Who runs the gate, under what policy.
#[derive(Debug)]
pub struct Gate {
    pub policy: Arc<Policy>,
    /// A policy that is only judged beside it, for the record.
    pub candidate: Option<Candidate>,
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
        Trouble::Busy { why, hint } => Denial::new(Reason::TooSlow, "Compose project", why, hint),
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
    /// A gate by one policy, for a key that nothing is against; whoever has started this process is its parent.
    pub fn alone(policy: Policy, account: Account) -> Self {
        let (profile, parent) = ("default".to_owned(), nix::unistd::getppid());
        Self { policy: Arc::new(policy), candidate: None, profile, refusal: None, account, parent }
    }

    /// Judges the bytes of a request: words, meaning, block-list, and only then a look at the world.
    ///
    /// `standard_input` says whether a Compose file may be read from there.
    pub fn decide(&self, request: &[u8], standard_input: bool) -> Decision {
        self.decided(request, standard_input, Understood::named("-"))
    }

    /// The same, with how it came to that.
    pub fn explain(&self, request: &[u8], standard_input: bool) -> Decision {
        let explanation = Some(Explanation::default());
        self.decided(request, standard_input, Understood { explanation, ..Understood::named("-") })
    }

    fn decided(&self, request: &[u8], standard_input: bool, mut understood: Understood) -> Decision {
        let verdict = self.judge(request, standard_input, &mut understood);
        let verdict = verdict.map_err(|denial| self.fitting(denial));
        if understood.candidate.is_none() {
            understood.candidate = self.opinion(request);
        }
        Decision { understood, verdict }
    }

    /// What the candidate says of a request by its words. Of a command of Compose they are a part: no file is read that the
    /// policy in force does not permit.
    fn opinion(&self, request: &[u8]) -> Option<Opinion> {
        let policy = match self.candidate.as_ref()?.policy() {
            Ok(policy) => policy,
            Err(opinion) => return Some(opinion),
        };
        let words = match Words::split(request) {
            Ok(words) => words,
            Err(denial) => return Some(Opinion::Deny(denial.reason)),
        };
        if Own::parse(&words, request).is_some() {
            return Some(Opinion::Allow);
        }
        Some(match Invocation::parse(&words) {
            Ok(invocation) => {
                let said = self.said_by(policy, &invocation.demands());
                if Project::of(&invocation).is_some() { said.of_part() } else { said }
            }
            Err(denial) => Opinion::Deny(denial.reason),
        })
    }

    fn said_by(&self, policy: &Policy, demands: &[Demand]) -> Opinion {
        Opinion::of(
            policy,
            demands,
            &world::look_up(policy, policy.owner(&self.account.name), &self.account.home, demands),
        )
    }

    /// Notes what the candidate says of what a command of Compose asks for, as far as that is known; what it has refused
    /// on the way stays refused.
    fn note(&self, demands: &[Demand], part: bool, understood: &mut Understood) {
        self.ground(demands, understood);
        let Some(candidate) = &self.candidate else { return };
        if matches!(understood.candidate, Some(Opinion::Deny(_))) {
            return;
        }
        let said = candidate.policy().map_or_else(|opinion| opinion, |policy| self.said_by(policy, demands));
        understood.candidate = Some(if part { said.of_part() } else { said });
    }

    /// Notes how each demand is judged, where that was asked for.
    fn ground(&self, demands: &[Demand], understood: &mut Understood) {
        if let Some(explanation) = &mut understood.explanation {
            explanation.add(self.policy.grounds(demands, &self.look_up(demands)));
        }
    }

    /// What the candidate says of what nobody has judged: nothing.
    pub fn undecided(&self) -> Option<Opinion> {
        let policy = self.candidate.as_ref()?.policy();
        Some(policy.map_or_else(|opinion| opinion, |_| Opinion::Unknown))
    }

    /// The decision where the words alone make it; `None` where something has to be read or asked, which takes time.
    pub fn decide_by_words(&self, request: &[u8]) -> Option<Decision> {
        if self.candidate.is_some() {
            // It may have to look at what the policy in force does not ask about.
            return None;
        }
        let mut understood = Understood::named("-");
        let verdict = match self.begin(request, &mut understood) {
            Err(denial) => Err(denial),
            Ok(Begun::Own(own)) => Ok(self.policy.own(Action::Own(own))),
            Ok(Begun::Docker(invocation, demands)) => {
                let reads = Project::of(&invocation).is_some() || invocation.made_of().is_some();
                if reads || world::is_asked(&self.policy, &demands) {
                    return None;
                }
                self.finish(invocation, demands, false, &mut understood)
            }
        };
        Some(Decision { understood, verdict: verdict.map_err(|denial| self.fitting(denial)) })
    }

    fn fitting(&self, denial: Denial) -> Denial {
        advice::fitted(&self.policy.settings, denial)
    }

    fn judge(&self, request: &[u8], standard_input: bool, understood: &mut Understood) -> Verdict<Action> {
        match self.begin(request, understood)? {
            Begun::Own(own) => Ok(self.policy.own(Action::Own(own))),
            Begun::Docker(invocation, demands) => self.finish(invocation, demands, standard_input, understood),
        }
    }

    /// What comes before any look at the world.
    fn begin(&self, request: &[u8], understood: &mut Understood) -> Result<Begun, Denial> {
        if let Some(denial) = &self.refusal {
            return Err(denial.clone());
        }
        let words = Words::split(request)?;
        if let Some(own) = Own::parse(&words, request) {
            *understood = Understood::named(own.name());
            return Ok(Begun::Own(own));
        }
        let invocation = Invocation::parse(&words)?;
        let explanation = understood.explanation.take();
        let explanation = explanation.map(|grounds| Explanation { words: invocation.argv(), ..grounds });
        *understood = Understood { explanation, ..read(&invocation) };
        let demands = invocation.demands();
        self.ground(&demands, understood);
        self.policy.screen(&demands)?;
        Ok(Begun::Docker(invocation, demands))
    }

    fn finish(
        &self,
        invocation: Invocation,
        demands: Vec<Demand>,
        standard_input: bool,
        understood: &mut Understood,
    ) -> Verdict<Action> {
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
        demands.extend(project.demands());
        // Of what lies beside a file elsewhere nothing is looked for, and nothing told.
        let reads = |demand: &&Demand| matches!(demand.want, Want::ClientRead { .. } | Want::RemoteProject { .. });
        let named: Vec<Demand> = demands.iter().filter(reads).cloned().collect();
        if self.permit((), &named).is_err() {
            self.note(&demands, true, understood);
            let _ = self.permit((), &demands)?;
        }
        let located = project::locate(project).map_err(untold)?;
        let read = located.files.iter().filter(|file| *file != "-").chain(&located.variables);
        let read = read.map(|path| Demand::new(Want::ClientRead { path: path.clone() }, path));
        let asked: Vec<Demand> = demands.iter().cloned().chain(read).collect();
        self.note(&asked, true, understood);
        let _ = self.permit((), &asked)?;
        let Some(known) = self.known(project, &located, standard_input, understood)? else {
            demands.push(project.touches(None));
            demands.extend(project.starts(None));
            self.note(&demands, false, understood);
            return self.permit(Action::Docker(self.labelled(invocation)), &demands);
        };
        let directory = located.directory.display().to_string();
        let Known { documents, mut model, nameless } = match known {
            Read::Resolved(known) => known,
            Read::Sent(sent, text) => {
                demands.extend(compose::effects::effects(&serde_json::json!({"name": sent.name}), project));
                self.note(&demands, false, understood);
                let sent = Some(sent);
                let model = Model { directory: located.directory, files: located.label, text, sent };
                return self.permit(Action::Docker(invocation.with_model(model)), &demands);
            }
        };
        compose::judged::with_models(&mut model, &documents);
        demands.extend(compose::model::demands(&model, &directory, project.builds));
        demands.extend(compose::effects::effects(&model, project));
        demands.extend(compose::effects::nameless(&model, project).filter(|_| nameless));
        self.note(&demands, false, understood);
        let facts = self.look_up(&demands);
        // What only looks prints the model as it was sent.
        let label = self.label().filter(|_| project.purpose == Use::Makes);
        compose::judged::with_unwanted(&mut model, &documents);
        let text = compose::judged::as_judged(model, &directory, |path| facts.resolved(path), label);
        let model = Model { directory: located.directory, files: located.label, text, sent: None };
        self.policy.judge(Action::Docker(invocation.with_model(model)), &demands, &facts)
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
    ) -> Result<Option<Read>, Denial> {
        // Before judging is given up, so that Compose does not outlive it.
        let until = Instant::now() + PATIENCE.saturating_sub(Duration::from_secs(4));
        let found = project::read(located, standard_input).map_err(untold)?;
        if located.files.is_empty() {
            return Ok(None);
        }
        let sent = || found.texts.iter().map(|source| &*source.text);
        understood.input = (!found.texts.is_empty()).then(|| digest::of(sent()));
        let resolver = Resolver { policy: &self.policy, account: &self.account, project, located, until };
        let asked = RefCell::new(Vec::new());
        let judge = |demands: &[Demand]| {
            if self.candidate.is_some() || understood.explanation.is_some() {
                asked.borrow_mut().extend_from_slice(demands);
            }
            let facts = self.look_up(demands);
            let _ = self.policy.judge((), demands, &facts)?;
            Ok(facts)
        };
        let read = sources::read(&resolver, &judge, &found).map_err(|unread| match unread {
            Unread::Denied(denial) => denial,
            Unread::Trouble(trouble) => untold(trouble),
        });
        self.note(&asked.take(), true, understood);
        let Sources { files, tree, documents, included, further } = read?;
        if !further.is_empty() {
            understood.input = Some(digest::of(sent().chain(further.iter().map(String::as_str))));
        }
        if tree.is_none() && included.is_empty() && further.is_empty() {
            let text = files.iter().map(|file| &*file.text).collect::<Vec<_>>().join("\n---\n");
            let variables = found.variables_taken(project, located);
            let directory = absolute(&located.directory, "");
            let sent =
                variables.and_then(|variables| compose::plain::sent(project, &directory, &text, &documents, variables));
            if let Some(sent) = sent {
                return Ok(Some(Read::Sent(sent, text)));
            }
        }
        let mut model = Value::Null;
        if !files.is_empty() {
            let resolved = resolver.resolve(&files, tree.as_ref()).map_err(untold)?;
            model = compose::judged::as_read(resolved.model);
            understood.warnings = resolved.warnings;
        }
        let nameless = project.is_nameless(&documents) && !found.is_named();
        let documents = documents.into_iter().chain(included).collect();
        Ok(Some(Read::Resolved(Known { documents, model, nameless })))
    }
}

/// A request that no list of operations refuses.
enum Begun {
    Own(Own),
    Docker(Invocation, Vec<Demand>),
}

/// A Compose project, as far as its command needs it.
enum Read {
    Resolved(Known),
    /// The files as they were read, with what they do not say.
    Sent(Sent, String),
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
