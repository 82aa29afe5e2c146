//! nix-instantiate, and what `nix/tests` answers.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The gate, where the stand-in for the package says it is.
pub(crate) const GATE: &str = "/nix/store/00000000000000000000000000000000-dockgate/bin/dockgate";
/// The docker of the stand-in for `virtualisation.docker.package`.
pub(crate) const DOCKER: &str = "/nix/store/00000000000000000000000000000000-docker/bin/docker";

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs nix-instantiate, which evaluates without a store, a daemon or a network.
pub(crate) fn nix(arguments: &[&str]) -> String {
    let output = Command::new("nix-instantiate")
        .args(arguments)
        .env("NIX_REMOTE", "dummy://")
        .env("NIX_CONFIG", "build-users-group =")
        .output()
        .expect("nix-instantiate: `make test` installs it");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An attribute of `nix/tests`.
pub(crate) fn evaluate(attribute: &str) -> Value {
    let tests = repository().join("nix/tests");
    let json = nix(&["--eval", "--strict", "--json", "-A", attribute, tests.to_str().unwrap()]);
    serde_json::from_str(&json).unwrap()
}

/// What a module, or a flake that has a system, makes of one.
pub(crate) fn evaluate_given(file: &Path) -> Value {
    let (tests, given) = (repository().join("nix/tests"), format!("import {}", file.display()));
    let whole = std::fs::read_to_string(file).unwrap().contains("nix/module.nix").to_string();
    let tests = tests.to_str().unwrap();
    let json = nix(&[
        "--eval", "--strict", "--json", "-A", "given", "--arg", "given", &given, "--arg", "whole", &whole, tests,
    ]);
    serde_json::from_str(&json).unwrap()
}

pub(crate) fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}
