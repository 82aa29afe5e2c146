//! Networks and volumes: made, and joined.
use super::Sent;
use super::containers::ENDPOINT;
use super::daemon::Daemon;
use super::dice::{Dice, json, target};
use serde_json::{Value, json};

/// Not a network of another's configuration: that has no labels of its own, and no policy permits it.
const NETWORK: &[&str] = &[
    r#""CheckDuplicate": true"#,
    r#""Driver": "bridge""#,
    r#""Driver": "macvlan""#,
    r#""Driver": "null""#,
    r#""Scope": "local""#,
    r#""Scope": "swarm""#,
    r#""EnableIPv4": true"#,
    r#""EnableIPv6": true"#,
    r#""EnableIPv6": false"#,
    r#""IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "203.0.113.0/25", "IPRange": "203.0.113.0/26", "Gateway": "203.0.113.9", "AuxiliaryAddresses": {"a": "203.0.113.8"}}]}"#,
    r#""IPAM": {"Driver": "", "Config": []}"#,
    r#""IPAM": {"Options": {"foo": "bar"}}"#,
    r#""Internal": true"#,
    r#""Attachable": true"#,
    r#""Ingress": true"#,
    r#""ConfigOnly": true"#,
    r#""ConfigFrom": {"Network": ""}"#,
    r#""Options": {"com.docker.network.bridge.enable_icc": "false", "com.docker.network.driver.mtu": "1400"}"#,
    r#""Options": {"com.docker.network.bridge.name": "dgdiff0"}"#,
    r#""Options": {"com.docker.network.bridge.host_binding_ipv4": "0.0.0.0", "parent": "lo"}"#,
    r#""Labels": {"a": "b", "\u212a": "k"}"#,
];

/// `POST /networks/create`
pub(crate) fn network(dice: &mut Dice) -> Sent {
    let mut body = dice.fields(NETWORK, 5);
    body.insert("Name".to_owned(), json!("differential-made"));
    let target = target(dice, "/networks/create", &[]);
    let body = json(dice, &Value::Object(body));
    Sent::json("POST", target, body, |daemon, request| {
        let id = daemon.send(request).successful()?.at("/Id");
        let mut seen = daemon.get(&format!("/networks/{id}"));
        daemon.delete(&format!("/networks/{id}"));
        let map = seen.as_object_mut().unwrap();
        map.retain(|name, _| !matches!(name.as_str(), "Id" | "Created"));
        // What is left to the daemon is another each time.
        if let Some(pools) = map["IPAM"]["Config"].as_array_mut() {
            pools.retain(|pool| pool["Subnet"].as_str().is_some_and(|subnet| subnet.starts_with("203.0.113.")));
        }
        Ok(seen)
    })
}

fn one(daemon: &Daemon) -> String {
    daemon.delete("/containers/differential-joins?force=1&v=1");
    let body = json!({"Image": "busybox", "Cmd": ["sleep", "1000"]});
    daemon.post("/containers/create?name=differential-joins", &body).successful().unwrap().at("/Id")
}

fn networks_of(daemon: &Daemon, id: &str) -> Value {
    let mut networks = daemon.get(&format!("/containers/{id}/json"))["NetworkSettings"]["Networks"].take();
    for (_, network) in networks.as_object_mut().into_iter().flatten() {
        network["DNSNames"] = Value::Null;
    }
    networks
}

/// `POST /networks/{network}/connect` and `disconnect`
pub(crate) fn join(dice: &mut Dice) -> Sent {
    let container = *dice.of(&["differential-joins", "differential-joins", "/differential-joins", "web ", "none-such"]);
    let (action, body) = if dice.one_in(3) {
        ("disconnect", json!({"Container": container, "Force": dice.one_in(2)}))
    } else {
        let mut body = json!({"Container": container});
        if !dice.one_in(4) {
            body["EndpointConfig"] = Value::Object(dice.fields(ENDPOINT, 3));
        }
        ("connect", body)
    };
    let network = if action == "disconnect" { *dice.of(&["bridge", "differential"]) } else { "differential" };
    let target = target(dice, &format!("/networks/{network}/{action}"), &[]);
    let body = json(dice, &body);
    Sent::json("POST", target, body, |daemon, request| {
        let id = one(daemon);
        let seen = daemon.send(request).successful().map(|_| networks_of(daemon, &id));
        daemon.delete(&format!("/containers/{id}?force=1&v=1"));
        seen
    })
}

const VOLUME: &[&str] = &[
    r#""Driver": "local""#,
    r#""Driver": """#,
    r#""DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=1000"}"#,
    r#""DriverOpts": {"type": "none", "device": "/srv", "o": "bind"}"#,
    r#""DriverOpts": {"type": "nfs", "device": ":/x", "o": "addr=192.0.2.1"}"#,
    r#""DriverOpts": {"size": "1m"}"#,
    r#""DriverOpts": {}"#,
    r#""Labels": {"a": "b", "S": "1", "\u017f": "2"}"#,
    r#""ClusterVolumeSpec": {"Group": "g"}"#,
    r#""ClusterVolumeSpec": null"#,
];

/// `POST /volumes/create`
pub(crate) fn volume(dice: &mut Dice) -> Sent {
    let mut body = dice.fields(VOLUME, 4);
    if !dice.one_in(6) {
        body.insert("Name".to_owned(), json!(dice.of(&["differential-v", "differential.v_1", "x", "../x", "/tmp"])));
    }
    let target = target(dice, "/volumes/create", &[]);
    let body = json(dice, &Value::Object(body));
    Sent::json("POST", target, body, |daemon, request| {
        let name = daemon.send(request).successful()?.at("/Name");
        let mut seen = daemon.get(&format!("/volumes/{name}"));
        daemon.delete(&format!("/volumes/{name}?force=1"));
        let map = seen.as_object_mut().unwrap();
        map.remove("CreatedAt");
        if name.len() == 64 {
            map.remove("Name");
            map.remove("Mountpoint");
            // The mark of one without a name.
            map["Labels"]
                .as_object_mut()
                .into_iter()
                .for_each(|labels| drop(labels.remove("com.docker.volume.anonymous")));
        }
        Ok(seen)
    })
}
