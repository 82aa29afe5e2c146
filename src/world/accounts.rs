//! Accounts: users and groups of this host, from its files, else from its name services. Acts: reads files.
#![expect(clippy::disallowed_methods, reason = "the databases of accounts are read here")]

use super::name_service::ask;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// A line of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub password: String,
    pub uid: u32,
    pub gid: u32,
    pub home: PathBuf,
    pub shell: PathBuf,
}

/// By what something is looked up.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    Id(u32),
    Name(&'a str),
}

/// A user; `None` if there is none.
///
/// # Errors
/// When the name services cannot be asked.
pub fn user(key: Key<'_>) -> Result<Option<User>> {
    let is_meant = |user: &User| match key {
        Key::Id(id) => user.uid == id,
        Key::Name(name) => user.name == name,
    };
    let find = |text: &[u8]| lines(text).filter_map(user_of).find(is_meant);
    if let Some(found) = std::fs::read("/etc/passwd").ok().and_then(|text| find(&text)) {
        return Ok(Some(found));
    }
    let key = match key {
        Key::Id(id) => id.to_string(),
        // getent would take a number for an id.
        Key::Name(name) if name.bytes().all(|byte| byte.is_ascii_digit()) => return Ok(None),
        Key::Name(name) => name.to_owned(),
    };
    Ok(ask("passwd", &key)?.and_then(|text| find(text.as_bytes())))
}

/// A group's name; `None` where nobody knows it.
pub fn group_name(id: u32) -> Option<String> {
    group(&id.to_string(), |group| group.id == id).ok().flatten().map(|group| group.name)
}

/// A group's id; `None` where nobody knows it.
///
/// # Errors
/// When the name services cannot be asked.
pub fn group_id(name: &str) -> Result<Option<u32>> {
    Ok(group(name, |group| group.name == name)?.map(|group| group.id))
}

/// The names of a group's accounts: its members, and those of the files whose first group it is.
///
/// # Errors
/// When nobody can be asked.
pub fn members(id: u32) -> Result<Vec<String>> {
    let listed = group(&id.to_string(), |group| group.id == id)?.map(|group| group.members).unwrap_or_default();
    let users = std::fs::read("/etc/passwd").context("/etc/passwd")?;
    let first = lines(&users).filter_map(user_of).filter(|user| user.gid == id).map(|user| user.name);
    Ok(listed.into_iter().filter(|name| !name.is_empty()).chain(first).collect())
}

fn group(key: &str, is_meant: impl Fn(&Group) -> bool) -> Result<Option<Group>> {
    let find = |text: &[u8]| lines(text).filter_map(group_of).find(|group| is_meant(group));
    if let Some(found) = std::fs::read("/etc/group").ok().and_then(|text| find(&text)) {
        return Ok(Some(found));
    }
    Ok(ask("group", key)?.and_then(|text| find(text.as_bytes())))
}

/// The ids of all groups of a user, its own first.
///
/// # Errors
/// When neither the name services nor the file can be asked.
pub fn groups(user: &User) -> Result<Vec<u32>> {
    // Any service can put a user of the files into groups. musl's getent does not know this question, nor any service.
    let of_services = ask("initgroups", &user.name).ok().flatten();
    let mut groups = vec![user.gid];
    match of_services {
        Some(text) => groups.extend(text.split_ascii_whitespace().skip(1).filter_map(|id| id.parse::<u32>().ok())),
        None => {
            let text = std::fs::read("/etc/group").context("/etc/group")?;
            let all = lines(&text).filter_map(group_of);
            groups.extend(all.filter(|group| group.members.contains(&user.name)).map(|group| group.id));
        }
    }
    let own = user.gid;
    let mut first = true;
    groups.retain(|id| *id != own || std::mem::take(&mut first));
    Ok(groups)
}

/// Lines that are text; what is not is nobody's name.
fn lines(text: &[u8]) -> impl Iterator<Item = &str> {
    text.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok())
}

/// Strictly: seven fields and numbers that are numbers. A line of another form is left to getent, as are `+` and `-`,
/// which stand for a service.
fn user_of(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let mut next = || fields.next();
    let (name, password, uid, gid, _, home, shell) = (next()?, next()?, next()?, next()?, next()?, next()?, next()?);
    let sound = next().is_none() && is_name(name);
    sound.then_some(())?;
    Some(User {
        name: name.to_owned(),
        password: password.to_owned(),
        uid: number(uid)?,
        gid: number(gid)?,
        home: home.into(),
        shell: shell.into(),
    })
}

/// A line of group(5).
struct Group {
    name: String,
    id: u32,
    members: Vec<String>,
}

fn group_of(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let mut next = || fields.next();
    let (name, _, id, members) = (next()?, next()?, next()?, next()?);
    let sound = next().is_none() && is_name(name);
    sound.then_some(())?;
    let members = members.split(',').map(str::to_owned).collect();
    Some(Group { name: name.to_owned(), id: number(id)?, members })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['+', '-', '#']) && !name.contains(char::is_whitespace)
}

/// Digits alone: `+0` is a number to the standard library.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn only_a_sound_line_is_a_user() {
        let user = user_of("ai-worker:x:1001:1002:An agent,,,:/home/ai-worker:/bin/dash").unwrap();
        assert_eq!((user.name.as_str(), user.uid, user.gid), ("ai-worker", 1001, 1002));
        assert_eq!((user.home.as_path(), user.shell.as_path()), (Path::new("/home/ai-worker"), Path::new("/bin/dash")));
        for line in [
            "",
            "+",
            "+::::::",
            "-bob::0:0:::",
            "#bob:x:1:1::/:/",
            "bob:x:+1:1::/:/",
            "bob:x::1::/:/",
            "bob:x:0x1:1::/:/",
            "bob:x:4294967296:1::/:/",
            "bob:x:1:1::/",
            "bob:x:1:1::/:/bin/sh:more",
            ":x:1:1::/:/",
            "b ob:x:1:1::/:/",
        ] {
            assert_eq!(user_of(line), None, "{line}");
        }
    }

    #[test]
    fn what_the_files_have_is_found_as_the_c_library_finds_it() {
        let own = nix::unistd::User::from_uid(nix::unistd::Uid::current()).unwrap().unwrap();
        let found = user(Key::Id(own.uid.as_raw())).unwrap().unwrap();
        assert_eq!((found.name, found.home, found.shell), (own.name.clone(), own.dir, own.shell));
        let found = user(Key::Name(&own.name)).unwrap().unwrap();
        let mut theirs =
            nix::unistd::getgrouplist(&std::ffi::CString::new(own.name).unwrap(), own.gid).unwrap().into_iter();
        let mut groups = groups(&found).unwrap();
        assert_eq!(groups.first().copied(), theirs.next().map(nix::unistd::Gid::as_raw));
        let mut theirs: Vec<u32> = theirs.map(nix::unistd::Gid::as_raw).collect();
        groups.remove(0);
        groups.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(groups, theirs);
        assert_eq!(group_name(0).as_deref(), Some("root"));
        assert_eq!(group_id("root").unwrap(), Some(0));
        assert_eq!(group_id("no-such-group").unwrap(), None);
        assert_eq!(user(Key::Id(4_000_000_001)).unwrap(), None);
        assert_eq!(user(Key::Name("no-such-account")).unwrap(), None);
        assert!(user(Key::Name("--help")).is_err());
    }
}
