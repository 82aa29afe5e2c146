//! Conversation: the calls of one `/grpc` connection, in the order in which they come. Pure.
//!
//! What a call may be about depends on those before it: a build is gone on with, handed back and read about by who
//! began it.

use super::attributes::{operation, refused};
use super::messages;
use super::messages::{history, solve, update_history};
use super::protobuf::{Message, Table};
use super::records;
use super::result;
use super::solve as judged;
use super::stamp::Stamp;
use crate::demand::{Demand, Want};
use crate::denial::{Denial, Reason};
use std::collections::BTreeSet;

/// How a method's request is dealt with.
enum Request {
    /// It is read by the table and written anew.
    Read(&'static Table, Ask),
    /// It says nothing to the daemon that has an effect, and is passed on as it is.
    Unread,
}

/// What a request that was read asks for.
#[derive(Clone, Copy)]
enum Ask {
    Nothing,
    Opens,
    Builds,
    Returns,
    Operation(&'static str),
    History,
    ChangesHistory,
    Content,
    ContentInfo,
}

/// Every method that a client may call.
const METHODS: &[(&str, Request)] = &[
    ("/containerd.services.content.v1.Content/Info", Request::Read(&messages::CONTENT_INFO, Ask::ContentInfo)),
    ("/containerd.services.content.v1.Content/Read", Request::Read(&messages::CONTENT_READ, Ask::Content)),
    ("/grpc.health.v1.Health/Check", Request::Unread),
    ("/moby.buildkit.v1.Control/DiskUsage", Request::Read(&messages::DISK_USAGE, Ask::Operation("buildx du"))),
    ("/moby.buildkit.v1.Control/Info", Request::Read(&messages::EMPTY, Ask::Nothing)),
    ("/moby.buildkit.v1.Control/ListWorkers", Request::Read(&messages::FILTER, Ask::Nothing)),
    ("/moby.buildkit.v1.Control/ListenBuildHistory", Request::Read(&messages::HISTORY, Ask::History)),
    ("/moby.buildkit.v1.Control/Prune", Request::Read(&messages::PRUNE, Ask::Operation("builder prune"))),
    ("/moby.buildkit.v1.Control/Solve", Request::Read(&messages::SOLVE, Ask::Opens)),
    // By a build's id, which is a secret of whoever began it.
    ("/moby.buildkit.v1.Control/Status", Request::Read(&messages::STATUS, Ask::Nothing)),
    ("/moby.buildkit.v1.Control/UpdateBuildHistory", Request::Read(&messages::UPDATE_HISTORY, Ask::ChangesHistory)),
    ("/moby.buildkit.v1.frontend.LLBBridge/Ping", Request::Read(&messages::EMPTY, Ask::Nothing)),
    ("/moby.buildkit.v1.frontend.LLBBridge/Return", Request::Read(&messages::RETURN, Ask::Returns)),
    ("/moby.buildkit.v1.frontend.LLBBridge/Solve", Request::Read(&messages::BRIDGE_SOLVE, Ask::Builds)),
    ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", Request::Unread),
];

/// The id that a client asks for to see whether the daemon keeps records of builds (buildx 0.29).
const PROBED_RECORD: &str = "buildx-test-history-api-feature";

/// How many builds, and digests of their records, one connection may know.
const MOST: usize = 4096;

/// What one connection has done so far.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The builds that it began.
    builds: BTreeSet<String>,
    /// What the records of builds that it was shown consist of.
    records: BTreeSet<String>,
    /// The images that those builds made: their sizes may be asked for, and not what is in them.
    results: BTreeSet<String>,
}

/// A call that was understood: what it asks for.
#[derive(Debug)]
pub struct Call {
    pub method: &'static str,
    pub demands: Vec<Demand>,
    /// Whether something is different afterwards, so that it has a record of its own.
    pub changes: bool,
    message: Option<Message>,
    opens: bool,
}

impl Conversation {
    /// Reads a call: its method and the build that its headers name, and its one message.
    ///
    /// # Errors
    /// What this gate does not know or never passes on.
    pub fn read(&self, method: &str, build: Option<&str>, bytes: &[u8]) -> Result<Call, Denial> {
        let Some((method, request)) = METHODS.iter().find(|(name, _)| *name == method) else {
            return Err(Denial::new(
                Reason::UnknownCall,
                format!("docker build: {method}"),
                "not a call of BuildKit's that this gate knows",
                HINT,
            ));
        };
        let mut call = Call { method, demands: Vec::new(), changes: false, message: None, opens: false };
        let Request::Read(table, ask) = request else { return Ok(call) };
        let message = Message::read(table, bytes).map_err(malformed)?;
        let mut demand = |want: Vec<Want>| {
            call.demands.extend(want.into_iter().map(|want| Demand::new(want, short(method))));
        };
        match ask {
            Ask::Nothing => {}
            Ask::Operation(name) => {
                demand(operation(name));
                call.changes = *name == "builder prune";
            }
            Ask::History if self.may_see_record(message.text(history::REF)) => {}
            Ask::History if message.text(history::REF).is_empty() => demand(operation("buildx history ls")),
            Ask::History => demand(operation("buildx history inspect")),
            Ask::ChangesHistory if message.number(update_history::PINNED) != 0 => {
                return Err(refused("Pinned", "a record would be kept for ever"));
            }
            Ask::ChangesHistory if message.number(update_history::DELETE) != 0 => {
                demand(operation("buildx history rm"));
                call.changes = true;
            }
            Ask::ChangesHistory => demand(operation("buildx history inspect")),
            Ask::Content if self.records.contains(message.text(messages::DIGEST)) => {}
            Ask::ContentInfo if self.has_shown(message.text(messages::DIGEST)) => {}
            Ask::Content | Ask::ContentInfo => demand(operation("buildx history inspect attachment")),
            Ask::Opens => {
                call.demands = judged::opened(&message)?;
                call.changes = !call.demands.is_empty();
                call.opens = true;
            }
            Ask::Builds => {
                self.own(build)?;
                call.demands = judged::built(&message)?;
                call.changes = true;
            }
            Ask::Returns => self.own(build)?,
        }
        call.message = Some(message);
        Ok(call)
    }

