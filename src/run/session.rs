//! Session: how many requests of the account are served, and how many judged, at once. Acts: locks files.
#![expect(clippy::disallowed_methods, reason = "the places of sessions are taken here")]

use crate::run::exec;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A place among the sessions. The kernel frees it when this process has ended, and docker ends with it.
#[derive(Debug)]
pub struct Place {
    _lock: Flock<File>,
}

/// Takes one of `most` places of the account; of those of one key, where `key` is given. `None` when all are taken.
///
/// # Errors
/// When the account's state directory cannot be used.
pub fn enter(account: &str, key: Option<&str>, most: u64) -> Result<Option<Place>> {
    let directory = exec::state_directory(account)?;
    let whose = key.map_or_else(String::new, |key| format!("{}-", file_name(key)));
    take(&directory, &format!("session-{whose}"), most)
}

/// How many projects of the account Compose may be resolving at once, which takes up to 190 MiB for each without any
/// of its own.
pub const JUDGING: u64 = 4;

/// How many of them one key may have, so that another need not wait for it.
const JUDGING_FOR_ONE: u64 = JUDGING - 1;

/// How long one waits for such a place.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for one of the places in which Compose resolves a project, of the key's and of all. `None` where none becomes
/// free in time.
///
/// # Errors
/// As [`enter`].
pub fn judge(account: &str, key: &str, until: Instant) -> Result<Option<[Place; 2]>> {
    let directory = exec::state_directory(account)?;
    let until = Instant::now().checked_add(PATIENCE).map_or(until, |patience| patience.min(until));
    // In this order, so that nobody holds a place of all while waiting for one of the key's.
    let Some(own) = wait(&directory, &format!("judging-{}-", file_name(key)), JUDGING_FOR_ONE, until)? else {
        return Ok(None);
    };
    Ok(wait(&directory, "judging-", JUDGING, until)?.map(|place| [own, place]))
}

/// Takes a place as soon as there is one.
fn wait(directory: &Path, name: &str, most: u64, until: Instant) -> Result<Option<Place>> {
    loop {
        match take(directory, name, most)? {
            None if Instant::now() < until => sleep(Duration::from_millis(20)),
            taken => return Ok(taken),
        }
    }
}

/// Takes a place whose file begins with `name`.
fn take(directory: &Path, name: &str, most: u64) -> Result<Option<Place>> {
    for number in 0..most {
        let path = directory.join(format!("{name}{number}"));
        let about = || format!("session {}", path.display());
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow());
        let file = options.open(&path).with_context(about)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Some(Place { _lock: lock })),
            Err((_, Errno::EWOULDBLOCK)) => {}
            Err((_, error)) => return Err(error).with_context(about),
        }
    }
    Ok(None)
}

/// A key's label, in letters that a file's name can have; a long one by its beginning.
fn file_name(key: &str) -> String {
    key.bytes().take(100).map(|byte| format!("{byte:02x}")).collect()
}

/// The gate makes these files itself, so a symbolic link in their place is somebody's trick, and is not followed.
fn no_follow() -> i32 {
    nix::fcntl::OFlag::O_NOFOLLOW.bits()
}
