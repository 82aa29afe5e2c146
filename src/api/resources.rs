//! What a container that would be made asks for in numbers, as the API writes them. Pure.

use crate::demand::{Amount, HostPorts, NewContainer, Resources};
use crate::docker::resources::host_ports;
use serde_json::Value;

/// The container that a body of `/containers/create` describes.
pub(super) fn new_container(name: Option<&str>, body: &Value) -> NewContainer {
    let none = Value::Null;
    let host = body.get("HostConfig").unwrap_or(&none);
    let bindings = host.get("PortBindings").and_then(Value::as_object).into_iter().flatten();
    let ports = bindings.flat_map(|(port, bindings)| {
        bindings.as_array().into_iter().flatten().map(move |binding| {
            let published = binding.get("HostPort").and_then(Value::as_str).unwrap_or_default();
            host_ports(published).unwrap_or_else(|| HostPorts::Any(port.clone()))
        })
    });
    let mut ports: Vec<HostPorts> = ports.collect();
    if host.get("PublishAllPorts") == Some(&Value::Bool(true)) {
        ports.push(HostPorts::Any("PublishAllPorts".to_owned()));
    }
    NewContainer { names: name.map(str::to_owned).into_iter().collect(), resources: resources(host), ports }
}

/// The limits in a body of `/containers/{container}/update`, where a `PidsLimit` of 0 lifts the one that there is
/// (measured with dockerd 28.5.2), while 0 leaves memory and processors as they are.
pub(super) fn updated(body: &Value) -> Resources {
    let lifted = body.get("PidsLimit").and_then(Value::as_i64) == Some(0);
    let resources = resources(body);
    if lifted { Resources { pids: Amount::Unknown("PidsLimit: 0".to_owned()), ..resources } } else { resources }
}

/// The limits in a `HostConfig`.
pub(super) fn resources(host: &Value) -> Resources {
    let number = |key: &str| host.get(key).and_then(Value::as_i64).unwrap_or(0);
    let amount = |key: &str| match number(key) {
        0 => Amount::NotGiven,
        positive @ 1.. => Amount::Is(positive.unsigned_abs()),
        negative => Amount::Unknown(format!("{key}: {negative}")),
    };
    let quota = ["CpuQuota", "CpuPeriod"].into_iter().find(|key| number(key) != 0);
    let cpus = match (amount("NanoCpus"), quota) {
        (_, Some(key)) => Amount::Unknown(format!("{key}: {}", number(key))),
        (Amount::Is(billionths), None) => Amount::Is(billionths.div_ceil(1_000_000)),
        (other, None) => other,
    };
    Resources { memory: amount("Memory"), swap: amount("MemorySwap"), cpus, pids: amount("PidsLimit") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_update_to_no_processes_lifts_the_limit() {
        let pids = |body: Value| updated(&body).pids;
        assert_eq!(pids(json!({"PidsLimit": 0})), Amount::Unknown("PidsLimit: 0".to_owned()));
        assert_eq!(pids(json!({"PidsLimit": null})), Amount::NotGiven);
        assert_eq!(pids(json!({"PidsLimit": 5})), Amount::Is(5));
        assert_eq!(updated(&json!({"Memory": 0})).memory, Amount::NotGiven);
    }
}
