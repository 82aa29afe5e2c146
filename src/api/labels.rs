//! Labels: whose an object is. Those of the gate's own are set by the gate alone. Pure.

use super::query::{Given, Query};
use crate::demand::{Demand, Reach, Want};
use crate::denial::{Denial, Reason};
use serde_json::Value;

/// What every label of the gate's own begins with.
const OWN: &str = "dockgate.";

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

/// Refuses labels of the gate's own.
pub(super) fn refuse_own(body: Option<&Value>, query: &Query, about: &str) -> Result<(), Denial> {
    for (place, labels) in maps(body, query) {
        if let Some(name) = labels.as_object().and_then(|map| map.keys().find(|name| name.starts_with(OWN))) {
            return Err(Denial::new(
                Reason::ReservedLabel,
                format!("{about}, {place}: {name}"),
                "labels of this name say whose something is, and only the gate sets them",
                "leave it out; every other name is free",
            ));
        }
    }
    Ok(())
}

/// What the labels ask for: what carries a project's label is taken for the project's.
pub(super) fn demands(body: Option<&Value>, query: &Query) -> Vec<Demand> {
    let projects = maps(body, query).filter_map(|(place, labels)| {
        let project = labels.get(PROJECT)?.as_str()?;
        let want = Want::Project { project: Some(project.to_owned()), reach: Reach::Containers };
        Some(Demand::new(want, format!("{place}: {PROJECT}={project}")))
    });
    projects.collect()
}
