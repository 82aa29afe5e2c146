//! Size: what a few words of a Compose file become once Compose writes them out, counted before it does. Pure.

use serde_json::Value;
use std::collections::BTreeMap;

/// Ports of all services together; Compose writes each of a range out.
const MAX_PORTS: u64 = 5_000;

/// Values of all services together, with what they take over by `extends`.
const MAX_EXTENDED: u64 = 100_000;

/// Services that extend each other, one after the other.
const MAX_CHAIN: usize = 50;

/// Why a file is too large, if so; reads on after its name.
pub(super) fn too_large(file: &Value) -> Option<String> {
    let services: BTreeMap<&String, &Value> = file.get("services").and_then(Value::as_object)?.iter().collect();
    let ports = services.values().flat_map(|service| [service.get("ports"), service.get("expose")]);
    if ports.flatten().map(ports_of).fold(0, u64::saturating_add) > MAX_PORTS {
        return Some(format!("it is too large: it asks for more than {MAX_PORTS} ports, ranges written out"));
    }
    let mut total: u64 = 0;
    for service in services.values() {
        let (mut next, mut length) = (Some(*service), 0);
        while let Some(part) = next {
            total = total.saturating_add(values_of(part));
            length += 1;
            if length > MAX_CHAIN || total > MAX_EXTENDED {
                return Some(format!(
                    "it is too large: services extend each other over more than {MAX_CHAIN} steps, or to more than {MAX_EXTENDED} values"
                ));
            }
            // A service of another file counts there, where that file is read.
            let base = part.get("extends").filter(|base| base.get("file").is_none());
            let base = base.and_then(|base| base.as_str().or_else(|| base.get("service")?.as_str()));
            next = base
                .and_then(|name| services.iter().find(|(own, _)| own.as_str() == name))
                .map(|(_, service)| *service);
        }
    }
    None
}

/// The ports in a value, wherever they stand: one for each text, and more for each range of numbers in it.
fn ports_of(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.split([':', '/', ' ', '$', '{', '}', ',']).map(range).max().unwrap_or(1),
        Value::Array(items) => items.iter().map(ports_of).fold(0, u64::saturating_add),
        Value::Object(map) => map.values().map(ports_of).max().unwrap_or(1),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// How many numbers `8000-8010` means; also where `-` stands in front, as in `${PORTS:-1-65535}`.
fn range(text: &str) -> u64 {
    let numbers: Vec<u64> = text.split('-').filter_map(|number| number.trim().parse().ok()).collect();
    match (numbers.iter().min(), numbers.iter().max()) {
        (Some(first), Some(last)) if numbers.len() > 1 => last.saturating_sub(*first).saturating_add(1),
        _ => 1,
    }
}

fn values_of(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(values_of).fold(1, u64::saturating_add),
        Value::Object(map) => map.values().map(values_of).fold(1, u64::saturating_add),
        Value::String(text) => 1 + text.len() as u64 / 64,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_grows_is_counted_before_it_has_grown() {
        for ports in [
            json!(["1-65535:1-65535"]),
            json!(["127.0.0.1:1-65535:1-65535/udp"]),
            json!(["${P:-1-65535}:80"]),
            json!([{"target": 80, "published": "1-65535"}]),
            json!(["1-3000", "3001-6000"]),
        ] {
            assert!(too_large(&json!({"services": {"a": {"ports": ports}}})).is_some(), "{ports}");
        }
        assert!(too_large(&json!({"services": {"a": {"expose": ["1-65535"]}}})).is_some());
        for ports in [json!(["8000-8100:8000-8100", "80", "[::1]:1:1"]), json!([80, {"target": 80}]), json!(null)] {
            assert_eq!(too_large(&json!({"services": {"a": {"ports": ports}}})), None, "{ports}");
        }
    }

    #[test]
    fn what_services_take_over_is_counted() {
        let chain = |length: usize, own: &Value| -> Value {
            let services = (0..length).map(|at| {
                (format!("s{at}"), json!({"extends": {"service": format!("s{}", at + 1)}, "environment": own}))
            });
            json!({"services": services.collect::<serde_json::Map<_, _>>()})
        };
        assert_eq!(too_large(&chain(40, &json!({"A": "b"}))), None);
        assert!(too_large(&chain(60, &json!({"A": "b"}))).is_some());
        assert!(too_large(&chain(40, &json!(vec!["A=b"; 1000]))).is_some());
        assert!(too_large(&json!({"services": {"a": {"extends": "a"}}})).is_some());
        let elsewhere = json!({"services": {"a": {"extends": {"file": "b.yaml", "service": "a"}}}});
        assert!(too_large(&elsewhere).is_none());
    }
}
