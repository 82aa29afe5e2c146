//! Guard: HTTP between a client and the daemon, each call judged and recorded before it is passed on. Acts.
//!
//! ```text
//! client ─▶ Head ─▶ Route ─(body)─▶ Call ─▶ [Demand] ─▶ Verdict ─▶ record ─▶ Audited ─▶ daemon
//!    ◀───────────────── answer or stream, as it comes, in bounded memory ──────────────────┘
//! ```
//!
//! A connection is served by one thread, which waits for both of its ends at once ([`relay`]). That costs a
//! connection's two buffers and a small stack, and no runtime: each ssh session is a process of its own.

use crate::api::labels::Ownership;
use crate::audit::Audit;
use crate::audit::end::Counts;
use crate::policy::Policy;
use crate::policy::candidate::Candidate;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

mod archive;
mod buffer;
mod build;
mod clock;
mod connection;
pub mod dial_stdio;
mod framing;
mod joined;
pub mod judge;
mod lines;
pub mod listener;
mod objects;
mod places;
pub mod proxy;
mod refusal;
mod relay;
mod response;
mod scope;
mod terminal;
mod told;
mod upstream;
mod version;
mod wire;

/// By which way calls come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// From the docker that was started for a command; docker's own words for that: `run`, `compose up`.
    Argv(String),
    /// From a docker on the far side, whose `ssh` asks for `docker system dial-stdio`.
    DialStdio,
    /// From a program on this host, through the socket of `dockgate proxy`.
    Proxy,
}

impl Via {
    /// All words.
    pub const WORDS: &[&str] = &["argv", "dial-stdio", "proxy"];

    /// The word in the record.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Argv(_) => "argv",
            Self::DialStdio => "dial-stdio",
            Self::Proxy => "proxy",
        }
    }
}

/// Whose calls are judged, and by what.
#[derive(Debug)]
pub struct Guard {
    pub policy: Arc<Policy>,
    /// A policy that is only judged beside it, for the record.
    pub candidate: Option<Candidate>,
    pub home: PathBuf,
    pub via: Via,
    pub audit: Arc<Audit>,
    /// The labels of what the calls make.
    pub owner: Ownership,
    /// The files of the Compose project that is being run; what Compose was given for them has other names.
    pub files: Option<String>,
    pub calls: Calls,
}

/// What calls were judged.
#[derive(Debug, Default)]
pub struct Calls {
    made: AtomicU64,
    refused: AtomicU64,
    looked: Mutex<BTreeSet<String>>,
}

impl Calls {
    fn count(&self, refused: bool) {
        let counter = if refused { &self.refused } else { &self.made };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers a call that only reads by the command that it is.
    fn look(&self, operation: &str) {
        if let Ok(mut looked) = self.looked.lock()
            && !operation.is_empty()
            && !looked.contains(operation)
        {
            looked.insert(operation.to_owned());
        }
    }

    /// How many there were, for the record of the end.
    pub fn counts(&self) -> Counts {
        let looked = self.looked.lock().map(|looked| looked.iter().cloned().collect()).unwrap_or_default();
        Counts { made: self.made.load(Ordering::Relaxed), refused: self.refused.load(Ordering::Relaxed), looked }
    }
}
