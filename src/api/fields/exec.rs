//! Commands in running containers, and checkpoints: blocked by default, and understood all the same. Data only.

use super::super::row::{Field, Shape, free, like};
use crate::docker::row::Ask;

/// The body of `/containers/{container}/exec`.
pub const CREATE: &[Field] = &[
    free("User", Shape::Text),
    like("Privileged", Shape::Flag, Ask::Privileged),
    free("Tty", Shape::Flag),
    free("ConsoleSize", Shape::Numbers),
    free("AttachStdin", Shape::Flag),
    free("AttachStderr", Shape::Flag),
    free("AttachStdout", Shape::Flag),
    // docker-py repeats the path's name here, and the daemon does not read it.
    free("Container", Shape::Text),
    free("Detach", Shape::Flag),
    free("DetachKeys", Shape::Text),
    free("detachKeys", Shape::Text),
    free("Env", Shape::Texts),
    free("WorkingDir", Shape::Text),
    free("Cmd", Shape::Words),
];

/// The body of `/exec/{exec}/start`.
pub const START: &[Field] =
    &[free("Detach", Shape::Flag), free("Tty", Shape::Flag), free("ConsoleSize", Shape::Numbers)];

/// The body of `/containers/{container}/checkpoints`.
pub const CHECKPOINT: &[Field] = &[
    free("CheckpointID", Shape::Text),
    like("CheckpointDir", Shape::Text, Ask::HostSetting("it names a directory on the host")),
    free("Exit", Shape::Flag),
];
