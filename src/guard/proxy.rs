//! Proxy: the API on a socket for programs on this host; each connection has its own records. Acts.
#![expect(clippy::disallowed_methods, reason = "the threads that end connections in time are started here")]

use super::clock::{Activity, Clock};
use super::connection::Connection;
use super::listener::{self, Arrival, Door, IDLE, STACK, refuse};
use super::refusal::Refusal;
use super::wire::Wire;
use super::{Calls, Guard, Via};
use crate::api::labels::Ownership;
use crate::audit::end::{Cause, End};
use crate::audit::{Audit, fallback, sinks::Sinks};
use crate::decision::Understood;
use crate::denial::Denial;
use crate::exit::{Exit, Outcome};
use crate::policy::Policy;
use crate::policy::candidate::{Candidate, Opinion};
use crate::policy::set::Selected;
use crate::request::{Request, account};
use crate::run::life::Times;
use crate::world::{identity, policy_file};
use anyhow::{Context, Result};
use nix::sys::socket::{Shutdown, UnixCredentials, shutdown};
use nix::unistd::Uid;
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// The command in the record of a connection.
pub const COMMAND: &str = "proxy";

/// How long connections that are ended may take to have their ends recorded.
const PATIENCE: Duration = Duration::from_secs(5);

/// By which policy connections are served.
#[derive(Debug)]
pub struct Terms {
    /// The policy file; it is read anew for each connection, so that a change holds from the next one on.
    pub config: Option<PathBuf>,
    pub profile: Option<String>,
    /// The label for the records, and of what is made.
    pub key: Option<String>,
}

/// A proxy, and whom it is serving.
#[derive(Debug)]
pub struct Proxy {
    terms: Terms,
    served: Mutex<BTreeMap<u64, Served>>,
    /// Told whenever a connection has ended.
    fewer: Condvar,
    count: AtomicU64,
}

/// A connection that is being served.
#[derive(Debug)]
struct Served {
    client: OwnedFd,
    guard: Arc<Guard>,
    begun: Instant,
    /// Why it ends, as far as that is known.
    cause: Cause,
}

impl Proxy {
    /// A proxy that serves nobody yet.
    pub fn new(terms: Terms) -> Arc<Self> {
        let (served, fewer) = (Mutex::default(), Condvar::new());
        Arc::new(Self { terms, served, fewer, count: AtomicU64::new(0) })
    }

    /// Begins to serve whoever connects, until this process ends.
    ///
    /// # Errors
    /// When there can be no further thread.
    pub fn start(self: &Arc<Self>, socket: UnixListener) -> Result<()> {
        let proxy = Arc::clone(self);
        let door: Door = Arc::new(move |arrival| proxy.serve(arrival));
        listener::start(socket, door)
    }

    /// Ends all connections, and waits until that has been recorded of each.
    pub fn stop(&self) {
        let mut served = self.served();
        for connection in served.values_mut() {
            connection.cause = Cause::Signal;
            // One that has ended by itself is on its way out.
            let _ = shutdown(connection.client.as_raw_fd(), Shutdown::Both);
        }
        let waited = self.fewer.wait_timeout_while(served, PATIENCE, |served| !served.is_empty());
        let (mut served, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // Those whose daemon keeps them: their threads end with this process, and find themselves recorded.
        for connection in std::mem::take(&mut *served).values() {
            connection.record_end();
        }
    }

    fn served(&self) -> MutexGuard<'_, BTreeMap<u64, Served>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: &Arc<Self>, Arrival { client, peer, too_many }: Arrival) {
        let begun = Instant::now();
        let Ok(watched) = client.try_clone() else { return };
        let activity = Arc::new(Activity::default());
        let Ok(client) = Wire::of_socket(client).map(|client| client.watched(Arc::clone(&activity))) else { return };
        let id = identity::record_id();
        if too_many {
            return refuse(client, &Refusal::Busy, &id);
        }
        let guard = match self.admit(peer, id.clone()) {
            Ok(guard) => guard,
            Err(refusal) => return refuse(client, &refusal, &id),
        };
        let place = self.count.fetch_add(1, Ordering::Relaxed);
        let served = Served { client: watched, guard: Arc::clone(&guard), begun, cause: Cause::Itself };
        self.served().insert(place, served);
        let clock = Clock::new(Times::of(&guard.policy.settings), begun);
        // Dropped when the connection has been served.
        let (_serving, ended) = channel();
        let watch = || clock.is_none_or(|clock| self.watch(place, clock, activity, ended).is_ok());
        if watch() {
            Connection::new(&guard, client, Some(IDLE)).serve();
        }
        if let Some(connection) = self.served().remove(&place) {
            connection.record_end();
        }
        self.fewer.notify_all();
    }

