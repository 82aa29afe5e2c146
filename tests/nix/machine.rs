//! What the module renders, in the hands of a real sshd and login shell. The lab stands for the machine: paths of
//! the Nix store and of /etc are replaced by the lab's, and nothing else is changed.

use crate::evaluator::{DOCKER, GATE, evaluate_given, strings};
use crate::support::{Lab, Outcome, fingerprint, new_key, ssh_as, until};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A key pair of its own for each of the configuration's three keys.
struct Keys {
    hermes: String,
    watcher: String,
    far: String,
}

fn configuration(lab: &Lab, keys: &Keys) -> PathBuf {
    let public = |key: &str| fs::read_to_string(Path::new(key).with_extension("pub")).unwrap();
    let text = format!(
        r#"{{
  virtualisation.docker.enable = true;
  services.openssh.enable = true;
  services.dockgate = {{
    enable = true;
    users.{account} = {{
      home = "{home}";
      keys.hermes.key = {hermes:?};
      keys.watcher = {{ key = {watcher:?}; profile = "read-only"; }};
      keys.far = {{ key = {far:?}; from = [ "192.0.2.0/24" ]; }};
    }};
    settings = {{
      docker.host = "unix://{socket}";
      docker.config = "{config}";
      audit.socket = "{log}";
    }};
  }};
}}
"#,
        account = lab.value("ACCOUNT"),
        home = lab.home().display(),
        hermes = public(&keys.hermes),
        watcher = public(&keys.watcher),
        far = public(&keys.far),
        socket = lab.value("SOCKET"),
        config = lab.value("CONFIG"),
        log = lab.value("LOG_SOCKET"),
    );
    let file = lab.directory.join("configuration.nix");
    fs::write(&file, text).unwrap();
    file
}

fn run(program: &str, arguments: &[&str]) {
    let outcome: Outcome = Command::new(program).args(arguments).output().unwrap().into();
    outcome.succeeded();
}

/// Runs a script as root where sudo has these rules and no others.
fn with_sudo(lab: &Lab, rules: &str, script: &str) -> Outcome {
    let file = lab.directory.join("sudoers");
    fs::write(&file, rules).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
    let mounted = format!("mount --bind {} /etc/sudoers && {script}", file.display());
    Command::new("unshare").args(["--mount", "sh", "-c", &mounted]).output().unwrap().into()
}

