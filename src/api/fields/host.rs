//! `HostConfig`: what a container is given of the host. Data only, but for the rules at the end.
//!
//! Standard clients send each of these with zero values (62 to 67 keys), and a few that mean the default:
//! `MemorySwappiness: -1`, `NetworkMode: "default"`, `ConsoleSize: [0, 0]`, `RestartPolicy: {"Name": "no"}`.

use super::super::row::{Field, Rule, Shape, beyond, free, inner, judged, like};
use super::super::rules::word;
use super::mounts;
use crate::demand::{Demand, Namespace, Want};
use crate::docker::asks;
use crate::docker::row::Ask;
use serde_json::Value;

const REAL_TIME: &str = "real-time scheduling can stall the host";
const UNMASKS: &str = "anything but null takes away what hides the host's kernel from a container";

const LOG: &[Field] = &[like("Type", Shape::Text, Ask::LogDriver), like("Config", Shape::Map, Ask::LogOption)];

const RESTART: &[Field] = &[free("Name", Shape::Text), free("MaximumRetryCount", Shape::Number)];

const BINDING: &[Field] = &[free("HostIp", Shape::Text), free("HostPort", Shape::Text)];

const ULIMIT: &[Field] = &[free("Name", Shape::Text), free("Hard", Shape::Number), free("Soft", Shape::Number)];

const DEVICE: &[Field] =
    &[free("PathOnHost", Shape::Text), free("PathInContainer", Shape::Text), free("CgroupPermissions", Shape::Text)];

const DEVICE_REQUEST: &[Field] = &[
    free("Driver", Shape::Text),
    free("Count", Shape::Number),
    free("DeviceIDs", Shape::Texts),
    free("Capabilities", Shape::TextLists),
    free("Options", Shape::Map),
];

const WEIGHT: &[Field] = &[free("Path", Shape::Text), free("Weight", Shape::Number)];
const RATE: &[Field] = &[free("Path", Shape::Text), free("Rate", Shape::Number)];

macro_rules! with_resources {
    ($($more:expr),* $(,)?) => {
        &[
            free("CpuShares", Shape::Number),
            // Memory, NanoCpus, CpuQuota, CpuPeriod, MemorySwap and PidsLimit are judged together, as limits.
            free("Memory", Shape::Number),
            free("NanoCpus", Shape::Number),
            like("CgroupParent", Shape::Text, Ask::CgroupParent),
            free("BlkioWeight", Shape::Number),
            judged("BlkioWeightDevice", Shape::Objects(WEIGHT), throttles),
            judged("BlkioDeviceReadBps", Shape::Objects(RATE), throttles),
            judged("BlkioDeviceWriteBps", Shape::Objects(RATE), throttles),
            judged("BlkioDeviceReadIOps", Shape::Objects(RATE), throttles),
            judged("BlkioDeviceWriteIOps", Shape::Objects(RATE), throttles),
            free("CpuPeriod", Shape::Number),
            free("CpuQuota", Shape::Number),
            beyond("CpuRealtimePeriod", Shape::Number, REAL_TIME),
            beyond("CpuRealtimeRuntime", Shape::Number, REAL_TIME),
            free("CpusetCpus", Shape::Text),
            free("CpusetMems", Shape::Text),
            judged("Devices", Shape::Objects(DEVICE), devices),
            like("DeviceCgroupRules", Shape::Texts, Ask::Device),
            like("DeviceRequests", Shape::Objects(DEVICE_REQUEST), Ask::Gpus),
            free("KernelMemory", Shape::Number),
            free("KernelMemoryTCP", Shape::Number),
            free("MemoryReservation", Shape::Number),
            free("MemorySwap", Shape::Number),
            free("MemorySwappiness", Shape::Number),
            beyond(
                "OomKillDisable",
                Shape::Flag,
                "the kernel could not stop the container when memory runs out",
            ),
            free("PidsLimit", Shape::Number),
            free("Ulimits", Shape::Objects(ULIMIT)),
            free("CpuCount", Shape::Number),
            free("CpuPercent", Shape::Number),
            free("IOMaximumIOps", Shape::Number),
            free("IOMaximumBandwidth", Shape::Number),
            inner("RestartPolicy", RESTART),
            $($more),*
        ]
    };
}

/// The body of `/containers/{container}/update`: what `docker update` changes.
pub const UPDATE: &[Field] = with_resources!();

