//! What a container would be given of the host: nothing, unless the policy's `[host]` grants it. Pure.

use super::{ASK, unreachable};
use crate::demand::Namespace;
use crate::denial::{Denial, Reason};
use crate::facts::{Facts, Kind, Place, Unreachable};
use crate::policy::settings::Settings;
use crate::policy::values::{BindMount, Capability, Device, Mount, capability};
use std::path::Path;

/// A bind mount is granted by its resolved path: a granted one itself, whatever the order of the grants, or what is
/// there below one that is only for reading (the daemon would make what is missing). Below one that may be written
/// nothing is: a container that has the directory could put a symbolic link in the daemon's way.
pub(in crate::policy) fn bind(
    settings: &Settings,
    source: &str,
    read_only: bool,
    word: &str,
    facts: &Facts,
) -> Result<(), Denial> {
    let deny = |why: String, hint: String| Err(Denial::new(Reason::BindMount, word, why, hint));
    let grants = &settings.bind_mounts.value;
    let granted = match facts.places.get(source) {
        Some(Place::At { path, kind, .. }) => {
            if let Some(above) = grants.iter().find(|grant| !grant.read_only && is_below(path, &grant.path)) {
                let above = above.path.display();
                return deny(
                    format!("{source} lies below {above}, where a container could put a symbolic link in its place"),
                    format!("mount {above} itself (-v {above}:/TARGET)"),
                );
            }
            let below = |grant: &&BindMount| *kind != Kind::Missing && path.starts_with(&grant.path);
            grants.iter().find(|grant| *path == grant.path).or_else(|| grants.iter().find(below))
        }
        _ => None,
    };
    match granted {
        Some(grant) if grant.read_only && !read_only => deny(
            format!("{source} may be mounted read-only, and this mount could be written"),
            format!("add :ro to the mount (-v {source}:/TARGET:ro)"),
        ),
        Some(_) => Ok(()),
        None => deny(
            format!("a container would get {source} of the host"),
            match grantable(facts, source, read_only) {
                Some(grant) => format!("{NAMED_VOLUME}, {ASK} to add \"{grant}\" to host.bind_mounts"),
                None => NAMED_VOLUME.to_owned(),
            },
        ),
    }
}

/// What is mounted below a source is granted with it, unless that may only be read.
pub(in crate::policy) fn bind_below(
    settings: &Settings,
    source: &str,
    word: &str,
    facts: &Facts,
) -> Result<(), Denial> {
    let Some(Place::At { path, .. }) = facts.places.get(source) else { return Ok(()) };
    let mut reads = settings.bind_mounts.value.iter().filter(|grant| grant.read_only);
    let to_read = reads.any(|grant| path.starts_with(&grant.path) || grant.path.starts_with(path));
    if !to_read || facts.mounted_below.get(source) == Some(&false) {
        return Ok(());
    }
    Err(Denial::new(
        Reason::BindMount,
        word,
        format!(
            "something is mounted below {source}, which could be written: before version 1.44 of the API only the mount itself is read-only"
        ),
        "use a docker of version 25 or newer, or set DOCKER_API_VERSION=1.44; with an older daemon, mount a directory that nothing is mounted below",
    ))
}

const NAMED_VOLUME: &str = "mount a named volume (-v data:/data)";

/// What the administrator would have to grant for a source, where the policy file takes that. Of a path elsewhere it is
/// the path as it was sent: whether that is there, or leads on by a link, is not told.
fn grantable(facts: &Facts, source: &str, read_only: bool) -> Option<String> {
    let sent = facts.working_directory.join(source);
    let path = match facts.places.get(source) {
        _ if SYSTEM.iter().any(|own| sent.starts_with(own)) || sent == Path::new("/") => return None,
        _ if !sent.starts_with(&facts.working_directory) => &sent,
        Some(Place::At { path, .. }) if path.starts_with(&facts.working_directory) => path,
        _ => return None,
    };
    let grant = format!("{}{}", path.display(), if read_only { ":ro" } else { "" });
    Mount::try_from(grant.clone()).is_ok().then_some(grant)
}

/// Whose directories these are, the host itself, that nobody is told to ask for them (Filesystem Hierarchy Standard 3.0).
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/nix",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/docker",
    "/var/run",
];

/// Whether something lies below a directory, and is not that itself.
pub(super) fn is_below(path: &Path, directory: &Path) -> bool {
    path != directory && path.starts_with(directory)
}

pub(in crate::policy) fn privileged(settings: &Settings, word: &str) -> Result<(), Denial> {
    if settings.privileged.value {
        return Ok(());
    }
    Err(Denial::new(
        Reason::Privileged,
        word,
        "a privileged container is root on the host",
        format!("leave it out; most images need no privileges, {ASK} for one capability or device"),
    ))
}

/// A capability, in any spelling that docker takes.
pub(in crate::policy) fn may_have(settings: &Settings, name: &str, word: &str) -> Result<(), Denial> {
    let name = capability(name);
    if DEFAULT_CAPABILITIES.contains(&name.as_str()) || settings.capabilities.value.contains(&name) {
        return Ok(());
    }
    Err(Denial::new(
        Reason::Capability,
        word,
        format!("the capability {name} reaches beyond the container"),
        match Capability::try_from(name.clone()) {
            Ok(_) => format!("leave it out, {ASK} to add \"{name}\" to host.capabilities"),
            Err(_) => "leave it out, or name each capability that is needed: --cap-add NAME".to_owned(),
        },
    ))
}

