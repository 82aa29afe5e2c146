//! Proxy: the API guard on a socket of its own, until it is told to end. Acts: binds the socket, waits for signals.
#![expect(clippy::disallowed_methods, reason = "the place of the socket is looked at here")]

use super::caller::{Caller, absolute};
use crate::answer;
use crate::audit::escape::for_terminal;
use crate::exit::Exit;
use crate::guard::proxy::{Proxy, Terms};
use crate::request::Request;
use crate::world::{accounts, name_service};
use anyhow::{Context, Result, bail, ensure};
use listenfd::ListenFd;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, chown};
use std::fs::{Permissions, remove_file, set_permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Serves until a signal ends it.
///
/// # Errors
/// The exit code, once the reason has been told: when there is no policy, no such profile, or no such socket.
pub fn run(listen: &Path, group: Option<&str>, caller: &Caller) -> Result<Exit, Exit> {
    let set = caller.policy()?;
    // As for whoever connects.
    let peer = Some(nix::unistd::getpid().as_raw());
    let selected = set.select(&Request { peer, ..caller.request.clone() }, caller.profile.as_deref());
    let path = absolute(listen);
    let told = |exit: Exit| {
        move |error: anyhow::Error| {
            answer::say(&format!("ERROR: proxy: {}\n", for_terminal(&format!("{error:#}"))));
            exit
        }
    };
    if let Some(denial) = selected.denial {
        return Err(told(Exit::Config)(anyhow::anyhow!("{}", denial.message)));
    }
    is_other(&path, &selected.policy.host).map_err(told(Exit::Config))?;
    // Before there is a thread, so that all leave these signals to this one.
    let ending = signals().map_err(told(Exit::Unavailable))?;
    let socket = Socket::of(&path, group).map_err(told(Exit::Usage))?;
    let terms = Terms {
        config: caller.config.as_deref().map(absolute),
        profile: caller.profile.clone(),
        key: caller.request.key.clone(),
    };
    name_service::among_threads();
    let proxy = Proxy::new(terms);
    proxy.start(socket.listener).map_err(told(Exit::Unavailable))?;
    answer::say(&format!("dockgate: serving {} under profile {}\n", path.display(), selected.profile));
    // SIGHUP asks for the policy to be read anew, which is done for each connection.
    while ending.wait().is_ok_and(|signal| signal == Signal::SIGHUP) {}
    proxy.stop();
    if let Some(made) = socket.made {
        // Somebody else may have taken the place.
        let _ = remove_file(made);
    }
    Ok(Exit::Success)
}

fn signals() -> Result<SigSet> {
    let mut set = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].iter().for_each(|signal| set.add(*signal));
    set.thread_block().context("blocking signals")?;
    Ok(set)
}

/// A proxy whose daemon is itself would go round in circles.
fn is_other(path: &Path, host: &str) -> Result<()> {
    let Some(daemon) = host.strip_prefix("unix://").map(Path::new) else { return Ok(()) };
    let same = daemon == path || matches!((daemon.canonicalize(), path.canonicalize()), (Ok(a), Ok(b)) if a == b);
    ensure!(
        !same,
        "docker.host is the proxy's own socket {}; give the proxy a policy file of its own with --config, whose docker.host is the daemon's",
        path.display()
    );
    Ok(())
}

/// The socket that is listened on.
struct Socket {
    listener: UnixListener,
    /// Where this process has made it.
    made: Option<PathBuf>,
}

impl Socket {
    /// The one that systemd has passed on, or a new one.
    fn of(path: &Path, group: Option<&str>) -> Result<Self> {
        let mut passed = ListenFd::from_env();
        if passed.len() == 0 {
            return Ok(Self { listener: bind(path, group)?, made: Some(path.to_owned()) });
        }
        ensure!(passed.len() == 1, "{} sockets have been passed on (LISTEN_FDS), and one is served", passed.len());
        ensure!(group.is_none(), "--group: whose socket it is stands in the unit of the socket (SocketGroup=)");
        let listener = passed.take_unix_listener(0).context("the socket that has been passed on (LISTEN_FDS)")?;
        let listener = listener.context("the socket that has been passed on (LISTEN_FDS)")?;
        let address = listener.local_addr().context("the socket that has been passed on (LISTEN_FDS)")?;
        let own = address.as_pathname();
        ensure!(
            own == Some(path),
            "the socket that has been passed on (LISTEN_FDS) is {}, and not {}",
            own.map_or_else(|| "one without a path".to_owned(), |path| path.display().to_string()),
            path.display()
        );
        listener.set_nonblocking(false).context("the socket that has been passed on (LISTEN_FDS)")?;
        Ok(Self { listener, made: None })
    }
}

/// Makes a socket that this account, and the group if there is one, can use.
fn bind(path: &Path, group: Option<&str>) -> Result<UnixListener> {
    let about = || format!("socket {}", path.display());
    let group = match group {
        None => None,
        Some(name) => {
            let found = accounts::group_id(name).with_context(|| format!("group {name}"))?;
            Some(Gid::from_raw(found.with_context(|| format!("group {name}: there is none"))?))
        }
    };
    make_room(path).with_context(about)?;
    // Nobody else has it, not even for a moment.
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path).with_context(about);
    umask(before);
    let listener = listener?;
    if let Some(group) = group {
        chown(path, None, Some(group)).with_context(about)?;
        set_permissions(path, Permissions::from_mode(0o660)).with_context(about)?;
    }
    Ok(listener)
}

/// Takes away a socket that nobody listens on any more. Whoever could put another in its place would be asked in the
/// daemon's stead, so the directory has to be root's or this account's.
fn make_room(path: &Path) -> Result<()> {
    let directory = path.parent().context("it has no directory")?;
    let metadata = directory.metadata().with_context(|| directory.display().to_string())?;
    let own = [0, nix::unistd::geteuid().as_raw()].contains(&metadata.uid());
    let sticky = metadata.mode() & 0o1000 != 0;
    ensure!(
        own && (metadata.mode() & 0o022 == 0 || sticky),
        "others can write its directory {}; use one of root's, such as /run/dockgate-proxy",
        directory.display()
    );
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(found) => ensure!(found.file_type().is_socket(), "it is there, and is no socket"),
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => remove_file(path).map_err(Into::into),
        Err(error) => Err(error.into()),
        Ok(_) => bail!("another program listens on it"),
    }
}