/// `HostConfig` of `/containers/create`.
pub const CONFIG: &[Field] = with_resources!(
    judged("Binds", Shape::Texts, mounts::binds),
    // The daemon writes no such file.
    free("ContainerIDFile", Shape::Text),
    inner("LogConfig", LOG),
    judged("NetworkMode", Shape::Text, super::network::joined),
    // Judged as limits, too.
    Field { name: "PortBindings", shape: Shape::NamedLists(BINDING), rule: Rule::Free },
    free("AutoRemove", Shape::Flag),
    like("VolumeDriver", Shape::Text, Ask::VolumeDriver),
    like("VolumesFrom", Shape::Texts, Ask::VolumesFrom),
    free("ConsoleSize", Shape::Numbers),
    beyond("Annotations", Shape::Map, "annotations are read by the container runtime"),
    like("CapAdd", Shape::Words, Ask::Capability),
    free("CapDrop", Shape::Words),
    like("CgroupnsMode", Shape::Text, Ask::Namespace(Namespace::Cgroup)),
    free("Dns", Shape::Texts),
    free("DnsOptions", Shape::Texts),
    free("DnsSearch", Shape::Texts),
    free("ExtraHosts", Shape::Texts),
    free("GroupAdd", Shape::Texts),
    like("IpcMode", Shape::Text, Ask::Namespace(Namespace::Ipc)),
    beyond("Cgroup", Shape::Text, "the container would be in the control group of another one"),
    like("Links", Shape::Texts, Ask::Link),
    like("OomScoreAdj", Shape::Number, Ask::OomScore),
    like("PidMode", Shape::Text, Ask::Namespace(Namespace::Pid)),
    like("Privileged", Shape::Flag, Ask::Privileged),
    free("PublishAllPorts", Shape::Flag),
    free("ReadonlyRootfs", Shape::Flag),
    like("SecurityOpt", Shape::Texts, Ask::SecurityOption),
    free("StorageOpt", Shape::Map),
    free("Tmpfs", Shape::Map),
    like("UTSMode", Shape::Text, Ask::Namespace(Namespace::Uts)),
    like("UsernsMode", Shape::Text, Ask::Namespace(Namespace::User)),
    free("ShmSize", Shape::Number),
    like("Sysctls", Shape::Map, Ask::Sysctl),
    like("Runtime", Shape::Text, Ask::Runtime),
    free("Isolation", Shape::Text),
    judged("Mounts", Shape::Objects(mounts::MOUNT), mounts::mounts),
    Field { name: "MaskedPaths", shape: Shape::Texts, rule: Rule::BeyondAtAll(UNMASKS) },
    Field { name: "ReadonlyPaths", shape: Shape::Texts, rule: Rule::BeyondAtAll(UNMASKS) },
    free("Init", Shape::Flag),
);

/// Devices of which the container may use so much.
fn throttles(value: &Value, place: &str) -> Vec<Demand> {
    let paths = value.as_array().into_iter().flatten().map(|item| item.get("Path").map_or_else(String::new, word));
    paths
        .flat_map(|path| {
            asks::throttled(&path).into_iter().map(move |want| Demand::new(want, format!("{place}: {path}")))
        })
        .collect()
}

/// `Devices`: by the path on the host, as `--device` names it first.
fn devices(value: &Value, place: &str) -> Vec<Demand> {
    let device = |item: &Value| {
        let path = item.get("PathOnHost").and_then(Value::as_str).unwrap_or_default();
        let shown = format!("{place}: {}", word(item));
        if path.contains(':') {
            // It would look like a path and what stands behind it.
            let why = "its path holds a colon";
            return vec![Demand::new(Want::HostSetting { what: path.to_owned(), why }, shown)];
        }
        asks::wants(Ask::Device, place, path).into_iter().map(|want| Demand::new(want, shown.clone())).collect()
    };
    value.as_array().into_iter().flatten().flat_map(device).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::as_option;
    use super::*;

    #[test]
    fn a_score_below_zero_is_judged_as_the_option() {
        assert_eq!(as_option(Ask::OomScore, &Value::from(-1), "OomScoreAdj").len(), 1);
        assert_eq!(as_option(Ask::OomScore, &Value::from(1), "OomScoreAdj").len(), 0);
    }
}
