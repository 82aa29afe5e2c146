//! dockgate's own command line: what an administrator types, and where it would stop them.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// In a directory with `policy.toml` of root's: exit code and output.
fn dockgate(directory: &Path, words: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    command.args(words.split(' ')).current_dir(directory).env_clear();
    let output = command.output().unwrap();
    let [out, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), out + &errors)
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let watcher = format!("[keys.watcher]\nprofile = 'read-only'\nfingerprint = '{key}'\n");
    write("policy.toml", &format!("[docker]\nprogram = '/bin/true'\n[commands]\nblocked = ['ps']\n{watcher}"));
    write("cases", "deny docker ps\nallow docker restart web\nkey=watcher deny:not-allowed docker restart web\n");
    write("key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH hermes\n");
    write(
        "log",
        "Nov 27 13:00:00 h dockgate[7]: verdict=allow reason=permitted command=ps user=a key=k fingerprint=- \
                  client=127.0.0.1:1 profile=default id=1-1 request=\"docker compose -p x -f - up -d\"\n",
    );
    directory
}

#[test]
fn a_relative_policy_file_is_one_everywhere() {
    let directory = directory();
    for (words, code, says) in [
        ("--config policy.toml check docker ps", 77, "docker 'ps' is blocked"),
        ("--config policy.toml policy show", 0, "commands.blocked = [\"ps\"]"),
        ("--config policy.toml policy validate", 0, "policy: valid"),
        ("policy validate policy.toml", 0, "policy: valid"),
        (
            "--config policy.toml policy test cases",
            0,
            "profile default: no key and no option names another\n3 passed, 0 failed",
        ),
        ("--config policy.toml authorize key.pub", 0, "/policy.toml --key hermes\" ssh-ed25519 "),
        (
            "policy diff policy.toml policy.toml --log log",
            0,
            "not judged: 1 records of requests that read standard input",
        ),
    ] {
        let (found, said) = dockgate(directory.path(), words);
        assert_eq!(found, Some(code), "{words}: {said}");
        assert!(said.contains(says), "{words}: {said}");
    }
    let (_, found) = dockgate(directory.path(), "--config policy.toml doctor");
    assert!(!found.contains("must be absolute"), "{found}");
}

#[test]
fn an_option_that_would_be_ignored_is_refused() {
    let directory = directory();
    for (words, says) in [
        (
            "policy diff policy.toml policy.toml --log log --profile operator",
            "ERROR: --profile: policy diff does not take it",
        ),
        ("policy diff policy.toml policy.toml --log log --config policy.toml", "ERROR: --config: policy diff"),
        ("doctor --profile operator", "ERROR: --profile: doctor does not take it"),
        ("doctor --key hermes", "ERROR: --key: doctor does not take it"),
        ("policy validate policy.toml --config policy.toml", "ERROR: --config: policy validate FILE"),
        ("policy validate --profile operator", "ERROR: --profile: policy validate does not take it"),
        ("--profile operator audit list log", "ERROR: --profile: audit list does not take it"),
        ("audit --key hermes show 1-1 log", "ERROR: --key: audit show does not take it"),
    ] {
        let (code, said) = dockgate(directory.path(), words);
        assert_eq!(code, Some(64), "{words}: {said}");
        assert!(said.starts_with(says), "{words}: {said}");
    }
}

