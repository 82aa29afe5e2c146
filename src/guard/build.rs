//! Build: the gRPC of builds on a connection of this guard's, each of its calls judged and recorded as others are.
//! Acts.

use super::told::Told;
use super::wire::Wire;
use super::{Guard, Via};
use crate::api::build::Stamp;
use crate::api::build::session;
use crate::api::forward::Forward;
use crate::api::labels;
use crate::demand::{Demand, Want};
use crate::grpc::judge::{Endpoint, Judge, Judged, Side};
use crate::grpc::mediate;
use anyhow::{Context, Result};

/// Who a build is for: a context that was sent before is found again by this, and by nobody else.
fn owner(guard: &Guard) -> String {
    format!("{}/{}", guard.owner.account, guard.owner.key.as_deref().unwrap_or_default())
}

/// Makes what a session says of itself in its head the gate's own.
pub(super) fn of_session(guard: &Guard, forward: &mut Forward) {
    let owner = owner(guard);
    let headers = std::mem::take(&mut forward.headers);
    let known = headers.into_iter().filter_map(|(name, value)| {
        let value = session::header(&name.to_ascii_lowercase(), &value, &owner)?;
        Some((name, value))
    });
    forward.headers = known.collect();
}

/// Mediates a connection that the daemon has upgraded.
///
/// # Errors
/// When it cannot be waited for.
pub(super) fn serve(guard: &Guard, endpoint: Endpoint, client: Wire, daemon: Wire) -> Result<()> {
    let images = guard.policy.settings.images.value.as_ref();
    // Not the id of the record: what is built anew out of the same would be another image each time, and Compose would
    // put a container of it in the place of the one that runs.
    let labels = guard.owner.labels().into_iter().filter(|(name, _)| *name != labels::ID);
    let stamp = Stamp {
        owner: owner(guard),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        keeps_key: guard.owner.key.is_none(),
        images: images.map(|patterns| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect()),
    };
    let judge = BuildJudge { guard, stamp };
    // Every call has been counted by the judge.
    mediate(endpoint, side(client)?, side(daemon)?, &judge).map(drop)
}

fn side(wire: Wire) -> Result<Side> {
    let Wire { input, output, ahead, .. } = wire;
    Ok(Side { input, output: output.context("a side that has ended")?, ahead: ahead.data().to_vec() })
}

struct BuildJudge<'a> {
    guard: &'a Guard,
    stamp: Stamp,
}

impl Judge for BuildJudge<'_> {
    fn judge(&self, call: &Judged<'_>) -> Result<(), String> {
        let guard = self.guard;
        let shown = format!("gRPC {}", call.method);
        let mut operation = "build";
        let (verdict, told) = match &call.asked {
            Ok(demands) => {
                let demands = by_words(&guard.via, demands);
                let facts = guard.look_up(&guard.policy, &demands);
                let told = Told { shown: &shown, candidate: guard.opinion_of(&demands) };
                operation = call.asked.as_ref().map_or(operation, |asked| refused(guard, asked));
                (guard.policy.judge((), &demands, &facts), told)
            }
            Err(denial) => (Err(denial.clone()), Told::refused(&shown, denial.reason, guard)),
        };
        match verdict {
            Ok(permit) => guard.record_permit(permit, call.changes, operation, &told).map(drop),
            Err(denial) => Err(guard.refuse(denial, operation, &told)),
        }
        .map_err(|refusal| refusal.words(guard.audit.id()))
    }

    fn stamp(&self) -> &Stamp {
        &self.stamp
    }
}

/// The operation that a build may not be, `push`; else it is just a build.
fn refused<'a>(guard: &Guard, demands: &'a [Demand]) -> &'a str {
    let blocked = demands.iter().find_map(|demand| match &demand.want {
        Want::Operation { name, .. } if guard.policy.screen(std::slice::from_ref(demand)).is_err() => {
            Some(name.as_str())
        }
        _ => None,
    });
    blocked.unwrap_or("build")
}

/// What docker was started to do has been judged by its words; anything else that it does is judged here.
fn by_words(via: &Via, demands: &[Demand]) -> Vec<Demand> {
    let said = |demand: &Demand| match (&demand.want, via) {
        (Want::Operation { name, instead: false }, Via::Argv(command)) => {
            command.starts_with("compose ") || command == name || (name == "build" && command == "buildx build")
        }
        _ => false,
    };
    demands.iter().filter(|demand| !said(demand)).cloned().collect()
}
