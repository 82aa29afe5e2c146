//! Keys: what each key of a Compose model asks for. Data only.
//!
//! Sources: the Compose specification, and what `docker compose config` of 2.26, 2.40 and 5.5 prints.

use crate::demand::Namespace;
use crate::docker::row::Ask;

/// What a key's value asks for.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Nothing beyond the service itself.
    Free,
    /// What an option of `docker run` with this value would; each entry of a list or map by itself.
    Like(Ask),
    /// The same, but that another service of the project can be joined: the guard judges what that one has when its
    /// container is there.
    Joins(Ask),
    /// The same, if the value is true.
    IfTrue(Ask),
    /// A program of the host, in words.
    Program(&'static str),
    Build,
    Deploy,
    Hooks,
    Logging,
    Mounts,
    Blkio,
    Gpus,
}

pub(super) const HOST: &str = "it reaches beyond the container";

/// Keys of a service.
pub(super) const SERVICE: &[(&str, Rule)] = &[
    ("annotations", Rule::Like(Ask::HostSetting("annotations are read by the container runtime"))),
    ("attach", Rule::Free),
    ("blkio_config", Rule::Blkio),
    ("build", Rule::Build),
    ("cap_add", Rule::Like(Ask::Capability)),
    ("cap_drop", Rule::Free),
    ("cgroup", Rule::Like(Ask::Namespace(Namespace::Cgroup))),
    ("cgroup_parent", Rule::Like(Ask::CgroupParent)),
    ("command", Rule::Free),
    ("configs", Rule::Free),
    ("container_name", Rule::Free),
    ("cpu_count", Rule::Free),
    ("cpu_percent", Rule::Free),
    ("cpu_period", Rule::Free),
    ("cpu_quota", Rule::Free),
    ("cpu_rt_period", Rule::Like(Ask::HostSetting("real-time scheduling can stall the host"))),
    ("cpu_rt_runtime", Rule::Like(Ask::HostSetting("real-time scheduling can stall the host"))),
    ("cpu_shares", Rule::Free),
    ("cpus", Rule::Free),
    ("cpuset", Rule::Free),
    ("credential_spec", Rule::Like(Ask::HostSetting(HOST))),
    ("depends_on", Rule::Free),
    ("deploy", Rule::Deploy),
    // Taken out of what runs.
    ("develop", Rule::Free),
    ("device_cgroup_rules", Rule::Like(Ask::Device)),
    ("devices", Rule::Like(Ask::Device)),
    ("dns", Rule::Free),
    ("dns_opt", Rule::Free),
    ("dns_search", Rule::Free),
    ("domainname", Rule::Free),
    ("entrypoint", Rule::Free),
    // Judged before it was resolved.
    ("env_file", Rule::Free),
    ("environment", Rule::Free),
    ("expose", Rule::Free),
    ("extends", Rule::Free),
    ("external_links", Rule::Free),
    ("extra_hosts", Rule::Free),
    ("gpus", Rule::Gpus),
    ("group_add", Rule::Free),
    ("healthcheck", Rule::Free),
    ("hostname", Rule::Free),
    ("image", Rule::Free),
    ("init", Rule::Free),
    ("ipc", Rule::Joins(Ask::Namespace(Namespace::Ipc))),
    ("isolation", Rule::Free),
    ("label_file", Rule::Free),
    ("labels", Rule::Like(Ask::Label)),
    ("links", Rule::Free),
    ("logging", Rule::Logging),
    ("mac_address", Rule::Free),
    ("mem_limit", Rule::Free),
    ("mem_reservation", Rule::Free),
    ("mem_swappiness", Rule::Free),
    ("memswap_limit", Rule::Free),
    ("models", Rule::Free),
    ("network_mode", Rule::Joins(Ask::Network)),
    ("networks", Rule::Free),
    (
        "oom_kill_disable",
        Rule::IfTrue(Ask::HostSetting("the kernel could not stop the container when memory runs out")),
    ),
    ("oom_score_adj", Rule::Like(Ask::OomScore)),
    ("pid", Rule::Joins(Ask::Namespace(Namespace::Pid))),
    ("pids_limit", Rule::Free),
    ("platform", Rule::Free),
    ("ports", Rule::Free),
    ("post_start", Rule::Hooks),
    ("pre_stop", Rule::Hooks),
    ("privileged", Rule::IfTrue(Ask::Privileged)),
    ("profiles", Rule::Free),
    ("provider", Rule::Program("a provider is a program on the host")),
    ("pull_policy", Rule::Free),
    ("pull_refresh_after", Rule::Free),
    ("read_only", Rule::Free),
    ("restart", Rule::Free),
    ("runtime", Rule::Like(Ask::Runtime)),
    ("scale", Rule::Free),
    ("secrets", Rule::Free),
    ("security_opt", Rule::Like(Ask::SecurityOption)),
    ("shm_size", Rule::Free),
    ("stdin_open", Rule::Free),
    ("stop_grace_period", Rule::Free),
    ("stop_signal", Rule::Free),
    ("storage_opt", Rule::Free),
    ("sysctls", Rule::Like(Ask::Sysctl)),
    ("tmpfs", Rule::Free),
    ("tty", Rule::Free),
    ("ulimits", Rule::Free),
    (
        "use_api_socket",
        Rule::IfTrue(Ask::HostSetting("the container would get the daemon's socket and the registry credentials")),
    ),
    ("user", Rule::Free),
    ("userns_mode", Rule::Like(Ask::Namespace(Namespace::User))),
    ("uts", Rule::Like(Ask::Namespace(Namespace::Uts))),
    ("volumes", Rule::Mounts),
    ("volumes_from", Rule::Like(Ask::VolumesFrom)),
    ("working_dir", Rule::Free),
];

