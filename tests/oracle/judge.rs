//! What a recorded API call means: `None` when it is within the policy, and otherwise what is wrong.
//!
//! Written against the Engine API, without a look at how the gate reads command lines: everything that is
//! not listed here as harmless is a finding.

use crate::engine::{CREATED, Call};
use dockgate::policy::settings::Settings;
use serde_json::Value;
use std::path::Path;

/// The run that a call belongs to.
pub(crate) struct Run<'a> {
    /// Docker's words for the command that was judged.
    pub(crate) command: &'a str,
    pub(crate) grants: &'a Settings,
    pub(crate) directory: &'a Path,
    /// Texts that only forbidden files hold.
    pub(crate) canaries: &'a [&'a str],
}

/// Calls that change something, and the commands that they belong to. A trailing `*` stands for any rest.
const CHANGES: &[(&str, &str, &[&str])] = &[
    ("DELETE", "containers **", &["rm", "run"]),
    ("DELETE", "images **", &["rmi"]),
    ("DELETE", "networks **", &["network rm"]),
    ("DELETE", "volumes **", &["volume rm"]),
    ("POST", "build", &["build"]),
    ("POST", "build prune", &["builder prune", "buildx prune", "system prune"]),
    ("POST", "containers ** attach", &["run"]),
    ("POST", "containers ** kill", &["kill", "run"]),
    ("POST", "containers ** pause", &["pause"]),
    ("POST", "containers ** rename", &["rename"]),
    ("POST", "containers ** resize", &["run"]),
    ("POST", "containers ** restart", &["restart"]),
    ("POST", "containers ** start", &["start", "run"]),
    ("POST", "containers ** stop", &["stop"]),
    ("POST", "containers ** unpause", &["unpause"]),
    ("POST", "containers ** update", &["update"]),
    ("POST", "containers ** wait", &["wait", "run"]),
    ("POST", "containers create", &["create", "run"]),
    ("POST", "containers prune", &["container prune", "system prune"]),
    ("POST", "grpc", &["build*"]),
    ("POST", "images create", &["create", "pull", "run"]),
    ("POST", "images prune", &["image prune", "system prune"]),
    ("POST", "networks ** connect", &["network connect"]),
    ("POST", "networks ** disconnect", &["network disconnect"]),
    ("POST", "networks create", &["network create"]),
    ("POST", "networks prune", &["network prune", "system prune"]),
    ("POST", "session", &["build*"]),
    ("POST", "volumes create", &["volume create"]),
    ("POST", "volumes prune", &["volume prune", "system prune"]),
    ("PUT", "volumes **", &["volume update"]),
    ("SENT", "containers ** attach", &["run"]),
    ("SENT", "grpc", &["build*"]),
    ("SENT", "session", &["build*"]),
];

/// What the commands of Compose may change of their project's own.
const COMPOSE: &[(&str, &str, &[&str])] = &[
    ("DELETE", "containers **", &["create", "down", "rm", "run", "scale", "up", "wait"]),
    ("DELETE", "images **", &["down"]),
    ("DELETE", "networks **", &["create", "down", "run", "scale", "up", "wait"]),
    ("DELETE", "volumes **", &["create", "down", "rm", "up"]),
    ("POST", "build", &["build", "create", "run", "scale", "up"]),
    ("POST", "containers ** attach", &["run", "up"]),
    ("POST", "containers ** kill", &["down", "kill", "run", "up", "wait"]),
    ("POST", "containers ** pause", &["pause"]),
    ("POST", "containers ** rename", &["create", "run", "scale", "up"]),
    ("POST", "containers ** resize", &["run", "up"]),
    ("POST", "containers ** restart", &["restart"]),
    ("POST", "containers ** start", &["restart", "run", "scale", "start", "up"]),
    ("POST", "containers ** stop", &["create", "down", "rm", "run", "scale", "stop", "up", "wait"]),
    ("POST", "containers ** unpause", &["unpause"]),
    ("POST", "containers ** wait", &["run", "up", "wait"]),
    ("POST", "containers create", &["create", "run", "scale", "up"]),
    ("POST", "grpc", &["build", "create", "run", "scale", "up"]),
    ("POST", "images create", &["create", "pull", "run", "scale", "up"]),
    ("POST", "networks ** connect", &["create", "run", "scale", "start", "up"]),
    ("POST", "networks ** disconnect", &["down", "wait"]),
    ("POST", "networks create", &["create", "run", "scale", "up"]),
    ("POST", "session", &["build", "create", "run", "scale", "up"]),
    ("POST", "volumes create", &["create", "run", "scale", "up"]),
    // Secrets and configurations that have their text in the model.
    ("PUT", "containers ** archive", &["create", "run", "scale", "up"]),
    ("SENT", "containers ** attach", &["run", "up"]),
    ("SENT", "grpc", &["build", "create", "run", "scale", "up"]),
    ("SENT", "session", &["build", "create", "run", "scale", "up"]),
];

