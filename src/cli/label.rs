//! Labels as command lines give them. Pure.

use crate::api::labels::is_plain;

/// Labels stand in log records and on command lines: plain words only.
///
/// # Errors
/// A sentence that says what is plain.
pub fn label(text: &str) -> Result<String, String> {
    if is_plain(text) { Ok(text.to_owned()) } else { Err("use 1 to 64 of a-z A-Z 0-9 - _ . @".to_owned()) }
}
