//! Reading records back from a log: the inverse of [`super::record`] and [`super::escape`]. Pure.

use crate::request::{Client, Request};
use std::collections::BTreeMap;

/// A decision as the log has it, its parts joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub verdict: String,
    pub profile: String,
    pub id: String,
    pub request: Request,
}

/// The decisions in a log's text, in its order. Lines that are no records are passed over, and so are
/// records of which a part is missing.
pub fn entries(log: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    // Parts that have come, and how many there should be, by id.
    let mut parts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for fields in log.lines().filter_map(fields) {
        let Some(entry) = entry(&fields) else { continue };
        let part = text(&fields, "part").unwrap_or_else(|| "1/1".to_owned());
        let Some((number, count)) = part.split_once('/').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))
        else {
            continue;
        };
        match entries.iter_mut().rfind(|known| known.id == entry.id) {
            Some(known) if number > 1 => {
                let more = entry.request.command.unwrap_or_default();
                known.request.command.get_or_insert_default().extend(more);
                parts.insert(known.id.clone(), (number, count));
            }
            _ if number == 1 => {
                parts.insert(entry.id.clone(), (1, count));
                entries.push(entry);
            }
            _ => {}
        }
    }
    entries.retain(|entry| parts.get(&entry.id).is_some_and(|(last, count)| last == count));
    entries
}

fn entry(fields: &BTreeMap<String, Vec<u8>>) -> Option<Entry> {
    let given = |name: &str| text(fields, name).filter(|value| value != "-");
    let client = given("client").and_then(|client| client.parse::<std::net::SocketAddr>().ok());
    Some(Entry {
        verdict: text(fields, "verdict")?,
        profile: text(fields, "profile")?,
        id: text(fields, "id")?,
        request: Request {
            user: text(fields, "user")?,
            key: given("key"),
            fingerprint: given("fingerprint"),
            certificate: given("certificate"),
            client: client.map(|client| Client { address: client.ip(), port: client.port() }),
            command: fields.get("request").cloned(),
        },
    })
}

fn text(fields: &BTreeMap<String, Vec<u8>>, name: &str) -> Option<String> {
    String::from_utf8(fields.get(name)?.clone()).ok()
}

/// The fields of a line, from `verdict=` on; what syslog puts in front is left out.
fn fields(line: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut rest = line.get(line.find("verdict=")?..)?;
    let mut fields = BTreeMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (value, after) = after.split_once(' ').unwrap_or((after, ""));
                (value.as_bytes().to_vec(), after)
            }
        };
        fields.insert(name.to_owned(), value);
        rest = after.trim_start();
    }
    Some(fields)
}

/// A quoted value after its opening quote, and what follows it.
fn unquoted(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        let mut chars = rest.chars();
        let c = chars.next()?;
        rest = chars.as_str();
        match c {
            '"' => return Some((value, rest)),
            '\\' => {
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
            c => push(&mut value, c),
        }
    }
}

fn push(value: &mut Vec<u8>, c: char) {
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::record::{Record, Verdict};
    use super::*;

    fn logged(command: &[u8]) -> String {
        let request = Request {
            user: "ai-worker".into(),
            key: Some("hermes".into()),
            fingerprint: None,
            certificate: None,
            client: Client::parse("2001:db8::7 5 ::1 22"),
            command: Some(command.to_vec()),
        };
        let record = Record {
            verdict: Verdict::Deny,
            reason: "r",
            command: "compose up",
            secrets: None,
            request: &request,
            profile: "default",
            id: "1-2",
        };
        record.lines().iter().map(|line| format!("Nov 23 10:00:00 host dockgate[7]: {line}\n")).collect()
    }

    #[test]
    fn a_log_without_records_has_no_entries() {
        assert_eq!(entries("Nov 23 host sshd[1]: Accepted publickey\nverdict=\nverdict=allow x\n"), []);
        // Of a long request only the end is left.
        let log = logged(&[b'x'; 20_000]);
        assert_eq!(entries(log.split_once('\n').map_or("", |(_, rest)| rest)), []);
    }

    proptest::proptest! {
        #[test]
        fn what_was_written_is_read_back(command: Vec<u8>, long in 0usize..30_000) {
            // Masking is not undone, so nothing that it knows may stand in it.
            let command: Vec<u8> = command.into_iter().filter(|byte| !b"-:".contains(byte)).chain(std::iter::repeat_n(0x1b, long)).collect();
            let read = entries(&logged(&command));
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].request.command.as_deref(), Some(&command[..]));
            assert_eq!(read[0].request.key.as_deref(), Some("hermes"));
            assert_eq!(read[0].request.client.as_ref().map(ToString::to_string).as_deref(), Some("[2001:db8::7]:5"));
        }
    }
}
