//! The catalogue: every command of docker, Compose and buildx that the gate knows. Data, and finding in it.
//!
//! Sources: the command trees of docker 20.10.24, 26.1.5, 28.5.2 and 29.7, Compose 2.26.1, 2.40.3 and 5.5,
//! buildx 0.13.1, 0.29.1 and 0.36. `cargo xtask catalogue` compares these rows with an installed docker.

use super::row::{Ask, Command, Opt, list, switch, value};

mod buildx;
mod compose;
mod container;
mod image;
mod network;
mod plugin;
mod swarm;
mod system;

/// All rows, area by area.
pub const AREAS: &[(&str, &[Command])] = &[
    ("Containers", container::COMMANDS),
    ("Images", image::COMMANDS),
    ("Builds", buildx::COMMANDS),
    ("Compose", compose::COMMANDS),
    ("Networks and volumes", network::COMMANDS),
    ("The daemon, registries and contexts", system::COMMANDS),
    ("Swarm", swarm::COMMANDS),
    ("Plugins, trust, manifests and checkpoints", plugin::COMMANDS),
];

/// Options of docker itself, before the first command word.
pub const GLOBAL: &[Opt] = &[
    value("config").asks(Ask::Configuration),
    value("context").short('c').asks(Ask::Endpoint),
    switch("debug").short('D'),
    value("host").short('H').asks(Ask::Endpoint),
    value("log-level").short('l'),
    switch("tls").asks(Ask::Configuration),
    value("tlscacert").asks(Ask::Configuration),
    value("tlscert").asks(Ask::Configuration),
    value("tlskey").asks(Ask::Configuration),
    switch("tlsverify").asks(Ask::Configuration),
    switch("version").short('v'),
];

/// Options between `compose` and its sub-command.
const COMPOSE_ROOT: &[Opt] = &[
    switch("all-resources"),
    value("ansi"),
    switch("compatibility"),
    switch("dry-run"),
    list("env-file").asks(Ask::Reads),
    list("file").short('f').asks(Ask::ProjectFile),
    list("insecure-registry").asks(Ask::HostSetting("the registry would not have to prove who it is")),
    switch("no-ansi"),
    value("parallel"),
    list("profile"),
    value("progress"),
    value("project-directory").asks(Ask::ProjectDirectory),
    value("project-name").short('p'),
    switch("verbose"),
    switch("version").short('v'),
    value("workdir").asks(Ask::ProjectDirectory),
];

/// Options between `buildx` and its sub-command.
const BUILDX_ROOT: &[Opt] = &[value("builder").asks(Ask::Builder), switch("debug").short('D')];

/// Every row.
pub fn commands() -> impl Iterator<Item = &'static Command> + Clone {
    AREAS.iter().flat_map(|(_, commands)| commands.iter())
}

/// The options that the group of this name takes itself; docker's other groups take none.
pub fn root_options(group: &str) -> Option<&'static [Opt]> {
    match group {
        "compose" => Some(COMPOSE_ROOT),
        "buildx" | "builder" => Some(BUILDX_ROOT),
        _ => None,
    }
}

/// What a sequence of command words stands for.
#[derive(Debug)]
pub enum Found {
    Leaf(&'static Command),
    Group,
    /// A leaf that has sub-commands of its own (`buildx history inspect`).
    Both(&'static Command),
    Nothing,
}

/// Looks up a spelling, its words joined by single spaces.
pub fn find(spelling: &str) -> Found {
    let (mut leaf, mut group) = (None, false);
    let first = spelling.bytes().next();
    for command in commands() {
        // Nearly all differ in their first letter.
        for known in spellings(command).filter(|known| known.bytes().next() == first) {
            match known.strip_prefix(spelling) {
                Some("") => leaf = leaf.or(Some(command)),
                Some(rest) => group |= rest.starts_with(' '),
                None => {}
            }
        }
    }
    match (leaf, group) {
        (Some(command), false) => Found::Leaf(command),
        (Some(command), true) => Found::Both(command),
        (None, true) => Found::Group,
        (None, false) => Found::Nothing,
    }
}

/// The row of this name, which is docker's own verb.
pub fn named(name: &str) -> Option<&'static Command> {
    AREAS.iter().find_map(|(_, rows)| rows.get(rows.binary_search_by(|row| row.name.cmp(name)).ok()?))
}

/// The words that can follow `prefix` (a group's spelling, or empty for docker itself).
pub fn words_after(prefix: &str) -> impl Iterator<Item = &'static str> {
    commands().flat_map(spellings).filter_map(move |known| {
        let rest = if prefix.is_empty() { known } else { known.strip_prefix(prefix)?.strip_prefix(' ')? };
        rest.split(' ').next()
    })
}

/// Every spelling of a row, its own name first.
pub fn spellings(command: &'static Command) -> impl Iterator<Item = &'static str> {
    std::iter::once(command.name).chain(command.also.iter().copied())
}

/// Two words of a spelling, either of which may be empty.
pub(super) fn join(prefix: &str, word: &str) -> String {
    match (prefix, word) {
        ("", word) => word.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, word) => format!("{prefix} {word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_sorted_and_spelled_once() {
        let mut seen = BTreeSet::new();
        for (title, commands) in AREAS {
            assert!(commands.is_sorted_by_key(|command| command.name), "{title}");
            for command in *commands {
                for spelling in spellings(command) {
                    assert!(seen.insert(spelling), "{spelling} stands twice");
                }
            }
        }
        assert!(seen.len() > 300, "{} spellings", seen.len());
    }

    #[test]
    fn options_of_a_row_are_spelled_once() {
        for command in commands() {
            let (mut longs, mut shorts) = (BTreeSet::new(), BTreeSet::new());
            for option in command.all_options() {
                assert!(longs.insert(option.long), "{} --{}", command.name, option.long);
                assert!(option.also.iter().all(|also| longs.insert(also)), "{} --{}", command.name, option.long);
                assert!(option.short.is_none_or(|short| shorts.insert(short)), "{} --{}", command.name, option.long);
                assert_ne!(option.long, "help", "help is built in");
            }
        }
    }

    #[test]
    fn finds_leaves_groups_and_nothing() {
        assert!(matches!(find("container ls"), Found::Leaf(command) if command.name == "ps"));
        assert!(matches!(find("ps"), Found::Leaf(_)));
        assert!(matches!(find("container"), Found::Group));
        assert!(matches!(find("compose bridge"), Found::Group));
        assert!(matches!(find("buildx history inspect"), Found::Both(_)));
        for command in commands() {
            assert!(named(command.name).is_some_and(|found| std::ptr::eq(found, command)), "{}", command.name);
            for spelling in spellings(command) {
                assert!(
                    matches!(find(spelling), Found::Leaf(found) | Found::Both(found) if std::ptr::eq(found, command))
                );
            }
        }
        assert!(named("container ls").is_none() && named("").is_none());
        for unknown in ["", "PS", "ps ", "containe", "docker", "container  ls", "help"] {
            assert!(matches!(find(unknown), Found::Nothing), "{unknown:?}");
        }
    }
}
