//! Archive: whether a tar archive is one that puts plain files into a container, as `docker compose up` sends them for
//! `configs: content` and `secrets: environment`. Pure.

/// A tar archive goes by blocks of so many bytes (POSIX pax, ustar interchange format).
const BLOCK: usize = 512;

/// Whether every entry is a regular file whose name leads nowhere up, and nothing stands behind the end.
pub(super) fn is_plain(mut archive: &[u8]) -> bool {
    loop {
        let Some((header, rest)) = archive.split_at_checked(BLOCK) else { return false };
        if header.iter().all(|byte| *byte == 0) {
            return rest.iter().all(|byte| *byte == 0);
        }
        let Some(size) = entry(header) else { return false };
        let Some(after) = size.div_ceil(BLOCK).checked_mul(BLOCK).and_then(|padded| rest.get(padded..)) else {
            return false;
        };
        archive = after;
    }
}

/// The size of a regular file by its header; `None` for anything else.
fn entry(header: &[u8]) -> Option<usize> {
    // `0` or nothing: a regular file. Names of more than a header hold, links, devices and directories have others.
    if !matches!(header.get(156)?, b'0' | 0) {
        return None;
    }
    let names = [text(header.get(..100)?), text(header.get(345..500)?)];
    let up = names.iter().any(|name| name.split(|byte| *byte == b'/').any(|part| part == b".."));
    let named = names.first().is_some_and(|name| !name.is_empty() && !name.ends_with(b"/"));
    if up || !named {
        return None;
    }
    let digits = text(header.get(124..136)?);
    let digits = std::str::from_utf8(digits).ok()?.trim_matches(' ');
    digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')).then(|| usize::from_str_radix(digits, 8).ok())?
}

/// What stands before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(name: &str, kind: u8, size: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; BLOCK];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        bytes[124..124 + size.len()].copy_from_slice(size.as_bytes());
        bytes[156] = kind;
        bytes.extend(content);
        bytes.resize(bytes.len().div_ceil(BLOCK) * BLOCK, 0);
        bytes.extend([0; 2 * BLOCK]);
        bytes
    }

    #[test]
    fn only_regular_files_that_lead_nowhere_up_are_plain() {
        for (name, kind, size, expected) in [
            ("/run/secrets/x", b'0', "00000000005", true),
            ("cfg", 0, "5", true),
            ("../cfg", b'0', "5", false),
            ("a/../../cfg", b'0', "5", false),
            ("dir/", b'0', "5", false),
            ("", b'0', "5", false),
            ("link", b'2', "0", false),
            ("hard", b'1', "0", false),
            ("device", b'3', "0", false),
            ("dir", b'5', "0", false),
            ("pax", b'x', "5", false),
            ("long", b'L', "5", false),
            ("huge", b'0', "77777777777", false),
            ("odd", b'0', "5x", false),
        ] {
            assert_eq!(is_plain(&archive(name, kind, size, b"hello")), expected, "{name}");
        }
        let two = [&archive("a", b'0', "5", b"hello")[..2 * BLOCK], &archive("b", b'2', "0", b"")].concat();
        assert!(!is_plain(&two));
        let mut behind = archive("a", b'0', "5", b"hello");
        behind.extend(archive("b", b'2', "0", b""));
        assert!(!is_plain(&behind));
        assert!(!is_plain(b""));
    }
}
