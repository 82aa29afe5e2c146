//! What the NixOS module makes: evaluated by a nix without nixpkgs, and fed to the real programs.
//!
//! `nix/tests` stands in for nixpkgs. That it does what nixpkgs does cannot be tested here; `nix flake check` does,
//! on a machine that has Nix and a network.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

mod document;
mod evaluator;
mod machine;
#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use evaluator::{GATE, evaluate, evaluate_given, nix, repository, strings};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::Outcome;

fn nix_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nix_files(&path, files);
        } else if path.extension().is_some_and(|end| end == "nix") {
            files.push(path);
        }
    }
}

#[test]
fn every_nix_file_is_well_formed() {
    let mut files = vec![repository().join("flake.nix")];
    nix_files(&repository().join("nix"), &mut files);
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        nix(&["--parse", file.to_str().unwrap()]);
    }
}

#[test]
fn each_fault_of_a_configuration_is_refused_in_words_of_its_own() {
    let faults = evaluate("faults");
    let faults = faults.as_object().unwrap();
    assert!(faults.len() > 40);
    for (name, fault) in faults {
        let found = strings(&fault["found"]);
        assert_eq!(found.len(), 1, "{name}: {found:#?}");
        assert!(found[0].contains(fault["says"].as_str().unwrap()), "{name}: {}", found[0]);
        assert!(strings(&fault["beside"]).is_empty(), "{name}: {}", fault["beside"]);
    }
}

#[test]
fn a_right_configuration_is_taken_in_silence() {
    let cases = evaluate("cases");
    let cases = cases.as_object().unwrap();
    assert_eq!(cases.len(), 7);
    for (name, case) in cases {
        assert!(strings(&case["failed"]).is_empty(), "{name}: {}", case["failed"]);
        assert!(strings(&case["warnings"]).is_empty(), "{name}: {}", case["warnings"]);
    }
}

#[test]
fn two_accounts_have_their_three_keys() {
    let several = evaluate("cases.several");
    let worker = &several["accounts"]["ai-worker"];
    let keys = strings(&worker["keys"]);
    assert_eq!(keys.len(), 2);
    // What ends in a newline in the configuration does not here.
    assert!(keys[0].starts_with(&format!(
        "command=\"{GATE} --key deploy --profile operator\",restrict,pty sk-ssh-ed25519@openssh.com AAAA"
    )));
    assert!(keys[0].ends_with("AAAABHNzaDo="));
    assert!(keys[1].starts_with(&format!(
        "command=\"{GATE} --key hermes --profile builder\",restrict,pty,from=\"192.0.2.0/24,2001:db8::/32\" ssh-ed25519 AAAA"
    )));
    assert!(keys[1].ends_with(" hermes"));
    let backup = &several["accounts"]["backup"];
    let keys = strings(&backup["keys"]);
    assert_eq!(keys.len(), 1);
    assert!(keys[0].starts_with(&format!("command=\"{GATE} --key watcher\",restrict,pty ecdsa-sha2-nistp256 AAAA")));

    for (account, name, home) in
        [(worker, "ai-worker", "/var/lib/dockgate/ai-worker"), (backup, "backup", "/srv/backup")]
    {
        assert_eq!(account["shell"], GATE);
        assert_eq!(account["group"], name);
        assert_eq!(account["home"], home);
        assert_eq!(account["createHome"], false);
        assert_eq!(account["isSystemUser"], true);
        assert_eq!(account["hashedPassword"], "*");
        let rule = format!("d {home} 0750 root {name} -");
        assert!(strings(&several["tmpfiles"]).contains(&rule.as_str()), "{}", several["tmpfiles"]);
    }
    assert_eq!(several["services"].as_object().unwrap().keys().collect::<Vec<_>>(), ["sshd"]);
    assert_eq!(several["services"]["sshd"]["serviceConfig"], serde_json::json!({"LogRateLimitIntervalSec": 0}));
    assert_eq!(strings(&worker["extraGroups"]), ["docker", "media"]);
    assert_eq!(strings(&backup["extraGroups"]), ["docker"]);
    assert_eq!(worker["uid"], 1001);
    assert_eq!(backup["uid"], Value::Null);
    assert_eq!(strings(&several["groups"]), ["ai-worker", "backup", "docker", "kvm", "lxd", "media", "wheel"]);
}

