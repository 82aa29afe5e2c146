//! Question: one question to the daemon and its answer, in HTTP. Acts: connects.

use super::dial::dial;
use crate::facts::Unreachable;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::borrow::Cow;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the daemon may say nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the daemon may take for a whole answer, however it comes.
const WHOLE: Duration = Duration::from_secs(20);

/// An answer of more bytes than this is not one.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A connection to the daemon.
fn connect(host: &str) -> Result<Stream, Unreachable> {
    let connected = dial(host).and_then(|socket| -> std::io::Result<Stream> {
        if host.starts_with("unix://") {
            let stream = UnixStream::from(socket);
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            return Ok(Box::new(stream));
        }
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Box::new(stream))
    });
    connected.map_err(|error| {
        let why = format!("the daemon at {host}: {error}");
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied => {
                Unreachable::NoDaemon(why)
            }
            _ => Unreachable::NoAnswer(why),
        }
    })
}

pub(super) fn no_answer(error: anyhow::Error) -> Unreachable {
    Unreachable::NoAnswer(format!("{error:#}"))
}

trait Connection: Read + Write + Send {}

impl<T: Read + Write + Send> Connection for T {}

type Stream = Box<dyn Connection>;

/// `GET path`, as JSON; `None` where the answer is one of `none`, of what is not there.
///
/// # Errors
/// When there is no answer, or another.
pub(super) fn asked(host: &str, path: &str, none: &[&str]) -> Result<Option<Value>, Unreachable> {
    read(&fetched(host, path)?, none).map_err(|error| failed(host, &error))
}

/// How long the answer to `GET path` is, in bytes; of a longer one than is read, as much as is.
///
/// # Errors
/// When there is no answer.
pub(super) fn length(host: &str, path: &str) -> Result<usize, Unreachable> {
    Ok(fetched(host, path)?.len())
}

fn failed(host: &str, error: &anyhow::Error) -> Unreachable {
    Unreachable::NoAnswer(format!("the daemon at {host}: {error:#}"))
}

fn fetched(host: &str, path: &str) -> Result<Vec<u8>, Unreachable> {
    // A kept connection may have been ended since; what is asked changes nothing, so it is asked anew.
    let whole = match take(host).and_then(|mut kept| Some((whole_answer(&mut kept, path).ok()?, kept))) {
        Some((answer, kept)) if is_whole(&answer) => Ok((answer, kept)),
        _ => {
            let mut stream = connect(host)?;
            whole_answer(&mut stream, path).map(|answer| (answer, stream))
        }
    };
    let (answer, stream) = whole.map_err(|error| failed(host, &error))?;
    if goes_on(&answer) {
        keep(host, stream);
    }
    Ok(answer)
}

/// The connection of the last question, for the next one: a proxy in the daemon's place records each connection.
static KEPT: Mutex<Option<(String, Stream)>> = Mutex::new(None);

fn take(host: &str) -> Option<Stream> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.take().filter(|(of, _)| of == host).map(|(_, stream)| stream)
}

fn keep(host: &str, stream: Stream) {
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some((host.to_owned(), stream));
}

/// Asks, and reads all that comes of the answer.
fn whole_answer(stream: &mut Stream, path: &str) -> Result<Vec<u8>> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").context("asking the daemon")?;
    let mut answer = Vec::new();
    let mut stream = stream.take(MAX_BYTES);
    let mut piece = vec![0; 64 * 1024];
    let begun = Instant::now();
    while !is_whole(&answer) {
        ensure!(begun.elapsed() < WHOLE, "the daemon's answer did not come whole in {} seconds", WHOLE.as_secs());
        let count = stream.read(&mut piece).context("reading the daemon's answer")?;
        if count == 0 {
            break;
        }
        answer.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
    Ok(answer)
}

fn read(answer: &[u8], none: &[&str]) -> Result<Option<Value>> {
    let (head, body) = parted(answer).context("the daemon's answer has no end of head")?;
    let body = body_of(head, body).context("the daemon's answer is not framed as its head says")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(Some(serde_json::from_slice(&body).context("reading the daemon's answer")?)),
        Some(status) if none.contains(&status) => Ok(None),
        status => bail!("the daemon answered {}", status.unwrap_or("nothing")),
    }
}

