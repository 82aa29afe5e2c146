//! Variables: what a file of them (`.env`, `--env-file`) may not set. Pure.

use std::collections::BTreeMap;

/// Names that would make Compose read other files than those judged.
const FILES: &[&str] = &["COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR"];

/// Names that mean something to docker, buildx, git or the loader: older versions of Compose take the whole file for
/// their own environment. One that ends in `_` stands for all that begin so.
const OTHERS: &[&str] = &[
    "BUILDKIT_",
    "BUILDX_",
    "COMPOSE_COMPATIBILITY",
    "COMPOSE_ENV_FILES",
    "COMPOSE_EXPERIMENTAL",
    "COMPOSE_EXPERIMENTAL_",
    "DOCKER_CONTEXT",
    "DOCKER_CLI_PLUGIN_",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "SSH_AUTH_SOCK",
];

/// How progress is shown, which is nobody's harm.
const HARMLESS: &[&str] = &["BUILDKIT_PROGRESS"];

/// Why a file of variables is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The variable.
    pub name: String,
    /// What to do instead.
    pub hint: &'static str,
}

/// What is refused of a file's text. Where the request `names_files` of the project itself, Compose takes no others
/// from here.
pub fn refused(text: &str, names_files: bool) -> Option<Refused> {
    let mut found = set(text);
    found.find_map(|name| {
        let listed = |names: &[&str]| names.iter().any(|known| *known == name || (known.ends_with('_') && name.starts_with(known)));
        let hint = if listed(FILES) && !names_files {
            "give each file with -f: docker compose -f FILE -f FILE …; with -f the line in the file of variables does no harm"
        } else if listed(OTHERS) && !listed(HARMLESS) {
            "take the line out of that file; it means something to docker, and not to your services alone"
        } else {
            return None;
        };
        Some(Refused { name: name.to_owned(), hint })
    })
}

/// Whether a variable of a text grows beyond [`MAX_VALUE`] bytes: one can be made of others that come before it.
pub fn grows(text: &str) -> bool {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    text.split(['\n', '\r']).any(|line| {
        let (name, value) = line.split_once(['=', ':']).unwrap_or(("", line));
        let mut parts = value.split('$');
        let mut size = parts.next().map_or(0, str::len);
        for part in parts {
            let part = part.trim_start_matches('{');
            let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(part.len());
            let meant = part.get(..end).and_then(|name| sizes.get(name)).copied().unwrap_or(0);
            size = size.saturating_add(meant).saturating_add(part.len());
        }
        let name = name.trim().trim_start_matches("export").trim();
        // It could be set twice, and the later line takes up the earlier.
        let size = size.max(sizes.get(name).copied().unwrap_or(0));
        sizes.insert(name, size);
        size > MAX_VALUE
    })
}

/// A variable of more bytes than this is not one.
const MAX_VALUE: usize = 64 * 1024;

/// Whether a file sets a variable.
pub fn sets(text: &str, name: &str) -> bool {
    set(text).any(|set| set == name)
}

/// The names that a text could set: each word before a `=` or `:`, wherever it stands, for a quoted value can end
/// within a line, and what follows it counts. A comment is passed over unless a quote in it could end such a value.
fn set(text: &str) -> impl Iterator<Item = &str> {
    let is_comment = |line: &&str| line.trim_start().starts_with('#') && !line.contains(['"', '\'', '`']);
    text.split(['\n', '\r']).filter(move |line| !is_comment(line)).flat_map(|line| {
        line.match_indices(['=', ':']).map(move |(end, _)| {
            let before = line.get(..end).unwrap_or_default().trim_end();
            before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mean_another_project_is_found_however_it_is_written() {
        for (text, name) in [
            ("COMPOSE_FILE=a:b", "COMPOSE_FILE"),
            ("export COMPOSE_FILE = a", "COMPOSE_FILE"),
            ("A=b\r\n  COMPOSE_FILE: a", "COMPOSE_FILE"),
            ("A='x' COMPOSE_FILE=y", "COMPOSE_FILE"),
            ("A=\"x\n#\" COMPOSE_FILE=y", "COMPOSE_FILE"),
            ("# x\rCOMPOSE_PATH_SEPARATOR=,", "COMPOSE_PATH_SEPARATOR"),
            ("ä COMPOSE_FILE=y", "COMPOSE_FILE"),
            ("äCOMPOSE_FILE=y", "COMPOSE_FILE"),
        ] {
            assert_eq!(refused(text, false).unwrap().name, name, "{text}");
            assert_eq!(refused(text, true), None, "{text}");
        }
        for text in [
            "DOCKER_CONTEXT=x",
            "BUILDX_BUILDER=x",
            "LD_PRELOAD=x",
            "BUILDKIT_HOST=tcp://x",
            "COMPOSE_EXPERIMENTAL_GIT_REMOTE=1",
        ] {
            assert!(refused(text, true).is_some(), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_taken() {
        for text in [
            "# COMPOSE_FILE=docker-compose.yml:add.yml",
            "BUILDKIT_PROGRESS=plain",
            "MY_DOCKER_CONTEXT_PATH=x",
            "MY_COMPOSE_FILE=x",
            "COMPOSE_FILES=x",
            "A=$COMPOSE_FILE",
            "COMPOSE_PROJECT_NAME=shop",
            "COMPOSE_PROFILES=a",
            "A=b",
            "",
        ] {
            assert_eq!(refused(text, false), None, "{text}");
        }
        assert!(
            sets("COMPOSE_PROJECT_NAME=x", "COMPOSE_PROJECT_NAME")
                && !sets("A=COMPOSE_PROJECT_NAME", "COMPOSE_PROJECT_NAME")
        );
    }

    #[test]
    fn a_variable_of_variables_is_counted() {
        let doubled: String = (1..20).map(|at| format!("V{at}=${{V{0}}}$V{0}\n", at - 1)).collect();
        assert!(grows(&format!("V0=xxxxxxxx\n{doubled}")));
        assert!(!grows("A=b\nB=$A$A\nC=${B}x"));
    }
}
