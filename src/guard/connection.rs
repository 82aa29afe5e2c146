//! Connection: one client's calls, one behind the other, until it ends. Acts.

use super::build;
use super::framing::{Framing, Reframe};
use super::judge::Passing;
use super::places::Place;
use super::refusal::Refusal;
use super::relay::{self, Broken, Pass};
use super::response::{Asked, Response};
use super::scope::Scope;
use super::upstream::Upstream;
use super::wire::Wire;
use super::{Guard, Via, buffer::Buffer, version};
use crate::api::call::Call;
use crate::api::demands::absent;
use crate::api::forward::{Forward, Payload};
use crate::api::head::{self, Head, Method};
use crate::api::labels::Claim;
use crate::api::route::{Reading, Route};
use crate::api::row::Answer;
use crate::audit::Audited;
use crate::denial::{Denial, Reason};
use crate::grpc::judge::Endpoint;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a head, and a body that is judged, may take once they have begun; and an answer that is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may take to read a refusal, and go on sending what is not wanted.
const LINGER: Duration = Duration::from_secs(2);

/// The most bytes of an archive that is judged: Compose has a limit of 500 KiB for a config or secret.
const MOST_ARCHIVE: usize = 1024 * 1024;

/// How the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Call,
    End,
}

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    guard: &'a Arc<Guard>,
    client: Wire,
    daemon: Upstream<'a>,
    buffers: relay::Buffers,
    /// How long it may be idle between two calls.
    idle: Option<Duration>,
    /// Whether it has asked for anything.
    asked: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn new(guard: &'a Arc<Guard>, client: Wire, idle: Option<Duration>) -> Self {
        Self {
            guard,
            client,
            daemon: Upstream::new(&guard.policy.host),
            buffers: relay::Buffers::default(),
            idle,
            asked: false,
        }
    }

    /// Serves calls until the client ends, or breaks the rules.
    pub(super) fn serve(mut self) {
        loop {
            self.client.waits(true);
            let Some(head) = self.head() else { break };
            self.client.waits(false);
            let next = match head {
                Ok(head) => self.call(&head),
                Err((denial, shown)) => {
                    // What comes behind it cannot be told from it.
                    self.refuse(&self.guard.refused(denial, &shown), false, true);
                    Next::End
                }
            };
            if next == Next::End {
                break;
            }
        }
    }

    /// The next head; `None` at the end of the connection. A refused one comes with how it is shown.
    fn head(&mut self) -> Option<Result<Head, (Denial, String)>> {
        // Whoever has come to ask something does it.
        let idle = if self.asked { self.idle } else { self.idle.map(|idle| idle.min(PATIENCE)) };
        let mut until = idle.map(deadline);
        let mut begun = false;
        loop {
            if !self.client.ahead.is_empty() {
                if !begun {
                    (begun, until) = (true, Some(deadline(PATIENCE)));
                }
                match Head::parse(self.client.ahead.data()) {
                    Ok(Some((head, length))) => {
                        self.client.ahead.consume(length);
                        self.asked = true;
                        return Some(Ok(head));
                    }
                    Err(denial) => return Some(Err((denial, first_line(self.client.ahead.data())))),
                    Ok(None) => {}
                }
            }
            match self.client.fill(until) {
                Ok(true) => {}
                Err(error) if begun && error.kind() == std::io::ErrorKind::TimedOut => {
                    let denial = slow("its head did not come whole in 30 seconds");
                    return Some(Err((denial, first_line(self.client.ahead.data()))));
                }
                Ok(false) | Err(_) => return None,
            }
        }
    }

    fn call(&mut self, head: &Head) -> Next {
        let shown = || format!("{} /{}", head.method.name(), head.target.path.join("/"));
        let refused = |guard: &Guard, denial| guard.refused(denial, &shown());
        let route = match Route::of(head) {
            Ok(route) => route,
            Err(denial) => {
                // As docker inspect asks of an image whether it is a container.
                let refusal = absent(head).map_or_else(|| refused(self.guard, denial), Refusal::Missing);
                return self.refuse_call(head, &refusal, false);
            }
        };
        let reading = if self.guard.is_archive(&route) { Reading::Whole(MOST_ARCHIVE) } else { route.reading() };
        let body = match self.body(head, reading) {
            Ok(body) => body,
            Err(Some(denial)) => return self.refuse_call(head, &refused(self.guard, denial), false),
            Err(None) => return Next::End,
        };
        let read = reading != Reading::Stream;
        let Some(place) = Place::take(body.len(), PATIENCE) else {
            return self.refuse_call(head, &Refusal::Busy, read);
        };
        let call = Call::of(route, &body).map(|call| match self.guard.via {
            Via::Argv(_) => (call.without_own_labels(), Claim::default()),
            Via::DialStdio => (call, Claim::default()),
            Via::Proxy => call.parted(),
        });
        let judged = match call {
            Ok((call, claim)) => self.guard.judge(&call, &claim, body),
            Err(denial) => Err(refused(self.guard, denial)),
        };
        drop(place);
        match judged {
            Ok(audited) => self.pass(head, audited),
            Err(refusal) => self.refuse_call(head, &refusal, read),
        }
    }

    /// The body that is judged; empty for one that is passed on. `None` where the client has gone.
    fn body(&mut self, head: &Head, reading: Reading) -> Result<Vec<u8>, Option<Denial>> {
        let Reading::Whole(most) = reading else { return Ok(Vec::new()) };
        if head.framing == head::Framing::None {
            return Ok(Vec::new());
        }
        let until = Some(deadline(PATIENCE));
        if head.expects_continue {
            self.client.write_all(CONTINUE, until).map_err(|_| None)?;
        }
        let mut body = Reframe::new(framing(head.framing), Framing::UntilEnd);
        let (mut piece, mut whole) = (Buffer::default(), Vec::new());
        loop {
            let malformed = || {
                let why = "its body is not framed as its head says";
                Some(Denial::new(Reason::BadRequest, "HTTP request", why, "use a stock client of Docker's"))
            };
            body.pass(&mut self.client.ahead, self.client.ended, &mut piece).map_err(|_| malformed())?;
            whole.extend_from_slice(piece.data());
            piece.consume(usize::MAX);
            if whole.len() > most {
                let why = format!("its body is longer than {} MiB", most >> 20);
                return Err(Some(Denial::new(Reason::BadRequest, "HTTP request", why, "send less")));
            }
            if body.is_finished() {
                return Ok(whole);
            }
            match self.client.fill(until) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    return Err(Some(slow("its body did not come whole in 30 seconds")));
                }
                Err(_) => return Err(None),
            }
        }
    }

    /// Passes a call on, and its answer back.
    fn pass(&mut self, head: &Head, audited: Audited<Passing>) -> Next {
        let Passing { forward, answer, output_only, scope, versions, makes } = audited.into_subject();
        let stream = forward.body == Payload::Stream;
        let until = Some(deadline(PATIENCE));
        if stream && head.expects_continue && self.client.write_all(CONTINUE, until).is_err() {
            return Next::End;
        }
        let mut daemon = match self.daemon.take() {
            Ok(daemon) => daemon,
            Err(error) => return self.refuse_call(head, &Refusal::Daemon(error), !stream),
        };
        // A daemon that does not take it whole may have answered; and if not, that is told where its answer is read.
        let _ = daemon.write_all(&sent(&forward, head), until);
        let from_client = if stream { framing(head.framing) } else { Framing::Length(0) };
        let mut body = Reframe::new(from_client, from_client);
        let mut response = Response::new(Asked {
            head: head.method == Method::Head,
            hijack: matches!(answer, Answer::Hijack | Answer::H2c),
            close: !head.keep_alive,
            keep: versions || makes.is_some() || scope.as_ref().is_some_and(|scope| !scope.is_of_lines()),
        });
        let scope = response.look_through(scope);
        let reads = matches!(head.method, Method::Get | Method::Head);
        let patience = (reads && answer == Answer::Plain).then_some(PATIENCE);
        match relay::exchange(&mut self.client, &mut daemon, &mut body, &mut response, patience, &mut self.buffers) {
            Ok(()) => {}
            Err(Broken::Daemon { error, begun: false }) => {
                return self.refuse_call(head, &Refusal::Daemon(error), !stream);
            }
            Err(Broken::Client) => {
                // What is made all the same is recorded; nothing else goes on without its client.
                if let Some(makes) = &makes
                    && let Some(kept) = rest(&mut daemon, &mut response)
                {
                    self.guard.record_made(makes, &kept);
                }
                return Next::End;
            }
            Err(Broken::Malformed | Broken::Daemon { .. }) => return Next::End,
        }
        if response.is_upgraded() {
            if answer == Answer::H2c {
                return self.mediate(&forward, daemon);
            }
            if output_only {
                self.client.ahead.consume(usize::MAX);
                relay::output(&mut self.client, &mut daemon);
            } else {
                relay::splice(&mut self.client, &mut daemon);
            }
            return Next::End;
        }
        if !body.is_finished() {
            self.linger();
            return Next::End;
        }
        if response.reusable {
            self.daemon.keep(daemon);
        }
        if let Some(kept) = response.take() {
            if let Some(makes) = &makes {
                self.guard.record_made(makes, &kept);
            }
            let body = match narrowed(kept, scope, versions) {
                Ok(body) => body,
                Err(refusal) => return self.refuse_call(head, &refusal, true),
            };
            let answer = [response.head_for(body.len()).into_bytes(), body].concat();
            if self.client.write_all(&answer, None).is_err() {
                return Next::End;
            }
        }
        if head.keep_alive { Next::Call } else { Next::End }
    }

    /// The connection is HTTP/2 from here on, for a build.
    fn mediate(&mut self, forward: &Forward, daemon: Wire) -> Next {
        let endpoint = if forward.target.ends_with("/session") { Endpoint::Session } else { Endpoint::Grpc };
        if let Ok(client) = self.client.take() {
            // A side that cannot be waited for has gone.
            let _ = build::serve(self.guard, endpoint, client, daemon);
        }
        Next::End
    }

    /// Tells why a call is not passed on. `read`: its body has been read.
    fn refuse_call(&mut self, head: &Head, refusal: &Refusal, read: bool) -> Next {
        let close = !head.keep_alive || !(read || head.framing == head::Framing::None);
        self.refuse(refusal, head.method == Method::Head, close);
        if close { Next::End } else { Next::Call }
    }

    fn refuse(&mut self, refusal: &Refusal, head: bool, close: bool) {
        let answer = refusal.answer(self.guard.audit.id(), head, close);
        if self.client.write_all(&answer, Some(deadline(PATIENCE))).is_ok() && close {
            self.linger();
        }
    }

    /// Ends the answers, and reads for a while what the client still sends: a socket that is closed with something
    /// unread takes the answer with it.
    fn linger(&mut self) {
        self.client.end_output();
        let until = Some(deadline(LINGER));
        loop {
            self.client.ahead.consume(usize::MAX);
            if !self.client.fill(until).unwrap_or(false) {
                return;
            }
        }
    }
}

