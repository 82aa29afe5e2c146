//! Scalar: what a plain scalar means to Compose. Data, and the one function that reads it. Pure.
//!
//! Source: go-yaml v3 `resolve.go`, which reads YAML 1.2's core schema, and of YAML 1.1 the octal `0777`, the
//! binary `0b1` and `_` between digits; `yes`, `on` and `1:30` are texts.

/// What a plain scalar means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    Null,
    Bool(bool),
    /// From the least `i64` to the greatest `u64`.
    Integer(i128),
    Float(f64),
    /// A date, with or without a time.
    Timestamp,
    Text,
}

/// Words, letter by letter.
const WORDS: &[(&[&str], Meaning)] = &[
    (&["", "~", "null", "Null", "NULL"], Meaning::Null),
    (&["true", "True", "TRUE"], Meaning::Bool(true)),
    (&["false", "False", "FALSE"], Meaning::Bool(false)),
    (&[".nan", ".NaN", ".NAN"], Meaning::Float(f64::NAN)),
    (&[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], Meaning::Float(f64::INFINITY)),
    (&["-.inf", "-.Inf", "-.INF"], Meaning::Float(f64::NEG_INFINITY)),
];

/// Beginnings of an integer, its sign left out, and the base that they mean; the first that fits counts.
const BASES: &[(&[&str], u32)] =
    &[(&["0x", "0X"], 16), (&["0b", "0B"], 2), (&["0o", "0O"], 8), (&["0"], 8), (&[""], 10)];

/// What a scalar without quotes means.
pub fn meaning(text: &str) -> Meaning {
    if let Some((_, meaning)) = WORDS.iter().find(|(words, _)| words.contains(&text)) {
        return meaning.clone();
    }
    // Go-yaml looks no further where the first letter is another.
    let is_numeric = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    if !text.starts_with(is_numeric) {
        return Meaning::Text;
    }
    // Of what begins with a point, go-yaml has Go's own reader see a float; it takes no `_` here.
    if text.starts_with('.') {
        return float(text).map_or(Meaning::Text, Meaning::Float);
    }
    if is_timestamp(text) {
        return Meaning::Timestamp;
    }
    let digits = text.replace('_', "");
    integer(&digits).map(Meaning::Integer).or_else(|| float(&digits).map(Meaning::Float)).unwrap_or(Meaning::Text)
}

/// Go's `strconv.ParseInt` and `ParseUint` with base 0.
fn integer(text: &str) -> Option<i128> {
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, base) = BASES.iter().find_map(|(beginnings, base)| {
        let rest = beginnings.iter().find_map(|beginning| size.strip_prefix(beginning));
        rest.map(|rest| (rest, *base))
    })?;
    // `0` alone is the octal nought.
    let digits = if base == 8 && digits.is_empty() && size == "0" { "0" } else { digits };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = sign * i128::from(u64::from_str_radix(digits, base).ok()?);
    (number >= i128::from(i64::MIN)).then_some(number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, "0"), |(number, rest)| (number, rest));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let has_number = !whole.is_empty() || (number.starts_with('.') && !part.is_empty());
    let fits = has_number && digits(whole) && digits(part) && digits(exponent) && !exponent.is_empty();
    fits.then(|| text.parse().ok()).flatten()
}

/// `2001-12-14`, and what begins like it and goes on with a time. That is wider than go-yaml's own formats: what
/// is only nearly a date is passed on as it was written, and go-yaml says what it is.
fn is_timestamp(text: &str) -> bool {
    let (year, rest) = text.split_once('-').unwrap_or((text, ""));
    year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.contains('-')
        && rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | '+' | 'T' | 't' | 'Z' | 'z' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_mean_what_go_yaml_says() {
        for (text, meaning) in [
            ("022", Meaning::Integer(18)),
            ("007", Meaning::Integer(7)),
            ("-017", Meaning::Integer(-15)),
            ("0o17", Meaning::Integer(15)),
            ("0", Meaning::Integer(0)),
            ("-0", Meaning::Integer(0)),
            ("+12", Meaning::Integer(12)),
            ("1_000", Meaning::Integer(1000)),
            ("0x_1F", Meaning::Integer(31)),
            ("0b101", Meaning::Integer(5)),
            ("18446744073709551615", Meaning::Integer(18_446_744_073_709_551_615)),
            ("-9223372036854775808", Meaning::Integer(-9_223_372_036_854_775_808)),
            ("18446744073709551616", Meaning::Float(18_446_744_073_709_551_616.0)),
            ("08", Meaning::Float(8.0)),
            ("1.5", Meaning::Float(1.5)),
            ("1.", Meaning::Float(1.0)),
            (".5", Meaning::Float(0.5)),
            ("1e3", Meaning::Float(1000.0)),
            ("-1E-2", Meaning::Float(-0.01)),
            (".inf", Meaning::Float(f64::INFINITY)),
            ("-.INF", Meaning::Float(f64::NEG_INFINITY)),
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("NULL", Meaning::Null),
            ("True", Meaning::Bool(true)),
            ("FALSE", Meaning::Bool(false)),
            ("2001-12-14", Meaning::Timestamp),
            ("2001-12-14 21:59:43.10 -5", Meaning::Timestamp),
        ] {
            assert_eq!(super::meaning(text), meaning, "{text}");
        }
        assert!(matches!(meaning(".NaN"), Meaning::Float(number) if number.is_nan()));
        for text in [
            "yes", "on", "n", "tRUE", "nul", "1:30", "0x", "0b2", "1e", "-", "+", ".", "..", "1.2.3", "_1", "0xg",
            "--1", "+-1", "12a", "10.0.0.1", "2001-12", "inf", "0o", "1 2", "=", "<<",
        ] {
            assert_eq!(meaning(text), Meaning::Text, "{text}");
        }
    }
}
