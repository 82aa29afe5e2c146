//! Parts of a long record, joined again in whatever order they come. Pure.

use super::line::Fields;
use std::collections::{BTreeMap, VecDeque};

/// So many records may wait for parts; of more, the one that waits longest is given up.
const WAITING: usize = 512;

/// Records of which not every part has come.
#[derive(Debug, Default)]
pub struct Join {
    waiting: BTreeMap<String, Vec<Option<Part>>>,
    order: VecDeque<String>,
    /// Names of the records of which a part never came.
    pub given_up: Vec<String>,
}

#[derive(Debug)]
struct Part {
    /// The fields in front of the request, the number of the part left out.
    front: String,
    request: String,
}

impl Join {
    /// Takes one part in; the message of the whole record when it was the last one missing.
    pub fn take(&mut self, fields: &Fields<'_>) -> Option<String> {
        let (number, count) = fields.part()?;
        let name = format!("{} {} {}", fields.host, fields.verdict(), fields.id());
        if !self.waiting.contains_key(&name) {
            self.order.push_back(name.clone());
            if self.waiting.len() >= WAITING {
                let oldest = self.order.pop_front()?;
                if self.waiting.remove(&oldest).is_some() {
                    self.give_up(oldest);
                }
            }
        }
        // No more parts than the longest request can need, whatever the line says.
        let parts = self.waiting.entry(name.clone()).or_insert_with(|| (0..count.min(4096)).map(|_| None).collect());
        let place = parts.get_mut(number - 1)?;
        // A part that comes again is the first one's copy.
        place.get_or_insert_with(|| Part::of(fields));
        if parts.iter().any(Option::is_none) {
            return None;
        }
        let parts = self.waiting.remove(&name)?;
        self.order.retain(|waiting| *waiting != name);
        let mut parts = parts.into_iter().flatten();
        let Part { front, mut request } = parts.next()?;
        parts.for_each(|part| request.push_str(&part.request));
        Some(format!("{front} request=\"{request}\""))
    }

    /// The names of all that is not whole at the end.
    pub fn end(mut self) -> Vec<String> {
        let left: Vec<String> = std::mem::take(&mut self.waiting).into_keys().collect();
        left.into_iter().for_each(|name| self.give_up(name));
        self.given_up
    }

    fn give_up(&mut self, name: String) {
        if self.given_up.len() < WAITING {
            self.given_up.push(name);
        }
    }
}

impl Part {
    fn of(fields: &Fields<'_>) -> Self {
        let mut front = String::new();
        for (name, value) in fields.fields.iter().filter(|(name, _)| !matches!(&**name, "part" | "request")) {
            let space = if front.is_empty() { "" } else { " " };
            front.push_str(&format!("{space}{name}=\"{value}\""));
        }
        // A record is known by its first word.
        let front = front.replacen("verdict=\"", "verdict=", 1).replacen('"', "", 1);
        Self { front, request: fields.get("request").unwrap_or_default().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str, part: &str, request: &str) -> String {
        format!("verdict=deny command=\"compose up\" id={id} part={part} request=\"{request}\"")
    }

    #[test]
    fn parts_join_in_any_order() {
        let mut join = Join::default();
        let mut take = |line: &str| join.take(&Fields::of(line).unwrap());
        assert_eq!(take(&part("1-1", "3/3", "c")), None);
        assert_eq!(take(&part("2-2", "1/2", "x")), None);
        assert_eq!(take(&part("1-1", "1/3", "a")), None);
        assert_eq!(take(&part("1-1", "1/3", "again")), None);
        let whole = take(&part("1-1", "2/3", "b")).unwrap();
        assert_eq!(whole, "verdict=deny command=\"compose up\" id=\"1-1\" request=\"abc\"");
        assert_eq!(join.end(), [" deny 2-2"]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut join = Join::default();
        for id in 0..WAITING + 3 {
            assert_eq!(join.take(&Fields::of(&part(&id.to_string(), "1/2", "x")).unwrap()), None);
        }
        assert_eq!(join.waiting.len(), WAITING);
        assert_eq!(join.given_up, [" deny 0", " deny 1", " deny 2"]);
    }
}
