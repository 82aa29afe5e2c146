//! `dockgate doctor` on a real account with a real sshd's configuration: each planted fault is found, and no other.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "these are tests")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A set-up with an account of its own, which goes with it.
struct Host {
    directory: tempfile::TempDir,
    account: String,
    uid: u32,
    sockets: Option<(UnixListener, UnixDatagram)>,
}

/// What `--json` prints.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    ok: bool,
    findings: Vec<Finding>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    check: String,
    level: String,
    what: String,
    fix: String,
}

/// Runs a program that changes accounts; again while another one is changing them.
fn change_accounts(program: &str, arguments: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let output = Command::new(program).args(arguments).output().unwrap();
        if output.status.success() {
            return;
        }
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(Instant::now() < deadline, "{program} {arguments:?}, as root: {message}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl Host {
    fn new(name: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("dockgate-doctor.").tempdir_in("/var/lib");
        let directory = directory.unwrap_or_else(|error| panic!("these tests need root: {error}"));
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let account = format!("dg-{name}-{}", std::process::id());
        let home = directory.path().join("home").display().to_string();
        let useradd = ["--no-create-home", "--home-dir", &home, "--user-group", "--password", "*", &account];
        change_accounts("useradd", &useradd);
        // From here on the account goes whatever happens.
        let mut host = Self { directory, account, uid: 0, sockets: None };
        host.uid = nix::unistd::User::from_name(&host.account).unwrap().unwrap().uid.as_raw();
        fs::copy(env!("CARGO_BIN_EXE_dockgate"), host.path("dockgate")).unwrap();
        for key in ["host_key", "key"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "hermes", "-f"]).arg(host.path(key));
            assert!(keygen.status().unwrap().success());
        }
        // As on a machine whose own sshd has never run, or has.
        let sshd = "#!/bin/sh\nexec unshare --mount sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec /usr/sbin/sshd \"$@\"' sshd \"$@\"\n";
        host.write("sshd", sshd, 0o755);
        host.set_up();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn append(&self, name: &str, text: &str) {
        self.write(name, &(self.text(name) + text), 0o644);
    }

    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{from} in {text}");
        self.write(name, &text.replace(from, to), 0o644);
    }

    fn own(&self, name: &str) {
        chown(self.path(name), Some(self.uid), None).unwrap();
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn usermod(&self, arguments: &[&str]) {
        change_accounts("usermod", &[arguments, &[&self.account]].concat());
    }

    /// A file of the account's below its home.
    fn plant(&self, name: &str) {
        let path = self.path("home").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    /// Everything as README.md has it; what was planted is gone.
    fn set_up(&mut self) {
        self.usermod(&["--shell", "/bin/dash", "--password", "*", "--groups", ""]);
        let root = self.directory.path().display().to_string();
        self.sockets = None;
        for name in ["home", "docker-config"] {
            let _ = fs::remove_dir_all(self.path(name));
            fs::create_dir(self.path(name)).unwrap();
            self.mode(name, 0o755);
        }
        self.own("home");
        fs::create_dir(self.path("docker-config/cli-plugins")).unwrap();
        for name in ["compose", "buildx"] {
            let says = "#!/bin/sh\necho '{\"Version\": \"v2.40.3\"}'\n";
            self.write(&format!("docker-config/cli-plugins/docker-{name}"), says, 0o755);
        }
        chown(self.path("dockgate"), Some(0), Some(0)).unwrap();
        self.mode("dockgate", 0o755);
        self.write("docker", "#!/bin/sh\n", 0o755);
        for name in ["docker.sock", "log.sock"] {
            let _ = fs::remove_file(self.path(name));
        }
        let listeners = UnixListener::bind(self.path("docker.sock")).unwrap();
        self.sockets = Some((listeners, UnixDatagram::bind(self.path("log.sock")).unwrap()));
        // The account's own group has its number.
        chown(self.path("docker.sock"), Some(0), Some(self.gid())).unwrap();
        self.mode("docker.sock", 0o660);
        self.mode("log.sock", 0o666);
        let policy = format!(
            "[docker]\nprogram = '{root}/docker'\nhost = 'unix://{root}/docker.sock'\nconfig = '{root}/docker-config'\n\
             [audit]\nsocket = '{root}/log.sock'\n"
        );
        self.write("policy.toml", &policy, 0o644);
        let sshd_config = format!(
            "HostKey {root}/host_key\nAuthorizedKeysFile {root}/keys\nExposeAuthInfo yes\nAcceptEnv LANG LC_*\n\
             Subsystem sftp /usr/lib/openssh/sftp-server\n"
        );
        self.write("sshd_config", &sshd_config, 0o644);
        let policy = self.path("policy.toml").display().to_string();
        let key = self.path("key.pub").display().to_string();
        let line = self.dockgate(&["authorize", &key, "--config", &policy]);
        self.write("keys", &String::from_utf8(line.stdout).unwrap(), 0o644);
    }

    fn gid(&self) -> u32 {
        nix::unistd::User::from_name(&self.account).unwrap().unwrap().gid.as_raw()
    }

    fn dockgate(&self, arguments: &[&str]) -> Output {
        Command::new(self.path("dockgate")).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    fn doctor(&self, more: &[&str]) -> Output {
        let words = self.doctor_words(more);
        let (program, arguments) = words.split_first().unwrap();
        Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Its command line.
    fn doctor_words(&self, more: &[&str]) -> Vec<String> {
        let files =
            ["dockgate", "policy.toml", "sshd", "sshd_config"].map(|name| self.path(name).display().to_string());
        let [dockgate, policy, sshd, sshd_config] = &files;
        let account = ["--user", &self.account, "--config", policy];
        let asked = ["--sshd", sshd, "--sshd-config", sshd_config];
        let words = [&[dockgate, "doctor"], &account[..], &asked, more].concat();
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// `LEVEL CHECK` of everything found; the exit code goes with it.
    fn found(&self) -> Vec<String> {
        let output = self.doctor(&["--json"]);
        let Report { ok, findings } = serde_json::from_slice(&output.stdout).unwrap();
        let found: Vec<String> = findings.iter().map(|found| format!("{} {}", found.level, found.check)).collect();
        let sound = !found.iter().any(|finding| finding.starts_with("fault"));
        assert_eq!((output.status.code(), ok), (Some(i32::from(!sound)), sound), "{found:?}");
        assert!(findings.iter().all(|found| !found.what.is_empty() && !found.fix.is_empty()));
        found
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        change_accounts("userdel", &[&self.account]);
    }
}

#[test]
fn on_a_sound_set_up_nothing_is_found() {
    let host = Host::new("sound");
    let output = host.doctor(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let checks = dockgate::admin::doctor::checks::ALL.len();
    assert_eq!(text, format!("doctor: no faults found ({checks} checks)\n"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(host.found(), [""; 0]);
}

#[test]
fn each_planted_fault_is_found_and_no_other() {
    type Plant = fn(&Host);
    let cases: &[(Plant, &[&str])] = &[
        (|host| host.usermod(&["--shell", "/bin/bash"]), &["fault login-shell"]),
        (|host| host.usermod(&["--shell", "/bin/false"]), &["fault login-shell", "warning login-shell-listed"]),
        (|host| host.usermod(&["--append", "--groups", "disk"]), &["fault account-groups"]),
        (|host| host.usermod(&["--password", "$6$x$y"]), &["fault account-password"]),
        (|host| host.mode("home", 0o777), &["fault home"]),
        (|host| host.plant(".ssh/rc"), &["fault ssh-start-files"]),
        (|host| host.plant(".ssh/environment"), &["fault ssh-start-files"]),
        (|host| host.own("dockgate"), &["fault gate-program"]),
        (|host| host.mode("docker", 0o644), &["fault docker-program"]),
        (|host| host.own("docker"), &["fault docker-program"]),
        (|host| host.own("docker-config"), &["fault docker-plugins", "fault docker-config"]),
        (|host| host.own("docker-config/cli-plugins"), &["fault docker-plugins"]),
        (|host| chown(host.path("docker.sock"), None, Some(0)).unwrap(), &["fault docker-socket"]),
        (|host| host.mode("docker.sock", 0o666), &["fault docker-socket"]),
        (|host| fs::remove_file(host.path("docker.sock")).unwrap(), &["fault docker-socket"]),
        (|host| fs::remove_file(host.path("log.sock")).unwrap(), &["fault syslog-socket"]),
        (|host| host.mode("log.sock", 0o600), &["fault syslog-socket"]),
        (stream_in_place_of_syslog, &["fault syslog-socket"]),
        (|host| host.mode("policy.toml", 0o600), &["fault policy-file"]),
        (|host| host.append("policy.toml", "[host]\nbind_mounts = ['/var/lib']\n"), &["fault policy-mounts"]),
        (|host| fs::remove_file(host.path("keys")).unwrap(), &["fault key-file-read"]),
        (|host| host.own("keys"), &["fault key-file-owner"]),
        (|host| host.mode("keys", 0o666), &["fault key-file-owner", "fault key-file-use"]),
        (|host| host.replace("keys", "restrict,pty,", ""), &["fault key-restrict"]),
        (|host| host.replace("keys", "restrict,", "restrict,port-forwarding,"), &["fault key-restrict"]),
        (|host| host.append("keys", &format!("restrict {}", host.text("key.pub"))), &["fault key-command"]),
        (|host| host.replace("keys", "dockgate --config", "docker --config"), &["fault key-command"]),
        (|host| host.replace("keys", "--key hermes", "--key hermes --profile none"), &["fault key-policy"]),
        (|host| host.append("keys", "restrict,command=\"x ssh-ed25519 AAAA\n"), &["warning key-line"]),
        (
            |host| host.replace("sshd_config", "/keys\n", "/keys .ssh/authorized_keys2\n"),
            &["fault key-file-owner", "warning key-file-second"],
        ),
        (
            |host| host.append("sshd_config", "AuthorizedKeysCommand /usr/bin/id\nAuthorizedKeysCommandUser nobody\n"),
            &["warning keys-command"],
        ),
        (|host| host.append("sshd_config", "HostbasedAuthentication yes\n"), &["fault other-logins"]),
        (
            |host| host.append("sshd_config", "AcceptEnv *\n"),
            &["fault accept-env-loader", "fault accept-env-sshd", "fault accept-env-shell"],
        ),
        (|host| host.append("sshd_config", "AcceptEnv LD_LIBRARY_*\n"), &["fault accept-env-loader"]),
        (|host| host.append("sshd_config", "AcceptEnv SSH_ORIG*\n"), &["fault accept-env-sshd"]),
        (|host| host.append("sshd_config", "AcceptEnv BASH_ENV\n"), &["fault accept-env-shell"]),
        (|host| host.append("sshd_config", "PermitUserEnvironment yes\n"), &["fault permit-user-environment"]),
        (|host| host.replace("sshd_config", "ExposeAuthInfo yes\n", ""), &["warning expose-auth-info"]),
        (
            |host| host.append("sshd_config", &format!("Match User {}\nForceCommand /bin/true\n", host.account)),
            &["fault force-command"],
        ),
        (|host| host.append("sshd_config", "Match User somebody\nForceCommand /bin/true\n"), &[]),
        (|host| host.append("sshd_config", "PermitTunnel yes\n"), &["fault forwarding"]),
        (|host| host.replace("sshd_config", "/usr/lib/openssh/sftp-server", "internal-sftp"), &[]),
        (|host| host.append("sshd_config", "NoSuchKeyword yes\n"), &["fault sshd-config"]),
        (tied_without_proof, &["fault key-policy", "fault expose-auth-info"]),
        (sftp_for_a_free_key, &["fault key-command", "fault internal-sftp"]),
    ];
    let mut host = Host::new("planted");
    for (number, (plant, expected)) in cases.iter().enumerate() {
        plant(&host);
        assert_eq!(host.found(), *expected, "case {number}");
        host.set_up();
    }
    assert_eq!(host.found(), [""; 0]);
}

fn stream_in_place_of_syslog(host: &Host) {
    fs::remove_file(host.path("log.sock")).unwrap();
    // It stays when the listener has gone.
    drop(UnixListener::bind(host.path("log.sock")).unwrap());
    host.mode("log.sock", 0o666);
}

fn tied_without_proof(host: &Host) {
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    host.append("policy.toml", &format!("[keys.hermes]\nfingerprint = '{other}'\n"));
    host.replace("sshd_config", "ExposeAuthInfo yes\n", "");
}

fn sftp_for_a_free_key(host: &Host) {
    host.append("keys", &format!("restrict {}", host.text("key.pub")));
    host.replace("sshd_config", "/usr/lib/openssh/sftp-server", "internal-sftp");
}

/// Under dockgate as the login shell keys need no forced command, and the account may add some; what sshd does
/// besides commands is then all the more in question.
#[test]
fn under_the_login_shell_other_things_are_faults() {
    type Plant = fn(&Host);
    let cases: &[(Plant, &[&str])] = &[
        (|_| {}, &[]),
        (|host| host.replace("keys", "command=\"", "environment=\"A="), &[]),
        (|host| host.write("keys", &host.text("key.pub"), 0o644), &["fault key-restrict"]),
        (|host| host.append("sshd_config", "AcceptEnv BASH_ENV\n"), &[]),
        (|host| host.append("sshd_config", "AcceptEnv SSH_*\n"), &["fault accept-env-sshd"]),
        (|host| host.own("keys"), &["fault forwarding"]),
        (
            |host| {
                host.own("keys");
                host.replace("sshd_config", "sftp /usr/lib/openssh/sftp-server", "sftp internal-sftp");
                host.append("sshd_config", "DisableForwarding yes\n");
            },
            &["fault internal-sftp"],
        ),
        (
            |host| {
                host.own("keys");
                host.append("sshd_config", "DisableForwarding yes\n");
            },
            &[],
        ),
    ];
    let mut host = Host::new("shell");
    let shell = host.path("dockgate").display().to_string();
    for (number, (plant, expected)) in cases.iter().enumerate() {
        host.usermod(&["--shell", &shell]);
        plant(&host);
        // This test's dockgate does not stand in /etc/shells.
        let found: Vec<String> = host.found().into_iter().filter(|found| !found.ends_with("shell-listed")).collect();
        assert_eq!(found, *expected, "case {number}");
        host.set_up();
    }
}

#[test]
fn what_runs_without_a_login_is_found() {
    let host = Host::new("jobs");
    let script = format!(
        "mount -t tmpfs tmpfs /var/spool && mkdir -p /var/spool/cron/crontabs && touch /var/spool/cron/crontabs/{} && exec \"$@\"",
        host.account
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]).args(host.doctor_words(&[]));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("warning: account-jobs: /var/spool/cron/crontabs/"), "{text}");
    // A warning alone is no failure.
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn only_root_looks_at_others() {
    let host = Host::new("other");
    let run = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &host.account, "--regid", &host.account, "--clear-groups"]);
        command.arg(host.path("dockgate")).arg("doctor").args(arguments).output().unwrap()
    };
    let other = run(&["--user", "root"]);
    assert_eq!(other.status.code(), Some(64), "{}", String::from_utf8_lossy(&other.stderr));
    assert!(other.stdout.is_empty());
    // What it cannot see is not fine.
    let own = run(&[]);
    assert_eq!(own.status.code(), Some(1));
    assert!(String::from_utf8(own.stdout).unwrap().contains("fault: sshd-config: "));
    let nobody = host.dockgate(&["doctor", "--user", "no-such"]);
    assert!(String::from_utf8(nobody.stdout).unwrap().starts_with("fault: account: there is no account no-such\n"));
    let root = host.dockgate(&["doctor", "--user", "root"]);
    assert!(String::from_utf8(root.stdout).unwrap().starts_with("fault: account: root is root"));
}
