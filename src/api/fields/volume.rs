//! Volumes. Data only.

use super::super::row::{Field, Shape, beyond, free, judged, like};
use super::super::rules::word;
use crate::demand::{Demand, Object, Touch};
use crate::docker::asks;
use crate::docker::row::Ask;
use serde_json::Value;

/// The body of `/volumes/create`.
pub const CREATE: &[Field] = &[
    judged("Name", Shape::Text, made),
    like("Driver", Shape::Text, Ask::VolumeDriver),
    like("DriverOpts", Shape::Map, Ask::VolumeOption),
    free("Labels", Shape::Map),
    beyond("ClusterVolumeSpec", Shape::Object(&[]), "cluster volumes belong to the administrator"),
];

fn made(value: &Value, place: &str) -> Vec<Demand> {
    let name = word(value);
    vec![Demand::new(asks::object(Object::Volume, &name, Touch::Make), format!("{place}: {name}"))]
}
