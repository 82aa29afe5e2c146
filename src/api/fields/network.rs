//! Networks: made, joined, left; and `NetworkingConfig` of a container.

use super::super::row::{Field, Rule, Shape, free, inner, judged, like};
use super::super::rules::{demands, word};
use super::super::shape::join;
use crate::demand::{Demand, Object, Touch, Want};
use crate::docker::asks;
use crate::docker::row::Ask;
use serde_json::Value;

const ADDRESSES: &[Field] =
    &[free("IPv4Address", Shape::Text), free("IPv6Address", Shape::Text), free("LinkLocalIPs", Shape::Texts)];

/// `EndpointSettings`. What the daemon fills in by itself comes back from clients that copy a container.
const ENDPOINT: &[Field] = &[
    inner("IPAMConfig", ADDRESSES),
    like("Links", Shape::Texts, Ask::Link),
    free("Aliases", Shape::Texts),
    free("MacAddress", Shape::Text),
    judged("DriverOpts", Shape::Map, endpoint_options),
    free("GwPriority", Shape::Number),
    // The daemon takes it before the network's name (moby daemon/container_operations.go).
    Field { name: "NetworkID", shape: Shape::Text, rule: Rule::LeftOut },
    free("EndpointID", Shape::Text),
    free("Gateway", Shape::Text),
    free("IPAddress", Shape::Text),
    free("IPPrefixLen", Shape::Number),
    free("IPv6Gateway", Shape::Text),
    free("GlobalIPv6Address", Shape::Text),
    free("GlobalIPv6PrefixLen", Shape::Number),
    free("DNSNames", Shape::Texts),
];

/// `NetworkingConfig` of `/containers/create`.
pub const NETWORKING: &[Field] = &[judged("EndpointsConfig", Shape::Named(ENDPOINT), endpoints)];

/// The body of `/networks/{network}/connect`.
pub const CONNECT: &[Field] = &[judged("Container", Shape::Text, container), inner("EndpointConfig", ENDPOINT)];

/// The body of `/networks/{network}/disconnect`.
pub const DISCONNECT: &[Field] = &[judged("Container", Shape::Text, container), free("Force", Shape::Flag)];

const POOL: &[Field] = &[
    free("Subnet", Shape::Text),
    free("IPRange", Shape::Text),
    free("Gateway", Shape::Text),
    free("AuxiliaryAddresses", Shape::Map),
];

const IPAM: &[Field] = &[
    like("Driver", Shape::Text, Ask::NetworkDriver),
    judged("Options", Shape::Map, driver_options),
    free("Config", Shape::Objects(POOL)),
];

const CLUSTER: &str = "the cluster belongs to the administrator";

/// The body of `/networks/create`.
pub const CREATE: &[Field] = &[
    judged("Name", Shape::Text, made),
    // Of no use since Engine 25.
    free("CheckDuplicate", Shape::Flag),
    like("Driver", Shape::Text, Ask::NetworkDriver),
    like("Scope", Shape::Text, Ask::NetworkScope),
    free("EnableIPv4", Shape::Flag),
    free("EnableIPv6", Shape::Flag),
    inner("IPAM", IPAM),
    free("Internal", Shape::Flag),
    like("Attachable", Shape::Flag, Ask::HostSetting(CLUSTER)),
    like("Ingress", Shape::Flag, Ask::HostSetting(CLUSTER)),
    like("ConfigOnly", Shape::Flag, Ask::HostSetting(CLUSTER)),
    judged("ConfigFrom", Shape::Object(&[free("Network", Shape::Text)]), config_from),
    like("Options", Shape::Map, Ask::NetworkOption),
    free("Labels", Shape::Map),
];

/// A mode, or the name of a network: never a row of fields, as `--network` may be.
pub(in crate::api) fn joined(value: &Value, place: &str) -> Vec<Demand> {
    let name = word(value);
    let shown = format!("{place}: {name}");
    asks::joined_network(&name).into_iter().map(|want| Demand::new(want, shown.clone())).collect()
}

/// Networks by their names.
fn endpoints(value: &Value, place: &str) -> Vec<Demand> {
    let entries = value.as_object().into_iter().flatten();
    let each = |(name, endpoint): (&String, &Value)| {
        let mut found = joined(&Value::String(name.clone()), place);
        found.extend(demands(ENDPOINT, endpoint, &join(place, name)));
        found
    };
    entries.flat_map(each).collect()
}

fn container(value: &Value, place: &str) -> Vec<Demand> {
    let name = word(value);
    vec![Demand::new(asks::object(Object::Container, &name, Touch::Change), format!("{place}: {name}"))]
}

fn made(value: &Value, place: &str) -> Vec<Demand> {
    let name = word(value);
    vec![Demand::new(asks::object(Object::Network, &name, Touch::Make), format!("{place}: {name}"))]
}

/// Options of a container's own end. Kernel parameters of its interface are its own, and docker takes no others there.
fn endpoint_options(value: &Value, place: &str) -> Vec<Demand> {
    let own = |options: &serde_json::Map<String, Value>| {
        options.keys().all(|key| key == "com.docker.network.endpoint.sysctls")
    };
    if value.as_object().is_some_and(own) { Vec::new() } else { driver_options(value, place) }
}

fn driver_options(value: &Value, place: &str) -> Vec<Demand> {
    let what = word(value);
    vec![Demand::new(Want::NetworkDriver { name: what.clone() }, format!("{place}: {what}"))]
}

fn config_from(value: &Value, place: &str) -> Vec<Demand> {
    match value.get("Network").and_then(Value::as_str) {
        None | Some("") => Vec::new(),
        Some(_) => driver_options(value, place),
    }
}
