//! The example policy and its cases, and the policy file that the Debian package brings.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::policy::set::PolicySet;
use dockgate::policy::{Policy, show};
use dockgate::request::Request;
use std::fs;
use std::path::Path;
use std::process::Command;

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// dockgate under a policy file of that text, which is root's as long as root runs the tests: exit code and output.
fn dockgate(policy: &str, words: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("policy.toml");
    fs::write(&file, policy).unwrap();
    let program = env!("CARGO_BIN_EXE_dockgate");
    let output = Command::new(program).args(words).arg("--config").arg(&file).env_clear().output().unwrap();
    let [out, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), out + &errors)
}

#[test]
fn the_example_policy_passes_its_cases() {
    let example = text("examples/policy.toml");
    let file = |name: &str| format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    for (cases, options) in [("policy.cases", &[][..]), ("dashboard.cases", &["--profile", "dashboard"])] {
        let cases = file(cases);
        let (code, output) = dockgate(&example, &[&["policy", "test", &cases], options].concat());
        assert_eq!(code, Some(0), "{output}");
    }
    // They can fail: without the example's own tables they do.
    let (code, output) = dockgate("", &["policy", "test", &file("policy.cases")]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("--device /dev/dri/renderD128"), "{output}");
}

#[test]
fn the_packaged_policy_changes_nothing() {
    let packaged = text("packaging/policy.toml");
    // But for the digest of its text.
    let means = |mut set: PolicySet| {
        set.base.digest = None;
        format!("{set:?}")
    };
    assert_eq!(means(PolicySet::from_toml(&packaged).unwrap()), means(PolicySet::default()));
    let shown = |policy: &str| dockgate(policy, &["policy", "show"]);
    assert_eq!(shown(&packaged), shown(""));
    assert_eq!(shown(&packaged).0, Some(0));
}

#[test]
fn the_packaged_policy_s_comments_are_the_defaults() {
    // `#key` is a default, `# words` is prose.
    let live = |line: &str| match line.strip_prefix('#') {
        Some(default) if !default.starts_with(' ') => default.to_owned(),
        _ => line.to_owned(),
    };
    let packaged = text("packaging/policy.toml");
    let uncommented = packaged.lines().map(live).collect::<Vec<_>>().join("\n");
    let set = PolicySet::from_toml(&uncommented).unwrap();
    // Who set a value is the one thing that differs.
    let values = |policy: &Policy| {
        let shown = show::text(policy);
        shown.lines().filter_map(|line| line.split("  # ").next()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(values(&set.select(&Request::default(), None).policy), values(&Policy::default()));
    assert_eq!(set.default_profile, PolicySet::default().default_profile);
}

#[test]
fn the_packaged_policy_names_every_key() {
    let packaged = text("packaging/policy.toml");
    let document = text("docs/policy.md");
    let keys = document.lines().skip_while(|line| !line.starts_with("| key | default |")).skip(2);
    let keys: Vec<&str> = keys.map_while(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    assert!(keys.len() >= 20, "{keys:?}");
    let mut table = String::new();
    let mut named = Vec::new();
    for line in packaged.lines().map(|line| line.trim_start_matches('#').trim()) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = format!("{name}.").replace("hermes", "LABEL");
        } else if let Some((key, _)) = line.split_once(" = ") {
            named.push(format!("{table}{key}"));
        }
    }
    for key in keys {
        let is_named = named.iter().any(|name| name == key)
            || (key == "profiles.NAME" && named.iter().any(|name| name.starts_with("profiles.")));
        assert!(is_named, "packaging/policy.toml lacks {key}: {named:?}");
    }
}
