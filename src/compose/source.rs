//! A Compose file before it is resolved: parsed here, so that Compose reads what was judged. Pure.

use super::nodes::{self, Nodes};
use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};
use serde::de::DeserializeSeed;
use serde_json::{Map, Value};
use serde_norway::Value as Yaml;
use std::cell::Cell;

/// A Compose file as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its content, for judging.
    pub content: Value,
    /// The same as YAML, for Compose: flow style, nothing left to interpretation.
    pub text: String,
}

/// Tags that Compose gives a meaning to when files are merged (Compose specification, "Merge").
const TAGS: &[&str] = &["!reset", "!override"];

/// Brackets within brackets; the YAML reader's time grows with the square of them before it counts them.
const MAX_NESTING: usize = 200;

fn is_deep(text: &str) -> bool {
    let depth = text.bytes().try_fold(0_usize, |depth, byte| match byte {
        b'[' | b'{' => Some(depth + 1).filter(|depth| *depth <= MAX_NESTING),
        b']' | b'}' => Some(depth.saturating_sub(1)),
        _ => Some(depth),
    });
    depth.is_none()
}

/// Reads a Compose file's text.
///
/// # Errors
/// A [`Denial`] where the text is not one YAML document of plain maps, lists and scalars. The message does
/// not repeat the text.
pub fn parse(name: &str, text: &str) -> Result<Source, Denial> {
    let deny = |why: String| {
        let hint = "send one YAML document of plain maps, lists and values, without tags of your own";
        Denial::new(Reason::ProjectModel, name, why, hint)
    };
    if is_deep(text) {
        return Err(deny(format!("its brackets are nested more than {MAX_NESTING} deep")));
    }
    let count = Cell::new(0);
    let counted = Nodes(&count).deserialize(serde_norway::Deserializer::from_str(text));
    if counted.is_err() && count.get() > nodes::MAX {
        return Err(deny(format!("it is too large: more than {} values and keys, aliases written out", nodes::MAX)));
    }
    let mut yaml: Yaml = serde_norway::from_str(text).map_err(|error| {
        let place =
            error.location().map_or_else(String::new, |at| format!(" at line {}, column {}", at.line(), at.column()));
        deny(format!("it cannot be read as one YAML document{place}"))
    })?;
    yaml.apply_merge().map_err(|_| deny("its merge keys (<<) cannot be applied".to_owned()))?;
    let mut text = String::new();
    match write(&yaml, &mut text) {
        Some(content @ Value::Object(_)) => Ok(Source { content, text }),
        Some(_) => Err(deny("it is not a Compose file".to_owned())),
        None => Err(deny("it has tags, or keys that are not plain words".to_owned())),
    }
}

/// Writes a value in flow style, and returns it without its tags.
fn write(yaml: &Yaml, text: &mut String) -> Option<Value> {
    let value = match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Number(number) => serde_json::to_value(number).ok()?,
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Sequence(items) => return sequence(items, text).map(Value::Array),
        Yaml::Mapping(entries) => return mapping(entries, text).map(Value::Object),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            if !TAGS.contains(&tag.as_str()) {
                return None;
            }
            text.push_str(&tag);
            text.push(' ');
            return write(&tagged.value, text);
        }
    };
    text.push_str(&value.to_string());
    Some(value)
}

fn sequence(items: &[Yaml], text: &mut String) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    for (index, item) in items.iter().enumerate() {
        text.push_str(if index == 0 { "[" } else { ", " });
        values.push(write(item, text)?);
    }
    text.push_str(if items.is_empty() { "[]" } else { "]" });
    Some(values)
}

fn mapping(entries: &serde_norway::Mapping, text: &mut String) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    for (index, (key, value)) in entries.iter().enumerate() {
        let key = match key {
            Yaml::String(text) => text.clone(),
            Yaml::Number(number) => number.to_string(),
            Yaml::Bool(value) => value.to_string(),
            Yaml::Null | Yaml::Sequence(_) | Yaml::Mapping(_) | Yaml::Tagged(_) => return None,
        };
        text.push_str(if index == 0 { "{" } else { ", " });
        text.push_str(&Value::String(key.clone()).to_string());
        text.push_str(": ");
        let value = write(value, text)?;
        // A number and a text can be the same key only to us.
        if map.insert(key, value).is_some() {
            return None;
        }
    }
    text.push_str(if entries.is_empty() { "{}" } else { "}" });
    Some(map)
}

