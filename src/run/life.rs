//! Life: waits for docker's end, for the far end of its standard output, and for signals, all at once. Acts: polls,
//! sends signals.
//!
//! sshd leaves a command running when its client is gone (measured with OpenSSH 9.2: `docker logs -f` of a quiet
//! container stays for ever), and the end of the gate's parent is not enough: a connection that carries other
//! sessions goes on when one of them ends. What always ends with the session is the far end of standard output.

use crate::audit::end::Cause;
use crate::exit::Outcome;
use crate::policy::settings::Settings;
use crate::policy::values::Mode;
use crate::run::child::{self, Child};
use crate::run::signals::{Signals, Told};
use crate::run::silence::Silence;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::{SFlag, fstat};
use std::io::Stdout;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long a program that was asked to end may take, before it is killed. Compose stops what it has in the
/// foreground, which is given 10 seconds.
const GRACE: Duration = Duration::from_secs(15);

/// The far end of this process's standard output.
#[derive(Debug)]
pub struct FarEnd {
    out: Option<Stdout>,
}

impl FarEnd {
    /// Of a pipe or a socket, which may have no reader left. A file has no far end, and a terminal's is told by a
    /// signal.
    ///
    /// # Errors
    /// When standard output cannot be looked at.
    pub fn of_stdout() -> Result<Self> {
        let out = std::io::stdout();
        let kind = SFlag::from_bits_truncate(fstat(&out).context("standard output")?.st_mode) & SFlag::S_IFMT;
        Ok(Self { out: matches!(kind, SFlag::S_IFIFO | SFlag::S_IFSOCK).then_some(out) })
    }

    /// Of nothing, where nobody is to be watched.
    pub fn none() -> Self {
        Self { out: None }
    }

    fn watched(&self) -> Option<PollFd<'_>> {
        // Without events asked for, only an error or the end of the reader is told (poll(2)).
        self.out.as_ref().map(|out| PollFd::new(out.as_fd(), PollFlags::empty()))
    }

    /// Whether nobody can read any more.
    pub fn has_gone(&self) -> bool {
        let Some(watched) = self.watched() else { return false };
        let mut watched = [watched];
        poll(&mut watched, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }
}

/// Where docker connects to while it runs.
pub trait Entrance: AsFd {
    /// Has whoever has come served by somebody else, without waiting.
    fn let_in(&self);
}

/// How docker is asked to end when its client is gone or its time is up.
///
/// docker itself passes SIGTERM on to a container in the foreground and waits, so it gets SIGKILL, and the daemon
/// sees the connection end. Compose and buildx run as plugins, whose parent docker is: they are told by SIGTERM,
/// and end by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    Kill,
    Ask,
}

impl Farewell {
    fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::SIGKILL,
            Self::Ask => Signal::SIGTERM,
        }
    }
}

/// How long docker may run, and how long without writing anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub duration: Option<Duration>,
    pub idle: Option<Duration>,
}

impl Times {
    /// As a policy has them; one that only observes ends nothing.
    pub fn of(settings: &Settings) -> Self {
        if settings.mode.value == Mode::Observe {
            return Self::default();
        }
        let [duration, idle] = [&settings.duration, &settings.idle].map(|set| set.value.map(Duration::from_secs));
        Self { duration, idle }
    }
}

/// docker's life, as the gate sees it.
#[derive(Debug)]
pub struct Life<'a> {
    signals: &'a Signals,
    far_end: FarEnd,
    farewell: Farewell,
    /// Why it ends, as far as is known.
    cause: Cause,
    kill_at: Option<Instant>,
    over_at: Option<Instant>,
    silence: Option<Silence>,
}

impl<'a> Life<'a> {
    /// A life that has just begun.
    pub fn new(signals: &'a Signals, far_end: FarEnd, farewell: Farewell, times: Times) -> Self {
        let over_at = times.duration.and_then(|duration| Instant::now().checked_add(duration));
        let silence = times.idle.map(Silence::new);
        Self { signals, far_end, farewell, cause: Cause::Itself, kill_at: None, over_at, silence }
    }

    /// Waits until docker has ended, and says how and why. All that it has left behind is killed.
    ///
    /// # Errors
    /// When it can no longer be waited for. docker is killed with the gate then.
    pub fn wait(mut self, docker: &Child, entrance: &impl Entrance) -> Result<(Outcome, Cause)> {
        loop {
            if let Some(outcome) = docker.ended()? {
                child::kill_rest()?;
                return Ok((outcome, self.cause));
            }
            if self.somebody_comes(entrance)? {
                entrance.let_in();
            }
            if self.far_end.has_gone() {
                self.take_leave(docker, Cause::ClientGone);
            }
            for told in self.signals.take()? {
                match told {
                    Told::ParentGone => self.take_leave(docker, Cause::ClientGone),
                    Told::Pass(signal) => {
                        self.because(Cause::Signal);
                        docker.signal(signal);
                    }
                }
            }
            self.look_at_the_clock(docker)?;
        }
    }

    fn look_at_the_clock(&mut self, docker: &Child) -> Result<()> {
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| at <= now) {
            docker.signal(Signal::SIGKILL);
            self.kill_at = None;
        }
        if self.over_at.is_some_and(|at| at <= now) {
            self.over_at = None;
            self.take_leave(docker, Cause::Duration);
        }
        if let Some(silence) = &mut self.silence
            && silence.is_too_long(now)?
        {
            self.silence = None;
            self.take_leave(docker, Cause::Idle);
        }
        Ok(())
    }

    /// Waits for anything at all, and says whether somebody is at the entrance.
    fn somebody_comes(&self, entrance: &impl Entrance) -> Result<bool> {
        let look = self.silence.as_ref().map(Silence::look_at);
        let next = [self.kill_at, self.over_at, look].into_iter().flatten().min();
        let waiting = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut watched = vec![waiting(entrance.as_fd()), waiting(self.signals.as_fd())];
        watched.extend(self.far_end.watched());
        match poll(&mut watched, timeout(next)) {
            Ok(_) | Err(Errno::EINTR) => Ok(watched.first().is_some_and(|entrance| entrance.any() == Some(true))),
            Err(error) => Err(error).context("waiting for docker"),
        }
    }

    /// Asks docker to end, once.
    fn take_leave(&mut self, docker: &Child, cause: Cause) {
        // It would be told again at once, for ever.
        self.far_end = FarEnd::none();
        if self.because(cause) {
            docker.signal(self.farewell.signal());
            self.kill_at = Instant::now().checked_add(GRACE);
        }
    }

    /// The first cause counts, but a signal that docker may have outlived.
    fn because(&mut self, cause: Cause) -> bool {
        let first = matches!(self.cause, Cause::Itself | Cause::Signal);
        if first {
            self.cause = cause;
        }
        first
    }
}

/// Until then, rounded up; for ever without.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else { return PollTimeout::NONE };
    let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
}
