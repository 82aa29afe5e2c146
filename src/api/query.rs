//! The query of a call: keys that its endpoint has, each once, with values of their kind. Pure.
//!
//! dockerd reads a form body and the query as one, takes the first of two equal keys, and knows many spellings
//! of a boolean. What goes on has one spelling for each.

use super::json;
use super::row::{Key, Takes};
use super::target::encode;
use serde_json::{Map, Value};

/// A query, checked against the keys of an endpoint, in alphabetical order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(&'static Key, Given)>);

/// What a key was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Flag(bool),
    Number(i64),
    Text(String),
    Texts(Vec<String>),
    Json(Value),
}

/// The longest text; longer ones are JSON.
const MOST_TEXT: usize = 8 * 1024;

impl Query {
    /// Checks the pairs of a target.
    ///
    /// # Errors
    /// The key that is unknown, there twice, or has a value that is not of its kind: in words, `KEY: why`.
    pub fn read(keys: &'static [Key], pairs: &[(String, String)]) -> Result<Self, String> {
        for (index, (name, _)) in pairs.iter().enumerate() {
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                return Err(format!("{name}: this endpoint has no such key that the gate knows"));
            };
            let again = pairs.iter().skip(index + 1).any(|(other, _)| other == name);
            if again && !matches!(key.takes, Takes::Texts | Takes::First) {
                return Err(format!("{name}: it is there twice"));
            }
        }
        let mut found = Vec::new();
        for key in keys {
            let values: Vec<&str> =
                pairs.iter().filter(|(name, _)| name == key.name).map(|(_, value)| value.as_str()).collect();
            let given = given(key, &values).map_err(|why| format!("{}: {why}", key.name))?;
            found.extend(given.map(|given| (key, given)));
        }
        found.sort_by_key(|(key, _)| key.name);
        Ok(Self(found))
    }

    /// What a key was given.
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, given)| given)
    }

    /// The members of a key's JSON object, to be changed.
    pub(super) fn object_mut(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        self.0.iter_mut().find(|(key, _)| key.name == name).and_then(|(_, given)| match given {
            Given::Json(value) => value.as_object_mut(),
            _ => None,
        })
    }

    /// The text of a key; empty where it is not there.
    pub fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Given::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether a flag is there and set.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some(&Given::Flag(true))
    }

    /// All that is there.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Key, &Given)> {
        self.0.iter().map(|(key, given)| (*key, given))
    }

    /// Puts a value in the place of a key's, or adds it.
    pub fn set(&mut self, key: &'static Key, value: Given) {
        match self.0.iter_mut().find(|(known, _)| known.name == key.name) {
            Some((_, given)) => *given = value,
            None => {
                self.0.push((key, value));
                self.0.sort_by_key(|(key, _)| key.name);
            }
        }
    }

    /// Takes a key out.
    pub fn leave_out(&mut self, key: &str) {
        self.0.retain(|(known, _)| known.name != key);
    }

    /// `?a=1&b=c`, or nothing.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (key, given) in &self.0 {
            for value in given.texts() {
                text.push(if text.is_empty() { '?' } else { '&' });
                encode(key.name, &mut text);
                text.push('=');
                encode(&value, &mut text);
            }
        }
        text
    }
}

impl Given {
    /// As a query has it, once for each time.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Flag(set) => vec![if *set { "1" } else { "0" }.to_owned()],
            Self::Number(number) => vec![number.to_string()],
            Self::Text(text) => vec![text.clone()],
            Self::Texts(texts) => texts.clone(),
            Self::Json(value) => vec![value.to_string()],
        }
    }

    /// What it asks for, each by itself: the items of a list.
    pub fn items(&self) -> Vec<String> {
        match self {
            Self::Json(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
            }
            _ => self.texts(),
        }
    }
}

fn given(key: &Key, values: &[&str]) -> Result<Option<Given>, String> {
    let Some(&value) = values.first() else { return Ok(None) };
    if values.iter().any(|value| value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))) {
        return Err("it holds a control character".to_owned());
    }
    let json = || json::read(value.as_bytes()).map_err(|why| format!("not JSON that every server reads alike ({why})"));
    let given = match key.takes {
        Takes::Flag => Given::Flag(match value {
            "1" | "true" | "True" => true,
            "" | "0" | "false" | "False" => false,
            _ => return Err(format!("{value} is neither 1 nor 0")),
        }),
        Takes::Number if value.is_empty() => return Ok(None),
        Takes::Number => Given::Number(number(value).ok_or_else(|| format!("{value} is not a whole number"))?),
        Takes::Text | Takes::Texts | Takes::First if values.iter().any(|value| value.len() > MOST_TEXT) => {
            return Err("it is longer than 8 KiB".to_owned());
        }
        Takes::Text | Takes::First => Given::Text(value.to_owned()),
        Takes::Texts => Given::Texts(values.iter().map(|&value| value.to_owned()).collect()),
        Takes::One(known) if known.contains(&value) => Given::Text(value.to_owned()),
        Takes::One(known) => return Err(format!("{value} is not one of: {}", known.join(", "))),
        Takes::Filters | Takes::List | Takes::Map | Takes::Limits if matches!(value, "" | "null") => return Ok(None),
        Takes::Filters => Given::Json(filters(json()?)?),
        Takes::List => Given::Json(check(json()?, |value| {
            value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
        })?),
        Takes::Map => Given::Json(check(json()?, |value| {
            value.as_object().is_some_and(|map| map.values().all(|value| value.is_string() || value.is_null()))
        })?),
        Takes::Limits => Given::Json(check(json()?, is_ulimits)?),
    };
    Ok(Some(given))
}

