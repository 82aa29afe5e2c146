//! Makes: what comes to be by a call, and what the daemon's answer says of it. Pure.

use super::call::Call;
use super::row::Asks;
use crate::demand::{ANY_TAG, Object, Want};
use serde_json::Value;

/// Something that a call has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub object: Object,
    /// Empty where neither the call nor the answer says it.
    pub name: String,
    /// Empty for volumes, which have none.
    pub id: String,
}

impl Call {
    /// The names of what the call would make; an empty one where docker makes it up.
    pub fn makes(&self) -> Vec<(Object, String)> {
        let endpoint = self.endpoint();
        let asks = |wanted: Asks| endpoint.asks.contains(&wanted);
        let of_body = || self.body().and_then(|body| body.get("Name")?.as_str()).unwrap_or_default().to_owned();
        match endpoint.path {
            "/networks/create" => vec![(Object::Network, of_body())],
            "/volumes/create" => vec![(Object::Volume, of_body())],
            _ if asks(Asks::Makes) || asks(Asks::Renames) => vec![(Object::Container, self.text("name").to_owned())],
            _ if asks(Asks::Fetches) || asks(Asks::Tags) || asks(Asks::BuildsFrom) => self.images(),
            _ => Vec::new(),
        }
    }

    /// The images that get a name. An image that is committed without one has its id alone.
    fn images(&self) -> Vec<(Object, String)> {
        let given = self.demands().into_iter().filter_map(|demand| match demand.want {
            Want::Object { object: Object::Image, name, .. } if !name.ends_with(ANY_TAG) => Some(name),
            _ => None,
        });
        let mut names: Vec<String> = given.filter(|name| self.named("{image}") != Some(name)).collect();
        names.dedup();
        if names.is_empty() && self.endpoint().path == "/commit" {
            names.push(String::new());
        }
        names.into_iter().map(|name| (Object::Image, name)).collect()
    }

    /// Whether the answer names what was made.
    pub fn answer_names(&self) -> bool {
        matches!(self.endpoint().path, "/containers/create" | "/networks/create" | "/volumes/create" | "/commit")
    }
}

impl Made {
    /// What was made, by an answer of the daemon's that a call's `makes` belongs to; `None` where it does not say so.
    pub fn of((object, name): &(Object, String), answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        match object {
            Object::Volume => Some(Self { object: *object, name: text("Name")?.to_owned(), id: String::new() }),
            _ => Some(Self { object: *object, name: name.clone(), id: text("Id")?.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_says_what_it_makes() {
        for (record, expected) in [
            ("POST /containers/create?name=web {\"Image\":\"x\"}", "Container web"),
            ("POST /containers/create {\"Image\":\"x\"}", "Container "),
            ("POST /networks/create {\"Name\":\"net\"}", "Network net"),
            ("POST /volumes/create {\"Name\":\"vol\"}", "Volume vol"),
            ("POST /volumes/create {\"Driver\":\"local\"}", "Volume "),
            ("POST /commit?container=web&repo=a&tag=1", "Image a:1"),
            ("POST /commit?container=web", "Image "),
            ("POST /images/create?fromImage=alpine&tag=3", "Image alpine:3"),
            ("POST /images/web/tag?repo=a&tag=2", "Image a:2"),
            ("POST /build?t=a:1&t=b", "Image a:1, Image b"),
            ("POST /containers/web/rename?name=new", "Container new"),
            ("POST /containers/web/start", ""),
        ] {
            let makes = Call::of_record(record).expect(record).makes();
            let shown: Vec<String> = makes.iter().map(|(object, name)| format!("{object:?} {name}")).collect();
            assert_eq!(shown.join(", "), expected, "{record}");
        }
    }

    #[test]
    fn an_answer_says_what_was_made() {
        let made = |object, name: &str, answer: &str| {
            let made = Made::of(&(object, name.to_owned()), answer.as_bytes());
            made.map(|made| format!("{} {}", made.name, made.id))
        };
        assert_eq!(made(Object::Container, "web", r#"{"Id":"0a","Warnings":[]}"#).as_deref(), Some("web 0a"));
        assert_eq!(made(Object::Volume, "", r#"{"Name":"vol","Driver":"local"}"#).as_deref(), Some("vol "));
        assert_eq!(made(Object::Network, "net", r#"{"message":"no"}"#), None);
        assert_eq!(made(Object::Container, "web", "no"), None);
    }
}