/// The rest of an answer that is kept, when nobody is left to get it.
fn rest(daemon: &mut Wire, response: &mut Response) -> Option<Vec<u8>> {
    let until = Some(deadline(PATIENCE));
    let mut nobody = Buffer::default();
    loop {
        response.pass(&mut daemon.ahead, daemon.ended, &mut nobody).ok()?;
        nobody.consume(usize::MAX);
        if response.is_finished() {
            return response.take();
        }
        if !daemon.fill(until).ok()? {
            return None;
        }
    }
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What the client is given of an answer that was kept.
fn narrowed(kept: Vec<u8>, scope: Option<Scope>, versions: bool) -> Result<Vec<u8>, Refusal> {
    let _place = Place::take(kept.len(), PATIENCE).ok_or(Refusal::Busy)?;
    let whole = match scope {
        Some(scope) => scope.narrowed(&kept),
        None if versions => Some(version::narrowed(kept)),
        None => Some(kept),
    };
    whole.ok_or_else(|| Refusal::Daemon(std::io::ErrorKind::InvalidData.into()))
}

/// The request as it goes to the daemon, but for a body that is streamed.
fn sent(forward: &Forward, head: &Head) -> Vec<u8> {
    let mut bytes = forward.head(head.framing);
    if let Payload::Whole(body) = &forward.body {
        bytes.extend_from_slice(body);
    }
    bytes
}

fn framing(framing: head::Framing) -> Framing {
    match framing {
        head::Framing::None => Framing::Length(0),
        head::Framing::Length(length) => Framing::Length(length),
        head::Framing::Chunked => Framing::Chunked,
    }
}

fn deadline(after: Duration) -> Instant {
    Instant::now() + after
}

fn slow(why: &str) -> Denial {
    Denial::new(Reason::TooSlow, "HTTP request", why, "send it again")
}

/// How a head that was not understood is shown in the record: its first line, without what could be secret.
fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let line = line.split(|byte| *byte == b'?').next().unwrap_or_default();
    String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned()
}
