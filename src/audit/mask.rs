//! Masking: secrets in known places of a request, before it is written down. Pure.
//!
//! A request may be anything, so the places are found in its raw text: words between blanks, quotes kept.
//! Masking too much is better than too little.

use std::ops::Range;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// Options whose value is `NAME=SECRET`.
const ASSIGNING: &[&[u8]] = &[b"--env", b"--build-arg", b"--env-add"];

/// Options whose whole value is a secret.
const SECRET: &[&[u8]] = &[b"--password"];

/// The request with its secrets replaced: values of `-e`, `--env` and `--build-arg` assignments, `login`'s
/// password, and passwords in URLs.
pub fn mask(request: &[u8]) -> Vec<u8> {
    let words = words(request);
    let login = words.iter().any(|word| request.get(word.clone()) == Some(b"login"));
    let mut secrets: Vec<Range<usize>> = Vec::new();
    let mut previous: &[u8] = b"";
    for word in words {
        let text = request.get(word.clone()).unwrap_or_default();
        secrets.extend(
            secret_in(unquoted(previous), text, login).map(|range| word.start + range.start..word.start + range.end),
        );
        secrets.extend(url_password(text).map(|range| word.start + range.start..word.start + range.end));
        previous = text;
    }
    secrets.sort_by_key(|range| range.start);
    replace(request, &secrets)
}

fn replace(request: &[u8], secrets: &[Range<usize>]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(request.len());
    let mut written = 0;
    for range in secrets.iter().filter(|range| !range.is_empty()) {
        if range.end <= written {
            continue;
        }
        masked.extend_from_slice(request.get(written..range.start).unwrap_or_default());
        masked.extend_from_slice(MASK);
        written = range.end;
    }
    masked.extend_from_slice(request.get(written..).unwrap_or_default());
    masked
}

/// The blank-separated words; blanks inside quotes belong to the word.
fn words(request: &[u8]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut escaped = false;
    for (index, byte) in request.iter().copied().enumerate() {
        let blank = matches!(byte, b' ' | b'\t' | b'\n') && quote.is_none() && !escaped;
        if blank {
            words.extend(start.take().map(|start| start..index));
            continue;
        }
        start.get_or_insert(index);
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => quote = None,
            (Some(b'"') | None, b'\\') => escaped = true,
            (None, b'\'' | b'"') => quote = Some(byte),
            _ => {}
        }
    }
    words.extend(start.map(|start| start..request.len()));
    words
}

/// The secret's place in `word`, given the word before it.
fn secret_in(previous: &[u8], word: &[u8], login: bool) -> Option<Range<usize>> {
    let whole = 0..word.len();
    let after = |byte: u8, from: usize| {
        let offset = word.get(from..)?.iter().position(|b| *b == byte)?;
        Some(from + offset + 1..word.len())
    };
    if ASSIGNING.contains(&previous) || is_short_env(previous) {
        return after(b'=', 0);
    }
    if SECRET.contains(&previous) || (login && previous == b"-p") {
        return Some(whole);
    }
    let bare = skip_quotes(word);
    let text = word.get(bare..).unwrap_or_default();
    for option in ASSIGNING {
        if text.starts_with(option) && text.get(option.len()) == Some(&b'=') {
            return after(b'=', bare + option.len() + 1);
        }
    }
    for option in SECRET {
        if text.starts_with(option) && text.get(option.len()) == Some(&b'=') {
            return Some(bare + option.len() + 1..word.len());
        }
    }
    if login && text.starts_with(b"-p") && text.len() > 2 {
        return Some(bare + 2..word.len());
    }
    // `-eNAME=SECRET`, `-e=NAME=SECRET`, and an `e` at the end of a cluster of switches: `-iteNAME=SECRET`.
    let cluster = text.strip_prefix(b"-")?;
    if cluster.starts_with(b"-") {
        return None;
    }
    let letter = cluster.iter().take_while(|byte| b"dinqtP".contains(byte)).count();
    if cluster.get(letter) != Some(&b'e') {
        return None;
    }
    let value = bare + 1 + letter + 1;
    after(b'=', if word.get(value) == Some(&b'=') { value + 1 } else { value })
}

/// `-e`, or a cluster that ends in it.
fn is_short_env(word: &[u8]) -> bool {
    match word.strip_prefix(b"-") {
        Some([switches @ .., b'e']) => switches.iter().all(|byte| b"dinqtP".contains(byte)),
        _ => false,
    }
}

fn skip_quotes(word: &[u8]) -> usize {
    word.iter().take_while(|byte| matches!(byte, b'\'' | b'"')).count()
}

fn unquoted(word: &[u8]) -> &[u8] {
    let start = skip_quotes(word);
    let end = word.iter().rposition(|byte| !matches!(byte, b'\'' | b'"')).map_or(start, |last| last + 1);
    word.get(start..end).unwrap_or_default()
}

/// The password in `scheme://user:password@host`.
fn url_password(word: &[u8]) -> Option<Range<usize>> {
    let scheme = word.windows(3).position(|window| window == b"://")? + 3;
    let authority = word.get(scheme..)?.split(|byte| matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'')).next()?;
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority.get(..at)?.iter().position(|byte| *byte == b':')?;
    Some(scheme + colon + 1..scheme + at)
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn secrets_in_known_places_are_masked() {
        for (request, expected) in [
            ("docker run -e A=b c", "docker run -e A=*** c"),
            ("docker run -eA=b c", "docker run -eA=*** c"),
            ("docker run -e=A=b c", "docker run -e=A=*** c"),
            ("docker run -ite A=b c", "docker run -ite A=*** c"),
            ("docker run -iteA=b c", "docker run -iteA=*** c"),
            ("docker run --env A=b c", "docker run --env A=*** c"),
            ("docker run --env=A=b=c d", "docker run --env=A=*** d"),
            ("docker run -e 'A=b c' d", "docker run -e 'A=*** d"),
            ("docker run \"-eA=b\" d", "docker run \"-eA=*** d"),
            ("docker run -e A d", "docker run -e A d"),
            ("docker run -e A= d", "docker run -e A= d"),
            ("docker build --build-arg T=s .", "docker build --build-arg T=*** ."),
            ("docker build --build-arg=T=s .", "docker build --build-arg=T=*** ."),
            ("docker login -u me -p s3cret host", "docker login -u me -p *** host"),
            ("docker login -ps3cret", "docker login -p***"),
            ("docker login --password=s3cret", "docker login --password=***"),
            ("docker login --password s3cret", "docker login --password ***"),
            ("docker build https://me:tok@host/x.git", "docker build https://me:***@host/x.git"),
            ("docker build https://host/x.git", "docker build https://host/x.git"),
            ("docker run -p 80:80 x", "docker run -p 80:80 x"),
            ("docker ps", "docker ps"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&mask(request.as_bytes())), expected, "{request}");
        }
    }
}
