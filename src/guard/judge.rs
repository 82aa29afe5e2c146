//! Judge: from a call to leave to pass it on, or to a refusal; either way with its record. Acts.

use super::objects::{Inspected, Objects};
use super::refusal::Refusal;
use super::scope::Scope;
use super::terminal::{self, Attach};
use super::told::Told;
use super::{Guard, Via};
use super::{archive, build, joined, version};
use crate::api::call::Call;
use crate::api::demands::Reference;
use crate::api::existing;
use crate::api::forward::{Forward, Payload};
use crate::api::head::Method;
use crate::api::labels::{Claim, Ownership};
use crate::api::makes::Made;
use crate::api::route::Route;
use crate::api::row::Answer;
use crate::audit::record::ApiCall;
use crate::audit::{self, Audited};
use crate::demand::{Demand, Existing, Object, Starts, Touch, Want};
use crate::denial::{Denial, Reason};
use crate::facts::{Facts, Owner, Unreachable};
use crate::policy::candidate::Opinion;
use crate::policy::{Permit, Policy, advice, operations};
use crate::world::{self, daemon};

/// A call that may be passed on.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) forward: Forward,
    pub(super) answer: Answer,
    /// Of the stream that it becomes, only what the daemon sends is passed on.
    pub(super) output_only: bool,
    /// The answer lists containers that are not there for this key.
    pub(super) scope: Option<Scope>,
    /// The answer says which versions of the API there are.
    pub(super) versions: bool,
    /// What it makes, where the answer says so.
    pub(super) makes: Option<(Object, String)>,
}

/// What a call asks for.
struct Asked {
    demands: Vec<Demand>,
    /// What it is judged as.
    operation: String,
    /// Of the stream that it becomes, only what the daemon sends is passed on.
    output_only: bool,
}

impl Guard {
    /// Judges a call, and records the verdict. `claim`: of which key it says that it is, where it may.
    pub(super) fn judge(&self, call: &Call, claim: &Claim, body: Vec<u8>) -> Result<Audited<Passing>, Refusal> {
        let shown = call.shown();
        let archive = self.is_archive(call.route());
        let not_known = |why| {
            let told = Told::refused(&shown, Reason::Unreachable, self);
            self.refuse(unknown(call, &why), call.operation(), &told)
        };
        let mut objects = Objects::of(&self.policy.host, call, is_attach(call) || archive).map_err(not_known)?;
        if !matches!(self.via, Via::Argv(_)) && is_only_a_part(&self.policy, call) {
            objects.by_others = !self.has_made(call, &objects).map_err(not_known)?;
        }
        let of_new =
            archive && terminal::takes_files(objects.container.as_ref(), &self.owner) && archive::is_plain(&body);
        let owner = self.owner.claimed(claim);
        let Asked { demands, operation, output_only } = self.asked(&self.policy, call, &objects, of_new);
        let told = Told { shown: &shown, candidate: self.opinion(call, &objects, &owner, (archive, of_new)) };
        let refuse = |denial| self.refuse(denial, &operation, &told);
        let demands = joined::judged_again(&self.policy.host, call, &objects, &owner, demands);
        let mut demands = demands.map_err(|why| refuse(unknown(call, &why)))?;
        demands.extend(self.joined_by_start(&demands).map_err(|why| refuse(unknown(call, &why)))?);
        let mut call = call.clone();
        if output_only {
            call.leave_out("stdin");
        }
        objects.resolved.files.clone_from(&self.files);
        let mut forward = call.forward(&objects.resolved, &owner);
        if archive {
            forward.body = Payload::Whole(body);
        }
        if call.answer() == Answer::H2c {
            build::of_session(self, &mut forward);
        }
        let passing = Passing {
            forward,
            answer: call.answer(),
            output_only,
            scope: Scope::of(self, &call),
            versions: version::is_told_by(&call),
            makes: call.makes().pop().filter(|_| call.answer_names()),
        };
        let facts = self.look_up(&self.policy, &demands);
        self.by_project(&mut demands, &facts);
        let permit = self.policy.judge(passing, &demands, &facts);
        let permit = permit.map_err(|denial| match self.missing(&call, &demands, &facts) {
            Some(missing) => self.refuse_as(&denial, &operation, &told, missing),
            None => refuse(denial),
        })?;
        self.record_permit(permit, call.changes(), &operation, &told)
    }

