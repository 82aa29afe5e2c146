//! The account in the password, group and shadow databases, and its jobs. Acts: reads them.
#![expect(clippy::disallowed_methods, reason = "the account's files are looked at here")]

use super::files::read;
use crate::admin::doctor::account::{Account, Aging, Password};
use crate::world::accounts::{self, Key};
use anyhow::{Context, Result};
use nix::unistd::Uid;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The account of that name, or this process's own.
pub(super) fn account(name: Option<&str>) -> Result<Option<Account>> {
    let key = name.map_or(Key::Id(Uid::current().as_raw()), Key::Name);
    let Some(user) = accounts::user(key).context("looking the account up")? else { return Ok(None) };
    let groups = accounts::groups(&user).context("looking its groups up")?;
    let named = |gid: &u32| (*gid, accounts::group_name(*gid).unwrap_or_else(|| gid.to_string()));
    // passwd(5): an empty field is /bin/sh.
    let shell = if user.shell.as_os_str().is_empty() { PathBuf::from("/bin/sh") } else { user.shell };
    Ok(Some(Account {
        password: password(&user.name, &user.password),
        aging: aging(&user.name),
        uid: user.uid,
        gid: user.gid,
        groups: groups.iter().map(named).collect(),
        home: user.home,
        shell,
        name: user.name,
    }))
}

/// Whether some password matches. `field` is the password database's, `x` where it is in /etc/shadow.
fn password(name: &str, field: &str) -> Password {
    // shadow(5): what crypt(3) cannot have made matches nothing; an empty field lets everybody in.
    let of = |field: &str| if field.starts_with(['!', '*']) { Password::Locked } else { Password::Usable };
    if field != "x" {
        return of(field);
    }
    match read("/etc/shadow") {
        Ok(shadow) => {
            let shadow = shadow.unwrap_or_default();
            let fields = shadow.lines().filter_map(|line| line.split_once(':'));
            let found = fields.filter(|(own, _)| *own == name).find_map(|(_, rest)| rest.split(':').next());
            found.map_or_else(|| Password::Unknown("it is not in /etc/shadow".to_owned()), of)
        }
        Err(error) => Password::Unknown(format!("/etc/shadow: {error}")),
    }
}

/// The rest of the account's line in /etc/shadow; nothing, where it cannot be read or is elsewhere.
fn aging(name: &str) -> Aging {
    let shadow = read("/etc/shadow").ok().flatten().unwrap_or_default();
    let Some((_, rest)) = shadow.lines().filter_map(|line| line.split_once(':')).find(|(own, _)| *own == name) else {
        return Aging::default();
    };
    let fields: Vec<&str> = rest.split(':').collect();
    let days = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
    let marked = rest.starts_with('!');
    Aging { marked, changed: days(1), most: days(3), expires: days(6) }
}

/// What runs as the account without a login: crontab, at jobs, lingering (Debian's and other places).
pub(super) fn jobs(account: &Account) -> Vec<Result<PathBuf, String>> {
    let mut found = Vec::new();
    for directory in ["/var/spool/cron/crontabs", "/var/spool/cron", "/var/lib/systemd/linger"] {
        let path = Path::new(directory).join(&account.name);
        match fs::symlink_metadata(&path) {
            Ok(_) => found.push(Ok(path)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => found.push(Err(format!("{}: {error}", path.display()))),
        }
    }
    for directory in ["/var/spool/cron/atjobs", "/var/spool/at"] {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                found.push(Err(format!("{directory}: {error}")));
                continue;
            }
        };
        let own = entries
            .flatten()
            .filter(|entry| entry.metadata().is_ok_and(|job| job.is_file() && job.uid() == account.uid));
        found.extend(own.map(|entry| Ok(entry.path())));
    }
    found
}