/// Keys of a service's `build`. Paths are judged apart.
pub(super) const BUILD: &[(&str, Rule)] = &[
    ("additional_contexts", Rule::Like(Ask::NamedContext)),
    ("args", Rule::Free),
    ("cache_from", Rule::Like(Ask::CacheFrom)),
    ("cache_to", Rule::Like(Ask::CacheTo)),
    ("context", Rule::Free),
    ("dockerfile", Rule::Free),
    ("dockerfile_inline", Rule::Free),
    ("entitlements", Rule::Like(Ask::Entitlement)),
    ("extra_hosts", Rule::Free),
    ("isolation", Rule::Free),
    ("labels", Rule::Like(Ask::Label)),
    ("network", Rule::Like(Ask::Network)),
    ("no_cache", Rule::Free),
    ("no_cache_filter", Rule::Free),
    ("platforms", Rule::Free),
    ("privileged", Rule::IfTrue(Ask::Privileged)),
    ("provenance", Rule::Free),
    ("pull", Rule::Free),
    ("sbom", Rule::Free),
    ("secrets", Rule::Free),
    ("shm_size", Rule::Free),
    ("ssh", Rule::Program("it reads private keys, or talks to an SSH agent")),
    ("tags", Rule::Free),
    ("target", Rule::Free),
    ("ulimits", Rule::Free),
];

pub(super) const NETWORK: &[(&str, Rule)] = &[
    ("attachable", Rule::Free),
    ("driver", Rule::Like(Ask::NetworkDriver)),
    ("driver_opts", Rule::Like(Ask::NetworkOption)),
    ("enable_ipv4", Rule::Free),
    ("enable_ipv6", Rule::Free),
    ("external", Rule::Free),
    ("internal", Rule::Free),
    ("ipam", Rule::Free),
    ("labels", Rule::Like(Ask::Label)),
    ("name", Rule::Like(Ask::Network)),
];

pub(super) const VOLUME: &[(&str, Rule)] = &[
    ("driver", Rule::Like(Ask::VolumeDriver)),
    ("driver_opts", Rule::Like(Ask::VolumeOption)),
    ("external", Rule::Free),
    ("labels", Rule::Like(Ask::Label)),
    ("name", Rule::Free),
];

/// Keys of `blkio_config` that name a device to say how much of it the container may use.
pub(super) const THROTTLES: &[&str] =
    &["device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops", "weight_device"];

/// Keys of `deploy` that mean something outside a cluster; the others are the cluster's.
pub(super) const DEPLOY: &[&str] = &[
    "labels",
    "mode",
    "replicas",
    "resources",
    "restart_policy",
    "update_config",
    "rollback_config",
    "placement",
    "endpoint_mode",
];
