//! What the gate reads of a call is what dockerd reads: calls are sent to a real one as they are, and as they go on
//! through the gate, and what comes of the two is the same.
//!
//! `DOCKGATE_DIFFERENTIAL` is the number of calls (default 400), or how long it goes on (`3600s`);
//! `DOCKGATE_DIFFERENTIAL_SEED` makes them others.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "shared with the other tests")]
#[path = "../support/mod.rs"]
mod support;

mod containers;
mod daemon;
mod dice;
mod images;
mod lists;
mod networks;

use daemon::{Daemon, request};
use dice::Dice;
use dockgate::api::call::Call;
use dockgate::api::forward::{Payload, Resolved};
use dockgate::api::head::{Framing, Head};
use dockgate::api::labels::Ownership;
use dockgate::api::route::{Reading, Route};
use dockgate::demand::{Object, Want};
use dockgate::denial::Denial;
use dockgate::facts::{Facts, Volume};
use dockgate::policy::Policy;
use images::Registry;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use support::Lab;

/// What comes of a request that is sent to the daemon: what is there then, or the status of a failure.
type Seen = Box<dyn Fn(&Daemon, &[u8]) -> Result<Value, u16>>;

/// A request, and how it is found out what the daemon has taken it for.
pub(crate) struct Sent {
    request: Vec<u8>,
    seen: Seen,
}

impl Sent {
    fn json(
        method: &str,
        target: String,
        body: Vec<u8>,
        seen: impl Fn(&Daemon, &[u8]) -> Result<Value, u16> + 'static,
    ) -> Self {
        Self { request: request(method, &target, "application/json", &body), seen: Box::new(seen) }
    }

    fn plain(method: &str, target: String, seen: impl Fn(&Daemon, &[u8]) -> Result<Value, u16> + 'static) -> Self {
        Self::json(method, target, Vec::new(), seen)
    }

    fn stream(target: String, body: Vec<u8>, seen: impl Fn(&Daemon, &[u8]) -> Result<Value, u16> + 'static) -> Self {
        Self { request: request("POST", &target, "application/x-tar", &body), seen: Box::new(seen) }
    }

    /// Without the bytes of an archive.
    fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.request).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        format!("{} {}", head.lines().next().unwrap(), body.split('\0').next().unwrap())
    }
}

/// How a gate reads a request: what goes on, and whether the policy without a file would permit it; or why it is not
/// understood.
type Gate = dyn Fn(&[u8]) -> Result<(Vec<u8>, bool), String>;

/// The gate's own reading.
fn own(request: &[u8]) -> Result<(Vec<u8>, bool), String> {
    let why = |denial: Denial| denial.message;
    let (head, used) = Head::parse(request).map_err(why)?.ok_or("no whole head")?;
    let route = Route::of(&head).map_err(why)?;
    let stream = route.reading() == Reading::Stream;
    let call = Call::of(route, if stream { &[] } else { &request[used..] }).map_err(why)?;
    let owner = Ownership { key: Some("hermes".to_owned()), account: "ai-worker".to_owned(), id: "0a".to_owned() };
    let forward = call.forward(&Resolved::default(), &owner);
    let length = (request.len() - used) as u64;
    let mut bytes = forward.head(if stream && length > 0 { Framing::Length(length) } else { Framing::None });
    match &forward.body {
        Payload::Whole(json) => bytes.extend(json),
        Payload::Stream => bytes.extend(&request[used..]),
        Payload::None => {}
    }
    Ok((bytes, permitted(&call)))
}

/// Whether the policy without a file permits a call, where every volume is a plain one and nothing is protected.
fn permitted(call: &Call) -> bool {
    let demands = call.demands();
    let mut facts = Facts { containers: Some(Ok(Vec::new())), ..Facts::default() };
    for object in [Object::Image, Object::Network, Object::Volume] {
        facts.listed.insert(object, Ok(Vec::new()));
    }
    for demand in &demands {
        if let Want::Volume { name } = &demand.want {
            facts.volumes.insert(name.clone(), Volume::Plain);
        }
    }
    Policy::default().judge((), &demands, &facts).is_ok()
}

/// Sorts a list by a text of its items: the daemon has it in no order.
pub(crate) fn sorted(list: &mut Value, by: &str) {
    list.as_array_mut().into_iter().for_each(|items| items.sort_by_key(|item| item[by].to_string()));
}

