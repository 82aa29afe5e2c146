//! Looks at a socket of `dockgate proxy`: who may use it, how it is started, and by which policy. Acts: reads files.
#![expect(clippy::disallowed_methods, reason = "units and processes are looked at here")]

use super::files::read;
use super::sockets::{daemon, datagram};
use super::{account, path, written};
use crate::admin::doctor::account::Account;
use crate::admin::doctor::proxy::unit::{Unit, listens_on};
use crate::admin::doctor::proxy::{Options, ProxyFacts, Started};
use crate::admin::doctor::way::{WRITE, Way};
use crate::cli::{Cli, Command};
use crate::policy::Policy;
use crate::world::{accounts, policy_file};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where units are, the stronger first (systemd.unit(5)).
const UNITS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Everything about the proxy at that socket; `None` if there is no such account as `user`.
///
/// # Errors
/// When accounts cannot be looked up.
pub fn proxy(socket: &Path, user: Option<&str>, config: Option<&Path>) -> Result<Option<ProxyFacts>> {
    let way = path::way(socket);
    let users = match user {
        Some(name) => match account::account(Some(name))? {
            Some(account) => vec![account],
            None => return Ok(None),
        },
        None => users(&way)?,
    };
    let (started, server) = match by_unit(socket).or_else(|| by_process(socket)) {
        Some((started, server)) => (Some(started), server),
        None => (None, None),
    };
    let server = server.unwrap_or_else(|| "root".to_owned());
    let server = account::account(Some(&server))?.with_context(|| format!("there is no account {server}"))?;
    let given = started.as_ref().and_then(|started| started.options.as_ref().ok()?.config.clone());
    let config = given.or_else(|| config.map(Path::to_owned));
    let load = |file: Option<&Path>| policy_file::load(file).map_err(|error| format!("{error:#}"));
    let policy = load(config.as_deref());
    let base = policy.as_ref().map_or_else(|_| Policy::default(), |set| set.base.clone());
    let of_keys = load(None).map(|set| set.base.host);
    let file = config.unwrap_or_else(|| PathBuf::from(policy_file::DEFAULT_PATH));
    Ok(Some(ProxyFacts {
        group: way.end().and_then(|end| accounts::group_name(end.gid)),
        started,
        server,
        policy_file: path::way(&file),
        policy,
        daemon: daemon(&base.host),
        users,
        named: user.is_some(),
        of_a_gate: of_keys.is_ok_and(|host| host.strip_prefix("unix://").is_some_and(|at| Path::new(at) == socket)),
        syslog: path::way(&base.audit.socket),
        syslog_error: datagram(&base.audit.socket).err().map(|error| format!("{error:#}")),
        limits: written::limits(),
        socket: way,
    }))
}

/// Who may connect: the socket's owner and, where it may write, its group.
fn users(socket: &Way) -> Result<Vec<Account>> {
    let Some(end) = socket.end() else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    if let Some(owner) = accounts::user(accounts::Key::Id(end.uid))?.filter(|owner| owner.uid != 0) {
        names.push(owner.name);
    }
    if end.mode & WRITE << 3 != 0 && end.gid != 0 {
        names.extend(accounts::members(end.gid)?);
    }
    names.sort_unstable();
    names.dedup();
    let found: Result<Vec<Option<Account>>> = names.iter().map(|name| account::account(Some(name))).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// The service that starts it, and the account that it runs as.
fn by_unit(socket: &Path) -> Option<(Started, Option<String>)> {
    let units = UNITS.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
    let services = units.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "service"));
    let unit = services.into_iter().find_map(|path| {
        let file = path.file_name()?.to_str()?;
        let text = read(&path).ok().flatten().filter(|text| text.contains("dockgate"))?;
        // What is dropped in for the instance is looked for once that is known.
        let name = Unit::of(file, &text, socket)?.name;
        Unit::of(file, &(text + &drop_ins(file) + &drop_ins(&name)), socket)
    })?;
    let files: Vec<String> = unit.environment_files.iter().filter_map(|file| read(file).ok().flatten()).collect();
    let options = options(&unit.command(&files));
    let environment = unit.environment_files.first().filter(|_| unit.words.iter().any(|word| word == "$OPTIONS"));
    Some((Started { by: unit.name, environment: environment.cloned(), options }, unit.user))
}

/// The text of a unit's drop-ins, one behind the other.
fn drop_ins(unit: &str) -> String {
    let mut text = String::new();
    for directory in UNITS.iter().rev() {
        let entries = fs::read_dir(Path::new(directory).join(format!("{unit}.d"))).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort_unstable();
        for file in files {
            text.push('\n');
            text.push_str(&read(&file).ok().flatten().unwrap_or_default());
        }
    }
    text
}

/// A process that serves it, and whose it is.
fn by_process(socket: &Path) -> Option<(Started, Option<String>)> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.into_iter().find_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = read(entry.path().join("cmdline")).ok().flatten()?;
        let words: Vec<String> = line.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
        if Path::new(listens_on(&words)?) != socket {
            return None;
        }
        let owner = accounts::user(accounts::Key::Id(entry.metadata().ok()?.uid())).ok().flatten();
        let started = Started { by: format!("process {id}"), environment: None, options: options(&words) };
        Some((started, owner.map(|owner| owner.name)))
    })
}

/// The options of a command line, as dockgate reads them.
fn options(words: &[String]) -> Result<Options, String> {
    let cli = Cli::read(words.iter().map(OsString::from)).map_err(|error| {
        let said = error.to_string();
        said.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })?;
    match cli.command {
        Some(Command::Proxy { .. }) => {
            let crate::cli::Options { config, profile, key } = cli.options;
            Ok(Options { config, profile, key })
        }
        _ => Err("it is not dockgate proxy".to_owned()),
    }
}