    /// What a call asks for under a policy: that says whether it is a part of something else.
    fn asked(&self, policy: &Policy, call: &Call, objects: &Objects, of_new: bool) -> Asked {
        let mut demands = call.demands();
        // Whether it is a part of a command that makes and starts containers, and not what its operation is called.
        let mut part = false;
        let mut output_only = false;
        if is_attach(call) && policy.by_name(&demands).is_err() {
            let kind = Attach::of(objects.container.as_ref(), &self.owner);
            output_only = kind == Attach::Output;
            part = kind != Attach::Join;
            rename(&mut demands, kind.operation());
        }
        if of_new {
            // What is put into a container before it starts is part of making it; Compose does it at each start.
            rename(&mut demands, "create");
            part = true;
        }
        // What it is judged as, and not what a list has that it is a part of.
        let operation = operation(&demands).to_owned();
        self.by_command(policy, call, (part, objects.by_others), &mut demands);
        mounted(&mut demands);
        Asked { demands, operation, output_only }
    }

    /// What the candidate says of a call.
    fn opinion(
        &self,
        call: &Call,
        objects: &Objects,
        owner: &Ownership,
        (archive, of_new): (bool, bool),
    ) -> Option<Opinion> {
        let policy = match self.candidate.as_ref()?.policy() {
            Ok(policy) => policy,
            Err(opinion) => return Some(opinion),
        };
        if !archive && puts_archive(call.route()) && policy.screen(&[cp()]).is_err() {
            // What is in it would count, and it was not read.
            return Some(Opinion::Unknown);
        }
        let of_new = of_new && policy.screen(&[cp()]).is_err();
        let Asked { demands, .. } = self.asked(policy, call, objects, of_new);
        let Ok(mut demands) = joined::judged_again(&self.policy.host, call, objects, owner, demands) else {
            return Some(Opinion::Unknown);
        };
        let facts = self.look_up(policy, &demands);
        self.by_project(&mut demands, &facts);
        Some(Opinion::of(policy, &demands, &facts))
    }

    /// What the candidate says of what the gRPC of a build asks for.
    pub(super) fn opinion_of(&self, demands: &[Demand]) -> Option<Opinion> {
        let policy = self.candidate.as_ref()?.policy();
        let said = |policy| Opinion::of(policy, demands, &self.look_up(policy, demands));
        Some(policy.map_or_else(|opinion| opinion, said))
    }

    /// What must be known to judge by a policy.
    pub(super) fn look_up(&self, policy: &Policy, demands: &[Demand]) -> Facts {
        // An operation is judged by its name alone, and most calls that read are no more than one.
        let plain = demands.iter().all(|demand| matches!(demand.want, Want::Operation { .. }));
        if plain { Facts::default() } else { world::look_up(policy, self.asks(), &self.home, demands) }
    }

    /// Counts a call that is permitted, and records it unless it only reads.
    pub(super) fn record_permit<T>(
        &self,
        permit: Permit<T>,
        changes: bool,
        operation: &str,
        told: &Told,
    ) -> Result<Audited<T>, Refusal> {
        self.calls.count(false);
        // What the candidate would refuse is what is to be learnt of it.
        let notable = told.candidate.is_some_and(Opinion::is_notable);
        let permit = if changes || notable { Err(permit) } else { self.audit.permit_read(permit) };
        if permit.is_ok() && !matches!(self.via, Via::Argv(_)) {
            self.calls.look(operation);
        }
        permit.or_else(|permit| {
            let recorded = self.audit.permit_call(permit, named(operation), self.record(told));
            recorded.map_err(Refusal::Unrecorded)
        })
    }

    /// Records what a call has made, as the daemon's answer says. A name that docker made up is asked for.
    pub(super) fn record_made(&self, makes: &(Object, String), answer: &[u8]) {
        let Some(mut made) = Made::of(makes, answer) else { return };
        if made.name.is_empty() && made.object == Object::Container {
            let found = world::daemon::inspect(&self.policy.host, made.object, &made.id).ok().flatten();
            let name = found.as_ref().and_then(|found| found.get("Name")?.as_str()).unwrap_or_default();
            name.trim_start_matches('/').clone_into(&mut made.name);
        }
        let kind = made.object.name();
        let made = audit::made::Made { via: self.via.word(), kind, name: &made.name, object: &made.id };
        // It is made, and the call has its record: that this one is missing stops nothing any more.
        let _ = self.audit.made(&made);
    }

