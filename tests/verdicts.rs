//! The verdict corpora: one request a line, judged by the built-in policy in a copy of `fixtures/project`.
//!
//! `corpus/allow/*.txt` must be allowed; `corpus/deny/*.txt` has a reason code before each request, and the
//! words of every refusal are a snapshot.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::denial::Denial;
use dockgate::gate::Gate;
use dockgate::policy::Policy;
use dockgate::request::account::Account;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A gate with the default policy, the real docker for Compose's sake, and no daemon behind it.
fn gate(directory: &Path) -> Gate {
    let lab = std::env::var_os("DOCKGATE_LAB_CACHE").map_or_else(|| root().join("target/lab"), PathBuf::from);
    let docker = lab.join("docker-28.5/usr/bin/docker");
    assert!(docker.exists(), "no {}: `make test` installs it", docker.display());
    let (home, project, config) = (directory.join("home"), directory.join("project"), directory.join("config"));
    fs::create_dir_all(home.join(".ssh")).unwrap();
    fs::create_dir_all(&config).unwrap();
    copy(&root().join("tests/fixtures/project"), &project);
    let plugins = lab.join("docker-28.5/usr/libexec/docker/cli-plugins");
    std::os::unix::fs::symlink(plugins, config.join("cli-plugins")).unwrap();
    std::env::set_current_dir(&project).unwrap();
    let policy = Policy { program: Some(docker), config, ..Policy::default() };
    let account = Account { name: "ai-worker".to_owned(), home, locale: Vec::new() };
    Gate::alone(policy, account)
}

/// The lines of every file in a corpus, with the file's name.
fn corpus(kind: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> =
        fs::read_dir(root().join("tests/corpus").join(kind)).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let requests = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("# "));
        lines.extend(requests.map(|line| (name.clone(), line.to_owned())));
    }
    lines
}

// One test, because the working directory is the process's.
#[test]
fn the_corpora_are_judged_as_they_say() {
    let directory = tempfile::Builder::new().prefix("dockgate-verdicts.").tempdir_in("/tmp").unwrap();
    let gate = gate(directory.path());
    std::thread::scope(|scope| {
        scope.spawn(|| what_needs_nothing_blocked_is_allowed(&gate));
        scope.spawn(|| what_is_blocked_is_refused_for_its_reason(&gate, directory.path()));
    });
    std::env::set_current_dir("/").unwrap();
}

fn what_needs_nothing_blocked_is_allowed(gate: &Gate) {
    let lines = corpus("allow");
    assert!(lines.len() >= 300, "{} lines", lines.len());
    let mut wrong = String::new();
    for (file, request) in &lines {
        if let Err(denial) = gate.decide(request.as_bytes(), false).verdict {
            writeln!(wrong, "{file}: {request}\n    {}: {}", denial.reason.code(), denial.message).unwrap();
        }
    }
    assert!(wrong.is_empty(), "refused, though they need nothing blocked:\n{wrong}");
}

fn what_is_blocked_is_refused_for_its_reason(gate: &Gate, directory: &Path) {
    let lines = corpus("deny");
    assert!(lines.len() >= 300, "{} lines", lines.len());
    let (mut wrong, mut words) = (String::new(), String::new());
    for (file, line) in &lines {
        let (code, request) = line.split_once('\t').unwrap_or(("", line));
        match gate.decide(request.as_bytes(), false).verdict {
            Ok(_) => writeln!(wrong, "{file}: allowed, not {code}: {request}").unwrap(),
            Err(denial) => {
                let Denial { reason, message, hint, .. } = &denial;
                if reason.code() != code {
                    writeln!(wrong, "{file}: {}, not {code}: {request}\n    {message}", reason.code()).unwrap();
                }
                assert!(!hint.is_empty(), "{request}");
                writeln!(words, "{request}\n    {message}\n    {hint}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    insta::assert_snapshot!("refusals", words.replace(&directory.display().to_string(), "/lab"));
}
