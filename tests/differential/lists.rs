//! Lists and prunes: what filters mean.
use super::Sent;
use super::daemon::Daemon;
use super::dice::{Dice, json, target};
use serde_json::{Map, Value, json};

/// What the filters can tell apart. Nothing that is there already is made again.
pub(crate) fn put(daemon: &Daemon) {
    for (name, label) in [("one", "1"), ("two", "2"), ("three", "")] {
        let labels =
            if label.is_empty() { json!({"differential": "x"}) } else { json!({"differential": "x", "p": label}) };
        let container =
            json!({"Image": "busybox", "Cmd": ["true"], "Labels": labels, "HostConfig": {"NetworkMode": "none"}});
        daemon.post(&format!("/containers/create?name=differential-list-{name}"), &container);
        daemon.post("/volumes/create", &json!({"Name": format!("differential-list-{name}"), "Labels": labels}));
    }
}

/// What is only made where lists are looked at, for it takes longer.
fn put_networks_and_images(daemon: &Daemon) {
    for (name, label) in [("one", "1"), ("two", "2")] {
        let name = format!("differential-list-{name}");
        if daemon.ask("GET", &format!("/networks/{name}")).status == 404 {
            let labels = json!({"differential": "x", "p": label});
            // Only a name of its own makes it one.
            daemon.post("/networks/create", &json!({"Name": name, "Driver": "bridge", "Labels": labels, "Options": {"com.docker.network.bridge.name": format!("dgd{label}")}}));
        }
        if daemon.ask("GET", &format!("/images/{name}/json")).status == 404 {
            let changes =
                format!("/commit?container=differential-says&repo={name}&changes=LABEL%20p%3D{label}&pause=0");
            daemon.post(&changes, &Value::Null);
        }
    }
}

const FILTERS: &[&str] = &[
    r#""label": ["p=1"]"#,
    r#""label": ["p"]"#,
    r#""label": {"p=1": true}"#,
    r#""label": {"p=1": false}"#,
    r#""label": ["p=1", "differential=x"]"#,
    r#""label!": ["p=1"]"#,
    r#""label!": {"p": true}"#,
    r#""name": ["differential-list-o"]"#,
    r#""name": ["^/?differential-list-(one|two)$"]"#,
    r#""status": ["created"]"#,
    r#""status": {"running": true, "exited": true}"#,
    r#""id": ["a", "b"]"#,
    r#""dangling": ["true"]"#,
    r#""dangling": ["false"]"#,
    r#""dangling": {"0": true}"#,
    r#""all": ["true"]"#,
    r#""all": ["1", "0"]"#,
    r#""until": ["2030-01-01T00:00:00"]"#,
    r#""until": ["1000h"]"#,
    r#""before": ["web"]"#,
    r#""since": ["web"]"#,
    r#""ancestor": ["busybox"]"#,
    r#""reference": ["differential-*"]"#,
    r#""driver": ["bridge"]"#,
    r#""driver": ["local"]"#,
    r#""scope": ["local"]"#,
    r#""type": ["custom"]"#,
    r#""network": ["bridge"]"#,
    r#""volume": ["/x"]"#,
    r#""exited": ["0"]"#,
    r#""health": ["none"]"#,
    r#""is-task": ["false"]"#,
];

fn query(dice: &mut Dice, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut query = dice.query(more, 2);
    if !dice.one_in(6) {
        let filters: Map<String, Value> = dice.fields(FILTERS, 3);
        let text = String::from_utf8_lossy(&json(dice, &Value::Object(filters))).into_owned();
        query.push(("filters".to_owned(), text));
    }
    query
}

/// A list.
pub(crate) fn list(dice: &mut Dice) -> Sent {
    let (path, more): (&str, &[(&str, &str)]) = *dice.of(&[
        (
            "/containers/json",
            &[
                ("all", "1"),
                ("all", "True"),
                ("limit", "1"),
                ("limit", "-1"),
                ("size", "0"),
                ("before", "web"),
                ("since", "web"),
            ][..],
        ),
        ("/images/json", &[("all", "1"), ("digests", "1"), ("manifests", "0"), ("shared-size", "0")]),
        ("/networks", &[]),
        ("/volumes", &[]),
        ("/system/df", &[("type", "volume"), ("type", "container"), ("type", "image"), ("verbose", "1")]),
    ]);
    let query = query(dice, more);
    let target = target(dice, path, &query);
    Sent::plain("GET", target, |daemon, request| {
        put(daemon);
        put_networks_and_images(daemon);
        let mut seen = daemon.send(request).successful()?.json();
        names(&mut seen);
        Ok(seen)
    })
}

/// What there is, by its names alone: how long it has been there changes.
fn names(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(names);
            items.sort_by_key(ToString::to_string);
        }
        Value::Object(map) => {
            map.retain(|key, value| {
                value.is_object() || value.is_array() || matches!(key.as_str(), "Id" | "Name" | "Names")
            });
            map.values_mut().for_each(names);
        }
        _ => {}
    }
}

/// A prune; what is left afterwards.
pub(crate) fn prune(dice: &mut Dice) -> Sent {
    let kind = *dice.of(&["containers", "volumes", "volumes", "containers", "networks", "images"]);
    let query = query(dice, &[]);
    let target = target(dice, &format!("/{kind}/prune"), &query);
    Sent::plain("POST", target, move |daemon, request| {
        put(daemon);
        if matches!(kind, "networks" | "images") {
            put_networks_and_images(daemon);
        }
        let answer = daemon.send(request).successful();
        let list = match kind {
            "containers" => daemon.get("/containers/json?all=1"),
            "volumes" => daemon.get("/volumes")["Volumes"].take(),
            kind => daemon.get(&format!("/{kind}{}", if kind == "images" { "/json" } else { "" })),
        };
        super::fixtures(daemon);
        answer?;
        let name =
            |item: &Value| item.get("Names").or(item.get("RepoTags")).or(item.get("Name")).map(ToString::to_string);
        let mut left: Vec<String> = list.as_array().into_iter().flatten().filter_map(name).collect();
        left.sort();
        Ok(json!(left))
    })
}
