//! Identity: who is at the other end, as sshd proves it. Acts: reads the account and sshd's file.
#![expect(clippy::disallowed_methods, reason = "sshd's file of accepted methods is read here")]

use super::accounts::{self, Key};
use crate::keys::proof::Proof;
use anyhow::{Context, Result};
use nix::unistd::Uid;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The name and home of the account that this process runs as.
///
/// # Errors
/// When nobody says who that is. Of an account whose home is not known, it is not known which files are its own
/// configuration.
pub fn account() -> Result<(String, PathBuf)> {
    let user = accounts::user(Key::Id(Uid::current().as_raw()))?.context("this host has no such account")?;
    Ok((user.name, user.home))
}

/// The name and home of an account of this host or of a container's, which has a number alone.
///
/// # Errors
/// When the name services cannot be asked: under its number an account would have other limits than under its name.
pub fn account_of(uid: Uid) -> Result<(String, PathBuf)> {
    let user = accounts::user(Key::Id(uid.as_raw()))?;
    Ok(user.map_or_else(|| nameless(uid), |user| (user.name, user.home)))
}

/// An account of which nobody says more than its number.
pub fn nameless(uid: Uid) -> (String, PathBuf) {
    (uid.to_string(), PathBuf::from("/"))
}

/// The key that sshd accepted, from the file that it names in `SSH_USER_AUTH`
/// (sshd_config(5), `ExposeAuthInfo`): lines of `publickey TYPE BASE64`.
///
/// sshd sets the variable only where `ExposeAuthInfo` is on; elsewhere a client that `AcceptEnv` permits
/// could. So the file must be what sshd makes: `/tmp/sshauth.*`, this account's, mode 0600, one link.
pub fn proof(file: &Path) -> Option<Proof> {
    let name = file.strip_prefix("/tmp").ok()?.to_str()?;
    if !name.starts_with("sshauth.") || name.contains('/') {
        return None;
    }
    let opened = File::open(file).ok()?;
    let metadata = opened.metadata().ok()?;
    let sound = metadata.is_file()
        && metadata.uid() == Uid::current().as_raw()
        && metadata.mode() & 0o777 == 0o600
        && metadata.nlink() == 1;
    let mut text = String::new();
    opened.take(64 * 1024).read_to_string(&mut text).ok()?;
    sound.then(|| proof_in(&text)).flatten()
}

/// The last key in the file: with more than one method required, that is the one that let the client in.
fn proof_in(text: &str) -> Option<Proof> {
    Proof::of(text.lines().rev().find_map(|line| line.strip_prefix("publickey "))?)
}

/// An id for the records of one request: time and process, unique on this host.
pub fn record_id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    // A process that serves many asks for several within a microsecond.
    let before = LAST.fetch_update(SeqCst, SeqCst, |last| Some(now.max(last.saturating_add(1))));
    let (Ok(last) | Err(last)) = before;
    format!("{:x}-{:x}", now.max(last.saturating_add(1)), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::{proof_in, record_id};

    #[test]
    fn no_two_ids_are_the_same() {
        let ids: std::collections::BTreeSet<_> = (0..10_000).map(|_| record_id()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn the_last_key_counts() {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        assert!(proof_in(&format!("password\npublickey ssh-ed25519 {key}\n")).is_some());
        assert_eq!(proof_in("password\n"), None);
        assert_eq!(proof_in("publickey ssh-ed25519 ***\n"), None);
    }
}
