//! Tree: copies of a project's files as they were judged, each in a directory like its own, so that Compose resolves
//! names in them as it would there. Acts: makes a directory of the account's own, and removes it.
#![expect(clippy::disallowed_methods, reason = "the copies are written here")]

use anyhow::{Context, Result, bail};
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory that stands for the root of the file system, until this is dropped.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Drop for Tree {
    fn drop(&mut self) {
        // What is left is removed when the next one is made.
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Tree {
    /// Makes one in a directory that nobody but this account can use.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(directory: &Path) -> Result<Self> {
        clear(directory);
        for number in 0..MOST {
            let root = directory.join(format!("{PREFIX}{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&root) {
                Ok(()) => return Ok(Self { root }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("directory {}", root.display())),
            }
        }
        bail!("no directory in {} could be made", directory.display())
    }

    /// Where something of the host is in here.
    pub fn at(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Makes the copy of a directory, which is empty.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn directory(&self, path: &Path) -> Result<PathBuf> {
        let path = self.at(path);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.with_context(|| format!("directory {}", path.display()))?;
        Ok(path)
    }

    /// Makes the copy of a file, and returns where it is: beside its name, where that is taken by another text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, path: &Path, text: &str) -> Result<PathBuf> {
        let wanted = self.at(path);
        self.directory(path.parent().unwrap_or(Path::new("/")))?;
        for number in 0..MOST {
            let copy = if number == 0 { wanted.clone() } else { format!("{}~{number}", wanted.display()).into() };
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy) {
                Ok(mut file) => {
                    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", copy.display()))?;
                    return Ok(copy);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if fs::read(&copy).is_ok_and(|there| there == text.as_bytes()) {
                        return Ok(copy);
                    }
                }
                Err(error) => return Err(error).with_context(|| format!("writing {}", copy.display())),
            }
        }
        bail!("{} is there too often", path.display())
    }

    /// A text in which what is in here is called as it is called on the host.
    pub fn named(&self, text: &str) -> String {
        let root = self.root.display().to_string();
        let below = text.replace(&format!("{root}/"), "/");
        below.replace(&root, "/")
    }
}

const PREFIX: &str = "project-";

/// More copies of one name than this are not made.
const MOST: usize = 1000;

/// Removes what was left by gates that were killed.
fn clear(directory: &Path) {
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        let made = entry.metadata().and_then(|found| found.modified());
        let old = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > OLD));
        if old && entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Judging takes less time than this.
const OLD: Duration = Duration::from_secs(120);

/// Opens a file where it was found, all links followed: nothing that has become a link since.
///
/// # Errors
/// When it is not there any more, or cannot be read.
pub fn open(resolved: &Path) -> std::io::Result<File> {
    let how = OpenHow::new().flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK);
    let file = openat2(AT_FDCWD, resolved, how.resolve(ResolveFlag::RESOLVE_NO_SYMLINKS))?;
    Ok(File::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_lie_as_what_they_are_copies_of_and_are_gone_in_the_end() {
        let directory = std::env::temp_dir();
        let tree = Tree::new(&directory).unwrap();
        let path = Path::new("/srv/app/compose.yaml");
        let copy = tree.put(path, "a").unwrap();
        assert_eq!(copy, tree.at(path));
        assert_eq!(tree.put(path, "a").unwrap(), copy);
        let other = tree.put(path, "b").unwrap();
        assert_eq!(other, PathBuf::from(format!("{}~1", copy.display())));
        assert_eq!(tree.named(&format!("open {}: no", copy.display())), "open /srv/app/compose.yaml: no");
        assert_eq!(tree.named(&tree.at(Path::new("/")).display().to_string()), "/");
        drop(tree);
        assert!(!copy.exists());
    }

    #[test]
    fn a_link_is_not_followed() {
        let tree = Tree::new(&std::env::temp_dir()).unwrap();
        let file = tree.put(Path::new("/a/file"), "a").unwrap();
        let link = file.with_file_name("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(open(&file.canonicalize().unwrap()).is_ok());
        assert!(open(&link).is_err());
    }
}
