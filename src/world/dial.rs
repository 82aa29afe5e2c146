//! Dial: a connection to the daemon, for the guard. Acts: connects.
#![expect(clippy::disallowed_methods, reason = "the daemon is connected to here")]

use super::name_service::ask;
use anyhow::{Context, Result as Found};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt};
use nix::sys::time::TimeVal;
use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

/// How long a daemon may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to the daemon that a policy's `docker.host` names.
///
/// # Errors
/// As connect(2); [`ErrorKind::TimedOut`] for a daemon that does not accept in time.
pub fn dial(host: &str) -> Result<OwnedFd> {
    if let Some(path) = host.strip_prefix("unix://") {
        let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        // connect(2) waits as long as a send may, where the daemon's queue is full.
        setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(PATIENCE.as_secs().cast_signed(), 0))?;
        return match connect(socket.as_raw_fd(), &UnixAddr::new(path)?) {
            Ok(()) => Ok(socket),
            Err(Errno::EAGAIN) => Err(Error::new(ErrorKind::TimedOut, "it accepts no connection")),
            Err(error) => Err(error.into()),
        };
    }
    let Some(address) = host.strip_prefix("tcp://") else {
        return Err(Error::new(ErrorKind::Unsupported, "only a daemon on a Unix or TCP socket can be reached"));
    };
    let address = address_of(address).map_err(|error| Error::new(ErrorKind::AddrNotAvailable, format!("{error:#}")))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    // Calls and keystrokes are small, and waited for.
    stream.set_nodelay(true)?;
    Ok(stream.into())
}

/// Finds out where the daemon is, if its host has a name: while docker runs, or calls are served, nobody can be asked.
///
/// # Errors
/// When nobody knows.
pub fn find(host: &str) -> Found<()> {
    host.strip_prefix("tcp://").map_or(Ok(()), |address| address_of(address).map(drop))
}

/// The address of `HOST:PORT`. A name is looked up once.
///
/// # Errors
/// When nobody knows it.
pub(super) fn address_of(text: &str) -> Found<SocketAddr> {
    static KNOWN: OnceLock<(String, SocketAddr)> = OnceLock::new();
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Some((_, address)) = KNOWN.get().filter(|(known, _)| known == text) {
        return Ok(*address);
    }
    let (name, port) = text.rsplit_once(':').with_context(|| format!("{text} has no port"))?;
    let port = port.parse().with_context(|| format!("the port of {text}"))?;
    let found = ask("ahosts", name)?.with_context(|| format!("there is no host {name}"))?;
    let mut found = found.lines().filter_map(|line| line.split_ascii_whitespace().next()?.parse().ok());
    let address = SocketAddr::new(found.next().with_context(|| format!("{name} has no address"))?, port);
    // Another's is as good.
    let _ = KNOWN.set((text.to_owned(), address));
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_by_number_and_by_name() {
        assert_eq!(address_of("192.0.2.1:2375").unwrap().to_string(), "192.0.2.1:2375");
        assert_eq!(address_of("[::1]:2375").unwrap().to_string(), "[::1]:2375");
        let local = address_of("localhost:2376").unwrap();
        assert!(local.ip().is_loopback() && local.port() == 2376, "{local}");
        for unknown in ["no-such-host.invalid:2375", "localhost", "localhost:docker", "--help:1", ":1"] {
            assert!(address_of(unknown).is_err(), "{unknown}");
        }
        assert!(find("tcp://no-such-host.invalid:2375").is_err());
        assert!(find("unix:///nowhere").is_ok());
    }
}
