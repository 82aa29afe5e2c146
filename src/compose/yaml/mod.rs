//! YAML: a Compose file's text as a tree, read event by event so that nothing of it is lost or guessed. Pure.
//!
//! The reader says of every scalar whether it was quoted, and go-yaml's rules ([`scalar`]) say what it means.
//! [`write`] writes the tree again in the one form that both read alike.

use self::scalar::{Meaning, meaning};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag as YamlTag};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

pub mod merge;
pub mod scalar;
pub mod write;

/// Values and keys, and 64 bytes of text each, aliases written out; a Compose file of more is not one. Compose
/// has the same limit.
pub const MAX_SIZE: usize = 100_000;

/// Lists and maps within each other, aliases written out.
pub const MAX_DEPTH: usize = 100;

/// A value, with what it takes to write it out.
#[derive(Debug)]
pub struct Node {
    pub content: Content,
    pub tag: Tag,
    /// Whether it or something in it has a tag of Compose's.
    pub tagged: bool,
    /// In the unit of [`MAX_SIZE`].
    size: usize,
    depth: usize,
}

#[derive(Debug)]
pub enum Content {
    /// `plain`: without quotes, so that it can mean a number or another thing than its text.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
pub type Entry = (Rc<Node>, Rc<Node>);

/// The tags that a value may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    None,
    /// What an earlier file says there is forgotten (Compose specification, "Merge").
    Reset,
    /// It takes the place of what an earlier file says.
    Override,
}

/// Why a text was not read. What the text says is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not YAML; the line and the column, counted from 1.
    Syntax(usize, usize),
    /// A tag that Compose gives no meaning to; its line.
    ForeignTag(usize),
    /// A list, a map or null as a key; its line.
    OddKey(usize),
    /// A key for the second time in a map; the line at which the map ends.
    TwiceTheKey(usize),
    /// An alias of something that is not there, or that it is part of; its line.
    OddAlias(usize),
    /// A merge key whose value is no map and no list of maps, or that hides a tag; its line is not known.
    OddMerge,
    TooLarge,
    TooDeep,
}

impl Node {
    pub(super) fn new(content: Content, tag: Tag) -> Self {
        let (mut size, mut depth, mut tagged) = (1, 0, tag != Tag::None);
        let mut add = |child: &Node| {
            size = child.size.saturating_add(size);
            depth = depth.max(child.depth + 1);
            tagged |= child.tagged;
        };
        match &content {
            Content::Scalar { text, .. } => size += text.len() / 64,
            Content::Sequence(items) => items.iter().for_each(|item| add(item)),
            Content::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                add(key);
                add(value);
            }),
        }
        Self { content, tag, tagged, size, depth }
    }
}

/// What is being read: a list or map whose end has not come yet.
struct Open {
    /// In a map, keys and values by turns.
    children: Vec<Rc<Node>>,
    is_map: bool,
    anchor: usize,
    tag: Tag,
}

/// Reads every document of a text.
///
/// # Errors
/// A [`Fault`] for what is not YAML, and for what is larger than [`MAX_SIZE`] once it is written out.
pub fn read(text: &str) -> Result<Vec<Rc<Node>>, Fault> {
    let mut parser = Parser::new_from_str(text);
    let mut reader = Reader::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Fault::Syntax(error.marker().line(), error.marker().col() + 1))?;
        reader.event(event, span.start.line())?;
    }
    Ok(reader.documents)
}

#[derive(Default)]
struct Reader {
    documents: Vec<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    size: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), Fault> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned().ok_or(Fault::OddAlias(line))?;
                self.put(node, 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (tag, is_text) = scalar_tag(tag.as_ref(), line)?;
                let plain = style == ScalarStyle::Plain && !is_text;
                let node = Node::new(Content::Scalar { text: text.into_owned(), plain }, tag);
                self.put(Rc::new(node), anchor)
            }
            Event::SequenceStart(anchor, tag) => self.open(false, anchor, container_tag(tag.as_ref(), "seq", line)?),
            Event::MappingStart(anchor, tag) => self.open(true, anchor, container_tag(tag.as_ref(), "map", line)?),
            Event::SequenceEnd | Event::MappingEnd => self.close(line),
        }
    }

    fn open(&mut self, is_map: bool, anchor: usize, tag: Tag) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.open.push(Open { children: Vec::new(), is_map, anchor, tag });
        Ok(())
    }

    fn close(&mut self, line: usize) -> Result<(), Fault> {
        let Some(Open { children, is_map, anchor, tag }) = self.open.pop() else { return Ok(()) };
        let content = if is_map {
            let mut entries = Vec::with_capacity(children.len() / 2);
            let mut children = children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            unlike(&entries, line)?;
            Content::Mapping(entries)
        } else {
            Content::Sequence(children)
        };
        self.put(Rc::new(Node::new(content, tag)), anchor)
    }

    fn put(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Fault> {
        // Counted as it grows, so that no more than this is ever held.
        self.size = self.size.saturating_add(1);
        if node.size > MAX_SIZE || self.size > MAX_SIZE {
            return Err(Fault::TooLarge);
        }
        if node.depth + self.open.len() > MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }
}

