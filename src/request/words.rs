//! Words: a request split as a POSIX shell would split it, and nothing that a shell would do beyond. Pure.
//!
//! The rule is that of the POSIX shell's token recognition and quote removal (POSIX.1-2017, XCU 2.2 and
//! 2.3). A request in which a shell would do more than that — run a second command, substitute, redirect —
//! is refused rather than passed on as text: the one who wrote it meant the shell's effect, and would be
//! misled by another.

use super::shell;
use crate::denial::{Denial, Reason};
use std::borrow::Cow;

/// A request's words after quote removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

/// What the scanner is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

impl Words {
    /// Splits the bytes of a request.
    ///
    /// # Errors
    /// A [`Denial`] for bytes that are not UTF-8, control characters, unterminated quotes, and everything
    /// unquoted in which a shell would do more than split words.
    pub fn split(request: &[u8]) -> Result<Self, Denial> {
        let text = std::str::from_utf8(request).map_err(|_| {
            Denial::new(
                Reason::NotUtf8,
                "request",
                "it is not valid UTF-8",
                "send the command as UTF-8 text; sending it again as it is cannot help",
            )
        })?;
        let line = command_line(text);
        screen(&line)?;
        let words = shell_words::split(&line).map_err(|_| unterminated(""))?;
        Ok(Self(words))
    }

    /// The words, in order; empty for a request of blanks.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// The one command line of a request: without line continuations, and without the line ends before and after it,
/// which are empty commands to a shell (POSIX.1-2017, XCU 2.2.1, 2.10). Programs send such ends without meaning any.
fn command_line(text: &str) -> Cow<'_, str> {
    let text = if text.contains("\\\n") { Cow::Owned(joined(text)) } else { Cow::Borrowed(text) };
    let blank = [' ', '\t', '\n'];
    let before = text.len() - text.trim_start_matches(blank).len();
    let end = text.trim_end_matches(blank).len();
    let end = text.get(end..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| end + newline);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(before..end).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(before..end).unwrap_or_default().to_owned()),
    }
}

/// Without each backslash that has a newline behind it, but for those in single quotes.
fn joined(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut quote = Quote::None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Quote::None | Quote::Double, '\\') => match chars.next() {
                Some('\n') => continue,
                next => {
                    line.push(c);
                    line.extend(next);
                    continue;
                }
            },
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            _ => {}
        }
        line.push(c);
    }
    line
}

/// Refuses what a shell would not merely split.
fn screen(text: &str) -> Result<(), Denial> {
    let mut quote = Quote::None;
    // Everything of the present word so far, quotes included; empty at the start of a word.
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    let mut at = 0;
    while let Some(c) = chars.next() {
        control(c, quote)?;
        let (before, here) = text.split_at_checked(at).unwrap_or_default();
        let after = here.get(c.len_utf8()..).unwrap_or_default();
        at += c.len_utf8();
        match (quote, c) {
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::Single, _) => {}
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            (_, '`') => return Err(shell::expansion(before, "`", "is a command substitution", after)),
            (_, '$') => dollar(quote, before, after)?,
            (_, '\\') => match chars.next() {
                Some(next) => {
                    at += next.len_utf8();
                    control(next, quote)?;
                    word.push(c);
                    word.push(next);
                    continue;
                }
                None if quote == Quote::None => return Err(unterminated(" (a backslash at the end)")),
                None => {}
            },
            (Quote::Double, _) => {}
            (Quote::None, ' ' | '\t') => {
                word.clear();
                continue;
            }
            (Quote::None, ';' | '&' | '|' | '<' | '>' | '(' | ')') => return Err(shell::operator(before, c, after)),
            (Quote::None, '#') if word.is_empty() => {
                return Err(shell::comment());
            }
            // At the start of a word; and after `=` and `:`, where bash expands it in what looks like
            // an assignment.
            (Quote::None, '~') if word.is_empty() || word.ends_with(['=', ':']) => {
                return Err(shell::expansion(before, "~", "stands for a home directory", after));
            }
            (Quote::None, _) => {}
        }
        word.push(c);
    }
    match quote {
        Quote::None => Ok(()),
        Quote::Single => Err(unterminated(" (')")),
        Quote::Double => Err(unterminated(" (\")")),
    }
}

/// Control characters have no use in a docker command, and much in a log or a terminal.
fn control(c: char, quote: Quote) -> Result<(), Denial> {
    match c {
        '\t' => Ok(()),
        '\n' if quote != Quote::None => Ok(()),
        '\n' => Err(shell::newline()),
        '\r' => Err(Denial::new(
            Reason::ControlCharacter,
            "U+000D",
            "the request has Windows line ends, and a shell would take the carriage return for part of the last word",
            "send it with line ends of Unix, or without any",
        )),
        c if c.is_control() => Err(Denial::new(
            Reason::ControlCharacter,
            format!("U+{:04X}", u32::from(c)),
            "the request holds a control character",
            "leave it out; only tabs, and newlines inside quotes, are taken",
        )),
        _ => Ok(()),
    }
}

