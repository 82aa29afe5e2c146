//! Stamp: what the gate adds to a build that it lets pass: whose the image is, and which images the build may
//! start from. Pure.

use super::messages::source_policy::{ACTION, ALLOW, DENY, IDENTIFIER, RULES, SELECTOR, VERSION};
use super::protobuf::{Message, Value};
use crate::api::labels;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What the gate adds.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    /// Whose the build is: the daemon keeps what it was sent for it apart from others'.
    pub owner: String,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Whether the key that an image is labelled with stays: a gate before this guard has set it.
    pub keeps_key: bool,
    /// The names, with `*` and `?`, of the images that the build may use; `None`: any.
    pub images: Option<Vec<String>>,
}

impl Stamp {
    /// An image's configuration (OCI image-spec, `config.md`) with the labels on it, and no others of the gate's.
    ///
    /// # Errors
    /// In words, when it is not one that every reader reads alike.
    pub fn on_config(&self, config: &[u8]) -> Result<Vec<u8>, String> {
        let mut config: Json = serde_json::from_slice(config)
            .map_err(|error| format!("the image's configuration is not JSON ({error})"))?;
        let own = object(object(Some(&mut config))?.entry_of("config")?)?.entry_of("Labels")?;
        let own = object(own)?;
        let key = own.get(labels::KEY).cloned().filter(|_| self.keeps_key);
        own.retain(|name, _| !name.starts_with(labels::OWN));
        own.extend(self.labels.iter().map(|(name, value)| (name.clone(), Json::String(value.clone()))));
        own.extend(key.map(|key| (labels::KEY.to_owned(), key)));
        serde_json::to_vec(&config).map_err(|error| error.to_string())
    }

    /// BuildKit's own check of what a build is made of: no image but those granted. `None` where any is.
    ///
    /// It holds for whatever BuildKit takes an image for: `FROM`, `COPY --from`, `RUN --mount`, a frontend that the
    /// Dockerfile names, a scanner; and for what such a frontend asks for. The last rule that matches counts.
    pub fn source_policy(&self) -> Option<Value> {
        let granted = self.images.as_ref()?.iter().map(|pattern| rule(ALLOW, &image_expression(pattern)));
        let rules = std::iter::once(rule(DENY, "^(docker-image|oci-layout)")).chain(granted).collect();
        let policy = Message::default().with(VERSION, Value::Number(1)).with(RULES, Value::Messages(rules));
        Some(Value::Message(policy))
    }
}

/// `MatchType.REGEX` of a selector, and the field that says so.
const MATCH_TYPE: u32 = 2;
const REGEX: u64 = 2;

fn rule(action: u64, expression: &str) -> Message {
    let selector =
        Message::default().with(IDENTIFIER, Value::Text(expression.to_owned())).with(MATCH_TYPE, Value::Number(REGEX));
    Message::default().with(ACTION, Value::Number(action)).with(SELECTOR, Value::Message(selector))
}

/// A regular expression (RE2) for the sources that a pattern of image names means: with its tag, or in any.
fn image_expression(pattern: &str) -> String {
    let pattern =
        ["docker.io/", "index.docker.io/"].iter().find_map(|hub| pattern.strip_prefix(hub)).unwrap_or(pattern);
    let pattern = pattern.strip_prefix("library/").unwrap_or(pattern);
    let first = pattern.split_once('/').map(|(first, _)| first);
    let has_registry = first.is_some_and(|first| first == "localhost" || first.contains(['.', ':']));
    let hub = if has_registry { "" } else { r"(docker\.io/(library/)?)?" };
    let name: String = pattern
        .chars()
        .map(|c| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            c if c.is_ascii_alphanumeric() => c.to_string(),
            c => format!(r"\{c}"),
        })
        .collect();
    format!("^docker-image://{hub}{name}(:[^/:@]+)?(@[^/@]+)?$")
}

type Object = serde_json::Map<String, Json>;

fn object(value: Option<&mut Json>) -> Result<&mut Object, String> {
    match value {
        Some(Json::Object(object)) => Ok(object),
        _ => Err("the image's configuration has not the shape of one".to_owned()),
    }
}

trait Entry {
    /// The member of this name, made if it is not there. Go takes names in any letter case, so another spelling
    /// of it would be a second one.
    fn entry_of(&mut self, name: &str) -> Result<Option<&mut Json>, String>;
}

impl Entry for Object {
    fn entry_of(&mut self, name: &str) -> Result<Option<&mut Json>, String> {
        let other = |key: &&String| *key != name && (!key.is_ascii() || key.eq_ignore_ascii_case(name));
        if let Some(key) = self.keys().find(other) {
            return Err(format!("the image's configuration has a member {key}, which could be read as {name}"));
        }
        let value = self.entry(name).or_insert(Json::Null);
        if value.is_null() {
            *value = Json::Object(Object::new());
        }
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(images: &[&str]) -> Stamp {
        let labels = BTreeMap::from([("dockgate.key".to_owned(), "hermes".to_owned())]);
        Stamp {
            owner: String::new(),
            labels,
            keeps_key: false,
            images: Some(images.iter().map(|name| (*name).to_owned()).collect()),
        }
    }

    #[test]
    fn labels_are_the_gates_own() {
        for (config, expected) in [
            ("{}", Ok(r#"{"config":{"Labels":{"dockgate.key":"hermes"}}}"#)),
            (
                r#"{"os":"linux","config":{"Labels":{"a":"b","dockgate.key":"other","dockgate.id":"1"},"Cmd":["x"]}}"#,
                Ok(r#"{"config":{"Cmd":["x"],"Labels":{"a":"b","dockgate.key":"hermes"}},"os":"linux"}"#),
            ),
            (r#"{"config":null}"#, Ok(r#"{"config":{"Labels":{"dockgate.key":"hermes"}}}"#)),
            (r#"{"config":{},"Config":{}}"#, Err("a member Config")),
            (r#"{"config":{"labels":{}}}"#, Err("a member labels")),
            ("{\"config\":{\"label\u{17f}\":{}}}", Err("could be read as Labels")),
            (r#"{"config":[]}"#, Err("has not the shape")),
            ("[]", Err("has not the shape")),
            ("{} {}", Err("is not JSON")),
        ] {
            let stamped = stamp(&[]).on_config(config.as_bytes());
            match expected {
                Ok(expected) => assert_eq!(String::from_utf8(stamped.unwrap()).unwrap(), expected, "{config}"),
                Err(why) => assert!(stamped.as_ref().is_err_and(|error| error.contains(why)), "{config}: {stamped:?}"),
            }
        }
    }

    #[test]
    fn patterns_are_expressions_over_sources() {
        for (pattern, expected) in [
            ("busybox", r"^docker-image://(docker\.io/(library/)?)?busybox(:[^/:@]+)?(@[^/@]+)?$"),
            ("docker.io/library/alpine:3", r"^docker-image://(docker\.io/(library/)?)?alpine\:3(:[^/:@]+)?(@[^/@]+)?$"),
            ("registry.example.org/team/*", r"^docker-image://registry\.example\.org/team/.*(:[^/:@]+)?(@[^/@]+)?$"),
        ] {
            assert_eq!(image_expression(pattern).replace(r"\/", "/"), expected.replace(r"\/", "/"), "{pattern}");
        }
    }
}
