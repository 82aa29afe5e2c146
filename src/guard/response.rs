//! Response: the daemon's answer on its way to the client, with a head of the gate's own framing. Pure.

use super::buffer::{Buffer, CAPACITY};
use super::framing::{Framing, Malformed, Reframe};
use super::lines::Lines;
use super::relay::Pass;
use super::scope::Scope;
use super::version;

/// The most header lines of an answer.
const MOST_HEADERS: usize = 64;

/// The longest answer that is kept whole, where something has to be taken out of it, in bytes: as what the gate asks
/// the daemon itself.
const MOST_KEPT: usize = 16 * 1024 * 1024;

/// What the answer belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// The request was HEAD: there is a length and no body.
    pub(super) head: bool,
    /// The connection may become a stream.
    pub(super) hijack: bool,
    /// The client's connection is closed behind the answer.
    pub(super) close: bool,
    /// The body is not passed on, but kept for [`Response::take`].
    pub(super) keep: bool,
}

#[derive(Debug)]
enum State {
    Head,
    Body(Reframe),
    /// The body without its framing, as far as it has come, with what decodes it.
    Kept(Reframe, Buffer, Vec<u8>),
    /// Line by line, without those that are not for this key.
    Lines(Box<Lines>),
    /// The head has been passed on, and the connection is a stream.
    Upgraded,
    Done,
}

/// An answer, read from the daemon and written anew.
#[derive(Debug)]
pub(super) struct Response {
    asked: Asked,
    state: State,
    /// The status code, once it is known.
    pub(super) status: Option<u16>,
    /// Whether the daemon's connection can serve another request.
    pub(super) reusable: bool,
    /// The headers of an answer whose body is kept.
    headers: String,
    /// What decides on the lines of the body.
    scope: Option<Scope>,
}

impl Response {
    pub(super) fn new(asked: Asked) -> Self {
        Self { asked, state: State::Head, status: None, reusable: false, headers: String::new(), scope: None }
    }

    /// Looks through an answer's lines by a scope that is for such; any other is given back.
    pub(super) fn look_through(&mut self, scope: Option<Scope>) -> Option<Scope> {
        match scope {
            Some(scope) if scope.is_of_lines() => {
                self.scope = Some(scope);
                None
            }
            other => other,
        }
    }

    /// Whether the connection is a stream now.
    pub(super) fn is_upgraded(&self) -> bool {
        matches!(self.state, State::Upgraded)
    }

    /// The body that was kept; `None` where it was passed on.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Kept(_, _, body) => Some(body),
            _ => None,
        }
    }

    /// The head for another body in the place of one that was kept.
    pub(super) fn head_for(&self, length: usize) -> String {
        format!("{}{}\r\n", self.headers, frame(Framing::Length(length as u64), self.asked.close))
    }

    /// Reads the head, and writes the client's; false where it has not come whole.
    fn head(&mut self, from: &mut Buffer, to: &mut Buffer) -> Result<bool, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(from.data()).map_err(|_| Malformed)? else {
            return if from.data().len() == CAPACITY { Err(Malformed) } else { Ok(false) };
        };
        let status = head.code.ok_or(Malformed)?;
        if (100..200).contains(&status) && status != 101 {
            from.consume(length);
            return Ok(true);
        }
        let mut answer = String::with_capacity(length + 64);
        answer.push_str(&format!("HTTP/1.1 {status} {}\r\n", head.reason.unwrap_or_default()));
        let Told { framing, close, protocol } = told(&mut answer, head.headers)?;
        let http11 = head.version == Some(1);
        from.consume(length);
        self.status = Some(status);
        let stream = status == 200 && framing.is_none() && answer.contains(" application/vnd.docker.");
        if self.asked.hijack && (status == 101 || stream) {
            if let Some(protocol) = protocol.filter(|_| status == 101) {
                answer.push_str(&format!("Connection: Upgrade\r\nUpgrade: {protocol}\r\n"));
            }
            self.state = State::Upgraded;
            return whole(to, &(answer + "\r\n"));
        }
        if status == 101 {
            return Err(Malformed);
        }
        let bodyless = self.asked.head || matches!(status, 204 | 304);
        let from_daemon = match framing {
            _ if bodyless => Framing::Length(0),
            Some(framing) => framing,
            None => Framing::UntilEnd,
        };
        self.reusable = http11 && !close && from_daemon != Framing::UntilEnd;
        if self.asked.keep && matches!(status, 200 | 201) {
            self.headers = answer;
            self.state = State::Kept(Reframe::new(from_daemon, Framing::UntilEnd), Buffer::default(), Vec::new());
            return Ok(true);
        }
        if let Some(scope) = self.scope.take().filter(|_| status == 200 && !bodyless) {
            answer.push_str(&frame(Framing::Chunked, self.asked.close));
            self.state = State::Lines(Box::new(Lines::new(from_daemon, scope)));
            return whole(to, &(answer + "\r\n"));
        }
        let to_client = if from_daemon == Framing::UntilEnd { Framing::Chunked } else { from_daemon };
        match (bodyless, framing) {
            // What a body would have had.
            (true, Some(Framing::Length(length))) if self.asked.head => {
                answer.push_str(&frame(Framing::Length(length), self.asked.close));
            }
            (true, _) if self.asked.close => answer.push_str("Connection: close\r\n"),
            (true, _) => {}
            (false, _) => answer.push_str(&frame(to_client, self.asked.close)),
        }
        self.state = State::Body(Reframe::new(from_daemon, if bodyless { Framing::Length(0) } else { to_client }));
        whole(to, &(answer + "\r\n"))
    }
}

