//! Record: the fields of a decision in their fixed order, as one or more lines. Pure.

use super::{escape, mask};
use crate::docker::Secret;
use crate::policy::candidate::Opinion;
use crate::request::Request;

/// Longest line handed to syslog, in bytes, the header that syslog adds left out. rsyslog cuts messages
/// at 8 KiB unless told otherwise, header included.
pub const MAX_LINE: usize = 8 * 1024 - 128;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// Allowed, because the policy is only to be observed.
    Observe,
    Deny,
    Error,
    /// What was allowed has made something.
    Made,
    /// What was allowed has ended.
    End,
}

impl Verdict {
    /// Syslog's severity (RFC 5424, 6.2.1).
    pub fn severity(self) -> u32 {
        match self {
            Self::Allow | Self::Made | Self::End => 6,
            Self::Observe => 5,
            Self::Deny => 4,
            Self::Error => 3,
        }
    }

    /// The word in the record.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Observe => "observe",
            Self::Deny => "deny",
            Self::Error => "error",
            Self::Made => "made",
            Self::End => "end",
        }
    }
}

/// One decision.
#[derive(Debug)]
pub struct Record<'a> {
    pub verdict: Verdict,
    pub reason: &'a str,
    /// Docker's words for the command, as far as it was understood.
    pub command: &'a str,
    pub request: &'a Request,
    /// The request's secrets, when it was understood.
    pub secrets: Option<&'a [Secret]>,
    pub profile: &'a str,
    pub id: &'a str,
    /// The call of the API that the record is of; `None` for the request itself.
    pub call: Option<ApiCall<'a>>,
    /// The digest of the policy that judged.
    pub policy: Option<&'a str>,
    /// The digest of what was read to judge.
    pub input: Option<&'a str>,
    /// How long judging took, in milliseconds; of what is refused, and more than its words had to be looked at.
    pub judged: Option<u128>,
    /// The codes of further rules that refuse it, with commas between them.
    pub also: Option<&'a str>,
    /// What the candidate policy says.
    pub candidate: Option<Opinion>,
}

/// A call of the API, for its record.
#[derive(Clone, Copy, Debug)]
pub struct ApiCall<'a> {
    /// By which way it came.
    pub via: &'a str,
    /// The call without what is secret: it stands in the place of the request.
    pub shown: &'a str,
    /// What the candidate policy says of it.
    pub candidate: Option<Opinion>,
}

impl Record<'_> {
    /// The record's lines: one, or as many as the request needs at [`MAX_LINE`] bytes, each whole in
    /// itself and numbered `part=2/3`.
    pub fn lines(&self) -> Vec<String> {
        self.lines_of(MAX_LINE)
    }

    /// The same, at `longest` bytes.
    pub fn lines_of(&self, longest: usize) -> Vec<String> {
        let fields = self.fields();
        let request = self.escaped_request();
        let room = longest.saturating_sub(fields.len() + PART_ROOM);
        let parts = split(&request, room);
        let count = parts.len();
        if count == 1 {
            return vec![format!("{fields} request=\"{request}\"")];
        }
        let numbered = parts.iter().enumerate();
        numbered.map(|(index, part)| format!("{fields} part={}/{count} request=\"{part}\"", index + 1)).collect()
    }

    fn fields(&self) -> String {
        let request = self.request;
        let client = request.client.as_ref().map(ToString::to_string);
        let fields: [(&str, &str); 9] = [
            ("verdict", self.verdict.word()),
            ("reason", self.reason),
            ("command", self.command),
            ("user", &request.user),
            ("key", request.key.as_deref().unwrap_or("-")),
            ("fingerprint", request.fingerprint.as_deref().unwrap_or("-")),
            ("client", client.as_deref().unwrap_or("-")),
            ("profile", self.profile),
            ("id", self.id),
        ];
        let mut line = String::new();
        for (name, value) in fields {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(name);
            line.push('=');
            push_value(&mut line, value);
        }
        if let Some(id) = &request.certificate {
            line.push_str(" certificate=");
            push_value(&mut line, id);
        }
        let peer = request.peer.map(|process| process.to_string());
        let via = self.call.as_ref().map(|call| call.via);
        let candidate = self.candidate.map(|opinion| opinion.to_string());
        let judged = self.judged.map(|milliseconds| milliseconds.to_string());
        let version = self.policy.map(|_| env!("CARGO_PKG_VERSION"));
        for (name, value) in [
            ("peer", peer.as_deref()),
            ("via", via),
            ("policy", self.policy),
            ("version", version),
            ("input", self.input),
            ("judged_ms", judged.as_deref()),
            ("candidate", candidate.as_deref()),
        ] {
            if let Some(value) = value {
                line.push(' ');
                line.push_str(name);
                line.push('=');
                push_value(&mut line, value);
            }
        }
        // Codes alone, however many.
        line.extend(self.also.map(|codes| format!(" also=\"{codes}\"")));
        line
    }

    fn escaped_request(&self) -> String {
        let mut line = String::new();
        if let Some(call) = &self.call {
            escape::push(&mut line, call.shown.as_bytes());
            return line;
        }
        escape::push(&mut line, &mask::mask(self.request.command.as_deref().unwrap_or_default(), self.secrets));
        line
    }
}

