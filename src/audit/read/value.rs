//! Values back to the bytes that were sent: the inverse of [`crate::audit::escape`]. Pure.

/// The bytes of an escaped value; `None` where it ends inside an escape or has one that is never written.
pub fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('\\') {
        value.extend_from_slice(plain.as_bytes());
        let mut chars = after.chars();
        let kind = chars.next()?;
        rest = chars.as_str();
        match kind {
            'n' => value.push(b'\n'),
            'r' => value.push(b'\r'),
            't' => value.push(b'\t'),
            'x' => {
                value.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
                rest = rest.get(2..)?;
            }
            'u' => {
                let (digits, after) = rest.strip_prefix('{')?.split_once('}')?;
                push(&mut value, char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                rest = after;
            }
            other => push(&mut value, other),
        }
    }
    value.extend_from_slice(rest.as_bytes());
    Some(value)
}

fn push(value: &mut Vec<u8>, c: char) {
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::unescaped;
    use crate::audit::escape;

    proptest::proptest! {
        #[test]
        fn what_was_escaped_is_had_back(bytes: Vec<u8>) {
            let mut text = String::new();
            escape::push(&mut text, &bytes);
            proptest::prop_assert_eq!(unescaped(&text), Some(bytes));
        }

        #[test]
        fn any_text_is_answered(text: String) {
            let _ = unescaped(&text);
        }
    }
}
