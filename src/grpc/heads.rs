//! Heads: what of a call's headers is passed on, and answers of the gate's own. Pure.

use crate::api::build::session;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Request, Response};

/// The header that names the build which a call of a frontend is about.
pub(super) const BUILD: &str = "buildkit-controlapi-buildid";

/// What of a client's headers the daemon gets to see.
const OF_THE_CLIENT: &[&str] = &[BUILD, "grpc-timeout", "traceparent", "tracestate", "user-agent"];

/// What is set anew, or belongs to one connection.
const HOP: &[&str] = &["content-type", "te", "content-length", "connection", "grpc-encoding", "grpc-accept-encoding"];

/// PERMISSION_DENIED (grpc `doc/statuscodes.md`).
const PERMISSION_DENIED: HeaderValue = HeaderValue::from_static("7");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The head of a client's call as the daemon gets it; `None` where its path is none.
pub(super) fn of_client(path: &str, headers: &HeaderMap) -> Option<Request<()>> {
    head(path, headers.iter().filter(|(name, _)| OF_THE_CLIENT.contains(&name.as_str())))
}

/// The head of a call of the daemon's as the client's session gets it: with all that the daemon says.
pub(super) fn of_daemon(path: &str, headers: &HeaderMap) -> Option<Request<()>> {
    head(path, headers.iter().filter(|(name, _)| !HOP.contains(&name.as_str())))
}

fn head<'a>(path: &str, headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Option<Request<()>> {
    let mut request = Request::builder().method(Method::POST).uri(format!("http://localhost{path}")).body(()).ok()?;
    let own = request.headers_mut();
    for (name, value) in headers {
        own.append(name, value.clone());
    }
    own.insert(CONTENT_TYPE, GRPC);
    own.insert(TE, HeaderValue::from_static("trailers"));
    Some(request)
}

/// The head of a call that opens a session within it, as the daemon gets it.
pub(super) fn of_session(path: &str, headers: &HeaderMap, owner: &str) -> Option<Request<()>> {
    let rewritten = headers.iter().filter_map(|(name, value)| {
        let value = session::header(name.as_str(), value.to_str().ok()?, owner)?;
        Some((name, HeaderValue::try_from(value).ok()?))
    });
    let rewritten: Vec<_> = rewritten.collect();
    head(path, rewritten.iter().map(|(name, value)| (*name, value)))
}

/// The head of an answer that has no end yet.
pub(super) fn begun() -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// The end of a call that went well.
pub(super) fn well() -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))])
}

/// The answer to a call that is refused: no message, and why.
pub(super) fn refusal(words: &str) -> Response<()> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.extend(refusal_trailers(words));
    response
}

/// The end of a call that is refused.
pub(super) fn refusal_trailers(words: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", PERMISSION_DENIED);
    let message = HeaderValue::from_maybe_shared(Bytes::from(encoded(words)));
    headers.insert("grpc-message", message.unwrap_or(HeaderValue::from_static("refused")));
    headers
}

/// What BuildKit's own check of sources refused, if that is how a call ended.
pub(super) fn denied_source(trailers: &HeaderMap) -> Option<String> {
    let message = trailers.get("grpc-message")?.to_str().ok()?;
    let (before, _) = message.split_once(" denied by policy")?;
    let source = before.rsplit_once("source ").map_or(before, |(_, source)| source);
    Some(source.replace("%22", "").replace('"', "").trim_matches('\\').to_owned())
}

/// Percent-encoded as gRPC has it (grpc `doc/PROTOCOL-HTTP2.md`).
fn encoded(text: &str) -> String {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'%';
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_what_the_daemon_needs() {
        let mut headers = HeaderMap::new();
        for (name, value) in [(BUILD, "b1"), ("grpc-encoding", "gzip"), ("x-other", "1"), ("te", "gzip")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let request = of_client("/a.B/C", &headers).unwrap();
        let names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, [BUILD, "content-type", "te"]);
        assert_eq!(request.uri(), "http://localhost/a.B/C");
        let names: Vec<String> =
            of_daemon("/a.B/C", &headers).unwrap().headers().keys().map(ToString::to_string).collect();
        assert_eq!(names, [BUILD, "x-other", "content-type", "te"]);
        assert!(of_client("/a b", &headers).is_none());
    }

    #[test]
    fn a_refusal_says_why() {
        let answer = refusal("no: 5 %\nhint: ü");
        assert_eq!(answer.headers()["grpc-message"], "no: 5 %25%0Ahint: %C3%BC");
        assert_eq!(answer.headers()["grpc-status"], "7");
    }

    #[test]
    fn a_denied_source_is_known() {
        let trailers = |message: &str| {
            HeaderMap::from_iter([(HeaderName::from_static("grpc-message"), HeaderValue::from_str(message).unwrap())])
        };
        let message = r#"failed to solve: error evaluating the source policy: source "docker-image://docker.io/evil/frontend:latest" denied by policy: source denied by policy"#;
        assert_eq!(denied_source(&trailers(message)).unwrap(), "docker-image://docker.io/evil/frontend:latest");
        assert_eq!(denied_source(&trailers("not found")), None);
    }
}
