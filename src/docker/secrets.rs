//! Which parts of a request are secrets, by what its parser read them as: not to be written down. Pure.
//!
//! What is not read as a secret is shown, so that a record never hides what was done: a label, a filter or a
//! container's command that only looks like one.

use super::options::{Parsed, Read};
use super::row::{Ask, Command, Operands};
use std::ops::Range;

/// A part of a word that is not to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The word, counted from the end of the request: 1 is the last.
    pub word: usize,
    /// The bytes of the word, its quotes removed.
    pub range: Range<usize>,
}

/// The secrets among the options' values, those included that a later one has replaced.
pub(super) fn of_options(parsed: &Parsed) -> impl Iterator<Item = Secret> {
    parsed.read.iter().flat_map(|read| {
        let Read { option, text, word, offset } = read;
        let own = of_value(option.asks, text).into_iter().filter(|range| !range.is_empty());
        own.map(move |range| Secret { word: *word, range: range.start + offset..range.end + offset })
    })
}

/// The secrets among the operands: in addresses.
pub(super) fn of_operands(parsed: &Parsed, command: &Command) -> impl Iterator<Item = Secret> {
    let addressed = matches!(command.operands, Operands::BuildContext | Operands::FileAndImage);
    parsed.operands.iter().zip(&parsed.places).enumerate().flat_map(move |(index, (operand, word))| {
        let found = urls(operand, addressed && index == 0);
        found.into_iter().filter(|range| !range.is_empty()).map(|range| Secret { word: *word, range })
    })
}

/// The secrets in an option's value.
pub fn of_value(ask: Ask, text: &str) -> Vec<Range<usize>> {
    let after = |c: char| text.find(c).map(|at| at + 1..text.len()).into_iter().collect();
    match ask {
        Ask::Password => std::iter::once(0..text.len()).collect(),
        Ask::Assignment => after('='),
        Ask::Change if text.trim_start().get(..4).is_some_and(|word| word.eq_ignore_ascii_case("env ")) => after('='),
        Ask::CommandLine => assignments(text),
        Ask::Label => label(text),
        Ask::Mount | Ask::VolumeOption | Ask::LogOption | Ask::CacheTo | Ask::CacheFrom | Ask::BuildOutput => {
            keyed(text)
        }
        Ask::NamedContext | Ask::ProjectFile | Ask::ReadsBeside | Ask::Endpoint => urls(text, true),
        _ => Vec::new(),
    }
}

/// Names of fields that hold credentials, as far as they are in docker's, buildx's and the kernel's own options.
const CREDENTIALS: &[&str] = &["pass", "secret", "token", "key"];

/// The values of `name=value` fields of such a name, up to the next comma. A value may hold further signs of that kind, as
/// base64 does, and the name may be one of several (`o=password=x`).
pub fn keyed(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for field in text.split(',') {
        let mut name = 0;
        for (equals, _) in field.match_indices('=') {
            let is = field.get(name..equals).is_some_and(is_credential);
            if is {
                found.push(start + equals + 1..start + field.len());
                break;
            }
            name = equals + 1;
        }
        start += field.len() + 1;
    }
    found
}

fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIALS.iter().any(|word| name.contains(word))
}

/// A label is shown, as it says whose something is; but not one that is a credential by its name, nor a password in an
/// address.
fn label(text: &str) -> Vec<Range<usize>> {
    let name = text.split_once('=').map(|(name, _)| name);
    match name.filter(|name| is_credential(name)) {
        Some(name) => std::iter::once(name.len() + 1..text.len()).collect(),
        None => urls(text, false),
    }
}

/// The values of `NAME=VALUE` among the words of a shell's command line.
fn assignments(text: &str) -> Vec<Range<usize>> {
    let mut found = urls(text, false);
    let mut start = 0;
    for word in text.split(|c: char| c.is_ascii_whitespace() || c == ';') {
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let name = word.split_once('=').map(|(name, _)| name).filter(|name| is_name(name));
        found.extend(name.map(|name| start + name.len() + 1..start + word.len()));
        start += word.len() + 1;
    }
    found
}

/// In an address that docker would use, all that a password can be made of; elsewhere no more than usual, so that
/// nothing hides behind it.
pub fn urls(text: &str, address: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let rest = text.get(start..).unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let Some((user, _host)) = authority.rsplit_once('@') else { continue };
        let usual = |c: char| c.is_ascii_alphanumeric() || "-._~%!*+,=@:".contains(c);
        if !address && (user.len() > 255 || !user.chars().all(usual)) {
            continue;
        }
        let end = start + user.len();
        match user.split_once(':') {
            // A token stands in the place of the name (`https://TOKEN@`, `https://TOKEN:x-oauth-basic@`).
            None if user == "git" => {}
            None | Some((_, "" | "x-oauth-basic")) => found.push(start..end),
            Some((name, _)) => found.push(start + name.len() + 1..end),
        }
    }
    found
}
