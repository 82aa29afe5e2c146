//! The command tree of an installed docker, spelling by spelling.

use crate::docker::{Docker, View};
use crate::help::{Flag, Help, Takes};
use anyhow::Result;
use dockgate::docker::catalogue::{self, Found};
use dockgate::docker::row::Opt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;

/// What docker has under one spelling.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) help: Help,
    /// Whether options may follow operands; `None` where it was not tried.
    pub(crate) anywhere: Option<bool>,
    /// Where to ask further.
    views: Vec<View>,
}

#[cfg(test)]
impl Node {
    pub(crate) fn new(help: Help, anywhere: Option<bool>) -> Self {
        Self { help, anywhere, views: Vec::new() }
    }
}

/// By spelling; docker itself is the empty one.
pub(crate) type Tree = BTreeMap<String, Node>;

/// Asks for everything that help leads to, and for every spelling that the catalogue has.
pub(crate) fn walk(docker: &Docker) -> Result<Tree> {
    let mut tree = Tree::new();
    let mut asked = BTreeSet::new();
    let mut pending = vec![String::new()];
    while !pending.is_empty() {
        asked.extend(pending.iter().cloned());
        let found = parallel(&pending, |spelling| node(docker, spelling))?;
        let mut next = BTreeSet::new();
        for (spelling, node) in pending.iter().zip(found) {
            let Some(node) = node else { continue };
            next.extend(leads(spelling, &node.help));
            tree.insert(spelling.clone(), node);
        }
        pending = next.into_iter().filter(|spelling| !asked.contains(spelling)).collect();
    }
    Ok(tree)
}

/// An option's letter, and the spellings of the command that it could belong to.
type Question = (Option<char>, Vec<String>);

/// Asks for the options of the catalogue that help does not list, or not clearly; how often it asked.
pub(crate) fn probe(docker: &Docker, tree: &mut Tree) -> Result<usize> {
    // Spellings of one command are one command in docker: asking by one of them is enough.
    let mut questions: BTreeMap<(String, &str), Question> = BTreeMap::new();
    for (spelling, node) in &*tree {
        for option in options(spelling) {
            let names = std::iter::once(option.long).chain(option.also.iter().copied());
            for name in names.filter(|name| node.help.flags.get(*name).is_none_or(|flag| flag.takes == Takes::Value)) {
                let command = command_name(spelling).to_owned();
                questions.entry((command, name)).or_insert((option.short, Vec::new())).1.push(spelling.clone());
            }
        }
    }
    let questions: Vec<_> =
        questions.into_iter().map(|((_, long), (short, spellings))| (long, short, spellings)).collect();
    let found = parallel(&questions, |(long, short, spellings)| {
        let Some((spelling, node)) = spellings.first().and_then(|first| tree.get_key_value(first)) else {
            return Ok(None);
        };
        let words: Vec<&str> = spelling.split(' ').filter(|word| !word.is_empty()).collect();
        for view in &node.views {
            if let Some(flag) = docker.flag(*view, &words, long, *short)? {
                return Ok(Some(flag));
            }
        }
        Ok(None::<Flag>)
    })?;
    for ((long, _, spellings), flag) in questions.iter().zip(found) {
        for spelling in spellings {
            if let (Some(node), Some(flag)) = (tree.get_mut(spelling), flag) {
                node.help.flags.entry((*long).to_owned()).or_insert(flag).takes = flag.takes;
            }
        }
    }
    Ok(questions.len())
}

/// The name of the row that a spelling belongs to; a group's is its own.
pub(crate) fn command_name(spelling: &str) -> &str {
    match catalogue::find(spelling) {
        Found::Leaf(command) | Found::Both(command) => command.name,
        Found::Group | Found::Nothing => spelling,
    }
}