/// What resolving the file would make Compose read: other projects, and files of variables.
pub fn demands(file: &Value, directory: &str) -> Vec<Demand> {
    let mut demands = Vec::new();
    if let Some(include) = file.get("include").filter(|include| !include.is_null()) {
        demands.push(Demand::new(Want::UnknownModel { what: "include".to_owned() }, format!("include: {include}")));
    }
    let services = file.get("services").and_then(Value::as_object);
    for (name, service) in services.into_iter().flatten() {
        if let Some(extends) = service.get("extends").filter(|extends| extends.get("file").is_some()) {
            demands.push(Demand::new(
                Want::UnknownModel { what: "extends with a file".to_owned() },
                format!("services.{name}.extends: {extends}"),
            ));
        }
        for key in ["env_file", "label_file"] {
            for path in paths(service.get(key)) {
                demands.push(read(&path, directory, format!("services.{name}.{key}: {path}")));
            }
        }
    }
    demands
}

/// A file named in a Compose file is relative to the project directory. A variable in its name is refused:
/// Compose would put another name there than the one that is judged.
pub fn read(path: &str, directory: &str, word: String) -> Demand {
    if path.contains('$') || path.starts_with('~') {
        return Demand::new(Want::UnknownModel { what: "a file name with a variable".to_owned() }, word);
    }
    Demand::new(Want::ClientRead { path: join(directory, path) }, word)
}

/// Relative to the project directory, as the look-up takes it.
pub fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") }
}

/// `a`, `[a, b]` or `[{path: a}]`.
fn paths(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(path)) => vec![path.clone()],
        Some(Value::Array(items)) => items.iter().flat_map(|item| paths(item.get("path").or(Some(item)))).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![format!("${other}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        demands(&parse("compose.yaml", text).expect("valid").content, "")
            .into_iter()
            .map(|demand| demand.word)
            .collect()
    }

    #[test]
    fn what_would_read_other_files_is_found() {
        assert_eq!(words("services: {a: {image: x, env_file: .ssh/id}}"), ["services.a.env_file: .ssh/id"]);
        assert_eq!(words("services: {a: {env_file: [x, {path: y}]}}").len(), 2);
        assert_eq!(words("services: {a: {label_file: [x]}}").len(), 1);
        assert_eq!(words("include: [x.yaml]").len(), 1);
        assert_eq!(words("\"\\x69nclude\": [x.yaml]").len(), 1);
        assert_eq!(words("services: {a: {extends: {file: x, service: b}}}").len(), 1);
        assert_eq!(words("services: {a: {extends: {service: b}}}").len(), 0);
        assert_eq!(words("x: &x {env_file: y}\nservices: {a: {<<: *x}}"), ["services.a.env_file: y"]);
        assert_eq!(words("services: {a: {image: x}}").len(), 0);
    }

    #[test]
    fn what_compose_reads_is_what_was_judged() {
        let source =
            parse("f", "a: !reset\nb: !override [x, 'y: z']\n3: {c: \"d\\te\"}\nf: {}\ng: []\n").expect("valid");
        assert_eq!(
            source.text,
            r#"{"a": !reset null, "b": !override ["x", "y: z"], "3": {"c": "d\te"}, "f": {}, "g": []}"#
        );
        let again = parse("f", &source.text).expect("valid");
        assert_eq!(again, source);
    }

    #[test]
    fn what_is_not_plain_is_refused_without_repeating_it() {
        for text in ["root:x:0:0", "- a", "a: !mine b", "? [a]\n: b", "a: b\n---\nc: d", "a: [", "a: 1\na: 2", ""] {
            let denial = parse("f", text).expect_err(text);
            assert!(!denial.message.contains("root"), "{}", denial.message);
        }
        let bomb = format!(
            "a: &a [x,x,x,x,x,x,x,x,x]\n{}",
            (0..9)
                .map(|i| format!(
                    "{}: &{} [{}]\n",
                    (b'b' + i) as char,
                    (b'b' + i) as char,
                    vec![format!("*{}", (b'a' + i) as char); 9].join(",")
                ))
                .collect::<String>()
        );
        assert!(parse("f", &bomb).is_err());
    }
}
