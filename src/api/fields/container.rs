//! `/containers/create` and `/commit`: the structure `Config`, a container's own. Data only.

use super::super::row::{Field, Rule, Shape, free, inner, like};
use super::super::rules;
use super::{host, network};
use crate::demand::{Demand, Want};
use crate::docker::row::Ask;
use serde_json::Value;

/// `Healthcheck`: a command in the container itself.
const HEALTHCHECK: &[Field] = &[
    free("Test", Shape::Texts),
    free("Interval", Shape::Number),
    free("Timeout", Shape::Number),
    free("StartPeriod", Shape::Number),
    free("StartInterval", Shape::Number),
    free("Retries", Shape::Number),
];

macro_rules! config {
    ($($more:expr),* $(,)?) => {
        &[
            free("Hostname", Shape::Text),
            free("Domainname", Shape::Text),
            free("User", Shape::Text),
            free("AttachStdin", Shape::Flag),
            free("AttachStdout", Shape::Flag),
            free("AttachStderr", Shape::Flag),
            free("ExposedPorts", Shape::Set),
            free("Tty", Shape::Flag),
            free("OpenStdin", Shape::Flag),
            free("StdinOnce", Shape::Flag),
            free("Env", Shape::Texts),
            free("Cmd", Shape::Words),
            inner("Healthcheck", HEALTHCHECK),
            free("ArgsEscaped", Shape::Flag),
            Field { name: "Image", shape: Shape::Text, rule: Rule::Judged(image) },
            free("Volumes", Shape::Set),
            free("WorkingDir", Shape::Text),
            free("Entrypoint", Shape::Words),
            free("NetworkDisabled", Shape::Flag),
            free("MacAddress", Shape::Text),
            free("OnBuild", Shape::Texts),
            // What they carry is judged with all labels of the call.
            free("Labels", Shape::Map),
            free("StopSignal", Shape::Text),
            free("StopTimeout", Shape::Number),
            free("Shell", Shape::Words),
            $($more),*
        ]
    };
}

/// The body of `/commit`.
pub const CONFIG: &[Field] = config!();

/// The body of `/containers/create`.
pub const CREATE: &[Field] = config!(
    like("Runtime", Shape::Text, Ask::Runtime),
    inner("HostConfig", host::CONFIG),
    inner("NetworkingConfig", network::NETWORKING),
);

fn image(value: &Value, place: &str) -> Vec<Demand> {
    let name = rules::word(value);
    vec![Demand::new(Want::Image { name: name.clone() }, format!("{place}: {name}"))]
}