/// What every container has without asking (moby `oci/caps/defaults.go`).
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

/// `--device HOST[:CONTAINER[:MODE]]` names a granted device exactly; so do GPUs and names of the Container Device
/// Interface.
pub(in crate::policy) fn device(settings: &Settings, device: &str, word: &str) -> Result<(), Denial> {
    let path = device.split(':').next().unwrap_or(device);
    if settings.devices.value.iter().any(|granted| path == granted) {
        return Ok(());
    }
    let hint = match Device::try_from(path.to_owned()) {
        Ok(_) => format!("leave it out, {ASK} to add \"{path}\" to host.devices"),
        Err(_) => "leave it out; sending it again in another spelling cannot help".to_owned(),
    };
    Err(Denial::new(Reason::Device, word, "a device of the host gives a container what is behind it", hint))
}

pub(in crate::policy) fn security_option(option: &str, word: &str) -> Result<(), Denial> {
    if NO_NEW_PRIVILEGES.contains(&option) {
        return Ok(());
    }
    Err(Denial::new(
        Reason::SecurityOpt,
        word,
        "it takes away part of the container's confinement",
        "leave it out; --security-opt no-new-privileges is taken, and so is --cap-drop ALL",
    ))
}

/// `--security-opt` values that take nothing away.
const NO_NEW_PRIVILEGES: &[&str] = &["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"];

/// A namespace that is the host's, or another container's.
pub(in crate::policy) fn shares(
    settings: &Settings,
    namespace: Namespace,
    mode: &str,
    word: &str,
) -> Result<(), Denial> {
    let name = namespace.name();
    let granted = || settings.namespaces.value.iter().any(|granted| granted == name);
    if mode == "host" && granted() {
        return Ok(());
    }
    let why = match mode {
        "host" => format!("the container would share the host's {name} namespace"),
        _ => format!("the container would share the {name} namespace of {mode}"),
    };
    let hint = match namespace {
        // What joins another container's no grant gives.
        _ if mode != "host" && namespace != Namespace::Network => {
            "leave it out; sending it again in another spelling cannot help".to_owned()
        }
        Namespace::Network => {
            "make a network with docker network create NAME and give --network NAME; publish ports with -p".to_owned()
        }
        _ => format!("leave it out, {ASK} to add \"{name}\" to host.namespaces"),
    };
    Err(Denial::new(Reason::Namespace, word, why, hint))
}

pub(in crate::policy) fn cgroup_parent(word: &str) -> Result<(), Denial> {
    let why = "the container would leave the control group that limits it";
    Err(Denial::new(Reason::CgroupParent, word, why, "leave it out; --memory, --cpus and --pids-limit set limits"))
}

/// The names of docker's own runtime, which no other can have.
const RUNC: &[&str] = &["runc", "io.containerd.runc.v2"];

/// A runtime that is granted, or the one that a container gets without asking.
pub(in crate::policy) fn runtime(settings: &Settings, facts: &Facts, name: &str, word: &str) -> Result<(), Denial> {
    if settings.runtimes.value.iter().any(|granted| granted == name) {
        return Ok(());
    }
    let is_runc = |name: &str| RUNC.contains(&name);
    match &facts.default_runtime {
        Some(Ok(default)) if name == default || (is_runc(name) && is_runc(default)) => return Ok(()),
        // Nor will anything be made.
        Some(Err(Unreachable::NoDaemon(_))) if is_runc(name) => return Ok(()),
        Some(Err(why)) if is_runc(name) => return Err(unreachable(word, "the daemon's default runtime", why)),
        _ => {}
    }
    let hint = format!("leave it out, {ASK} to add \"{name}\" to host.runtimes");
    Err(Denial::new(Reason::Runtime, word, "another runtime may confine less", hint))
}

pub(in crate::policy) fn log_driver(word: &str) -> Result<(), Denial> {
    Err(Denial::new(
        Reason::LogDriver,
        word,
        "the daemon would send the log to an address or file of the request's choosing",
        "use --log-driver json-file, local or none, with --log-opt max-size and max-file",
    ))
}

pub(in crate::policy) fn network_driver(word: &str) -> Result<(), Denial> {
    Err(Denial::new(
        Reason::NetworkDriver,
        word,
        "it can reach the host's own network interfaces",
        "docker network create NAME makes a bridge network, with --subnet, --gateway, --internal and --label as you like",
    ))
}

/// Anything else that reaches beyond the container.
pub(in crate::policy) fn setting(why: &str, word: &str) -> Result<(), Denial> {
    let hint = "leave it out; sending it again in another spelling cannot help";
    Err(Denial::new(Reason::HostSetting, word, why, hint))
}

pub(in crate::policy) fn control(why: &str, word: &str) -> Result<(), Denial> {
    let hint = "the administrator does this on the host; sending it again in another spelling cannot help";
    Err(Denial::new(Reason::DaemonControl, word, why, hint))
}
