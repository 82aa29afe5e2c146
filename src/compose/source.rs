//! A Compose file before it is resolved: parsed here, so that Compose reads what was judged. Pure.

use super::size;
use super::yaml::{self, Content, Fault, Tag};
use crate::denial::{Denial, Reason};
use serde_json::Value;

/// A Compose file as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The content of each of its documents, for judging.
    pub documents: Vec<Value>,
    /// The same as YAML, for Compose.
    pub text: String,
}

/// Reads a Compose file's text.
///
/// # Errors
/// A [`Denial`] where the text is not YAML of plain maps, lists and scalars. The message does not repeat the
/// text.
pub fn parse(name: &str, text: &str) -> Result<Source, Denial> {
    let deny = |fault: Fault| {
        let (why, hint) = said(fault);
        Denial::new(Reason::ProjectModel, name, why, hint)
    };
    let mut source = Source { documents: Vec::new(), text: String::new() };
    // A mark at the beginning that Windows' editors write; go-yaml passes over it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for document in yaml::read(text).map_err(deny)? {
        // Also one that is empty or null: Compose takes neither, alone or behind another.
        if !matches!(document.content, Content::Mapping(_)) || document.tag != Tag::None {
            let hint = "a Compose file is a map: services:, and below it each service by its name";
            return Err(Denial::new(Reason::ProjectModel, name, "it is not a Compose file", hint));
        }
        if !source.documents.is_empty() {
            source.text.push_str("\n---\n");
        }
        let content = yaml::write::write(&document, &mut source.text).map_err(deny)?;
        if let Some(why) = size::too_large(&content) {
            return Err(Denial::new(Reason::ProjectModel, name, why, "send less at once, and each port by itself"));
        }
        source.documents.push(content);
    }
    Ok(source)
}

/// Why a text was not read, and what to do.
fn said(fault: Fault) -> (String, String) {
    let plain = "send plain maps, lists and values; of tags, Compose knows !reset and !override";
    let (why, hint) = match fault {
        Fault::Syntax(line, column) => (
            format!("it is not YAML at line {line}, column {column}"),
            "mend it there: mostly it is the indentation, a tab, a quote or a bracket",
        ),
        Fault::ForeignTag(line) => (format!("at line {line} it has a tag that Compose does not know"), plain),
        Fault::OddKey(line) => (format!("a list, a map, null or a tag stands for a key before line {line}"), plain),
        Fault::TwiceTheKey(line) => (
            format!("a map that ends at line {line} has a key twice"),
            "leave one of them; which one counts is not clear",
        ),
        Fault::OddAlias(line) => (
            format!("at line {line} it has an alias of something that is not there"),
            "put the anchor (&name) before its alias (*name)",
        ),
        Fault::OddMerge => (
            "a merge key (<<) cannot be applied".to_owned(),
            "give it a map, or a list of maps, without !reset and !override in what is hidden",
        ),
        Fault::TooLarge => (
            format!("it is too large: more than {} values and keys, aliases written out", yaml::MAX_SIZE),
            "send less at once",
        ),
        Fault::TooDeep => (format!("it is nested more than {} deep", yaml::MAX_DEPTH), "send something flatter"),
    };
    (why, hint.to_owned())
}

/// Relative to the project directory, as the look-up takes it.
pub fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compose_reads_is_what_was_judged() {
        for (text, written) in [
            (
                "a: !reset\nb: !override [x, 'y: z']\nc: {d: \"e\\tf\"}",
                r#"{"a": !reset null, "b": !override ["x", "y: z"], "c": {"d": "e\x09f"}}"#,
            ),
            ("f: {}\ng: []\nh:\ni: ~", r#"{"f": {}, "g": [], "h": null, "i": null}"#),
            (
                "a: [022, 1_000, .inf, 2001-12-14, 1:30, '022', !!str 022, yes, True]",
                r#"{"a": [022, 1_000, .inf, 2001-12-14, "1:30", "022", "022", "yes", True]}"#,
            ),
            ("3: x\n'4': y", r#"{3: "x", "4": "y"}"#),
            ("a: |\n  b\n  c\nd: >-\n  e\n  f\n", r#"{"a": "b\nc\n", "d": "e f"}"#),
            ("a: \"\\u0085\\u2028\u{7f}ä\u{1f600}\"", r#"{"a": "\x85\u2028\x7f\xe4\U0001f600"}"#),
            ("a: &a {b: 1, c: 2}\nd: {<<: *a, b: 3}", r#"{"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}"#),
            (
                "a: &a {b: 1}\nc: &c {<<: *a, d: 1}\ne: {<<: [*c, {b: 2, f: 3}]}",
                r#"{"a": {"b": 1}, "c": {"d": 1, "b": 1}, "e": {"d": 1, "b": 1, "f": 3}}"#,
            ),
            ("a: {'<<': {b: 1}}", r#"{"a": {"<<": {"b": 1}}}"#),
            ("a: b\n---\nc: d\n", "{\"a\": \"b\"}\n---\n{\"c\": \"d\"}"),
        ] {
            let source = parse("f", text).expect("valid");
            assert_eq!(source.text, written, "{text}");
            // Written again, it is the same.
            assert_eq!(parse("f", &source.text).expect("valid"), source);
        }
    }

    #[test]
    fn what_is_not_plain_is_refused_without_repeating_it() {
        for text in [
            "root:x:0:0",
            "- a",
            "a: !mine b",
            "? [a]\n: b",
            "a: [",
            "a: 1\na: 2",
            "a: {<<: root}",
            "a: {<<: [root]}",
            "a: &a {b: !reset root}\nc: {<<: *a, b: 1}",
            "a: {<<: !override {root: 1}}",
            "a: *root",
            "~",
            "---\n",
            "a: root\n---\nnull\n",
            "a: root\n---\n",
        ] {
            let denial = parse("f", text).expect_err(text);
            assert!(!denial.message.contains("root") && !denial.hint.contains("root"), "{}", denial.message);
        }
    }
}
