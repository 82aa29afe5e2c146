//! Settings: the values that a policy file's tables set, laid over one another. Pure.
//!
//! The built-in default sets every knob; the file's top level and then a profile each set some of them. Each
//! value remembers who set it.

use super::operations;
use super::tables::{Commands, Host, Limits, Overlay};
use super::values::{self, BindMount, Mode, Name};
use crate::demand::Object;
use std::collections::BTreeMap;
use std::fmt;
use wildmatch::WildMatch;

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
    /// Runtimes that `--runtime` may name.
    pub runtimes: Set<Vec<String>>,
    /// What may be looked at and not touched, by kind.
    pub protected: BTreeMap<Object, Set<Vec<Pattern>>>,
    /// If set, the only objects of a kind that there are for these keys.
    pub only: BTreeMap<Object, Set<Option<Only>>>,
    /// The most memory, in bytes, that a container may be given.
    pub memory: Set<Option<u64>>,
    /// The most processor time, in thousandths of a processor.
    pub cpus: Set<Option<u64>>,
    /// The most processes.
    pub pids: Set<Option<u64>>,
    /// The host's ports that may be published, from first to last.
    pub ports: Set<Option<Vec<(u16, u16)>>>,
    /// The images that containers may be made of.
    pub images: Set<Option<Vec<Pattern>>>,
    /// How many containers that were started through the gate may run.
    pub containers_at_once: Set<Option<u64>>,
    /// How many requests of the account may be served at once.
    pub sessions: Set<Option<u64>>,
    /// For how many seconds a command may run.
    pub duration: Set<Option<u64>>,
    /// For how many seconds a command may say nothing.
    pub idle: Set<Option<u64>>,
}

/// A name, with `*` for any text and `?` for any character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, name: &str) -> bool {
        WildMatch::new(&self.0).matches(name)
    }
}

/// Which objects of a kind there are for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// What it has made through the gate.
    Own,
    /// Those with such a name.
    Names(Vec<Pattern>),
}

/// The kinds that can be protected, in the policy file's order.
pub const OBJECTS: &[Object] = &[Object::Container, Object::Volume, Object::Network, Object::Image];

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
            runtimes: Set::built_in(Vec::new()),
            protected: OBJECTS.iter().map(|object| (*object, Set::built_in(Vec::new()))).collect(),
            only: OBJECTS.iter().map(|object| (*object, Set::built_in(None))).collect(),
            memory: Set::built_in(None),
            cpus: Set::built_in(None),
            pids: Set::built_in(None),
            ports: Set::built_in(None),
            images: Set::built_in(None),
            containers_at_once: Set::built_in(None),
            sessions: Set::built_in(None),
            duration: Set::built_in(None),
            idle: Set::built_in(None),
        }
    }
}

impl Settings {
    /// Lays an overlay's values over these.
    pub fn lay(&mut self, overlay: &Overlay, origin: &Origin) {
        let Overlay { mode, commands, host, containers, volumes, networks, images, limits } = overlay.clone();
        let Commands { blocked, allowed } = commands;
        let Host { bind_mounts, devices, capabilities, namespaces, privileged, runtimes } = host;
        self.mode.lay(mode, origin);
        self.blocked.lay(blocked.map(|names| names.into_iter().map(|name| name.0).collect()), origin);
        self.allowed.lay(allowed.map(|names| Some(names.into_iter().map(|name| name.0).collect())), origin);
        self.bind_mounts.lay(bind_mounts.map(|mounts| mounts.0), origin);
        self.devices.lay(devices.map(|paths| paths.into_iter().map(|path| path.0).collect()), origin);
        self.capabilities.lay(capabilities.map(|names| names.into_iter().map(|name| name.0).collect()), origin);
        self.namespaces
            .lay(namespaces.map(|names| names.into_iter().map(|name| name.name().to_owned()).collect()), origin);
        self.privileged.lay(privileged, origin);
        self.runtimes.lay(runtimes, origin);
        let patterns = |names: Vec<Name>| names.into_iter().map(|name| Pattern(name.0)).collect::<Vec<_>>();
        for (object, table) in [
            (Object::Container, containers),
            (Object::Volume, volumes),
            (Object::Network, networks),
            (Object::Image, images),
        ] {
            if let Some(set) = self.protected.get_mut(&object) {
                set.lay(table.protected.map(patterns), origin);
            }
            let only = table.only.map(|only| match only {
                values::Only::Own => Only::Own,
                values::Only::Names(names) => Only::Names(names.into_iter().map(Pattern).collect()),
            });
            if let Some(set) = self.only.get_mut(&object) {
                set.lay(only.map(Some), origin);
            }
        }
        let Limits { memory, cpus, pids, ports, images, containers, sessions, duration, idle } = limits;
        self.memory.lay(memory.map(|size| Some(size.0)), origin);
        self.cpus.lay(cpus.map(|count| Some(count.0)), origin);
        self.pids.lay(pids.map(|count| Some(count.get())), origin);
        self.ports.lay(ports.map(|ports| Some(ports.into_iter().map(|range| (range.0, range.1)).collect())), origin);
        self.images.lay(images.map(|names| Some(patterns(names))), origin);
        self.containers_at_once.lay(containers.map(|count| Some(count.get())), origin);
        self.sessions.lay(sessions.map(|count| Some(count.get())), origin);
        self.duration.lay(duration.map(|period| Some(period.0)), origin);
        self.idle.lay(idle.map(|period| Some(period.0)), origin);
    }

    /// What of a kind is protected.
    pub fn protected(&self, object: Object) -> &[Pattern] {
        self.protected.get(&object).map_or(&[], |set| &set.value)
    }

    /// The only ones of a kind; `None`: all.
    pub fn only(&self, object: Object) -> Option<&Only> {
        self.only.get(&object).and_then(|set| set.value.as_ref())
    }

    /// Whether a rule is about the objects of a kind, so that they have to be looked up.
    pub fn watches(&self, object: Object) -> bool {
        let counted = object == Object::Container && self.containers_at_once.value.is_some();
        counted || self.only(object).is_some() || !self.protected(object).is_empty()
    }
}