/// What must be there before anything is asked.
pub(crate) fn fixtures(daemon: &Daemon) {
    if daemon.ask("GET", "/networks/differential").status == 404 {
        let network = json!({"Name": "differential", "IPAM": {"Config": [{"Subnet": "198.51.100.0/24"}]}});
        daemon.post("/networks/create", &network).successful().unwrap();
    }
    if daemon.ask("GET", "/containers/differential-says/json").status == 404 {
        let says = json!({"Image": "busybox", "Cmd": ["sh", "-c", "echo one; echo two >&2; echo three"], "Labels": {"said": "x"}});
        daemon.post("/containers/create?name=differential-says", &says).successful().unwrap();
        daemon.post("/containers/differential-says/start", &Value::Null).successful().unwrap();
        daemon.ask("POST", "/containers/differential-says/wait");
    }
}

/// What a run came to.
#[derive(Default)]
struct Report {
    /// By kind of call: done by the daemon, refused by the gate, refused by the daemon.
    kinds: BTreeMap<&'static str, [usize; 3]>,
    times: BTreeMap<&'static str, Duration>,
    refusals: BTreeMap<String, usize>,
    differences: Vec<String>,
}

/// A kind of call, how often it is tried, and whether what it makes is marked.
type Kind = (&'static str, usize, bool);

const KINDS: &[Kind] = &[
    ("container create", 30, true),
    ("network create", 8, true),
    ("network connect", 10, false),
    ("volume create", 8, true),
    ("container update", 12, false),
    ("container rename", 3, false),
    ("exec", 8, false),
    ("exec start", 4, false),
    ("logs", 4, false),
    ("tag", 6, false),
    ("commit", 8, true),
    ("build", 3, true),
    ("image create", 8, false),
    ("list", 8, false),
    ("prune", 6, false),
];

fn sent(name: &str, dice: &mut Dice, registry: &Registry) -> Sent {
    match name {
        "container create" => containers::create(dice),
        "network create" => networks::network(dice),
        "network connect" => networks::join(dice),
        "volume create" => networks::volume(dice),
        "container update" => containers::update(dice),
        "container rename" => containers::rename(dice),
        "exec" => containers::exec(dice),
        "exec start" => containers::exec_start(dice),
        "logs" => containers::logs(dice),
        "tag" => images::tag(dice),
        "commit" => images::commit(dice),
        "build" => images::build(dice),
        "image create" => images::fetch(dice, registry),
        "list" => lists::list(dice),
        "prune" => lists::prune(dice),
        other => panic!("{other}"),
    }
}

/// Goes on until `done` says so, of the number of calls.
fn run(gate: &Gate, kinds: &[Kind], seed: u64, mut done: impl FnMut(usize, &Report) -> bool) -> Report {
    // Two that make the same things on one daemon would see each other's.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = Lab::shared();
    let daemon = Daemon { socket: lab.value("SOCKET").to_owned() };
    let registry = Registry::start(&lab.directory);
    let mut dice = Dice::new(seed);
    let mut report = Report::default();
    let whole: usize = kinds.iter().map(|(_, often, _)| often).sum();
    fixtures(&daemon);
    for count in 0.. {
        if done(count, &report) {
            return report;
        }
        let mut at = dice.below(whole);
        let kind = kinds.iter().find(|(_, often, _)| at.checked_sub(*often).map(|rest| at = rest).is_none()).unwrap();
        let sent = sent(kind.0, &mut dice, &registry);
        let begun = Instant::now();
        let counts = report.kinds.entry(kind.0).or_default();
        let (forwarded, permitted) = match gate(&sent.request) {
            Ok(read) => read,
            Err(why) => {
                counts[1] += 1;
                *report.refusals.entry(why).or_default() += 1;
                continue;
            }
        };
        let (raw, ours) = ((sent.seen)(&daemon, &sent.request), (sent.seen)(&daemon, &forwarded));
        counts[if raw.is_ok() { 0 } else { 2 }] += 1;
        if raw == Err(0) {
            eprintln!("{}: the daemon ends the connection: {}\n", kind.0, sent.shown());
        }
        *report.times.entry(kind.0).or_default() += begun.elapsed();
        if let Some(what) = difference(kind, raw, ours, permitted) {
            let text = format!("{}: {}\n{what}", kind.0, sent.shown());
            eprintln!("{text}\n");
            report.differences.push(text);
        }
    }
    report
}

fn difference(kind: &Kind, raw: Result<Value, u16>, ours: Result<Value, u16>, permitted: bool) -> Option<String> {
    match (raw, ours) {
        (Ok(mut raw), Ok(mut ours)) => {
            let marked = without_marks(&mut ours);
            without_marks(&mut raw);
            if raw != ours {
                return Some(parts(&raw, &ours, String::new()).join("\n"));
            }
            if kind.2 && !marked && ours.is_object() {
                return Some("it is not marked".to_owned());
            }
            let beyond = beyond(&ours).filter(|_| permitted);
            beyond.map(|what| format!("it is permitted without a policy file, and has {what} of the host: {ours}"))
        }
        (Err(raw), Err(ours)) if raw == ours => None,
        (raw, ours) => Some(format!("as it is: {raw:?}\nthrough the gate: {ours:?}")),
    }
}

/// Where two values are not the same.
fn parts(raw: &Value, ours: &Value, at: String) -> Vec<String> {
    match (raw, ours) {
        (Value::Object(raw), Value::Object(ours)) => {
            let keys: BTreeSet<&String> = raw.keys().chain(ours.keys()).collect();
            let value =
                |map: &serde_json::Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or(json!("none"));
            keys.into_iter().flat_map(|key| parts(&value(raw, key), &value(ours, key), format!("{at}/{key}"))).collect()
        }
        _ if raw == ours => Vec::new(),
        _ => vec![format!("{at}: as it is: {raw}; through the gate: {ours}")],
    }
}

/// Takes out the gate's own labels, and the difference between no labels and none; whether there were any.
fn without_marks(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => {
            let mut marked = map.values_mut().fold(false, |marked, value| without_marks(value) | marked);
            if let Some(labels) = map.get_mut("Labels") {
                let before = labels.as_object().map_or(0, serde_json::Map::len);
                labels
                    .as_object_mut()
                    .into_iter()
                    .for_each(|labels| labels.retain(|name, _| !name.starts_with("dockgate.")));
                let after = labels.as_object().map_or(0, serde_json::Map::len);
                marked |= before > after;
                if after == 0 {
                    *labels = Value::Null;
                }
            }
            marked
        }
        Value::Array(items) => items.iter_mut().fold(false, |marked, value| without_marks(value) | marked),
        _ => false,
    }
}

