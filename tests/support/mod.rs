//! The lab for end-to-end tests: a real sshd, dockerd and rsyslogd, started by `scripts/lab.sh`.
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// One running lab, shared by the tests of a crate and ended when its process has gone.
pub(crate) struct Lab {
    pub(crate) directory: PathBuf,
    values: HashMap<String, String>,
    /// `lab.sh watch`, which ends the lab when its standard input ends: with this process, however that ends.
    _watch: Child,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Outcome {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The code that docker's own success has; anything else fails the test with all that was printed.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out(), self.err());
        self
    }

    /// Refused, with this reason.
    #[track_caller]
    pub(crate) fn denied(self, reason: &str) -> Self {
        assert_eq!(self.code, 77, "{}{}", self.out(), self.err());
        assert!(self.err().contains(&format!("\nreason: {reason}: ")), "{}", self.err());
        self
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self { code: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr }
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lab.sh")
}

/// What is tried: the one that was just built, or for measurements the one that is named.
fn program() -> std::ffi::OsString {
    std::env::var_os("DOCKGATE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_dockgate").into())
}

impl Lab {
    /// The lab of this test process; started on first use.
    pub(crate) fn shared() -> &'static Self {
        static LAB: OnceLock<Lab> = OnceLock::new();
        LAB.get_or_init(Self::start)
    }

    fn start() -> Self {
        // The account must be able to reach it, and nobody to put a compose.yaml above it.
        let directory = tempfile::Builder::new().prefix("dockgate-lab.").tempdir_in("/var/lib");
        let directory = directory.expect("the lab needs root: run `make test` as root").keep();
        // Before there is anything to end, so that a lab that did not come up whole is ended too; and out of the
        // terminal's process group, so that Ctrl-C does not end it first.
        let watch = Command::new(script())
            .arg("watch")
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("scripts/lab.sh watch");
        let up = Command::new(script()).arg("up").arg(&directory).arg(program()).output().unwrap();
        assert!(
            up.status.success(),
            "the lab did not start; `make test` installs what it needs, and needs root:\n{}",
            String::from_utf8_lossy(&up.stderr)
        );
        let env = std::fs::read_to_string(directory.join("env")).unwrap();
        let values = env.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
        Self { values: values.collect(), directory, _watch: watch }
    }

    /// A value of the lab's `env` file.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or_else(|| panic!("{name} in the lab's env"), String::as_str)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.join("home")
    }

    /// The ssh client, ready for options and a command.
    pub(crate) fn client(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = Command::new(script());
        command.arg("ssh").arg(&self.directory).args(options).arg("--").args(words);
        command.stdin(Stdio::null());
        command
    }

    /// Sends one request.
    pub(crate) fn ssh(&self, request: &str) -> Outcome {
        self.client(&[], &[request]).output().unwrap().into()
    }

    /// Sends one request with data on standard input.
    pub(crate) fn ssh_with(&self, request: &str, input: &[u8]) -> Outcome {
        let mut child = spawn(self.client(&[], &[request]).stdin(Stdio::piped()));
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The request may be refused before it reads anything.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let outcome = child.wait_with_output().unwrap().into();
        writer.join().unwrap();
        outcome
    }

    /// The gate itself, as sshd would start it: as the account, in its home.
    pub(crate) fn gate(&self, policy: &Path, request: &[u8]) -> Command {
        use std::os::unix::ffi::OsStrExt;
        // Signals that this process ignores would be ignored there, too.
        let mut command = Command::new("/usr/bin/env");
        command.args(["--default-signal", "/usr/bin/setpriv"]);
        let account = self.value("ACCOUNT");
        command.args(["--reuid", account, "--regid", account, "--init-groups"]);
        command.arg(self.directory.join("dockgate")).arg("--config").arg(policy);
        command.current_dir(self.home()).env("SSH_ORIGINAL_COMMAND", std::ffi::OsStr::from_bytes(request));
        command
    }

    /// docker as root, past the gate.
    pub(crate) fn docker(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(self.value("DOCKER"));
        command.env_clear().env("HOME", &self.directory).env("PATH", "/usr/bin:/bin").args(words);
        command
            .env("DOCKER_HOST", format!("unix://{}", self.value("SOCKET")))
            .env("DOCKER_CONFIG", self.value("CONFIG"));
        command.output().unwrap().into()
    }

    /// The decisions whose record holds `mark`, once there are `count` of them.
    #[track_caller]
    pub(crate) fn records(&self, mark: &str, count: usize) -> Vec<String> {
        let is_other = |line: &str| line.contains(": verdict=end ") || line.contains(" via=");
        self.logged(mark, count, |line| line.contains(mark) && !is_other(line))
    }

    /// The record of the end under an id, once it is there.
    #[track_caller]
    pub(crate) fn end(&self, id: &str) -> String {
        let mark = format!(": verdict=end id={id} ");
        self.logged(&mark, 1, |line| line.contains(&mark)).remove(0)
    }

    #[track_caller]
    fn logged(&self, mark: &str, count: usize, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let log = std::fs::read(self.value("LOG")).unwrap_or_default();
            let log = String::from_utf8(log).expect("the log is UTF-8");
            let found: Vec<String> = log.lines().filter(|line| is_meant(line)).map(str::to_owned).collect();
            if found.len() >= count || Instant::now() > deadline {
                // More than expected would come now.
                std::thread::sleep(Duration::from_millis(100));
                assert_eq!(found.len(), count, "records with {mark}: {found:#?}");
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Processes of the account whose command line holds `mark`.
    pub(crate) fn processes(&self, mark: &str) -> Vec<String> {
        let output = Command::new("pgrep").args(["-a", "-u", self.value("ACCOUNT"), "-f", mark]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

/// The id in a record.
pub(crate) fn id_of(record: &str) -> String {
    record.split(" id=").nth(1).and_then(|rest| rest.split(' ').next()).expect("an id").to_owned()
}

pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Held by tests that change what others of their program need as it is: a daemon that runs, lists that are short.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a gate under this policy answers over its standard streams to a call with a JSON body.
pub(crate) fn post(lab: &Lab, policy: &Path, path: &str, body: &serde_json::Value) -> String {
    let body = body.to_string();
    let length = body.len();
    let call = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut gate = spawn(lab.gate(policy, b"docker system dial-stdio").stdin(Stdio::piped()));
    gate.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
    String::from_utf8(gate.wait_with_output().unwrap().stdout).unwrap()
}

/// Waits until `done`, or fails after ten seconds.
#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads from a child until its output holds `mark`.
#[track_caller]
pub(crate) fn read_until(reader: &mut impl Read, mark: &str) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).contains(mark) {
        assert_eq!(reader.read(&mut byte).unwrap(), 1, "{mark} in {:?}", String::from_utf8_lossy(&seen));
        seen.extend(byte);
    }
}

/// A new key of the lab's account, with this line of options in front; its path.
pub(crate) fn new_key(lab: &Lab, name: &str, file: &Path, options: &str) -> String {
    let path = lab.directory.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    // sshd reads the file while other tests add to it: it is never seen half-written.
    static ADDING: Mutex<()> = Mutex::new(());
    let _one = ADDING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut lines = std::fs::read_to_string(file).unwrap_or_default();
    lines.push_str(format!("{options} {public}").trim_start());
    let new = file.with_extension("new");
    std::fs::write(&new, lines).unwrap();
    std::fs::rename(new, file).unwrap();
    path.display().to_string()
}

/// Sends a request with another key than the lab's.
pub(crate) fn ssh_as(lab: &Lab, key: &str, request: &str) -> Outcome {
    lab.client(&[], &[request]).env("LAB_KEY", key).output().unwrap().into()
}

pub(crate) fn fingerprint(key: &str) -> String {
    let output = Command::new("ssh-keygen").args(["-lf", key]).stderr(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}
