//! Masking: secrets in known places of a request, before it is written down. Pure.
//!
//! Of a request that was understood just the parts are masked that its parser read as secrets
//! ([`crate::docker::secrets`]): what is masked is not in the log, so it must not be what was done. A request that
//! was not understood ran nothing, and its secrets are guessed from how its words look.

use crate::docker::{Secret, secrets};
use std::ops::Range;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// Options whose value is `NAME=SECRET`.
const ASSIGNING: &[&[u8]] = &[b"--env", b"--build-arg", b"--env-add"];

/// The option whose whole value is a secret, after `login`.
const PASSWORD: &[u8] = b"--password";

/// The option whose whole value is a secret, after `swarm`.
const TOKEN: &[u8] = b"--token";

/// How many requests within words of requests are looked into.
const NESTING: usize = 2;

/// The request with its secrets replaced. `secrets` are those of the request as it was understood.
pub fn mask(request: &[u8], secrets: Option<&[Secret]>) -> Vec<u8> {
    let words = words(request);
    let mut found: Vec<Range<usize>> = match secrets {
        Some(secrets) => {
            let place = |secret: &Secret| words.get(words.len().checked_sub(secret.word)?)?.raw(secret.range.clone());
            secrets.iter().filter_map(place).collect()
        }
        None => guesses(&words, NESTING),
    };
    found.sort_by_key(|range| (range.start, range.end));
    replace(request, &found)
}

/// What looks like a secret among words that were not understood, and within words that are requests themselves.
fn guesses(words: &[Word], nesting: usize) -> Vec<Range<usize>> {
    let login = words.iter().any(|word| word.text == b"login");
    let mut found = Vec::new();
    let mut previous: &[u8] = b"";
    // `TOKEN=x docker …`
    let leading = words.iter().position(|word| word.text == b"docker").unwrap_or_default();
    for (index, word) in words.iter().enumerate() {
        let assigned = if index < leading { assignment(&word.text) } else { None };
        let from = guessed(previous, &word.text, login).or(assigned);
        let own = from.filter(|from| *from < word.text.len()).and_then(|from| word.raw(from..word.text.len()));
        if own.is_none() && nesting > 0 && word.text.iter().any(u8::is_ascii_whitespace) {
            let inner = self::words(&word.text);
            found.extend(guesses(&inner, nesting - 1).into_iter().filter_map(|range| word.raw(range)));
        }
        found.extend(own);
        let text = String::from_utf8_lossy(&word.text);
        // Its bytes are where they were only if none was replaced.
        if text.len() == word.text.len() {
            let one = !text.contains(|c: char| c.is_ascii_whitespace());
            let keyed = if one { secrets::keyed(&text) } else { Vec::new() };
            found.extend(secrets::urls(&text, true).into_iter().chain(keyed).filter_map(|range| word.raw(range)));
        }
        previous = &word.text;
    }
    found
}

/// From where a word looks like hiding a secret.
fn guessed(previous: &[u8], word: &[u8], login: bool) -> Option<usize> {
    let after_equals = |start: usize| {
        let name = word.get(start..)?.iter().position(|byte| *byte == b'=')?;
        Some(start + name + 1)
    };
    let from = if ASSIGNING.contains(&previous) || is_short_env(previous) {
        after_equals(0)
    } else if previous == TOKEN || (login && (previous == PASSWORD || previous == b"-p") && !word.starts_with(b"-")) {
        Some(0)
    } else if has_value(word, TOKEN) {
        Some(TOKEN.len() + 1)
    } else if let Some(option) = ASSIGNING.iter().find(|option| has_value(word, option)) {
        after_equals(option.len() + 1)
    } else if login && has_value(word, PASSWORD) {
        Some(PASSWORD.len() + 1)
    } else if login && word.starts_with(b"-p") {
        Some(2)
    } else {
        // `-eNAME=SECRET`, `-e=NAME=SECRET`, and an `e` at the end of a cluster of switches: `-iteNAME=SECRET`.
        let cluster = word.strip_prefix(b"-").filter(|cluster| !cluster.starts_with(b"-"))?;
        let letter = cluster.iter().take_while(|byte| SWITCHES.contains(byte)).count();
        let value = (cluster.get(letter) == Some(&b'e')).then_some(letter + 2)?;
        after_equals(if word.get(value) == Some(&b'=') { value + 1 } else { value })
    };
    from.filter(|from| *from < word.len())
}

