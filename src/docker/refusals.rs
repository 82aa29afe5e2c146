//! Command lines that are refused because docker's own parsers would read them in another way, or not at all. Pure.
//! (What is no docker command line in the first place is named in [`super::not_docker`]; what a refusal is made of
//! stands in [`crate::denial`].)

use super::catalogue;
use super::options::Given;
use super::row::{Command, Operands};
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

/// Compose folds the letters of a project's name, and takes an empty one for none.
pub(super) fn refuse_other_project_names(given: &[Given]) -> Result<(), Denial> {
    let usual = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    let names = given.iter().filter(|given| given.option.long == "project-name").filter_map(Given::value);
    match names.into_iter().find(|name| !usual(name)) {
        Some(name) => Err(Denial::new(
            Reason::BadUsage,
            format!("docker compose -p {name}"),
            "Compose would make another project's name of it",
            "use lower-case letters, digits, - and _, as docker compose ls shows it",
        )),
        None => Ok(()),
    }
}

/// Docker's client puts names into the API's paths and cleans those (`path.Join`), so `rm ../plugins/x`
/// would be the removal of a plugin.
pub(super) fn refuse_paths_as_names(command: &Command, operands: &[String]) -> Result<(), Denial> {
    let names = match command.operands {
        Operands::Rename | Operands::NetworkAndContainer | Operands::ContainerAndImage | Operands::ImageAndName => {
            operands
        }
        Operands::Plain | Operands::Objects(..) | Operands::Object(..) | Operands::Made(_)
            if command.flags_anywhere =>
        {
            operands
        }
        Operands::Plain
        | Operands::Objects(..)
        | Operands::Object(..)
        | Operands::Made(_)
        | Operands::ImageAndCommand
        | Operands::NameAndFile
        | Operands::NameAndDirectory => operands.get(..1).unwrap_or_default(),
        Operands::BuildContext | Operands::File | Operands::FileAndImage | Operands::Copy | Operands::Services => &[],
    };
    let names_objects =
        !matches!(command.operands, Operands::Plain | Operands::NameAndFile | Operands::NameAndDirectory);
    let odd = |name: &&String| climbs(name) || name.is_empty() || (names_objects && is_trimmed(name));
    match names.iter().find(odd) {
        Some(name) => Err(Denial::new(
            Reason::BadUsage,
            format!("docker {} {name}", command.name),
            "docker would not take the name as it stands: it trims blanks and slashes, and reads . and .. as a path",
            "give the plain name or id, as docker ps, images, network ls and volume ls show it",
        )),
        None => Ok(()),
    }
}

/// Whether docker's client would take something of a name away: blanks around it, or slashes without a part.
fn is_trimmed(name: &str) -> bool {
    let parts = name.strip_prefix('/').unwrap_or(name);
    name.contains(char::is_whitespace) || parts.split('/').any(str::is_empty)
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
    let about = catalogue::join("docker", prefix);
    let meant = match crate::docker::nearest::nearest(word, catalogue::words_after(prefix)) {
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
