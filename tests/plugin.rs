//! The Compose plugin without docker in front of it: it is the one that docker starts, it says what it says behind docker,
//! and where that is not certain docker is asked.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::run::plugin;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn lab() -> PathBuf {
    std::env::var_os("DOCKGATE_LAB_CACHE").map_or_else(|| root().join("target/lab"), PathBuf::from)
}

fn docker(version: &str) -> PathBuf {
    lab().join(format!("docker-{version}/usr/bin/docker"))
}

/// A directory with the files that are given, each of which can be run.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::Builder::new().prefix("dockgate-plugin.").tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

fn alone(program: &Path, config: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin").env("DOCKER_CONFIG", config);
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").stdin(Stdio::null());
    command
}

#[test]
fn docker_looks_for_plugins_where_the_table_says() {
    let config = directory(&[]);
    let log = config.path().join("log");
    let own = config.path().join("cli-plugins");
    let table = [own.to_str().unwrap()].into_iter().chain(plugin::DIRECTORIES.iter().copied());
    let table: Vec<String> = table.map(|directory| format!("{directory}/docker-compose")).collect();
    // What is there ends the search.
    let end = table.iter().position(|path| Path::new(path).exists()).map_or(table.len(), |found| found + 1);
    for version in ["20.10", "28.5"] {
        let mut strace = alone(Path::new("strace"), config.path());
        strace.args(["-f", "-qq", "-e", "trace=%file", "-o"]).arg(&log).arg(docker(version));
        strace.args(["compose", "version"]).output().unwrap();
        let calls = fs::read_to_string(&log).unwrap();
        let looked = calls.lines().filter(|line| line.contains("stat"));
        let looked = looked.filter_map(|line| line.split('"').nth(1)).filter(|path| path.ends_with("/docker-compose"));
        let mut looked: Vec<String> = looked.map(str::to_owned).collect();
        looked.dedup();
        assert_eq!(looked.get(..end), table.get(..end), "docker {version}:\n{calls}");
    }
}

#[test]
fn docker_starts_the_plugin_that_is_found() {
    for config in [None, Some("{}"), Some("{\"auths\": {}, \"credsStore\": \"pass\", \"proxies\": {\"default\": {}}}")]
    {
        let directory = directory(&[]);
        // A plugin that says how it is started.
        symlink(root().join("tests/fixtures/plugin"), directory.path().join("cli-plugins")).unwrap();
        if let Some(text) = config {
            fs::write(directory.path().join("config.json"), text).unwrap();
        }
        let found = plugin::compose(&docker("28.5"), directory.path()).unwrap();
        let said = alone(&docker("28.5"), directory.path()).args(["compose", "-f", "x", "config"]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert_eq!(said, format!("{} compose -f x config\n", found.display()));
    }
}

#[test]
fn where_docker_may_start_another_it_is_asked() {
    let plain = ("cli-plugins/docker-compose", "#!/bin/sh\n");
    for (text, why) in [
        ("{\"cliPluginsExtraDirs\": [\"/x\"]}", "other directories"),
        // Go takes a key in any case.
        ("{\"CLIPLUGINSEXTRADIRS\": [\"/x\"]}", "other directories"),
        ("{\"aliases\": {\"compose\": \"x\"}}", "another command"),
        ("{\"plugins\": {\"compose\": {}}}", "a setting of the plugin's"),
        ("{\"tomorrow\": 1}", "what nobody knows"),
        ("{", "no JSON"),
        ("[]", "no object"),
        ("", "nothing"),
    ] {
        let directory = directory(&[plain, ("config.json", text)]);
        assert_eq!(plugin::compose(&docker("28.5"), directory.path()), None, "{why}: {text}");
    }
    // A program that is not docker itself, and one that is by another name.
    let programs = directory(&[("docker", "#!/bin/sh\nexec other-docker \"$@\"\n"), ("snap", "\u{7f}ELF"), plain]);
    symlink(programs.path().join("snap"), programs.path().join("launched")).unwrap();
    symlink(docker("28.5"), programs.path().join("linked")).unwrap();
    let found = |program: &str| plugin::compose(&programs.path().join(program), programs.path());
    assert_eq!([found("docker"), found("launched"), found("missing")], [None, None, None]);
    assert_eq!(found("linked"), Some(programs.path().join("cli-plugins/docker-compose")));
    // What docker does not pass over, although it cannot start it.
    let path = programs.path().join("cli-plugins/docker-compose");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(found("linked"), None, "not executable");
    fs::write(&path, "echo here\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found("linked"), None, "no program");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(found("linked"), None, "a directory");
    fs::remove_dir_all(programs.path().join("cli-plugins")).unwrap();
    fs::write(programs.path().join("cli-plugins"), "").unwrap();
    assert_eq!(found("linked"), None, "no directory");
}

#[test]
fn it_says_what_it_says_behind_docker() {
    let broken = directory(&[
        ("unknown.yaml", "services: {a: {image: busybox, imagine: x}}"),
        ("unset.yaml", "services: {a: {image: 'busybox:${NOT_SET}'}}"),
        ("required.yaml", "services: {a: {image: '${NOT_SET:?is not set}'}}"),
        ("nothing.yaml", "services: {}"),
        ("no.yaml", "services: ["),
    ]);
    let config = directory(&[]);
    symlink(lab().join("docker-28.5/usr/libexec/docker/cli-plugins"), config.path().join("cli-plugins")).unwrap();
    let found = plugin::compose(&docker("28.5"), config.path()).unwrap();
    let places = [root().join("tests/fixtures/compose"), root().join("tests/fixtures/project"), broken.path().into()];
    let files = places.iter().flat_map(|place| fs::read_dir(place).unwrap()).map(|entry| entry.unwrap().path());
    // Of these Compose names one of several faults, by chance.
    let chance = |path: &Path| ["compose.prod.yaml", "keys.yaml"].iter().any(|name| path.ends_with(name));
    let taken = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml") && !chance(path);
    let files: Vec<PathBuf> = files.filter(taken).collect();
    let mut accepted = 0;
    for file in &files {
        let ask = |program: &Path| -> Output {
            let mut command = alone(program, config.path());
            if program == found {
                command.env(plugin::STARTED_BY, docker("28.5"));
            }
            command.args(["compose", "--project-name=x", "--profile=*"]).arg(format!("--file={}", file.display()));
            command.args(["config", "--format=json"]).output().unwrap()
        };
        let (behind, by_itself) = (ask(&docker("28.5")), ask(&found));
        // A warning's time is its own, and their order of chance.
        let lines = |output: &Output| {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let untimed = |line: &str| line.split_once("\" level=").map_or(line, |(_, rest)| rest).to_owned();
            text.lines().map(untimed).collect::<BTreeSet<_>>()
        };
        assert_eq!(lines(&by_itself), lines(&behind), "{}", file.display());
        assert_eq!((by_itself.status, by_itself.stdout), (behind.status, behind.stdout), "{}", file.display());
        accepted += usize::from(behind.status.success());
    }
    assert!(accepted >= 10 && accepted < files.len(), "{accepted} of {}", files.len());
}
