//! Records in other forms than the usual line: JSON, RFC 5424, and what journalctl prints as JSON. Pure.

use super::time::{self, Micros};
use crate::audit::ecs;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The fields of a record in JSON, the verdict first. Other fields, which log daemons add, are left out.
pub fn json(text: &str) -> Option<Vec<(Cow<'static, str>, Cow<'static, str>)>> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut fields: Vec<(Cow<'static, str>, Cow<'static, str>)> = Vec::with_capacity(object.len());
    for (name, value) in &object {
        if let (Some(own), Value::String(value)) = (ecs::own_name(name), value) {
            fields.push((own.to_owned().into(), value.clone().into()));
        }
    }
    let verdict = fields.iter().position(|(name, _)| name == "verdict")?;
    fields.swap(0, verdict);
    Some(fields)
}

/// An entry as `journalctl --output=json` prints it.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub message: String,
    pub host: String,
    pub stamp: Option<Micros>,
}

/// The entry, if dockgate wrote it.
pub fn journal(text: &str) -> Option<Entry> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    (text("SYSLOG_IDENTIFIER") == Some("dockgate")).then_some(())?;
    Some(Entry {
        message: text("MESSAGE")?.to_owned(),
        host: text("_HOSTNAME").unwrap_or_default().to_owned(),
        stamp: text("__REALTIME_TIMESTAMP").and_then(|micros| micros.parse().ok()),
    })
}

/// Time, host and message of a line as RFC 5424 has it (`<86>1 TIME HOST dockgate PID ID [DATA] MESSAGE`), if its
/// application is dockgate.
pub fn rfc5424(line: &str) -> Option<(Option<Micros>, &str, &str)> {
    let (priority, rest) = line.strip_prefix('<')?.split_once(">1 ")?;
    priority.parse::<u8>().ok()?;
    let mut parts = rest.splitn(6, ' ');
    let (stamp, host, application) = (parts.next()?, parts.next()?, parts.next()?);
    let (_process, _id, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if application != "dockgate" {
        return None;
    }
    let message = after_data(rest)?.trim_start_matches(' ').trim_start_matches('\u{feff}');
    Some((time::parse(stamp), if host == "-" { "" } else { host }, message))
}

/// What follows the structured data.
fn after_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest);
    }
    let mut quoted = false;
    let mut inside = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => inside = true,
            ']' if !quoted => inside = false,
            _ if !inside => return text.get(at..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_are_taken_apart() {
        let fields =
            json(r#"{"host":"h","event.reason":"r","dockgate.verdict":"deny","trace.id":"1-1","n":1}"#).unwrap();
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(fields[0], "verdict=deny");
        assert_eq!(fields.len(), 3);
        assert_eq!(json("{}"), None);
        let line = r#"<86>1 2026-11-23T10:00:00.5Z h dockgate 7 deny [dockgate@32473 a="b \" \\ \] [c"][x y="z"] verdict=deny"#;
        assert_eq!(rfc5424(line), Some((Some(1_795_428_000_500_000), "h", "verdict=deny")));
        assert_eq!(rfc5424("<86>1 - - dockgate - - - \u{feff}verdict=deny"), Some((None, "", "verdict=deny")));
        assert_eq!(rfc5424(&line.replace("dockgate 7", "sshd 7")), None);
        let entry = journal(
            r#"{"SYSLOG_IDENTIFIER":"dockgate","MESSAGE":"verdict=deny","_HOSTNAME":"h","__REALTIME_TIMESTAMP":"5"}"#,
        );
        assert_eq!(entry, Some(Entry { message: "verdict=deny".into(), host: "h".into(), stamp: Some(5) }));
        assert_eq!(journal(r#"{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"verdict=deny"}"#), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered(text: String) {
            let _ = (json(&text), journal(&text), rfc5424(&text), after_data(&text));
        }
    }
}
