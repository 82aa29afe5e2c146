//! Child: a program of docker's that does not outlive the gate. Acts: fork(2), execve(2), kill(2).
//!
//! The kernel sends a process a signal when its parent ends, however that ends (`PR_SET_PDEATHSIG`, prctl(2)), but
//! only the process itself can ask for it, and a fork forgets it. So the child asks between fork and execve.
#![expect(clippy::disallowed_methods, reason = "the child ends here when it cannot become the program")]

use crate::exit::Outcome;
use anyhow::{Context, Result, bail, ensure};
use fork::{Fork, fork};
use nix::errno::Errno;
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, getppid, setpgid};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The exit code of a child that did not become its program. Nobody sees it.
const NOT_STARTED: i32 = 127;

/// To which process group the child belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// To the gate's: what a terminal sends to its foreground reaches both.
    Same,
    /// To its own: a signal to the gate's group reaches the gate alone, which passes it on once.
    Own,
}

/// Whose end is the child's, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    /// That of the thread that starts it. No other thread may be allocating then: between fork and execve the child
    /// allocates, and has the heap's lock as it stood.
    Starter,
    /// Nobody's, which is safe beside any thread: posix_spawn(3) allocates nothing in between.
    None,
}

/// A program that runs.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
}

impl Child {
    /// Starts `command`, and comes back when it has become its program.
    ///
    /// # Errors
    /// When there can be no further process, or the program cannot be started.
    pub fn start(mut command: Command, group: Group, bond: Bond) -> Result<Self> {
        if bond == Bond::None {
            if group == Group::Own {
                command.process_group(0);
            }
            let pid = command.spawn()?.id().cast_signed();
            return Ok(Self { pid: Pid::from_raw(pid) });
        }
        let parent = getpid();
        // Both ends close on execve: no failure is an empty one.
        let (mut told, tell) = std::io::pipe().context("pipe")?;
        let pid = match fork().context("fork")? {
            Fork::Child => exit(tell, &become_program(command, group, parent)),
            Fork::Parent(pid) => Pid::from_raw(pid),
        };
        drop(tell);
        let mut failure = String::new();
        told.read_to_string(&mut failure).context("waiting for the start")?;
        if failure.is_empty() {
            return Ok(Self { pid });
        }
        waitpid(pid, None).context("waitpid")?;
        bail!(failure)
    }

    /// Sends a signal to the program. One that has ended does not mind.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid, signal);
    }

    /// Kills the program and all of its group, which is its own.
    pub fn kill_group(&self) {
        let _ = killpg(self.pid, Signal::SIGKILL);
    }

    /// How it ended, if it has. Every other child that has ended is cleared away, too: see [`adopt`].
    ///
    /// # Errors
    /// When there is no such child: somebody else has waited for it.
    pub fn ended(&self) -> Result<Option<Outcome>> {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == self.pid => return Ok(Some(Outcome::Code(code))),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.pid => {
                    return Ok(Some(Outcome::Signal(signal)));
                }
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error).context("waiting for docker"),
            }
        }
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// As [`Child::ended`].
    pub fn wait(self) -> Result<Outcome> {
        loop {
            match waitpid(self.pid, None) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(Outcome::Code(code)),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(Outcome::Signal(signal)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error).context("waiting for a child"),
            }
        }
    }
}

/// Comes back only with a reason why the program was not started.
fn become_program(mut command: Command, group: Group, parent: Pid) -> anyhow::Error {
    let bound = || -> Result<()> {
        set_pdeathsig(Signal::SIGKILL).context("prctl(PR_SET_PDEATHSIG)")?;
        // It may have ended in between, and then no signal comes.
        ensure!(getppid() == parent, "the gate has ended");
        if group == Group::Own {
            setpgid(Pid::from_raw(0), Pid::from_raw(0)).context("setpgid")?;
        }
        // The program is not to inherit what the gate keeps from itself.
        SigSet::empty().thread_set_mask().context("unblocking signals")
    };
    bound().err().unwrap_or_else(|| command.exec().into())
}

fn exit(mut tell: std::io::PipeWriter, why: &anyhow::Error) -> ! {
    // A gate that has gone needs no reason.
    let _ = tell.write_all(format!("{why:#}").as_bytes());
    std::process::exit(NOT_STARTED)
}

/// From now on whatever a child starts and leaves behind becomes a child of this process.
///
/// # Errors
/// As prctl(2).
pub fn adopt() -> Result<()> {
    set_child_subreaper(true).context("prctl(PR_SET_CHILD_SUBREAPER)")
}

/// Kills all children of this process and, after [`adopt`], what they have left behind, also in process groups and
/// sessions of its own.
///
/// # Errors
/// When /proc cannot be read.
pub fn kill_rest() -> Result<()> {
    // What a killed process leaves behind becomes a child in its turn.
    while waitpid(None, Some(WaitPidFlag::WNOHANG)) != Err(Errno::ECHILD) {
        // One that runs as another user cannot be killed, and is not waited for.
        let killed = children()?.into_iter().filter(|pid| kill(*pid, Signal::SIGKILL).is_ok()).count();
        if killed == 0 || waitpid(None, None).is_err() {
            break;
        }
    }
    Ok(())
}

/// The children of this process.
fn children() -> Result<Vec<Pid>> {
    let own = getpid();
    Ok(processes()?.into_iter().filter(|(_, parent)| *parent == own).map(|(pid, _)| pid).collect())
}

/// All processes, each with its parent.
fn processes() -> Result<Vec<(Pid, Pid)>> {
    let entries = std::fs::read_dir("/proc").context("/proc")?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).map(Pid::from_raw);
    Ok(pids.filter_map(|pid| Some((pid, parent_of(pid)?))).collect())
}

/// What the children of this process, theirs and so on have written so far, in bytes (`wchar` in `/proc/PID/io`):
/// to whatever, for the kernel does not tell where to.
///
/// # Errors
/// When /proc cannot be read.
pub fn written() -> Result<u64> {
    let processes = processes()?;
    let mut family = vec![getpid()];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(processes.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    let wchar = |pid: &Pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse::<u64>().ok()
    };
    Ok(family.iter().skip(1).filter_map(wchar).sum())
}

/// From `/proc/PID/stat` (proc(5)): after the name in brackets, which may hold anything, state and parent.
fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(1)?.parse().ok().map(Pid::from_raw)
}