/// From where `NAME=VALUE` has its value.
fn assignment(word: &[u8]) -> Option<usize> {
    let equals = word.iter().position(|byte| *byte == b'=')?;
    let name = word.get(..equals)?;
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').then_some(equals + 1)
}

fn has_value(word: &[u8], option: &[u8]) -> bool {
    word.strip_prefix(option).is_some_and(|rest| rest.starts_with(b"="))
}

/// Short options of `run` and `exec` that take no value.
const SWITCHES: &[u8] = b"dinqtP";

/// `-e`, or a cluster that ends in it.
fn is_short_env(word: &[u8]) -> bool {
    match word.strip_prefix(b"-") {
        Some([switches @ .., b'e']) => switches.iter().all(|byte| SWITCHES.contains(byte)),
        _ => false,
    }
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

/// A blank-separated word of the raw request: its bytes after quote removal, and where each was.
#[derive(Default)]
struct Word {
    text: Vec<u8>,
    places: Vec<usize>,
}

impl Word {
    /// Where a range of the text is in the request.
    fn raw(&self, range: Range<usize>) -> Option<Range<usize>> {
        let last = range.end.checked_sub(1)?;
        Some(*self.places.get(range.start)?..self.places.get(last)? + 1)
    }
}

/// The words of a request that need not be well-formed, quoted as in POSIX shells.
fn words(request: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut bytes = request.iter().copied().enumerate().peekable();
    while let Some((place, byte)) = bytes.next() {
        if matches!(byte, b' ' | b'\t' | b'\n') && quote.is_none() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        let taken = match (quote, byte) {
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => {
                quote = None;
                None
            }
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                None
            }
            (None, b'\\') => bytes.next(),
            (Some(b'"'), b'\\') => {
                let escapes = |next: &(usize, u8)| matches!(next.1, b'$' | b'`' | b'"' | b'\\' | b'\n');
                Some(bytes.next_if(escapes).unwrap_or((place, byte)))
            }
            _ => Some((place, byte)),
        };
        if let Some((place, byte)) = taken {
            word.text.push(byte);
            word.places.push(place);
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::{mask, words};
    use crate::docker::Invocation;
    use crate::request::words::Words;
    use proptest::prelude::*;

    /// Masked as what was understood, or guessed at.
    fn masked(request: &str) -> String {
        let words = Words::split(request.as_bytes()).expect("words");
        let secrets = Invocation::parse(&words).ok().and_then(|invocation| invocation.secrets());
        String::from_utf8(mask(request.as_bytes(), secrets.as_deref())).expect("text")
    }

    fn guessed(request: &str) -> String {
        String::from_utf8(mask(request.as_bytes(), None)).expect("text")
    }

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
            ("docker run -e 'A=b c' d", "docker run -e 'A=***' d"),
            ("docker run \"-eA=b\" d", "docker run \"-eA=***\" d"),
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
        ] {
            assert_eq!(masked(request), expected, "{request}");
            assert_eq!(guessed(request), expected, "{request}");
        }
        assert_eq!(masked("docker compose run -e A=b web"), "docker compose run -e A=*** web");
        assert_eq!(
            guessed("dockgate check 'docker run -e TOKEN=s3 x y'"),
            "dockgate check 'docker run -e TOKEN=*** x y'"
        );
        assert_eq!(guessed("dockgate check docker run -e TOKEN=s3 x"), "dockgate check docker run -e TOKEN=*** x");
        assert_eq!(guessed("TOKEN=s3 docker run x a=b"), "TOKEN=*** docker run x a=b");
        assert_eq!(guessed(""), "");
        assert_eq!(guessed("docker run -e 'A=b c"), "docker run -e 'A=***");
    }

    #[test]
    fn secrets_are_masked_where_the_parser_read_them() {
        let long = "x".repeat(300);
        for (request, expected) in [
            ("docker login -p real -p fake", "docker login -p *** -p ***".to_owned()),
            ("docker login -preal --password fake h", "docker login -p*** --password *** h".to_owned()),
            ("docker run -lrole=K=x -e K=x y", "docker run -lrole=K=x -e K=*** y".to_owned()),
            ("docker build https://a:b@c/https://d:e@f", "docker build https://a:***@c/https://d:***@f".to_owned()),
            (&format!("docker build https://a:{long}@c"), "docker build https://a:***@c".to_owned()),
            ("docker build 'https://a:b;c@d'", "docker build 'https://a:***@d'".to_owned()),
            ("docker build https://ghp_abc@github.com/x", "docker build https://***@github.com/x".to_owned()),
            ("docker build https://t:x-oauth-basic@h/x", "docker build https://***@h/x".to_owned()),
            ("docker build https://git@h/x", "docker build https://git@h/x".to_owned()),
            (
                "docker volume prune --filter label=http://a:b@c",
                "docker volume prune --filter label=http://a:b@c".to_owned(),
            ),
            ("docker run -l u=http://a:b@c y", "docker run -l u=http://a:***@c y".to_owned()),
            ("docker run --log-opt splunk-token=a== y", "docker run --log-opt splunk-token=*** y".to_owned()),
            ("docker run -l role=x -l api-token=s y", "docker run -l role=x -l api-token=*** y".to_owned()),
            ("docker -H tcp://u:s@h ps", "docker -H tcp://u:***@h ps".to_owned()),
            ("docker swarm join --token SWMTKN-1 h", "docker swarm join --token *** h".to_owned()),
            ("docker buildx bake --set '*.args.X=s'", "docker buildx bake --set '*.args.X=***'".to_owned()),
            (
                "docker run --health-cmd 'PGPASSWORD=s pg -U x' y",
                "docker run --health-cmd 'PGPASSWORD=*** pg -U x' y".to_owned(),
            ),
            (
                "docker volume create -o o=username=u,password=s,uid=0 v",
                "docker volume create -o o=username=u,password=***,uid=0 v".to_owned(),
            ),
            (
                "docker build --cache-to type=s3,secret_access_key=s,region=r .",
                "docker build --cache-to type=s3,secret_access_key=***,region=r .".to_owned(),
            ),
            ("docker run --log-opt splunk-token=s y", "docker run --log-opt splunk-token=*** y".to_owned()),
            (
                "docker -D compose -p q run -e A=b -T web -e C=d",
                "docker -D compose -p q run -e A=*** -T web -e C=d".to_owned(),
            ),
            ("docker commit -c 'ENV A=s' web x", "docker commit -c 'ENV A=***' web x".to_owned()),
        ] {
            assert_eq!(masked(request), expected);
        }
        assert_eq!(guessed("docker swarm join --tokn --token s x"), "docker swarm join --tokn --token *** x");
        assert_eq!(guessed("docker --help login -p s"), "docker --help login -p ***");
        assert_eq!(masked("docker --help login -p s"), "docker --help login -p ***");
    }

    #[test]
    fn what_was_done_is_not_masked() {
        for request in [
            "docker run alpine sh -c x --password 'rm -rf /data'",
            "docker run alpine login -p 'rm -rf /data'",
            "docker run alpine env -e 'A=rm -rf /data'",
            "docker run alpine sh -c 'wget http://a:b;rm -rf /data@x/'",
            "docker run -w --env alpine A=b",
            "docker run --env alpine",
        ] {
            assert_eq!(masked(request), request);
        }
        let hides = "docker run --rm -e mount=type=volume,src=v,dst=/x --mount=type=volume,src=v,dst=/x busybox";
        assert_eq!(masked(hides), hides.replacen("type=volume,src=v,dst=/x", "***", 1));
        let again = "docker run -e 'c=rm -rf /' busybox sh -e 'c=rm -rf /'";
        assert_eq!(masked(again), again.replacen("rm -rf /", "***", 1));
        assert_eq!(guessed("docker x login -p --privileged"), "docker x login -p --privileged");
    }

    proptest! {
        #[test]
        fn words_are_those_that_are_judged(request in "[-a='\"\\\\ $\t:/@]{0,24}") {
            if let Ok(judged) = Words::split(request.as_bytes()) {
                let found: Vec<Vec<u8>> = words(request.as_bytes()).into_iter().map(|word| word.text).collect();
                let judged: Vec<Vec<u8>> = judged.as_slice().iter().map(|word| word.clone().into_bytes()).collect();
                prop_assert_eq!(found, judged);
            }
        }

        #[test]
        fn nothing_else_is_lost(request: Vec<u8>) {
            let masked = mask(&request, Some(&[]));
            prop_assert_eq!(masked, request);
        }
    }
}