#[test]
fn a_proxy_is_what_its_unit_is_elsewhere() {
    let proxied = evaluate("cases.proxied");
    // No way to the daemon but the proxy.
    assert_eq!(proxied["accounts"]["ai-worker"]["extraGroups"], serde_json::json!([]));
    assert!(proxied["policy"].as_str().unwrap().contains("unix:///run/dockgate-proxy/ai-worker.sock"));
    let services = &proxied["services"];
    let start = |name: &str| services[name]["serviceConfig"]["ExecStart"].as_str().unwrap().to_owned();
    let own = start("dockgate-proxy-ai-worker");
    let listens = format!("{GATE} proxy --listen /run/dockgate-proxy/ai-worker.sock --config /nix/store/");
    assert!(own.starts_with(&listens), "{own}");
    let listens = format!("{GATE} proxy --listen /run/dockgate-proxy/traefik.sock");
    assert_eq!(start("dockgate-proxy-traefik"), format!("{listens} --profile read-only --key traefik"));
    let socket = |name: &str| &proxied["sockets"][name]["socketConfig"];
    assert_eq!(socket("dockgate-proxy-ai-worker")["SocketUser"], "ai-worker");
    assert_eq!(socket("dockgate-proxy-traefik")["SocketGroup"], "web");
    // Both say the same of what the service may do.
    let unit = |kind: &str| {
        let text = fs::read_to_string(repository().join(format!("packaging/systemd/dockgate-proxy@.{kind}"))).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    let shown = |value: &Value| match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let config = services["dockgate-proxy-ai-worker"]["serviceConfig"].as_object().unwrap();
    let elsewhere = unit("service");
    let elsewhere: Vec<_> = elsewhere
        .iter()
        .filter(|(name, _)| {
            !["Description", "Documentation", "Requires", "After", "EnvironmentFile", "ExecStart"].contains(&&**name)
        })
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let here: Vec<_> = elsewhere.iter().map(|(name, _)| (*name, shown(&config[*name]))).collect();
    assert_eq!(here, elsewhere);
    assert_eq!(config.len(), elsewhere.len() + 1, "{config:?}");
    let elsewhere = unit("socket");
    for name in ["SocketMode", "DirectoryMode"] {
        let value = &elsewhere.iter().find(|(known, _)| known == name).unwrap().1;
        assert_eq!(socket("dockgate-proxy-ai-worker")[name], value.as_str());
    }
}

#[test]
fn what_is_switched_off_is_not_there() {
    let cases = evaluate("cases");
    let off = &cases["off"];
    assert_eq!(off["accounts"], serde_json::json!({}));
    assert_eq!((&off["sshd"], &off["sudo"]), (&"".into(), &"".into()));
    assert_eq!(off["programs"], serde_json::json!([]));
    assert_eq!(off["policyScript"], Value::Null);
    let bare = &cases["bare"];
    assert_eq!((&bare["sshd"], &bare["sudo"]), (&"".into(), &"".into()));
    // No group of a daemon that is elsewhere.
    assert_eq!(bare["accounts"]["ai-worker"]["extraGroups"], serde_json::json!([]));
    assert!(bare["policy"].as_str().unwrap().contains("\"/opt/docker/bin/docker\""));
}

#[test]
fn the_wrapper_comes_before_the_real_docker() {
    let cases = evaluate("cases");
    let named = |programs: &Value| {
        let programs = programs.as_array().unwrap();
        programs.iter().find(|program| program["name"] == "dockgate-as-docker").cloned()
    };
    // Of two programs of a name the lower number wins; a package that says none has 5.
    let [one, several, bare] = ["one", "several", "bare"].map(|case| &cases[case]);
    assert!(named(&several["programs"]).unwrap()["priority"].as_i64().unwrap() < 5);
    for case in [several, bare] {
        let own = named(&case["accounts"]["ai-worker"]["packages"]).unwrap();
        assert!(own["priority"].as_i64().unwrap() < 5);
    }
    assert!(named(&bare["programs"]).is_none());
    assert!(named(&one["programs"]).is_none());
    assert!(named(&one["accounts"]["ai-worker"]["packages"]).is_none());
}

#[test]
fn every_type_of_key_that_sshd_takes_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let mut keys = String::new();
    for (kind, bits) in [("ed25519", "256"), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521")] {
        let label = format!("{kind}-{bits}");
        let file = directory.path().join(&label);
        let arguments = ["-q", "-t", kind, "-b", bits, "-N", "", "-C", "two words", "-f"];
        assert!(Command::new("ssh-keygen").args(arguments).arg(&file).status().unwrap().success());
        keys.push_str(&format!("keys.{label}.key = builtins.readFile {}.pub;\n", file.display()));
    }
    let module = directory.path().join("keys.nix");
    let needs = "virtualisation.docker.enable = true; services.openssh.enable = true; services.dockgate.enable = true;";
    fs::write(&module, format!("{{ {needs} services.dockgate.users.ai-worker = {{ {keys} }}; }}")).unwrap();
    let made = evaluate_given(&module);
    assert!(strings(&made["failed"]).is_empty(), "{}", made["failed"]);
    let lines = strings(&made["accounts"]["ai-worker"]["keys"]);
    let file = directory.path().join("authorized_keys");
    fs::write(&file, lines.join("\n")).unwrap();
    // A fingerprint of each line: sshd's own reader finds its options and its key.
    let read: Outcome = Command::new("ssh-keygen").arg("-lf").arg(&file).output().unwrap().into();
    assert_eq!(read.succeeded().out().lines().count(), 5);
}

