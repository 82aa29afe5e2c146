//! Check: what a request has done, against what the policy says.

use super::law::{Law, Only, PORTS};
use super::requests::Request;
use super::world::{Kind, Thing, Things, World, mounts, text};
use serde_json::Value;
use std::path::Path;

/// What is wrong with what there is now.
pub(super) fn faults(
    world: &World,
    law: &Law,
    after: &Things,
    (request, by_words): (&Request, bool),
    out: &str,
) -> Vec<String> {
    let mut faults = kept(law, &world.before, after);
    let new: Vec<&Thing> =
        after.iter().filter(|(key, _)| !world.before.contains_key(*key)).map(|(_, thing)| thing).collect();
    for thing in &new {
        let mut found = made(law, thing);
        if thing.kind == Kind::Container {
            found.extend(container(world, law, thing, after));
            let label = text(&thing.whole, "/Config/Labels/com.docker.compose.project");
            if !label.is_empty() && !marks(world, law, request, by_words) {
                found.push("a container is marked as a project's".to_owned());
            }
        }
        faults.extend(found);
    }
    // Other limits for containers that were there.
    for (key, now) in after.iter().filter(|((kind, _), _)| *kind == Kind::Container) {
        let Some(before) = world.before.get(key) else { continue };
        if before.whole["HostConfig"] != now.whole["HostConfig"] && now.own {
            faults.extend(resources(law, now).into_iter().map(|fault| format!("changed: {fault}")));
        }
        let runs = |thing: &Thing| text(&thing.whole, "/State/Status") == "running";
        let granted = law.grants.iter().any(|(path, read_only)| !read_only && path.ends_with("up"));
        if granted
            && now.names[0].starts_with("mine-")
            && runs(now)
            && !runs(before)
            && mounts(now).any(|mount| text(mount, "/Source").ends_with("/up/link"))
        {
            faults.push("a container was started whose mount leads elsewhere by now".to_owned());
        }
    }
    faults.extend(running(law, &world.before, after));
    faults.extend(told(law, &world.before, request, out));
    faults.sort();
    faults.dedup();
    faults
}

/// Whether a request may make something of a project: one of Compose's, or a call, which Compose on the far side sends,
/// where nothing of the project's is kept from the key.
fn marks(world: &World, law: &Law, request: &Request, by_words: bool) -> bool {
    let mut shop = world.before.values().filter(|thing| thing.names.iter().any(|name| name == "shop-web-1"));
    request.words.iter().any(|word| word == "compose") || (!by_words && !shop.any(|thing| law.keeps(thing)))
}

/// What nothing may become of, and something has.
fn kept(law: &Law, before: &Things, after: &Things) -> Vec<String> {
    let mut faults = Vec::new();
    for (key, thing) in before.iter().filter(|(_, thing)| thing.kind != Kind::Image && law.keeps(thing)) {
        let (kind, name) = (thing.kind.name(), thing.names.first().map_or("(named by docker)", String::as_str));
        match after.get(key) {
            None => faults.push(format!("the {kind} {name} is gone")),
            Some(now) if now.like != thing.like || now.names != thing.names => {
                faults.push(format!("the {kind} {name} is not as it was"));
            }
            Some(_) => {}
        }
        for joined in after
            .values()
            .filter(|other| other.kind == Kind::Container && !before.contains_key(&(Kind::Container, other.id.clone())))
        {
            let mounted = thing.kind == Kind::Volume && mounts(joined).any(|mount| text(mount, "/Name") == thing.id);
            let networks = joined.whole.pointer("/NetworkSettings/Networks").and_then(Value::as_object);
            let inside = thing.kind == Kind::Network && networks.is_some_and(|networks| networks.contains_key(name));
            if mounted || inside {
                faults.push(format!("the {kind} {name} has a new container"));
            }
        }
    }
    let holder = |things: &Things, name: &str| {
        things
            .values()
            .find(|thing| thing.kind == Kind::Image && thing.names.iter().any(|own| own == name))
            .map(|thing| thing.id.clone())
    };
    for image in before.values().filter(|thing| thing.kind == Kind::Image) {
        for name in &image.names {
            let kept = law.protects(Kind::Image, name) || law.is_outside(Kind::Image, name, image.own);
            if kept && holder(after, name).as_ref() != Some(&image.id) {
                faults.push(format!("the image {name} is gone, or another"));
            }
        }
        if image.names.is_empty() && law.keeps(image) && !after.contains_key(&(Kind::Image, image.id.clone())) {
            faults.push("an image without a name is gone".to_owned());
        }
    }
    faults
}

