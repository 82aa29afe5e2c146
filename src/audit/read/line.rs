//! One line of a log: whether it is a record, and its fields. Pure, and without copying, as logs are long.

use super::forms;
use super::time::{self, Micros};
use crate::audit::chain::Link;
use memchr::{memchr, memchr2, memmem};
use std::borrow::Cow;

/// What a line of a log is.
#[derive(Debug)]
pub enum Line<'a> {
    /// Not dockgate's.
    Other,
    /// dockgate's by its tag, but not whole: cut off or changed on the way.
    Damaged,
    Record(Fields<'a>),
}

/// The fields of a record in their order, and what the log daemon says of it. Values are as the record has
/// them: escaped, without their quotes.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// When the log daemon had it, where it says so with date and zone.
    stamp: Option<Micros>,
    /// The host that the log daemon names; empty where it names none.
    pub host: Cow<'a, str>,
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Line<'a> {
    /// Reads one line, without its end.
    ///
    /// Only what stands directly behind the log daemon's own header counts: what other programs say of their
    /// clients could hold anything.
    pub fn parse(line: &'a [u8]) -> Self {
        // A chain's link is not part of the line that was chained.
        let link = Link::of(line).map_or(0, |link| link.length);
        let line = line.get(link..).unwrap_or_default();
        let Some(mark) = memmem::find(line, b"verdict") else { return Self::Other };
        let Ok(line) = std::str::from_utf8(line) else {
            // A record is UTF-8. What is not is another program's, unless the tag says otherwise.
            return if is_tagged(line, mark) { Self::Damaged } else { Self::Other };
        };
        if let Some(entry) = line.starts_with('{').then(|| forms::journal(line)).flatten() {
            return Self::of_journal(entry);
        }
        let Some((header, message)) = Header::split(line) else { return Self::Other };
        match pairs_of(message) {
            None => Self::Other,
            // Without a header there is no tag that would make other JSON dockgate's.
            Some(Err(Broken)) if line.starts_with('{') => Self::Other,
            Some(Err(Broken)) => Self::Damaged,
            Some(Ok(fields)) => Self::Record(Fields { stamp: header.stamp, host: header.host.into(), fields }),
        }
    }

    /// What journalctl prints as JSON.
    fn of_journal(entry: forms::Entry) -> Self {
        let forms::Entry { message, host, stamp } = entry;
        match pairs_of(&message) {
            None => Self::Other,
            Some(Err(Broken)) => Self::Damaged,
            Some(Ok(fields)) => {
                let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
                let fields = fields.into_iter().map(|(name, value)| (owned(name), owned(value))).collect();
                Self::Record(Fields { stamp, host: host.into(), fields })
            }
        }
    }
}

/// `dockgate[PID]`, or `dockgate`.
fn is_tag(word: &str) -> bool {
    let Some(pid) = word.strip_prefix("dockgate") else { return false };
    let digits = pid.strip_prefix('[').and_then(|pid| pid.strip_suffix(']'));
    pid.is_empty() || digits.is_some_and(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `FACILITY.SEVERITY`, which some templates have in front of the tag, and no host's name.
fn is_priority(word: &str) -> bool {
    const SEVERITIES: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    let facility = |name: &str| {
        let number = name.strip_prefix("local").and_then(|number| number.parse::<u8>().ok());
        matches!(name, "auth" | "authpriv" | "daemon" | "user" | "syslog") || number.is_some_and(|number| number < 8)
    };
    word.split_once('.').is_some_and(|(name, severity)| facility(name) && SEVERITIES.contains(&severity))
}

/// Names and values.
type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// It begins like a record, and is none.
struct Broken;

/// The fields of a message in either form; `None` where it does not begin like a record.
fn pairs_of(message: &str) -> Option<Result<Pairs<'_>, Broken>> {
    if message.starts_with("verdict=") {
        return Some(logfmt(message).ok_or(Broken));
    }
    let text = message.strip_prefix("@cee:").unwrap_or(message).trim_start();
    text.starts_with('{').then(|| forms::json(text).ok_or(Broken))
}

fn is_tagged(line: &[u8], mark: usize) -> bool {
    let header = String::from_utf8_lossy(line.get(..mark).unwrap_or_default());
    Header::split(&format!("{header}verdict=")).is_some()
}

/// What the log daemon puts in front.
struct Header<'a> {
    stamp: Option<Micros>,
    host: &'a str,
}

