//! What the value of an option asks for, in docker's own syntaxes: `-v /a:/b:ro`, `--mount type=…`. Pure.

use super::csv;
use super::gpus;
use super::row::Ask;
use crate::demand::{Namespace, Object, Touch, Want};

/// What `ask` with `value` asks for; `name` is the option as given, for configuration demands.
///
/// A value that docker would refuse may be judged as the worst that it could mean.
pub fn wants(ask: Ask, name: &str, value: &str) -> Vec<Want> {
    let owned = || value.to_owned();
    match ask {
        Ask::Nothing
        | Ask::Assignment
        | Ask::Password
        | Ask::CommandLine
        | Ask::Makes
        | Ask::Starts
        | Ask::Limits
        | Ask::Project(_)
        | Ask::ProjectFile
        | Ask::ProjectDirectory => Vec::new(),
        Ask::Operation(name) => vec![Want::Operation { name: name.to_owned(), instead: true }],
        Ask::Volume => volume(value),
        // Docker folds letters by Unicode's rules: `İd` is `id` to it.
        Ask::Mount | Ask::Network | Ask::BuildSecret | Ask::BuildOutput | Ask::CacheTo | Ask::CacheFrom
            if has_odd_key(value) =>
        {
            host_setting(value, "docker would read a key with letters beyond ASCII as another one")
        }
        Ask::Network if !value.is_ascii() => {
            host_setting(value, "docker would read a name beyond ASCII as another one")
        }
        Ask::Mount => mount(value),
        Ask::VolumeDriver if matches!(value, "" | "local") => Vec::new(),
        Ask::VolumeDriver => vec![Want::VolumeOptions { what: format!("driver {value}") }],
        Ask::VolumeOption if is_of_memory(value) => Vec::new(),
        Ask::VolumeOption => vec![Want::VolumeOptions { what: owned() }],
        Ask::Throttle => throttled(value.split(':').next().unwrap_or_default()),
        Ask::VolumesFrom => vec![Want::VolumesFrom { container: owned() }],
        Ask::Privileged => vec![Want::Privileged],
        Ask::Capability => vec![Want::Capability { name: owned() }],
        Ask::Device => vec![Want::Device { device: owned() }],
        Ask::Gpus => gpus::devices(value).into_iter().map(|device| Want::Device { device }).collect(),
        Ask::SecurityOption => vec![Want::SecurityOption { option: owned() }],
        Ask::Namespace(namespace) => self::namespace(namespace, value),
        Ask::Network => network(value),
        Ask::Link => vec![object(Object::Container, value.split(':').next().unwrap_or_default(), Touch::Change)],
        Ask::Tag => vec![object(Object::Image, value, Touch::Make)],
        Ask::Prunes(object) => vec![Want::Prune { object }],
        Ask::PrunesNameless => vec![Want::PruneNameless],
        Ask::AnyName => vec![Want::AnyName],
        Ask::CgroupParent if value.is_empty() => Vec::new(),
        Ask::CgroupParent => vec![Want::CgroupParent { parent: owned() }],
        Ask::Runtime if value.is_empty() => Vec::new(),
        Ask::Runtime => vec![Want::Runtime { name: owned() }],
        Ask::LogDriver if LOG_DRIVERS.contains(&value) => Vec::new(),
        Ask::LogDriver => vec![Want::LogDriver { name: owned() }],
        Ask::LogOption => key_in(value, LOG_OPTIONS, |what| Want::LogDriver { name: what }),
        Ask::Sysctl if SYSCTLS.iter().any(|known| value.starts_with(known)) => Vec::new(),
        Ask::Sysctl => host_setting(value, "it is not one of the container's own kernel parameters"),
        Ask::NetworkDriver if matches!(value, "" | "bridge" | "default") => Vec::new(),
        Ask::NetworkScope if matches!(value, "" | "local") => Vec::new(),
        Ask::NetworkScope => host_setting(value, "it belongs to the cluster, not to this host alone"),
        Ask::NetworkDriver => vec![Want::NetworkDriver { name: owned() }],
        Ask::NetworkOption => key_in(value, NETWORK_OPTIONS, |what| Want::NetworkDriver { name: what }),
        Ask::HostSetting(why) => host_setting(value, why),
        Ask::VolumeName => vec![object(Object::Volume, value, Touch::Make)],
        Ask::CheckpointDirectory => {
            let operation = Want::Operation { name: "checkpoint".to_owned(), instead: true };
            std::iter::once(operation).chain(host_setting(value, "it names a directory on the host")).collect()
        }
        Ask::Control(why) => vec![Want::Control { why }],
        Ask::Label => vec![label(value)],
        Ask::LabelFile => vec![Want::ClientRead { path: owned() }, Want::LabelFile { path: owned() }],
        Ask::Change => change(value),
        Ask::OomScore if value.parse::<i32>().is_ok_and(|score| score >= 0) => Vec::new(),
        Ask::OomScore => host_setting(value, "the host's own processes would be killed first when memory runs out"),
        Ask::Reads if value == "-" || value.is_empty() => Vec::new(),
        Ask::Reads => vec![Want::ClientRead { path: owned() }],
        // A frontend that the Dockerfile names may ask for anything beside it.
        Ask::ReadsBeside if value == "-" || value.is_empty() || is_remote(value) => Vec::new(),
        Ask::ReadsBeside => {
            let beside =
                std::path::Path::new(value).parent().map_or_else(String::new, |path| path.display().to_string());
            let beside = if beside.is_empty() { ".".to_owned() } else { beside };
            vec![Want::ClientRead { path: owned() }, Want::ClientReadTree { path: beside }]
        }
        Ask::ReadsTree => vec![Want::ClientReadTree { path: owned() }],
        Ask::Writes => vec![Want::ClientWrite { what: owned() }],
        Ask::BuildOutput => build_output(value),
        Ask::CacheTo => cache_to(value),
        Ask::CacheFrom => cache_from(value),
        Ask::NamedContext => named_context(value),
        Ask::BuildSecret => build_secret(value),
        Ask::Entitlement => vec![Want::Entitlement { name: owned() }],
        Ask::Program(why) => vec![Want::ClientProgram { what: owned(), why }],
        Ask::Credentials => vec![Want::Credentials],
        Ask::ObjectType => object_type(value),
        Ask::Builder if matches!(value, "" | "default") => Vec::new(),
        Ask::Endpoint | Ask::Builder => vec![Want::Endpoint { value: owned() }],
        Ask::Configuration => vec![Want::Configuration { what: name.to_owned() }],
    }
}

