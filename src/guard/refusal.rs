//! Refusal: what a client is told of a call that is not passed on, as an answer of HTTP. Pure.

use crate::answer;
use crate::api::demands::Reference;
use crate::api::image::is_tagged;
use crate::demand::Object;
use crate::denial::{Denial, Reason};
use serde_json::json;

/// Why a call is not passed on.
#[derive(Debug)]
pub(super) enum Refusal {
    Denied(Denial),
    /// What it names is not there for this key.
    Missing(Reference),
    /// Its record could not be written.
    Unrecorded(anyhow::Error),
    /// The policy is broken, or not to be trusted.
    Policy {
        error: anyhow::Error,
        recorded: bool,
    },
    /// Too many connections at once.
    Busy,
    /// The daemon cannot be reached, or gives no answer.
    Daemon(std::io::Error),
}

impl Refusal {
    /// The status and the message. `id` is that of the record.
    fn said(&self, id: &str) -> (&'static str, String) {
        match self {
            Self::Denied(denial) => {
                let status = match denial.reason {
                    Reason::BadRequest => "400 Bad Request",
                    Reason::Unavailable => "503 Service Unavailable",
                    _ => "403 Forbidden",
                };
                (status, answer::refusal(denial, Some(id)))
            }
            // In the daemon's own words (measured with docker 28.5).
            Self::Missing(Reference { object, name }) => {
                let said = match object {
                    Object::Container => format!("No such container: {name}"),
                    Object::Image if is_tagged(name) => format!("No such image: {name}"),
                    Object::Image => format!("No such image: {name}:latest"),
                    Object::Network => format!("network {name} not found"),
                    Object::Volume => format!("get {name}: no such volume"),
                };
                ("404 Not Found", said)
            }
            Self::Unrecorded(error) => {
                let why = "audit: the record of this call could not be written, so it was not made";
                let hint = "hint: try again later; the administrator has to look at the system log";
                ("503 Service Unavailable", format!("{why}\nreason: {error:#}\n{hint}"))
            }
            Self::Policy { error, recorded } => {
                let why = "policy: it is broken or not trustworthy, so nothing is done";
                let hint = "hint: the administrator has to mend it (dockgate policy validate)";
                let record = if *recorded { format!("\nrecord: {id}") } else { String::new() };
                ("503 Service Unavailable", format!("{why}\nreason: {error}\n{hint}{record}"))
            }
            Self::Busy => {
                let why = "docker: too many connections are being served, and no more may at once";
                ("503 Service Unavailable", format!("{why}\nhint: wait until some of them have ended"))
            }
            Self::Daemon(error) => {
                let hint = "hint: try again later; if it stays so, the administrator has to look at the daemon";
                (
                    "502 Bad Gateway",
                    format!("docker: the daemon gives no answer\nreason: {error}\n{hint}\nrecord: {id}"),
                )
            }
        }
    }

    /// What the client is told, for an answer that is not of HTTP.
    pub(super) fn words(&self, id: &str) -> String {
        self.said(id).1
    }

    /// The whole answer. `head`: the request was HEAD, and gets no body.
    pub(super) fn answer(&self, id: &str, head: bool, close: bool) -> Vec<u8> {
        let (status, message) = self.said(id);
        let body = format!("{}\n", json!({ "message": message.trim_end() }));
        let close = if close { "Connection: close\r\n" } else { "" };
        let mut answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{close}\r\n",
            body.len()
        );
        if !head {
            answer.push_str(&body);
        }
        answer.into_bytes()
    }
}
