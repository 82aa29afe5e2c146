//! What programs say of the account, and to it. Acts: starts them.
#![expect(clippy::disallowed_methods, reason = "programs are started here")]

use super::files::there;
use super::options::Options;
use crate::admin::doctor::account::Account;
use crate::admin::doctor::checks::sudo_rules;
use crate::admin::doctor::facts::Now;
use crate::admin::doctor::sshd::Sshd;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where systems keep sshd; it wants to be started by its whole path.
const SSHD: &[&str] = &["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/run/current-system/sw/bin/sshd", "/usr/bin/sshd"];

const SETPRIV: &[&str] = &["/usr/bin/setpriv", "/bin/setpriv", "/run/current-system/sw/bin/setpriv"];

const SUDO: &[&str] = &["/usr/bin/sudo", "/usr/local/bin/sudo", "/run/wrappers/bin/sudo"];

/// The configuration in effect for the account, as a client on this host would find it.
pub(super) fn sshd(options: &Options, account: &str) -> Result<Sshd> {
    let program = match &options.sshd {
        Some(program) => program.clone(),
        None => first(SSHD).with_context(|| format!("no sshd in any of {}", SSHD.join(", ")))?,
    };
    let mut command = Command::new(&program);
    command.arg("-T").arg("-C").arg(format!("user={account},host=localhost,addr=127.0.0.1"));
    if let Some(file) = &options.sshd_config {
        command.arg("-f").arg(file);
    }
    let output = run(&mut command)?;
    if !output.status.success() {
        bail!("{} -T: {}", program.display(), reasons(&output.stderr));
    }
    Ok(Sshd::parse(&String::from_utf8_lossy(&output.stdout)))
}

/// What sudo lets the account run; `None` where there is no sudo.
pub(super) fn sudo(account: &str) -> Option<Result<Vec<String>, String>> {
    let mut command = Command::new(first(SUDO)?);
    let output = match run(command.args(["-n", "-l", "-U", account])) {
        Ok(output) => output,
        Err(error) => return Some(Err(format!("{error:#}"))),
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    // It exits with 1 also where the account may run nothing, and says so on either stream.
    let says_no = |text: &[u8]| String::from_utf8_lossy(text).contains("not allowed to run sudo");
    if output.status.success() || says_no(&output.stdout) || says_no(&output.stderr) {
        Some(Ok(sudo_rules(&printed)))
    } else {
        Some(Err(last_line(&output.stderr)))
    }
}

/// What a program prints when the account runs it, with nothing of its environment.
pub(super) fn as_account(account: &Account, program: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = becoming(account)?;
    command.arg(program).args(arguments).current_dir("/");
    let output = run(&mut command)?;
    if !output.status.success() {
        bail!("{} {}: {}", program.display(), arguments.join(" "), last_line(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command whose further words are run as the account.
pub(super) fn becoming(account: &Account) -> Result<Command> {
    if !nix::unistd::Uid::effective().is_root() {
        let mut command = Command::new("/usr/bin/env");
        command.arg("--");
        return Ok(command);
    }
    let mut command = Command::new(first(SETPRIV).context("no setpriv to become the account with")?);
    let ids = [format!("--reuid={}", account.uid), format!("--regid={}", account.gid)];
    command.args(ids).args(["--init-groups", "--no-new-privs", "--"]);
    Ok(command)
}

/// What a command prints, if it succeeds.
pub(super) fn printed(command: &mut Command) -> Option<String> {
    let output = run(command).ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The time, here and in UTC.
pub(super) fn now() -> Now {
    let day = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let date = |options: &[&str]| {
        let printed = run(Command::new("date").args(options).arg("+%Y%m%d%H%M%S"));
        printed.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    Now { day: i64::try_from(day).unwrap_or_default(), local: date(&[]), utc: date(&["-u"]) }
}

fn first(programs: &[&str]) -> Option<PathBuf> {
    programs.iter().map(PathBuf::from).find(|program| there(program))
}

fn run(command: &mut Command) -> Result<Output> {
    let program = Path::new(command.get_program()).display().to_string();
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command.output().context(program)
}

pub(super) fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned()
}

/// All that sshd has against its configuration: the last line alone only counts those before it.
fn reasons(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said: Vec<&str> = lines.iter().copied().filter(|line| !line.contains(": terminating, ")).collect();
    let said = if said.is_empty() { lines } else { said };
    if said.is_empty() { "no reason given".to_owned() } else { said.join("\n") }
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned()
}