    /// A refusal of what is no call, with its record.
    pub(super) fn refused(&self, denial: Denial, shown: &str) -> Refusal {
        let told = Told::refused(shown, denial.reason, self);
        self.refuse(denial, "", &told)
    }

    pub(super) fn refuse(&self, denial: Denial, operation: &str, told: &Told) -> Refusal {
        let mut denial = advice::fitted(&self.policy.settings, denial);
        if matches!(self.via, Via::Proxy) {
            denial = advice::on_a_socket(denial);
        }
        self.refuse_as(&denial.clone(), operation, told, Refusal::Denied(denial))
    }

    /// A refusal with its record, of which the client is told otherwise.
    fn refuse_as(&self, denial: &Denial, operation: &str, told: &Told, refusal: Refusal) -> Refusal {
        self.calls.count(true);
        match self.audit.deny_call(denial, named(operation), self.record(told)) {
            Ok(()) => refusal,
            Err(error) => Refusal::Unrecorded(error),
        }
    }

    /// What a call's path names, or what it looks at, and is not there for this key, so that the client is told no more
    /// than of what is not there at all. What is named for another use is another matter: where a client is told that
    /// it is not there, it fetches an image.
    fn missing(&self, call: &Call, demands: &[Demand], facts: &Facts) -> Option<Refusal> {
        demands.iter().find_map(|demand| {
            let Want::Object { object, name, touch } = &demand.want else { return None };
            let named = Reference { object: *object, name: name.clone() };
            if *touch != Touch::Look && !call.names().any(|of_path| of_path == named) {
                return None;
            }
            let denial = self.policy.judge((), std::slice::from_ref(demand), facts).err()?;
            (denial.reason == Reason::OutOfScope).then_some(Refusal::Missing(named))
        })
    }

    /// Who asks.
    pub(super) fn asks(&self) -> Owner {
        Owner { account: self.owner.account.clone(), key: self.owner.key.clone() }
    }

    fn record<'a>(&'a self, told: &Told<'a>) -> ApiCall<'a> {
        ApiCall { via: self.via.word(), shown: told.shown, candidate: told.candidate }
    }

    /// Whether a call puts an archive into a container, which the policy does not permit by itself, so that what is
    /// in it counts.
    pub(super) fn is_archive(&self, route: &Route) -> bool {
        puts_archive(route) && self.policy.screen(&[cp()]).is_err()
    }

    /// A call that docker makes for a command which was permitted by its words is no operation of its own. Under an
    /// allow-list a call is on it with any command that makes it.
    fn by_command(&self, policy: &Policy, call: &Call, (part, by_others): (bool, bool), demands: &mut Vec<Demand>) {
        let is_operation = |demand: &Demand| matches!(demand.want, Want::Operation { .. });
        match &self.via {
            Via::Argv(command) if part || call.is_part_of(command) => demands.retain(|demand| !is_operation(demand)),
            Via::Argv(_) => {}
            Via::DialStdio | Via::Proxy if by_others => {}
            Via::DialStdio | Via::Proxy => by_allow_list(policy, call, demands),
        }
    }

    /// The networks that what is started would be in: by their names, and the daemon looks for those when it starts it.
    fn joined_by_start(&self, demands: &[Demand]) -> Result<Vec<Demand>, Unreachable> {
        if !self.policy.settings.watches(Object::Network) {
            return Ok(Vec::new());
        }
        let started = demands.iter().filter_map(|demand| match &demand.want {
            Want::Starts(Starts::Named(names)) => Some(names),
            _ => None,
        });
        let mut joined = Vec::new();
        for name in started.flatten() {
            let found = daemon::inspect(&self.policy.host, Object::Container, name)?;
            joined.extend(found.iter().flat_map(existing::networks));
        }
        Ok(joined)
    }

