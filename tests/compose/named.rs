//! Files that a Compose file names: read where they may be, as Compose reads them, and judged before.

use crate::Key;
use crate::support::{Lab, Outcome, until};
use crate::{put, spoken};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Compose itself, past the gate, from the account's home; or from the project directory, for where a project is
/// included by one that is included, Compose looks for its variables below the working directory.
fn plain(lab: &Lab, words: &str) -> Outcome {
    let mut command = Command::new(lab.value("DOCKER"));
    command.env_clear().env("HOME", lab.home()).env("PATH", "/usr/bin:/bin").env("DOCKER_CONFIG", lab.value("CONFIG"));
    let (directory, words) = match words.strip_prefix("--project-directory named ") {
        Some(words) => (lab.home().join("named"), words.replace("named/", "")),
        None => (lab.home(), words.to_owned()),
    };
    command.current_dir(directory).arg("compose").args(words.split(' ')).output().unwrap().into()
}

/// A project of many files, each in a directory of its own.
fn plant(lab: &Lab) {
    for (path, text) in [
        ("named/.env", "DIR=parts\nTAG=1\nONLY=root\n"),
        (
            "named/compose.yaml",
            "include: ['${DIR}/db.yaml', parts/cache/compose.yaml]\nservices: {web: {image: busybox, env_file: ['${DIR}/web.env', {path: none.env, required: false}], depends_on: [db]}}",
        ),
        (
            "named/parts/db.yaml",
            "services: {db: {image: 'db:${TAG}', build: {context: ./db}, env_file: db.env, configs: [c], volumes: ['vol:/d']}}\nvolumes: {vol: {}}\nconfigs: {c: {file: ./c.txt}}",
        ),
        ("named/parts/db.env", "A=${TAG}\nB=$ONLY\n"),
        ("named/parts/c.txt", "text"),
        ("named/parts/web.env", "W=1\n"),
        (
            "named/parts/cache/compose.yaml",
            "include: [{path: [../deep/a.yaml, ../deep/b.yaml], project_directory: .., env_file: [x.env, y.env]}]\nservices: {cache: {image: 'cache:${TAG}', build: .}}",
        ),
        ("named/parts/cache/.env", "TAG=cache\nNEW=new\n"),
        ("named/parts/cache/x.env", "X=x\nTAG=x\n"),
        ("named/parts/cache/y.env", "Y=${X}y\nFILE=deep\n"),
        (
            "named/parts/deep/a.yaml",
            "services: {deep: {image: 'deep:${TAG}${Y}${NEW-}', env_file: '${FILE}/deep.env', build: ./deep}}",
        ),
        ("named/parts/deep/b.yaml", "services: {deep: {labels: {l: '${ONLY}'}, environment: {E: '$$5'}}}"),
        ("named/parts/deep/deep.env", "D='$5'\n"),
        (
            "named/extends.yaml",
            "services: {a: {extends: {file: base/one.yaml, service: one}, environment: {A: a}}, b: {extends: {file: ./base/one.yaml, service: two}}, c: {extends: a, command: c}, d: {extends: {file: '${BASE:-base}/one.yaml', service: one}}}",
        ),
        (
            "named/base/one.yaml",
            "x-b: &b {env_file: [one.env]}\ninclude: [nowhere.yaml]\nservices: {one: {<<: *b, extends: {file: ../base2/two.yaml, service: base}, volumes: ['./data:/d', 'v:/v'], label_file: one.labels}, two: {image: two, build: {context: .., dockerfile: base/Dockerfile}, extends: {service: one}}, three: {env_file: /etc/passwd, extends: {file: /etc/passwd, service: x}}}",
        ),
        ("named/base/one.env", "ONE=1\n"),
        ("named/base/one.labels", "own=label\n"),
        (
            "named/base2/two.yaml",
            "services: {base: {image: base, env_file: ./two.env, extends: {service: root}}, root: {command: [a, $$b], cpu_shares: 022}}",
        ),
        ("named/base2/two.env", "TWO=2\n"),
        (
            "named/override.yaml",
            "services: {a: {extends: {file: base2/two.yaml, service: base}, env_file: !override [base2/two.env]}}\nvolumes: {v: {}}",
        ),
    ] {
        put(lab, path, text);
    }
}