/// dockgate with text on standard input.
fn dockgate(arguments: &[&str], input: &str) -> Outcome {
    let mut child = support::spawn(Command::new(env!("CARGO_BIN_EXE_dockgate")).args(arguments).stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn the_policy_is_checked_and_says_what_the_settings_say() {
    let several = evaluate("cases.several");
    let policy = several["policy"].as_str().unwrap();
    // As the build checks it: by its form, whoever has the file.
    let script = several["policyScript"].as_str().unwrap();
    let source = several["policySource"].as_str().unwrap();
    assert_eq!(script, format!("{GATE} policy validate - <{source}\ncp {source} $out\n"));
    let said = dockgate(&["policy", "validate", "-"], policy).succeeded().out();
    assert_eq!(said, "policy: well-formed; whose file it is was not looked at\n");
    let broken = dockgate(&["policy", "validate", "-"], &policy.replace("bind_mounts", "bind_mount"));
    assert_eq!(broken.code, 78);
    assert!(broken.err().contains("unknown field `bind_mount`"), "{}", broken.err());

    // As the machine has it: root's, and nobody else's.
    let directory = tempfile::tempdir_in("/var/lib").unwrap();
    let file = directory.path().join("policy.toml");
    fs::write(&file, policy).unwrap();
    let file = file.to_str().unwrap();
    dockgate(&["policy", "validate", file], "").succeeded();
    let shown = dockgate(&["--config", file, "policy", "show", "--profile", "builder"], "").succeeded().out();
    for line in [
        // Lists of several places add up, and what mkIf leaves out is not there.
        "commands.allowed = [\"ps\", \"build\"]",
        "host.bind_mounts = [\"/srv/media:ro\", \"/srv/lazyworkhorse\"]",
        // mkForce over a value, a value over mkDefault, and the module's own.
        "audit.facility = \"local3\"",
        "docker.config = \"/etc/registries\"",
        "docker.program = \"/nix/store/00000000000000000000000000000000-docker/bin/docker\"",
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(&format!("{line}  # "))), "{line}: {shown}");
    }
    let by_default = dockgate(&["--config", file, "policy", "show"], "").succeeded().out();
    assert!(by_default.starts_with("# profile read-only"), "{by_default}");
}

