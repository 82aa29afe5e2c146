//! Name services: what only the host's own know of accounts and hosts (LDAP, systemd's, DNS). Acts: starts getent(1).
//!
//! A name service is a library, and a static program loads none; getent does, in a process of its own.
#![expect(clippy::disallowed_methods, reason = "getent is started here")]

use crate::exit::Outcome;
use crate::run::child::Bond;
use crate::run::output::{self, Said};
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where systems keep it, in order: NixOS, a package.
const GETENT: &[&str] = &["/run/current-system/sw/bin/getent", "/usr/bin/getent", "/bin/getent"];

/// How long a name service may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer of more bytes than this is not one.
const MAX_BYTES: u64 = 1024 * 1024;

/// Whether other threads are at work when something is asked.
static AMONG_THREADS: AtomicBool = AtomicBool::new(false);

/// From now on other threads are at work beside whoever asks. getent does not end with such a process, but when its time
/// is up.
pub fn among_threads() {
    AMONG_THREADS.store(true, Ordering::Relaxed);
}

/// What getent says of a key that nobody knows.
const UNKNOWN: Outcome = Outcome::Code(2);

/// The entry of a key in a database; `None` where nobody knows it. Not while docker runs: whoever waits for docker
/// clears away every child that has ended.
///
/// # Errors
/// When there is no getent, or no answer in time.
pub fn ask(database: &str, key: &str) -> Result<Option<String>> {
    ensure!(!key.is_empty() && !key.starts_with('-'), "{key:?} is not a name to look up");
    let program = GETENT.iter().map(Path::new).find(|path| path.exists()).context("there is no getent here")?;
    let mut command = Command::new(program);
    command.args([database, key]).env_clear();
    let bond = if AMONG_THREADS.load(Ordering::Relaxed) { Bond::None } else { Bond::Starter };
    let said = output::start(command, bond).and_then(|getent| getent.said(MAX_BYTES, Instant::now() + PATIENCE));
    let Said { outcome, text, errors } = said.with_context(|| format!("getent {database}"))?;
    match outcome {
        Outcome::Code(0) => Ok(Some(text)),
        UNKNOWN => Ok(None),
        outcome => bail!("getent {database}: {outcome} {}", errors.trim()),
    }
}