impl Pass for Response {
    fn pass(&mut self, from: &mut Buffer, ended: bool, to: &mut Buffer) -> Result<(), Malformed> {
        loop {
            match &mut self.state {
                State::Head => {
                    if !self.head(from, to)? {
                        return if ended { Err(Malformed) } else { Ok(()) };
                    }
                }
                State::Body(body) => {
                    body.pass(from, ended, to)?;
                    if body.is_finished() {
                        self.state = State::Done;
                    }
                    return Ok(());
                }
                State::Lines(lines) => {
                    lines.pass(from, ended, to)?;
                    if lines.is_finished() {
                        self.state = State::Done;
                    }
                    return Ok(());
                }
                State::Kept(body, decoded, kept) => {
                    while !body.is_finished() && (ended || !from.is_empty()) {
                        let before = from.data().len();
                        body.pass(from, ended, decoded)?;
                        kept.extend_from_slice(decoded.data());
                        decoded.consume(usize::MAX);
                        if kept.len() > MOST_KEPT {
                            return Err(Malformed);
                        }
                        if from.data().len() == before {
                            break;
                        }
                    }
                    return Ok(());
                }
                State::Upgraded | State::Done => return Ok(()),
            }
        }
    }

    fn is_finished(&self) -> bool {
        match &self.state {
            State::Kept(body, ..) => body.is_finished(),
            State::Upgraded | State::Done => true,
            State::Head | State::Body(_) | State::Lines(_) => false,
        }
    }

    fn has_begun(&self) -> bool {
        // Of one that is kept the client has seen nothing.
        !matches!(self.state, State::Head | State::Kept(..))
    }
}

/// What an answer's headers say to the gate.
struct Told {
    framing: Option<Framing>,
    close: bool,
    protocol: Option<&'static str>,
}

/// Reads what is between the daemon and the gate, and passes on all else.
fn told(answer: &mut String, headers: &[httparse::Header]) -> Result<Told, Malformed> {
    let mut told = Told { framing: None, close: false, protocol: None };
    for header in headers {
        let value = std::str::from_utf8(header.value).map_err(|_| Malformed)?.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "connection" => told.close |= value.eq_ignore_ascii_case("close"),
            "content-length" if told.framing.is_none() => {
                told.framing = Some(Framing::Length(value.parse().map_err(|_| Malformed)?));
            }
            "transfer-encoding" if told.framing.is_none() && value.eq_ignore_ascii_case("chunked") => {
                told.framing = Some(Framing::Chunked);
            }
            "content-length" | "transfer-encoding" => return Err(Malformed),
            "upgrade" => {
                told.protocol = ["tcp", "h2c"].into_iter().find(|known| value.eq_ignore_ascii_case(known));
            }
            "keep-alive" | "trailer" => {}
            // By which clients choose theirs.
            "api-version" => {
                let known = version::known(value);
                line(answer, header.name, known.as_deref().unwrap_or(value));
            }
            _ => line(answer, header.name, value),
        }
    }
    Ok(told)
}