impl<'a> Header<'a> {
    /// `TIME HOST dockgate[PID] MESSAGE`, as rsyslog writes what came to it as RFC 5424: that has no colon.
    fn without_colon(line: &'a str) -> Option<(Self, &'a str)> {
        let mut words = line.splitn(4, ' ');
        let (first, host, tag, message) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let stamp = is_tag(tag).then(|| time::parse(first)).flatten()?;
        Some((Self { stamp: Some(stamp), host: if host == "-" { "" } else { host } }, message.trim_start()))
    }

    /// The header and the message of a line that is dockgate's: nothing in front, or a tag of `dockgate[PID]: `
    /// before which no other tag ends.
    fn split(line: &'a str) -> Option<(Self, &'a str)> {
        if line.starts_with("verdict=") || line.starts_with("@cee:") || line.starts_with('{') {
            return Some((Self { stamp: None, host: "" }, line));
        }
        if let Some((stamp, host, message)) = forms::rfc5424(line) {
            return Some((Self { stamp, host }, message));
        }
        if let Some(found) = Self::without_colon(line) {
            return Some(found);
        }
        let end = memmem::find(line.as_bytes(), b": ")?;
        let (header, message) = (line.get(..end)?, line.get(end + 2..)?.trim_start());
        let mut words = header.rsplit(' ').filter(|word| !word.is_empty());
        let tag = words.next()?;
        if !is_tag(tag) {
            return None;
        }
        let host = words.next().filter(|word| !is_priority(word)).unwrap_or_default();
        let first = header.split(' ').next()?;
        let stamp = first.starts_with(|c: char| c.is_ascii_digit()).then(|| time::parse(first)).flatten();
        Some((Self { stamp, host }, message))
    }
}

/// `name=value name="value"`, to the end of the text.
fn logfmt(text: &str) -> Option<Pairs<'_>> {
    let mut fields = Vec::with_capacity(16);
    let mut rest = text;
    while !rest.is_empty() {
        let equals = memchr(b'=', rest.as_bytes())?;
        let (name, after) = (rest.get(..equals)?, rest.get(equals + 1..)?);
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = closing_quote(quoted)?;
                (quoted.get(..end)?, quoted.get(end + 1..)?)
            }
            None => {
                let bare = after.split_at_checked(memchr(b' ', after.as_bytes()).unwrap_or(after.len()))?;
                if memchr(b'"', bare.0.as_bytes()).is_some() {
                    return None;
                }
                bare
            }
        };
        fields.push((Cow::Borrowed(name), Cow::Borrowed(value)));
        rest = match after.strip_prefix(' ') {
            Some(after) => after,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(fields)
}

/// Where a quoted value ends.
fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

impl<'a> Fields<'a> {
    /// The fields of a message alone.
    pub fn of(message: &'a str) -> Option<Self> {
        Some(Self { stamp: None, host: "".into(), fields: logfmt(message)? })
    }

