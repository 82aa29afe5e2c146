//! A real daemon, asked directly.
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

/// What the daemon answers.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The answer's body where it is one of success.
    pub(crate) fn successful(self) -> Result<Self, u16> {
        if self.status == 101 || (200..300).contains(&self.status) { Ok(self) } else { Err(self.status) }
    }

    /// A text of the answer: `/Id`.
    pub(crate) fn at(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

pub(crate) struct Daemon {
    pub(crate) socket: String,
}

impl Daemon {
    /// Sends bytes, and reads one answer. Nothing is shut down before: dockerd takes that for a client that has gone.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        let mut stream = BufReader::new(UnixStream::connect(&self.socket).unwrap());
        stream.get_mut().write_all(request).unwrap();
        let (mut head, mut body) = (String::new(), Vec::new());
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).unwrap_or(0) == 0 {
                // A handler of dockerd's that has failed says nothing.
                return Answer { status: 0, body };
            }
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.split("\r\ncontent-length: ").nth(1).map(|rest| rest.split('\r').next().unwrap());
        match length {
            Some(length) => {
                body.resize(length.parse().unwrap(), 0);
                stream.read_exact(&mut body).unwrap();
            }
            None if head.contains("transfer-encoding: chunked") => body = unchunked(&mut stream),
            None if status == 204 => {}
            None => drop(stream.read_to_end(&mut body).unwrap()),
        }
        Answer { status, body }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(format!("{method} /v1.51{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) fn delete(&self, path: &str) {
        let answer = self.ask("DELETE", path);
        assert!(answer.status < 300 || answer.status == 404, "{path}: {} {}", answer.status, answer.text());
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&request("POST", &format!("/v1.51{path}"), "application/json", body.to_string().as_bytes()))
    }
}

/// A request in bytes.
pub(crate) fn request(method: &str, target: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    if !body.is_empty() {
        head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

fn unchunked(stream: &mut impl BufRead) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let mut chunk = vec![0; usize::from_str_radix(line.trim(), 16).unwrap() + 2];
        stream.read_exact(&mut chunk).unwrap();
        if chunk.len() == 2 {
            return whole;
        }
        whole.extend(&chunk[..chunk.len() - 2]);
    }
}