    /// Takes note of a call that may pass, and writes its message anew; `None` where it is passed on as it came.
    ///
    /// # Errors
    /// A result that cannot be stamped, or more builds than one connection may begin.
    pub fn pass(&mut self, call: Call, stamp: &Stamp) -> Result<Option<Vec<u8>>, Denial> {
        let Some(mut message) = call.message else { return Ok(None) };
        if call.opens {
            if self.builds.len() >= MOST {
                return Err(refused("Ref", "one connection has begun too many builds"));
            }
            self.builds.insert(message.text(solve::REF).to_owned());
            if let Some(policy) = stamp.source_policy() {
                message.set(solve::SOURCE_POLICY, policy);
            }
        }
        if call.method.ends_with("/Return") {
            message = result::stamped(message, stamp)?;
        }
        Ok(Some(message.to_bytes()))
    }

    /// Takes note of what a record that the daemon shows consists of.
    pub fn shown(&mut self, event: &[u8]) {
        for (known, digests) in
            [(&mut self.records, records::digests(event)), (&mut self.results, records::results(event))]
        {
            let room = MOST.saturating_sub(known.len());
            known.extend(digests.into_iter().take(room));
        }
    }

    fn has_shown(&self, digest: &str) -> bool {
        self.records.contains(digest) || self.results.contains(digest)
    }

    fn may_see_record(&self, build: &str) -> bool {
        self.builds.contains(build) || build == PROBED_RECORD
    }

    /// A build is gone on with by the connection that opened it.
    fn own(&self, build: Option<&str>) -> Result<(), Denial> {
        match build {
            Some(build) if self.builds.contains(build) => Ok(()),
            _ => Err(refused("the build", "this connection has not begun it")),
        }
    }
}

impl Call {
    /// Whether the answers tell what records consist of.
    pub fn shows_records(&self) -> bool {
        self.method.ends_with("/ListenBuildHistory")
    }

    /// Whether the request is passed on as it comes.
    pub fn is_unread(&self) -> bool {
        self.message.is_none()
    }
}

/// The method without its package.
pub fn short(method: &str) -> &str {
    let service = method
        .rfind('/')
        .map_or(0, |slash| method.get(..slash).and_then(|path| path.rfind('.')).map_or(0, |dot| dot + 1));
    method.get(service..).unwrap_or(method)
}

fn malformed(why: String) -> Denial {
    Denial::new(Reason::BadRequest, "docker build: a BuildKit message", why, HINT)
}

const HINT: &str = "build with docker build, docker buildx build or docker compose build";

#[cfg(test)]
mod tests {
    use super::super::protobuf::Value;
    use super::*;

    #[test]
    fn methods_are_sorted() {
        assert!(METHODS.is_sorted_by_key(|(name, _)| *name));
        assert_eq!(short("/moby.buildkit.v1.Control/Solve"), "Control/Solve");
        assert_eq!(short("nonsense"), "nonsense");
    }

    /// A message that only has the fields given.
    fn message(fields: &[(u32, Value)]) -> Vec<u8> {
        let mut message = Message::default();
        for (number, value) in fields {
            message.set(*number, value.clone());
        }
        message.to_bytes()
    }
    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_build_is_gone_on_with_by_who_began_it() {
        let mut conversation = Conversation::default();
        let path = |name: &str| format!("/moby.buildkit.v1.{name}");
        let frontend = message(&[(2, text("dockerfile.v0"))]);
        let goes_on = |conversation: &Conversation, build| {
            conversation.read(&path("frontend.LLBBridge/Solve"), build, &frontend).map(|call| call.changes)
        };
        assert!(goes_on(&conversation, Some("b1")).is_err());
        let opening = conversation.read(&path("Control/Solve"), None, &message(&[(solve::REF, text("b1"))])).unwrap();
        assert!(opening.changes);
        conversation.pass(opening, &Stamp::default()).unwrap();
        assert_eq!(goes_on(&conversation, Some("b1")), Ok(true));
        assert!(goes_on(&conversation, Some("b2")).is_err());
        assert!(goes_on(&conversation, None).is_err());
    }
}
