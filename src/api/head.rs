//! Head: the first lines of an HTTP/1.1 request, read strictly. Pure.
//!
//! Go's server takes more than is read here: bare line feeds, folded lines, a length beside chunks, absolute
//! targets (measured with dockerd 28.5.2). What could be read in two ways is refused, not mended.

use super::target::Target;
use crate::denial::{Denial, Reason};

/// The most bytes that a head may have.
pub const MOST_BYTES: usize = 64 * 1024;

/// The most header lines that a head may have.
pub const MOST_HEADERS: usize = 100;

/// The methods of Docker's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Delete,
    Get,
    Head,
    Post,
    Put,
}

impl Method {
    /// As it is written in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Delete, Self::Get, Self::Head, Self::Post, Self::Put].into_iter().find(|method| method.name() == text)
    }
}

/// How long the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes; at least one.
    Length(u64),
    Chunked,
}

/// The protocol that a connection is to change to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// The container's streams (`Upgrade: tcp`).
    Tcp,
    /// HTTP/2 for gRPC (`Upgrade: h2c`).
    H2c,
}

/// A request's head, understood. Headers that are not here go no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub method: Method,
    pub target: Target,
    pub framing: Framing,
    pub upgrade: Option<Upgrade>,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Another request may follow on the connection.
    pub keep_alive: bool,
    /// In lower case, without parameters; a character set other than UTF-8 is refused.
    pub content_type: Option<String>,
    /// The client says that its body is encoded (`Content-Encoding`). The daemon takes no notice of it: it knows a
    /// compressed archive by how it begins.
    pub encoded: bool,
    /// Credentials for a registry, base64 as sent: a secret.
    pub registry_auth: Option<String>,
    /// Credentials for all registries of a build, base64 as sent: a secret.
    pub registry_config: Option<String>,
    /// `X-Docker-Expose-Session-*` in lower case: what BuildKit reads from the head of `/session`.
    pub session: Vec<(String, String)>,
}

impl Head {
    /// Reads a head from the beginning of `bytes`; `None` while it is not complete. The number is that of the
    /// bytes of the head, the empty line included.
    ///
    /// # Errors
    /// A [`Denial`] for what is too long, is not HTTP/1.1, or could be read in two ways. Nothing behind it on
    /// the connection can be trusted to be a request.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Denial> {
        let window = bytes.get(..MOST_BYTES).unwrap_or(bytes);
        let Some(end) = window.windows(4).position(|four| four == b"\r\n\r\n") else {
            return match bytes.len() >= MOST_BYTES {
                true => Err(refuse("the head of the request is longer than 64 KiB")),
                // Garbage is not waited for.
                false => line_ends(window).map(|()| None),
            };
        };
        let head = window.get(..end).unwrap_or_default();
        line_ends(window.get(..end + 4).unwrap_or_default())?;
        let head = std::str::from_utf8(head).map_err(|_| refuse("the head of the request is not ASCII"))?;
        Self::read(head).map(|head| Some((head, end + 4)))
    }

    fn read(text: &str) -> Result<Self, Denial> {
        if text.bytes().any(|byte| !matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')) {
            return Err(refuse("the head of the request holds a character that is not printable ASCII"));
        }
        let mut lines = text.split("\r\n");
        let request: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, "HTTP/1.1"] = request.as_slice() else {
            return Err(refuse("the first line is not METHOD /TARGET HTTP/1.1"));
        };
        let method = Method::parse(method)
            .ok_or_else(|| refuse("the method is not one of GET, HEAD, POST, PUT and DELETE in capitals"))?;
        let target = Target::parse(target).map_err(refuse)?;
        let mut fields = Fields::default();
        for (index, line) in lines.enumerate() {
            if index >= MOST_HEADERS {
                return Err(refuse("the request has more than 100 headers"));
            }
            fields.line(line)?;
        }
        fields.head(method, target)
    }
}

/// Line feeds stand behind carriage returns and nowhere else, and the other way round.
fn line_ends(head: &[u8]) -> Result<(), Denial> {
    let mut before = 0;
    for &byte in head {
        if (byte == b'\n') != (before == b'\r') {
            return Err(refuse("a line of the head does not end in carriage return and line feed"));
        }
        before = byte;
    }
    Ok(())
}

