//! Dial: a connection to the daemon, for the guard. Acts: connects.
#![expect(clippy::disallowed_methods, reason = "the daemon is connected to here")]

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt};
use nix::sys::time::TimeVal;
use std::io::{Error, ErrorKind, Result};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// How long a daemon may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to the daemon that a policy's `docker.host` names.
///
/// # Errors
/// As connect(2); [`ErrorKind::WouldBlock`] for a daemon that does not accept in time.
pub fn dial(host: &str) -> Result<OwnedFd> {
    if let Some(path) = host.strip_prefix("unix://") {
        let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        // connect(2) waits as long as a send may, where the daemon's queue is full.
        setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(PATIENCE.as_secs().cast_signed(), 0))?;
        connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
        return Ok(socket);
    }
    let Some(address) = host.strip_prefix("tcp://") else {
        return Err(Error::new(ErrorKind::Unsupported, "only a daemon on a Unix or TCP socket can be reached"));
    };
    let address = address.to_socket_addrs()?.next().ok_or(ErrorKind::AddrNotAvailable)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    // Calls and keystrokes are small, and waited for.
    stream.set_nodelay(true)?;
    Ok(stream.into())
}
