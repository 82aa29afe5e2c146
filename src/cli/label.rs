//! Labels as command lines give them. Pure.

/// Labels stand in log records and on command lines: plain words only.
///
/// # Errors
/// A sentence that says what is plain.
pub fn label(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if !text.is_empty() && text.len() <= 64 && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 64 of a-z A-Z 0-9 - _ . @".to_owned())
    }
}