#[test]
fn a_verdict_is_that_of_the_account_that_is_named_from_its_home() {
    let directory = directory();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    // What root alone may read is read before it becomes the account, whose home daemon's is on every Debian.
    let request = "docker run -v ./:/x busybox";
    write("open.toml", "[host]\nbind_mounts = ['/usr/sbin:ro']\n");
    write("shut.toml", "");
    write("cases", &format!("allow {}\n", request.replace("/x", "/x:ro")));
    write(
        "log",
        &format!(
            "h dockgate[7]: verdict=allow reason=permitted command=run user=daemon key=k fingerprint=- \
             client=127.0.0.1:1 profile=default id=1-1 request=\"{}\"\n",
            request.replace("/x", "/x:ro")
        ),
    );
    for (words, from_here, from_home) in [
        ("--config open.toml check docker run -v ./:/x:ro busybox", (77, "bind-mount"), (0, "allow: docker run")),
        ("--config open.toml policy test cases", (1, "0 passed, 1 failed"), (0, "1 passed, 0 failed")),
        ("policy diff open.toml shut.toml --log log", (0, "newly refused: 0"), (0, "newly refused: 1")),
    ] {
        let named = match words.split_once("check") {
            Some((before, after)) => format!("{before}check --user daemon{after}"),
            None => format!("{words} --user daemon"),
        };
        for (words, (code, says)) in [(words, from_here), (&*named, from_home)] {
            let (found, said) = dockgate(directory.path(), words);
            assert_eq!(found, Some(code), "{words}: {said}");
            assert!(said.contains(says), "{words}: {said}");
        }
    }
    let (code, said) = dockgate(directory.path(), "check --user nobody-at-all docker ps");
    assert_eq!((code, &*said), (Some(64), "ERROR: --user nobody-at-all: this host has no such account\n"));
    // Its rights are the account's, too: this directory is root's alone.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let place = directory.path().display().to_string();
    write("place.toml", &format!("[host]\nbind_mounts = ['{place}:ro']\n"));
    for (user, code) in [("root", 0), ("daemon", 77)] {
        let words = format!("--config place.toml check --user {user} docker run -v {place}/cases:/x:ro busybox");
        let (found, said) = dockgate(directory.path(), &words);
        assert_eq!(found, Some(code), "{user}: {said}");
    }
}

#[test]
fn what_is_not_there_is_told_and_a_slip_is_named() {
    let directory = directory();
    for (words, code, says) in [
        (
            "check docker compose --project-directory bad up -d",
            0,
            "--project-directory bad: nothing is there (judged from /",
        ),
        ("check docker build nowhere", 0, "nowhere: nothing is there (judged from /"),
        ("check --usr x docker ps", 64, "ERROR: --usr: check has no such option"),
        ("docker ps", 64, "To ask for the verdict on a command: dockgate check 'docker ps'"),
        ("help --help", 0, "Usage: dockgate [OPTIONS] [COMMAND]"),
        ("--config policy.toml policy show --profile nix", 78, "the policy has no profile nix (it has default, "),
        ("check --explain docker run -m 600m --cpus 1.5 x", 0, "memory 600m, processors 1.5, no limit of processes"),
    ] {
        let (found, said) = dockgate(directory.path(), words);
        assert_eq!(found, Some(code), "{words}: {said}");
        assert!(said.contains(says), "{words}: {said}");
    }
}

#[test]
fn a_mount_has_no_other_mode_than_ro() {
    let directory = directory();
    for (mount, says) in [
        ("/srv:rw", "there is no \":rw\"; \"/srv\" may be written, \"/srv:ro\" may not"),
        ("/srv:ro,z", "no \":ro,z\""),
    ] {
        fs::write(directory.path().join("policy.toml"), format!("[host]\nbind_mounts = ['{mount}']\n")).unwrap();
        let (code, said) = dockgate(directory.path(), "policy validate policy.toml");
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn a_label_that_the_gate_refuses_is_no_key_to_ask_about() {
    let directory = directory();
    for words in ["check docker restart web", "policy show", "policy test cases"] {
        let (code, said) = dockgate(directory.path(), &format!("--config policy.toml --key wacher {words}"));
        assert_eq!(code, Some(78), "{words}: {said}");
        assert!(said.starts_with("ERROR: key wacher: the policy file has no such key, "), "{words}: {said}");
        assert!(said.contains("(it has watcher)"), "{words}: {said}");
    }
    let (code, said) = dockgate(directory.path(), "--config policy.toml --key watcher policy show");
    assert_eq!(code, Some(0), "{said}");
    // A case of such a label is what the gate says: refused.
    fs::write(directory.path().join("unknown"), "key=wacher deny:key-refused docker restart web\n").unwrap();
    let (code, said) = dockgate(directory.path(), "--config policy.toml policy test unknown");
    assert_eq!(code, Some(0), "{said}");
    // Without keys in the file every label will do.
    fs::write(directory.path().join("without.toml"), "").unwrap();
    let (code, said) = dockgate(directory.path(), "--config without.toml --key any check docker ps");
    assert!(!said.contains("no such key"), "{code:?} {said}");
}
