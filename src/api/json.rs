//! JSON, read strictly. Pure.
//!
//! Go's decoder takes the last of two equal keys, merges objects, folds the letter case of keys, replaces broken
//! surrogates and stops reading behind the value (measured with dockerd 28.5.2). Here each of these is refused;
//! letter case is a matter of [`super::shape`], where keys are compared exactly.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The most bytes that a JSON body may have: what dockerd itself shows to its authorization plugins (29.3).
pub const MOST_BYTES: usize = 1024 * 1024;

/// The most values in one body: each becomes more in memory than it is on the wire. A container that publishes 10 000
/// ports has 50 000.
const MOST_VALUES: usize = 65_536;

/// How deep objects and lists may lie in one another; dockerd's own go no deeper than 6.
const MOST_DEPTH: usize = 16;

/// Reads one JSON value and nothing behind it but white space.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    if bytes.len() > MOST_BYTES {
        return Err(format!("it is longer than {MOST_BYTES} bytes"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let Strict(value) = Strict::deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|_| "something follows the JSON value".to_owned())?;
    if depth(&value) > MOST_DEPTH {
        return Err(format!("it is nested deeper than {MOST_DEPTH}"));
    }
    if values(&value) > MOST_VALUES {
        return Err(format!("it has more than {MOST_VALUES} values"));
    }
    Ok(value)
}

/// No deeper than serde_json itself goes (128).
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn values(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(map) => map.values().map(values).sum(),
        _ => 0,
    }
}

/// A value without equal keys in any object of it.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!("the key {key:?} is there twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_go_would_read_otherwise_is_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1},"a":{"c":1}}"#,
            r#"{"a":[{"b":1,"\u0062":2}]}"#,
            r#"{"a":1}}"#,
            r#"{"a":1}]"#,
            r#"{"a":1} {"b":2}"#,
            r#"{"a":"\ud800"}"#,
            "{\"a\":\"\u{0}\"}",
            r#"{"a":01}"#,
            r#"{"a":NaN}"#,
            r#"{"a":1e999}"#,
            r#"{a:1}"#,
            r#"{"a":1,}"#,
            "",
            " ",
            "\u{feff}{}",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"{\"a\":\"\xff\"}").is_err());
        assert!(read("[".repeat(100_000).as_bytes()).is_err());
        assert!(read(format!("{}{}", "[".repeat(20), "]".repeat(20)).as_bytes()).is_err());
        assert!(read(&vec![b' '; MOST_BYTES + 1]).is_err());
        let list = |count: usize| format!("[{}1]", "1,".repeat(count - 2));
        assert!(read(list(MOST_VALUES).as_bytes()).is_ok());
        assert!(read(list(MOST_VALUES + 1).as_bytes()).is_err());
        assert_eq!(
            read(b" {\"a\": [1, null, \"\\u00e4\"]}\r\n\t ").map(|value| value.to_string()),
            Ok(r#"{"a":[1,null,"ä"]}"#.to_owned())
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(keys in proptest::collection::btree_map("\\PC{0,6}", "\\PC{0,6}", 0..6)) {
            let value = serde_json::to_value(&keys).unwrap();
            prop_assert_eq!(read(value.to_string().as_bytes()), Ok(value));
        }
    }
}
