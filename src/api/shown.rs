//! Shown: a call as its record has it, and the call that a record is of. Pure.
//!
//! Method, path and query, and behind a space what of the body the policy is about, as JSON: images, mounts, rights,
//! limits and ports. Environment, commands, health checks and labels are left out, and what may be a credential in the
//! rest is `***`. So whoever reads the record learns what was judged, and can judge it again.

use super::call::Call;
use super::head::{Framing, Head, Method, Upgrade};
use super::labels::PROJECT;
use super::query::{Given, Query};
use super::route::Route;
use super::row::{Body, Field, Key, Rule, Shape, Takes};
use super::shape::is_zero;
use super::target::{Target, encode};
use crate::docker::row::Ask;
use crate::docker::secrets;
use serde_json::{Map, Value};

/// What stands for a secret.
const MASK: &str = "***";

/// The longest text that is written down whole; longer ones are profiles and the like, which no policy grants.
const LONGEST: usize = 1024;

/// Fields that ask for nothing each by itself, and are judged together as limits.
const TOGETHER: &[&str] = &[
    "CpuPeriod",
    "CpuQuota",
    "Memory",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
    "PortBindings",
    "PublishAllPorts",
    "Volumes",
];

impl Call {
    /// The call as its record has it: `POST /containers/create?name=web {"Image":"nginx"}`.
    pub fn shown(&self) -> String {
        let mut text = format!("{}{}", self.shown_path(), query(&self.route.query));
        if let (Body::Json(fields), Some(value)) = (self.endpoint().body, &self.body) {
            let shown = body(fields, value);
            if !shown.is_empty() {
                text.push_str(&format!(" {}", Value::Object(shown)));
            }
        }
        text
    }

    /// The call that a record is of, as far as the record has it; `None` where it is of none.
    pub fn of_record(text: &str) -> Option<Self> {
        let (method, rest) = text.split_once(' ')?;
        let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let target = Target::parse(target).ok()?;
        let h2c = matches!(target.path.last().map(String::as_str), Some("grpc" | "session"));
        let head = Head {
            method: Method::parse(method)?,
            target,
            framing: if body.is_empty() { Framing::None } else { Framing::Length(body.len() as u64) },
            upgrade: h2c.then_some(Upgrade::H2c),
            expects_continue: false,
            keep_alive: true,
            content_type: Some("application/json".to_owned()),
            encoded: false,
            registry_auth: None,
            registry_config: None,
            session: Vec::new(),
        };
        Self::of(Route::of(&head).ok()?, body.as_bytes()).ok()
    }
}

/// The query without what is secret.
fn query(query: &Query) -> String {
    let mut text = String::new();
    for (key, given) in query.entries() {
        for value in given_shown(key, given) {
            text.push(if text.is_empty() { '?' } else { '&' });
            encode(key.name, &mut text);
            text.push('=');
            let mut encoded = String::new();
            encode(&value, &mut encoded);
            text.push_str(&encoded.replace("%2A%2A%2A", MASK));
        }
    }
    text
}

fn given_shown(key: &Key, given: &Given) -> Vec<String> {
    match given {
        Given::Json(Value::Object(map)) if key.takes == Takes::Map => {
            vec![
                Value::Object(map.iter().map(|(name, value)| (name.clone(), entry(name, value))).collect()).to_string(),
            ]
        }
        _ if key.secret => vec![MASK.to_owned()],
        _ if key.name == "changes" => {
            given.texts().iter().map(|text| masked(text, secrets::of_value(Ask::Change, text))).collect()
        }
        _ => given.texts().iter().map(|text| masked(text, secrets::urls(text, true))).collect(),
    }
}

/// What the policy is about of an object with these fields.
fn body(fields: &[Field], object: &Value) -> Map<String, Value> {
    let mut shown = Map::new();
    for field in fields {
        let Some(value) = object.get(field.name) else { continue };
        let value = match field.rule {
            // Here a zero says something: no limit, nothing hidden.
            _ if field.name == "PidsLimit" => Some(value.clone()),
            Rule::BeyondAtAll(_) => Some(of_shape(field.shape, value)),
            _ if is_zero(value) => None,
            Rule::Free if field.name == "Labels" => {
                let project = value.get(PROJECT).map(|project| (PROJECT.to_owned(), project.clone()));
                project.map(|project| Value::Object(Map::from_iter([project])))
            }
            Rule::Free if !TOGETHER.contains(&field.name) => None,
            Rule::Inner => inner(field.shape, value),
            _ => Some(of_shape(field.shape, value)),
        };
        shown.extend(value.map(|value| (field.name.to_owned(), value)));
    }
    shown
}

