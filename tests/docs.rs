//! The documents say what the code does.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::denial::Reason;
use dockgate::gate::Gate;
use dockgate::policy::set::PolicySet;
use dockgate::policy::{Policy, show};
use dockgate::request::account::Account;
use std::fs;
use std::path::Path;

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The cells of every row of a document's tables whose head starts with `head`.
fn rows(document: &str, head: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        if !line.starts_with('|') {
            inside = false;
        } else if line.starts_with(head) {
            inside = true;
        } else if inside && !line.starts_with("| ---") {
            let line = line.trim_matches('|').replace("\\|", "\0");
            rows.push(line.split('|').map(|cell| cell.trim().replace('\0', "|")).collect());
        }
    }
    rows
}

/// The code in a table's cell.
fn code(cell: &str) -> &str {
    cell.trim_matches('`').trim()
}

fn gate() -> Gate {
    let account = Account { name: "ai-worker".to_owned(), home: "/nonexistent".into(), locale: Vec::new() };
    Gate::alone(Policy::default(), account)
}

#[test]
fn every_known_bypass_is_refused_as_the_table_says() {
    let rows = rows(&text("docs/known-bypasses.md"), "| attack | request |");
    assert!(rows.len() >= 100, "{} rows", rows.len());
    let gate = gate();
    for row in &rows {
        let [_, request, reason] = row.as_slice() else { unreachable!("three cells: {row:?}") };
        let found = gate.decide(code(request).as_bytes(), false).verdict.map(|_| "allowed");
        assert_eq!(found.unwrap_or_else(|denial| denial.reason.code()), reason, "{request}");
    }
}

#[test]
fn every_knob_has_its_row_and_its_misspelling_is_an_error() {
    let document = text("docs/policy.md");
    let rows = rows(&document, "| key | default |");
    let documented: Vec<&str> = rows.iter().map(|row| code(&row[0])).collect();
    let example = document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    // `policy show` prints every value that is set, and the example sets all of them.
    let shown = show::text(&Policy::from_toml(example).unwrap());
    for line in shown.lines() {
        let key = line.split(" = ").next().unwrap();
        assert!(documented.contains(&key), "{key} has no row in docs/policy.md");
    }
    for key in documented {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        assert!(
            shown.contains(&format!("{key} = "))
                || ["profile", "audit", "profiles", "keys.LABEL"].iter().any(|other| key.starts_with(other)),
            "the example does not set {key}"
        );
        let table = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let message = PolicySet::from_toml(&format!("{table}{name}x = 1\n")).map(|_| ()).expect_err(key);
        assert!(
            table == "[profiles]\n" || message.contains("unknown field") || message.contains("line"),
            "{key}: {message}"
        );
    }
}

#[test]
fn every_other_bypass_names_a_test_that_exists() {
    let sources = ["src", "tests"].map(|folder| read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))).concat();
    let rows = rows(&text("docs/known-bypasses.md"), "| attack | what stops it |");
    assert!(rows.len() >= 15);
    for row in &rows {
        for test in row[2].split(", ").map(code) {
            assert!(test == "lib.rs" || sources.contains(&format!("fn {test}(")), "{test}");
        }
    }
    assert_eq!(text("src/lib.rs").matches("```compile_fail").count(), 2);
}

