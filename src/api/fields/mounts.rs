//! `Binds` and `Mounts`: what a container has mounted. The same demands as for `-v` and `--mount`.

use super::super::row::{Field, Shape, free};
use super::super::rules::word;
use super::super::shape::is_zero;
use crate::demand::{Demand, Want};
use crate::docker::asks;
use serde_json::Value;

const BIND: &[Field] = &[
    free("Propagation", Shape::Text),
    free("NonRecursive", Shape::Flag),
    free("CreateMountpoint", Shape::Flag),
    free("ReadOnlyNonRecursive", Shape::Flag),
    free("ReadOnlyForceRecursive", Shape::Flag),
];

const DRIVER: &[Field] = &[free("Name", Shape::Text), free("Options", Shape::Map)];

const VOLUME: &[Field] = &[
    free("NoCopy", Shape::Flag),
    free("Labels", Shape::Map),
    free("Subpath", Shape::Text),
    free("DriverConfig", Shape::Object(DRIVER)),
];

const IMAGE: &[Field] = &[free("Subpath", Shape::Text)];

const TMPFS: &[Field] =
    &[free("SizeBytes", Shape::Number), free("Mode", Shape::Number), free("Options", Shape::TextLists)];

/// One of `Mounts`.
pub const MOUNT: &[Field] = &[
    free("Type", Shape::Text),
    free("Source", Shape::Text),
    free("Target", Shape::Text),
    free("ReadOnly", Shape::Flag),
    free("Consistency", Shape::Text),
    free("BindOptions", Shape::Object(BIND)),
    free("VolumeOptions", Shape::Object(VOLUME)),
    free("ImageOptions", Shape::Object(IMAGE)),
    free("TmpfsOptions", Shape::Object(TMPFS)),
    free("ClusterOptions", Shape::Object(&[])),
];

const RELATIVE: &str = "the daemon takes neither a volume of that name nor a path that is not absolute";
const MOUNT_SETTING: &str = "the mount would change how the host's own mount or files behave";

/// `Binds`: as `-v`, but that no client has made a path absolute on the way.
pub(in crate::api) fn binds(value: &Value, place: &str) -> Vec<Demand> {
    let bind = |item: &Value| {
        let text = word(item);
        let shown = format!("{place}: {text}");
        let wants = asks::volume(&text).into_iter().map(absolute);
        wants.map(|want| Demand::new(want, shown.clone())).collect::<Vec<_>>()
    };
    value.as_array().into_iter().flatten().flat_map(bind).collect()
}

/// A source that is not absolute leads nowhere that the gate and the daemon agree on.
fn absolute(want: Want) -> Want {
    match want {
        Want::Bind { source, .. } if !source.starts_with('/') => Want::HostSetting { what: source, why: RELATIVE },
        other => other,
    }
}

/// `Mounts`: as `--mount`.
pub(in crate::api) fn mounts(value: &Value, place: &str) -> Vec<Demand> {
    value.as_array().into_iter().flatten().flat_map(|item| mount(item, place)).collect()
}

fn mount(mount: &Value, place: &str) -> Vec<Demand> {
    let text = |pointer: &str| mount.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let is_set = |pointer: &str| mount.pointer(pointer).is_some_and(|value| !is_zero(value));
    // Without what is mounted below it, it is not.
    let read_only = mount.get("ReadOnly") == Some(&Value::Bool(true)) && !is_set("/BindOptions/ReadOnlyNonRecursive");
    let source = text("/Source").to_owned();
    let beyond = |what: &str, why| Want::HostSetting { what: what.to_owned(), why };
    let mut wants = match text("/Type") {
        "bind" => vec![absolute(Want::Bind { source, read_only })],
        "volume" if source.is_empty() => Vec::new(),
        "volume" if asks::is_volume_name(&source) => asks::named_volume(source),
        "volume" => vec![absolute(Want::Bind { source, read_only })],
        "tmpfs" => Vec::new(),
        "image" => vec![Want::Image { name: source }],
        other => vec![beyond(other, "not a mount type that this gate knows")],
    };
    if !matches!(text("/BindOptions/Propagation"), "" | "rprivate") {
        wants.push(beyond(text("/BindOptions/Propagation"), MOUNT_SETTING));
    }
    if !matches!(text("/VolumeOptions/DriverConfig/Name"), "" | "local") {
        wants.push(Want::VolumeOptions { what: format!("driver {}", text("/VolumeOptions/DriverConfig/Name")) });
    }
    let options = mount.pointer("/VolumeOptions/DriverConfig/Options").and_then(Value::as_object);
    let of_memory = |(key, value): (&String, &Value)| asks::is_of_memory(&format!("{key}={}", word(value)));
    if !options.is_none_or(|options| options.iter().all(of_memory)) {
        wants.push(Want::VolumeOptions {
            what: mount.pointer("/VolumeOptions/DriverConfig").map_or_else(String::new, word),
        });
    }
    if is_set("/TmpfsOptions/Options") {
        wants.push(beyond("TmpfsOptions.Options", "not mount options that this gate knows to be harmless"));
    }
    let shown = format!("{place}: {}", word(mount));
    wants.into_iter().map(|want| Demand::new(want, shown.clone())).collect()
}
