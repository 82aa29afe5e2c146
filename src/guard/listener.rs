//! Listener: a Unix socket on which the guard serves. Acts: binds, accepts, starts a thread a connection.
#![expect(clippy::disallowed_methods, reason = "the threads of connections are started here")]

use super::Guard;
use super::connection::Connection;
use super::refusal::Refusal;
use super::wire::Wire;
use crate::run::life::Entrance;
use anyhow::{Context, Result};
use nix::sys::socket::{UnixCredentials, getsockopt, sockopt};
use nix::unistd::Uid;
use std::collections::BTreeMap;
use std::fs::{Permissions, remove_file, set_permissions};
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Stack of a connection's thread, in bytes: readers of JSON go as deep as its nesting, which they limit.
pub(super) const STACK: usize = 1024 * 1024;

/// The most connections at once. A build has eleven.
const MOST: usize = 256;

/// The most of one account where several may connect, so that there are places for the others.
const SHARE: usize = 224;

/// How long a connection may wait for its next call.
pub(super) const IDLE: Duration = Duration::from_secs(600);

/// A socket that one command's docker is given, and its name in the file system for as long as this lives.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The directory is the account's own, and is cleared when the next one is made.
        let _ = remove_file(&self.path);
    }
}

impl Listener {
    /// Binds a socket that nobody but this account can use, in a directory of its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn bind(directory: &Path, id: &str) -> Result<Self> {
        clear(directory);
        let path = directory.join(format!("{PREFIX}{id}"));
        let about = || format!("socket {}", path.display());
        let socket = UnixListener::bind(&path).with_context(about)?;
        let listener = Self { socket, path: path.clone() };
        set_permissions(&path, Permissions::from_mode(0o600)).with_context(about)?;
        Ok(listener)
    }

    /// What `DOCKER_HOST` is for it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// What serves whoever is of this account, as whoever waits for docker lets them in: that costs no thread where
    /// nobody comes.
    ///
    /// # Errors
    /// When there can be no further descriptor.
    pub fn porter(&self, guard: Arc<Guard>) -> Result<Porter> {
        let socket = self.socket.try_clone().context("a further descriptor")?;
        socket.set_nonblocking(true).context("the guard's socket")?;
        let own = Uid::current();
        let door = move |Arrival { client, peer, too_many }: Arrival| {
            if peer.uid() == own.as_raw() {
                serve(&guard, client, too_many);
            }
        };
        Ok(Porter::new(socket, Arc::new(door), MOST))
    }
}

const PREFIX: &str = "guard-";

/// Removes what was left by gates that were killed.
fn clear(directory: &Path) {
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        // Between bind(2) and listen(2) a living one looks dead.
        let old = || {
            entry
                .metadata()
                .and_then(|found| found.modified())
                .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > OLD))
        };
        let dead = || old() && UnixStream::connect(entry.path()).is_err_and(|error| error.kind() == REFUSED);
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) && dead() {
            let _ = remove_file(entry.path());
        }
    }
}

/// A socket that was made longer ago than this is listened on, or dead.
const OLD: Duration = Duration::from_secs(60);

const REFUSED: ErrorKind = ErrorKind::ConnectionRefused;

/// Somebody who has connected.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) client: OwnedFd,
    /// As the kernel says who has connected.
    pub(super) peer: UnixCredentials,
    /// There is no place for it.
    pub(super) too_many: bool,
}

/// What serves a connection, in a thread of its own.
pub(super) type Door = Arc<dyn Fn(Arrival) + Send + Sync>;

/// Begins to hand each connection to the door, until this process ends.
///
/// # Errors
/// When there can be no further thread.
pub(super) fn start(socket: UnixListener, door: Door) -> Result<()> {
    let porter = Porter::new(socket, door, SHARE);
    let accept = move || {
        loop {
            porter.let_in();
        }
    };
    Builder::new().stack_size(STACK).spawn(accept).context("a further thread")?;
    Ok(())
}

/// Hands connections to the door, each in a thread of its own.
pub struct Porter {
    socket: UnixListener,
    door: Door,
    places: Arc<Places>,
}

impl std::fmt::Debug for Porter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Porter").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Porter {
    /// `share` is the most connections of one account.
    fn new(socket: UnixListener, door: Door, share: usize) -> Self {
        Self { socket, door, places: Arc::new(Places { share, taken: Mutex::default() }) }
    }
}

impl AsFd for Porter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Entrance for Porter {
    fn let_in(&self) {
        let client: OwnedFd = match self.socket.accept() {
            Ok((client, _)) => client.into(),
            // Whoever knocked has gone.
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => {
                // Out of descriptors or memory: those that are served give some back.
                std::thread::sleep(Duration::from_millis(50));
                return;
            }
        };
        let Ok(peer) = getsockopt(&client, sockopt::PeerCredentials) else { return };
        let (place, too_many) = self.places.take(peer.uid());
        let door = Arc::clone(&self.door);
        let _ = Builder::new().stack_size(STACK).spawn(move || {
            let _place = place;
            door(Arrival { client, peer, too_many });
        });
    }
}

/// The connections at once, by the accounts that have them.
struct Places {
    share: usize,
    taken: Mutex<BTreeMap<u32, usize>>,
}

impl Places {
    /// A place for an account, and whether that is one more than there are for it. Whoever is told so has it, too, until
    /// he has been told.
    fn take(self: &Arc<Self>, account: u32) -> (Place, bool) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.entry(account).or_default();
        let too_many = all >= MOST || *own >= self.share;
        *own += 1;
        (Place { of: Arc::clone(self), account }, too_many)
    }
}

/// A place among the connections at once, until it is dropped.
struct Place {
    of: Arc<Places>,
    account: u32,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(&self.account).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            taken.remove(&self.account);
        } else {
            taken.insert(self.account, left);
        }
    }
}

/// Serves a client's calls, until it ends.
pub(super) fn serve(guard: &Arc<Guard>, client: OwnedFd, too_many: bool) {
    let Ok(client) = Wire::of_socket(client) else { return };
    if too_many {
        refuse(client, &Refusal::Busy, guard.audit.id());
    } else {
        Connection::new(guard, client, Some(IDLE)).serve();
    }
}

/// Tells a client that nothing that it asks for is done. It need not have asked yet.
pub(super) fn refuse(mut client: Wire, refusal: &Refusal, id: &str) {
    let until = Some(Instant::now() + Duration::from_secs(1));
    // A client that writes to a closed socket does not read why.
    let _ = client.fill(until);
    let _ = client.write_all(&refusal.answer(id, false, true), until);
    client.end_output();
    while client.fill(until).unwrap_or(false) {
        client.ahead.consume(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_leaves_places_for_others() {
        let places = Arc::new(Places { share: SHARE, taken: Mutex::default() });
        let mut held = Vec::new();
        let mut take = |account: u32, count: usize| {
            let taken: Vec<(Place, bool)> = (0..count).map(|_| places.take(account)).collect();
            let fit = taken.iter().filter(|(_, too_many)| !too_many).count();
            // Who does not fit is told so, and goes.
            held.extend(taken.into_iter().filter(|(_, too_many)| !too_many).map(|(place, _)| place));
            fit
        };
        assert_eq!(take(1, MOST), SHARE);
        assert_eq!(take(2, MOST), MOST - SHARE);
        assert_eq!(take(3, 1), 0);
        held.retain(|place| place.account != 1);
        assert_eq!(places.taken.lock().unwrap().values().sum::<usize>(), MOST - SHARE);
        drop(held);
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
