//! Loading the policy file: found, trusted, read. Acts: reads files.
#![expect(clippy::disallowed_methods, reason = "the policy file is read here")]

use crate::policy::set::PolicySet;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where the policy is when no `--config` names another place.
pub const DEFAULT_PATH: &str = "/etc/dockgate/policy.toml";

/// A policy file of more bytes than this is not one.
const MAX_BYTES: u64 = 1024 * 1024;

/// The policy: of the file named, of [`DEFAULT_PATH`] if there is one, or the built-in default.
///
/// # Errors
/// When the file cannot be read, can be changed by anyone but root, or is not wholly understood. Nothing
/// may run then.
pub fn load(named: Option<&Path>) -> Result<PolicySet> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match fs::symlink_metadata(DEFAULT_PATH) {
            Ok(_) => PathBuf::from(DEFAULT_PATH),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(PolicySet::default()),
            Err(error) => return Err(error).with_context(|| format!("policy file {DEFAULT_PATH}")),
        },
    };
    // In one message, which names no more of the file than that it is not trusted.
    let text = trusted_text(&path).map_err(|error| anyhow!("policy file {}: {error:#}", path.display()))?;
    // In two: what is wrong in it is the administrator's to read.
    PolicySet::from_toml(&text).map_err(|message| {
        anyhow!("{}", message.trim_end()).context(format!("policy file {}: {UNSOUND}", path.display()))
    })
}

/// The candidate beside the policy file: `policy.candidate.toml` for `policy.toml`, by the same rules of trust. `None`
/// where there is no such file; without a policy inside where it is broken.
pub fn candidate(named: Option<&Path>) -> Option<Option<PolicySet>> {
    let path = candidate_of(named.unwrap_or(Path::new(DEFAULT_PATH)));
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Ok(_) | Err(_) => Some(load(Some(&path)).ok()),
    }
}

/// Where the candidate of a policy file is, if it has one.
pub fn candidate_of(policy: &Path) -> PathBuf {
    policy.with_extension("candidate.toml")
}

/// What a client is told of a file's contents.
const UNSOUND: &str = "it is not well-formed";

/// Where the records of a broken policy belong besides the place where records go by default: the socket that the
/// file names, as far as it can be made out. `None` where the file is not to be trusted.
pub fn audit_socket(named: Option<&Path>) -> Option<PathBuf> {
    let text = trusted_text(named.unwrap_or(Path::new(DEFAULT_PATH))).ok()?;
    let file: toml::Table = text.parse().ok()?;
    let socket = PathBuf::from(file.get("audit")?.get("socket")?.as_str()?);
    socket.is_absolute().then_some(socket)
}

/// Reads a policy that is no file yet, to judge its form: where it is built, not even the store is root's.
///
/// # Errors
/// When it cannot be read, or is not wholly understood.
pub fn form(input: &mut impl Read) -> Result<PolicySet> {
    let mut text = String::new();
    input.take(MAX_BYTES + 1).read_to_string(&mut text).context("policy on standard input")?;
    ensure!(text.len() as u64 <= MAX_BYTES, "policy on standard input: it is larger than {MAX_BYTES} bytes");
    PolicySet::from_toml(&text).map_err(|message| anyhow::anyhow!("policy on standard input: {}", message.trim_end()))
}

/// The text of a file that only root can change.
fn trusted_text(path: &Path) -> Result<String> {
    ensure!(path.is_absolute(), "its path must be absolute");
    // The file is judged by its open descriptor, so that what was judged is what is read.
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    ensure!(metadata.is_file(), "it is not a regular file");
    ensure!(metadata.uid() == 0, "it belongs to user id {}; it must belong to root", metadata.uid());
    ensure!(
        metadata.mode() & 0o022 == 0,
        "others than root can write it (mode {:04o}); chmod go-w",
        metadata.mode() & 0o7777
    );
    if trusted_way(path)? == Way::Winding {
        trusted_way(&fs::canonicalize(path)?)?;
    }
    ensure!(metadata.len() <= MAX_BYTES, "it is larger than {MAX_BYTES} bytes");
    // With room for the end, too: it is read by one call.
    let mut text = String::with_capacity(usize::try_from(metadata.len())? + 1);
    file.by_ref().take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Whoever can rename something on the way to a file can put another in its place. A sticky directory of
/// root's (`/tmp`, `/nix/store`) protects what is root's in it.
fn trusted_way(path: &Path) -> Result<Way> {
    let mut way = Way::Straight;
    for part in path.ancestors() {
        let own = fs::symlink_metadata(part)?;
        let is_link = own.is_symlink();
        ensure!(
            own.uid() == 0,
            "{} on the way to it belongs to user id {}; it must belong to root",
            part.display(),
            own.uid()
        );
        let directory = if is_link { fs::metadata(part)? } else { own };
        if part != path && writable_by_others(&directory) {
            bail!("others than root can write the directory {} on the way to it; chmod go-w", part.display());
        }
        if is_link || part.ends_with("..") {
            way = Way::Winding;
        }
    }
    Ok(way)
}

/// Whether a path leads where it says, or by way of symbolic links and `..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Straight,
    Winding,
}

fn writable_by_others(directory: &Metadata) -> bool {
    directory.mode() & 0o022 != 0 && directory.mode() & 0o1000 == 0
}
