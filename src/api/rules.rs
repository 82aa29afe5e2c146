//! From a body's fields to what they ask for, by the rules of the tables. Pure.

use super::row::{Field, Rule, Shape};
use super::shape::{is_zero, join};
use crate::demand::{Demand, Want};
use crate::docker::asks;
use crate::docker::row::Ask;
use serde_json::Value;

/// What the fields of an object ask for; `place` is where it stands.
pub(super) fn demands(fields: &[Field], object: &Value, place: &str) -> Vec<Demand> {
    let mut found = Vec::new();
    for field in fields {
        let Some(value) = object.get(field.name) else { continue };
        let place = join(place, field.name);
        let zero = is_zero(value);
        match field.rule {
            Rule::BeyondAtAll(why) if !value.is_null() => found.push(beyond(value, &place, why)),
            _ if zero => {}
            Rule::Free | Rule::LeftOut | Rule::BeyondAtAll(_) => {}
            Rule::Beyond(why) => found.push(beyond(value, &place, why)),
            Rule::Like(ask) => found.extend(as_option(ask, value, &place)),
            Rule::Judged(judge) => found.extend(judge(value, &place)),
            Rule::Inner => match (field.shape, value) {
                (Shape::Object(fields), value) => found.extend(demands(fields, value, &place)),
                (Shape::Objects(fields), Value::Array(items)) => {
                    found.extend(items.iter().flat_map(|item| demands(fields, item, &place)));
                }
                (Shape::Named(fields), Value::Object(map)) => {
                    found.extend(map.iter().flat_map(|(key, item)| demands(fields, item, &join(&place, key))));
                }
                _ => {}
            },
        }
    }
    found
}

fn beyond(value: &Value, place: &str, why: &'static str) -> Demand {
    let what = format!("{place}: {}", word(value));
    Demand::new(Want::HostSetting { what: what.clone(), why }, what)
}

/// What values ask for as those of an option: each of a list, and of a map each `key=value`.
pub(super) fn as_option(ask: Ask, value: &Value, place: &str) -> Vec<Demand> {
    let words: Vec<String> = match value {
        Value::Array(items) => items.iter().map(word).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| format!("{key}={}", word(value))).collect(),
        value => vec![word(value)],
    };
    let each = |text: &String| {
        let shown = format!("{place}: {text}");
        let wants = asks::wants(ask, place, text).into_iter();
        wants.map(move |want| Demand::new(want, shown.clone())).collect::<Vec<_>>()
    };
    words.iter().flat_map(each).collect()
}

/// A value as a word of a refusal.
pub(super) fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