#[test]
fn files_are_read_as_compose_reads_them() {
    let lab = Lab::shared();
    let key = Key::under("files", &format!("[host]\nbind_mounts = ['{}:ro']", lab.home().join("named").display()));
    plant(lab);
    let home = lab.home().join("named");
    let absolute = format!(
        "include: ['{0}/parts/db.yaml']\nservices: {{w: {{image: x, env_file: ['~/named/parts/web.env']}}}}",
        home.display()
    );
    put(lab, "named/absolute.yaml", &absolute);
    for words in [
        "--project-directory named -f named/compose.yaml config",
        "--project-directory named config",
        "--project-directory named config db",
        "--env-file named/parts/cache/x.env -f named/parts/db.yaml config",
        "-f named/extends.yaml -f named/override.yaml config",
        "-f named/absolute.yaml config",
        "-f named/parts/cache/compose.yaml config",
    ] {
        let expected = plain(lab, words).succeeded();
        let outcome = key.send(&format!("docker compose {words}"), "");
        if words.contains("extends") {
            // What it mounts may be read alone.
            assert_eq!(spoken(&outcome), ["bind-mount"], "{}", outcome.err());
            continue;
        }
        assert_eq!(outcome.succeeded().out(), expected.out(), "{words}");
    }
    let text = std::fs::read_to_string(home.join("extends.yaml")).unwrap();
    put(
        lab,
        "named/base/one.yaml",
        &std::fs::read_to_string(home.join("base/one.yaml")).unwrap().replace("./data:/d'", "./data:/d:ro'"),
    );
    std::fs::create_dir_all(home.join("base/data")).unwrap();
    let words = "-f named/extends.yaml -f named/override.yaml config";
    let expected = plain(lab, words).succeeded();
    let outcome = key.send(&format!("docker compose {words}"), "").succeeded();
    assert_eq!(outcome.out(), expected.out());
    // From standard input the names start from the project directory.
    let outcome = key.send("docker compose --project-directory named -f - -f named/override.yaml config", &text);
    assert_eq!(outcome.succeeded().out(), expected.out());
    // Other tests judge at the same time; what they have copied is soon gone, too.
    let left = copies(lab);
    until("the copies are removed", || !copies(lab).iter().any(|copy| left.contains(copy)));
}

/// Copies that judging has left.
fn copies(lab: &Lab) -> Vec<String> {
    let uid = std::fs::metadata(lab.home()).unwrap().uid();
    let state = dockgate::run::exec::state_path(lab.value("ACCOUNT"), uid);
    let names = std::fs::read_dir(state).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with("project-")).collect()
}

#[test]
fn a_project_of_several_files_runs() {
    let lab = Lab::shared();
    put(
        lab,
        "several/compose.yaml",
        "include: [db/db.yaml]\nservices: {web: {extends: {file: base.yaml, service: sleeper}, env_file: '${WHICH-web}.env'}}",
    );
    put(lab, "several/web.env", "SAID=by-web\n");
    put(lab, "several/base.yaml", "services: {sleeper: {image: busybox, command: sleep 1000, stop_grace_period: 0s}}");
    put(
        lab,
        "several/db/db.yaml",
        "services: {db: {image: busybox, command: cat /c, configs: [{source: c, target: /c}]}}\nconfigs: {c: {file: c.txt}}",
    );
    put(lab, "several/db/c.txt", "beside db.yaml\n");
    lab.ssh("docker compose -f several/compose.yaml up -d").succeeded();
    assert_eq!(lab.docker(&["wait", "several-db-1"]).out(), "0\n");
    assert_eq!(lab.docker(&["logs", "several-db-1"]).out(), "beside db.yaml\n");
    let shown = lab.docker(&["inspect", "-f", "{{.Config.Env}}", "several-web-1"]).out();
    assert!(shown.contains("SAID=by-web"), "{shown}");
    // A service that a file includes is no orphan of the project.
    lab.ssh("docker compose -f several/compose.yaml up -d --remove-orphans web").succeeded();
    assert!(!lab.docker(&["ps", "-aq", "--filter", "name=several-db-1"]).out().is_empty());
    lab.ssh("docker compose -f several/compose.yaml down -t 0").succeeded();
}

