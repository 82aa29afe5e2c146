//! Law: a policy of chance, and what it says of a thing, in words of its own: nothing here asks the gate's rules.

use super::world::{Kind, Thing};
use crate::generate::Random;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The only things of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Only {
    Own,
    Names(Vec<&'static str>),
}

/// A policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Law {
    pub(super) protected: BTreeMap<Kind, Vec<&'static str>>,
    pub(super) only: BTreeMap<Kind, Only>,
    pub(super) memory: Option<u64>,
    /// Thousandths of a processor.
    pub(super) cpus: Option<u64>,
    pub(super) pids: Option<i64>,
    pub(super) ports: bool,
    pub(super) images: Option<Vec<&'static str>>,
    pub(super) running: Option<usize>,
    pub(super) grants: Vec<(PathBuf, bool)>,
    unblocked: bool,
}

pub(super) const PORTS: std::ops::RangeInclusive<u16> = 8000..=8010;

impl Law {
    pub(super) fn random(random: &mut Random, grounds: &Path) -> Self {
        let mut law = Self { unblocked: random.one_in(4), ..Self::default() };
        for (kind, patterns) in [
            (Kind::Container, &["shop-*", "vault*", "mine-web", "*idle", "heir-web"][..]),
            (Kind::Volume, &["shop-data", "vault-*", "mine-data"]),
            (Kind::Network, &["edge", "shop-*", "mine-net"]),
            (Kind::Image, &["busybox", "shop/*", "mine/app:1"]),
        ] {
            let chosen: Vec<_> = patterns.iter().copied().filter(|_| random.one_in(5)).collect();
            if !chosen.is_empty() {
                law.protected.insert(kind, chosen);
            }
            let names = match kind {
                Kind::Image => vec!["mine/*", "busybox"],
                Kind::Network => vec!["mine-*", "mine?default", "new_*"],
                _ => vec!["mine-*", "mine_*", "new*"],
            };
            match random.below(7) {
                0 | 1 => {
                    law.only.insert(kind, Only::Own);
                }
                2 => {
                    law.only.insert(kind, Only::Names(names));
                }
                _ => {}
            }
        }
        law.memory = random.one_in(4).then_some(64 << 20);
        law.cpus = random.one_in(4).then_some(500);
        law.pids = random.one_in(4).then_some(64);
        law.ports = random.one_in(4);
        law.images = random.one_in(5).then(|| vec!["busybox", "mine/*"]);
        law.running = random.one_in(6).then_some(2);
        law.grants = match random.below(4) {
            0 => vec![(grounds.join("up"), false)],
            1 => vec![(grounds.join("ro"), true)],
            2 => vec![(grounds.join("up"), false), (grounds.join("ro"), true)],
            _ => Vec::new(),
        };
        law
    }

    /// As a policy file says it.
    pub(super) fn text(&self) -> String {
        let list = |names: &[&str]| format!("{names:?}");
        let mut text = String::new();
        if self.unblocked {
            text.push_str("[commands]\nblocked = []\n");
        }
        for kind in Kind::ALL {
            let _ = writeln!(text, "[{}s]", kind.name());
            if let Some(names) = self.protected.get(kind) {
                let _ = writeln!(text, "protected = {}", list(names));
            }
            match self.only.get(kind) {
                Some(Only::Own) => text.push_str("only = \"own\"\n"),
                Some(Only::Names(names)) => text.push_str(&format!("only = {}\n", list(names))),
                None => {}
            }
        }
        text.push_str("[limits]\n");
        let limits = [
            self.memory.map(|bytes| format!("memory = \"{bytes}b\"")),
            self.cpus.map(|cpus| format!("cpus = {}.{:03}", cpus / 1000, cpus % 1000)),
            self.pids.map(|pids| format!("pids = {pids}")),
            self.ports.then(|| format!("ports = [\"{}-{}\"]", PORTS.start(), PORTS.end())),
            self.images.as_ref().map(|names| format!("images = {}", list(names))),
            self.running.map(|count| format!("containers = {count}")),
        ];
        limits.into_iter().flatten().for_each(|line| text.push_str(&format!("{line}\n")));
        let grants = self
            .grants
            .iter()
            .map(|(path, read_only)| format!("{}{}", path.display(), if *read_only { ":ro" } else { "" }));
        let _ = writeln!(text, "[host]\nbind_mounts = {:?}", grants.collect::<Vec<_>>());
        text
    }

    pub(super) fn protects(&self, kind: Kind, name: &str) -> bool {
        self.protected.get(&kind).is_some_and(|patterns| patterns.iter().any(|pattern| fits(kind, pattern, name)))
    }

    /// Whether a name of this kind is outside of the key's corner; one that it has made is not, where that counts.
    pub(super) fn is_outside(&self, kind: Kind, name: &str, own: bool) -> bool {
        match self.only.get(&kind) {
            None => false,
            Some(Only::Own) => !own,
            Some(Only::Names(patterns)) => !patterns.iter().any(|pattern| fits(kind, pattern, name)),
        }
    }

    /// Whether nothing may become of a thing that was there before.
    pub(super) fn keeps(&self, thing: &Thing) -> bool {
        match self.only.get(&thing.kind) {
            // What has no name of its own.
            Some(_) if thing.names.is_empty() => !thing.own,
            // Not by every name.
            Some(Only::Names(_)) if thing.names.iter().any(|name| !self.is_outside(thing.kind, name, thing.own)) => {
                false
            }
            _ => thing
                .names
                .iter()
                .any(|name| self.protects(thing.kind, name) || self.is_outside(thing.kind, name, thing.own)),
        }
    }
}

/// Whether a pattern means a name; that of an image in any tag, or in one.
pub(super) fn fits(kind: Kind, pattern: &str, name: &str) -> bool {
    let whole = glob(pattern.as_bytes(), name.as_bytes());
    let repository = name.rsplit_once(':').map_or(name, |(repository, _)| repository);
    whole || (kind == Kind::Image && glob(pattern.as_bytes(), repository.as_bytes()))
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => glob(rest, text),
        (Some((b'*', rest)), Some((_, after))) => glob(rest, text) || glob(pattern, after),
        (Some((wanted, rest)), Some((found, after))) if wanted == found || *wanted == b'?' => glob(rest, after),
        _ => false,
    }
}
