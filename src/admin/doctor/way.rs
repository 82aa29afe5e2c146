//! The way to a file: every directory and link on it, and who could change what is found there. Pure.
//!
//! Access control lists are seen as the kernel shows them in the mode: their widest right stands there for the group.

use super::account::Account;
use std::path::{Path, PathBuf};

/// One directory, link or file, as lstat(2) has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub path: PathBuf,
    pub kind: Kind,
    pub uid: u32,
    pub gid: u32,
    /// The permission bits, with set-id and sticky ones.
    pub mode: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File,
    Link,
    Socket,
    Other,
}

/// The steps to a path, links followed; the last is the thing itself, if it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// As it was asked for.
    pub path: PathBuf,
    pub steps: Vec<Step>,
    /// Where it ended too early, and why.
    pub broken: Option<(PathBuf, String)>,
}

pub const READ: u32 = 4;
pub const WRITE: u32 = 2;
pub const EXECUTE: u32 = 1;
const STICKY: u32 = 0o1000;

impl Step {
    /// Whether the mode gives an account this right. The first class that it is in decides.
    pub fn grants(&self, account: &Account, right: u32) -> bool {
        let shift = match () {
            () if account.uid == 0 => return true,
            () if self.uid == account.uid => 6,
            () if account.is_in(self.gid) => 3,
            () => 0,
        };
        (self.mode >> shift) & right == right
    }

    /// A directory that is everybody's by design, such as /tmp: what is safe in it is moved, and it stays as it is.
    pub fn is_shared(&self) -> bool {
        self.kind == Kind::Directory && self.mode & STICKY != 0 && self.mode & WRITE != 0
    }

    /// Whether the account can change it: what it owns it can give itself leave to.
    fn changeable(&self, account: &Account) -> bool {
        self.kind != Kind::Link && (self.uid == account.uid || self.grants(account, WRITE))
    }
}

impl Way {
    /// The thing itself.
    pub fn end(&self) -> Option<&Step> {
        if self.broken.is_some() { None } else { self.steps.last() }
    }

    /// Where the path leads.
    pub fn target(&self) -> &Path {
        self.end().map_or(&self.path, |end| &end.path)
    }

    /// The step at which the account could change, replace or make what is found under this path.
    pub fn changeable(&self, account: &Account) -> Option<&Step> {
        self.steps
            .iter()
            .find(|step| step.changeable(account) && !(step.kind == Kind::Directory && self.protects(step, account)))
    }

    /// In a sticky directory of somebody else's, only owners can remove what is there.
    fn protects(&self, directory: &Step, account: &Account) -> bool {
        let inside = |path: &Path| path.parent() == Some(&directory.path);
        let mut children = self.steps.iter().filter(|step| inside(&step.path)).peekable();
        directory.mode & STICKY != 0
            && directory.uid != account.uid
            && !self.broken.as_ref().is_some_and(|(path, _)| inside(path))
            && children.peek().is_some()
            && children.all(|child| child.uid != account.uid)
    }

    /// The first directory that the account may not pass.
    pub fn barred(&self, account: &Account) -> Option<&Step> {
        let directories = self.steps.iter().filter(|step| step.kind == Kind::Directory && step.path != self.target());
        directories.into_iter().find(|step| !step.grants(account, EXECUTE))
    }

    /// Whether the account can get there and has this right.
    pub fn usable(&self, account: &Account, right: u32) -> bool {
        self.barred(account).is_none() && self.end().is_some_and(|end| end.grants(account, right))
    }

