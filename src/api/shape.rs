//! The shape of a body: every key known and in its exact spelling, every value of its kind. Pure.
//!
//! Go takes `binds`, `BINDS` and `bind\u017f` for `Binds`; here only `Binds` is. What passes is kept as a tree of
//! known fields, and nothing else goes on to the daemon.

use super::row::{Field, Rule, Shape};
use serde_json::{Map, Value};

/// What is wrong with a body, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// `HostConfig.Binds`
    pub place: String,
    pub why: String,
}

/// The object with the known fields alone, those that are null left out.
pub(super) fn object(fields: &[Field], value: Value, place: &str) -> Result<Value, Misfit> {
    let Value::Object(map) = value else { return misfit(place, "it is not a JSON object") };
    let mut known = Map::new();
    for (key, value) in map {
        let place = join(place, &key);
        let Some(field) = fields.iter().find(|field| field.name == key) else {
            let near = fields.iter().find(|field| folded(field.name) == folded(&key));
            match near {
                // docker-py sends such: it says nothing, and it does not go on.
                None if value.is_null() => continue,
                Some(field) => {
                    return misfit(&place, &format!("the daemon would read it as {}: write that", field.name));
                }
                None => return misfit(&place, "not a field that this gate knows"),
            }
        };
        if !value.is_null() {
            let value = shaped(field.shape, value, &place)?;
            if !matches!(field.rule, Rule::LeftOut) {
                known.insert(key, value);
            }
        }
    }
    Ok(Value::Object(known))
}

fn shaped(shape: Shape, value: Value, place: &str) -> Result<Value, Misfit> {
    let is = |holds: bool, value: Value, kind: &str| {
        if holds { Ok(value) } else { misfit(place, &format!("it is not {kind}")) }
    };
    match shape {
        Shape::Flag => is(value.is_boolean(), value, "true or false"),
        Shape::Number => is(value.is_i64(), value, "a whole number of 64 bits"),
        Shape::Text => is(value.is_string(), value, "text"),
        Shape::Texts => is(all(&value, Value::is_string), value, "a list of text"),
        Shape::Words => is(value.is_string() || all(&value, Value::is_string), value, "text or a list of text"),
        Shape::Numbers => is(all(&value, Value::is_i64), value, "a list of whole numbers"),
        Shape::TextLists => is(all(&value, |list| all(list, Value::is_string)), value, "a list of lists of text"),
        Shape::Map => is(every(&value, Value::is_string), value, "an object of text"),
        Shape::Set => is(every(&value, |value| every(value, |_| false)), value, "an object of empty objects"),
        Shape::Object(fields) => object(fields, value, place),
        Shape::Objects(fields) => match value {
            Value::Array(items) => {
                let mut index = 0..;
                let items = items
                    .into_iter()
                    .map(|item| object(fields, item, &format!("{place}[{}]", index.next().unwrap_or_default())));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            _ => misfit(place, "it is not a list of objects"),
        },
        Shape::Named(fields) => named(value, place, |value, place| match value {
            Value::Null => Ok(Value::Null),
            value => object(fields, value, place),
        }),
        Shape::NamedLists(fields) => named(value, place, |value, place| match value {
            Value::Null => Ok(Value::Null),
            value => shaped(Shape::Objects(fields), value, place),
        }),
    }
}

fn named(value: Value, place: &str, each: impl Fn(Value, &str) -> Result<Value, Misfit>) -> Result<Value, Misfit> {
    let Value::Object(map) = value else { return misfit(place, "it is not an object of objects") };
    let entries = map.into_iter().map(|(key, value)| {
        let value = each(value, &join(place, &key))?;
        Ok((key, value))
    });
    entries.collect::<Result<_, _>>().map(Value::Object)
}

fn misfit<T>(place: &str, why: &str) -> Result<T, Misfit> {
    Err(Misfit { place: place.to_owned(), why: why.to_owned() })
}

fn all(value: &Value, holds: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(holds))
}

fn every(value: &Value, holds: impl Fn(&Value) -> bool) -> bool {
    value.as_object().is_some_and(|map| map.values().all(holds))
}

/// `HostConfig.Binds`
pub(super) fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

/// As Go's decoder compares keys: letters that differ only by case are one, by Unicode's simple folding.
fn folded(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            'ſ' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

/// Null, false, 0, or empty: what a client sends for a field that was not set.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::row::{Rule, free};
    use serde_json::json;

    const INNER: &[Field] = &[free("Type", Shape::Text)];
    const FIELDS: &[Field] = &[
        free("Binds", Shape::Texts),
        free("Memory", Shape::Number),
        free("Init", Shape::Flag),
        free("Cmd", Shape::Words),
        free("Labels", Shape::Map),
        free("Volumes", Shape::Set),
        Field { name: "LogConfig", shape: Shape::Object(INNER), rule: Rule::Inner },
        Field { name: "Nets", shape: Shape::Named(INNER), rule: Rule::Inner },
        Field { name: "Ports", shape: Shape::NamedLists(INNER), rule: Rule::Inner },
        Field { name: "Mounts", shape: Shape::Objects(INNER), rule: Rule::Inner },
        free("ConsoleSize", Shape::Numbers),
        free("Capabilities", Shape::TextLists),
    ];

    #[test]
    fn known_fields_pass_and_null_ones_are_left_out() {
        let body = json!({
            "Binds": ["a"], "Memory": -1, "Init": null, "Cmd": "x", "Labels": {"ſ": "1", "S": "2"}, "Volumes": {"/v": {}},
            "LogConfig": {"Type": ""}, "Nets": {"a": null, "b": {}}, "Ports": {"80/tcp": [{}], "81/tcp": null},
            "Mounts": [{"Type": "bind"}], "ConsoleSize": [0, 0], "Capabilities": [["gpu"]], "Runtime": null,
        });
        let mut expected = body.clone();
        expected.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(object(FIELDS, body, ""), Ok(expected));
    }

    #[test]
    fn everything_else_is_refused_by_its_place() {
        for (body, place) in [
            (json!([]), ""),
            (json!({"binds": ["a"]}), "binds"),
            (json!({"Bindſ": ["a"]}), "Bindſ"),
            (json!({"Odd": 1}), "Odd"),
            (json!({"bindS": null}), "bindS"),
            (json!({"Binds": "a"}), "Binds"),
            (json!({"Binds": [1]}), "Binds"),
            (json!({"Memory": 1.5}), "Memory"),
            (json!({"Memory": "1"}), "Memory"),
            (json!({"Memory": u64::MAX}), "Memory"),
            (json!({"Init": 1}), "Init"),
            (json!({"Labels": {"a": null}}), "Labels"),
            (json!({"Volumes": {"a": {"b": {}}}}), "Volumes"),
            (json!({"LogConfig": {"type": "syslog"}}), "LogConfig.type"),
            (json!({"Nets": {"a": {"b": 1}}}), "Nets.a.b"),
            (json!({"Ports": {"a": [{"b": 1}]}}), "Ports.a[0].b"),
            (json!({"Mounts": [{}, {"b": 1}]}), "Mounts[1].b"),
            (json!({"Mounts": [null]}), "Mounts[0]"),
            (json!({"Runtime": "kata"}), "Runtime"),
        ] {
            assert_eq!(object(FIELDS, body.clone(), "").unwrap_err().place, place, "{body}");
        }
    }
}
