//! Account: the one that `--user` names, in whose place an administrator asks. Acts: looks it up, and becomes it.

use super::caller::Caller;
use crate::answer;
use crate::exit::Exit;
use crate::world::accounts::{self, Key, User};
use anyhow::{Context, Result, ensure};
use nix::unistd::{Gid, Uid, chdir, setgid, setgroups, setuid};

/// An account to judge as: with its name, its home as the working directory, and its rights to files and the daemon.
#[derive(Debug)]
pub struct Other(User);

impl Caller {
    /// This caller in the place of the account that `--user` names, as far as words go: files that the administrator
    /// has named are read before [`Other::enter`].
    ///
    /// # Errors
    /// [`Exit::Usage`], once it has been told, when there is no such account or this one cannot become it.
    pub fn in_place_of(mut self, name: Option<&str>) -> Result<(Self, Option<Other>), Exit> {
        let Some(name) = name else { return Ok((self, None)) };
        let user = found(name).map_err(|error| told(name, &error))?;
        self.request.user.clone_from(&user.name);
        self.account.name.clone_from(&user.name);
        self.account.home.clone_from(&user.home);
        // Once in the home, a relative path would be another file.
        self.config = self.config.as_deref().map(super::caller::absolute);
        Ok((self, Some(Other(user))))
    }
}

impl Other {
    /// Becomes the account, for good: what it cannot read is not read, as in the gate itself.
    ///
    /// # Errors
    /// [`Exit::Unavailable`], once it has been told.
    pub fn enter(self) -> Result<(), Exit> {
        let Self(user) = self;
        become_it(&user).map_err(|error| {
            told(&user.name, &error);
            Exit::Unavailable
        })
    }
}

fn told(name: &str, error: &anyhow::Error) -> Exit {
    answer::say(&format!("ERROR: --user {name}: {error:#}\n"));
    Exit::Usage
}

fn found(name: &str) -> Result<User> {
    let user = accounts::user(Key::Name(name))?.context("this host has no such account")?;
    let own = Uid::effective();
    ensure!(own.is_root() || own.as_raw() == user.uid, "only root can judge as another account");
    Ok(user)
}

fn become_it(user: &User) -> Result<()> {
    if Uid::effective().as_raw() != user.uid {
        let groups: Vec<Gid> = accounts::groups(user)?.into_iter().map(Gid::from_raw).collect();
        setgroups(&groups).context("its groups")?;
        setgid(Gid::from_raw(user.gid)).context("its group")?;
        setuid(Uid::from_raw(user.uid)).context("its user")?;
    }
    chdir(&user.home).with_context(|| format!("its home {}", user.home.display()))
}