/// What every container has unless it is taken away, as `docker run --help`'s reference lists it.
const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// `docker inspect` without `--type` goes on to the cluster's objects when nothing else has the name.
const INSPECTED: &[&str] = &["services *", "tasks *", "nodes *", "secrets *", "configs *"];

/// Calls that only look.
const LOOKS: &[&str] = &[
    "_ping",
    "containers ** json",
    "containers ** logs",
    "containers ** stats",
    "containers ** top",
    "containers json",
    "distribution ** json",
    "events",
    "images ** history",
    "images ** json",
    "images json",
    "images search",
    "info",
    "networks",
    "networks **",
    "plugins",
    "plugins ** json",
    "system df",
    "version",
    "volumes",
    "volumes **",
];

/// Whether a call may go to the daemon of another context: those are the administrator's, and `buildx ls` asks
/// each of them how it is.
pub(crate) fn is_elsewhere_fine(run: &Run<'_>) -> bool {
    matches!(run.command, "buildx ls" | "buildx inspect")
}

/// What is wrong with a call.
pub(crate) fn fault(call: &Call, run: &Run<'_>) -> Option<String> {
    let parts: Vec<&str> = call.path.split('/').skip(1).collect();
    if let Some(canary) = run.canaries.iter().find(|canary| contains(&call.body, canary.as_bytes())) {
        return Some(format!("it carries {canary}, which a forbidden file holds"));
    }
    let is = |pattern: &str| matches(&pattern.split(' ').collect::<Vec<_>>(), &parts);
    let stranger = || Some("it belongs to a blocked operation, or to none".to_owned());
    if matches!(call.method.as_str(), "GET" | "HEAD") {
        let inspected = run.command == "inspect" && INSPECTED.iter().any(|look| is(look));
        return if inspected || LOOKS.iter().any(|look| is(look)) { None } else { stranger() };
    }
    let (table, command) = match run.command.strip_prefix("compose ") {
        Some(command) => (COMPOSE, command),
        None => (CHANGES, run.command),
    };
    let Some((_, _, commands)) = table.iter().find(|(method, pattern, _)| *method == call.method && is(pattern)) else {
        return stranger();
    };
    let belongs = commands.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => command.starts_with(prefix),
        None => command == *known,
    });
    if !belongs {
        return Some(format!("it does not belong to {}", run.command));
    }
    body_fault(call, &parts, run)
}

/// `*` is one part that is not empty, `**` one or more.
fn matches(pattern: &[&str], parts: &[&str]) -> bool {
    match (pattern, parts) {
        ([], []) => true,
        (["**", rest @ ..], [first, more @ ..]) => !first.is_empty() && (matches(rest, more) || matches(pattern, more)),
        (["*", rest @ ..], [first, more @ ..]) if !first.is_empty() => matches(rest, more),
        ([first, rest @ ..], [word, more @ ..]) => first == word && matches(rest, more),
        _ => false,
    }
}

