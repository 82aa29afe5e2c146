//! Silence: for how long the client has been told nothing. Acts: watches the two streams, reads /proc.

use crate::run::child;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::time::{Duration, Instant};

/// The streams to the client, which docker has been given as they are.
const STREAMS: &[&str] = &["/proc/self/fd/1", "/proc/self/fd/2"];

/// For how long docker has written nothing to the client.
#[derive(Debug)]
pub(super) struct Silence {
    most: Duration,
    since: Instant,
    look_at: Instant,
    output: Output,
}

/// How it is seen that something was written.
#[derive(Debug)]
enum Output {
    /// The kernel tells, of these streams alone (inotify(7)).
    Told(Inotify),
    /// It does not, of somebody else's pipe: so many bytes docker and its children have written, to whatever.
    Counted(u64),
}

impl Silence {
    /// Of docker, which starts now.
    pub(super) fn new(most: Duration) -> Self {
        let now = Instant::now();
        Self { most, since: now, look_at: now, output: watch().map_or(Output::Counted(0), Output::Told) }
    }

    /// When to look next: a few times in the time that it may last.
    pub(super) fn look_at(&self) -> Instant {
        self.look_at
    }

    /// Looks when it is time to.
    ///
    /// # Errors
    /// When it can no longer be seen.
    pub(super) fn is_too_long(&mut self, now: Instant) -> Result<bool> {
        if now < self.look_at {
            return Ok(false);
        }
        let written = match &mut self.output {
            Output::Told(streams) => match streams.read_events() {
                Ok(events) => !events.is_empty(),
                Err(Errno::EAGAIN) => false,
                Err(error) => return Err(error).context("watching the client's streams"),
            },
            Output::Counted(before) => {
                let all = child::written()?;
                std::mem::replace(before, all) != all
            }
        };
        if written {
            self.since = now;
        }
        self.look_at = now + self.most / 8;
        Ok(now.saturating_duration_since(self.since) >= self.most)
    }
}

/// The same event once more is not queued again: however much is written, little is kept.
fn watch() -> nix::Result<Inotify> {
    let streams = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    STREAMS.iter().try_for_each(|stream| streams.add_watch(*stream, AddWatchFlags::IN_MODIFY).map(drop))?;
    Ok(streams)
}