fn refuse(why: &str) -> Denial {
    Denial::new(Reason::BadRequest, "HTTP request", why, "use a stock client of Docker's: none of them sends this")
}

/// Headers as they are gathered, each at most once.
#[derive(Default)]
struct Fields {
    connection: Option<String>,
    content_type: Option<String>,
    encoding: Option<String>,
    expect: Option<String>,
    host: Option<String>,
    length: Option<String>,
    registry_auth: Option<String>,
    registry_config: Option<String>,
    session: Vec<(String, String)>,
    transfer: Option<String>,
    upgrade: Option<String>,
}

impl Fields {
    fn line(&mut self, line: &str) -> Result<(), Denial> {
        // A folded line starts with white space, which no name does.
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_token(name)) else {
            return Err(refuse("a header is not NAME: VALUE on one line"));
        };
        let name = name.to_ascii_lowercase();
        let slot = match name.as_str() {
            "connection" => &mut self.connection,
            "content-type" => &mut self.content_type,
            "content-encoding" => &mut self.encoding,
            "expect" => &mut self.expect,
            "host" => &mut self.host,
            "content-length" => &mut self.length,
            "transfer-encoding" => &mut self.transfer,
            "upgrade" => &mut self.upgrade,
            "x-registry-auth" => &mut self.registry_auth,
            "x-registry-config" => &mut self.registry_config,
            "trailer" | "te" | "http2-settings" => {
                return Err(refuse(
                    "the request has a header that stock clients do not send (Trailer, TE, HTTP2-Settings)",
                ));
            }
            _ if name.starts_with(SESSION) => {
                // One line for each method that the session serves.
                self.session.push((name, value.trim_matches([' ', '\t']).to_owned()));
                return Ok(());
            }
            // Not passed on.
            _ => return Ok(()),
        };
        match slot.replace(value.trim_matches([' ', '\t']).to_owned()) {
            None => Ok(()),
            Some(_) => Err(refuse("a header is given twice")),
        }
    }

    fn head(self, method: Method, target: Target) -> Result<Head, Denial> {
        let tokens = self.connection.as_deref().unwrap_or_default().to_ascii_lowercase();
        let tokens: Vec<&str> = tokens.split(',').map(str::trim).filter(|token| !token.is_empty()).collect();
        if tokens.iter().any(|token| !matches!(*token, "keep-alive" | "close" | "upgrade")) {
            return Err(refuse("Connection names something other than keep-alive, close and Upgrade"));
        }
        let upgrade = match self.upgrade.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("tcp") => Some(Upgrade::Tcp),
            Some("h2c") => Some(Upgrade::H2c),
            Some(_) => return Err(refuse("Upgrade is neither tcp nor h2c")),
        };
        if upgrade.is_some() != tokens.contains(&"upgrade") {
            return Err(refuse("only one of Upgrade and Connection: Upgrade is there"));
        }
        let expects_continue = match self.expect.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => false,
            Some("100-continue") => true,
            Some(_) => return Err(refuse("Expect is not 100-continue")),
        };
        Ok(Head {
            method,
            target,
            framing: framing(self.length.as_deref(), self.transfer.as_deref())?,
            upgrade,
            expects_continue,
            keep_alive: !tokens.contains(&"close"),
            content_type: self.content_type.as_deref().map(content_type).transpose()?.flatten(),
            encoded: self.encoding.is_some(),
            registry_auth: self.registry_auth,
            registry_config: self.registry_config,
            session: self.session,
        })
    }
}

const SESSION: &str = "x-docker-expose-session-";

fn framing(length: Option<&str>, transfer: Option<&str>) -> Result<Framing, Denial> {
    match (length, transfer) {
        (None, None) => Ok(Framing::None),
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (None, Some(_)) => Err(refuse("Transfer-Encoding is not chunked")),
        (Some(_), Some(_)) => Err(refuse("the body has both a length and chunks")),
        (Some(digits), None) => match digits.parse() {
            Ok(0) => Ok(Framing::None),
            Ok(length) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Framing::Length(length)),
            _ => Err(refuse("Content-Length is not a number")),
        },
    }
}