/// Keys are scalars, and each stands in a map once, as Compose has it.
fn unlike(entries: &[Entry], line: usize) -> Result<(), Fault> {
    let mut seen = std::collections::HashSet::new();
    for (key, _) in entries {
        match &key.content {
            // `null` is no text, and Compose takes no other keys.
            Content::Scalar { text, plain: true } if meaning(text) == Meaning::Null => return Err(Fault::OddKey(line)),
            Content::Scalar { text, .. } if key.tag == Tag::None => {
                if !seen.insert(text) {
                    return Err(Fault::TwiceTheKey(line));
                }
            }
            _ => return Err(Fault::OddKey(line)),
        }
    }
    Ok(())
}

/// The core schema's own (`!!str`), as the reader gives it.
fn core(tag: &YamlTag) -> Option<&str> {
    tag.is_yaml_core_schema().then_some(tag.suffix.as_str())
}

fn composes(tag: &YamlTag) -> Option<Tag> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("!", "reset") => Some(Tag::Reset),
        ("!", "override") => Some(Tag::Override),
        _ => None,
    }
}

/// The tag, and whether it says that the scalar is a text whatever it looks like.
fn scalar_tag(tag: Option<&Cow<'_, YamlTag>>, line: usize) -> Result<(Tag, bool), Fault> {
    let Some(tag) = tag else { return Ok((Tag::None, false)) };
    match core(tag) {
        Some("str") => Ok((Tag::None, true)),
        _ => composes(tag).map(|tag| (tag, false)).ok_or(Fault::ForeignTag(line)),
    }
}

fn container_tag(tag: Option<&Cow<'_, YamlTag>>, own: &str, line: usize) -> Result<Tag, Fault> {
    let Some(tag) = tag else { return Ok(Tag::None) };
    if core(tag) == Some(own) { Ok(Tag::None) } else { composes(tag).ok_or(Fault::ForeignTag(line)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named_by_its_place() {
        for (text, fault) in [
            ("a: [", Fault::Syntax(2, 1)),
            ("a: 'b\n", Fault::Syntax(1, 4)),
            ("a: !mine b", Fault::ForeignTag(1)),
            ("a: !!int 3", Fault::ForeignTag(1)),
            ("%TAG ! tag:x,1:\n---\na: !reset b", Fault::ForeignTag(3)),
            ("a: !!map [b]", Fault::ForeignTag(1)),
            ("? [a]\n: b", Fault::OddKey(3)),
            ("a: {~: b}", Fault::OddKey(1)),
            (":\n", Fault::OddKey(2)),
            ("a: &a [*a]", Fault::OddAlias(1)),
            ("a: &a x\n---\nb: *a", Fault::OddAlias(3)),
            ("x: 1\na: {b: 1, b: 2}", Fault::TwiceTheKey(2)),
            ("a: {1: 1, '1': 2}", Fault::TwiceTheKey(1)),
        ] {
            assert_eq!(read(text).unwrap_err(), fault, "{text}");
        }
    }

    #[test]
    fn what_grows_without_bound_is_counted_before_it_is_written_out() {
        let name = |number: u8| char::from(b'a' + number);
        let laughs: String = (1..12)
            .map(|i| format!("{}: &{0} [{}]\n", name(i), vec![format!("*{}", name(i - 1)); 9].join(",")))
            .collect();
        assert_eq!(read(&format!("a: &a [x]\n{laughs}")).unwrap_err(), Fault::TooLarge);
        assert_eq!(read(&format!("a: {}", "x".repeat(65 * MAX_SIZE))).unwrap_err(), Fault::TooLarge);
        for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
            // The reader has a limit of its own, further up.
            assert!(matches!(read(&text).unwrap_err(), Fault::TooDeep | Fault::Syntax(..)));
        }
        let deep: String = (1..200).map(|i| format!("x{i}: &x{i} [*x{}]\n", i - 1)).collect();
        assert_eq!(read(&format!("x0: &x0 []\n{deep}")).unwrap_err(), Fault::TooDeep);
    }
}
