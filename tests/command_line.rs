//! dockgate's own command line: what an administrator types, and where it would stop them.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use std::fs;
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
