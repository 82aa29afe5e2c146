//! Sockets: the daemon's and the log's. Acts: looks at them.
#![expect(clippy::disallowed_methods, reason = "sockets are looked at here")]

use super::path;
use crate::admin::doctor::facts::Daemon;
use crate::world::accounts;
use anyhow::{Context, Result};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// The daemon of a policy's `docker.host`.
pub(super) fn daemon(host: &str) -> Daemon {
    let Some(socket) = host.strip_prefix("unix://") else { return Daemon::Address(host.to_owned()) };
    let way = path::way(Path::new(socket));
    let group = way.end().and_then(|end| accounts::group_name(end.gid));
    Daemon::Socket(way, group)
}

/// Whether a datagram can be sent there; none is.
pub(super) fn datagram(socket: &Path) -> Result<()> {
    UnixDatagram::unbound()?.connect(socket).with_context(|| socket.display().to_string())
}
