//! The account in the password, group and shadow databases, and its jobs. Acts: reads them.
#![expect(clippy::disallowed_methods, reason = "the account's files are looked at here")]

use super::files::read;
use crate::admin::doctor::account::{Account, Aging, Password};
use anyhow::{Context, Result};
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use std::ffi::CString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The account of that name, or this process's own.
pub(super) fn account(name: Option<&str>) -> Result<Option<Account>> {
    let user = match name {
        Some(name) => User::from_name(name),
        None => User::from_uid(Uid::current()),
    };
    let Some(user) = user.context("looking the account up")? else { return Ok(None) };
    let groups = getgrouplist(&CString::new(user.name.as_str())?, user.gid).context("looking its groups up")?;
    let named = |gid: &Gid| (gid.as_raw(), group_name(gid.as_raw()).unwrap_or_else(|| gid.to_string()));
    // passwd(5): an empty field is /bin/sh.
    let shell = if user.shell.as_os_str().is_empty() { PathBuf::from("/bin/sh") } else { user.shell };
    Ok(Some(Account {
        password: password(&user.name, &user.passwd.to_string_lossy()),
        aging: aging(&user.name),
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        groups: groups.iter().map(named).collect(),
        home: user.dir,
        shell,
        name: user.name,
    }))
}

pub(super) fn group_name(gid: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
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
