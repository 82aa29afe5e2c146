//! Docker's help texts, read. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// What one help text says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Help {
    /// The command that the text is about, by its own usage line, without `docker`: `container ls`.
    pub(crate) path: Vec<String>,
    /// As the text has them: whole paths, or (docker 20.10) names.
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) commands: BTreeSet<String>,
    /// Those of the commands that are plugins.
    pub(crate) plugins: BTreeSet<String>,
    pub(crate) flags: BTreeMap<String, Flag>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) short: Option<char>,
    pub(crate) takes: Takes,
}

/// What a flag takes, as far as help says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    One,
    Many,
    /// A value of an unknown kind; or nothing at all, and the words behind it have a backquote.
    Value,
}

/// The names that help has for values of which the last counts.
const ONE: &[&str] = &[
    "bytes",
    "command",
    "credential-spec",
    "decimal",
    "duration",
    "float",
    "int",
    "int64",
    "node-addr",
    "pem-file",
    "string",
    "uint",
    "uint16",
    "uint32",
    "uint64",
];

/// The names that help has for values that add up.
const MANY: &[&str] = &[
    "config",
    "external-ca",
    "filter",
    "gpu-request",
    "ipNetSlice",
    "list",
    "map",
    "mount",
    "network",
    "port",
    "pref",
    "secret",
    "stringArray",
    "strings",
    "ulimit",
];

impl Help {
    /// Reads a help text; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let usage = text.lines().find_map(|line| line.strip_prefix("Usage:"))?;
        let path = usage.split_whitespace().skip(1).take_while(|word| is_command_word(word)).map(str::to_owned);
        let mut help = Self { path: path.collect(), ..Self::default() };
        let mut section = "";
        for line in text.lines() {
            if let Some(title) = line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
                section = title;
            } else if section == "Aliases" {
                help.aliases.extend(line.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
            } else if section.ends_with("Commands") {
                help.command(line);
            } else if section.ends_with("Options") {
                help.flags.extend(flag(line).filter(|(long, _)| long != "help"));
            }
        }
        Some(help)
    }

    fn command(&mut self, line: &str) {
        let Some(word) = line.strip_prefix("  ").and_then(|rest| rest.split_whitespace().next()) else { return };
        let name = word.trim_end_matches('*');
        if is_command_word(name) {
            self.commands.insert(name.to_owned());
            if word != name {
                self.plugins.insert(name.to_owned());
            }
        }
    }

    /// Adds what another view of the same command shows.
    pub(crate) fn merge(&mut self, other: Self) {
        self.aliases.extend(other.aliases);
        self.commands.extend(other.commands);
        self.plugins.extend(other.plugins);
        for (long, flag) in other.flags {
            let known = self.flags.entry(long).or_insert(flag);
            known.short = known.short.or(flag.short);
            if flag.takes == Takes::Many {
                known.takes = Takes::Many;
            }
        }
    }
}

/// Whether a word of a usage line is part of the command, not of its options and operands.
fn is_command_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// `  -f, --filter filter   Words` or `      --all   Words`; wrapped words stand further in.
fn flag(line: &str) -> Option<(String, Flag)> {
    let (short, rest) = match line.strip_prefix("      --") {
        Some(rest) => (None, rest),
        None => {
            let (letter, rest) = line.strip_prefix("  -")?.split_once(", --")?;
            (Some(letter.chars().next().filter(|_| letter.len() == 1)?), rest)
        }
    };
    let (long, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    // One blank before the value's name, more before the words.
    let takes = match rest.split(' ').next().unwrap_or_default() {
        "" => Takes::Nothing,
        name if ONE.contains(&name) => Takes::One,
        name if MANY.contains(&name) => Takes::Many,
        _ => Takes::Value,
    };
    Some((long.to_owned(), Flag { short, takes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LS: &str = "
Usage:  docker container ls [OPTIONS]

List containers

Aliases:
  docker container ls, docker container list, docker container ps,
  docker ps

Options:
  -a, --all             Show all containers (default shows just running)
  -f, --filter filter   Filter output
      --format string   Format output using a custom template:
                        'table':            Print output in table format
                        --no-trunc is something else
      --gpus gpu-offer   GPUs
      --help            Print usage
      --no-trunc        Don't truncate output
";

    #[test]
    fn reads_a_command() {
        let help = Help::parse(LS).unwrap();
        assert_eq!(help.path, ["container", "ls"]);
        assert_eq!(help.aliases.len(), 4);
        assert!(help.aliases.contains("docker ps") && help.commands.is_empty());
        let flags: Vec<_> = help.flags.iter().map(|(long, flag)| (long.as_str(), flag.short, flag.takes)).collect();
        assert_eq!(
            flags,
            [
                ("all", Some('a'), Takes::Nothing),
                ("filter", Some('f'), Takes::Many),
                ("format", None, Takes::One),
                ("gpus", None, Takes::Value),
                ("no-trunc", None, Takes::Nothing),
            ]
        );
    }

    #[test]
    fn reads_a_group() {
        let text = "Docker\n\nUsage:  docker [OPTIONS] COMMAND\n\nCommon Commands:\n  run         Create\n\n\
                    Management Commands:\n  builder     Manage builds\n  compose*    Docker Compose\n\nGlobal Options:\n  \
                    -D, --debug              Enable debug mode\n\nRun 'docker COMMAND --help' for more.\n";
        let help = Help::parse(text).unwrap();
        assert!(help.path.is_empty());
        assert_eq!(help.commands.iter().collect::<Vec<_>>(), ["builder", "compose", "run"]);
        assert_eq!(help.plugins.iter().collect::<Vec<_>>(), ["compose"]);
        assert_eq!(help.flags.len(), 1);
    }

    #[test]
    fn the_path_ends_where_operands_begin() {
        for (usage, path) in [
            ("docker cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-", "cp"),
            ("docker import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]", "import"),
            ("docker swarm join-token [OPTIONS] (worker|manager)", "swarm join-token"),
            ("docker context use CONTEXT", "context use"),
            ("docker [OPTIONS] COMMAND", ""),
        ] {
            assert_eq!(Help::parse(&format!("Usage:\t{usage}")).unwrap().path.join(" "), path);
        }
        assert_eq!(Help::parse("docker: unknown command"), None);
    }
}