    /// Whether this key has made what the path of a call names. What has no name or id of its own yet could be another's by
    /// the time that the daemon looks for it, so it is not the key's.
    fn has_made(&self, call: &Call, objects: &Objects) -> Result<bool, Unreachable> {
        let Some(named) = call.names().next() else { return Ok(true) };
        let Some(name) = objects.meant(&named) else { return Ok(false) };
        let host = &self.policy.host;
        let Some(found) = daemon::inspect(host, named.object, name)? else { return Ok(false) };
        if named.object == Object::Container {
            return Ok(terminal::is_own(&Inspected::of(host, found)?, &self.owner));
        }
        let labels = found.pointer("/Config/Labels").or_else(|| found.get("Labels"));
        Ok(self.owner.is_of(|name| labels?.get(name)?.as_str()))
    }

    /// A file of the project that Compose mounts read-only is a secret or a config, as its words were judged.
    fn by_project(&self, demands: &mut [Demand], facts: &Facts) {
        if !matches!(&self.via, Via::Argv(command) if command.starts_with("compose ")) {
            return;
        }
        for demand in demands {
            match &demand.want {
                Want::Bind { source, read_only: true } if facts.daemon_may_not_mount(source).is_none() => {
                    demand.want = Want::DaemonMount { path: source.clone() };
                }
                _ => {}
            }
        }
    }
}

fn is_attach(call: &Call) -> bool {
    call.answer() == Answer::Hijack && call.operation() == "attach"
}

fn puts_archive(route: &Route) -> bool {
    let endpoint = route.endpoint();
    endpoint.method == Method::Put && endpoint.path == "/containers/{container}/archive"
}

fn cp() -> Demand {
    Demand::new(Want::Operation { name: "cp".to_owned(), instead: false }, "cp")
}

/// Whether an allow-list has a changing call not as the command that it is, but as a part of another one: a client that
/// speaks the API sends such parts by themselves, for whatever it likes.
fn is_only_a_part(policy: &Policy, call: &Call) -> bool {
    let Some(allowed) = &policy.settings.allowed.value else { return false };
    call.changes() && !allowed.iter().any(|entry| operations::covers(entry, call.operation()))
}

/// Under an allow-list a call is on it with any command that makes it, and that is not blocked.
pub fn by_allow_list(policy: &Policy, call: &Call, demands: &mut [Demand]) {
    let Some(allowed) = &policy.settings.allowed.value else { return };
    let is_blocked = |name: &str| operations::Sought::of(name).is_in(&policy.settings.blocked.value);
    let mut commands = allowed.iter().flat_map(|entry| operations::members(entry));
    let Some(operation) = commands.find(|name| call.is_part_of(name) && !is_blocked(name)) else { return };
    if !demands.iter().any(|demand| matches!(&demand.want, Want::Operation { name, .. } if is_blocked(name))) {
        rename(demands, operation);
    }
}

/// Whatever starts has its mounts looked up again by the daemon.
fn mounted(demands: &mut Vec<Demand>) {
    let started = demands.iter().filter_map(|demand| match &demand.want {
        Want::Starts(Starts::Named(names)) => {
            Some(Demand::new(Want::Mounted(Existing::Named(names.clone())), demand.word.clone()))
        }
        _ => None,
    });
    let started: Vec<Demand> = started.collect();
    demands.extend(started);
}

/// The operation that a call counts as.
pub fn rename(demands: &mut [Demand], operation: &str) {
    for demand in demands {
        if let Want::Operation { name, .. } = &mut demand.want {
            operation.clone_into(name);
        }
    }
}

/// The operation that a call is, by itself; empty for `/_ping`.
fn operation(demands: &[Demand]) -> &str {
    let named = demands.iter().find_map(|demand| match &demand.want {
        Want::Operation { name, .. } => Some(name.as_str()),
        _ => None,
    });
    named.unwrap_or_default()
}

fn named(operation: &str) -> &str {
    if operation.is_empty() { "-" } else { operation }
}

fn unknown(call: &Call, why: &Unreachable) -> Denial {
    let hint = "try again; if it stays so, the administrator finds this record in the log";
    Denial::new(Reason::Unreachable, call.name(), format!("what it names could not be looked up ({why})"), hint)
}
