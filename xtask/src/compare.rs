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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Node;

    /// A docker that is just as the catalogue has it.
    fn docker() -> Tree {
        let mut tree = Tree::new();
        for command in catalogue::commands() {
            for spelling in catalogue::spellings(command) {
                let ends = spelling.match_indices(' ').map(|(end, _)| end);
                for group in [""].into_iter().chain(ends.map(|end| &spelling[..end])) {
                    let help =
                        Help { commands: catalogue::words_after(group).map(str::to_owned).collect(), ..flags(group) };
                    tree.entry(group.to_owned()).or_insert(Node::new(help, None));
                }
                tree.insert(spelling.to_owned(), Node::new(flags(spelling), Some(command.flags_anywhere)));
            }
        }
        tree
    }

    fn flags(spelling: &str) -> Help {
        let mut help = Help::default();
        for option in tree::options(spelling) {
            let takes = match option.takes {
                row::Takes::Switch => Takes::Nothing,
                row::Takes::Value => Takes::One,
                row::Takes::List => Takes::Many,
            };
            for name in std::iter::once(option.long).chain(option.also.iter().copied()) {
                help.flags.insert(name.to_owned(), Flag { short: option.short, takes });
            }
        }
        help
    }

    fn differences(change: impl Fn(&mut Tree)) -> Vec<String> {
        let mut tree = docker();
        change(&mut tree);
        Comparison::new(&tree).differences.iter().map(ToString::to_string).collect()
    }

    fn flag(tree: &mut Tree, spellings: &[&str], long: &str, change: impl Fn(&mut Flag)) {
        for spelling in spellings {
            let flags = &mut tree.get_mut(*spelling).unwrap().help.flags;
            change(flags.entry(long.to_owned()).or_insert(Flag { short: None, takes: Takes::Many }));
        }
    }

    #[test]
    fn the_catalogue_is_as_itself() {
        assert_eq!(differences(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_difference_is_seen() {
        let run = ["run", "container run"];
        let found = |expected: &str, change: &dyn Fn(&mut Tree)| assert_eq!(differences(change), [expected]);
        found("gone     ps", &|tree| {
            ["ps", "container ls", "container list", "container ps"].iter().for_each(|s| drop(tree.remove(*s)))
        });
        found("gone     container list", &|tree| drop(tree.remove("container list")));
        found("new      sandbox", &|tree| drop(tree.insert("sandbox".to_owned(), Node::new(Help::default(), None))));
        found("new      scout", &|tree| tree.get_mut("").unwrap().help.plugins.extend(["scout".to_owned()]));
        found("new      run --host-root VALUE…", &|tree| flag(tree, &run, "host-root", |_| ()));
        found("new      container run --host-root VALUE…", &|tree| flag(tree, &run[1..], "host-root", |_| ()));
        found("new      image --host VALUE…", &|tree| flag(tree, &["image"], "host", |_| ()));
        found("new      docker --alias VALUE…", &|tree| flag(tree, &[""], "alias", |_| ()));
        found("gone     run --init", &|tree| {
            run.iter().for_each(|s| tree.get_mut(*s).unwrap().help.flags.retain(|long, _| long != "init"))
        });
        found("changed  run --init: takes a value", &|tree| flag(tree, &run, "init", |flag| flag.takes = Takes::One));
        found("changed  run --init: has the letter -I", &|tree| {
            flag(tree, &run, "init", |flag| flag.short = Some('I'))
        });
        found("changed  run --env: has not the letter -e", &|tree| flag(tree, &run, "env", |flag| flag.short = None));
        found("changed  run --env: takes one value", &|tree| flag(tree, &run, "env", |flag| flag.takes = Takes::One));
        found("changed  top: options may follow operands", &|tree| {
            ["top", "container top"].iter().for_each(|s| tree.get_mut(*s).unwrap().anywhere = Some(true));
        });
    }

    #[test]
    fn what_a_root_lacks_is_said_once() {
        let found = differences(|tree| {
            for (spelling, node) in tree {
                if ["buildx", "builder"].contains(&spelling.split(' ').next().unwrap()) {
                    node.help.flags.remove("debug");
                }
            }
        });
        assert_eq!(found, ["gone     builder --debug", "gone     builder build --debug", "gone     buildx --debug"]);
    }

    #[test]
    fn a_plugin_that_is_not_there_is_not_compared() {
        assert_eq!(
            differences(|tree| tree.retain(|spelling, _| !spelling.starts_with("compose"))),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_explanation_has_a_reason() {
        let file =
            "# a docker\n\ngone     run --init   # gone for good\nchanged top: options may follow operands # so\n";
        let found: Vec<_> = explained(file).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["gone     run --init", "changed  top: options may follow operands"]);
        for broken in ["gone run --init", "gone run #", "gone # why", "lost run # why", "gone ps # a\ngone  ps # b"] {
            assert!(explained(broken).is_err(), "{broken}");
        }
    }
}
