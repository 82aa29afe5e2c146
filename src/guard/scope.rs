//! Scope: what of an answer a key may see, where only some containers are there for it. Pure.

use crate::api::call::Call;
use crate::policy::settings::{Pattern, Settings};
use serde_json::Value;

/// Where an answer lists containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// It is the list.
    Itself,
    /// In the field of this name.
    Field(&'static str),
}

impl Lists {
    /// Whether the answer to a call has to be narrowed.
    pub(super) fn of(call: &Call, settings: &Settings) -> Option<Self> {
        settings.only.value.as_ref()?;
        match call.endpoint().path {
            "/containers/json" => Some(Self::Itself),
            "/system/df" => Some(Self::Field("Containers")),
            _ => None,
        }
    }

    /// The answer without the containers that are not there for the key; `None` where it is no such answer.
    pub(super) fn narrowed(self, body: &[u8], settings: &Settings) -> Option<Vec<u8>> {
        let only = settings.only.value.as_deref().unwrap_or_default();
        let mut body: Value = serde_json::from_slice(body).ok()?;
        let list = match self {
            Self::Itself => Some(&mut body),
            Self::Field(name) => body.get_mut(name),
        };
        match list {
            Some(Value::Array(list)) => list.retain(|container| is_inside(container, only)),
            None | Some(Value::Null) => {}
            Some(_) => return None,
        }
        Some(body.to_string().into_bytes())
    }
}

/// Whether one of a container's names is like one of the patterns.
fn is_inside(container: &Value, only: &[Pattern]) -> bool {
    let names = container.get("Names").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| name.trim_start_matches('/')).any(|name| only.iter().any(|pattern| pattern.matches(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use serde_json::json;

    #[test]
    fn only_the_keys_containers_are_listed() {
        let policy = Policy::from_toml("[containers]\nonly = ['mine-*']\n").unwrap();
        let mine = json!({"Names": ["/mine-web"]});
        let narrowed = |lists: Lists, body: &Value| {
            let body = lists.narrowed(body.to_string().as_bytes(), &policy.settings)?;
            serde_json::from_slice::<Value>(&body).ok()
        };
        // A link to a container is a name of it, and patterns are for whole names.
        let linked = json!({"Names": ["/web", "/other/mine"]});
        assert_eq!(narrowed(Lists::Itself, &json!([linked, mine])), Some(json!([mine])));
        assert_eq!(
            narrowed(Lists::Field("Containers"), &json!({"Containers": [linked, mine], "Images": [1]})),
            Some(json!({"Containers": [mine], "Images": [1]}))
        );
        assert_eq!(
            narrowed(Lists::Field("Containers"), &json!({"Containers": null})),
            Some(json!({"Containers": null}))
        );
        assert_eq!(narrowed(Lists::Itself, &json!({"message": 1})), None);
        assert_eq!(Lists::Itself.narrowed(b"no", &policy.settings), None);
    }
}
