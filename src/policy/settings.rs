//! Settings: the values that a policy file's tables set, laid over one another. Pure.
//!
//! The built-in default sets every knob; the file's top level and then a profile each set some of them. Each
//! value remembers who set it.

use super::file::{Commands, Host, Overlay};
use super::{BindMount, Mode, operations};
use std::fmt;

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    BuiltIn,
    File,
    Profile(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::File => f.write_str("the policy file"),
            Self::Profile(name) => write!(f, "profile {name}"),
        }
    }
}

/// A value and who set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Set<T> {
    fn built_in(value: T) -> Self {
        Self { value, origin: Origin::BuiltIn }
    }

    fn lay(&mut self, value: Option<T>, origin: &Origin) {
        if let Some(value) = value {
            *self = Self { value, origin: origin.clone() };
        }
    }
}

/// Every knob that a profile can turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub mode: Set<Mode>,
    /// Blocked operations, in docker's words.
    pub blocked: Set<Vec<String>>,
    /// If set, nothing else is allowed.
    pub allowed: Set<Option<Vec<String>>>,
    pub bind_mounts: Set<Vec<BindMount>>,
    pub devices: Set<Vec<String>>,
    pub capabilities: Set<Vec<String>>,
    pub namespaces: Set<Vec<String>>,
    pub privileged: Set<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Set::built_in(Mode::Enforce),
            blocked: Set::built_in(operations::DEFAULT.iter().map(|row| row.name.to_owned()).collect()),
            allowed: Set::built_in(None),
            bind_mounts: Set::built_in(Vec::new()),
            devices: Set::built_in(Vec::new()),
            capabilities: Set::built_in(Vec::new()),
            namespaces: Set::built_in(Vec::new()),
            privileged: Set::built_in(false),
        }
    }
}

impl Settings {
    /// Lays an overlay's values over these.
    pub fn lay(&mut self, overlay: &Overlay, origin: &Origin) {
        let Overlay { mode, commands, host } = overlay.clone();
        let Commands { blocked, allowed } = commands;
        let Host { bind_mounts, devices, capabilities, namespaces, privileged } = host;
        self.mode.lay(mode, origin);
        self.blocked.lay(blocked.map(|names| names.into_iter().map(|name| name.0).collect()), origin);
        self.allowed.lay(allowed.map(|names| Some(names.into_iter().map(|name| name.0).collect())), origin);
        self.bind_mounts.lay(bind_mounts.map(|mounts| mounts.into_iter().map(|mount| mount.0).collect()), origin);
        self.devices.lay(devices.map(|paths| paths.into_iter().map(|path| path.0).collect()), origin);
        self.capabilities.lay(capabilities.map(|names| names.into_iter().map(|name| name.0).collect()), origin);
        self.namespaces
            .lay(namespaces.map(|names| names.into_iter().map(|name| name.name().to_owned()).collect()), origin);
        self.privileged.lay(privileged, origin);
    }
}
