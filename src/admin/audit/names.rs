//! Names: what one thing is called in a log, joined by the records of its making. Pure.

use crate::demand::Object;
use std::collections::BTreeMap;
use wildmatch::WildMatch;

/// A beginning of an id has so many digits; docker shows as many.
const DIGITS: usize = 12;

/// So many things under the names that are asked for are remembered.
const THINGS: usize = 10_000;

/// The names that are asked for, and what the log has said to be the same.
#[derive(Debug)]
pub struct Names {
    asked: Vec<(String, WildMatch)>,
    /// What was made under one of them: id and name.
    made: BTreeMap<String, String>,
}

impl Names {
    pub fn of(asked: &[String]) -> Self {
        Self {
            asked: asked.iter().map(|name| (bare(name).to_owned(), WildMatch::new(name))).collect(),
            made: BTreeMap::new(),
        }
    }

    /// Takes in that something was made; says whether it was asked for.
    ///
    /// A name goes to what was made under it last, so that an id's name is its own only until then.
    pub fn learn(&mut self, object: Object, name: &str, id: &str) -> bool {
        let id = bare(id);
        let meant = self.is_asked(object, name) || self.is_asked(object, id);
        if name != "-" {
            self.made.values_mut().filter(|known| *known == name).for_each(String::clear);
        }
        if meant && is_id(id) && self.made.len() < THINGS {
            self.made.insert(id.to_owned(), name.to_owned());
        }
        meant
    }

    /// Whether a name, an id or the beginning of one is of what was asked for.
    pub fn has(&self, object: Object, named: &str) -> bool {
        let id = bare(named);
        let of_id =
            || is_id(id) && self.made.range(id.to_owned()..).next().is_some_and(|(made, _)| made.starts_with(id));
        !named.is_empty() && (self.is_asked(object, named) || of_id() || self.made.values().any(|name| name == named))
    }

    fn is_asked(&self, object: Object, named: &str) -> bool {
        let id = bare(named);
        let is = |(text, pattern): &(String, WildMatch)| {
            pattern.matches(named)
                || (object == Object::Image && WildMatch::new(&tagged(text)).matches(&tagged(named)))
                || (is_id(text) && is_id(id) && (id.starts_with(text.as_str()) || text.starts_with(id)))
        };
        self.asked.iter().any(is)
    }
}

fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn is_id(text: &str) -> bool {
    text.len() >= DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An image without a tag is its latest.
fn tagged(name: &str) -> String {
    match name.rsplit('/').next() {
        Some(last) if !last.contains([':', '@', '*']) => format!("{name}:latest"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "98bdbea8d20a0123456789abcdef";

    #[test]
    fn a_name_and_an_id_are_one_once_it_was_made() {
        for asked in ["web", ID, "98bdbea8d20a", "w*"] {
            let mut names = Names::of(&[asked.to_owned()]);
            assert!(!names.learn(Object::Container, "db", "0123456789abcdef"), "{asked}");
            assert!(names.learn(Object::Container, "web", ID), "{asked}");
            for named in ["web", ID, "98bdbea8d20a", "98bdbea8d20a01"] {
                assert!(names.has(Object::Container, named), "{asked} {named}");
            }
            for named in ["db", "0123456789ab", "98bdbea8d20", "98bdbea8d20b", "-", ""] {
                assert!(!names.has(Object::Container, named), "{asked} {named}");
            }
        }
    }

    #[test]
    fn a_name_goes_to_what_is_made_under_it_next() {
        let mut names = Names::of(&["98bdbea8d20a".to_owned()]);
        names.learn(Object::Container, "web", ID);
        assert!(!names.learn(Object::Container, "web", "0123456789abcdef"));
        assert!(!names.has(Object::Container, "web") && names.has(Object::Container, ID));
        let mut names = Names::of(&["web".to_owned()]);
        names.learn(Object::Container, "web", ID);
        assert!(names.learn(Object::Container, "web", "0123456789abcdef"));
        assert!(names.has(Object::Container, "0123456789ab") && names.has(Object::Container, ID));
    }

    #[test]
    fn an_image_has_its_latest_tag() {
        let app = Names::of(&["app:latest".to_owned()]);
        assert!(
            app.has(Object::Image, "app") && !app.has(Object::Image, "app:2") && !app.has(Object::Container, "app")
        );
        assert!(Names::of(&["sha256:98bdbea8d20a".to_owned()]).has(Object::Image, ID));
    }
}