    /// Ends a connection when its time is up, by a thread of its own.
    fn watch(
        self: &Arc<Self>,
        place: u64,
        mut clock: Clock,
        activity: Arc<Activity>,
        ended: Receiver<()>,
    ) -> Result<()> {
        let proxy = Arc::clone(self);
        let watch = move || {
            let mut wait = Duration::ZERO;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                match clock.look(Instant::now(), &activity) {
                    Ok(next) => wait = next,
                    Err(cause) => return proxy.end(place, cause),
                }
            }
        };
        Builder::new().stack_size(STACK).spawn(watch).context("a further thread")?;
        Ok(())
    }

    fn end(&self, place: u64, cause: Cause) {
        if let Some(connection) = self.served().get_mut(&place) {
            connection.cause = cause;
            let _ = shutdown(connection.client.as_raw_fd(), Shutdown::Both);
        }
    }

    /// The guard for a connection, once it has been recorded that it is served.
    fn admit(&self, peer: UnixCredentials, id: String) -> Result<Arc<Guard>, Refusal> {
        let number = Uid::from_raw(peer.uid());
        let known = identity::account_of(number);
        let unknown = known.as_ref().err().map(|error| account::unknown(number.as_raw(), &format!("{error:#}")));
        let (name, home) = known.unwrap_or_else(|_| identity::nameless(number));
        let request =
            Request { user: name.clone(), key: self.terms.key.clone(), peer: Some(peer.pid()), ..Request::default() };
        let Selected { policy, profile, because: _, denial } = match policy_file::load(self.terms.config.as_deref()) {
            Ok(set) => set.select(&request, self.terms.profile.as_deref()),
            Err(error) => return Err(self.broken(&request, &id, error)),
        };
        let candidate = policy_file::candidate(self.terms.config.as_deref());
        let named = self.terms.profile.as_deref();
        let candidate = candidate.map(|set| Candidate::of(set.as_ref(), &request, named, &policy));
        let sinks = Sinks::connect(&policy.audit).map_err(Refusal::Unrecorded)?;
        let audit = Audit::new(sinks, &request, &profile, id.clone()).under(&policy);
        admitted(&policy, candidate.as_ref(), unknown.or(denial), &audit)?;
        Ok(Arc::new(Guard {
            policy: policy.into(),
            candidate,
            home,
            via: Via::Proxy,
            audit: Arc::new(audit),
            owner: Ownership { key: self.terms.key.clone(), account: name, id },
            files: None,
            calls: Calls::default(),
        }))
    }

    /// Nothing is served with a broken policy.
    fn broken(&self, request: &Request, id: &str, error: anyhow::Error) -> Refusal {
        let Terms { config, profile, key: _ } = &self.terms;
        let profile = profile.as_deref().unwrap_or("default");
        let named = policy_file::audit_socket(config.as_deref());
        let recorded = fallback::policy_broken(named, request, profile, id, COMMAND);
        Refusal::Policy { error, recorded }
    }
}

/// Records whether a connection is served.
fn admitted(
    policy: &Policy,
    candidate: Option<&Candidate>,
    denial: Option<Denial>,
    audit: &Audit,
) -> Result<(), Refusal> {
    let said = candidate.map(|candidate| candidate.policy().map_or_else(|said| said, |_| Opinion::Allow));
    let understood = Understood::named(COMMAND).with_candidate(said);
    match denial {
        Some(denial) => {
            audit.deny(&denial, &understood).map_err(Refusal::Unrecorded)?;
            Err(Refusal::Denied(denial))
        }
        None => {
            let audited = audit.permit(policy.own(()), &understood).map_err(Refusal::Unrecorded)?;
            audited.into_subject();
            Ok(())
        }
    }
}

impl Served {
    fn record_end(&self) {
        let end = End {
            outcome: Outcome::Code(Exit::Success as i32),
            cause: self.cause,
            ran: self.begun.elapsed(),
            judged: Duration::ZERO,
            calls: self.guard.calls.counts(),
        };
        // Nobody is left to be told that it could not be recorded, but for whoever reads this program's own log.
        if let Err(error) = self.guard.audit.end(&end) {
            crate::answer::unended(&self.guard.audit, &error);
        }
    }
}
