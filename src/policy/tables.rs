//! The tables that a policy file's top level and each of its profiles can set, as they are written. Pure. What they
//! come to, laid over one another, is in [`super::settings`].

use super::values::{Capability, Device, Mode, Mounts, Name, Only, Operation, Period, Ports, Processors, Size};
use crate::demand::Namespace;
use serde::Deserialize;
use std::num::NonZeroU64;

/// What a profile sets, and the file's top level.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    pub mode: Option<Mode>,
    pub commands: Commands,
    pub host: Host,
    pub containers: Objects,
    pub volumes: Objects,
    pub networks: Objects,
    pub images: Objects,
    pub limits: Limits,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Commands {
    pub blocked: Option<Vec<Operation>>,
    pub allowed: Option<Vec<Operation>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Host {
    pub bind_mounts: Option<Mounts>,
    pub devices: Option<Vec<Device>>,
    pub capabilities: Option<Vec<Capability>>,
    pub namespaces: Option<Vec<Namespace>>,
    pub privileged: Option<bool>,
    pub runtimes: Option<Vec<String>>,
}

/// Containers, volumes, networks or images.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objects {
    pub protected: Option<Vec<Name>>,
    pub only: Option<Only>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub memory: Option<Size>,
    pub cpus: Option<Processors>,
    pub pids: Option<NonZeroU64>,
    pub ports: Option<Vec<Ports>>,
    pub images: Option<Vec<Name>>,
    pub containers: Option<NonZeroU64>,
    pub sessions: Option<NonZeroU64>,
    pub duration: Option<Period>,
    pub idle: Option<Period>,
}
