//! One row of comma-separated values, as Go's `encoding/csv` reads it (RFC 4180, no lazy quotes). Pure.

/// The fields of a row; `None` where Go's reader would report an error or more than one row.
pub fn row(text: &str) -> Option<Vec<String>> {
    if text.contains(['\n', '\r']) {
        return None;
    }
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) =
            if let Some(quoted) = rest.strip_prefix('"') { quoted_field(quoted)? } else { plain_field(rest)? };
        fields.push(field);
        match after {
            Some(next) => rest = next,
            None => return Some(fields),
        }
    }
}

type Field<'a> = (String, Option<&'a str>);

fn plain_field(rest: &str) -> Option<Field<'_>> {
    let (field, after) = match rest.split_once(',') {
        Some((field, after)) => (field, Some(after)),
        None => (rest, None),
    };
    (!field.contains('"')).then(|| (field.to_owned(), after))
}

/// A field after its opening quote; `""` inside is one quote.
fn quoted_field(mut rest: &str) -> Option<Field<'_>> {
    let mut field = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        if after.is_empty() {
            return Some((field, None));
        } else if let Some(next) = after.strip_prefix(',') {
            return Some((field, Some(next)));
        }
        rest = after.strip_prefix('"')?;
        field.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn reads_as_go_does() {
        let rows: &[(&str, Option<&[&str]>)] = &[
            ("a,b", Some(&["a", "b"])),
            ("", Some(&[""])),
            ("a,", Some(&["a", ""])),
            (r#"type=bind,"src=/a,b",dst=/h"#, Some(&["type=bind", "src=/a,b", "dst=/h"])),
            (r#""a""b""#, Some(&["a\"b"])),
            (r#""a"b"#, None),
            (r#"a"b"#, None),
            (r#""a"#, None),
            ("a\nb", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|fields| fields.iter().map(|field| (*field).to_owned()).collect());
            assert_eq!(row(text), expected, "{text:?}");
        }
    }
}
