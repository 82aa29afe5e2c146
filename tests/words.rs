//! Whatever the gate splits into words, dash and bash split into the same words; whatever it refuses, it
//! refuses for one of the reasons that are documented for the splitting.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "it runs dash and bash")]

use dockgate::denial::Reason;
use dockgate::request::words::Words;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::io::Write;
use std::process::{Command, Stdio};

/// How many strings are made.
const STRINGS: usize = 12_000;

/// Between two cases, where no word can be taken for it.
const MARK: &str = "\u{1}";

/// Pieces with a meaning of their own for some shell.
const PIECES: &[&str] = &[
    "docker ",
    "ps ",
    "--format=",
    "-v ",
    "a=b",
    "A=~",
    "a:~",
    "~root",
    "~+",
    "~",
    "#",
    " #",
    "$",
    "$$",
    "$a",
    "${a}",
    "$(",
    "`",
    "$'",
    "$\"",
    "\\",
    "\\\\",
    "\\'",
    "\\\"",
    "\\\n",
    "\\$",
    "\\`",
    "\"",
    "'",
    "''",
    "\"\"",
    "\"a b\"",
    "'a b'",
    "'$x'",
    "\"\\x\"",
    "\"\\$\"",
    "!",
    "!!",
    "!a",
    "^a^b",
    "*",
    "?",
    "[a]",
    "[!a]",
    "{a,b}",
    "{1..3}",
    "{",
    "}",
    "(",
    ")",
    ";",
    "&",
    "|",
    "<",
    ">",
    "=",
    ":",
    "%",
    "@",
    "+(a)",
    "@(a)",
    "in",
    "do",
    "if",
    "[[",
    "]]",
    "time",
    "a[1]=2",
    "=ls",
    "..",
    "/",
    "\n",
    "\t",
    "\r",
    "\u{b}",
    "\u{c}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{3000}",
    "ü",
    "日本",
    "e\u{301}",
    "\u{feff}",
    "\u{1b}[0m",
    "2>&1",
    "-",
    "--",
    "{{.Names}} ",
    "'{{.Names}}'",
    ",",
    "1",
    "x",
    "y z",
    "  ",
];

fn strings() -> Vec<Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        3 => prop::sample::select(&[b' ', b' ', b'a', b'b', b'"', b'\'', b'\\', b'='][..]).prop_map(|byte| vec![byte]),
        1 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    // Mostly harmless, or nearly everything would be refused.
    let calm = prop::sample::select(
        &[
            "\\\n", "a", " ", "'", "\"", "\\", "b", "=", ":", "~", "#", "{", ",", "}", "$", "*", "ü", "'\n'", "\"\\",
            "^", "!", "/",
        ][..],
    );
    let strategy = prop_oneof![
        1 => prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat()),
        2 => prop::collection::vec(calm, 0..14).prop_map(|pieces| pieces.concat().into_bytes()),
    ];
    // The same strings each time: a failure can be looked into.
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    (0..STRINGS).map(|_| strategy.new_tree(&mut runner).expect("a string").current()).collect()
}

/// What a shell makes of each text, all in one process.
fn words_by(shell: &[&str], texts: &[String]) -> Vec<Option<Vec<String>>> {
    let mut script = String::from("set -f\n");
    if shell.contains(&"bash") {
        script.push_str("set +B\n");
    }
    for text in texts {
        // An empty command before it would part it from printf.
        let text = text.trim_start_matches([' ', '\t', '\n']);
        let line = format!("printf '%s\\0' {MARK} {text}");
        // In single quotes on the way to eval, each of its own replaced by '\''.
        script.push_str(&format!("eval '{}'\n", line.replace('\'', "'\\''")));
    }
    let (program, arguments) = shell.split_first().expect("a program");
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("HOME", "/home-of-nobody")
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be started ({error}): run `make test`, which installs it"));
    let mut input = child.stdin.take().expect("its input");
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    // A shell that gives up early does not read to the end.
    let _ = writer.join().expect("the writer");
    let mut cases: Vec<Option<Vec<String>>> = Vec::new();
    for word in output.stdout.split(|byte| *byte == 0) {
        let word = String::from_utf8_lossy(word).into_owned();
        match cases.last_mut() {
            _ if word == MARK => cases.push(Some(Vec::new())),
            Some(Some(words)) => words.push(word),
            _ => {}
        }
    }
    // Behind the last NUL there is nothing.
    if let Some(Some(words)) = cases.last_mut() {
        words.pop();
    }
    if cases.len() == texts.len() {
        return cases;
    }
    // One of them broke the others: one process each shows which.
    match texts {
        [_] => vec![None],
        _ => texts.iter().flat_map(|text| words_by(shell, std::slice::from_ref(text))).collect(),
    }
}

#[test]
fn dash_and_bash_make_the_same_words() {
    let mut accepted = Vec::new();
    let mut refused = 0;
    for bytes in strings() {
        match Words::split(&bytes) {
            Ok(words) => {
                let text = String::from_utf8(bytes).expect("what is accepted is UTF-8");
                accepted.push((text, words.as_slice().to_vec()));
            }
            Err(denial) => {
                refused += 1;
                let documented = [
                    Reason::ControlCharacter,
                    Reason::NotUtf8,
                    Reason::ShellComment,
                    Reason::ShellExpansion,
                    Reason::ShellNewline,
                    Reason::ShellOperator,
                    Reason::UnterminatedQuote,
                ];
                assert!(documented.contains(&denial.reason), "{bytes:?}: {}", denial.reason.code());
            }
        }
    }
    assert!(accepted.len() > 2000 && refused > 2000, "{} accepted, {refused} refused", accepted.len());
    let texts: Vec<String> = accepted.iter().map(|(text, _)| text.clone()).collect();
    for shell in [&["dash"][..], &["bash", "--norc", "--noprofile"], &["bash", "--posix", "--norc", "--noprofile"]] {
        let found = words_by(shell, &texts);
        for ((text, words), found) in accepted.iter().zip(found) {
            assert_eq!(found.as_ref(), Some(words), "{shell:?} of {text:?}");
        }
    }
    eprintln!("words: {} strings accepted and split alike by dash and bash, {refused} refused", accepted.len());
}