/// `$` is refused where either of POSIX sh or bash would expand it: before a name, a digit, a special
/// parameter, `{`, `(`, `[`, and (unquoted) before a quote, which is bash's `$'…'` and `$"…"`.
fn dollar(quote: Quote, before: &str, after: &str) -> Result<(), Denial> {
    let literal = match after.chars().next() {
        None | Some(' ' | '\t' | '\n' | '/' | '.' | ',' | ':' | '%' | '=' | '+' | '^' | ']' | '}' | '\\') => true,
        Some('"' | '\'') => quote == Quote::Double,
        Some(_) => false,
    };
    if literal { Ok(()) } else { Err(shell::expansion(before, "$", "starts an expansion", after)) }
}

fn unterminated(which: &str) -> Denial {
    Denial::new(
        Reason::UnterminatedQuote,
        "quote",
        format!("a quote is opened and not closed{which}"),
        "close it, and remember that ssh joins its arguments with spaces: quote the whole command once more for your own shell",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Words::split(text.as_bytes()).expect("accepted").as_slice().to_vec()
    }

    fn code(text: &[u8]) -> &'static str {
        Words::split(text).expect_err("refused").reason.code()
    }

    #[test]
    fn splits_by_posix_quoting() {
        let rows: &[(&str, &[&str])] = &[
            ("docker ps", &["docker", "ps"]),
            ("  docker\t ps  ", &["docker", "ps"]),
            ("docker ps --format '{{.Names}} {{.Status}}'", &["docker", "ps", "--format", "{{.Names}} {{.Status}}"]),
            (r#"a "b c" d"#, &["a", "b c", "d"]),
            (r"a\|b", &["a|b"]),
            ("'/usr'\"/\"local", &["/usr/local"]),
            (r#"-g"*.py""#, &["-g*.py"]),
            (r#""a\$b" "c\d""#, &["a$b", r"c\d"]),
            ("'a\nb'", &["a\nb"]),
            ("''", &[""]),
            ("   ", &[]),
            ("", &[]),
            ("a#b x~y {a,b} *.c [x]", &["a#b", "x~y", "{a,b}", "*.c", "[x]"]),
            ("100$ a$/b \"$\"", &["100$", "a$/b", "$"]),
            (r"name=a\;b", &["name=a;b"]),
            // Line ends around the one command, and a line that goes on.
            ("docker ps\n", &["docker", "ps"]),
            ("\n \n docker ps \n\t\n", &["docker", "ps"]),
            ("docker ps \\\n  -q", &["docker", "ps", "-q"]),
            ("\\\ndocker p\\\ns\\\n", &["docker", "ps"]),
            ("\"a\\\nb\" 'a\\\nb'", &["ab", "a\\\nb"]),
            ("docker ps \\ \n", &["docker", "ps", " "]),
            ("docker ps \\\\\n", &["docker", "ps", "\\"]),
        ];
        for (text, expected) in rows {
            assert_eq!(&words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn refuses_what_a_shell_would_do() {
        let rows: &[(&str, &str)] = &[
            ("docker ps; id", "shell-operator"),
            ("docker ps && id", "shell-operator"),
            ("docker ps | cat", "shell-operator"),
            ("docker ps > f", "shell-operator"),
            ("docker ps 2>&1", "shell-operator"),
            ("(docker ps)", "shell-operator"),
            ("docker ps <(x)", "shell-operator"),
            ("docker ps\nid", "shell-newline"),
            ("docker ps\n\nid", "shell-newline"),
            ("docker ps\r\n", "control-character"),
            // Continued, so the shell sees an expansion and a word that begins with ~.
            ("docker ps $\\\n{HOME}", "shell-expansion"),
            ("docker build \\\n~", "shell-expansion"),
            ("docker ps 'a\\\nb", "unterminated-quote"),
            ("docker $HOME", "shell-expansion"),
            ("docker \"$HOME\"", "shell-expansion"),
            ("docker ${x@P}", "shell-expansion"),
            ("docker $(id)", "shell-expansion"),
            ("docker `id`", "shell-expansion"),
            ("docker \"`id`\"", "shell-expansion"),
            ("docker $'x'", "shell-expansion"),
            ("docker $\"x\"", "shell-expansion"),
            ("docker $[1+1]", "shell-expansion"),
            ("docker $1 $? $$", "shell-expansion"),
            ("docker$IFS.", "shell-expansion"),
            ("ls ~/x", "shell-expansion"),
            ("a=~/x", "shell-expansion"),
            ("docker # x", "shell-comment"),
            ("#", "shell-comment"),
            ("docker 'ps", "unterminated-quote"),
            ("docker \"ps", "unterminated-quote"),
            ("docker ps\\", "unterminated-quote"),
            ("docker\x1b ps", "control-character"),
            ("docker '\x1b' ps", "control-character"),
            ("docker\rps", "control-character"),
            ("docker \u{9b}31m", "control-character"),
            ("docker \\\u{7f}", "control-character"),
        ];
        for (text, expected) in rows {
            assert_eq!(code(text.as_bytes()), *expected, "{text:?}");
        }
        assert_eq!(code(b"docker \xff"), "not-utf8");
    }
}
