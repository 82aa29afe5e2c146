//! Values that are paths. Pure.

use serde::Deserialize;
use std::path::PathBuf;

/// An absolute path without `.` and `..`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Absolute(pub PathBuf);

impl TryFrom<String> for Absolute {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = PathBuf::from(&text);
        let plain = text.split('/').all(|part| !matches!(part, "." | ".."));
        if path.is_absolute() && plain {
            Ok(Self(path))
        } else {
            Err(format!("\"{text}\" is not an absolute path without . and .."))
        }
    }
}