/// What a container or volume has of the host, as the daemon shows it.
fn beyond(seen: &Value) -> Option<String> {
    let is = |pointer: &str, harmless: &[&str]| {
        let value = seen.pointer(pointer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (!harmless.contains(&text.as_str())).then(|| format!("{pointer} {text}"))
    };
    if seen.pointer("/HostConfig/NetworkMode") == Some(&json!("host")) {
        return Some("the network".to_owned());
    }
    let bound = seen["Mounts"].as_array().into_iter().flatten().find(|mount| mount["Type"] == "bind");
    bound.map(|mount| format!("a mount {mount}")).or_else(|| {
        [
            is("/HostConfig/Privileged", &["false"]),
            is("/HostConfig/PidMode", &[""]),
            is("/HostConfig/UTSMode", &[""]),
            is("/HostConfig/UsernsMode", &[""]),
            is("/HostConfig/Cgroup", &[""]),
            is("/HostConfig/CgroupParent", &[""]),
            is("/HostConfig/IpcMode", &["private", "shareable", "none"]),
            is("/HostConfig/Devices", &["null", "[]"]),
            is("/HostConfig/DeviceCgroupRules", &["null", "[]"]),
            is("/HostConfig/DeviceRequests", &["null", "[]"]),
            is("/HostConfig/Annotations", &["null", "{}"]),
            is("/HostConfig/Runtime", &["runc"]),
            is("/HostConfig/OomKillDisable", &["null", "false"]),
            is("/Options/device", &["tmpfs"]),
        ]
        .into_iter()
        .flatten()
        .next()
    })
}

/// How long a run goes on, by `DOCKGATE_DIFFERENTIAL`.
fn until_told() -> impl FnMut(usize, &Report) -> bool {
    let told = std::env::var("DOCKGATE_DIFFERENTIAL").unwrap_or_else(|_| "400".to_owned());
    let number = |text: &str| text.parse().expect("DOCKGATE_DIFFERENTIAL: a number of calls, or of seconds as 60s");
    let (calls, time) = match told.strip_suffix('s') {
        Some(seconds) => (usize::MAX, Duration::from_secs(number(seconds))),
        None => (usize::try_from(number(&told)).unwrap(), Duration::MAX),
    };
    let begun = Instant::now();
    move |count, report| {
        if count % 1000 == 999 {
            eprintln!("{count} calls, {} differences, {:?}", report.differences.len(), begun.elapsed());
        }
        count >= calls || begun.elapsed() >= time
    }
}

#[test]
fn the_daemon_reads_what_the_gate_reads() {
    let seed = std::env::var("DOCKGATE_DIFFERENTIAL_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let report = run(&own, KINDS, seed, until_told());
    for (kind, [done, refused, failed]) in &report.kinds {
        println!(
            "{kind}: {done} done, {refused} refused by the gate, {failed} by the daemon, {:?}",
            report.times.get(kind)
        );
    }
    let mut refusals: Vec<_> = report.refusals.iter().collect();
    refusals.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    refusals.iter().take(25).for_each(|(why, count)| println!("{count} x {why}"));
    assert!(report.differences.is_empty(), "{} differences", report.differences.len());
    let all = |at: usize| report.kinds.values().map(|counts| counts[at]).sum::<usize>();
    assert!(report.kinds.len() == KINDS.len() && all(0) > all(1) / 2 && all(1) > 0, "{:?}", report.kinds);
}

/// A JSON body as most readers take it: the last of equal keys, and nothing of what follows.
fn last_of_equals(request: &[u8]) -> Result<(Vec<u8>, bool), String> {
    with_body(request, |body| body)
}

/// Keys that are not as they are documented are dropped, and not refused.
fn blind_to_folding(request: &[u8]) -> Result<(Vec<u8>, bool), String> {
    fn documented(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let is = |name: &str| name.starts_with(char::is_uppercase) && name.is_ascii();
                map.into_iter().filter(|(name, _)| is(name)).map(|(name, value)| (name, documented(value))).collect()
            }
            other => other,
        }
    }
    with_body(request, documented)
}