/// What is new of each kind.
fn made(law: &Law, thing: &Thing) -> Vec<String> {
    let mut faults = Vec::new();
    let kind = thing.kind.name();
    for name in &thing.names {
        if law.protects(thing.kind, name) {
            faults.push(format!("a {kind} of a protected name was made"));
        }
        if law.is_outside(thing.kind, name, thing.own) {
            faults.push(format!("a {kind} outside of the corner was made"));
        }
    }
    let options =
        thing.whole.get("Options").filter(|options| options.as_object().is_some_and(|options| !options.is_empty()));
    match thing.kind {
        Kind::Volume if options.is_some() => faults.push("a volume has options".to_owned()),
        Kind::Network if text(&thing.whole, "/Driver") != "bridge" => {
            faults.push("a network has another driver".to_owned())
        }
        _ => {}
    }
    faults
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The limits that a container has are none above those of the policy.
fn resources(law: &Law, thing: &Thing) -> Vec<String> {
    let config = |name: &str| number(&thing.whole, &format!("/HostConfig/{name}"));
    let mut faults = Vec::new();
    let within = |value: i64, most: u64| value > 0 && value.unsigned_abs() <= most;
    if law.memory.is_some_and(|most| !within(config("Memory"), most)) {
        faults.push("memory is not limited".to_owned());
    }
    if law.memory.is_some_and(|most| config("MemorySwap") < 0 || config("MemorySwap").unsigned_abs() > 2 * most) {
        faults.push("swap is not limited".to_owned());
    }
    let period = if config("CpuPeriod") == 0 { 100_000 } else { config("CpuPeriod") };
    let cpus = if config("NanoCpus") > 0 { config("NanoCpus") / 1_000_000 } else { config("CpuQuota") * 1000 / period };
    if law.cpus.is_some_and(|most| !within(cpus, most)) {
        faults.push("processors are not limited".to_owned());
    }
    if law.pids.is_some_and(|most| !within(config("PidsLimit"), most.unsigned_abs())) {
        faults.push("processes are not limited".to_owned());
    }
    faults
}

/// A container that is new.
fn container(world: &World, law: &Law, thing: &Thing, after: &Things) -> Vec<String> {
    let mut faults = resources(law, thing);
    let mut fault = |text: &str| faults.push(format!("a new container: {text}"));
    if !thing.own {
        fault("it is not marked as the key's");
    }
    let config = thing.whole.get("HostConfig").unwrap_or(&Value::Null);
    let is_set = |name: &str| {
        config.get(name).is_some_and(|value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => true,
        })
    };
    for name in [
        "Privileged",
        "CapAdd",
        "Devices",
        "DeviceRequests",
        "DeviceCgroupRules",
        "SecurityOpt",
        "VolumesFrom",
        "Sysctls",
        "UsernsMode",
        "UTSMode",
        "PidMode",
    ] {
        if is_set(name) {
            fault(name);
        }
    }
    let shared = |mode: &str| mode == "host" || mode.starts_with("container:") || mode.starts_with("ns:");
    if shared(&text(config, "/NetworkMode")) || shared(&text(config, "/IpcMode")) {
        fault("it shares a namespace");
    }
    for mount in mounts(thing).filter(|mount| text(mount, "/Type") == "bind") {
        let source = text(mount, "/Source");
        let end = std::fs::canonicalize(&source).unwrap_or_else(|_| source.clone().into());
        let writes = mount["RW"] == Value::Bool(true);
        let granted = |(path, read_only): &(std::path::PathBuf, bool)| {
            if *read_only { !writes && end.starts_with(path) } else { end == *path }
        };
        if !law.grants.iter().any(granted) {
            fault("a mount of the host");
        }
    }
    let ports = config.pointer("/PortBindings").and_then(Value::as_object).into_iter().flatten();
    for binding in ports.flat_map(|(_, bindings)| bindings.as_array().into_iter().flatten()) {
        let port = text(binding, "/HostPort").parse::<u16>().unwrap_or_default();
        if law.ports && !PORTS.contains(&port) {
            fault("a port of the host");
        }
    }
    if law.ports && is_set("PublishAllPorts") {
        fault("a port of the host");
    }
    let image = text(&thing.whole, "/Image");
    let named =
        after.values().chain(world.before.values()).filter(|other| other.kind == Kind::Image && other.id == image);
    let names: Vec<&String> = named.clone().flat_map(|image| &image.names).collect();
    if let Some(granted) = &law.images
        && !names.iter().any(|name| granted.iter().any(|pattern| super::law::fits(Kind::Image, pattern, name)))
    {
        fault("an image that is not granted");
    }
    let own = named.clone().any(|image| image.own);
    let seen = match law.only.get(&Kind::Image) {
        Some(Only::Own) => own,
        Some(Only::Names(_)) => {
            own && names.is_empty() || names.iter().any(|name| !law.is_outside(Kind::Image, name, own))
        }
        None => true,
    };
    if !seen {
        fault("an image outside of the corner");
    }
    faults.extend(in_group(world, law, thing));
    faults
}

