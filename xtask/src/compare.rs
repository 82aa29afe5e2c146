//! The catalogue beside an installed docker's command tree. Pure.

use crate::help::{Flag, Help, Takes};
use crate::tree::{self, Tree};
use anyhow::{Context, Result, bail};
use dockgate::docker::catalogue::{self, Found};
use dockgate::docker::row::{self, Command, Opt};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One thing in which docker and the catalogue differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) kind: Kind,
    /// A command or a group, then what of it: `run --use-api-socket`.
    pub(crate) what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// In docker, not in the catalogue.
    New,
    /// In the catalogue, not in this docker.
    Gone,
    /// In both, written in another way.
    Changed,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::New => "new",
            Kind::Gone => "gone",
            Kind::Changed => "changed",
        };
        write!(f, "{kind:8} {}", self.what)
    }
}

/// What was compared, and what differs.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) commands: usize,
    pub(crate) spellings: usize,
    pub(crate) flags: usize,
    pub(crate) differences: BTreeSet<Difference>,
}

impl Comparison {
    pub(crate) fn new(tree: &Tree) -> Self {
        let mut comparison = Self::default();
        for command in catalogue::commands().filter(|command| is_installed(tree, command)) {
            comparison.row(tree, command);
        }
        for (spelling, node) in tree {
            match catalogue::find(spelling) {
                Found::Leaf(_) | Found::Both(_) => {}
                _ if is_group(spelling, &node.help) => {
                    comparison.add(spelling, options(tree, spelling, &node.help));
                }
                _ => comparison.note(Kind::New, spelling),
            }
        }
        let root = tree.get("").map(|node| &node.help.plugins);
        for plugin in root.into_iter().flatten().filter(|name| matches!(catalogue::find(name), Found::Nothing)) {
            comparison.note(Kind::New, plugin);
        }
        comparison
    }

    fn row(&mut self, tree: &Tree, command: &'static Command) {
        let (present, absent): (Vec<&str>, Vec<&str>) =
            catalogue::spellings(command).partition(|spelling| tree.contains_key(*spelling));
        if present.is_empty() {
            return self.note(Kind::Gone, command.name);
        }
        self.commands += 1;
        self.spellings += present.len();
        for spelling in absent {
            self.note(Kind::Gone, spelling);
        }
        // What all spellings differ in stands once.
        let mut differing: BTreeMap<(Kind, String), Vec<&str>> = BTreeMap::new();
        for (spelling, node) in present.iter().filter_map(|spelling| Some((*spelling, tree.get(*spelling)?))) {
            self.flags += node.help.flags.len();
            let order = node.anywhere.filter(|anywhere| *anywhere != command.flags_anywhere).map(|anywhere| {
                let what = if anywhere { "options may follow operands" } else { "options end at the first operand" };
                (Kind::Changed, format!(": {what}"))
            });
            for difference in options(tree, spelling, &node.help).into_iter().chain(order) {
                differing.entry(difference).or_default().push(spelling);
            }
        }
        for ((kind, what), spellings) in differing {
            let all = spellings.len() == present.len();
            for subject in if all { vec![command.name] } else { spellings } {
                self.differences.insert(Difference { kind, what: format!("{subject}{what}") });
            }
        }
    }

    fn add(&mut self, spelling: &str, found: Vec<(Kind, String)>) {
        let subject = if spelling.is_empty() { "docker" } else { spelling };
        let named = found.into_iter().map(|(kind, what)| Difference { kind, what: format!("{subject}{what}") });
        self.differences.extend(named);
    }

    fn note(&mut self, kind: Kind, what: &str) {
        self.differences.insert(Difference { kind, what: what.to_owned() });
    }
}

/// Whether the program that the row belongs to is there at all.
fn is_installed(tree: &Tree, command: &Command) -> bool {
    match command.name.split(' ').next() {
        Some(plugin @ ("compose" | "buildx")) => tree.contains_key(plugin),
        _ => true,
    }
}

fn is_group(spelling: &str, help: &Help) -> bool {
    spelling.is_empty() || !help.commands.is_empty()
}

