//! End: one side of a mediated connection as h2 takes it. Acts: looks at descriptors, and sets them not to block.

use super::judge::Side;
use nix::sys::stat::{SFlag, fstat};
use std::io::{Cursor, Error, ErrorKind, Result};
use std::os::fd::OwnedFd;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, join};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

/// A side as a stream: what was read from it beforehand, and then what comes.
///
/// # Errors
/// When it is neither a socket nor a pair of pipes; nothing else can be waited for alike.
pub(super) fn stream(side: Side) -> Result<impl AsyncRead + AsyncWrite + Unpin> {
    let Side { input, output, ahead } = side;
    Ok(join(Cursor::new(ahead).chain(reader(input)?), writer(output)?))
}

fn reader(input: OwnedFd) -> Result<Box<dyn AsyncRead + Unpin>> {
    Ok(if is_socket(&input)? { Box::new(socket(input)?) } else { Box::new(pipe::Receiver::from_owned_fd(input)?) })
}

fn writer(output: OwnedFd) -> Result<Box<dyn AsyncWrite + Unpin>> {
    Ok(if is_socket(&output)? { Box::new(socket(output)?) } else { Box::new(pipe::Sender::from_owned_fd(output)?) })
}

fn socket(socket: OwnedFd) -> Result<UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

fn is_socket(fd: &OwnedFd) -> Result<bool> {
    let kind = SFlag::from_bits_truncate(fstat(fd)?.st_mode) & SFlag::S_IFMT;
    match kind {
        SFlag::S_IFSOCK => Ok(true),
        SFlag::S_IFIFO => Ok(false),
        _ => Err(Error::new(ErrorKind::Unsupported, "neither a socket nor a pipe")),
    }
}