/// Makes the lab's machine what the configuration says.
fn switch(lab: &Lab, rendered: &Value) {
    assert!(strings(&rendered["failed"]).is_empty(), "{}", rendered["failed"]);
    assert!(strings(&rendered["warnings"]).is_empty(), "{}", rendered["warnings"]);
    let account = &rendered["accounts"][lab.value("ACCOUNT")];
    let name = lab.value("ACCOUNT");

    let policy = lab.directory.join("nixos-policy.toml");
    fs::write(&policy, rendered["policy"].as_str().unwrap().replace(DOCKER, lab.value("DOCKER"))).unwrap();
    run(lab.value("GATE"), &["policy", "validate", policy.to_str().unwrap()]);

    // The lab's gate is told where its policy is; on NixOS it is where the gate looks by itself.
    let gate = format!("{} --config {}", lab.value("GATE"), policy.display());
    let keys = lab.directory.join("nixos-keys");
    fs::create_dir(&keys).unwrap();
    let lines: Vec<String> = strings(&account["keys"]).iter().map(|line| line.replace(GATE, &gate)).collect();
    fs::write(keys.join(name), lines.join("\n") + "\n").unwrap();

    let [kind, home, mode, user, group, age] = strings(&rendered["tmpfiles"])[0].split(' ').collect::<Vec<_>>()[..]
    else {
        panic!("{}", rendered["tmpfiles"]);
    };
    assert_eq!((kind, age), ("d", "-"));
    run("install", &["-d", "-m", mode, "-o", user, "-g", group, home]);
    let shell = account["shell"].as_str().unwrap().replace(GATE, lab.value("GATE"));
    run("usermod", &["--shell", &shell, name]);

    let sshd = lab.directory.join("sshd_config");
    let block = rendered["sshd"].as_str().unwrap().replace("/etc/ssh/authorized_keys.d", keys.to_str().unwrap());
    fs::write(&sshd, fs::read_to_string(&sshd).unwrap() + &block).unwrap();
    // Its title is what it was started with, and this file's name is in no other's.
    let title = format!("sshd: /usr/sbin/sshd -D -e -f {} ", sshd.display());
    let found = Command::new("pgrep").args(["-f", &title]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    run("kill", &["-HUP", found.trim()]);
}

/// Connects with options of the client's own.
fn ssh_with_options(lab: &Lab, key: &str, options: &[&str], request: &str) -> Outcome {
    lab.client(options, &[request]).env("LAB_KEY", key).output().unwrap().into()
}

#[test]
fn a_machine_of_the_module_serves_its_keys_and_no_other() {
    let lab = Lab::shared();
    let pairs = lab.directory.join("pairs");
    let keys = Keys {
        hermes: new_key(lab, "nixos-hermes", &pairs, ""),
        watcher: new_key(lab, "nixos-watcher", &pairs, ""),
        far: new_key(lab, "nixos-far", &pairs, ""),
    };
    // An account from before, which had its home to itself and has used it.
    let ssh = lab.home().join(".ssh");
    fs::create_dir(&ssh).unwrap();
    let added = new_key(lab, "nixos-added", &ssh.join("authorized_keys"), "");
    assert_eq!(ssh_as(lab, &added, "echo a-shell").succeeded().out(), "a-shell\n");
    let loads = ["-o", "SetEnv=LD_PRELOAD=/nonexistent/loaded.so"];
    assert!(ssh_with_options(lab, &added, &loads, "true").err().contains("loaded.so"));

    let rendered = evaluate_given(&configuration(lab, &keys));
    switch(lab, &rendered);
    until("sshd reads its configuration again", || ssh_as(lab, &keys.hermes, "true").code == 0);

    let listed = ssh_as(lab, &keys.hermes, "docker ps --filter name=web").succeeded();
    assert!(listed.out().contains("web"), "{}", listed.out());
    let record = lab.records("request=\"docker ps --filter name=web\"", 1).remove(0);
    let proven = format!(" key=hermes fingerprint={} ", fingerprint(&keys.hermes));
    assert!(record.contains(&proven), "{record}");
    ssh_as(lab, &keys.hermes, "docker exec web touch /nixos-planted").denied("blocked-command");
    assert!(lab.records("nixos-planted", 1).remove(0).contains("verdict=deny"));

    // Each key has its own profile, and its own place to come from.
    ssh_as(lab, &keys.watcher, "docker ps").succeeded();
    ssh_as(lab, &keys.watcher, "docker restart web").denied("not-allowed");
    let far = ssh_as(lab, &keys.far, "docker ps");
    assert!(far.code == 255 && far.err().contains("Permission denied (publickey)"), "{}", far.err());

    // The key in the home is still there, and is not read.
    assert!(ssh.join("authorized_keys").exists());
    for request in ["docker ps", "echo a-shell"] {
        let outcome = ssh_as(lab, &added, request);
        assert_eq!((outcome.code, outcome.out().as_str()), (255, ""), "{}", outcome.err());
        assert!(outcome.err().contains("Permission denied (publickey)"), "{}", outcome.err());
    }
    let loaded = ssh_with_options(lab, &keys.hermes, &loads, "true").succeeded();
    assert_eq!(loaded.err(), "");

    // A home that it cannot write is enough to build and to run projects in, also of what root has put there.
    let app = lab.home().join("app");
    fs::create_dir(&app).unwrap();
    fs::write(app.join("Dockerfile"), "FROM busybox\nLABEL made=here\n").unwrap();
    ssh_as(lab, &keys.hermes, "docker build -q -t nixos-built app").succeeded();
    assert!(lab.docker(&["images", "-q", "nixos-built"]).succeeded().out().len() > 8);
    fs::write(app.join("compose.yaml"), "services: {one: {image: busybox, command: sleep 1000, init: true}}\n")
        .unwrap();
    ssh_as(lab, &keys.hermes, "docker compose --project-directory app -p nixos up -d").succeeded();
    assert!(lab.docker(&["ps"]).out().contains("nixos-one-1"));
    ssh_as(lab, &keys.hermes, "docker compose -p nixos down -t 0").succeeded();
    let as_account = |words: &[&str]| -> Outcome {
        let account = lab.value("ACCOUNT");
        let mut command = Command::new("setpriv");
        command.args(["--reuid", account, "--regid", account, "--init-groups"]).args(words);
        command.current_dir(lab.home()).output().unwrap().into()
    };
    for own in ["planted", ".ssh2", "app/planted"] {
        assert_ne!(as_account(&["touch", own]).code, 0, "{own}");
        assert!(!lab.home().join(own).exists(), "{own}");
    }
    as_account(&["cat", "app/Dockerfile"]).succeeded();
    // Whatever starts its shell is judged, by the policy of the system where it names none.
    let shell = as_account(&[lab.value("GATE"), "-c", "cat app/Dockerfile"]);
    assert!(matches!(shell.code, 69 | 77), "{}", shell.err());
    assert_eq!(shell.out(), "");
}

#[test]
fn sudo_refuses_the_account_and_logs_who_becomes_it() {
    let lab = Lab::shared();
    let account = lab.value("ACCOUNT");
    let module = format!(
        r#"{{
  virtualisation.docker.enable = true;
  services.openssh.enable = true;
  services.dockgate.enable = true;
  services.dockgate.users.{account}.keys.hermes.key = builtins.readFile {}.pub;
}}
"#,
        lab.value("KEY")
    );
    let file = lab.directory.join("sudo.nix");
    fs::write(&file, module).unwrap();
    let rendered = evaluate_given(&file);
    let rendered = rendered["sudo"].as_str().unwrap();
    let log = lab.directory.join("sudo.log");
    // Somebody has been generous to the account.
    let others =
        format!("Defaults logfile={}, loglinelen=0\nroot,{account} ALL=(ALL:ALL) NOPASSWD: ALL\n", log.display());
    let as_account = format!("setpriv --reuid={account} --regid={account} --init-groups sudo -n id -u");
    assert_eq!(with_sudo(lab, &others, &as_account).succeeded().out(), "0\n");
    let refused = with_sudo(lab, &format!("{others}{rendered}"), &as_account);
    assert_eq!((refused.code, refused.out().as_str()), (1, ""), "{}", refused.err());

    fs::write(&log, "").unwrap();
    let as_root = format!("sudo -u {account} sh -c 'ls /; true'");
    with_sudo(lab, &format!("{others}{rendered}"), &as_root).succeeded();
    let logged = fs::read_to_string(&log).unwrap();
    assert!(logged.contains(&format!("USER={account} ; COMMAND=/usr/bin/sh -c ")), "{logged}");
    assert!(logged.lines().any(|line| line.ends_with("COMMAND=/usr/bin/ls /")), "{logged}");
}
