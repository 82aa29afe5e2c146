//! Where logs are: files, also compressed, directories of them, the journal, standard input. Acts: reads them.
#![expect(clippy::disallowed_methods, reason = "logs are read here, and the programs started that unpack them")]

use anyhow::{Context, Result, bail, ensure};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A line of more bytes is no record; the log daemons' own limits are far below.
const MAX_LINE: u64 = 1024 * 1024;

/// What a compressed file begins with, and the program that unpacks it.
///
/// The programs are those that logrotate packed it with. They run beside the reading, on another processor, and
/// keep three decoders out of a program that stands in front of every session.
const PACKED: &[(&[u8], &str)] =
    &[(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2")];

/// Where the usual log daemons write authpriv.
const USUAL: &[&str] = &["/var/log/auth.log", "/var/log/secure"];

/// One log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Journal,
    StandardInput,
}

impl Source {
    /// What a person named: `-`, a file, or a directory, which stands for all the files below it.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn named(path: &Path) -> Result<Vec<Self>> {
        if path.as_os_str() == "-" {
            return Ok(vec![Self::StandardInput]);
        }
        let mut files = Vec::new();
        if path.is_dir() {
            files_below(path, 0, &mut files)?
        } else {
            files.push(path.to_owned())
        }
        Ok(files.into_iter().map(Self::File).collect())
    }

    /// Where this host has its records: the journal, or else what the usual log daemons write, with what was
    /// rotated.
    ///
    /// # Errors
    /// When there is neither.
    pub fn usual() -> Result<Vec<Self>> {
        if Path::new("/run/systemd/journal/socket").exists() {
            return Ok(vec![Self::Journal]);
        }
        let Some(live) = USUAL.iter().map(Path::new).find(|path| path.exists()) else {
            bail!("there is no journal and none of {} here: name the file or directory", USUAL.join(", "));
        };
        Self::with_rotated(live)
    }

    /// A file and what was rotated away from it, the oldest first.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn with_rotated(live: &Path) -> Result<Vec<Self>> {
        let directory = live.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = live.file_name().unwrap_or_default().to_string_lossy();
        let mut files = Vec::new();
        files_below(directory, MAX_DEPTH, &mut files)?;
        let rotated = |file: &std::ffi::OsStr| {
            let file = file.to_string_lossy();
            file.strip_prefix(&*name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        };
        files.retain(|file| file.file_name().is_some_and(rotated));
        Ok(files.into_iter().map(Self::File).collect())
    }

    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Journal => "journalctl".to_owned(),
            Self::StandardInput => "standard input".to_owned(),
        }
    }

    fn open(&self) -> Result<Box<dyn BufRead>> {
        let buffered = |read: Box<dyn Read>| Box::new(BufReader::with_capacity(256 * 1024, read)) as Box<dyn BufRead>;
        Ok(buffered(match self {
            Self::StandardInput => Box::new(io::stdin()),
            Self::Journal => Box::new(Program::start(
                "journalctl",
                &["--quiet", "--no-pager", "--all", "--output=short-iso-precise", "--identifier=dockgate"],
                Stdio::null(),
            )?),
            Self::File(path) => {
                let mut file = File::open(path)?;
                let mut start = Vec::new();
                Read::by_ref(&mut file).take(8).read_to_end(&mut start)?;
                // Not every file can go back (a pipe), so what was read is put in front.
                match PACKED.iter().find(|(magic, _)| start.starts_with(magic)) {
                    None => Box::new(io::Cursor::new(start).chain(file)),
                    Some((_, program)) => {
                        file.rewind()?;
                        Box::new(Program::start(program, &["-dc"], Stdio::from(file))?)
                    }
                }
            }
        }))
    }
}

/// Directories below directories, so deep.
const MAX_DEPTH: usize = 8;