#[test]
fn what_may_not_be_read_is_not() {
    let lab = Lab::shared();
    put(lab, ".ssh-like/id", "SECRET=told\n");
    put(lab, "reads/ok.yaml", "services: {ok: {image: busybox}}");
    std::os::unix::fs::symlink("/etc/passwd", lab.home().join("reads/link.yaml")).unwrap();
    put(lab, "reads/far.yaml", "services: {a: {image: busybox, env_file: /etc/passwd}}");
    put(lab, "reads/dot.yaml", "services: {a: {image: busybox, env_file: '${D-../.ssh-like}/id'}}");
    put(lab, "reads/inner.yaml", "include: [dot.yaml]");
    put(lab, "reads/mount.yaml", "services: {a: {image: busybox, volumes: ['/:/host']}}");
    put(lab, "reads/circle.yaml", "include: [circle2.yaml]");
    put(lab, "reads/circle2.yaml", "include: [circle.yaml]");
    put(
        lab,
        "reads/extends.yaml",
        "services: {a: {extends: {file: extends.yaml, service: b}}, b: {extends: {file: extends.yaml, service: a}}}",
    );
    put(lab, "reads/COMPOSE", "PASS=${TOLD}\n");
    for (text, reason, said) in [
        ("include: [/etc/passwd]", "client-file", "include: /etc/passwd"),
        ("include: [reads/link.yaml]", "client-file", "include: reads/link.yaml"),
        ("include: ['${F-/etc/passwd}']", "client-file", "include: /etc/passwd"),
        ("include: [.ssh-like/id]", "client-file", "include: .ssh-like/id"),
        ("include: [reads/far.yaml]", "client-file", "services.a.env_file: /etc/passwd"),
        ("include: [reads/dot.yaml]", "client-file", "services.a.env_file: ../.ssh-like/id"),
        ("include: [reads/inner.yaml]", "client-file", "services.a.env_file: ../.ssh-like/id"),
        ("include: [{path: reads/ok.yaml, env_file: .ssh-like/id}]", "client-file", "include.env_file: .ssh-like/id"),
        ("include: [{path: reads/ok.yaml, project_directory: /etc}]", "client-file", "include.project_directory: /etc"),
        ("include: [reads/mount.yaml]", "bind-mount", "services.a.volumes: /:/host"),
        ("include: [reads/circle.yaml]", "project-model", "in a circle"),
        ("include: ['https://example.org/x.yaml']", "remote-project", "include: https://example.org/x.yaml"),
        ("include: ['oci://example.org/x']", "remote-project", "include: oci://"),
        ("include: [reads/nowhere.yaml]", "project-model", "reads/nowhere.yaml: no such file or directory"),
        (
            "services: {a: {extends: {file: /etc/passwd, service: x}}}",
            "client-file",
            "services.a.extends.file: /etc/passwd",
        ),
        (
            "services: {a: {extends: {file: reads/far.yaml, service: a}}}",
            "client-file",
            "services.a.env_file: /etc/passwd",
        ),
        ("services: {a: {extends: {file: reads/mount.yaml, service: a}}}", "bind-mount", "services.a.volumes"),
        ("services: {a: {extends: {file: reads/extends.yaml, service: a}}}", "project-model", "in a circle"),
        (
            "services: {a: {extends: {file: 'git@example.org:x', service: a}}}",
            "remote-project",
            "services.a.extends.file",
        ),
        (
            "services: {a: {image: busybox, env_file: '~/.ssh-like/id'}}",
            "client-file",
            "services.a.env_file: ~/.ssh-like/id",
        ),
        ("services: {a: {image: busybox, env_file: '~root/x'}}", "project-model", ""),
        (
            "services: {a: {image: busybox, env_file: '${X:-/proc/1/environ}'}}",
            "client-file",
            "services.a.env_file: /proc/1/environ",
        ),
        ("services: {a: {image: busybox, env_file: 5}}", "project-model", "services.a.env_file: 5"),
        (
            "services: {a: {image: busybox, label_file: /etc/passwd}}",
            "client-file",
            "services.a.label_file: /etc/passwd",
        ),
    ] {
        let outcome = lab.ssh_with("docker compose -p reads -f - up -d", text.as_bytes()).denied(reason);
        let all = outcome.err();
        assert!(all.lines().any(|line| line.contains(said)), "{text}: {all}");
        assert!(!all.contains("told") && !all.contains("root:"), "{text}: {all}");
    }
    assert_eq!(lab.docker(&["ps", "-aq", "--filter", "label=com.docker.compose.project=reads"]).out(), "");
}