/// Logging drivers that keep the log with the daemon.
const LOG_DRIVERS: &[&str] = &["json-file", "local", "none"];

/// Logging options that name no address and no file.
const LOG_OPTIONS: &[&str] = &[
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];

/// Kernel parameters that belong to a container's own namespaces (docker run reference, "--sysctl").
const SYSCTLS: &[&str] = &["net.", "kernel.msg", "kernel.sem=", "kernel.shm", "fs.mqueue."];

/// Network options that leave the host's interfaces alone.
const NETWORK_OPTIONS: &[&str] = &[
    "com.docker.network.bridge.host_binding_ipv4",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.enable_ipv4",
    "com.docker.network.enable_ipv6",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.driver.mtu",
];

/// `inspect --type=secret` is `secret inspect`.
fn object_type(value: &str) -> Vec<Want> {
    let name = match value.to_ascii_lowercase().as_str() {
        "config" => "config inspect",
        "node" => "node inspect",
        "plugin" => "plugin inspect",
        "secret" => "secret inspect",
        "service" => "service inspect",
        "task" => "service ps",
        _ => return Vec::new(),
    };
    vec![Want::Operation { name: name.to_owned(), instead: true }]
}

fn host_setting(what: &str, why: &'static str) -> Vec<Want> {
    vec![Want::HostSetting { what: what.to_owned(), why }]
}

fn key_in(value: &str, known: &[&str], want: impl Fn(String) -> Want) -> Vec<Want> {
    let key = value.split('=').next().unwrap_or_default();
    if known.contains(&key) { Vec::new() } else { vec![want(value.to_owned())] }
}

/// `-v`: `TARGET`, `SOURCE:TARGET` or `SOURCE:TARGET:MODES`, split as the daemon splits it.
pub fn volume(value: &str) -> Vec<Want> {
    let mut fields = value.split(':');
    let first = fields.next().unwrap_or_default().to_owned();
    let (Some(_target), modes) = (fields.next(), fields.next().unwrap_or_default()) else {
        // A target alone is an anonymous volume.
        return Vec::new();
    };
    let is_path = fields.next().is_some() || !is_volume_name(&first);
    let mut settings = Vec::new();
    let mut read_only = false;
    for mode in modes.split(',').filter(|mode| !mode.is_empty()) {
        match mode {
            "ro" => read_only = true,
            "rw" | "nocopy" | "cached" | "delegated" | "consistent" => {}
            // A volume's files are its own to be labelled.
            "z" | "Z" if !is_path => {}
            _ => settings.extend(host_setting(mode, MOUNT_SETTING)),
        }
    }
    let mut wants = if is_path { vec![Want::Bind { source: first, read_only }] } else { named_volume(first) };
    wants.append(&mut settings);
    wants
}

