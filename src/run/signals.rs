//! Signals: those that the gate takes for docker, while it waits. Acts: sets the signal mask, reads a signalfd(2).

use anyhow::{Context, Result};
use nix::libc::SI_KERNEL;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getppid};
use std::os::fd::{AsFd, BorrowedFd};

/// What is waited for. SIGTSTP and its like stop the gate as they stop docker, by a terminal; all others end the
/// gate, and docker with it.
const TAKEN: &[Signal] = &[
    Signal::SIGCHLD,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
];

/// The signals of this process, from when they are blocked.
#[derive(Debug)]
pub struct Signals {
    queue: SignalFd,
    /// sshd, or the shell between it and the gate.
    parent: Pid,
}

/// A signal, as far as it concerns docker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Somebody has sent it to the gate.
    Pass(Signal),
    /// The gate's parent has ended.
    ParentGone,
}

impl Signals {
    /// Blocks them in this thread and in those that it starts from now on.
    ///
    /// # Errors
    /// When the kernel has no descriptor for it.
    pub fn block(parent: Pid) -> Result<Self> {
        let mut set = SigSet::empty();
        TAKEN.iter().for_each(|signal| set.add(*signal));
        set.thread_block().context("blocking signals")?;
        let queue = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).context("signalfd")?;
        Ok(Self { queue, parent })
    }

    /// All that has come, in the order of the kernel.
    ///
    /// # Errors
    /// As read(2).
    pub fn take(&self) -> Result<Vec<Told>> {
        let mut told = Vec::new();
        while let Some(info) = self.queue.read_signal().context("reading signals")? {
            let by_terminal = info.ssi_code == SI_KERNEL;
            match Signal::try_from(info.ssi_signo.cast_signed()) {
                Ok(Signal::SIGCHLD) | Err(_) => {}
                // docker, in the foreground too, has got it itself.
                Ok(Signal::SIGINT | Signal::SIGQUIT) if by_terminal => {}
                // Asked for by `end_with_parent`.
                Ok(Signal::SIGTERM) if getppid() != self.parent => told.push(Told::ParentGone),
                Ok(signal) => told.push(Told::Pass(signal)),
            }
        }
        Ok(told)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// Has the kernel send SIGTERM to this process when its parent ends.
///
/// # Errors
/// When it has ended already.
pub fn end_with_parent(parent: Pid) -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM).context("asking to end with the connection")?;
    anyhow::ensure!(getppid() == parent, "the connection has ended");
    Ok(())
}

/// Dies of a signal, as docker has: so whoever waits for the gate sees the same. Comes back where the signal does
/// not end a process, or is ignored.
pub fn die_of(signal: Signal) {
    use nix::sys::resource::{Resource, setrlimit};
    // The core would be the gate's, and of no use.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let mut set = SigSet::empty();
    set.add(signal);
    let _ = set.thread_unblock();
    // The first one is taken by Rust's own handler, where the signal is that of an overflown stack.
    for _ in 0..2 {
        let _ = nix::sys::signal::raise(signal);
    }
}
