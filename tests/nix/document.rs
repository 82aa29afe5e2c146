//! docs/nixos.md: its configurations are evaluated, and its table of options is the module's.

use crate::evaluator::{evaluate, evaluate_given, repository, strings};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

fn document() -> String {
    fs::read_to_string(repository().join("docs/nixos.md")).unwrap()
}

/// What each of the document's configurations comes to.
fn examples() -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    // Where the second of them has dockgate's sources.
    std::os::unix::fs::symlink(repository(), directory.path().join("dockgate")).unwrap();
    let document = document();
    let blocks = document.split("```nix\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let examples = blocks.enumerate().map(|(number, text)| {
        let file = directory.path().join(format!("{number}.nix"));
        fs::write(&file, text).unwrap();
        evaluate_given(&file)
    });
    examples.collect()
}

#[test]
fn its_configurations_are_right() {
    let examples = examples();
    let [flake, plain, several, before, after] = examples.as_slice() else { panic!("{} examples", examples.len()) };
    for example in &examples {
        assert!(strings(&example["failed"]).is_empty(), "{}", example["failed"]);
        assert!(strings(&example["warnings"]).is_empty(), "{}", example["warnings"]);
    }
    for example in [flake, plain, after] {
        let keys = strings(&example["accounts"]["ai-worker"]["keys"]);
        assert!(
            matches!(keys[..], [key] if key.contains("/bin/dockgate --key hermes\",restrict,pty ssh-ed25519 ")),
            "{keys:?}"
        );
        assert!(example["sshd"].as_str().unwrap().contains("\nMatch User ai-worker\n"));
    }
    let accounts = |example: &Value| example["accounts"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(accounts(several), ["ai-worker", "deploy"]);
    assert_eq!(strings(&several["accounts"]["ai-worker"]["keys"]).len(), 2);
    assert!(several["sshd"].as_str().unwrap().contains("\nMatch User ai-worker,deploy\n"));

    // The account and its key stay what they were; what stands between the key and docker does not.
    let (before, after) = (&before["accounts"]["ai-worker"], &after["accounts"]["ai-worker"]);
    assert_eq!((&before["uid"], &before["group"]), (&after["uid"], &after["group"]));
    let key = |account: &Value| {
        let line = strings(&account["keys"])[0];
        line[line.find(" ssh-ed25519 ").unwrap()..].to_owned()
    };
    assert_eq!(key(before), key(after));
    assert!(strings(&before["keys"])[0].contains("/bin/ai-worker-docker\""));
    assert_eq!(after["extraGroups"], before["extraGroups"]);
}

#[test]
fn it_has_every_option() {
    let document = document();
    let table = document.split("| option | default |").nth(1).unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let listed: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    let declared = evaluate("options");
    let declared: BTreeSet<&str> = strings(&declared).into_iter().collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), declared);
    assert_eq!(listed.len(), declared.len());
}