const MOUNT_SETTING: &str = "the mount would change how the host's own mount or files behave";

/// Docker's rule for volume names (`[a-zA-Z0-9][a-zA-Z0-9_.-]*`); everything else is judged as a path.
pub fn is_volume_name(source: &str) -> bool {
    source.starts_with(|c: char| c.is_ascii_alphanumeric())
        && source.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// A volume that a container gets: joined, which is a change to it, or made by the daemon.
pub fn named_volume(name: String) -> Vec<Want> {
    vec![object(Object::Volume, &name, Touch::Bring), Want::Volume { name }]
}

/// Whether an option of the local driver (`type=tmpfs`) is one of a volume in memory, and of no other: each by itself,
/// so that no list of them makes a volume that stands for something of the host (moby `volume/local`; the flags of
/// mount(8) are among the options `o`, `bind` too).
pub fn is_of_memory(option: &str) -> bool {
    let plain = |option: &str| match option.split_once('=') {
        Some(("size" | "nr_blocks" | "nr_inodes" | "mode" | "uid" | "gid", value)) => {
            value.chars().all(|c| c.is_ascii_alphanumeric() || c == '%')
        }
        Some(_) => false,
        None => {
            ["defaults", "exec", "noatime", "nodev", "nodiratime", "noexec", "nosuid", "ro", "rw"].contains(&option)
        }
    };
    match option.split_once('=') {
        Some(("type", kind)) => kind == "tmpfs",
        Some(("device", device)) => matches!(device, "tmpfs" | "none"),
        Some(("o", options)) => options.split(',').all(plain),
        _ => false,
    }
}

/// A device of which a container may use so much: the daemon looks its number up, and hands nothing of it out.
pub fn throttled(path: &str) -> Vec<Want> {
    let parts: Vec<&str> = path.strip_prefix("/dev/").unwrap_or_default().split('/').collect();
    let plain = |part: &&str| {
        !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+:".contains(c))
            && !part.is_empty()
    };
    let is_known = match parts.as_slice() {
        [_] | ["mapper" | "md", _] => true,
        ["disk", kind, _] => kind.starts_with("by-"),
        _ => false,
    };
    if is_known && parts.iter().all(plain) {
        return Vec::new();
    }
    host_setting(path, "it is not the name of a block device below /dev, and the daemon would say whether it is there")
}

/// Something is done to an object by its name.
pub fn object(object: Object, name: &str, touch: Touch) -> Want {
    Want::Object { object, name: name.to_owned(), touch }
}

/// `NAME=VALUE`, or a name alone.
fn label(value: &str) -> Want {
    Want::Label { name: value.split('=').next().unwrap_or_default().trim().to_owned() }
}

/// The labels of a `LABEL` instruction: whatever stands in it could be a name, quoted or not.
fn change(value: &str) -> Vec<Want> {
    // Several lines are several instructions, a line goes on behind a backslash, and quotes and backslashes within a name
    // are no part of it; a variable could be any name.
    let plain: String = value.chars().filter(|c| !matches!(c, '"' | '\'' | '\\' | '`')).collect();
    let words: Vec<&str> =
        plain.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty()).collect();
    if !words.iter().any(|word| word.eq_ignore_ascii_case("label")) {
        return Vec::new();
    }
    let variable = plain.contains('$').then(|| Want::Label { name: "dockgate.*".to_owned() });
    words.iter().map(|name| label(name)).chain(variable).collect()
}

