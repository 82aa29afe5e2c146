//! Output: what a program prints that the gate starts to learn something. Acts: starts it, reads, kills it.

use crate::exit::Outcome;
use crate::run::child::{Bond, Child, Group};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{PipeReader, Read, Seek};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Of what it says on standard error, not more than this is kept, in bytes.
const MAX_ERRORS: u64 = 1024 * 1024;

/// What a program has said.
#[derive(Debug)]
pub struct Said {
    pub outcome: Outcome,
    /// On standard output.
    pub text: String,
    /// On standard error; what is not UTF-8 is replaced.
    pub errors: String,
}

/// A program that has been started, and what it says meanwhile.
#[derive(Debug)]
pub struct Speaker {
    child: Child,
    out: PipeReader,
    errors: File,
}

/// Starts `command` without standard input, in a process group of its own. By its bond it does not outlive the calling
/// thread.
///
/// # Errors
/// When it cannot be started.
pub fn start(mut command: Command, bond: Bond) -> Result<Speaker> {
    let (out, theirs) = std::io::pipe().context("pipe")?;
    let errors = File::from(memfd_create(c"errors", MFdFlags::MFD_CLOEXEC).context("memfd_create")?);
    command.stdin(Stdio::null()).stdout(theirs).stderr(errors.try_clone()?);
    Ok(Speaker { child: Child::start(command, Group::Own, bond)?, out, errors })
}

impl Speaker {
    /// Listens until it ends.
    ///
    /// # Errors
    /// When it prints more than `most` bytes or something that is not UTF-8, or goes on after `until`; it is killed
    /// then, with its process group.
    pub fn said(self, most: u64, until: Instant) -> Result<Said> {
        let Self { child, out, mut errors } = self;
        let text = read(out, most, until).inspect_err(|_| child.kill_group());
        let outcome = child.wait();
        let text = String::from_utf8(text?).context("it printed something that is not UTF-8")?;
        errors.rewind()?;
        let mut said = Vec::new();
        errors.take(MAX_ERRORS).read_to_end(&mut said)?;
        Ok(Said { outcome: outcome?, text, errors: String::from_utf8_lossy(&said).into_owned() })
    }
}

fn read(mut out: PipeReader, most: u64, until: Instant) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(out.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => bail!("it did not end in time"),
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error).context("waiting for what it prints"),
        }
        let count = out.read(&mut piece).context("reading what it prints")?;
        text.extend_from_slice(piece.get(..count).unwrap_or_default());
        if count == 0 {
            return Ok(text);
        }
        if text.len() as u64 > most {
            bail!("it printed more than {most} bytes");
        }
    }
}
