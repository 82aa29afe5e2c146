//! Labels: whose an object is. Those of the gate's own are set by the gate alone. Pure.

use super::query::{Given, Query};
use crate::demand::{Demand, Reach, Want};
use serde_json::Value;

/// What every label of the gate's own begins with.
pub const OWN: &str = "dockgate.";

/// By which Compose finds what belongs to a project (compose `pkg/api/labels.go`).
const PROJECT: &str = "com.docker.compose.project";

/// The labels of what a request makes; of everything that it makes each is set, so that none is inherited from
/// an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The key's label; empty where it has none.
    pub key: String,
    pub account: String,
    /// The id of the record.
    pub id: String,
}

impl Ownership {
    /// Names and values.
    pub fn labels(&self) -> [(&'static str, &str); 3] {
        [("dockgate.account", &self.account), ("dockgate.key", &self.key), ("dockgate.id", &self.id)]
    }
}

/// Every map of labels in a body, and in the query of a build.
fn maps<'a>(body: Option<&'a Value>, query: &'a Query) -> impl Iterator<Item = (&'static str, &'a Value)> {
    let mounts = body.and_then(|body| body.pointer("/HostConfig/Mounts")).and_then(Value::as_array);
    let mounts = mounts.into_iter().flatten().filter_map(|mount| mount.pointer("/VolumeOptions/Labels"));
    let built = match query.get("labels") {
        Some(Given::Json(labels)) => Some(("labels", labels)),
        _ => None,
    };
    let own = body.and_then(|body| body.get("Labels")).map(|labels| ("Labels", labels));
    own.into_iter().chain(built).chain(mounts.map(|labels| ("VolumeOptions.Labels", labels)))
}

/// Takes labels of the gate's own out of a body.
pub(super) fn leave_out_own(body: Option<&mut Value>) {
    if let Some(labels) = body.and_then(|body| body.get_mut("Labels")).and_then(Value::as_object_mut) {
        labels.retain(|name, _| !name.starts_with(OWN));
    }
}

/// What the labels ask for: to be of the gate's making, or a project's.
pub(super) fn demands(body: Option<&Value>, query: &Query) -> Vec<Demand> {
    let all = maps(body, query).flat_map(|(place, labels)| {
        labels.as_object().into_iter().flatten().map(move |(name, value)| (place, name, value))
    });
    let demands = all.filter_map(|(place, name, value)| {
        let value = value.as_str().unwrap_or_default();
        let want = if name.starts_with(OWN) {
            Want::Label { name: name.clone() }
        } else if name == PROJECT {
            Want::Project { project: Some(value.to_owned()), reach: Reach::Containers }
        } else {
            return None;
        };
        Some(Demand::new(want, format!("{place}: {name}={value}")))
    });
    demands.collect()
}
