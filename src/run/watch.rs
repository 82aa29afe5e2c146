//! Watch: ends docker when its connection has ended. Acts: starts a process, waits, sends a signal.
//!
//! sshd leaves a command running when its client is gone (measured with OpenSSH 9.2: `docker logs -f` of a quiet
//! container stays for ever), and a signal on the parent's death is not enough: between sshd and the gate stands
//! the login shell, where that is one that waits for its command (dash), and a connection that carries other
//! sessions goes on when one of them ends. What always ends with the session is the far end of standard output.
#![expect(clippy::disallowed_methods, reason = "the watching process is started and ended here")]

use crate::request::start::WATCH;
use anyhow::{Context, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Starts a process that sends `signal` to this one, and to what it becomes, when nobody reads its standard
/// output any more. That process ends with this one.
///
/// # Errors
/// When it cannot be started.
pub fn start(signal: Signal) -> Result<()> {
    let out = std::io::stdout().as_fd().try_clone_to_owned().context("standard output")?;
    let kind = std::fs::File::from(out.try_clone()?).metadata().context("standard output")?.file_type();
    if !kind.is_fifo() && !kind.is_socket() {
        // A file, or a terminal, whose end is told by a signal of its own.
        return Ok(());
    }
    let program = std::env::current_exe().context("this program's own path")?;
    let mut watch = Command::new(program);
    watch.arg0(WATCH).args([getpid().to_string(), signal.as_str().to_owned()]).env_clear();
    // Not waited for: docker has no use for its exit code, and the kernel ends it with docker.
    watch.stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).spawn().context("starting the watch")?;
    Ok(())
}

/// Watches standard output until it has no reader, then ends the parent.
///
/// # Errors
/// When the arguments are not those that [`start`] gives, or that process has ended.
pub fn watch(arguments: &[OsString]) -> Result<()> {
    let [parent, signal] = arguments else { anyhow::bail!("{WATCH} is started by dockgate itself") };
    let parent = Pid::from_raw(parent.to_str().and_then(|text| text.parse().ok()).context("a process id")?);
    let signal: Signal = signal.to_str().context("a signal")?.parse()?;
    set_pdeathsig(Signal::SIGKILL)?;
    ensure!(getppid() == parent, "the process to watch has ended");
    let out = std::io::stdout();
    let mut ends = [PollFd::new(out.as_fd(), PollFlags::empty())];
    // Without events asked for, only an error or the end of the reader is told (poll(2)).
    while poll(&mut ends, PollTimeout::NONE) == Err(nix::errno::Errno::EINTR) {}
    ensure!(getppid() == parent, "the process to watch has ended");
    kill(parent, signal).context("ending the process")
}