/// The options that the catalogue has for a spelling, command or root of commands.
pub(crate) fn options(spelling: &str) -> Vec<&'static Opt> {
    match catalogue::find(spelling) {
        Found::Leaf(command) | Found::Both(command) => command.all_options().collect(),
        Found::Group => catalogue::root_options(spelling).unwrap_or_default().iter().collect(),
        Found::Nothing if spelling.is_empty() => catalogue::GLOBAL.iter().collect(),
        Found::Nothing => Vec::new(),
    }
}

/// The spellings that a help text and the catalogue lead to.
fn leads(spelling: &str, help: &Help) -> Vec<String> {
    let below = |word: &str| if spelling.is_empty() { word.to_owned() } else { format!("{spelling} {word}") };
    let beside = |word: &str| match spelling.rsplit_once(' ') {
        Some((parent, _)) => format!("{parent} {word}"),
        None => word.to_owned(),
    };
    // A plugin that the catalogue does not know is one word that is refused; there is no need to start it.
    let strange = |word: &String| help.plugins.contains(word) && matches!(catalogue::find(word), Found::Nothing);
    let mut leads: Vec<String> = help.commands.iter().filter(|word| !strange(word)).map(|word| below(word)).collect();
    leads.extend(catalogue::words_after(spelling).map(below));
    let (_, parent) = help.path.split_last().unwrap_or((&String::new(), &[])).to_owned();
    for alias in &help.aliases {
        let words: Vec<&str> = alias.split(' ').collect();
        leads.push(match words.as_slice() {
            // `builder b` is `buildx b`, and says so.
            ["docker", above @ .., name] if above == parent => beside(name),
            ["docker", path @ ..] => path.join(" "),
            _ => beside(alias),
        });
    }
    leads
}

/// What docker has under a spelling, in every view that can show something of its own.
fn node(docker: &Docker, spelling: &str) -> Result<Option<Node>> {
    let words: Vec<&str> = spelling.split(' ').filter(|word| !word.is_empty()).collect();
    let views: &[View] = match words.as_slice() {
        [] => &[View::Plugins, View::Bare, View::Linux],
        ["compose" | "buildx", ..] => &[View::Plugins],
        ["build"] | ["builder" | "image", "build"] => &[View::Plugins, View::Bare, View::OldBuilder],
        ["builder"] | ["builder", "prune"] => &[View::Plugins, View::Bare],
        // Buildx, as long as there is one.
        ["builder" | "bake", ..] => &[View::Plugins],
        _ => &[View::Bare, View::Linux],
    };
    let leaf = matches!(catalogue::find(spelling), Found::Leaf(_) | Found::Both(_));
    let mut node: Option<Node> = None;
    for view in views {
        // Only groups differ, and commands that are refused elsewhere.
        if *view == View::Linux && node.as_ref().is_some_and(|node| node.help.commands.is_empty()) {
            continue;
        }
        // Where options may follow operands, help does; where not, the operand is one that nothing has.
        let (help, anywhere) = match leaf {
            false => (docker.help(*view, &words, None)?, None),
            true => match docker.help(*view, &words, Some("dockgate-probe"))? {
                Some(help) => (Some(help), Some(true)),
                None => (docker.help(*view, &words, None)?, Some(false)),
            },
        };
        match (&mut node, help) {
            (_, None) => {}
            (None, Some(help)) => node = Some(Node { help, anywhere, views: vec![*view] }),
            (Some(node), Some(help)) => {
                node.help.merge(help);
                node.views.push(*view);
            }
        }
    }
    Ok(node)
}

/// `work` on every item, on all processors; the results in the items' order.
fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    let poisoned = |_| anyhow::anyhow!("another thread failed");
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(2, usize::from) * 2;
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let Some((index, item)) = next.lock().map_err(|_| poisoned(()))?.next() else { return Ok(()) };
                        let result = work(item)?;
                        done.lock().map_err(|_| poisoned(()))?.insert(index, result);
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| poisoned(()))?)
    })?;
    Ok(done.into_inner().map_err(|_| poisoned(()))?.into_values().collect())
}
