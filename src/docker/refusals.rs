//! What is refused because docker's own parsers would read it in another way, or not at all. Pure.

use super::options::Given;
use super::row::{Command, Operands};
use super::{catalogue, join};
use crate::denial::{Denial, Reason};

/// `panic` to `trace`: what docker's `--log-level` takes.
const LOG_LEVELS: &[&str] = &["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"];

pub(super) fn log_level(given: &[Given]) -> Result<(), Denial> {
    match given.iter().find(|given| given.option.long == "log-level").and_then(Given::value) {
        Some(level) if !LOG_LEVELS.contains(&level.to_ascii_lowercase().as_str()) => Err(Denial::new(
            Reason::BadUsage,
            format!("docker --log-level {level}"),
            "not a log level that docker takes",
            "one of debug, info, warn, error, fatal; the command comes after it",
        )),
        _ => Ok(()),
    }
}

/// At the level of a group docker's scan for sub-commands lets `--` swallow the next word.
pub(super) fn refuse_double_dash(words: &[String], operands: &[String], about: &str) -> Result<(), Denial> {
    let options = words.len().saturating_sub(operands.len());
    match words.iter().take(options).any(|word| word == "--") {
        true => Err(group_option(about, "--")),
        false => Ok(()),
    }
}

/// `compose --ansi --ansi ps exec …`: a value that looks like an option is read differently by cobra's scan.
pub(super) fn refuse_dashed_values(given: &[Given], about: &str) -> Result<(), Denial> {
    match given.iter().find(|given| given.value().is_some_and(|value| value.starts_with('-') && value != "-")) {
        Some(given) => Err(Denial::new(
            Reason::BadUsage,
            format!("docker {about} {}", given.word()),
            "docker's own parsers disagree about a value that starts with '-'",
            "use a value that does not look like an option",
        )),
        None => Ok(()),
    }
}

/// Docker's client puts names into the API's paths and cleans those (`path.Join`), so `rm ../plugins/x`
/// would be the removal of a plugin.
pub(super) fn refuse_paths_as_names(command: &Command, operands: &[String]) -> Result<(), Denial> {
    let names = match command.operands {
        Operands::Rename | Operands::NetworkAndContainer | Operands::ContainerAndImage => operands,
        Operands::Plain | Operands::Objects(..) | Operands::Object(..) if command.flags_anywhere => operands,
        Operands::Plain
        | Operands::Objects(..)
        | Operands::Object(..)
        | Operands::ImageAndCommand
        | Operands::NameAndFile => operands.get(..1).unwrap_or_default(),
        Operands::BuildContext | Operands::File | Operands::FileAndImage | Operands::Copy | Operands::Services => &[],
    };
    match names.iter().find(|name| climbs(name) || name.is_empty()) {
        Some(name) => Err(Denial::new(
            Reason::BadUsage,
            format!("docker {} {name}", command.name),
            "docker would put the name into an API path, and there it leads to something else",
            "give the plain name or id, as docker ps, images, network ls and volume ls show it",
        )),
        None => Ok(()),
    }
}

/// Whether a name has a part that a path would be cleaned of, or nothing but slashes.
pub fn climbs(name: &str) -> bool {
    let nothing = name.contains('/') && name.split('/').all(str::is_empty);
    nothing || name.split('/').any(|part| matches!(part, "." | ".."))
}

pub(super) fn group_option(prefix: &str, word: &str) -> Denial {
    let about = if prefix.is_empty() || prefix == "docker" { "docker".to_owned() } else { format!("docker {prefix}") };
    Denial::new(
        Reason::BadUsage,
        format!("{about} {word}"),
        "options before the sub-command would be read differently by docker's own parsers",
        format!("put the options behind the sub-command: {about} COMMAND OPTIONS"),
    )
}

pub(super) fn unknown_command(prefix: &str, word: &str) -> Denial {
    let about = join("docker", prefix);
    let meant = match crate::nearest::nearest(word, catalogue::words_after(prefix)) {
        Some(name) => format!("did you mean {about} {name}? "),
        None => String::new(),
    };
    Denial::new(
        Reason::UnknownCommand,
        format!("{about} {}", shell_words::quote(word)),
        "not a docker command that this gate knows",
        format!("{meant}`help` lists what may be run here; plugins other than compose and buildx cannot be"),
    )
}
