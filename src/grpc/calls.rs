//! Calls: each call of a connection, judged and then passed on. Acts: sockets.

use super::frame::{Splitter, framed, only};
use super::heads;
use super::judge::{Counts, Endpoint, Judge, Judged};
use super::pump::{pump, reason, send_last};
use super::tunnel::{unwrap, wrap};
use crate::api::build::conversation::Call;
use crate::api::build::{Conversation, session};
use crate::denial::{Denial, Reason};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How much of a stream, and of all streams of a connection, may be under way, in bytes.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// The most calls at once on a connection. A build has about five, each of which may wait for another; Compose and bake
/// have many builds on one connection.
const CALLS: u32 = 1000;

/// The most sessions within calls at once.
const SESSIONS: usize = 64;

/// The most that the headers of a call may have, in bytes: patterns of a context's files are among them.
const HEADERS: u32 = 1 << 20;

/// The longest request that is judged, in bytes, and how many of them are held at once.
const LONGEST: usize = 4 << 20;
const READ_AT_ONCE: usize = 4;

/// How much of a session within a call may be under way in each direction, in bytes.
const TUNNEL: usize = 64 << 10;

/// The call that has a session within it.
const SESSION: &str = "/moby.buildkit.v1.Control/Session";

type Upstream = SendRequest<Bytes>;
type Answer = SendResponse<Bytes>;

/// One connection.
pub(super) struct Mediation<'a> {
    endpoint: Endpoint,
    judge: &'a dyn Judge,
    conversation: RefCell<Conversation>,
    reading: Semaphore,
    sessions: Semaphore,
    pub(super) counts: Cell<Counts>,
}

/// A call that passes: its head, and its message if that was read.
struct Passing<'a> {
    head: Request<()>,
    /// With its place among those that are held.
    message: Option<(Bytes, SemaphorePermit<'a>)>,
    method: String,
    shows_records: bool,
}

impl<'a> Mediation<'a> {
    pub(super) fn new(endpoint: Endpoint, judge: &'a dyn Judge) -> Self {
        let (reading, sessions) = (Semaphore::new(READ_AT_ONCE), Semaphore::new(SESSIONS));
        Self { endpoint, judge, conversation: RefCell::default(), reading, sessions, counts: Cell::default() }
    }

