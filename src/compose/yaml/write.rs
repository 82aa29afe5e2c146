//! Write: a tree as YAML that Compose reads as it was judged, and its content for judging. Pure.
//!
//! On one line and in ASCII, for YAML takes more characters for line ends than JSON does: U+0085, U+2028 and
//! U+2029. Aliases and merge keys are written out.

use super::scalar::{Meaning, meaning};
use super::{Content, Fault, Node, Tag, merge};
use serde_json::{Map, Number, Value};
use std::fmt::Write as _;

/// YAML takes no longer key without `?` in front.
const MAX_KEY: usize = 1000;

/// Writes a value, and returns what it says, its tags left out.
///
/// # Errors
/// A [`Fault`] where its merge keys cannot be applied.
pub fn write(node: &Node, out: &mut String) -> Result<Value, Fault> {
    out.push_str(match node.tag {
        Tag::None => "",
        Tag::Reset => "!reset ",
        Tag::Override => "!override ",
    });
    match &node.content {
        Content::Scalar { text, plain } => Ok(scalar(text, *plain, out)),
        Content::Sequence(items) => {
            out.push('[');
            let mut values = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                values.push(write(item, out)?);
            }
            out.push(']');
            Ok(Value::Array(values))
        }
        Content::Mapping(entries) => {
            out.push('{');
            let mut map = Map::new();
            for (index, (key, value)) in merge::entries(entries)?.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                let Content::Scalar { text, plain } = &key.content else { continue };
                let mut written = String::new();
                scalar(text, *plain, &mut written);
                key_of(&written, out);
                map.insert(text.clone(), write(value, out)?);
            }
            out.push('}');
            Ok(Value::Object(map))
        }
    }
}

fn key_of(written: &str, out: &mut String) {
    let (before, after) = if written.len() > MAX_KEY { ("? ", " : ") } else { ("", ": ") };
    out.push_str(before);
    out.push_str(written);
    out.push_str(after);
}

/// What Compose is to read as it was written stays so: numbers, dates, `true`. Everything else is quoted.
fn scalar(text: &str, plain: bool, out: &mut String) -> Value {
    let meaning = if plain { meaning(text) } else { Meaning::Text };
    match &meaning {
        Meaning::Text => quoted(text, out),
        Meaning::Null => out.push_str("null"),
        Meaning::Bool(_) | Meaning::Integer(_) | Meaning::Float(_) | Meaning::Timestamp => out.push_str(text),
    }
    let text = || Value::String(text.to_owned());
    match meaning {
        Meaning::Null => Value::Null,
        Meaning::Bool(value) => Value::Bool(value),
        Meaning::Integer(number) => Number::from_i128(number).map_or_else(text, Value::Number),
        Meaning::Float(number) => Number::from_f64(number).map_or_else(text, Value::Number),
        Meaning::Timestamp | Meaning::Text => text(),
    }
}

/// In double quotes, in ASCII.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        let number = u32::from(c);
        let written = match c {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            ' '..='~' => out.write_char(c),
            _ if number <= 0xFF => write!(out, "\\x{number:02x}"),
            _ if number <= 0xFFFF => write!(out, "\\u{number:04x}"),
            _ => write!(out, "\\U{number:08x}"),
        };
        // Writing to a String does not fail.
        debug_assert!(written.is_ok());
    }
    out.push('"');
}

/// A value as YAML, for Compose.
pub fn value(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => quoted(text, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                self::value(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                let mut written = String::new();
                quoted(key, &mut written);
                key_of(&written, out);
                self::value(item, out);
            }
            out.push('}');
        }
    }
}