/// As strict as Go's `strconv`, but without `+` and leading zeros.
fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

fn check(value: Value, holds: impl Fn(&Value) -> bool) -> Result<Value, String> {
    if holds(&value) { Ok(value) } else { Err("its JSON is not of the shape that Docker's API gives it".to_owned()) }
}

/// `[{"Name": "nofile", "Soft": 1, "Hard": 2}]`
fn is_ulimits(value: &Value) -> bool {
    let is_ulimit = |item: &Value| {
        item.as_object().is_some_and(|map| {
            map.iter().all(|(key, value)| match key.as_str() {
                "Name" => value.is_string(),
                "Soft" | "Hard" => value.is_i64(),
                _ => false,
            })
        })
    };
    value.as_array().is_some_and(|items| items.iter().all(is_ulimit))
}

/// An object of sets (`{"label": {"a=b": true}}`); lists are turned into sets, as dockerd does.
fn filters(value: Value) -> Result<Value, String> {
    let Value::Object(filters) = value else { return Err("filters are a JSON object".to_owned()) };
    // The daemon reads all of them as the one, or all as the other (moby api/types/filters).
    if filters.values().any(Value::is_array) && filters.values().any(Value::is_object) {
        return Err("some are lists and some are sets".to_owned());
    }
    let mut canonical = Map::new();
    for (name, values) in filters {
        if !FILTERS.contains(&name.as_str()) {
            return Err(format!("{name} is not a filter that the gate knows"));
        }
        let set: Option<Map<String, Value>> = match values {
            Value::Object(set) => set.values().all(|value| *value == Value::Bool(true)).then_some(set),
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Some((text, Value::Bool(true))),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        canonical.insert(name.clone(), Value::Object(set.ok_or_else(|| format!("{name}: neither a list nor a set"))?));
    }
    Ok(Value::Object(canonical))
}

/// The filters of all of Docker's lists and prunes (API 1.51), in alphabetical order.
const FILTERS: &[&str] = &[
    "all",
    "ancestor",
    "before",
    "builtin",
    "capability",
    "config",
    "container",
    "daemon",
    "dangling",
    "description",
    "desired-state",
    "driver",
    "enabled",
    "event",
    "exited",
    "expose",
    "health",
    "id",
    "image",
    "inuse",
    "is-automated",
    "is-official",
    "is-task",
    "isolation",
    "label",
    "label!",
    "membership",
    "mode",
    "name",
    "network",
    "node",
    "parent",
    "plugin",
    "private",
    "publish",
    "reference",
    "role",
    "runtime",
    "scope",
    "secret",
    "service",
    "shared",
    "since",
    "stars",
    "status",
    "type",
    "until",
    "unused-for",
    "volume",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::row::{filters, first, flag, list, map, number, one, text, texts};

    const KEYS: &[Key] = &[
        flag("all"),
        number("limit"),
        text("since"),
        first("file"),
        texts("names"),
        filters(),
        list("cachefrom"),
        map("buildargs").secret(),
        one("condition", &["removed", "next-exit"]),
    ];

    fn read(query: &str) -> Result<Query, String> {
        let target = crate::api::target::Target::parse(&format!("/x?{query}")).map_err(str::to_owned)?;
        Query::read(KEYS, &target.query)
    }

    #[test]
    fn what_clients_send_is_read_and_written_in_one_spelling() {
        for (sent, written) in [
            ("", ""),
            ("all=True&limit=-1", "?all=1&limit=-1"),
            ("all=False", "?all=0"),
            ("all=", "?all=0"),
            ("limit=", ""),
            ("filters=", ""),
            ("names=b&names=a", "?names=b&names=a"),
            ("file=b&file=a", "?file=b"),
            ("filters=%7B%22label%22%3A%5B%22a%22%5D%7D", "?filters=%7B%22label%22:%7B%22a%22:true%7D%7D"),
            ("buildargs=%7B%22A%22%3Anull%7D", "?buildargs=%7B%22A%22:null%7D"),
            ("condition=removed", "?condition=removed"),
        ] {
            let query = read(sent).unwrap();
            assert_eq!(query.encode(), written, "{sent}");
            let again = read(written.trim_start_matches('?')).unwrap();
            assert_eq!(again.encode(), written, "{sent}");
        }
    }

    #[test]
    fn what_is_unknown_or_twice_is_refused_by_name() {
        for query in [
            "x=1",
            "ALL=1",
            "al%6c=1&all=0",
            "all=1&all=1",
            "all=yes",
            "all=+1",
            "limit=+1",
            "limit=01",
            "limit=1.0",
            "since=%07",
            "filters=x",
            "filters=[]",
            "filters=%7B%22odd%22%3A%5B%5D%7D",
            "filters=%7B%22label%22%3A%7B%22a%22%3Afalse%7D%7D",
            "filters=%7B%22label%22%3A%5B%5D%2C%22label%22%3A%5B%5D%7D",
            "filters=%7B%22label%22%3A%5B%5D%2C%22name%22%3A%7B%7D%7D",
            "cachefrom=%7B%7D",
            "buildargs=%7B%22A%22%3A1%7D",
            "condition=x",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
        assert!(FILTERS.is_sorted());
    }
}
