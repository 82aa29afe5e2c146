//! Labels: whose an object is. Those of the gate's own are set by the gate alone. Pure.

use super::query::{Given, Query};
use crate::demand::{Demand, Reach, Want};
use serde_json::{Map, Value};

/// What every label of the gate's own begins with.
pub const OWN: &str = "dockgate.";

/// By which Compose finds what belongs to a project (compose `pkg/api/labels.go`).
pub(super) const PROJECT: &str = "com.docker.compose.project";

/// The labels of what a request makes; of everything that it makes each is set, so that none is inherited from
/// an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The key's label, empty where it has none; `None` where each call says which of the account's keys it is of.
    pub key: Option<String>,
    pub account: String,
    /// The id of the record.
    pub id: String,
}

/// Which key of an account a call says that it is of, and by which record: what a gate, whose daemon this guard is,
/// has set on what the call makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    pub key: Option<String>,
    pub id: Option<String>,
}

impl Ownership {
    /// Names and values.
    pub fn labels(&self) -> [(&'static str, &str); 3] {
        [(ACCOUNT, &self.account), (KEY, self.key.as_deref().unwrap_or_default()), (ID, &self.id)]
    }

    /// As of the key that a call says, where any of the account's may.
    #[must_use]
    pub fn claimed(&self, claim: &Claim) -> Self {
        if self.key.is_some() {
            return self.clone();
        }
        let key = Some(claim.key.clone().unwrap_or_default());
        Self { key, account: self.account.clone(), id: claim.id.as_ref().unwrap_or(&self.id).clone() }
    }

    /// Whether this key of this account has made what has these labels.
    pub fn is_of<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        label(ACCOUNT) == Some(&self.account)
            && self.key.as_ref().map_or(label(KEY).is_some(), |key| label(KEY) == Some(key))
    }
}

const ACCOUNT: &str = "dockgate.account";
/// The label of the key.
pub const KEY: &str = "dockgate.key";
/// The label of the record.
pub const ID: &str = "dockgate.id";

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

/// Takes what another gate has set out of a map of labels, as far as it has the form of that.
pub(super) fn take_claim(labels: &mut Map<String, Value>) -> Claim {
    let mut take = |name: &str, is_sound: fn(&str) -> bool| {
        let value = labels.get(name).and_then(Value::as_str).filter(|value| is_sound(value))?.to_owned();
        labels.remove(name);
        Some(value)
    };
    let claim = Claim { key: take(KEY, |key| key.is_empty() || is_plain(key)), id: take(ID, is_plain) };
    // Whose account it is is known of whoever has connected.
    take(ACCOUNT, |_| true);
    claim
}

/// Whether a text is plain enough for a label of a key, the id of a record, or the name of a profile.
pub fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    !text.is_empty() && text.len() <= 64 && text.chars().all(plain)
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
        } else if name == PROJECT && !value.is_empty() {
            Want::Project { project: Some(value.to_owned()), reach: Reach::Containers }
        } else {
            return None;
        };
        Some(Demand::new(want, format!("{place}: {name}={value}")))
    });
    demands.collect()
}
