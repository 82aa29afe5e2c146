//! Joined: the namespaces of another container of the same Compose project, where all that the other one has is what
//! this one could have, too. Acts: asks the daemon.

use super::objects::{Inspected, Objects};
use super::terminal::is_own;
use crate::api::call::Call;
use crate::api::demands::Reference;
use crate::api::existing;
use crate::api::labels::Ownership;
use crate::demand::{Demand, Object, Touch};
use crate::docker::asks;
use crate::facts::Unreachable;
use crate::policy::rules::labels::PROJECT;
use crate::world::daemon;
use serde_json::Value;

/// Containers that join each other, one after the other.
const MAX_DEPTH: usize = 8;

/// Puts what a joined container has in the place of the demand for its namespace, where this key has made it for the
/// same project. What cannot be told of it leaves the demand as it is.
pub(super) fn judged_again(
    host: &str,
    call: &Call,
    objects: &Objects,
    owner: &Ownership,
    demands: Vec<Demand>,
) -> Result<Vec<Demand>, Unreachable> {
    let labels = call.body().and_then(|body| body.get("Labels"));
    let project = labels.and_then(|labels| labels.get(PROJECT)?.as_str());
    let Some(project) = project.filter(|_| demands.iter().any(|demand| existing::joined(&demand.want).is_some()))
    else {
        return Ok(demands);
    };
    let mut known = Vec::new();
    let mut left: Vec<(Demand, usize)> = demands.into_iter().map(|demand| (demand, 0)).collect();
    while let Some((demand, depth)) = left.pop() {
        let other = existing::joined(&demand.want).filter(|_| depth < MAX_DEPTH);
        let has = match other {
            Some(other) => given(host, objects, owner, project, other)?,
            None => None,
        };
        match has {
            Some(has) => left.extend(has.into_iter().map(|has| {
                let word = format!("{} (with {})", demand.word, has.word);
                (Demand::new(has.want, word).with_hint(Some(ANEW.to_owned())), depth + 1)
            })),
            None => known.push(demand),
        }
    }
    known.reverse();
    Ok(known)
}

const ANEW: &str = "the container that is joined has more than this key may give; docker compose up --force-recreate makes it anew, by the file";

/// What comes with a container, if it is one that this key has made for the project.
fn given(
    host: &str,
    objects: &Objects,
    owner: &Ownership,
    project: &str,
    other: &str,
) -> Result<Option<Vec<Demand>>, Unreachable> {
    let reference = Reference { object: Object::Container, name: other.to_owned() };
    let id = objects.resolved.ids.get(&reference).map_or(other, String::as_str);
    let Some(container) = daemon::inspect(host, Object::Container, id)? else { return Ok(None) };
    // Nothing else is meant by it later.
    if container.get("Id").and_then(Value::as_str) != Some(id) {
        return Ok(None);
    }
    let inspected = Inspected::of(host, container)?;
    let labels = inspected.container.pointer("/Config/Labels");
    let same = labels.and_then(|labels| labels.get(PROJECT)?.as_str()) == Some(project);
    if !same || !is_own(&inspected, owner) {
        return Ok(None);
    }
    let touched = Demand::new(asks::object(Object::Container, id, Touch::Change), id);
    Ok(existing::given(&inspected.container).map(|mut has| {
        has.push(touched);
        has
    }))
}
