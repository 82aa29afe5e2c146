//! Version: a daemon of a version of the API that this gate does not know speaks one that it does. Pure.

use crate::api::call::Call;
use crate::api::route::VERSIONS;
use serde_json::Value;

/// Whether the answer to a call says which versions of the API there are.
pub(super) fn is_told_by(call: &Call) -> bool {
    call.name() == "GET /version"
}

/// A version `1.52` as what is known of it is called: `1.51`. Anything else is none.
pub(super) fn known(version: &str) -> Option<String> {
    let minor: u16 = version.strip_prefix("1.")?.parse().ok()?;
    let known = minor.clamp(*VERSIONS.start(), *VERSIONS.end());
    (known != minor).then(|| format!("1.{known}"))
}

/// The answer to `GET /version` with no other versions than known ones; as it is where it is no such answer.
pub(super) fn narrowed(body: Vec<u8>) -> Vec<u8> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else { return body };
    narrow(&mut answer);
    let components = answer.get_mut("Components").and_then(Value::as_array_mut);
    components.into_iter().flatten().filter_map(|component| component.get_mut("Details")).for_each(narrow);
    answer.to_string().into_bytes()
}

fn narrow(value: &mut Value) {
    for name in ["ApiVersion", "MinAPIVersion"] {
        if let Some(Value::String(version)) = value.get_mut(name)
            && let Some(known) = known(version)
        {
            *version = known;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_newer_daemon_speaks_what_is_known() {
        for (version, expected) in
            [("1.52", Some("1.51")), ("1.51", None), ("1.41", None), ("1.24", Some("1.41")), ("2.1", None), ("", None)]
        {
            assert_eq!(known(version).as_deref(), expected, "{version}");
        }
        let told = json!({"Version": "29.0.0", "ApiVersion": "1.52", "MinAPIVersion": "1.44", "Components":
            [{"Name": "Engine", "Details": {"ApiVersion": "1.52", "MinAPIVersion": "1.24"}}, {"Name": "runc"}]});
        let expected = json!({"Version": "29.0.0", "ApiVersion": "1.51", "MinAPIVersion": "1.44", "Components":
            [{"Name": "Engine", "Details": {"ApiVersion": "1.51", "MinAPIVersion": "1.41"}}, {"Name": "runc"}]});
        let told = narrowed(told.to_string().into_bytes());
        assert_eq!(serde_json::from_slice::<Value>(&told).ok(), Some(expected));
        assert_eq!(narrowed(b"no".to_vec()), b"no");
    }
}