    /// Serves the connection until either side has gone.
    pub(super) async fn serve<T: AsyncRead + AsyncWrite + Unpin>(&self, client: T, daemon: T) {
        let (caller, callee) = match self.endpoint {
            Endpoint::Grpc => (client, daemon),
            Endpoint::Session => (daemon, client),
        };
        let mut upward = h2::client::Builder::new();
        upward
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEADERS)
            .enable_push(false);
        let Ok((upstream, connection)) = upward.handshake::<_, Bytes>(callee).await else { return };
        let calls = self.accept(caller, upstream);
        // A side that goes takes the other with it: both are closed when this returns.
        either(calls, async {
            let _ = connection.await;
        })
        .await;
    }

    async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, caller: T, upstream: Upstream) {
        let mut downward = h2::server::Builder::new();
        downward
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(CALLS)
            .max_header_list_size(HEADERS);
        let Ok(mut connection) = downward.handshake::<_, Bytes>(caller).await else { return };
        // There are few, and they wake this task whichever of them goes on.
        let mut calls: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
        poll_fn(|cx| {
            loop {
                match connection.poll_accept(cx) {
                    Poll::Ready(Some(Ok((request, answer)))) => {
                        calls.push(Box::pin(self.call(request, answer, upstream.clone())));
                    }
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            calls.retain_mut(|call| call.as_mut().poll(cx).is_pending());
            Poll::Pending
        })
        .await;
    }

    /// One call, from its head to its end. However it ends, it is told to both sides.
    async fn call(&self, request: Request<RecvStream>, mut answer: Answer, upstream: Upstream) {
        let (head, mut body) = request.into_parts();
        if self.endpoint == Endpoint::Grpc && head.uri.path() == SESSION {
            return self.session(&head, body, answer, upstream).await;
        }
        let judged = match self.endpoint {
            Endpoint::Grpc => self.of_client(&head, &mut body).await,
            Endpoint::Session => self.of_daemon(&head),
        };
        let mut passing = match judged {
            Ok(passing) => passing,
            Err(Some(words)) => {
                let _ = answer.send_response(heads::refusal(&words), true);
                return;
            }
            Err(None) => return answer.send_reset(h2::Reason::CANCEL),
        };
        let Ok(mut upstream) = upstream.ready().await else { return answer.send_reset(h2::Reason::INTERNAL_ERROR) };
        let Ok((response, mut up)) = upstream.send_request(passing.head.clone(), false) else {
            return answer.send_reset(h2::Reason::INTERNAL_ERROR);
        };
        let message = passing.message.take();
        // What the caller sends ends with the call, whichever side ends that.
        let up = async move {
            let sent = match message {
                Some((message, _held)) => send_last(&mut up, message).await,
                None => pump(body, &mut up, |_| {}, |trailers| trailers).await,
            };
            if sent.is_ok() {
                std::future::pending().await
            }
        };
        either(self.down(response, answer, &passing), up).await;
    }

    /// A session within a call, mediated as one of `/session`.
    async fn session(&self, head: &http::request::Parts, body: RecvStream, mut answer: Answer, upstream: Upstream) {
        let Ok(_place) = self.sessions.try_acquire() else { return answer.send_reset(h2::Reason::REFUSED_STREAM) };
        let Some(opened) = heads::of_session(SESSION, &head.headers, &self.judge.stamp().owner) else { return };
        let Ok(mut upstream) = upstream.ready().await else { return };
        let Ok((response, mut up)) = upstream.send_request(opened, false) else { return };
        let Ok(mut down) = answer.send_response(heads::begun(), false) else { return };
        let ((client, client_end), (daemon, daemon_end)) = (duplex(TUNNEL), duplex(TUNNEL));
        let (from_client, to_client) = tokio::io::split(client_end);
        let (from_daemon, to_daemon) = tokio::io::split(daemon_end);
        let downward = async {
            if let Ok(response) = response.await {
                unwrap(response.into_body(), to_daemon).await;
            }
        };
        let session = Self::new(Endpoint::Session, self.judge);
        let served: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(session.serve(client, daemon));
        let to_client = either(unwrap(body, to_client), async {
            let _ = wrap(from_client, &mut down).await;
        });
        let to_daemon = either(downward, async {
            let _ = wrap(from_daemon, &mut up).await;
        });
        either(served, either(to_client, to_daemon)).await;
        let _ = up.send_data(Bytes::new(), true);
        let _ = down.send_trailers(heads::well());
        let (counts, more) = (self.counts.get(), session.counts.get());
        self.counts.set(Counts { passed: counts.passed + more.passed, refused: counts.refused + more.refused });
    }

    /// The answer, as it comes.
    async fn down(&self, response: ResponseFuture, mut answer: Answer, passing: &Passing<'_>) {
        let mut response = pin!(response);
        let first = poll_fn(|cx| match response.as_mut().poll(cx) {
            Poll::Ready(response) => Poll::Ready(response.map_err(|error| reason(&error))),
            Poll::Pending => answer.poll_reset(cx).map(|reset| Err(reset.unwrap_or(h2::Reason::CANCEL))),
        });
        let response = match first.await {
            Ok(response) => response,
            Err(reason) => return answer.send_reset(reason),
        };
        let (head, body) = response.into_parts();
        let mut head = Response::from_parts(head, ());
        let over = body.is_end_stream();
        if over {
            *head.headers_mut() = self.ended(std::mem::take(head.headers_mut()), passing);
        }
        let Ok(mut to) = answer.send_response(head, over) else { return };
        if over {
            return;
        }
        let mut splitter = Splitter::default();
        let seen = |data: &Bytes| {
            if passing.shows_records {
                splitter.push(data, |event| self.conversation.borrow_mut().shown(event));
            }
        };
        let _ = pump(body, &mut to, seen, |trailers| self.ended(trailers, passing)).await;
    }

    /// Reads, judges and writes anew what a client asks of the daemon. `Err(None)`: it went away meanwhile.
    async fn of_client(
        &self,
        head: &http::request::Parts,
        body: &mut RecvStream,
    ) -> Result<Passing<'_>, Option<String>> {
        let method = head.uri.path().to_owned();
        let Some(passed) = heads::of_client(&method, &head.headers) else { return Err(None) };
        let Ok(held) = self.reading.acquire().await else { return Err(None) };
        let bytes = match collect(body).await {
            Ok(bytes) => bytes,
            Err(Some(why)) => return Err(Some(self.refused(&method, malformed(why)))),
            Err(None) => return Err(None),
        };
        let build = head.headers.get(heads::BUILD).and_then(|value| value.to_str().ok());
        let read = match only(&bytes) {
            Ok(message) => self.conversation.borrow().read(&method, build, message),
            Err(why) => Err(malformed(why)),
        };
        let call = self.judged(&method, read)?;
        let shows_records = call.shows_records();
        let stamped = self.conversation.borrow_mut().pass(call, self.judge.stamp());
        let message = match stamped {
            Ok(Some(message)) => framed(&message),
            Ok(None) => Bytes::from(bytes),
            Err(denial) => return Err(Some(self.refused(&method, denial))),
        };
        Ok(Passing { head: passed, message: Some((message, held)), method, shows_records })
    }

    fn judged(&self, method: &str, read: Result<Call, Denial>) -> Result<Call, Option<String>> {
        let call = read.map_err(|denial| Some(self.refused(method, denial)))?;
        let judged = Judged { method, asked: Ok(&call.demands), changes: call.changes };
        self.judge.judge(&judged).map_err(|words| self.count_refused(words))?;
        self.count_passed();
        Ok(call)
    }

    /// Judges what the daemon asks of the client's machine.
    fn of_daemon(&self, head: &http::request::Parts) -> Result<Passing<'_>, Option<String>> {
        let method = head.uri.path().to_owned();
        let Some(passed) = heads::of_daemon(&method, &head.headers) else { return Err(None) };
        let demands = session::called(&method).map_err(|denial| Some(self.refused(&method, denial)))?;
        let judged = Judged { method: &method, asked: Ok(&demands), changes: false };
        self.judge.judge(&judged).map_err(|words| self.count_refused(words))?;
        self.count_passed();
        Ok(Passing { head: passed, message: None, method, shows_records: false })
    }

    /// The end of a call as the caller is told of it: a source that BuildKit refused for the gate is a refusal of
    /// the gate's.
    fn ended(&self, trailers: HeaderMap, passing: &Passing<'_>) -> HeaderMap {
        let granted = self.judge.stamp().images.as_ref().filter(|_| passing.method.ends_with("LLBBridge/Solve"));
        let Some((granted, source)) = granted.zip(heads::denied_source(&trailers)) else { return trailers };
        let image = source.strip_prefix("docker-image://").unwrap_or(&source);
        let why = format!("the build would use an image that is not one of {} (limits.images)", granted.join(", "));
        let hint = "start from one of those, in FROM, COPY --from, RUN --mount and #syntax alike";
        let denial = Denial::new(Reason::Limit, format!("docker build: {image}"), why, hint);
        let mut refusal = heads::refusal_trailers(&self.refused(&passing.method, denial));
        if let Some(kind) = trailers.get(http::header::CONTENT_TYPE) {
            refusal.insert(http::header::CONTENT_TYPE, kind.clone());
        }
        refusal
    }

    fn refused(&self, method: &str, denial: Denial) -> String {
        let words = denial.message.clone();
        let refused = self.judge.judge(&Judged { method, asked: Err(denial), changes: false });
        self.count_refused(refused.err().unwrap_or(words)).unwrap_or_default()
    }

    fn count_refused(&self, words: String) -> Option<String> {
        let counts = self.counts.get();
        self.counts.set(Counts { refused: counts.refused + 1, ..counts });
        Some(words)
    }

    fn count_passed(&self) {
        let counts = self.counts.get();
        self.counts.set(Counts { passed: counts.passed + 1, ..counts });
    }
}

fn malformed(why: String) -> Denial {
    let hint = "build with docker build, docker buildx build or docker compose build";
    Denial::new(Reason::BadRequest, "docker build: a BuildKit request", why, hint)
}

/// The whole of a request, which is one message.
async fn collect(body: &mut RecvStream) -> Result<Vec<u8>, Option<String>> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(|_| None)?;
        if bytes.len() + data.len() > LONGEST {
            return Err(Some(format!("it is longer than {} MiB", LONGEST >> 20)));
        }
        bytes.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).map_err(|_| None)?;
    }
    Ok(bytes)
}

/// Both at once, until one has ended.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match (one.as_mut().poll(cx), other.as_mut().poll(cx)) {
        (Poll::Pending, Poll::Pending) => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
}
