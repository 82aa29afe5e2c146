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
        }
    }
}
