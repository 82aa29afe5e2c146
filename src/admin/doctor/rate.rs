//! Rate limits of log daemons, under which records are dropped although dockgate was told that they were taken. Pure.

use std::path::{Path, PathBuf};

/// A limit that a file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub file: PathBuf,
    /// Counted from one.
    pub line: usize,
    /// As it is written.
    pub text: String,
    pub daemon: LogDaemon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDaemon {
    /// It counts the messages of each process.
    Rsyslog,
    /// It counts the messages of each unit.
    Journald,
}

/// What journald takes of one unit in thirty seconds where nothing else is said (journald.conf(5)); the limit of a
/// site that raises it is not found.
const JOURNALD_BURST: u64 = 10_000;

/// The limits in rsyslog's configuration: intervals of imuxsock, in both of its languages. Without an interval
/// there is no limit (the default of rsyslog 8).
pub fn of_rsyslog(file: &Path, text: &str) -> Vec<Limit> {
    let limit = |(line, text): (usize, &str)| {
        Some(Limit { file: file.to_owned(), line, text: interval(text)?, daemon: LogDaemon::Rsyslog })
    };
    said(text, '#').filter_map(limit).collect()
}

/// `NAME="SECONDS"` or `$NAME SECONDS`, where it is not nought.
fn interval(line: &str) -> Option<String> {
    const NAMES: &[&str] = &["syssock.ratelimit.interval", "ratelimit.interval", "$systemlogratelimitinterval"];
    let small = line.to_ascii_lowercase();
    // Files and the journal have limits of their own, which are none for what comes by the socket.
    if !small.starts_with('$') && !small.contains("imuxsock") && !small.trim_start().starts_with("syssock.") {
        return None;
    }
    let (at, name) = NAMES.iter().find_map(|name| Some((small.find(name)?, name)))?;
    let rest = small.get(at + name.len()..)?.trim_start_matches([' ', '\t', '=', '"']);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let end = line.len() - (rest.len() - digits.len());
    let whole = line.get(at..end)?;
    (!digits.trim_start_matches('0').is_empty()).then(|| whole.to_owned())
}

/// The limit in journald's configuration, where it is tighter than the default. `files` are in the order in which
/// journald reads them: the last word counts.
pub fn of_journald(files: &[(PathBuf, String)]) -> Option<Limit> {
    let last = |name: &str| {
        let all = files.iter().flat_map(|(file, text)| said(text, '#').map(move |line| (file, line)));
        let ours = all.filter_map(|(file, (number, line))| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| (file.clone(), number, line.to_owned(), value.trim().to_owned()))
        });
        ours.last()
    };
    let (file, line, text, value) = last("RateLimitBurst")?;
    let off = last("RateLimitIntervalSec").is_some_and(|(_, _, _, value)| value.trim_end_matches('s') == "0");
    let burst: u64 = value.parse().ok()?;
    (burst != 0 && burst < JOURNALD_BURST && !off).then_some(Limit { file, line, text, daemon: LogDaemon::Journald })
}

/// Lines with their numbers, without comments.
fn said(text: &str, comment: char) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(move |(_, line)| !line.is_empty() && !line.starts_with([comment, ';']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_socket_are_found() {
        for (text, expected) in [
            ("module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"5\" SysSock.RateLimit.Burst=\"3\")", Some(1)),
            ("module(load=\"imuxsock\"\n  SysSock.RateLimit.Interval=\"5\"\n)", Some(2)),
            ("$SystemLogRateLimitInterval 2", Some(1)),
            ("$SystemLogRateLimitInterval 0", None),
            ("input(type=\"imuxsock\" Socket=\"/run/x\" RateLimit.Interval=\"10\")", Some(1)),
            ("module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"0\" SysSock.RateLimit.Burst=\"3\")", None),
            ("# module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"5\")", None),
            ("module(load=\"imjournal\" ratelimit.interval=\"600\")", None),
            ("module(load=\"imuxsock\")", None),
        ] {
            let found = of_rsyslog(Path::new("/etc/rsyslog.conf"), text);
            assert_eq!(found.first().map(|limit| limit.line), expected, "{text}");
            assert!(found.iter().all(|limit| text.contains(&limit.text) && limit.text.ends_with(char::is_numeric)));
        }
    }

    #[test]
    fn of_journald_the_last_word_counts() {
        let files = |texts: &[&str]| -> Vec<(PathBuf, String)> {
            texts.iter().enumerate().map(|(at, text)| (format!("/{at}").into(), (*text).to_owned())).collect()
        };
        for (texts, found) in [
            (&["[Journal]\n#RateLimitBurst=3\n"][..], None),
            (&["[Journal]\nRateLimitBurst=3\n"], Some("/0")),
            (&["RateLimitBurst=3\n", "RateLimitBurst=0\n"], None),
            (&["RateLimitBurst=0\n", "RateLimitBurst=100\n"], Some("/1")),
            (&["RateLimitBurst=100\nRateLimitIntervalSec=0\n"], None),
            (&["RateLimitBurst=20000\n"], None),
        ] {
            let limit = of_journald(&files(texts));
            assert_eq!(limit.map(|limit| limit.file), found.map(PathBuf::from), "{texts:?}");
        }
    }
}