fn body_fault(call: &Call, parts: &[&str], run: &Run<'_>) -> Option<String> {
    let body = call.json();
    match (call.method.as_str(), parts) {
        ("POST", ["containers", "create"]) => {
            let config = body.get("HostConfig").and_then(|config| host_config(config, run));
            let networking = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(endpoints);
            let whole = body.get("HostConfig").is_some();
            (!whole).then(|| "without HostConfig".to_owned()).or(config).or(networking)
        }
        ("POST", ["containers", .., "update"]) => host_config(&body, run),
        ("POST", ["containers", id, .., "attach"]) => {
            // Without standard input it shows what `logs -f` shows, and `compose up` follows so what is up.
            let shows = run.command == "compose up" && call.query.get("stdin").is_none_or(|stdin| stdin != "1");
            (!shows && !id.starts_with(CREATED)).then(|| "the container is not of this run".to_owned())
        }
        ("POST", ["images", "create"]) => {
            call.query.get("fromSrc").filter(|source| !source.is_empty()).map(|source| format!("fromSrc={source}"))
        }
        ("POST", ["volumes", "create"]) => volume(&body),
        ("POST", ["networks", "create"]) => network(&body),
        ("POST", ["networks", .., "connect"]) => body
            .pointer("/EndpointConfig/DriverOpts")
            .filter(|value| !is_empty(value))
            .map(|value| format!("DriverOpts {value}")),
        ("POST", ["build"]) => build(call, run),
        ("SENT", ["grpc"]) => ["network.host", "security.insecure", "device="]
            .iter()
            .filter(|text| {
                **text != "network.host" || !run.grants.namespaces.value.iter().any(|name| name == "network")
            })
            .find(|text| contains(&call.body, text.as_bytes()))
            .map(|text| format!("the build asks for {text}")),
        _ => None,
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// What Go leaves in a struct that nobody has set.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

/// Limits and settings of the container's own.
const OWN: &[&str] = &[
    "AutoRemove",
    "BlkioWeight",
    "CapDrop",
    "ConsoleSize",
    "CpuCount",
    "CpuPercent",
    "CpuPeriod",
    "CpuQuota",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "IOMaximumBandwidth",
    "IOMaximumIOps",
    "Init",
    "Isolation",
    "KernelMemory",
    "Links",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "MemorySwappiness",
    "NanoCpus",
    "PidsLimit",
    "PortBindings",
    "PublishAllPorts",
    "ReadonlyRootfs",
    "RestartPolicy",
    "ShmSize",
    "StorageOpt",
    "Tmpfs",
    "Ulimits",
];

fn host_config(config: &Value, run: &Run<'_>) -> Option<String> {
    let fields = config.as_object()?;
    if let Some(value) =
        ["MaskedPaths", "ReadonlyPaths"].iter().find_map(|key| fields.get(*key)).filter(|v| !v.is_null())
    {
        return Some(format!("masked or read-only paths are changed: {value}"));
    }
    fields.iter().filter(|(_, value)| !is_empty(value)).find_map(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        let all = |good: &dyn Fn(&str) -> bool| strings(value).iter().all(|item| good(item));
        let fine = match key.as_str() {
            key if OWN.contains(&key) => true,
            "Binds" => all(&|bind| is_bind_fine(bind, run)),
            "Mounts" => value.as_array().is_some_and(|mounts| mounts.iter().all(|mount| is_mount_fine(mount, run))),
            "CapAdd" => all(&|name| {
                let name = dockgate::policy::values::capability(name);
                run.grants.capabilities.value.contains(&name) || DEFAULT_CAPABILITIES.contains(&name.as_str())
            }),
            "Devices" => value.as_array().is_some_and(|devices| {
                let path = |device: &Value| device.get("PathOnHost").and_then(Value::as_str).map(str::to_owned);
                devices.iter().filter_map(path).all(|path| run.grants.devices.value.contains(&path))
            }),
            "SecurityOpt" => all(&|option| option.starts_with("no-new-privileges") && !option.contains("false")),
            "NetworkMode" => is_mode_fine(text, "network", &["", "default", "bridge", "none"], run),
            "IpcMode" => matches!(text, "none" | "private" | "shareable") || is_granted_host(text, "ipc", run),
            "CgroupnsMode" => text == "private" || is_granted_host(text, "cgroup", run),
            "PidMode" => is_granted_host(text, "pid", run),
            "UTSMode" => is_granted_host(text, "uts", run),
            "UsernsMode" => is_granted_host(text, "user", run),
            "Privileged" => run.grants.privileged.value,
            "VolumeDriver" => text == "local",
            "OomScoreAdj" => value.as_i64().is_some_and(|score| score >= 0),
            "Sysctls" => value.as_object().is_some_and(|all| {
                all.keys().all(|key| {
                    ["net.", "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue."].iter().any(|p| key.starts_with(p))
                })
            }),
            "LogConfig" => {
                let kind = value.get("Type").and_then(Value::as_str).unwrap_or_default();
                let address = value.get("Config").and_then(Value::as_object).is_some_and(|options| {
                    options
                        .keys()
                        .any(|key| ["address", "url", "endpoint", "path", "cert"].iter().any(|part| key.contains(part)))
                });
                matches!(kind, "" | "json-file" | "local" | "none") && !address
            }
            _ => false,
        };
        (!fine).then(|| format!("{key}: {value}"))
    })
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().map_or_else(Vec::new, |items| {
        items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
    })
}

fn is_granted_host(mode: &str, namespace: &str, run: &Run<'_>) -> bool {
    mode == "host" && run.grants.namespaces.value.iter().any(|granted| granted == namespace)
}

fn is_mode_fine(mode: &str, namespace: &str, own: &[&str], run: &Run<'_>) -> bool {
    let joins = ["container:", "ns:", "service:"].iter().any(|prefix| mode.starts_with(prefix));
    own.contains(&mode) || is_granted_host(mode, namespace, run) || (mode != "host" && !joins)
}

/// Volumes that the engine knows to stand for something of the host.
fn is_volume_fine(name: &str) -> bool {
    !matches!(name, "hostvol" | "plugged") && !name.contains(['/', '\\', '~', ':']) && !name.starts_with('.')
}

fn is_granted_path(source: &str, read_only: bool, run: &Run<'_>) -> bool {
    let path = run.directory.join(source);
    let path = std::fs::canonicalize(&path).unwrap_or(path);
    run.grants.bind_mounts.value.iter().any(|grant| {
        let within = path == grant.path || (grant.read_only && path.starts_with(&grant.path));
        within && (read_only || !grant.read_only)
    })
}

fn is_bind_fine(bind: &str, run: &Run<'_>) -> bool {
    let parts: Vec<&str> = bind.split(':').collect();
    match parts.as_slice() {
        [source, _] => is_volume_fine(source) || is_granted_path(source, false, run),
        [source, _, modes] => {
            let known = ["", "ro", "rw", "nocopy", "cached", "delegated", "consistent"];
            let read_only = modes.split(',').any(|mode| mode == "ro");
            modes.split(',').all(|mode| known.contains(&mode))
                && (is_volume_fine(source) || is_granted_path(source, read_only, run))
        }
        _ => false,
    }
}

fn is_mount_fine(mount: &Value, run: &Run<'_>) -> bool {
    let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
    let read_only = mount.get("ReadOnly") == Some(&Value::Bool(true));
    let driver = mount.pointer("/VolumeOptions/DriverConfig").is_none_or(|driver| {
        let name = driver.get("Name").and_then(Value::as_str).unwrap_or_default();
        matches!(name, "" | "local") && driver.get("Options").is_none_or(is_empty)
    });
    match text("Type") {
        "volume" => driver && (text("Source").is_empty() || is_volume_fine(text("Source"))),
        "tmpfs" | "image" => driver,
        "bind" => is_granted_path(text("Source"), read_only, run),
        _ => false,
    }
}

fn endpoints(endpoints: &Value) -> Option<String> {
    endpoints.as_object()?.iter().find_map(|(name, endpoint)| {
        let options = endpoint.get("DriverOpts").filter(|options| !is_empty(options));
        options.map(|options| format!("network {name} with {options}"))
    })
}

fn volume(body: &Value) -> Option<String> {
    body.as_object()?.iter().filter(|(_, value)| !is_empty(value)).find_map(|(key, value)| {
        let fine = match key.as_str() {
            "Name" | "Labels" => true,
            "Driver" => value == "local",
            _ => false,
        };
        (!fine).then(|| format!("{key}: {value}"))
    })
}

fn network(body: &Value) -> Option<String> {
    body.as_object()?.iter().filter(|(_, value)| !is_empty(value)).find_map(|(key, value)| {
        let fine = match key.as_str() {
            "Name" | "Labels" | "Internal" | "Attachable" | "EnableIPv4" | "EnableIPv6" | "CheckDuplicate"
            | "ConfigOnly" => true,
            // The daemon takes no others for a network of the cluster.
            "Scope" => value != "swarm" && value != "global",
            "Driver" => value == "bridge" || value == "default",
            "IPAM" => {
                let driver = value.get("Driver").and_then(Value::as_str).unwrap_or_default();
                matches!(driver, "" | "default" | "bridge") && value.get("Options").is_none_or(is_empty)
            }
            "Options" => value.as_object().is_some_and(|options| {
                options.keys().all(|key| {
                    matches!(
                        key.as_str(),
                        "com.docker.network.bridge.enable_icc"
                            | "com.docker.network.bridge.enable_ip_masquerade"
                            | "com.docker.network.driver.mtu"
                    )
                })
            }),
            _ => false,
        };
        (!fine).then(|| format!("{key}: {value}"))
    })
}

fn build(call: &Call, run: &Run<'_>) -> Option<String> {
    call.query.iter().find_map(|(key, value)| {
        let fine = match key.as_str() {
            "networkmode" => is_mode_fine(value, "network", &["", "default", "bridge", "none"], run),
            "cgroupparent" => value.is_empty(),
            "securityopt" => serde_json::from_str(value).ok().is_none_or(|options: Value| {
                strings(&options).iter().all(|option| option.starts_with("no-new-privileges"))
            }),
            "outputs" => serde_json::from_str(value).ok().is_none_or(|outputs: Value| {
                outputs.as_array().is_none_or(|all| {
                    all.iter().all(|one| {
                        matches!(one.get("Type").and_then(Value::as_str), Some("image" | "docker" | "cacheonly" | ""))
                    })
                })
            }),
            _ => true,
        };
        (!fine).then(|| format!("{key}={value}"))
    })
}
