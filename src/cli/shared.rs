//! The options that stand before and behind every sub-command: which of them each takes, and what for. Data.

use clap::{Arg, Command};

/// A sub-command, and what each option that it takes is for there; one that is not named is refused.
type Row = (&'static str, &'static [(&'static str, &'static str)]);

const CONFIG: (&str, &str) =
    ("config", "Policy file [default: /etc/dockgate/policy.toml if there is one, else built in]");
const PROFILE: (&str, &str) = ("profile", "The profile that requests are judged by");
const FOR_KEY: (&str, &str) = ("key", "The label of a key: judge as the policy has it for that key");
const OF_KEY: (&str, &str) = ("key", "The key's label");

const ROWS: &[Row] = &[
    ("check", &[CONFIG, PROFILE, FOR_KEY]),
    (
        "authorize",
        &[
            ("config", "Policy file that the line names [default: none, for the usual one]"),
            ("profile", "The profile that the line names [default: none, for what the policy says of the key]"),
            ("key", "The label that the line gets, and every record of the key [default: the key's comment]"),
        ],
    ),
    ("doctor", &[CONFIG]),
    (
        "proxy",
        &[
            CONFIG,
            ("profile", "The profile that all calls are judged by"),
            ("key", "A label for every record, and of what is made through the socket"),
        ],
    ),
    ("audit", &[]),
    ("audit list", &[OF_KEY]),
    ("audit show", &[]),
    ("audit summary", &[OF_KEY]),
    ("audit follow", &[OF_KEY]),
    (
        "audit suggest",
        &[CONFIG, ("profile", "The profile that is looked at for what it grants and nobody used"), OF_KEY],
    ),
    ("audit verify", &[]),
    ("audit chain", &[]),
    ("audit seal", &[]),
    ("audit who", &[]),
    ("policy", &[]),
    ("policy show", &[CONFIG, PROFILE, FOR_KEY]),
    ("policy test", &[CONFIG, PROFILE, FOR_KEY]),
    ("policy diff", &[]),
    ("policy validate", &[CONFIG]),
];

/// Whether a sub-command takes an option, such as `config`.
pub fn takes(command: &str, option: &str) -> bool {
    let row = ROWS.iter().find(|(name, _)| *name == command);
    row.is_some_and(|(_, options)| options.iter().any(|(name, _)| *name == option))
}

/// The whole command line, where the help of each sub-command shows what it takes.
pub(super) fn shown(root: Command) -> Command {
    let general: Vec<Arg> = root.get_arguments().filter(|argument| argument.is_global_set()).cloned().collect();
    below(root, "", &general)
}

fn below(command: Command, path: &str, general: &[Arg]) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let path = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
        command
            .mut_subcommand(name, |own| below(own.args(general.iter().map(|option| of(&path, option))), &path, general))
    })
}

/// An option as a sub-command shows it.
fn of(path: &str, option: &Arg) -> Arg {
    let row = ROWS.iter().find(|(name, _)| *name == path);
    match row.and_then(|(_, options)| options.iter().find(|(name, _)| option.get_id() == *name)) {
        Some((_, help)) => option.clone().help(*help),
        None => option.clone().hide(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command_line;

    fn paths(command: &Command, path: &str) -> Vec<String> {
        let below = command.get_subcommands().flat_map(|below| {
            let path = format!("{path} {}", below.get_name()).trim_start().to_owned();
            std::iter::once(path.clone()).chain(paths(below, &path)).collect::<Vec<_>>()
        });
        below.collect()
    }

    #[test]
    fn every_sub_command_has_its_row_and_shows_what_stands_there() {
        let mut listed: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        let mut found = paths(&command_line(), "");
        listed.sort_unstable();
        found.sort_unstable();
        assert_eq!(listed, found);
        for (path, options) in ROWS {
            let words = std::iter::once("dockgate").chain(path.split(' ')).chain(["--help"]);
            let help = command_line().try_get_matches_from(words).expect_err("help").to_string();
            for option in ["config", "profile", "key"] {
                let shown = options.iter().find(|(name, _)| *name == option);
                assert_eq!(help.contains(&format!("--{option} <")), shown.is_some(), "{path}: {help}");
                assert!(shown.is_none_or(|(_, text)| help.contains(text)), "{path}: {help}");
            }
        }
    }
}
