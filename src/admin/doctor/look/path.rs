//! Walks to a file, link by link. Acts: asks the file system.
#![expect(clippy::disallowed_methods, reason = "the steps to a file are looked at here")]

use crate::admin::doctor::way::{Kind, Step, Way};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Every step to `path`, which is absolute.
pub(super) fn way(path: &Path) -> Way {
    let mut walk = Walk { at: PathBuf::from("/"), steps: Vec::new(), links: 0 };
    let broken = walk.to(path).err();
    Way { path: path.to_owned(), steps: walk.steps, broken }
}

struct Walk {
    at: PathBuf,
    steps: Vec<Step>,
    links: usize,
}

impl Walk {
    fn to(&mut self, path: &Path) -> Result<(), (PathBuf, String)> {
        let mut rest = names(path);
        self.look(PathBuf::from("/"))?;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                self.at.pop();
                continue;
            }
            let next = self.at.join(name);
            if self.look(next.clone())? != Kind::Link {
                self.at = next;
                continue;
            }
            self.links += 1;
            if self.links > MAX_LINKS {
                return Err((next, "too many links".to_owned()));
            }
            let target = fs::read_link(&next).map_err(|error| (next, error.to_string()))?;
            if target.is_absolute() {
                self.at = PathBuf::from("/");
            }
            let mut names = names(&target);
            names.append(&mut rest);
            rest = names;
        }
        // The last step is the thing itself, also where the walk came by it before.
        if let Some(at) = self.steps.iter().position(|step| step.path == self.at) {
            let step = self.steps.remove(at);
            self.steps.push(step);
        }
        Ok(())
    }

    /// Looks at one step, once.
    fn look(&mut self, path: PathBuf) -> Result<Kind, (PathBuf, String)> {
        if let Some(step) = self.steps.iter().find(|step| step.path == path) {
            return Ok(step.kind);
        }
        let metadata = fs::symlink_metadata(&path).map_err(|error| (path.clone(), error.to_string()))?;
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_file() => Kind::File,
            kind if kind.is_symlink() => Kind::Link,
            kind if std::os::unix::fs::FileTypeExt::is_socket(&kind) => Kind::Socket,
            _ => Kind::Other,
        };
        let mode = metadata.mode() & 0o7777;
        self.steps.push(Step { path, kind, uid: metadata.uid(), gid: metadata.gid(), mode });
        Ok(kind)
    }
}

fn names(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_and_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().canonicalize().expect("it is there");
        fs::create_dir(root.join("d")).expect("made");
        fs::write(root.join("d/f"), "").expect("written");
        symlink("d", root.join("relative")).expect("linked");
        symlink(root.join("relative/../d/f"), root.join("absolute")).expect("linked");
        symlink("loop", root.join("loop")).expect("linked");
        let found = way(&root.join("absolute"));
        assert_eq!((found.target(), found.broken.as_ref()), (root.join("d/f").as_path(), None));
        let names: Vec<&str> =
            found.steps.iter().filter_map(|step| step.path.strip_prefix(&root).ok()?.to_str()).collect();
        assert_eq!(names, ["", "absolute", "relative", "d", "d/f"]);
        assert_eq!(way(&root.join("relative")).target(), root.join("d"));
        assert_eq!(way(Path::new("/")).steps.len(), 1);
        for (path, at) in [("d/none/x", "d/none"), ("loop", "loop"), ("d/f/x", "d/f/x")] {
            let found = way(&root.join(path));
            assert_eq!(found.broken.map(|(path, _)| path), Some(root.join(at)), "{path}");
        }
    }
}
