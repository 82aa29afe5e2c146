//! Files of the host that may be missing. Acts: reads them.
#![expect(clippy::disallowed_methods, reason = "the host is looked at here")]

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// A file's text; `None` if there is none.
pub(super) fn read(path: impl AsRef<Path>) -> std::io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