/// The type alone, if there is one.
fn content_type(value: &str) -> Result<Option<String>, Denial> {
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let kind = parts.next().filter(|kind| !kind.is_empty());
    for parameter in parts {
        if !matches!(parameter.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"") {
            return Err(refuse("Content-Type has a parameter other than charset=utf-8"));
        }
    }
    Ok(kind)
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Head, String> {
        match Head::parse(text.as_bytes()) {
            Ok(Some((head, used))) => {
                assert_eq!(used, text.len());
                Ok(head)
            }
            Ok(None) => Err("incomplete".to_owned()),
            Err(denial) => Err(denial.why),
        }
    }

    #[test]
    fn heads_of_stock_clients_are_understood() {
        let ping = read(
            "HEAD /_ping HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: Docker-Client/28.5.2 (linux)\r\n\r\n",
        );
        let ping = ping.unwrap();
        assert_eq!((ping.method, ping.framing, ping.keep_alive), (Method::Head, Framing::None, true));
        let grpc = read("POST /grpc HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").unwrap();
        assert_eq!(grpc.upgrade, Some(Upgrade::H2c));
        let create = read(
            "POST /v1.51/containers/create?name=a HTTP/1.1\r\nHost: x\r\nContent-Type: Application/JSON; charset=UTF-8\r\ncontent-length:  7\r\nConnection: keep-alive\r\n\r\n",
        )
        .unwrap();
        assert_eq!((create.framing, create.content_type.as_deref()), (Framing::Length(7), Some("application/json")));
        let build = read("POST /build HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nX-Registry-Config: e30=\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!((build.framing, build.expects_continue, build.keep_alive), (Framing::Chunked, true, false));
    }

    #[test]
    fn an_incomplete_head_is_waited_for_and_garbage_is_not() {
        for text in ["", "GET /info HTTP/1.1", "GET /info HTTP/1.1\r", "GET /info HTTP/1.1\r\nHost: x\r\n"] {
            assert_eq!(Head::parse(text.as_bytes()), Ok(None), "{text}");
        }
        for text in ["GET /info HTTP/1.1\n\n", "GET /info HTTP/1.1\r\nA: b\nC: d\r\n", "\r\n\r\n", "a\rb"] {
            assert!(Head::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Head::parse(&vec![b'a'; MOST_BYTES]).is_err());
        assert!(Head::parse(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").is_err());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for line in [
            "Content-Length: 3\r\nContent-Length: 3",
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "Content-Length: +2",
            "Content-Length: 2,2",
            "Content-Length: 0x2",
            "Content-Length: ",
            "Content-Length : 2",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding:\u{b}chunked",
            "A: b\r\n c: d",
            "A",
            ": b",
            "A b: c",
            "Host: a\r\nHost: b",
            "Connection: X-Foo",
            "Connection: close, Content-Length",
            "Upgrade: tcp",
            "Connection: Upgrade",
            "Connection: Upgrade\r\nUpgrade: websocket",
            "Connection: Upgrade\r\nUpgrade: tcp, h2c",
            "Expect: 200-ok",
            "Content-Type: application/json; charset=utf-7",
            "TE: trailers",
            "Trailer: Content-Length",
            "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
            "X: \u{e4}",
            "X: \0",
            "X: a\r",
            "X: a\rY: b",
        ] {
            let text = format!("POST /info HTTP/1.1\r\n{line}\r\n\r\n");
            assert!(
                matches!(Head::parse(text.as_bytes()), Err(denial) if denial.reason == Reason::BadRequest),
                "{line}"
            );
        }
        for first in [
            "get /info HTTP/1.1",
            "GET  /info HTTP/1.1",
            "GET /info HTTP/1.0",
            "GET /info HTTP/1.1 ",
            "GET /info",
            "OPTIONS * HTTP/1.1",
            "PATCH /info HTTP/1.1",
            "CONNECT a:1 HTTP/1.1",
            "GET http://x/info HTTP/1.1",
            " GET /info HTTP/1.1",
            "GET\t/info HTTP/1.1",
        ] {
            assert!(read(&format!("{first}\r\n\r\n")).is_err_and(|why| why != "incomplete"), "{first}");
        }
    }
}