/// Room for ` part=999/999 request=""`.
const PART_ROOM: usize = 32;

/// A value bare when it is one plain word, else quoted and escaped. Labels come from the administrator's
/// own command lines and are cut to a sane length.
pub(super) fn push_value(line: &mut String, value: &str) {
    let value: String = value.chars().take(256).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+@[]".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        line.push_str(&value);
    } else {
        line.push('"');
        escape::push(line, value.as_bytes());
        line.push('"');
    }
}

/// Cuts escaped text into pieces of at most `room` bytes, never inside an escape.
fn split(text: &str, room: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > room {
        let cut = cut_at(rest, room);
        let (part, after) = rest.split_at(cut);
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// The last place at or before `room` that is between two characters or escapes.
fn cut_at(text: &str, room: usize) -> usize {
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut stop = start + c.len_utf8();
        if c == '\\' {
            let kind = chars.next().map(|(at, c)| (at + c.len_utf8(), c));
            stop = match kind {
                Some((_, 'x')) => start + 4,
                Some((_, 'u')) => {
                    text.get(start..).and_then(|rest| rest.find('}')).map_or(text.len(), |at| start + at + 1)
                }
                Some((at, _)) => at,
                None => text.len(),
            };
            while chars.next_if(|(at, _)| *at < stop).is_some() {}
        }
        if stop > room {
            break;
        }
        end = stop;
    }
    // A piece is never empty, so that cutting ends.
    if end == 0 { text.chars().next().map_or(text.len(), char::len_utf8) } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Client;

    fn request(command: &[u8]) -> Request {
        Request {
            user: "ai-worker".into(),
            key: Some("hermes".into()),
            fingerprint: None,
            certificate: None,
            peer: None,
            client: Client::parse("192.0.2.7 51514 192.0.2.1 22"),
            command: Some(command.to_vec()),
            login: false,
        }
    }

    fn lines(command: &[u8]) -> Vec<String> {
        let request = request(command);
        Record {
            verdict: Verdict::Deny,
            reason: "blocked-command",
            command: "exec",
            request: &request,
            secrets: None,
            profile: "default",
            id: "5f-1",
            call: None,
            policy: None,
            input: None,
            judged: None,
            also: None,
            candidate: None,
        }
        .lines()
    }

    #[test]
    fn a_record_is_one_line_in_fixed_order() {
        assert_eq!(
            lines(b"docker exec web sh"),
            [
                "verdict=deny reason=blocked-command command=exec user=ai-worker key=hermes fingerprint=- client=192.0.2.7:51514 profile=default id=5f-1 request=\"docker exec web sh\""
            ]
        );
    }

    #[test]
    fn a_value_with_a_space_is_quoted() {
        let mut line = String::new();
        push_value(&mut line, "compose exec");
        assert_eq!(line, "\"compose exec\"");
    }

    #[test]
    fn a_long_request_goes_on_and_nothing_is_cut_off() {
        let long: Vec<u8> = (0..60_000u32).map(|i| if i % 7 == 0 { 0x1b } else { b'a' + (i % 26) as u8 }).collect();
        let lines = lines(&long);
        assert!(lines.len() > 8);
        let mut whole = String::new();
        for (index, line) in lines.iter().enumerate() {
            assert!(line.len() <= MAX_LINE, "{}", line.len());
            assert!(line.starts_with("verdict=deny reason=blocked-command "));
            assert!(line.contains(&format!(" part={}/{} request=\"", index + 1, lines.len())));
            let part = line.split_once("request=\"").unwrap().1.strip_suffix('"').unwrap();
            assert!(!part.ends_with('\\'));
            whole.push_str(part);
        }
        let mut expected = String::new();
        escape::push(&mut expected, &long);
        assert_eq!(whole, expected);
    }

    proptest::proptest! {
        #[test]
        fn parts_join_to_the_whole(bytes: Vec<u8>, room in 16usize..64) {
            let mut text = String::new();
            escape::push(&mut text, &bytes);
            let parts = split(&text, room);
            assert_eq!(parts.concat(), text);
            for part in parts {
                assert!(part.len() <= room);
                // Whole escapes only: a part read alone has no backslash without its partner.
                let mut chars = part.chars();
                while let Some(c) = chars.next() {
                    if c == '\\' {
                        match chars.next() {
                            Some('u') => assert!(chars.by_ref().any(|c| c == '}')),
                            Some('x') => assert_eq!(chars.by_ref().take(2).count(), 2),
                            other => assert!(other.is_some()),
                        }
                    }
                }
            }
        }
    }
}