/// `--mount`: a CSV row of `key=value`, keys and type in any letter case (docker/cli opts/mount.go).
fn mount(value: &str) -> Vec<Want> {
    let Some(fields) = csv::row(value) else {
        return host_setting(value, "it is not a row of comma-separated key=value pairs");
    };
    let mut settings = Vec::new();
    let (mut kind, mut source, mut read_only) = ("volume".to_owned(), String::new(), false);
    for field in &fields {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "type" => kind = value.trim().to_ascii_lowercase(),
            "source" | "src" => source = value.to_owned(),
            "readonly" | "ro" => read_only = matches!(value, "" | "1" | "t" | "T" | "true" | "TRUE" | "True"),
            "target" | "dst" | "destination" | "consistency" | "bind-nonrecursive" | "volume-nocopy"
            | "volume-subpath" | "image-subpath" | "tmpfs-size" | "tmpfs-mode" => {}
            "volume-label" => settings.push(label(value)),
            "bind-recursive" if matches!(value, "enabled" | "disabled" | "readonly") => {}
            "volume-driver" if matches!(value, "" | "local") => {}
            "volume-opt" if is_of_memory(value) => {}
            "volume-driver" | "volume-opt" => settings.push(Want::VolumeOptions { what: field.clone() }),
            "bind-propagation" => settings.extend(host_setting(field, MOUNT_SETTING)),
            _ => settings.extend(host_setting(field, "not a mount option that this gate knows to be harmless")),
        }
    }
    let mut wants = match kind.as_str() {
        "volume" if source.is_empty() => Vec::new(),
        "volume" if is_volume_name(&source) => named_volume(source),
        "tmpfs" => Vec::new(),
        "image" => vec![Want::Image { name: source }],
        "bind" | "volume" => vec![Want::Bind { source, read_only }],
        _ => host_setting(value, "not a mount type that this gate knows"),
    };
    wants.append(&mut settings);
    wants
}

/// A namespace option: what is not the container's own is asked for by its mode.
pub fn namespace(namespace: Namespace, mode: &str) -> Vec<Want> {
    let own: &[&str] = match namespace {
        Namespace::Cgroup => &["", "private"],
        Namespace::Ipc => &["", "none", "private", "shareable"],
        Namespace::Pid | Namespace::User | Namespace::Uts => &[""],
        Namespace::Network => &["", "default", "bridge", "none"],
    };
    if own.contains(&mode) { Vec::new() } else { vec![Want::Namespace { namespace, mode: mode.to_owned() }] }
}

/// `--network`: a mode or a network's name, or CSV with `name=` (docker/cli opts/network.go).
pub fn network(value: &str) -> Vec<Want> {
    if !value.contains('=') {
        return joined_network(value);
    }
    let Some(fields) = csv::row(value) else {
        return host_setting(value, "it is not a row of comma-separated key=value pairs");
    };
    // docker takes `container:x=` for a mode, as it has no value.
    let mut wants = joined_network(value);
    wants.retain(|want| matches!(want, Want::Namespace { .. }));
    for field in fields {
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            // docker folds the letter case of the whole field.
            "name" => wants.extend(joined_network(&value.trim().to_ascii_lowercase())),
            "alias" | "ip" | "ip6" | "mac-address" | "link-local-ip" | "gw-priority" => {}
            _ => wants.push(Want::NetworkDriver { name: field }),
        }
    }
    wants
}

/// `host`, `container:NAME` and `ns:PATH`; every other name is a network of its own, `HOST` too.
pub fn joined_network(name: &str) -> Vec<Want> {
    let joins = name == "host" || ["container:", "ns:", "service:"].iter().any(|prefix| name.starts_with(prefix));
    if joins {
        vec![Want::Namespace { namespace: Namespace::Network, mode: name.to_owned() }]
    } else if matches!(name, "" | "default" | "bridge" | "none") {
        Vec::new()
    } else {
        vec![object(Object::Network, name, Touch::Change)]
    }
}

/// `build -o`: what writes on the host, what pushes, and what stays with the daemon.
fn build_output(value: &str) -> Vec<Want> {
    let write = || vec![Want::ClientWrite { what: value.to_owned() }];
    let Some(fields) = csv::row(value) else { return write() };
    let (mut kind, mut known, mut push) = ("", true, false);
    let mut names = Vec::new();
    for field in &fields {
        match field.split_once('=') {
            Some(("type", value)) => kind = value,
            Some(("push", value)) => push = !matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"),
            // Several, where CSV quotes hold their commas together.
            Some(("name", value)) => {
                names.extend(value.split(',').map(|name| object(Object::Image, name, Touch::Make)));
            }
            Some(("compression" | "force-compression" | "oci-mediatypes" | "unpack", _)) => {}
            _ => known = false,
        }
    }
    match kind {
        "registry" => vec![Want::Operation { name: "push".to_owned(), instead: true }],
        "image" | "docker" | "cacheonly" if push => vec![Want::Operation { name: "push".to_owned(), instead: true }],
        "image" | "docker" | "cacheonly" if known => names,
        _ => write(),
    }
}

/// `build --cache-to`: a registry unless `type=` says otherwise.
fn cache_to(value: &str) -> Vec<Want> {
    match type_of(value).as_deref() {
        Some("inline") => Vec::new(),
        Some("local") => vec![Want::ClientWrite { what: value.to_owned() }],
        Some(_) | None => vec![Want::Operation { name: "push".to_owned(), instead: true }],
    }
}

