//! Compose reads through the gate what it would read without it: the same file, the same `docker compose config`.

use crate::support::{Lab, Outcome};
use dockgate::compose::source;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compose itself, past the gate, in a directory.
fn compose(lab: &Lab, directory: &Path, file: &Path, words: &[&str]) -> Outcome {
    let mut command = Command::new(lab.value("DOCKER"));
    command.env_clear().env("HOME", lab.home()).env("PATH", "/usr/bin:/bin").env("DOCKER_CONFIG", lab.value("CONFIG"));
    command.current_dir(directory).args(["compose", "-p", "p", "--profile=*", "--project-directory"]).arg(directory);
    command.arg("-f").arg(file).args(words).output().unwrap().into()
}

fn corpus() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compose");
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10);
    files
}

/// What Compose makes of a text, and what it makes of it once the gate has written it again.
fn both(lab: &Lab, directory: &Path, text: &str) -> (Outcome, Result<Outcome, String>) {
    let plain = directory.join("plain.yaml");
    std::fs::write(&plain, text).unwrap();
    let written = source::parse("file", text).map_err(|denial| denial.message).map(|source| {
        let file = directory.join("written.yaml");
        std::fs::write(&file, source.text).unwrap();
        compose(lab, directory, &file, &["config"])
    });
    (compose(lab, directory, &plain, &["config"]), written)
}

#[track_caller]
fn the_same(what: &str, (plain, written): (Outcome, Result<Outcome, String>)) {
    match (plain.code, written) {
        (0, Ok(written)) => assert_eq!(plain.out(), written.out(), "{what}: {}", written.err()),
        (0, Err(message)) => panic!("{what}: Compose takes it, the gate says: {message}"),
        (_, Ok(written)) => {
            assert_ne!(written.code, 0, "{what}: Compose says {}, and not through the gate", plain.err())
        }
        (_, Err(_)) => {}
    }
}

#[test]
fn what_is_written_for_compose_is_what_was_sent() {
    let lab = Lab::shared();
    let directory = tempfile::tempdir().unwrap();
    for file in corpus() {
        let text = std::fs::read_to_string(&file).unwrap();
        the_same(&file.display().to_string(), both(lab, directory.path(), &text));
    }
}

#[test]
fn what_runs_is_what_was_sent() {
    let lab = Lab::shared();
    for file in corpus() {
        let text = std::fs::read(&file).unwrap();
        let plain = compose(lab, &lab.home(), &file, &["config"]);
        let through = lab.ssh_with("docker compose -p p --profile=* -f - config", &text);
        assert_eq!(
            (plain.code == 0, plain.out()),
            (through.code == 0, through.out()),
            "{}: {}",
            file.display(),
            through.err()
        );
    }
}

/// Scalars of every look, made of parts; and how they may stand in a file.
fn scalars() -> Vec<String> {
    let beginnings =
        ["", "+", "-", "0", "0x", "0b", "0o", ".", "1", "-0", "12", "0X", "_", "~", "y", "2001-1-1", "=", "1:"];
    let ends =
        ["", "0", "7", "8", "1_0", "_", "1e3", ".5", "1.", "inf", "nan", "Inf", "f", "e", ":30", "T1:2:3Z", " 1:2:3"];
    let words = [
        "null",
        "True",
        "tRUE",
        "yes",
        "No",
        "on",
        "off",
        "n",
        "NULL",
        "nUll",
        "<<",
        "0xFFFFFFFFFFFFFFFFF",
        "9223372036854775808",
    ];
    let made = beginnings.iter().flat_map(|begin| ends.iter().map(move |end| format!("{begin}{end}")));
    made.chain(words.iter().map(|word| (*word).to_owned())).filter(|text| !text.trim().is_empty()).collect()
}

#[test]
fn scalars_are_read_alike() {
    let lab = Lab::shared();
    let directory = tempfile::tempdir().unwrap();
    let scalars = scalars();
    let list = |before: &str, after: &str| -> String {
        let lines = scalars.iter().map(|scalar| format!("  - {before}{scalar}{after}\n"));
        format!("services: {{a: {{image: x}}}}\nx-list:\n{}", lines.collect::<String>())
    };
    for (before, after) in [
        ("", ""),
        ("\"", "\""),
        ("'", "'"),
        ("!!str ", ""),
        ("", " # x"),
        ("[", "]"),
        ("&a ", ""),
        ("|\n    ", ""),
        (">-\n    ", ""),
    ] {
        the_same(&format!("{before}…{after}"), both(lab, directory.path(), &list(before, after)));
    }
}

