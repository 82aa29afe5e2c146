//! What is elsewhere on the host: a refusal does not say whether it is there, nor what it is.

use super::{Lab, Outcome, put, spawn};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

/// What could be behind a path that is not the account's to name: of all of these the same is said.
fn places(lab: &Lab) -> Vec<(&'static str, String)> {
    let outside = lab.directory.join("elsewhere");
    fs::create_dir_all(outside.join("project/deep")).unwrap();
    fs::create_dir_all(outside.join("empty")).unwrap();
    fs::create_dir_all(outside.join("closed")).unwrap();
    fs::set_permissions(outside.join("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for file in ["project/compose.yaml", "project/.env", "file", "project/Dockerfile", "closed/file"] {
        fs::write(outside.join(file), "services: {a: {image: busybox}}\n").unwrap();
    }
    let _ = fs::remove_file(outside.join("link"));
    std::os::unix::fs::symlink("/etc/shadow", outside.join("link")).unwrap();
    let at = |name: &str| outside.join(name).display().to_string();
    vec![
        ("nothing", at("missing")),
        ("a file", at("file")),
        ("a directory with a project", at("project")),
        ("a directory below a project", at("project/deep")),
        ("nothing in a closed directory", at("closed/none")),
        ("a link", at("link")),
        ("another process", "/proc/1/root/etc/shadow".to_owned()),
        ("a device", "/dev/null".to_owned()),
        ("a secret", "/etc/shadow".to_owned()),
    ]
}

/// Those of them whose path says that they are the host's own.
const HOST: &[&str] = &["another process", "a device", "a secret"];

fn with_input(mut gate: Command, text: &str) -> Outcome {
    let mut child = spawn(gate.stdin(Stdio::piped()));
    // It may be refused before it reads anything.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap().into()
}

#[test]
fn of_what_is_elsewhere_the_same_is_said_whatever_it_is() {
    let lab = Lab::shared();
    put(lab, "else/compose.yaml", "services: {a: {image: busybox}}\n");
    let file = "services: {a: {image: busybox, configs: [c], secrets: [c]}}\nconfigs: {c: {file: '@'}}\nsecrets: {c: {file: '@'}}\n";
    let rows: &[(&str, &str)] = &[
        ("docker compose -f @ -p else config", ""),
        ("docker compose -f else/compose.yaml -f @ -p else up", ""),
        ("docker compose -f @/compose.yaml -p else config", ""),
        ("docker compose --project-directory @ -p else config", ""),
        ("docker compose --project-directory @ -p else ps", ""),
        ("docker compose --project-directory @ -f - -p else config", "services: {a: {image: busybox}}\n"),
        ("docker compose -f - -p else --env-file @ config", "services: {a: {image: busybox}}\n"),
        ("docker compose -f - -p else up", file),
        ("docker compose -f - -p else up", "services: {a: {image: busybox, env_file: '@'}}\n"),
        ("docker compose -f - -p else up", "services: {a: {image: busybox, label_file: '@'}}\n"),
        ("docker compose -f - -p else up", "services: {a: {extends: {file: '@', service: a}}}\n"),
        ("docker compose -f - -p else up", "include: ['@']\n"),
        ("docker compose -f - -p else build", "services: {a: {build: '@'}}\n"),
        ("docker compose -f - -p else build", "services: {a: {build: {context: ., dockerfile: '@'}}}\n"),
        ("docker compose -f - -p else up", "services: {a: {image: busybox, volumes: ['@:/x']}}\n"),
        ("docker build @", ""),
        ("docker build -f @ .", ""),
        ("docker build --secret id=x,src=@ .", ""),
        ("docker build --build-context x=@ .", ""),
        ("docker build --cache-from type=local,src=@ .", ""),
        ("docker build --iidfile @ .", ""),
        ("docker run --env-file @ busybox", ""),
        ("docker run --label-file @ busybox", ""),
        ("docker run -v @:/x busybox", ""),
        ("docker run --mount type=bind,src=@,dst=/x busybox", ""),
        ("docker run --security-opt seccomp=@ busybox", ""),
        ("docker run --cidfile @ busybox", ""),
    ];
    for (request, text) in rows {
        let mut said: Vec<(&str, String)> = Vec::new();
        for (what, path) in places(lab) {
            let gate = lab.gate(lab.value("POLICY").as_ref(), request.replace('@', &path).as_bytes());
            let outcome = with_input(gate, &text.replace('@', &path));
            assert_eq!(outcome.code, 77, "{request} {text}: {what}: {}{}", outcome.out(), outcome.err());
            let lines = outcome.err();
            let lines: Vec<&str> = lines.lines().filter(|line| !line.starts_with("record: ")).collect();
            // A build takes what lies beside its Dockerfile.
            let parent = std::path::Path::new(&path).parent().unwrap().display().to_string();
            said.push((what, lines.join("\n").replace(&path, "@").replace(&format!("{parent} "), "(its directory) ")));
        }
        // What is the host's own by its path nobody is told to ask for.
        let (of_host, others): (Vec<_>, Vec<_>) = said.iter().partition(|(what, _)| HOST.contains(what));
        for group in [&of_host, &others] {
            for pair in group.windows(2) {
                assert_eq!(pair[0].1, pair[1].1, "{request} {text}: {} and {}", pair[0].0, pair[1].0);
            }
        }
        let asked = |said: &str| {
            let (said, _) = said.split_once("or ask the administrator to add \"@").unwrap_or((said, ""));
            said.trim_end_matches([' ', ',', ';']).to_owned()
        };
        assert_eq!(asked(&of_host[0].1), asked(&others[0].1), "{request} {text}");
    }
}