/// The differences between the options that the catalogue and docker have for a spelling.
fn options(tree: &Tree, spelling: &str, help: &Help) -> Vec<(Kind, String)> {
    let known = tree::options(spelling);
    let mut found = Vec::new();
    let has = |option: &Opt, name: &str| option.long == name || option.also.contains(&name);
    let root = tree::command_name(spelling).split(' ').next().unwrap_or_default();
    let of_root = |name: &str| spelling != root && is_persistent(root, name);
    let root_lacks = |name: &str| tree.get(root).is_some_and(|node| !node.help.flags.contains_key(name));
    for (long, flag) in &help.flags {
        let at_group = matches!(catalogue::find(spelling), Found::Group) && of_root(long);
        if !at_group && !known.iter().any(|option| has(option, long)) {
            found.push((Kind::New, format!(" --{long}{}", shape(flag))));
        }
    }
    for option in known {
        for name in std::iter::once(option.long).chain(option.also.iter().copied()) {
            match help.flags.get(name) {
                // Said of the root already.
                None if of_root(name) && root_lacks(name) => {}
                None => found.push((Kind::Gone, format!(" --{name}"))),
                Some(flag) => {
                    found.extend(changes(option, flag).map(|what| (Kind::Changed, format!(" --{name}: {what}"))))
                }
            }
        }
    }
    found
}

/// Whether an option of a plugin's root is taken by everything below it too.
fn is_persistent(root: &str, name: &str) -> bool {
    let below = |command: &&Command| command.name.split(' ').next() == Some(root);
    catalogue::root_options(root).unwrap_or_default().iter().any(|option| option.long == name)
        && catalogue::commands().filter(below).all(|command| command.all_options().any(|option| option.long == name))
}

fn changes(option: &Opt, flag: &Flag) -> impl Iterator<Item = String> {
    let takes = match (option.takes, flag.takes) {
        (row::Takes::Switch, Takes::Nothing)
        | (row::Takes::Value, Takes::One)
        | (row::Takes::List, Takes::Many)
        | (row::Takes::Value | row::Takes::List, Takes::Value) => None,
        (_, Takes::Nothing) => Some("takes no value".to_owned()),
        (row::Takes::Switch, _) => Some("takes a value".to_owned()),
        (_, Takes::One) => Some("takes one value".to_owned()),
        (_, Takes::Many) => Some("takes a value each time".to_owned()),
    };
    let short = match (option.short, flag.short) {
        (known, found) if known == found => None,
        (_, Some(found)) => Some(format!("has the letter -{found}")),
        (Some(known), None) => Some(format!("has not the letter -{known}")),
        (None, None) => None,
    };
    takes.into_iter().chain(short)
}

/// How a flag is written, for one that the catalogue does not have.
fn shape(flag: &Flag) -> String {
    let letter = flag.short.map_or_else(String::new, |short| format!(" -{short}"));
    let value = match flag.takes {
        Takes::Nothing => "",
        Takes::One => " VALUE",
        Takes::Many => " VALUE…",
        Takes::Value => " VALUE?",
    };
    format!("{letter}{value}")
}

/// A row for a command that the catalogue does not have, to start from.
pub(crate) fn suggestion(spelling: &str, help: &Help) -> String {
    let options: Vec<String> = help
        .flags
        .iter()
        .map(|(long, flag)| {
            let kind = match flag.takes {
                Takes::Nothing => "switch",
                Takes::One => "value",
                Takes::Many | Takes::Value => "list",
            };
            let short = flag.short.map_or_else(String::new, |short| format!(".short('{short}')"));
            format!("{kind}(\"{long}\"){short}")
        })
        .collect();
    let options = if options.is_empty() { String::new() } else { format!(".options(&[&[{}]])", options.join(", ")) };
    format!("Command::new(\"{spelling}\"){options},")
}

/// The differences that a file explains, `KIND WHAT  # REASON` a line.
pub(crate) fn explained(text: &str) -> Result<BTreeSet<Difference>> {
    let mut explained = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (difference, reason) = line.split_once('#').with_context(|| format!("no reason in {line:?}"))?;
        let words: Vec<&str> = difference.split_whitespace().collect();
        let (kind, what) = words.split_first().with_context(|| format!("no difference in {line:?}"))?;
        let kind = match *kind {
            "new" => Kind::New,
            "gone" => Kind::Gone,
            "changed" => Kind::Changed,
            _ => bail!("neither new, gone nor changed: {line:?}"),
        };
        if what.is_empty() || reason.trim().is_empty() {
            bail!("nothing explained in {line:?}");
        }
        if !explained.insert(Difference { kind, what: what.join(" ") }) {
            bail!("explained twice: {line:?}");
        }
    }
    Ok(explained)
}
