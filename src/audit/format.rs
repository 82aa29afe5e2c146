//! Formats: the record's line in other forms, each made out of it. Pure.

use super::ecs;
use super::read::line::Fields;
use crate::audit::record::MAX_LINE;
use crate::policy::values::Format;
use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// What rsyslog's mmjsonparse and others know JSON in a syslog message by (CEE).
pub const COOKIE: &str = "@cee:";

/// The name of the record's structured data (RFC 5424, 6.3.2): by a number that IANA keeps for examples, as
/// dockgate has none of its own.
pub const SD_ID: &str = "dockgate@32473";

/// How long a record's line may be, so that its other form is not longer than [`MAX_LINE`].
pub fn room(format: Format) -> usize {
    match format {
        Format::Logfmt => MAX_LINE,
        // Longer names, and every backslash and quote may come twice.
        Format::Json => (MAX_LINE - 512) / 2,
        // All fields but the request once more. Values of the administrator's and sshd's are at most 256 long.
        Format::Rfc5424 => MAX_LINE - 3 * 1024,
    }
}

/// The message that stands behind syslog's header.
///
/// # Errors
/// When the line is no record, which would be a defect.
pub fn message(format: Format, line: &str) -> Result<String> {
    let fields = || Fields::of(line).context("the record does not have its form");
    match format {
        Format::Logfmt => Ok(line.to_owned()),
        Format::Json => Ok(format!("{COOKIE} {}", json(&fields()?))),
        Format::Rfc5424 => Ok(format!("{} {line}", structured(&fields()?))),
    }
}

/// One object, flat: names of the schema with their dots, values as the line has them.
pub fn json(fields: &Fields<'_>) -> String {
    let pairs = fields.fields.iter().map(|(own, value)| (ecs::name(own), Value::String(value.to_string())));
    Value::Object(pairs.collect::<Map<_, _>>()).to_string()
}

/// `[dockgate@32473 verdict="deny" …]`: every field but the request, which is in the message itself.
pub fn structured(fields: &Fields<'_>) -> String {
    let mut text = format!("[{SD_ID}");
    for (name, value) in fields.fields.iter().filter(|(name, _)| name != "request") {
        text.push_str(&format!(" {name}=\""));
        for c in value.chars() {
            // RFC 5424, 6.3.3.
            if matches!(c, '"' | '\\' | ']') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('"');
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::record::{Record, Verdict};
    use crate::request::Request;

    fn lines(command: &[u8], format: Format) -> Vec<String> {
        let request = Request {
            user: "ai-worker".into(),
            key: Some("hermes".into()),
            certificate: Some("a ] \" \\ b".into()),
            command: Some(command.to_vec()),
            ..Request::default()
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
        record.lines_of(room(format))
    }

    #[test]
    fn each_form_has_all_fields() {
        let line = &lines(b"docker ps", Format::Json)[0];
        assert_eq!(
            message(Format::Json, line).unwrap(),
            r#"@cee: {"dockgate.certificate":"a ] \\\" \\\\ b","dockgate.fingerprint":"-","dockgate.key":"hermes","dockgate.verdict":"deny","event.action":"compose up","event.reason":"r","process.command_line":"docker ps","rule.ruleset":"default","source.address":"-","trace.id":"1-2","user.name":"ai-worker"}"#
        );
        let data = r##"[dockgate@32473 verdict="deny" reason="r" command="compose up" user="ai-worker" key="hermes" fingerprint="-" client="-" profile="default" id="1-2" certificate="a \] \\\" \\\\ b"] "##;
        assert_eq!(message(Format::Rfc5424, line).unwrap(), format!("{data}{line}"));
        assert_eq!(message(Format::Logfmt, line).unwrap(), *line);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
        #[test]
        fn no_form_is_too_long(command in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2000), again in 1usize..20) {
            for format in [Format::Logfmt, Format::Json, Format::Rfc5424] {
                for line in lines(&command.repeat(again), format) {
                    let message = message(format, &line).unwrap();
                    proptest::prop_assert!(message.len() <= MAX_LINE, "{}", message.len());
                }
            }
        }
    }
}
