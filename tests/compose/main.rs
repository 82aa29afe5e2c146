//! Compose through the gate, on the real thing: what is read, what is done, and what is refused in which words.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

use std::io::Write;
use std::process::Stdio;
use support::{Lab, Outcome, new_key, spawn};

mod elsewhere;
mod joins;
mod named;
mod plain;
mod projects;
mod read_alike;
#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
mod ways_through;
mod words;

/// A key with a policy of its own.
struct Key {
    lab: &'static Lab,
    file: String,
}

impl Key {
    /// The lab's policy, with `rules` at its end.
    fn under(name: &str, rules: &str) -> Self {
        let lab = Lab::shared();
        let policy = lab.directory.join(format!("policy-{name}.toml"));
        let base = std::fs::read_to_string(lab.value("POLICY")).unwrap();
        std::fs::write(&policy, format!("{base}\n{rules}\n")).unwrap();
        let gate = lab.directory.join("dockgate").display().to_string();
        let options = format!("restrict,command=\"{gate} --config {}\"", policy.display());
        let keys = lab.directory.join("keys").join(lab.value("ACCOUNT"));
        Self { lab, file: new_key(lab, &format!("key-{name}"), &keys, &options) }
    }

    /// Sends a request, with a text on standard input.
    fn send(&self, request: &str, text: &str) -> Outcome {
        let mut child = spawn(self.lab.client(&[], &[request]).env("LAB_KEY", &self.file).stdin(Stdio::piped()));
        // It may be refused before it reads anything.
        let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        child.wait_with_output().unwrap().into()
    }
}

/// Writes a file into the account's home.
fn put(lab: &Lab, path: &str, text: &str) {
    let path = lab.home().join(path);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).unwrap();
    }
    std::fs::write(&path, text).unwrap();
}

/// The reason codes of a refusal, each once.
fn spoken(outcome: &Outcome) -> Vec<String> {
    let told = outcome.err();
    let codes = told.lines().filter_map(|line| line.strip_prefix("reason: ")?.split(':').next().map(str::to_owned));
    codes.collect()
}