fn line(answer: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        answer.push_str(part);
    }
}

/// The headers that frame a body.
fn frame(framing: Framing, close: bool) -> String {
    let close = if close { "Connection: close\r\n" } else { "" };
    match framing {
        Framing::Length(length) => format!("Content-Length: {length}\r\n{close}"),
        Framing::Chunked => format!("Transfer-Encoding: chunked\r\n{close}"),
        Framing::UntilEnd => close.to_owned(),
    }
}

/// Puts all of a head into the buffer, which is empty when a head is written.
fn whole(to: &mut Buffer, head: &str) -> Result<bool, Malformed> {
    if to.push(head.as_bytes()) == head.len() { Ok(true) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the client gets of an answer that comes in pieces of `piece` bytes, and the answer.
    fn answered(answer: &str, piece: usize, asked: Asked) -> Result<(String, Response), Malformed> {
        let mut response = Response::new(asked);
        let (mut from, mut to, mut out) = (Buffer::default(), Buffer::default(), Vec::new());
        let mut rest = answer.as_bytes();
        loop {
            response.pass(&mut from, rest.is_empty(), &mut to)?;
            out.extend_from_slice(to.data());
            to.consume(usize::MAX);
            if response.is_finished() || (rest.is_empty() && from.is_empty()) {
                return Ok((String::from_utf8(out).unwrap(), response));
            }
            let (now, later) = rest.split_at(piece.min(rest.len()));
            from.push(now);
            rest = later;
        }
    }

    #[test]
    fn answers_are_written_with_a_framing_of_the_gates_own() {
        let plain = Asked::default();
        let rows: &[(&str, Asked, &str, bool)] = &[
            (
                "HTTP/1.1 200 OK\r\nServer: Docker\r\nContent-Length: 2\r\n\r\nOK",
                plain,
                "HTTP/1.1 200 OK\r\nServer: Docker\r\nContent-Length: 2\r\n\r\nOK",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nOK\r\n0\r\n\r\n",
                plain,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n",
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\n\r\nO",
                plain,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nO\r\n0\r\n\r\n",
                false,
            ),
            ("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", plain, "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", true),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                Asked { close: true, ..plain },
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
                Asked { head: true, ..plain },
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: x\r\n\r\n",
                Asked { hijack: true, ..plain },
                "HTTP/1.1 101 UPGRADED\r\nContent-Type: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
                false,
            ),
        ];
        for (answer, asked, expected, reusable) in rows {
            for piece in [1, 10, 1000] {
                let piece = if answer.ends_with("\r\n\r\nO") { 1000 } else { piece };
                let (out, response) = answered(answer, piece, *asked).unwrap();
                if !answer.contains("chunked") {
                    assert_eq!(&out, expected, "{answer}");
                }
                assert_eq!(response.reusable, *reusable, "{answer}");
                assert!(response.is_finished());
            }
        }
    }

    #[test]
    fn only_what_may_become_a_stream_does() {
        let upgraded = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
        assert!(answered(upgraded, 99, Asked::default()).is_err());
        let hijack = Asked { hijack: true, ..Asked::default() };
        assert!(answered(upgraded, 99, hijack).unwrap().1.is_upgraded());
        let raw = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
        assert!(answered(raw, 99, hijack).unwrap().1.is_upgraded());
        assert!(!answered(raw, 99, Asked::default()).unwrap().1.is_upgraded());
        // An error, or a call that was not hijacked after all, leaves the connection what it was.
        let refused = "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}";
        assert!(!answered(refused, 99, hijack).unwrap().1.is_upgraded());
    }

    #[test]
    fn a_body_that_is_kept_can_be_replaced() {
        let asked = Asked { keep: true, ..Asked::default() };
        let answer = "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n";
        for piece in [1, 7, 1000] {
            let (out, mut response) = answered(answer, piece, asked).unwrap();
            assert_eq!(out, "");
            assert_eq!(response.take().as_deref(), Some(&b"[1]"[..]));
            assert_eq!(response.head_for(2), "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n");
        }
    }

    #[test]
    fn what_is_no_answer_is_malformed() {
        for answer in [
            "nonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\n",
        ] {
            assert!(answered(answer, 1000, Asked::default()).is_err(), "{answer}");
        }
    }
}