fn read_all(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&read_all(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    all
}

#[test]
fn the_audit_document_lists_every_reason() {
    let document = text("docs/audit-record.md");
    let listed: Vec<Vec<String>> = rows(&document, "| reason |");
    let expected: Vec<Vec<String>> =
        Reason::ALL.iter().map(|(_, code, meaning)| vec![format!("`{code}`"), (*meaning).to_owned()]).collect();
    assert_eq!(listed, expected, "docs/audit-record.md");
}

#[test]
fn the_doctor_s_document_lists_every_check() {
    let rows = rows(&text("docs/doctor.md"), "| check | holds when |");
    let listed: Vec<(&str, &str)> = rows.iter().map(|row| (code(&row[0]), row[1].as_str())).collect();
    let of_proxies = dockgate::admin::doctor::proxy::checks::ALL.iter().map(|check| (check.id, check.holds));
    let expected: Vec<(&str, &str)> =
        dockgate::admin::doctor::checks::ALL.iter().map(|check| (check.id, check.holds)).chain(of_proxies).collect();
    assert_eq!(listed, expected, "docs/doctor.md");
    assert!(rows.iter().all(|row| row.len() == 4 && row.iter().all(|cell| !cell.is_empty())));
}

#[test]
fn the_policy_document_s_example_is_a_policy() {
    let document = text("docs/policy.md");
    let example = document.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    Policy::from_toml(example).unwrap();
    // Every key of the example has its row.
    let rows = rows(&document, "| key | default |").into_iter().map(|row| code(&row[0]).to_owned()).collect::<Vec<_>>();
    let mut table = String::new();
    for line in example.lines().filter(|line| !line.is_empty()) {
        if line.starts_with([' ', ']']) {
            // A list's own lines.
        } else if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']'));
        } else {
            let key = format!("{table}{}", line.split('=').next().unwrap().trim());
            let known = rows.iter().any(|row| *row == key || (row == "profiles.NAME" && key.starts_with("profiles.")));
            assert!(known || rows.contains(&key.replace("hermes", "LABEL")), "{key}");
        }
    }
}

/// Whoever copies a list that is shorter than the default one unblocks what it lacks.
#[test]
fn no_list_of_blocked_commands_is_shorter_than_the_default() {
    let default = Policy::default().settings.blocked.value;
    let mut texts = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["docs", "examples", "nix", "packaging"].iter().for_each(|room| readable(&root.join(room), &mut texts));
    texts.push((root.join("README.md"), text("README.md")));
    let mut lists = 0;
    for (file, text) in &texts {
        for list in text.split("blocked = [").skip(1) {
            let list = list.split(']').next().unwrap();
            for name in &default {
                assert!(list.contains(&format!("\"{name}\"")), "{}: {list} lacks {name}", file.display());
            }
            lists += 1;
        }
    }
    assert!(lists >= 2, "only {lists} lists: they are not found any more");
}

#[test]
fn the_reference_of_commands_is_that_of_the_catalogue() {
    assert!(
        text("docs/commands.md") == dockgate::admin::docs::commands(),
        "docs/commands.md is out of date: cargo xtask docs"
    );
}

#[test]
fn the_reference_of_calls_is_that_of_the_tables() {
    assert!(text("docs/api.md") == dockgate::admin::docs::api::calls(), "docs/api.md is out of date: cargo xtask docs");
}

#[test]
fn the_changelog_has_this_version() {
    assert!(text("CHANGELOG.md").contains(&format!("## [{}]", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_example_key_line_is_what_sshd_takes() {
    let example = text("authorized_keys.example");
    let lines: Vec<&str> = example.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("restrict,pty,command=\"/usr/bin/dockgate --key hermes\" ssh-ed25519 "));
}

/// Files of the project that are read by people: documents, and the comments of the sources.
fn readable(folder: &Path, found: &mut Vec<(std::path::PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "corpus", "artifacts"].contains(&name.as_str()) {
            readable(&path, found);
        } else if [".md", ".rs", ".toml", ".nix", ".sh"].iter().any(|ending| name.ends_with(ending)) {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn no_text_names_a_file_that_is_not_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    readable(root, &mut texts);
    let rooms = ["src", "tests", "docs", "nix", "scripts", "packaging", "examples", "xtask", "fuzz", "benches"];
    let mut named = 0;
    for (file, text) in texts {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c))) {
            let word = word.trim_end_matches('.').trim_start_matches("./");
            let (Some((room, _)), Some((_, ending))) = (word.split_once('/'), word.rsplit_once('.')) else { continue };
            if rooms.contains(&room) && ["rs", "md", "toml", "nix", "sh"].contains(&ending) {
                let beside = file.parent().unwrap().join(word);
                named += 1;
                assert!(root.join(word).is_file() || beside.is_file(), "{}: {word}", file.display());
            }
        }
    }
    assert!(named > 40, "only {named} files are named: they are not found any more");
}
