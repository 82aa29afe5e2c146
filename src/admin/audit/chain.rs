//! `dockgate audit chain` and `seal`: appends records to a chained file. Acts: reads standard input, writes the file.
#![expect(clippy::disallowed_methods, reason = "the chained file is kept here")]

use crate::audit::chain::Head;
use crate::audit::read::source::{Lines, Source};
use anyhow::{Context, Result, ensure};
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// When what was appended counts as kept, and who is told.
#[derive(Clone, Copy, Debug)]
pub struct Care {
    /// After each line, wait until the disk has it.
    pub sync: bool,
    /// Say `OK` on standard output then: rsyslog's omprog waits for that (`confirmMessages="on"`).
    pub confirm: bool,
}

/// Appends each line of standard input to the chain in `path`. A file that was rotated away is followed by a new one,
/// which goes on with the same chain.
///
/// # Errors
/// When the file cannot be read or written, or somebody else writes it.
pub fn append(path: &Path, care: Care) -> Result<()> {
    let about = || path.display().to_string();
    let mut file = open(path)?;
    let mut head = head(path)?;
    let mut out = io::stdout().lock();
    let confirm = |out: &mut io::StdoutLock<'_>| -> Result<()> {
        if care.confirm {
            writeln!(out, "OK")?;
            out.flush()?;
        }
        Ok(())
    };
    // omprog waits for a first one, too.
    confirm(&mut out)?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        line.pop_if(|byte| *byte == b'\n');
        if is_elsewhere(&file, path) {
            file = open(path)?;
        }
        let (linked, next) = head.extend(&String::from_utf8_lossy(&line));
        // One write, so that the file never ends within a line because of a signal.
        write_whole(&file, format!("{linked}\n").as_bytes()).with_context(about)?;
        if care.sync {
            file.sync_data().with_context(about)?;
        }
        head = next;
        confirm(&mut out)?;
        line.clear();
    }
    Ok(())
}

/// All of a line, or nothing: on a full disk half of it would stand before the one that is tried again.
fn write_whole(mut file: &File, line: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(line).inspect_err(|_| {
        // What cannot be taken back is found by whoever opens the file again.
        let _ = file.set_len(before);
    })
}

/// The seal of a chain as it is now.
///
/// # Errors
/// When the file cannot be read, or holds no chain.
pub fn seal(path: &Path) -> Result<String> {
    let head = head(path)?;
    ensure!(head != Head::NONE, "{}: there is no chain in it", path.display());
    Ok(head.seal())
}

/// Opened for appending, and held: two writers would make two chains.
fn open(path: &Path) -> Result<Flock<File>> {
    let about = || path.display().to_string();
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path).with_context(about)?;
    let file = Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|(_, error)| error)
        .with_context(|| format!("{}: another dockgate writes it", path.display()))?;
    end_line(&file).with_context(about)?;
    Ok(file)
}

/// Ends a line that was cut off when the host went down, so that it does not swallow the next one.
fn end_line(mut file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if let Some(at) = length.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    if last == [b'\n'] { Ok(()) } else { file.write_all(b"\n") }
}

fn is_elsewhere(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), path.metadata()) else { return true };
    (open.dev(), open.ino()) != (there.dev(), there.ino())
}

/// Where the chain has come to: by the last line of the file, or of the one that was rotated away before it.
fn head(path: &Path) -> Result<Head> {
    let mut newest = Source::with_rotated(path)?;
    while let Some(source) = newest.pop() {
        let (mut lines, mut line, mut last) = (Lines::of(vec![source]), Vec::new(), None);
        while lines.next_into(&mut line)? {
            // One that was cut off within its own link is none.
            last = Head::after(&line).or(last);
        }
        if let Some(head) = last {
            return Ok(head);
        }
    }
    Ok(Head::NONE)
}
