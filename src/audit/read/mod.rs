//! Reading records back from logs, however long: the inverse of [`super::record`], in bounded memory.

use crate::request::{Client, Request};
use anyhow::Result;
use join::Join;
use line::{Fields, Line};
use source::Lines;

pub mod forms;
pub mod join;
pub mod line;
pub mod source;
pub mod time;
pub mod value;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines, dockgate's or not.
    pub lines: u64,
    /// Lines that are dockgate's, and whole.
    pub records: u64,
    /// Lines that are dockgate's, and not whole.
    pub damaged: u64,
    /// Host, verdict and id of records of which a part is missing; so many as the bound of what waits.
    pub incomplete: Vec<String>,
}

/// Hands every record of the logs on, in their order, the parts of a long one joined.
///
/// # Errors
/// When a log cannot be read.
pub fn each(lines: &mut Lines, see: impl FnMut(&Fields<'_>) -> Result<()>) -> Result<Tally> {
    each_with(lines, |_| {}, see)
}

/// As [`each`], with every line as it is, too.
///
/// # Errors
/// As [`each`].
pub fn each_with(
    lines: &mut Lines,
    mut raw: impl FnMut(&[u8]),
    mut see: impl FnMut(&Fields<'_>) -> Result<()>,
) -> Result<Tally> {
    let mut join = Join::default();
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while lines.next_into(&mut line)? {
        tally.lines += 1;
        raw(&line);
        match Line::parse(&line) {
            Line::Other => {}
            Line::Damaged => tally.damaged += 1,
            Line::Record(fields) => {
                tally.records += 1;
                if fields.part().is_none() {
                    see(&fields)?;
                } else if let Some(whole) = join.take(&fields)
                    && let Some(joined) = Fields::of(&whole)
                {
                    see(&fields.with(joined))?;
                }
            }
        }
    }
    tally.incomplete = join.end();
    Ok(tally)
}

/// A decision as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub verdict: String,
    pub profile: String,
    pub id: String,
    /// Docker's words for the command.
    pub command: String,
    /// By which way it came, where it is a call of the API; that stands in the place of the request then.
    pub via: Option<String>,
    /// The digest of the files that were read to judge it.
    pub input: Option<String>,
    pub request: Request,
}

impl Entry {
    /// The decision in a record; `None` for records of other things.
    pub fn of(fields: &Fields<'_>) -> Option<Self> {
        let text = |name: &str| String::from_utf8(value::unescaped(fields.get(name)?)?).ok();
        let given = |name: &str| text(name).filter(|value| value != "-");
        let client = given("client").and_then(|client| client.parse::<std::net::SocketAddr>().ok());
        Some(Self {
            verdict: text("verdict")?,
            profile: text("profile")?,
            id: text("id")?,
            command: text("command")?,
            via: given("via"),
            input: given("input"),
            request: Request {
                user: text("user")?,
                key: given("key"),
                fingerprint: given("fingerprint"),
                certificate: given("certificate"),
                peer: given("peer").and_then(|process| process.parse().ok()),
                client: client.map(|client| Client { address: client.ip(), port: client.port() }),
                command: fields.get("request").and_then(value::unescaped),
                login: text("command")? == "login",
            },
        })
    }
}

/// The decisions in the logs. Records of which a part is missing are passed over.
///
/// # Errors
/// When a log cannot be read.
pub fn entries(lines: &mut Lines) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    each(lines, |fields| {
        entries.extend(Entry::of(fields));
        Ok(())
    })?;
    Ok(entries)
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
            peer: Some(4321),
            client: Client::parse("2001:db8::7 5 ::1 22"),
            command: Some(command.to_vec()),
            login: false,
        };
        let record = Record {
            verdict: Verdict::Deny,
            reason: "r",
            command: "compose up",
            secrets: None,
            request: &request,
            profile: "default",
            id: "1-2",
            call: None,
            policy: None,
            input: None,
            judged: None,
            also: None,
            candidate: None,
        };
        record.lines().iter().map(|line| format!("Nov 23 10:00:00 host dockgate[7]: {line}\n")).collect()
    }

    fn read(log: &str) -> (Vec<Entry>, Tally) {
        let mut entries = Vec::new();
        let tally = each(&mut Lines::of_text(log), |fields| {
            entries.extend(Entry::of(fields));
            Ok(())
        });
        (entries, tally.unwrap())
    }

    #[test]
    fn a_log_without_records_has_no_entries() {
        let (entries, tally) = read("Nov 23 host sshd[1]: Accepted publickey\nverdict=\nverdict=allow x\n");
        assert_eq!(entries, []);
        assert_eq!((tally.lines, tally.records, tally.damaged), (3, 1, 1));
        // Of a long request only the end is left.
        let log = logged(&[b'x'; 20_000]);
        let (entries, tally) = read(log.split_once('\n').map_or("", |(_, rest)| rest));
        assert_eq!(entries, []);
        assert_eq!(tally.incomplete, ["host deny 1-2"]);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
        #[test]
        fn every_form_is_read_back(command: Vec<u8>, long in 0usize..9_000) {
            use crate::audit::format::{message, room};
            use crate::policy::values::Format;
            let command: Vec<u8> = command.into_iter().filter(|byte| !b"-:".contains(byte)).chain(std::iter::repeat_n(b'"', long)).collect();
            let request = Request { user: "a".into(), certificate: Some("c ] \"d\" \\".into()), command: Some(command.clone()), ..Request::default() };
            let record = Record { verdict: Verdict::Deny, reason: "r", command: "compose up", secrets: None, request: &request, profile: "default", id: "1-2", call: None, policy: None, input: None, judged: None, also: None, candidate: None };
            for (format, header) in [
                (Format::Logfmt, ""),
                (Format::Json, ""),
                (Format::Json, "2026-11-23T10:00:00Z h dockgate[7]: "),
                (Format::Rfc5424, "<84>1 2026-11-23T10:00:00Z h dockgate 7 deny "),
            ] {
                let log: String = record.lines_of(room(format)).iter().map(|line| format!("{header}{}\n", message(format, line).unwrap())).collect();
                let (entries, tally) = read(&log);
                proptest::prop_assert_eq!((entries.len(), tally.damaged), (1, 0), "{}", log);
                proptest::prop_assert_eq!(&entries[0].request, &request);
            }
        }

        #[test]
        fn what_was_written_is_read_back(command: Vec<u8>, long in 0usize..30_000, backwards: bool) {
            // Masking is not undone, so nothing that it knows may stand in it.
            let command: Vec<u8> = command.into_iter().filter(|byte| !b"-:".contains(byte)).chain(std::iter::repeat_n(0x1b, long)).collect();
            let mut lines: Vec<String> = logged(&command).lines().map(|line| format!("{line}\n")).collect();
            if backwards {
                lines.reverse();
            }
            let (read, tally) = read(&lines.concat());
            assert_eq!((read.len(), tally.records), (1, lines.len() as u64));
            assert_eq!(read[0].request.command.as_deref(), Some(&command[..]));
            assert_eq!(read[0].request.key.as_deref(), Some("hermes"));
            assert_eq!(read[0].request.client.as_ref().map(ToString::to_string).as_deref(), Some("[2001:db8::7]:5"));
        }
    }
}