fn cache_from(value: &str) -> Vec<Want> {
    match type_of(value).as_deref() {
        None | Some("registry") => Vec::new(),
        Some("local") => match field_of(value, &["src"]) {
            // buildx makes and removes directories in it, as if it were to be written (measured with 0.29).
            Some(path) => vec![Want::ClientRead { path }, Want::ClientWrite { what: value.to_owned() }],
            None => Vec::new(),
        },
        Some(_) => host_setting(value, "the client would use the host's credentials to fetch it"),
    }
}

/// `--build-context NAME=SOURCE`.
fn named_context(value: &str) -> Vec<Want> {
    let source = value.split_once('=').map_or(value, |(_, source)| source);
    if let Some(path) = source.strip_prefix("oci-layout://") {
        let path = path.split(['@', '#']).next().unwrap_or_default();
        // As with a local cache.
        return vec![Want::ClientReadTree { path: path.to_owned() }, Want::ClientWrite { what: value.to_owned() }];
    }
    if source.starts_with("docker-image://") || is_remote(source) {
        return Vec::new();
    }
    vec![Want::ClientReadTree { path: source.to_owned() }]
}

/// `--secret id=NAME[,src=FILE|env=NAME]`; with neither, buildx tries a variable and then a file of that name.
fn build_secret(value: &str) -> Vec<Want> {
    let known = |field: &String| {
        field.split_once('=').is_some_and(|(key, _)| {
            ["id", "type", "src", "source", "env"].contains(&key.trim().to_ascii_lowercase().as_str())
        })
    };
    if !csv::row(value).is_some_and(|fields| fields.iter().all(known)) {
        return host_setting(value, "not a row of a secret's fields that this gate knows");
    }
    // An empty field is as good as none to buildx.
    let given = |names| field_of(value, names).filter(|text| !text.is_empty());
    let file = given(&["src", "source"]);
    if file.is_none() && given(&["env"]).is_some() {
        return Vec::new();
    }
    let path = file.or_else(|| given(&["id"]));
    vec![Want::ClientRead { path: path.unwrap_or_else(|| value.to_owned()) }]
}

/// A build context that the daemon fetches: docker's and buildx's own prefixes.
///
/// buildx prefers a directory of that name where there is one, so an address that climbs is none.
pub fn is_remote(context: &str) -> bool {
    !context.contains("..")
        && ["http://", "https://", "git://", "git@", "github.com/"].iter().any(|prefix| context.starts_with(prefix))
}

fn type_of(value: &str) -> Option<String> {
    if value.contains('=') { Some(field_of(value, &["type"]).unwrap_or_default()) } else { None }
}

/// Whether a field of a CSV row has a key beyond ASCII.
fn has_odd_key(value: &str) -> bool {
    let fields = csv::row(value).unwrap_or_else(|| vec![value.to_owned()]);
    fields.iter().any(|field| !field.split('=').next().unwrap_or_default().is_ascii())
}

/// The last value of a CSV row's field of one of these names, in any letter case.
fn field_of(value: &str, names: &[&str]) -> Option<String> {
    csv::row(value)?.iter().rev().find_map(|field| {
        let (key, value) = field.split_once('=')?;
        names.contains(&key.trim().to_ascii_lowercase().as_str()).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_found_however_its_instruction_is_written() {
        let reserved = |value: &str| {
            let names = change(value).into_iter().filter_map(|want| match want {
                Want::Label { name } => Some(name),
                _ => None,
            });
            names.filter(|name| name.starts_with("dockgate.") || name.starts_with("com.docker.compose.")).count()
        };
        for value in [
            "LABEL dockgate.key=x",
            "label a=b \"dockgate.key\"=x",
            "ENV a=b\nLABEL dockgate.key=x",
            "ENV a=b\r\n  LaBeL dockgate.key x",
            "LABEL a=b \\\n dockgate.key=x",
            "LABEL dockg\"a\"te.key=x",
            "LABEL dockg\\ate.key=x",
            "LABEL com.docker.compose.project=shop",
            "LABEL ${A}gate.key=x",
        ] {
            assert!(reserved(value) > 0, "{value}");
        }
        for value in ["LABEL a=b", "ENV dockgate.key=x", "CMD [\"sh\"]", "ENV A=$B", "EXPOSE 80"] {
            assert_eq!(reserved(value), 0, "{value}");
        }
    }
}