    /// `joined`, with what the log daemon says of this one.
    pub fn with<'b>(&self, joined: Fields<'b>) -> Fields<'b>
    where
        'a: 'b,
    {
        Fields { stamp: self.stamp, host: self.host.clone(), fields: joined.fields }
    }

    /// A field's value, escaped as the record has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// A field's value, or `-`.
    pub fn or_none(&self, name: &str) -> &str {
        self.get(name).unwrap_or("-")
    }

    pub fn verdict(&self) -> &str {
        self.or_none("verdict")
    }

    pub fn id(&self) -> &str {
        self.or_none("id")
    }

    /// `part=2/3`: which of how many.
    pub fn part(&self) -> Option<(usize, usize)> {
        let (number, count) = self.get("part")?.split_once('/')?;
        Some((number.parse().ok()?, count.parse().ok()?)).filter(|(number, count)| (1..=*count).contains(number))
    }

    /// When: as the log daemon says, or else as the id does, which begins with it.
    pub fn time(&self) -> Option<Micros> {
        self.stamp.or_else(|| self.begun())
    }

    /// When the gate took the request up, as the id says.
    pub fn begun(&self) -> Option<Micros> {
        Micros::from_str_radix(self.id().split('-').next()?, 16).ok()
    }

    /// A number in a field.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// The client's address without its port.
    pub fn address(&self) -> &str {
        let client = self.or_none("client");
        match client.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(client),
            None => client.rsplit_once(':').map_or(client, |(address, _)| address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(line: &str) -> Option<Fields<'_>> {
        match Line::parse(line.as_bytes()) {
            Line::Record(fields) => Some(fields),
            Line::Other | Line::Damaged => None,
        }
    }

    const MESSAGE: &str = r#"verdict=deny reason=not-docker command="-" user=a key=k client=[2001:db8::7]:5 id=660ec95c8bba3-2f new=1 request="a \"b\\""#;

    #[test]
    fn a_record_is_known_behind_the_daemon_s_header() {
        for (header, host, time) in [
            ("", "", 0x660ec95c8bba3),
            ("Nov 23 10:00:00 h1 dockgate[7]: ", "h1", 0x660ec95c8bba3),
            ("authpriv.info dockgate[7]: ", "", 0x660ec95c8bba3),
            ("local3.warning dockgate[7]: ", "", 0x660ec95c8bba3),
            ("web.info dockgate[7]: ", "web.info", 0x660ec95c8bba3),
            ("Nov 23 10:00:00 authpriv.example dockgate[7]: ", "authpriv.example", 0x660ec95c8bba3),
            ("<86>Nov  3 10:00:00 h1 dockgate[7]: ", "h1", 0x660ec95c8bba3),
            ("2026-11-23T10:00:00.5+00:00 h1 dockgate[7]:  ", "h1", 1_795_428_000_500_000),
            ("2026-11-23T10:00:00.500000+0000 h1 dockgate: ", "h1", 1_795_428_000_500_000),
            ("2026-11-23T10:00:00.500000+00:00 h1 dockgate[7] ", "h1", 1_795_428_000_500_000),
        ] {
            let line = format!("{header}{MESSAGE}");
            let fields = record(&line).expect(&line);
            assert_eq!((&*fields.host, fields.time()), (host, Some(time)), "{line}");
            assert_eq!(fields.get("request"), Some(r#"a \"b\\"#));
            assert_eq!(
                (fields.or_none("command"), fields.get("new"), fields.address()),
                ("-", Some("1"), "2001:db8::7")
            );
        }
    }

    #[test]
    fn another_program_s_words_are_no_record() {
        for header in [
            "Nov 23 10:00:00 h sshd[1]: Invalid user ",
            "Nov 23 10:00:00 h sshd[1]: Invalid user dockgate[7]: ",
            "Nov 23 10:00:00 h dockgate-x[1]: ",
            "2026-11-23T10:00:00Z h sshd[1]: dockgate[7] ",
            "Nov 23 10:00:00 h dockgate[7] ",
            "Nov 23 10:00:00 h dockgate[x]: ",
            "x",
        ] {
            let line = format!("{header}{MESSAGE}");
            assert!(matches!(Line::parse(line.as_bytes()), Line::Other), "{line}");
        }
    }

    #[test]
    fn what_is_cut_off_is_damaged() {
        let line = format!("Nov 23 10:00:00 h dockgate[7]: {MESSAGE}");
        for damaged in [&line[..line.len() - 1], &line[..line.len() - 3], &format!("{line}x"), &format!("{line} x")] {
            assert!(matches!(Line::parse(damaged.as_bytes()), Line::Damaged), "{damaged}");
        }
        assert!(matches!(Line::parse(b"h dockgate[7]: verdict=deny \xff"), Line::Damaged));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..200) {
            let _ = Line::parse(&bytes);
            let mut line = MESSAGE.as_bytes().to_vec();
            line.splice(at.min(line.len()).., bytes);
            let _ = Line::parse(&line);
        }
    }
}