    /// Why there is nothing.
    pub fn missing(&self) -> Option<String> {
        self.broken.as_ref().map(|(path, error)| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::admin::doctor::account::tests::account;

    /// A way of `PATH UID GID MODE`; directories end in a slash, links in `@`.
    pub(crate) fn way(steps: &[(&str, u32, u32, u32)]) -> Way {
        let steps: Vec<Step> = steps
            .iter()
            .map(|(path, uid, gid, mode)| {
                let kind = match path.chars().last() {
                    Some('/') => Kind::Directory,
                    Some('@') => Kind::Link,
                    _ => Kind::File,
                };
                let path = if *path == "/" { path } else { path.trim_end_matches(['/', '@']) };
                Step { path: path.into(), kind, uid: *uid, gid: *gid, mode: *mode }
            })
            .collect();
        Way { path: steps.last().expect("a step").path.clone(), steps, broken: None }
    }

    #[test]
    fn the_account_can_change_what_it_owns_or_may_write() {
        let account = account();
        let (own, group) = (account.uid, account.gid);
        for (steps, at) in [
            (&[("/", 0, 0, 0o755), ("/etc/", 0, 0, 0o755), ("/etc/f", 0, 0, 0o644)][..], None),
            (&[("/", 0, 0, 0o755), ("/f", own, 0, 0o444)], Some("/f")),
            (&[("/", 0, 0, 0o755), ("/f", 0, group, 0o664)], Some("/f")),
            (&[("/", 0, 0, 0o755), ("/f", 0, 0, 0o664)], None),
            (&[("/", 0, 0, 0o755), ("/f", 0, 0, 0o646)], Some("/f")),
            (&[("/", 0, 0, 0o755), ("/d/", own, 0, 0o555), ("/d/f", 0, 0, 0o644)], Some("/d")),
            (&[("/", 0, 0, 0o755), ("/d/", 0, group, 0o775), ("/d/f", 0, 0, 0o644)], Some("/d")),
            // Sticky: what is another's stays.
            (&[("/", 0, 0, 0o755), ("/tmp/", 0, 0, 0o1777), ("/tmp/f", 0, 0, 0o644)], None),
            (&[("/", 0, 0, 0o755), ("/tmp/", 0, 0, 0o1777), ("/tmp/f", own, 0, 0o644)], Some("/tmp")),
            (&[("/", 0, 0, 0o755), ("/tmp/", own, 0, 0o1777), ("/tmp/f", 0, 0, 0o644)], Some("/tmp")),
            (&[("/", 0, 0, 0o755), ("/tmp/", 0, 0, 0o1777)], Some("/tmp")),
            // A link is as good as the directory that it is in.
            (&[("/", 0, 0, 0o755), ("/l@", 0, 0, 0o777), ("/f", 0, 0, 0o644)], None),
            (
                &[("/", 0, 0, 0o755), ("/tmp/", 0, 0, 0o1777), ("/tmp/l@", own, 0, 0o777), ("/f", 0, 0, 0o644)],
                Some("/tmp"),
            ),
        ] {
            let way = way(steps);
            assert_eq!(way.changeable(&account).map(|step| step.path.as_path()), at.map(Path::new), "{steps:?}");
        }
    }

    #[test]
    fn what_is_missing_can_be_made_by_whoever_writes_the_directory() {
        let account = account();
        for (steps, expected) in [
            (&[("/", 0, 0, 0o755), ("/d/", 0, 0, 0o755)], false),
            (&[("/", 0, 0, 0o755), ("/d/", 0, 0, 0o1777)], true),
            (&[("/", 0, 0, 0o755), ("/d/", account.uid, 0, 0o755)], true),
        ] {
            let broken = Some(("/d/f".into(), "No such file".to_owned()));
            let way = Way { path: "/d/f".into(), broken, ..way(steps) };
            assert_eq!(way.changeable(&account).is_some(), expected, "{steps:?}");
            assert!(way.end().is_none() && !way.usable(&account, READ));
        }
    }

    #[test]
    fn a_file_is_used_through_directories_that_let_the_account_pass() {
        let account = account();
        let (own, group) = (account.uid, account.gid);
        for (steps, right, expected) in [
            (&[("/", 0, 0, 0o755), ("/d/", 0, 0, 0o711), ("/d/f", 0, 0, 0o644)][..], READ, true),
            (&[("/", 0, 0, 0o755), ("/d/", 0, 0, 0o700), ("/d/f", 0, 0, 0o644)], READ, false),
            (&[("/", 0, 0, 0o755), ("/d/", 0, group, 0o710), ("/d/f", 0, 0, 0o644)], READ, true),
            (&[("/", 0, 0, 0o755), ("/f", 0, 0, 0o600)], READ, false),
            (&[("/", 0, 0, 0o755), ("/f", 0, group, 0o640)], READ, true),
            (&[("/", 0, 0, 0o755), ("/f", 0, group, 0o660)], WRITE, true),
            (&[("/", 0, 0, 0o755), ("/f", 0, group, 0o606)], WRITE, false),
            (&[("/", 0, 0, 0o755), ("/f", own, group, 0o066)], WRITE, false),
            (&[("/", 0, 0, 0o755), ("/f", 0, 0, 0o754)], EXECUTE, false),
            (&[("/", 0, 0, 0o755), ("/f", 0, 0, 0o755)], EXECUTE, true),
        ] {
            assert_eq!(way(steps).usable(&account, right), expected, "{steps:?}");
        }
    }
}