/// Whether the next question can be asked on the same connection: it stays, and nothing has come behind the answer.
fn goes_on(answer: &[u8]) -> bool {
    let Some((head, body)) = parted(answer) else { return false };
    let stays = head.starts_with("HTTP/1.1 ") && header(head, "Connection").is_none();
    let length = header(head, "Content-Length").and_then(|length| length.parse().ok());
    let exact = match is_chunked(head) {
        true => chunks(body).is_some_and(|(_, rest)| rest.is_empty()),
        false => length.is_some_and(|length: usize| body.len() == length),
    };
    stays && exact
}

/// The head of an answer, and what has come of its body.
fn parted(answer: &[u8]) -> Option<(&str, &[u8])> {
    let (head, body) = answer.split_at(memchr::memmem::find(answer, b"\r\n\r\n")? + 4);
    Some((std::str::from_utf8(head).ok()?, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn is_chunked(head: &str) -> bool {
    header(head, "Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
}

/// Whether an answer says itself that no more comes.
fn is_whole(answer: &[u8]) -> bool {
    let Some((head, body)) = parted(answer) else { return false };
    if is_chunked(head) {
        return body.ends_with(b"0\r\n\r\n") && unchunked(body).is_some();
    }
    let length = header(head, "Content-Length").and_then(|length| length.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// The body behind a head, of all that has come; `None` where it is not whole.
fn body_of<'a>(head: &str, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if is_chunked(head) {
        return unchunked(bytes).map(Cow::Owned);
    }
    match header(head, "Content-Length") {
        Some(length) => bytes.get(..length.parse().ok()?).map(Cow::Borrowed),
        None => Some(Cow::Borrowed(bytes)),
    }
}

/// A chunked body (RFC 9112, 7.1).
fn unchunked(bytes: &[u8]) -> Option<Vec<u8>> {
    chunks(bytes).map(|(body, _)| body)
}

/// The same, and what has come behind it; trailers are none of an answer of docker's.
fn chunks(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::with_capacity(bytes.len());
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(bytes) else { return None };
        if size == 0 {
            let rest = bytes.get(start..)?;
            return Some((body, rest.strip_prefix(b"\r\n").unwrap_or(rest)));
        }
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        body.extend_from_slice(bytes.get(start..end)?);
        bytes = bytes.get(end..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_it_says() {
        for (answer, whole) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", true),
            // What looks like the end of the chunks within one.
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{0\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n{}", false),
        ] {
            assert_eq!(is_whole(answer.as_bytes()), whole, "{answer}");
        }
    }

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n";
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        for (head, bytes, body) in [
            (chunked, &b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"[..], Some(&b"abc0123456789"[..])),
            (chunked, b"0\r\n\r\n", Some(b"")),
            (chunked, b"3\r\nabc\r\n", None),
            (chunked, b"3\r\nab", None),
            (chunked, b"3\r\nabcd\r\n0\r\n\r\n", None),
            (chunked, b"ffffffffffffffff\r\nabc", None),
            (chunked, b"x", None),
            (length, b"abc", Some(b"abc")),
            (length, b"ab", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"ab", None),
            ("HTTP/1.0 200 OK\r\n\r\n", b"ab", Some(b"ab")),
        ] {
            assert_eq!(body_of(head, bytes).as_deref(), body, "{head}{bytes:?}");
        }
    }

    #[test]
    fn the_next_question_waits_for_an_answer_that_is_whole_and_nothing_else() {
        for (answer, goes) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", false),
            ("HTTP/1.1 200 OK\r\n\r\n{}", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nx0\r\n\r\n", false),
        ] {
            assert_eq!(goes_on(answer.as_bytes()), goes, "{answer}");
        }
    }

    #[test]
    fn a_connection_is_used_again_and_another_made_where_it_has_ended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        // How many questions each connection answers before it ends.
        let daemon = std::thread::spawn(move || {
            for questions in [2, 1] {
                let (mut client, _) = listener.accept().unwrap();
                for _ in 0..questions {
                    let mut asked = Vec::new();
                    let mut byte = [0];
                    while !asked.ends_with(b"\r\n\r\n") {
                        client.read_exact(&mut byte).unwrap();
                        asked.extend(byte);
                    }
                    client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
                }
            }
        });
        let host = format!("unix://{}", path.display());
        for _ in 0..3 {
            assert_eq!(asked(&host, "/info", &[]).unwrap(), Some(serde_json::json!({})));
        }
        daemon.join().unwrap();
    }
}