/// The files below a directory: each log's oldest first, as rotation names them.
fn files_below(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let about = || directory.display().to_string();
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(about)? {
        entries.push(entry.with_context(about)?.path());
    }
    entries.sort_by_cached_key(|path| age(path));
    for path in entries {
        // Not what links lead to: a log may be linked to under many names, and would be counted as often.
        let kind = path.symlink_metadata().with_context(|| path.display().to_string())?;
        if kind.is_dir() && depth < MAX_DEPTH {
            files_below(&path, depth + 1, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Sorts `auth.log-20261101.gz`, `auth.log.2.gz`, `auth.log.1`, `auth.log` in this order.
fn age(path: &Path) -> (String, bool, u64, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let plain = [".gz", ".zst", ".xz", ".bz2"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let digits = plain.len() - plain.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (stem, number) = plain.split_at(digits);
    let stem = stem.strip_suffix(['.', '-']).filter(|_| !number.is_empty());
    match (stem, number.parse::<u64>()) {
        // A date grows, a count of rotations falls, and the live file is last.
        (Some(stem), Ok(number)) if number >= 19_700_101 => (stem.to_owned(), false, number, name.clone()),
        (Some(stem), Ok(number)) => (stem.to_owned(), false, u64::MAX - number, name.clone()),
        _ => (plain.to_owned(), true, 0, name.clone()),
    }
}

/// The output of a program, which fails as reading where the program fails.
struct Program {
    name: String,
    child: Child,
    output: ChildStdout,
}

impl Program {
    fn start(name: &str, arguments: &[&str], input: Stdio) -> Result<Self> {
        let mut child = Command::new(name)
            .args(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name}, which is needed to read it"))?;
        let output = child.stdout.take().context("its output")?;
        Ok(Self { name: name.to_owned(), child, output })
    }
}

impl Read for Program {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.output.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.child.wait()?.success() {
            return Err(io::Error::other(format!("{} failed on it", self.name)));
        }
        Ok(count)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where reading ended early.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of some logs, one after the other.
pub struct Lines {
    left: VecDeque<Source>,
    open: Option<(String, Box<dyn BufRead>)>,
    read: u64,
    progress: Option<Progress>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Lines {
    /// The lines of these, with progress on standard error if that is a terminal.
    pub fn of(sources: Vec<Source>) -> Self {
        let progress = io::stderr().is_terminal().then(Progress::start);
        Self { left: sources.into(), open: None, read: 0, progress }
    }

    /// The lines of a text.
    pub fn of_text(text: &str) -> Self {
        let text = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        Self { left: VecDeque::new(), open: Some(("text".to_owned(), text)), read: 0, progress: None }
    }

    /// Reads the next line into `line`, without its end; false when there is none.
    ///
    /// # Errors
    /// When a log cannot be opened, read or unpacked.
    pub fn next_into(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        loop {
            let Some((name, open)) = &mut self.open else {
                let Some(source) = self.left.pop_front() else { return Ok(false) };
                let name = source.name();
                let open = source.open().with_context(|| name.clone())?;
                self.open = Some((name, open));
                continue;
            };
            line.clear();
            open.by_ref().take(MAX_LINE).read_until(b'\n', line).with_context(|| name.clone())?;
            if line.is_empty() {
                self.open = None;
                continue;
            }
            if line.pop_if(|byte| *byte == b'\n').is_none() && line.len() as u64 == MAX_LINE {
                skip_line(open).with_context(|| name.clone())?;
            }
            self.read += 1;
            if self.read.is_multiple_of(50_000)
                && let Some(progress) = &mut self.progress
            {
                progress.say(self.read, name);
            }
            return Ok(true);
        }
    }
}

fn skip_line(read: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = read.fill_buf()?;
        let end = memchr::memchr(b'\n', buffer);
        let count = end.map_or(buffer.len(), |end| end + 1);
        read.consume(count);
        if end.is_some() || count == 0 {
            return Ok(());
        }
    }
}

/// How far a long reading has come, for a person who waits.
struct Progress {
    next: Instant,
    shown: bool,
}

impl Progress {
    const EVERY: Duration = Duration::from_millis(500);

    fn start() -> Self {
        Self { next: Instant::now() + Self::EVERY * 2, shown: false }
    }

    fn say(&mut self, lines: u64, name: &str) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + Self::EVERY;
        self.shown = true;
        let _ = write!(io::stderr(), "\r\x1b[K{lines} lines, {name}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// What comes into a log from now on: a line at a time, with rotation seen.
///
/// # Errors
/// When the log cannot be read, or `see` says so.
pub fn follow(source: &Source, mut see: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut program = match source {
        Source::Journal => Program::start(
            "journalctl",
            &["--quiet", "--all", "--follow", "--lines=0", "--output=short-iso-precise", "--identifier=dockgate"],
            Stdio::null(),
        )?,
        // tail knows rotation, truncation, and how to wait without asking again and again.
        Source::File(path) => {
            let file = File::open(path).with_context(|| path.display().to_string())?;
            ensure!(file.metadata()?.is_file(), "{} is not a file", path.display());
            let path = path.to_string_lossy();
            Program::start("tail", &["--follow=name", "--retry", "--lines=0", "--quiet", "--", &path], Stdio::null())?
        }
        Source::StandardInput => bail!("standard input cannot be followed; pipe it into dockgate audit list -"),
    };
    let mut lines = BufReader::new(&mut program);
    let mut line = Vec::new();
    while lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
        line.pop_if(|byte| *byte == b'\n');
        see(&line)?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_come_in_the_order_of_time() {
        let mut names = [
            "auth.log",
            "auth.log.1",
            "auth.log.2.gz",
            "auth.log.10.gz",
            "b.log",
            "auth.log-20261101",
            "b.log-20261102.zst",
            "auth.log-20261031.xz",
        ]
        .map(PathBuf::from);
        names.sort_by_cached_key(|path| age(path));
        let names = names.map(|name| name.display().to_string());
        assert_eq!(names[..2], ["auth.log-20261031.xz", "auth.log-20261101"]);
        assert_eq!(names[2..6], ["auth.log.10.gz", "auth.log.2.gz", "auth.log.1", "auth.log"]);
        assert_eq!(names[6..], ["b.log-20261102.zst", "b.log"]);
    }

    #[test]
    fn an_endless_line_is_bounded_and_the_next_one_is_read() {
        let mut text = "x".repeat(3 * 1024 * 1024);
        text.push_str("\nnext\nlast");
        let mut lines = Lines::of_text(&text);
        let mut line = Vec::new();
        assert!(lines.next_into(&mut line).unwrap());
        assert_eq!(line.len() as u64, MAX_LINE);
        for expected in ["next", "last"] {
            assert!(lines.next_into(&mut line).unwrap());
            assert_eq!(line, expected.as_bytes());
        }
        assert!(!lines.next_into(&mut line).unwrap());
    }

    #[test]
    fn packed_files_and_directories_are_read_and_a_broken_one_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("host")).unwrap();
        for (name, text) in [("host/a.log.1", "one\n"), ("host/a.log", "two\n"), ("z.log", "three")] {
            std::fs::write(path(name), text).unwrap();
        }
        let packed = Command::new("gzip").arg(path("host/a.log.1")).status().unwrap();
        assert!(packed.success());
        let read = |path: &Path| -> Result<Vec<String>> {
            let (mut lines, mut line, mut all) = (Lines::of(Source::named(path)?), Vec::new(), Vec::new());
            while lines.next_into(&mut line)? {
                all.push(String::from_utf8(line.clone())?);
            }
            Ok(all)
        };
        assert_eq!(read(directory.path()).unwrap(), ["one", "two", "three"]);
        std::fs::write(path("z.log"), b"\x1f\x8bnot gzip").unwrap();
        assert!(format!("{:#}", read(directory.path()).unwrap_err()).contains("gzip failed on it"));
        assert!(format!("{:#}", read(&path("missing")).unwrap_err()).contains("missing: No such file"));
    }
}
