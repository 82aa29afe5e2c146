//! `dockgate authorize` with keys that ssh-keygen has made, and its lines read by OpenSSH.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

use dockgate::keys::proof::Proof;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn authorize(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    command.arg("authorize").args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A new key; the path of its public half.
fn keygen(directory: &Path, name: &str, options: &[&str]) -> String {
    let path = directory.join(name);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-N", "", "-C", name, "-f"]).arg(&path).args(options);
    assert!(command.status().unwrap().success(), "{name}");
    path.with_extension("pub").display().to_string()
}

/// What OpenSSH makes of a file of keys: bits, fingerprint, comment, type.
fn read_by_openssh(file: &Path) -> String {
    let output = Command::new("ssh-keygen").arg("-lf").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn openssh_reads_the_line_as_the_same_key() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_dockgate")).canonicalize().unwrap();
    for (name, options) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("rsa", &["-t", "rsa", "-b", "3072"]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("p521", &["-t", "ecdsa", "-b", "521"]),
    ] {
        let public = keygen(directory.path(), name, options);
        let output = authorize(&[&public, "--profile", "operator", "--from", "192.0.2.7,2001:db8::/32"]);
        let line = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}");
        let expected = format!(
            "restrict,pty,command=\"{} --key {name} --profile operator\",from=\"192.0.2.7/32,2001:db8::/32\" {}",
            program.display(),
            std::fs::read_to_string(&public).unwrap()
        );
        assert_eq!(line, expected);
        let file = directory.path().join("authorized_keys");
        std::fs::write(&file, line).unwrap();
        assert_eq!(read_by_openssh(&file), read_by_openssh(Path::new(&public)), "{name}");
    }
}

/// Keys of hardware, which ssh-keygen makes with that alone: a point of the curve and an application each.
const HARDWARE: &[(&str, &str)] = &[
    (
        "sk-ed25519",
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGm\
         j3B1EaAAAABHNzaDo= sk-ed25519\n",
    ),
    (
        "sk-ecdsa",
        "sk-ecdsa-sha2-nistp256@openssh.com AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBB\
         GsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfUAAAAEc3NoOg== sk-ecdsa\n",
    ),
];

#[test]
fn what_sshd_proves_is_read_as_openssh_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let authority = keygen(directory.path(), "authority", &["-t", "ed25519"]);
    let mut keys: Vec<String> = [
        ("ed25519", &["-t", "ed25519"][..]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("p521", &["-t", "ecdsa", "-b", "521"]),
    ]
    .iter()
    .map(|(name, options)| keygen(directory.path(), name, options))
    .collect();
    for (name, text) in HARDWARE {
        let path = directory.path().join(format!("{name}.pub"));
        std::fs::write(&path, text).unwrap();
        keys.push(path.display().to_string());
    }
    for key in keys {
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-s", authority.trim_end_matches(".pub"), "-I", "hermes on call", "-n", "ai-worker"]);
        sign.args(["-O", "force-command=/usr/bin/dockgate", "-O", "source-address=192.0.2.0/24"]);
        assert!(sign.arg(&key).status().unwrap().success(), "{key}");
        for (file, certificate) in [(key.clone(), None), (key.replace(".pub", "-cert.pub"), Some("hermes on call"))] {
            let text = std::fs::read_to_string(&file).unwrap();
            // As sshd has it in the file that SSH_USER_AUTH names: without the comment.
            let proof = Proof::of(text.rsplit_once(' ').unwrap().0).unwrap_or_else(|| panic!("{file}"));
            let openssh = read_by_openssh(Path::new(&file));
            assert!(openssh.contains(&format!(" {} ", proof.fingerprint)), "{file}: {proof:?}, not {openssh}");
            assert_eq!(proof.certificate.as_deref(), certificate, "{file}");
        }
    }
}

#[test]
fn standard_input_does_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let public = std::fs::read(keygen(directory.path(), "piped", &["-t", "ed25519"])).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockgate"));
    command.args(["authorize", "-", "--key", "hermes"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&public).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains(" --key hermes\" ssh-ed25519 "));
}

/// A key of 1024 bits; newer versions of ssh-keygen make none any more.
const SHORT_RSA: &str = "ssh-rsa \
    AAAAB3NzaC1yc2EAAAADAQABAAAAgQDT3eiSUfhxREKqDFnz3qSe4Jqc1KvlJEcHbzKvttTFGkB8ZGKWrGPWRv3/yzPbkir7sX9y\
    PlhIRMnxVjmENUOxgWsyM/Gt9R+oR2DbfgKoCX3rXKDP7rDddcZLD3JA0gEPrp2eYDSKj3CjcB3fbqPNhSUrmkrIk9EEIO7JgyM+\
    /Q== short\n";

#[test]
fn what_must_not_be_authorized_is_refused_with_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).unwrap();
        directory.path().join(name).display().to_string()
    };
    let public = keygen(directory.path(), "good", &["-t", "ed25519"]);
    let key = std::fs::read_to_string(&public).unwrap();
    let private = public.trim_end_matches(".pub").to_owned();
    let two = write("two", &format!("{key}{key}"));
    let optional = write("optional", &format!("no-pty {key}"));
    let short = write("short", SHORT_RSA);
    assert!(read_by_openssh(Path::new(&short)).starts_with("1024 "));
    for (arguments, code, says) in [
        (&[private.as_str()][..], 64, "private"),
        (&[&two], 64, "more than one"),
        (&[&optional], 64, "options"),
        (&[&short], 64, "1024 bits"),
        (&["/nonexistent/key.pub"], 64, "No such file"),
        (&[&public, "--from", "everywhere"], 64, "neither an address"),
        (&[&public, "--key", "a b"], 64, "a-z A-Z"),
        (&[&public, "--profile", "no-such"], 78, "no profile no-such"),
        (&[&public, "--config", "/nonexistent/policy.toml"], 78, "/nonexistent/policy.toml"),
    ] {
        let output = authorize(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(says) && output.stdout.is_empty(), "{arguments:?}: {message}");
    }
}
