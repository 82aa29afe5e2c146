//! Reads configuration files: sshd's, with what it includes, and those of log daemons. Acts: reads them.
#![expect(clippy::disallowed_methods, reason = "configuration files are looked at here")]

use super::files::{read, there};
use crate::admin::doctor::rate::{Limit, of_journald, of_rsyslog};
use crate::admin::doctor::written::Written;
use std::fs;
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

const SSHD_CONFIG: &str = "/etc/ssh/sshd_config";

/// How deep sshd follows `Include`.
const MAX_DEPTH: usize = 16;

/// Units of Debian's name.
const SSH_UNITS: &[&str] = &["/usr/lib/systemd/system/ssh.service", "/lib/systemd/system/ssh.service"];

/// Where journald's configuration is, the later read last (journald.conf(5)).
const JOURNALD: &[&str] = &[
    "/usr/lib/systemd/journald.conf",
    "/etc/systemd/journald.conf",
    "/usr/lib/systemd/journald.conf.d/*.conf",
    "/run/systemd/journald.conf.d/*.conf",
    "/etc/systemd/journald.conf.d/*.conf",
];

/// sshd's configuration files.
pub(super) fn sshd(named: Option<&Path>) -> Written {
    let main = named.map_or_else(|| PathBuf::from(SSHD_CONFIG), Path::to_owned);
    let mut files = Vec::new();
    include(&main, 0, &mut files);
    let unit = if SSH_UNITS.iter().any(|unit| there(Path::new(unit))) { "ssh" } else { "sshd" };
    let drop_ins = files.iter().find(|(file, _)| *file == main).and_then(|(_, text)| drop_ins(text));
    Written { drop_ins, main, files, unit }
}

fn include(file: &Path, depth: usize, files: &mut Vec<(PathBuf, String)>) {
    let text = read(file).ok().flatten().unwrap_or_default();
    if depth < MAX_DEPTH {
        for pattern in includes(&text) {
            matching(&pattern).iter().for_each(|found| include(found, depth + 1, files));
        }
    }
    files.push((file.to_owned(), text));
}

/// The patterns of a file's `Include` lines; relative ones are below /etc/ssh.
fn includes(text: &str) -> Vec<PathBuf> {
    let line = |line: &str| {
        let (keyword, rest) = line.trim().split_once([' ', '\t', '='])?;
        keyword.eq_ignore_ascii_case("include").then(|| rest.to_owned())
    };
    let patterns = text.lines().filter_map(line).flat_map(|rest| {
        rest.split_ascii_whitespace().map(|word| Path::new("/etc/ssh").join(word.trim_matches('"'))).collect::<Vec<_>>()
    });
    patterns.collect()
}

/// The directory of which a file includes all of `*.conf` before it says anything itself.
fn drop_ins(text: &str) -> Option<PathBuf> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let pattern = includes(first).into_iter().next()?;
    let all = pattern.file_name().is_some_and(|name| name == "*.conf");
    pattern.parent().filter(|directory| all && directory.is_dir()).map(Path::to_owned)
}

/// The files of a pattern whose last part alone may have wildcards, by name.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else { return Vec::new() };
    let name = WildMatch::new(&name.to_string_lossy());
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let fits = |entry: fs::DirEntry| name.matches(&entry.file_name().to_string_lossy()).then(|| entry.path());
    let mut found: Vec<PathBuf> = entries.filter_map(fits).collect();
    found.sort();
    found
}

/// The rate limits under which the log daemons that are here drop records.
pub(super) fn limits() -> Vec<Limit> {
    let text = |file: PathBuf| Some((file.clone(), read(&file).ok().flatten()?));
    let all = |patterns: &[&str]| -> Vec<(PathBuf, String)> {
        patterns.iter().flat_map(|pattern| matching(Path::new(pattern))).filter_map(text).collect()
    };
    let rsyslog = all(&["/etc/rsyslog.conf", "/etc/rsyslog.d/*.conf"]);
    let mut found: Vec<Limit> = rsyslog.iter().flat_map(|(file, text)| of_rsyslog(file, text)).collect();
    if there(Path::new("/run/systemd/journal")) {
        found.extend(of_journald(&all(JOURNALD)));
    }
    found
}