/// What the kernel holds a running container to.
fn in_group(world: &World, law: &Law, thing: &Thing) -> Vec<String> {
    let read = |controller: &str, names: &[&str]| {
        let group = world.group(controller, &thing.id)?;
        let text = names.iter().find_map(|name| std::fs::read_to_string(Path::new(&group).join(name)).ok())?;
        Some(text.trim().to_owned())
    };
    let above = |text: Option<String>, most: u64| {
        text.is_some_and(|text| text.parse::<u64>().map_or(true, |number| number > most))
    };
    let mut faults = Vec::new();
    if law.memory.is_some_and(|most| above(read("memory", &["memory.limit_in_bytes", "memory.max"]), most)) {
        faults.push("the kernel gives a container more memory".to_owned());
    }
    if law.pids.is_some_and(|most| above(read("pids", &["pids.max"]), most.unsigned_abs())) {
        faults.push("the kernel gives a container more processes".to_owned());
    }
    let quota = read("cpu", &["cpu.cfs_quota_us", "cpu.max"]);
    let period = read("cpu", &["cpu.cfs_period_us"]).and_then(|text| text.parse::<u64>().ok());
    let quota = quota.map(|text| {
        let mut words = text.split(' ').map(str::to_owned);
        let (quota, own) = (words.next().unwrap_or_default(), words.next().and_then(|text| text.parse().ok()));
        (quota, own.or(period).unwrap_or(100_000))
    });
    let too_much = |(quota, period): &(String, u64), most: u64| {
        quota.parse::<u64>().map_or(true, |quota| quota * 1000 > most * period)
    };
    if law.cpus.is_some_and(|most| quota.as_ref().is_some_and(|quota| too_much(quota, most))) {
        faults.push("the kernel gives a container more processors".to_owned());
    }
    faults
}

/// How many run that were made through the gate.
fn running(law: &Law, before: &Things, after: &Things) -> Option<String> {
    let count = |things: &Things| {
        let own = |thing: &&Thing| {
            thing.kind == Kind::Container
                && ["running", "paused"].contains(&text(&thing.whole, "/State/Status").as_str())
                && thing.whole.pointer("/Config/Labels/dockgate.account").is_some()
        };
        things.values().filter(own).count()
    };
    let most = law.running?.max(count(before));
    (count(after) > most).then(|| "more containers run than may".to_owned())
}

/// Names and ids of what is not there for the key, in what was printed.
fn told(law: &Law, before: &Things, request: &Request, out: &str) -> Vec<String> {
    let said = request.words.join(" ") + &request.input;
    let outside = before.values().filter(|thing| match law.only.get(&thing.kind) {
        None => false,
        Some(_) if thing.names.is_empty() => !thing.own,
        Some(_) => thing.names.iter().all(|name| law.is_outside(thing.kind, name, thing.own)),
    });
    // What a container is made of, uses and joins is told with it, where it is there.
    let inside =
        |thing: &&Thing| thing.kind == Kind::Container && !law.is_outside(thing.kind, &thing.names[0], thing.own);
    let shown: Vec<String> = before.values().filter(inside).map(|thing| thing.whole.to_string()).collect();
    // So it is with what happens to a container.
    let events = request.words.iter().any(|word| word == "events");
    let of_containers =
        |line: &&str| events && [" container ", " network ", " volume "].iter().any(|kind| line.contains(kind));
    let (about_containers, others): (Vec<&str>, Vec<&str>) = out.lines().partition(of_containers);
    let mut faults = Vec::new();
    for thing in outside {
        let short = thing.id.trim_start_matches("sha256:").get(..12).unwrap_or_default().to_owned();
        let marks = thing.names.iter().map(String::as_str).chain([short.as_str()]);
        // "edge" is a word of docker's.
        let mut marks = marks.filter(|mark| mark.len() > 6 && !mark.starts_with("busybox"));
        let lines = if thing.kind == Kind::Image {
            others.join("\n")
        } else {
            [&about_containers[..], &others[..]].concat().join("\n")
        };
        if marks
            .any(|mark| lines.contains(mark) && !said.contains(mark) && !shown.iter().any(|text| text.contains(mark)))
        {
            let name = thing.names.first().map_or("(named by docker)", String::as_str);
            faults.push(format!("the {} {name} outside of the corner is told of", thing.kind.name()));
        }
    }
    faults
}
