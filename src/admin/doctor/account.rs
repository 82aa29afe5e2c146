//! An account of this host, as its databases have it. Data. Pure.

use std::path::PathBuf;

/// An account, as the password and group databases have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// All groups, the first one included, with their names.
    pub groups: Vec<(u32, String)>,
    pub home: PathBuf,
    pub shell: PathBuf,
    pub password: Password,
    pub aging: Aging,
}

/// What /etc/shadow says besides the password; days are counted from 1970 (shadow(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aging {
    /// The password begins with `!`, which sshd takes for a closed account where it does not ask PAM.
    pub marked: bool,
    /// The day of the last change; 0: it has to be changed at the next login.
    pub changed: Option<i64>,
    /// The most days that may pass until the next.
    pub most: Option<i64>,
    /// The day from which the account is closed.
    pub expires: Option<i64>,
}

impl Account {
    /// Whether it is in a group.
    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.iter().any(|(group, _)| *group == gid)
    }
}

/// What /etc/shadow says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// No password matches.
    Locked,
    Usable,
    Unknown(String),
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn account() -> Account {
        Account {
            name: "ai".to_owned(),
            uid: 1000,
            gid: 1000,
            groups: vec![(1000, "ai".to_owned()), (998, "docker".to_owned())],
            home: "/home/ai".into(),
            shell: "/bin/dash".into(),
            password: Password::Locked,
            aging: Aging::default(),
        }
    }
}
