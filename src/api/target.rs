//! The target of a request: a path and a query, decoded once. Pure.
//!
//! dockerd routes on the path decoded once, and answers 301 to one that is not clean (measured with 28.5.2). No
//! stock client sends either, so both are refused, and what goes on is written anew by [`encode`].

/// A request's target, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The minor number of `/v1.NN`; `None` without such a prefix.
    pub version: Option<u16>,
    /// The segments behind the version: never empty, and never `.` or `..`.
    pub path: Vec<String>,
    /// Names and values in the order in which they were sent; a name may come twice.
    pub query: Vec<(String, String)>,
}

impl Target {
    /// Reads a target in origin form.
    ///
    /// # Errors
    /// Why it is not one that a client of Docker's sends: one sentence without a full stop.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let Some(path) = path.strip_prefix('/') else { return Err("the target does not start with a slash") };
        let mut path: Vec<String> = path.split('/').map(segment).collect::<Result<_, _>>()?;
        let version = match path.first().and_then(|first| first.strip_prefix('v')) {
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
                Some(version(number).ok_or("the API's version is not written as v1.NN")?)
            }
            _ => None,
        };
        if version.is_some() {
            path.remove(0);
        }
        if path.is_empty() {
            return Err("the path names no endpoint");
        }
        Ok(Self { version, path, query: pairs(query)? })
    }
}

/// `1.NN`, both digits there and the first not 0.
fn version(text: &str) -> Option<u16> {
    let minor = text.strip_prefix("1.")?;
    let plain = minor.len() == 2 && !minor.starts_with('0') && minor.bytes().all(|byte| byte.is_ascii_digit());
    if plain { minor.parse().ok() } else { None }
}

fn segment(text: &str) -> Result<String, &'static str> {
    if matches!(text, "" | "." | "..") {
        return Err("the path has an empty segment, or leads up");
    }
    let decoded = decode(text, false)?;
    // Encoded, they would be a path of another shape to whoever decodes.
    let raw = |c: char| text.matches(c).count() == decoded.matches(c).count();
    if !raw('.') || decoded.contains(['/', '%', '\\', '?', '#']) || !decoded.is_ascii() {
        return Err("the path hides a character that means something in a path");
    }
    Ok(decoded)
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, &'static str> {
    if query.contains(';') {
        return Err("the query has a semicolon, which servers read in two ways");
    }
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Ok((decode(name, true)?, decode(value, true)?))
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

/// Decodes `%XX`, and in a query `+`.
fn decode(text: &str, plus: bool) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (rest.next().and_then(hex), rest.next().and_then(hex));
                high.zip(low)
                    .map(|(high, low)| high << 4 | low)
                    .ok_or("a % is not followed by two hexadecimal digits")?
            }
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 when it is decoded")?;
    if text.chars().any(|c| c.is_control() && !(plus && matches!(c, '\n' | '\r' | '\t'))) {
        return Err("it holds a control character");
    }
    Ok(text)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Writes a segment of a path, or a name or value of a query, so that every server reads it alike.
pub fn encode(text: &str, into: &mut String) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn targets_are_decoded_once() {
        let target = Target::parse("/v1.51/images/team%40x/app:1/json?a=b%20c&d=e+f&g&h=").unwrap();
        assert_eq!(target.version, Some(51));
        assert_eq!(target.path, ["images", "team@x", "app:1", "json"]);
        let query: Vec<_> = target.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(query, [("a", "b c"), ("d", "e f"), ("g", ""), ("h", "")]);
        assert_eq!(Target::parse("/volumes/x").unwrap().path, ["volumes", "x"]);
    }

    #[test]
    fn targets_that_servers_read_in_two_ways_are_refused() {
        for text in [
            "",
            "*",
            "http://evil/containers/json",
            "containers/json",
            "/",
            "//containers/json",
            "/v1.51/",
            "/v1.51",
            "/containers//json",
            "/containers/./json",
            "/containers/../json",
            "/containers/%2e%2e/json",
            "/containers/",
            "/containers/web%2fexec",
            "/containers/web%2Fexec",
            "/containers/%252e/json",
            "/containers/a%5cb/json",
            "/v1.51.0.0/info",
            "/v1.51./info",
            "/v01.51/info",
            "/v1.051/info",
            "/v1.5/info",
            "/v2.51/info",
            "/v1/info",
            "/containers/a%/json",
            "/containers/a%0/json",
            "/containers/a%zz/json",
            "/containers/a%00/json",
            "/containers/a%0a/json",
            "/containers/%ff/json",
            "/containers/%c3%a4/json",
            "/a%3fb",
            "/a%23b",
            "/info?a=1;b=2",
            "/info?a=%",
            "/info?%ff=1",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_as_it_was(text in "\\PC{0,40}") {
            let mut encoded = String::new();
            encode(&text, &mut encoded);
            prop_assert_eq!(decode(&encoded, true), Ok(text.clone()));
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
