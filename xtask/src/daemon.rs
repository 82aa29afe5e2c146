//! A stand-in for the daemon, which answers pings and refuses all else.
//!
//! Docker's help depends on the daemon: it leaves out what a daemon of this version, without experimental
//! features, outside a swarm, or on another system could not do. This one is new, experimental and a manager.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

/// Headers of an answer to `/_ping`. No client is newer than this API version.
const NEW: &str = "Api-Version: 1.99\r\nDocker-Experimental: true\r\nSwarm: active/manager\r\nBuilder-Version: 2\r\n";

/// Listens on `socket` until the process ends. `system` is the operating system that it says it runs on.
pub(crate) fn start(socket: &Path, system: Option<&str>) -> Result<()> {
    let listener = UnixListener::bind(socket).with_context(|| format!("listening on {}", socket.display()))?;
    let headers = system.map_or_else(|| NEW.to_owned(), |system| format!("{NEW}Ostype: {system}\r\n"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let headers = headers.clone();
            // A client that goes away in the middle has its answer already.
            thread::spawn(move || serve(&stream, &headers));
        }
    });
    Ok(())
}

fn serve(mut stream: &UnixStream, headers: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next().transpose()? {
        let mut length = 0;
        for line in lines.by_ref() {
            let line = line?.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.is_empty() {
                break;
            }
        }
        let (status, body) =
            if request.contains("/_ping") { ("200 OK", "OK") } else { ("500 Refused", r#"{"message":"refused"}"#) };
        let shown = if request.starts_with("HEAD") { "" } else { body };
        let size = body.len();
        write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {size}\r\n\r\n{shown}")?;
        // A body is not read: after one the connection ends.
        if length > 0 {
            break;
        }
    }
    Ok(())
}
