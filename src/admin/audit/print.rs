//! One record as a person or a program reads it. Pure.

use crate::audit::escape;
use crate::audit::read::line::Fields;
use crate::audit::read::{time, value};
use crate::denial::Reason;
use serde_json::{Map, Value};
use std::fmt::Write;

/// Whether verdicts are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    On,
    Off,
}

impl Colours {
    fn of(self, verdict: &str) -> (&'static str, &'static str) {
        match (self, verdict) {
            (Self::Off, _) => ("", ""),
            (Self::On, "allow") => ("\x1b[32m", "\x1b[0m"),
            (Self::On, "deny") => ("\x1b[1;31m", "\x1b[0m"),
            (Self::On, "observe") => ("\x1b[33m", "\x1b[0m"),
            (Self::On, "error") => ("\x1b[1;35m", "\x1b[0m"),
            (Self::On, _) => ("\x1b[2m", "\x1b[0m"),
        }
    }
}

/// A value for a terminal: what was sent, but for what would act on the terminal.
pub fn shown(escaped: &str) -> String {
    let sent = value::unescaped(escaped).and_then(|bytes| String::from_utf8(bytes).ok());
    sent.map_or_else(|| escaped.to_owned(), |text| escape::for_terminal(&text))
}

/// A record on one line: when, where, verdict, reason, key, client, id, and what was sent.
pub fn line(fields: &Fields<'_>, colours: Colours) -> String {
    let verdict = fields.verdict();
    let (on, off) = colours.of(verdict);
    let mut line = fields.time().map_or_else(|| "-".to_owned(), time::show);
    if !fields.host.is_empty() {
        let _ = write!(line, " {}", fields.host);
    }
    if matches!(verdict, "end" | "made") {
        let _ = write!(line, " {on}{verdict:<7}{off} {}", fields.id());
        for (name, value) in fields.fields.iter().filter(|(name, _)| !matches!(&**name, "verdict" | "id")) {
            let _ = write!(line, " {name}={}", shown(value));
        }
        return line;
    }
    let [reason, key, request] = ["reason", "key", "request"].map(|name| shown(fields.or_none(name)));
    let _ = write!(line, " {on}{verdict:<7}{off} {reason:<16} {key} {} {}  {request}", fields.address(), fields.id());
    line
}

/// A record as one JSON object: what the record says, under its names, with `time` and `host`.
///
/// A value is the text that was meant; where bytes were sent that are not UTF-8, the escaped form.
pub fn json(fields: &Fields<'_>) -> String {
    let mut object = Map::new();
    if let Some(time) = fields.time() {
        object.insert("time".to_owned(), time::show(time).into());
    }
    if !fields.host.is_empty() {
        object.insert("host".to_owned(), fields.host.to_string().into());
    }
    for (name, escaped) in &fields.fields {
        let text = value::unescaped(escaped).and_then(|bytes| String::from_utf8(bytes).ok());
        object.insert(name.to_string(), text.unwrap_or_else(|| escaped.to_string()).into());
    }
    ascii(&Value::Object(object).to_string())
}

/// JSON in which nothing acts on a terminal: what shows nothing or turns text is `\uXXXX`.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() || escape::is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// A record over many lines, a field each.
pub fn long(fields: &Fields<'_>, colours: Colours) -> String {
    let (on, off) = colours.of(fields.verdict());
    let mut text = String::new();
    let time = fields.time().map_or_else(|| "-".to_owned(), time::show);
    let _ = writeln!(text, "{on}{}{off}  {time}  {}", fields.verdict(), fields.host);
    for (name, value) in fields.fields.iter().filter(|(name, _)| name != "verdict") {
        let _ = writeln!(text, "  {name:<12} {}", shown(value));
        // Why: a code alone says it to who knows them all.
        let codes = if matches!(&**name, "reason" | "also") { &**value } else { "" };
        for (_, code, meaning) in
            codes.split(',').filter_map(|code| Reason::ALL.iter().find(|(_, known, _)| *known == code))
        {
            let _ = writeln!(text, "               {code}: {meaning}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_sent_acts_on_a_terminal() {
        let record = "verdict=deny id=1-1 key=k client=192.0.2.7:5 request=\"a\\u{1b}[31m \\\"b\\\" \\u{202e}\\xff\"";
        let fields = Fields::of(record).unwrap();
        for text in [line(&fields, Colours::Off), json(&fields), long(&fields, Colours::Off)] {
            assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{text}");
        }
        let fields = Fields::of("verdict=deny request=\"\\\"b\\\" \\u{202e} \\u{e0001}\"").unwrap();
        let json: Value = serde_json::from_str(&json(&fields)).unwrap();
        assert_eq!(json["request"], "\"b\" \u{202e} \u{e0001}");
    }

    #[test]
    fn a_refusal_says_what_its_codes_mean() {
        let record = "verdict=deny reason=bind-mount id=1-1 also=\"limit,privileged\" request=\"reason=device\"";
        let text = long(&Fields::of(record).unwrap(), Colours::Off);
        for (_, code, meaning) in Reason::ALL {
            let told = text.contains(&format!("  {code}: {meaning}\n"));
            assert_eq!(told, ["bind-mount", "limit", "privileged"].contains(code), "{code}: {text}");
        }
    }

    #[test]
    fn a_line_has_what_is_looked_for() {
        let record = "verdict=deny reason=bind-mount command=run user=a key=k client=192.0.2.7:5 id=660ec95c8bba3-2f request=\"docker run -v /:/x y\"";
        assert_eq!(
            line(&Fields::of(record).unwrap(), Colours::Off),
            "2026-11-23T07:31:41Z deny    bind-mount       k 192.0.2.7 660ec95c8bba3-2f  docker run -v /:/x y"
        );
        assert_eq!(
            line(&Fields::of("verdict=end id=660ec95c8bba3-2f exit=0 ms=12").unwrap(), Colours::Off),
            "2026-11-23T07:31:41Z end     660ec95c8bba3-2f exit=0 ms=12"
        );
    }
}
