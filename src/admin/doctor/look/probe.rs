//! Probe: starts the gate as sshd would for each key, and looks for the records. Acts: starts it, reads logs.
#![expect(clippy::disallowed_methods, reason = "the gate is started and its records are looked for here")]

use super::programs;
use crate::admin::doctor::facts::{Facts, Forced, Key, Trial};
use anyhow::{Context, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What the gate is asked: something that it answers itself, and something that docker answers.
const REQUESTS: &[&str] = &["true", "docker version"];

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a log daemon may take to write a record down.
const WRITING: Duration = Duration::from_secs(10);

/// Where the usual log daemons, and docs/install.md, put records.
const LOGS: &[&str] =
    &["/var/log/auth.log", "/var/log/secure", "/var/log/dockgate.log", "/var/log/syslog", "/var/log/messages"];

/// Tries every key that has the gate as its forced command; under the gate as login shell every key.
pub(super) fn probe(facts: &Facts, further: &[PathBuf]) -> Vec<Trial> {
    let places: Vec<PathBuf> = LOGS.iter().map(PathBuf::from).chain(further.iter().cloned()).collect();
    let keys = facts.keys();
    let forced = |key: &&Key| match key.line.command() {
        Some(command) => matches!(facts.forced(command), Forced::Gate { .. }),
        None => facts.gated_by_shell(),
    };
    let keys = keys.iter().filter(forced);
    keys.flat_map(|key| REQUESTS.iter().map(|request| trial(facts, key, request, &places))).collect()
}

fn trial(facts: &Facts, key: &Key, request: &'static str, places: &[PathBuf]) -> Trial {
    let (code, said, recorded) = match tried(facts, key, request, places) {
        Ok((output, recorded)) => {
            let said = if output.status.success() { String::new() } else { programs::first_line(&output.stderr) };
            (output.status.code(), said, recorded)
        }
        Err(error) => (None, format!("{error:#}"), Ok(())),
    };
    Trial { key: key.to_string(), request, code, said, recorded }
}

fn tried(facts: &Facts, key: &Key, request: &str, places: &[PathBuf]) -> Result<(Output, Result<(), String>)> {
    let client = client(facts, key);
    let logs = Logs::now(places);
    let proof = Proof::write(facts, key)?;
    let output = start(facts, key, request, &client, &proof.path)?;
    let mark = format!(" client={client} ");
    Ok((output, logs.wait_for(&mark)))
}

/// An address and port that no other record has, and that the policy lets this key come from.
fn client(facts: &Facts, key: &Key) -> String {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let label = match key.line.command().map(|command| facts.forced(command)) {
        Some(Forced::Gate { key, .. }) => key,
        _ => None,
    };
    let listed = facts.policy.as_ref().ok().and_then(|set| set.keys.get(&label?));
    let port = 1024 + micros % 64_000;
    match listed.and_then(|listed| listed.from.as_ref()?.first()) {
        Some(range) if range.addr().is_ipv6() => format!("[{}]:{port}", range.network()),
        Some(range) => format!("{}:{port}", range.network()),
        None => format!("127.{}.{}.{}:{port}", micros >> 24 & 0xff, micros >> 16 & 0xff, 1 + (micros >> 8 & 0x7f)),
    }
}

/// The file in which sshd says which key it has accepted; it goes with this.
struct Proof {
    path: PathBuf,
}

impl Proof {
    fn write(facts: &Facts, key: &Key) -> Result<Self> {
        let path = PathBuf::from(format!("/tmp/sshauth.dockgate{}", std::process::id()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path).context("/tmp")?;
        let proof = Self { path };
        writeln!(file, "publickey {}", key.line.key.text())?;
        fchown(&file, Some(facts.account.uid), Some(facts.account.gid))?;
        Ok(proof)
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// As sshd starts it: the login shell, as the account, in its home, with sshd's own variables.
fn start(facts: &Facts, key: &Key, request: &str, client: &str, proof: &Path) -> Result<Output> {
    let account = &facts.account;
    let mut command = programs::becoming(account)?;
    command.arg(&account.shell).arg("-c").arg(key.line.command().unwrap_or(request));
    let (address, port) = client.rsplit_once(':').context("the address")?;
    let address = address.trim_matches(['[', ']']);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin");
    command.env("HOME", &account.home).env("USER", &account.name).env("LOGNAME", &account.name);
    command.env("SHELL", &account.shell).env("SSH_CLIENT", format!("{address} {port} 22"));
    command.env("SSH_CONNECTION", format!("{address} {port} 127.0.0.1 22"));
    if facts.sshd.as_ref().is_ok_and(|sshd| sshd.is_on("exposeauthinfo")) {
        command.env("SSH_USER_AUTH", proof);
    }
    if key.line.command().is_some() {
        command.env("SSH_ORIGINAL_COMMAND", request);
    }
    command.current_dir(if account.home.is_dir() { account.home.as_path() } else { Path::new("/") });
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let end = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("it has not ended after {} seconds", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(child.wait_with_output()?)
}

/// Logs, and how long they were; one that is not there is as long as nothing.
struct Logs(Vec<(PathBuf, u64)>);

impl Logs {
    fn now(places: &[PathBuf]) -> Self {
        let length = |file: &Path| fs::metadata(file).map_or(0, |metadata| metadata.len());
        Self(places.iter().map(|file| (file.clone(), length(file))).collect())
    }

    /// Waits until a record with this mark is in one of them, or in the journal.
    fn wait_for(&self, mark: &str) -> Result<(), String> {
        let end = Instant::now() + WRITING;
        while Instant::now() < end {
            if self.0.iter().any(|(file, from)| holds(file, *from, mark)) || in_journal(mark) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        let named = |(file, _): &(PathBuf, u64)| match file.exists() {
            true => file.display().to_string(),
            false => format!("{} (not there)", file.display()),
        };
        let mut names: Vec<String> = self.0.iter().map(named).collect();
        names.push(if has_journal() { "the journal".to_owned() } else { "the journal (not there)".to_owned() });
        Err(names.join(", "))
    }
}

fn holds(file: &Path, from: u64, mark: &str) -> bool {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(file)?;
        // One that has been rotated meanwhile is new from its start.
        let from = if file.metadata()?.len() < from { 0 } else { from };
        file.seek(SeekFrom::Start(from))?;
        let mut new = Vec::new();
        file.read_to_end(&mut new)?;
        Ok(new)
    };
    read().is_ok_and(|new| String::from_utf8_lossy(&new).contains(mark))
}

fn has_journal() -> bool {
    Path::new("/run/systemd/journal/socket").exists()
}

fn in_journal(mark: &str) -> bool {
    if !has_journal() {
        return false;
    }
    let mut journalctl = Command::new("journalctl");
    journalctl.args(["--quiet", "--no-pager", "--all", "--identifier=dockgate", "--since=-2min", "--output=cat"]);
    programs::printed(&mut journalctl).is_some_and(|text| text.contains(mark))
}
