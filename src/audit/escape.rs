//! Escaping: one printable line, whatever was sent. Pure.

/// Appends `bytes` so that nothing in them can end the line, the field, or act on a terminal.
///
/// Quotes and backslashes get a backslash; newline, return and tab are `\n`, `\r` and `\t`; other control
/// characters, invisible and direction-changing ones are `\u{hex}`; bytes that are not UTF-8 are `\xhh`.
/// The original can be had back from it.
pub fn push(line: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_char(line, c));
        for byte in chunk.invalid() {
            line.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

fn push_char(line: &mut String, c: char) {
    match c {
        '"' | '\\' => line.extend(['\\', c]),
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\t' => line.push_str("\\t"),
        c if c.is_control() || is_invisible(c) => line.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => line.push(c),
    }
}

/// `text` escaped for a terminal: as [`push`], but quotes and backslashes stay.
pub fn for_terminal(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\') { line.push(c) } else { push_char(&mut line, c) }
    }
    line
}

/// Characters of Unicode's categories Cf, Zl and Zp, blanks other than the space, and tag characters:
/// what shows nothing, breaks lines or turns the direction of text.
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xa0 | 0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2 | 0x115f..=0x1160 | 0x1680
        | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x2800
        | 0x3000 | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x110bd | 0x110cd
        | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut line = String::new();
        push(&mut line, bytes);
        line
    }

    #[test]
    fn nothing_raw_is_left() {
        for (bytes, expected) in [
            (&b"docker ps"[..], "docker ps"),
            (b"a\"b\\c", r#"a\"b\\c"#),
            (b"a\nb\rc\td", r"a\nb\rc\td"),
            (b"\x00\x1b\x7f", r"\u{0}\u{1b}\u{7f}"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            ("\u{2028}\u{202e}\u{2066}\u{feff}".as_bytes(), r"\u{2028}\u{202e}\u{2066}\u{feff}"),
            ("é漢😀".as_bytes(), "é漢😀"),
            (b"a\xff\xfeb\xe2\x82", r"a\xff\xfeb\xe2\x82"),
        ] {
            assert_eq!(escaped(bytes), expected);
        }
    }

    #[test]
    fn terminal_text_keeps_quotes() {
        assert_eq!(for_terminal("'a' \"b\" \\ \x1b[31m"), "'a' \"b\" \\ \\u{1b}[31m");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_make_one_printable_line(bytes: Vec<u8>) {
            let line = escaped(&bytes);
            assert!(line.chars().all(|c| !c.is_control() && !is_invisible(c)));
            let mut quotes = line.chars();
            while let Some(c) = quotes.next() {
                assert_ne!(c, '"');
                if c == '\\' { quotes.next(); }
            }
        }
    }
}