/// Files of nested maps and lists in block and flow style, with anchors, aliases and merge keys, from a seed.
struct Generated {
    state: u64,
    text: String,
    /// Anchors `m0`, `m1`, … of maps whose end has been written.
    maps: u64,
}

impl Generated {
    fn file(seed: u64) -> String {
        let mut file = Self { state: seed, text: "services: {s: {image: x}}\n".to_owned(), maps: 0 };
        for entry in 0..8 {
            let anchor = file.maps;
            file.text.push_str(&format!("x-{entry}: &m{anchor}\n"));
            file.entries(2, 0);
            file.maps += 1;
        }
        file.text
    }

    /// Less than `limit`, by splitmix64.
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % limit
    }

    fn scalar(&mut self) -> &'static str {
        const SCALARS: &[&str] = &[
            "a",
            "022",
            "'x: y'",
            "\"q\\tq\"",
            "~",
            "true",
            "a b",
            "\"\"",
            "1.50",
            "!!str 7",
            "-1",
            "\"\\u00e4\"",
            "ä",
            "a#b",
        ];
        SCALARS.get(usize::try_from(self.below(SCALARS.len() as u64)).unwrap()).unwrap()
    }

    /// A map's entries, each on lines of its own.
    fn entries(&mut self, indent: usize, depth: u64) {
        let blank = " ".repeat(indent);
        let merged_at = self.below(8);
        for (index, key) in ["a", "'b'", "\"c\"", "d e", "? f\n:"].iter().enumerate() {
            // Compose takes it for a circle when a map is merged here and used below, too.
            if index as u64 == merged_at && depth == 0 && !matches!(self.maps, 0 | 2 | 3) {
                let (one, other) = (self.below(self.maps.min(2)), self.below(self.maps.min(2)));
                let merge = match self.below(3) {
                    0 => format!("{blank}<<: *m{one}\n"),
                    1 => format!("{blank}<<: [*m{one}, *m{other}]\n"),
                    _ => format!("{blank}<<: {{a: 1, g: {{x: 022}}}}\n"),
                };
                self.text.push_str(&merge);
            }
            if self.below(4) == 0 {
                continue;
            }
            let key = key.replace('\n', &format!("\n{blank}"));
            self.text.push_str(&format!("{blank}{key}{}", if key.ends_with(':') { "" } else { ":" }));
            self.value(indent, depth);
        }
        self.text.push_str(&format!("{blank}last: x\n"));
    }

    /// What stands after a key, and the end of the line.
    fn value(&mut self, indent: usize, depth: u64) {
        let (one, other) = (self.scalar(), self.scalar());
        match self.below(if depth > 2 { 5 } else { 8 }) {
            0 | 1 => self.text.push_str(&format!(" {one}\n")),
            2 if self.maps > 3 => {
                let map = 2 + self.below(2);
                self.text.push_str(&format!(" *m{map}\n"));
            }
            2 => self.text.push('\n'),
            3 => self.text.push_str(&format!(" {{k: {one}, l: [{other}, {one}], m: {{}}}}\n")),
            4 => self.text.push_str(&format!(" |-\n{0}  x\n{0}   y: {1}\n", " ".repeat(indent), one)),
            5 => {
                self.text.push_str(&format!("\n{0}- {one}\n{0}- {{x: {other}}}\n", " ".repeat(indent)));
            }
            _ => {
                self.text.push('\n');
                self.entries(indent + 2, depth + 1);
            }
        }
    }
}

#[test]
fn generated_files_are_read_alike() {
    let lab = Lab::shared();
    let directory = tempfile::tempdir().unwrap();
    let mut taken = 0;
    for seed in 0..40 {
        let text = Generated::file(seed);
        let outcomes = both(lab, directory.path(), &text);
        if outcomes.0.code == 0 {
            taken += 1;
            the_same(&format!("seed {seed}\n{text}"), outcomes);
        }
    }
    // Else it would compare nothing.
    assert!(taken > 30, "Compose takes {taken} of them");
}
