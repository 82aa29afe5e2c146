//! The program as it is packaged: static, deaf to the loader's variables, at home with accounts that no file has, and
//! as cheap as it was.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "these are tests"
)]

#[expect(dead_code, reason = "the machine is shared with other tests")]
mod machine;

use machine::Machine;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Built once; quick where that has been done.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Command::new(root.join("scripts/dist.sh")).arg("build").current_dir(root).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        root.join("target/dist/release/dockgate")
    })
}

/// A policy, a log that is read, and a docker that writes its environment to a file.
struct Site {
    directory: tempfile::TempDir,
    log: UnixDatagram,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("dockgate-program.").tempdir_in("/var/lib").unwrap();
        let path = |name: &str| directory.path().join(name);
        let log = UnixDatagram::bind(path("log")).unwrap();
        fs::write(path("docker"), format!("#!/bin/sh\nenv >{}\n", path("environment").display())).unwrap();
        fs::set_permissions(path("docker"), PermissionsExt::from_mode(0o755)).unwrap();
        let site = Self { directory, log };
        site.policy("docker");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn policy(&self, docker: &str) {
        let docker = self.directory.path().join(docker);
        // There is no daemon.
        let host = format!("unix://{}", self.path("none").display());
        let text =
            format!("[docker]\nprogram = {docker:?}\nhost = {host:?}\n[audit]\nsocket = {:?}\n", self.path("log"));
        fs::write(self.path("policy.toml"), text).unwrap();
    }

    /// The gate, as the last words of another command.
    fn gate(&self, mut command: Command, request: &str) -> Command {
        command.arg(program()).arg("--config").arg(self.path("policy.toml")).stdin(Stdio::null());
        command.env("SSH_ORIGINAL_COMMAND", request).env("SSH_CONNECTION", "192.0.2.7 51514 192.0.2.1 22");
        command
    }

    fn record(&self) -> String {
        let mut buffer = [0; 8192];
        let length = self.log.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

#[test]
fn no_library_of_a_clients_choosing_is_loaded() {
    let site = Site::new();
    let (library, witness) = (site.path("preload.so"), site.path("witness"));
    let source = format!(
        "#include <fcntl.h>\n__attribute__((constructor)) static void loaded(void) {{ open(\"{}\", O_CREAT | O_WRONLY, 0600); }}\n",
        witness.display()
    );
    fs::write(site.path("preload.c"), source).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(site.path("preload.c")).status();
    assert!(built.unwrap().success());
    for name in ["LD_PRELOAD", "LD_AUDIT"] {
        // What has a loader loads it.
        let loads = Command::new("/bin/true").env("LD_PRELOAD", &library).status().unwrap();
        assert!(loads.success() && witness.exists());
        fs::remove_file(&witness).unwrap();
        let env = || {
            let mut env = Command::new("/usr/bin/env");
            env.arg(format!("{name}={}", library.display()));
            env
        };
        assert_eq!(site.gate(env(), "docker exec web sh").output().unwrap().status.code(), Some(77));
        assert!(site.record().contains("verdict=deny reason=blocked-command "));
        let outcome = site.gate(env(), "docker ps").output().unwrap();
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        assert!(site.record().contains("verdict=allow ") && site.record().contains("verdict=end "));
        assert!(!witness.exists(), "{name} was obeyed");
        let environment = fs::read_to_string(site.path("environment")).unwrap();
        assert!(environment.contains("DOCKER_HOST=") && !environment.contains(name), "{environment}");
    }
}

/// PT_INTERP (elf(5)) names the loader of a program that needs one.
#[test]
fn it_names_no_loader() {
    let headers = Command::new("readelf").args(["--program-headers", "--wide"]).arg(program()).output().unwrap();
    let headers = String::from_utf8(headers.stdout).unwrap();
    assert!(headers.contains(" LOAD ") && !headers.contains("INTERP") && !headers.contains("DYNAMIC"), "{headers}");
}

#[test]
fn an_account_that_no_file_has_is_served_by_its_name() {
    let machine = Machine::of(program());
    machine.must(
        "uid=$(id -u ai-worker); mkdir -p /etc/userdb; ln -s ai-worker.user /etc/userdb/$uid.user; \
         printf '{\"userName\":\"ai-worker\",\"uid\":%s,\"gid\":%s,\"homeDirectory\":\"/home/ai-worker\",\"shell\":\"/bin/dash\"}' \
         $uid $(id -g ai-worker) >/etc/userdb/ai-worker.user; sed -i 's/^passwd:.*/passwd: files systemd/' /etc/nsswitch.conf; \
         sed -i '/^ai-worker:/d' /etc/passwd /etc/shadow; sed -i '1i account sufficient pam_permit.so' /etc/pam.d/sshd; \
         getent passwd ai-worker; ! grep ^ai-worker: /etc/passwd; systemctl reload ssh",
    );
    assert!(machine.works(), "{:?}", machine.ssh("docker ps"));
    let records = machine.must("sleep 0.5; grep 'request=\"docker ps\"' /var/log/auth.log");
    assert!(records.contains(" user=ai-worker ") && !records.contains(" user=1"), "{records}");
    // The state directory has the account's name, and its home is the service's.
    let shown = machine.ssh("dockgate check 'docker run -v /home/ai-worker:/x busybox'");
    assert_eq!(shown.code, 77, "{shown:?}");
    assert_eq!(machine.doctor("").found(), [""; 0]);
}

/// Instructions as callgrind counts them, beside those in `tests/instructions.txt` for the C library that it was linked
/// with: on every machine the same, but for what the C library chooses by the processor.
#[test]
#[cfg(target_arch = "x86_64")]
fn it_costs_no_more_instructions_than_it_did() {
    let site = Site::new();
    site.policy("/bin/true");
    let known = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions.txt")).unwrap();
    let mark = b"glibc.malloc.check";
    let tunable = fs::read(program()).unwrap().windows(mark.len()).any(|word| word == mark);
    let libc = if tunable { "glibc" } else { "musl" };
    let known: Vec<(&str, u64)> = known
        .lines()
        .filter_map(|line| line.strip_prefix(libc)?.strip_prefix(' ')?.split_once(' '))
        .map(|(count, request)| (request, count.parse().unwrap()))
        .collect();
    assert_eq!(known.len(), 3, "{known:?}");
    for (request, known) in known {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).env_clear().env("PATH", "/usr/bin:/bin");
        let output = site.gate(valgrind, request).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let refused = output.status.code() == Some(77);
        assert!(site.record().contains(if refused { "verdict=deny" } else { "verdict=allow" }), "{said}");
        let count = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap_or_else(|| panic!("{said}")).1;
        let count: u64 = count.trim().parse().unwrap();
        println!("{libc} {count} {request}");
        let (least, most) = (known - known / 10, known + known / 10);
        assert!(
            (least..=most).contains(&count),
            "{request}: {count} instructions, and {known} are in tests/instructions.txt: \
             find out why, or write down what it is now (and docs/performance.md)"
        );
        if !refused {
            assert!(site.record().contains("verdict=end"));
        }
    }
}