/// Objects whose fields have rules of their own.
fn inner(shape: Shape, value: &Value) -> Option<Value> {
    let shown = match (shape, value) {
        (Shape::Object(fields), value) => Value::Object(body(fields, value)),
        (Shape::Objects(fields), Value::Array(items)) => {
            items.iter().map(|item| Value::Object(body(fields, item))).collect()
        }
        (Shape::Named(fields), Value::Object(map)) => {
            map.iter().map(|(name, item)| (name.clone(), Value::Object(body(fields, item)))).collect()
        }
        _ => of_shape(shape, value),
    };
    (!is_zero(&shown)).then_some(shown)
}

/// A value that is judged as a whole, without what may be secret in it.
fn of_shape(shape: Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Map, Value::Object(map)) => {
            map.iter().map(|(name, value)| (name.clone(), entry(name, value))).collect()
        }
        (Shape::Object(fields), Value::Object(map)) => of_fields(fields, map),
        (Shape::Objects(fields), Value::Array(items)) => {
            items.iter().map(|item| of_shape(Shape::Object(fields), item)).collect()
        }
        (Shape::Named(fields), Value::Object(map)) => {
            map.iter().map(|(name, item)| (name.clone(), of_shape(Shape::Object(fields), item))).collect()
        }
        (Shape::NamedLists(fields), Value::Object(map)) => {
            map.iter().map(|(name, item)| (name.clone(), of_shape(Shape::Objects(fields), item))).collect()
        }
        (_, Value::String(text)) => Value::String(masked(text, secrets::urls(text, true))),
        (_, Value::Array(items)) => items.iter().map(|item| of_shape(shape, item)).collect(),
        _ => value.clone(),
    }
}

fn of_fields(fields: &[Field], map: &Map<String, Value>) -> Value {
    let known = fields.iter().filter_map(|field| Some((field, map.get(field.name)?)));
    let told = known.filter(|(_, value)| !is_zero(value));
    told.map(|(field, value)| (field.name.to_owned(), of_shape(field.shape, value))).collect()
}

/// A map is judged by its keys, and its values can be credentials; but a project is told by the value.
fn entry(name: &str, value: &Value) -> Value {
    if name == PROJECT { value.clone() } else { Value::String(MASK.to_owned()) }
}

/// A text without the ranges, and not without end.
fn masked(text: &str, secrets: Vec<std::ops::Range<usize>>) -> String {
    let mut shown = String::new();
    let mut from = 0;
    for range in secrets.into_iter().filter(|range| !range.is_empty()) {
        if range.start >= from {
            shown.push_str(text.get(from..range.start).unwrap_or_default());
            shown.push_str(MASK);
            from = range.end;
        }
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_policy_is_about_is_shown_and_nothing_else() {
        for (record, expected) in [
            (
                r#"POST /containers/create?name=web {"Image":"nginx","Env":["A=s3cret"],"Cmd":["s3cret"],"Labels":{"a":"s3cret","com.docker.compose.project":"shop"},"Healthcheck":{"Test":["s3cret"]},"HostConfig":{"Binds":["/srv:/x"],"Memory":0,"NanoCpus":5,"LogConfig":{"Type":"splunk","Config":{"splunk-token":"s3cret"}},"Mounts":[{"Type":"volume","Source":"v","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"password=s3cret"}}}}]}}"#,
                r#"POST /containers/create?name=web {"HostConfig":{"Binds":["/srv:/x"],"LogConfig":{"Config":{"splunk-token":"***"},"Type":"splunk"},"Mounts":[{"Source":"v","Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"***"}}}}],"NanoCpus":5},"Image":"nginx","Labels":{"com.docker.compose.project":"shop"}}"#,
            ),
            (
                "POST /build?buildargs=%7B%22A%22:%22s3cret%22%7D&remote=https://u:s3cret@h/x.git",
                "POST /build?buildargs=%7B%22A%22:%22***%22%7D&remote=https:%2F%2Fu:***@h%2Fx.git",
            ),
            (
                "POST /commit?changes=ENV%20A=s3cret&changes=USER%20x&container=web",
                "POST /commit?changes=ENV%20A%3D***&changes=USER%20x&container=web",
            ),
            (r#"POST /auth {"username":"u","password":"s3cret"}"#, "POST /auth"),
            (r#"POST /containers/web/update {"PidsLimit":0}"#, r#"POST /containers/web/update {"PidsLimit":0}"#),
            ("GET /containers/json?all=1", "GET /containers/json?all=1"),
        ] {
            let call = Call::of_record(record).expect(record);
            assert_eq!(call.shown(), expected);
            let again = Call::of_record(expected).expect(expected);
            assert_eq!(again.shown(), expected);
        }
    }

    #[test]
    fn what_is_no_call_is_none() {
        for text in
            ["", "docker ps", "gRPC /moby.buildkit.v1.Control/Solve", "POST /containers", "GET /x y", "LOOK /info"]
        {
            assert!(Call::of_record(text).is_none(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered(text: String) {
            let _ = (Call::of_record(&text), Call::of_record(&format!("POST /containers/create {text}")));
        }
    }
}