/// The last of equal keys of a query.
fn last_of_query(request: &[u8]) -> Result<(Vec<u8>, bool), String> {
    let text = String::from_utf8_lossy(request);
    let line = text.lines().next().unwrap();
    let target = line.split(' ').nth(1).unwrap();
    let Some((path, query)) = target.split_once('?') else { return own(request) };
    let pairs: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let line = line.replace(target, &format!("{path}?{}", pairs.join("&")));
    own(&[line.as_bytes(), &request[text.lines().next().unwrap().len()..]].concat())
}

fn with_body(request: &[u8], read: impl Fn(Value) -> Value) -> Result<(Vec<u8>, bool), String> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = serde_json::Deserializer::from_slice(&request[end..]).into_iter().next();
    let Some(Ok(body)) = body else { return own(request) };
    let line = String::from_utf8_lossy(request).lines().next().unwrap().to_owned();
    let target = line.split(' ').nth(1).unwrap();
    let body = read(body).to_string();
    own(&daemon::request("POST", target, "application/json", body.as_bytes()))
}

#[test]
fn a_gate_that_reads_otherwise_is_found_out() {
    let bodies: &[Kind] = &[("container create", 2, true), ("volume create", 1, true), ("exec", 1, false)];
    let queries: &[Kind] = &[("tag", 1, false), ("container create", 1, true)];
    let faults: [(&str, &Gate, &[Kind]); 3] = [
        ("last_of_equals", &last_of_equals, bodies),
        ("blind_to_folding", &blind_to_folding, bodies),
        ("last_of_query", &last_of_query, queries),
    ];
    for (name, gate, kinds) in faults {
        let report = run(gate, kinds, 2, |count, report| count >= 2000 || !report.differences.is_empty());
        assert!(!report.differences.is_empty(), "{name} is not found out");
    }
}
