//! Merge keys: `<<`, applied as go-yaml applies them. Pure.

use super::{Content, Entry, Fault, Tag};
use std::collections::HashSet;
use std::rc::Rc;

/// The entries of a map with those that it merges: its own count first, then those of the map under `<<`, or of
/// each map in the list there, in their order; each of them with what it merges itself.
///
/// # Errors
/// [`Fault::OddMerge`] where `<<` is no map or list of maps, or where an entry that does not count has a tag of
/// Compose's: Compose follows such a tag even then.
pub fn entries(map: &[Entry]) -> Result<Vec<Entry>, Fault> {
    let mut merged = Merged { seen: HashSet::new(), entries: Vec::new() };
    merged.map(map)?;
    Ok(merged.entries)
}

struct Merged {
    seen: HashSet<String>,
    entries: Vec<Entry>,
}

impl Merged {
    fn map(&mut self, map: &[Entry]) -> Result<(), Fault> {
        let mut below = None;
        for (key, value) in map {
            let Content::Scalar { text, plain } = &key.content else { continue };
            if *plain && text == "<<" {
                below = Some(value);
            } else if self.seen.insert(text.clone()) {
                self.entries.push((Rc::clone(key), Rc::clone(value)));
            } else if value.tagged {
                return Err(Fault::OddMerge);
            }
        }
        let Some(below) = below else { return Ok(()) };
        if below.tag != Tag::None {
            return Err(Fault::OddMerge);
        }
        match &below.content {
            Content::Mapping(map) => self.map(map),
            Content::Sequence(maps) => maps.iter().try_for_each(|item| match (&item.content, item.tag) {
                (Content::Mapping(map), Tag::None) => self.map(map),
                _ => Err(Fault::OddMerge),
            }),
            Content::Scalar { .. } => Err(Fault::OddMerge),
        }
    }
}