/// What sshd makes of a configuration for one account.
fn sshd_settings(directory: &Path, configuration: &str, account: &str) -> Vec<String> {
    let file = directory.join("sshd_config");
    fs::write(&file, format!("HostKey {}/host_key\n{configuration}", directory.display())).unwrap();
    let script = "mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec /usr/sbin/sshd -T -f \"$1\" -C \"$2\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&file)
        .arg(format!("user={account},host=far,addr=192.0.2.1"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn sshd_gives_the_accounts_nothing_but_their_keys() {
    let several = evaluate("cases.several");
    let rendered = several["sshd"].as_str().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(directory.path().join("host_key"))
        .status();
    assert!(made.unwrap().success());
    // What holds for everybody is as open as can be, and more of it comes after the block.
    let open = "AcceptEnv *\nForceCommand /bin/false\nChrootDirectory /srv\nPubkeyAuthentication no\nAllowAgentForwarding yes\nX11Forwarding yes\nPermitTunnel yes\nPasswordAuthentication yes\n";
    let configuration = format!("{open}{rendered}X11DisplayOffset 50\n");
    let closed = [
        "authorizedkeysfile /etc/ssh/authorized_keys.d/%u",
        "authorizedkeyscommand none",
        "authorizedprincipalscommand none",
        "pubkeyauthentication yes",
        "forcecommand none",
        "chrootdirectory none",
        "trustedusercakeys none",
        "authenticationmethods publickey",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "disableforwarding yes",
        "allowagentforwarding no",
        "allowstreamlocalforwarding no",
        "allowtcpforwarding no",
        "x11forwarding no",
        "permittunnel no",
        "permittty yes",
        "permituserrc no",
        "exposeauthinfo yes",
        "acceptenv LANG",
        "acceptenv LC_*",
        "x11displayoffset 50",
    ];
    for account in ["ai-worker", "backup"] {
        let settings = sshd_settings(directory.path(), &configuration, account);
        for line in closed {
            assert!(settings.iter().any(|setting| setting == line), "{account}: {line}: {settings:#?}");
        }
        assert!(!settings.iter().any(|setting| setting == "acceptenv *"), "{settings:#?}");
    }
    let other = sshd_settings(directory.path(), &configuration, "somebody");
    for line in ["acceptenv *", "permittty yes", "exposeauthinfo no", "x11displayoffset 50", "usedns no"] {
        assert!(other.iter().any(|setting| setting == line), "{line}: {other:#?}");
    }
}

#[test]
fn sudo_takes_its_rules() {
    let several = evaluate("cases.several");
    let rendered = several["sudo"].as_str().unwrap();
    // The last rule that matches counts, so the refusals come after what else there is.
    assert!(rendered.starts_with("%wheel ALL=(ALL:ALL) ALL\n"), "{rendered}");
    assert!(rendered.ends_with("ai-worker ALL=(ALL:ALL) !ALL\nbackup ALL=(ALL:ALL) !ALL\n"), "{rendered}");
    assert!(rendered.contains("\nDefaults>ai-worker,backup syslog=authpriv, log_subcmds\n"), "{rendered}");
    let directory = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let file = directory.path().join("sudoers");
        fs::write(&file, text).unwrap();
        Outcome::from(Command::new("visudo").arg("-cf").arg(&file).output().unwrap())
    };
    check(rendered).succeeded();
    assert_ne!(check(&rendered.replace("log_subcmds", "log_everything")).code, 0);
}

#[test]
fn the_package_is_built_from_what_cargo_needs() {
    let package = evaluate("package");
    assert_eq!(package["name"], "dockgate");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(package["mainProgram"], "dockgate");
    assert_eq!(package["shellPath"], "/bin/dockgate");
    assert_eq!(package["tests"], serde_json::json!(["vm"]));
    // No second build makes the manual pages, and xtask is not installed.
    let script = [&package["postBuild"], &package["postInstall"]].map(|script| script.as_str().unwrap());
    assert!(!script.concat().contains("cargo") && script[0].trim_end().ends_with("rm $xtask"), "{script:?}");
    // Static, as `make build` makes it.
    let script = fs::read_to_string(repository().join("scripts/dist.sh")).unwrap();
    let flags = package["flags"].as_str().unwrap();
    assert!(flags.contains("crt-static") && script.contains(&format!("flags='{flags}'\n")), "{flags}");
    assert_eq!(package["libraries"], serde_json::json!(["glibc-static"]));
    assert_eq!(package["license"], env!("CARGO_PKG_LICENSE"));
    assert_eq!(package["lock"], repository().join("Cargo.lock").to_str().unwrap());
    let directory = tempfile::tempdir().unwrap();
    for file in strings(&package["files"]) {
        let copied = Command::new("cp").arg("-r").arg(file).arg(directory.path()).status();
        assert!(copied.unwrap().success(), "{file}");
    }
    // Every target that Cargo.toml names is there, and the lock file is in step.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--no-deps", "--locked", "--offline"]);
    let output: Outcome = cargo.current_dir(directory.path()).output().unwrap().into();
    assert!(output.succeeded().out().contains("\"name\":\"xtask\""));
}

#[test]
fn the_flake_has_what_flakes_have() {
    let flake = evaluate("flake");
    let both = serde_json::json!(["aarch64-linux", "x86_64-linux"]);
    for output in ["packages", "checks", "devShells", "formatter"] {
        assert_eq!(flake["outputs"][output], both, "{output}");
    }
    assert_eq!(flake["outputs"]["nixosModules"], serde_json::json!(["default", "dockgate"]));
    assert_eq!(flake["overlay"], "dockgate");
    assert_eq!(flake["machine"], evaluate("cases.one"));
}
