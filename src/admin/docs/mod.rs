//! Docs: the reference of commands, derived from the catalogue, the block-list and the rules. Pure.
//!
//! `cargo xtask docs` writes it to docs/commands.md, and a test holds that file to it.

use crate::demand::Demand;
use crate::docker::row::{Ask, Command, Operands, Opt};
use crate::docker::{Invocation, asks, catalogue};
use crate::facts::Facts;
use crate::policy::Policy;
use crate::policy::operations::{self, Blocked};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

pub mod api;

const HEAD: &str = "# Commands

Every command that the gate knows, what the built-in policy says of it, and which of its options ask for more
than the command itself. What is not here is unknown, and unknown is refused.

This file is written by `cargo xtask docs` from the rows in `src/docker/catalogue`.
";

const BLOCKED: &str = "
## Blocked by default

Each name stands for all of its spellings, and for every option with the same effect.

| command | risk | it | instead |
| --- | --- | --- | --- |
";

const ROOTS: &str = "
## Options before the command

| behind | options | asked for |
| --- | --- | --- |
";

const ASKED: &str = "
## What is asked for

| asked for | refused as | what is taken |
| --- | --- | --- |
";

/// The whole document.
pub fn commands() -> String {
    let mut text = HEAD.to_owned();
    text.push_str(BLOCKED);
    for Blocked { name, risk, why, hint } in operations::DEFAULT {
        row(&mut text, &[&code(name), risk, why, hint]);
    }
    for (title, commands) in catalogue::AREAS {
        let _ = write!(text, "\n## {title}\n\n| command | other spellings | by default | asked for |\n");
        text.push_str("| --- | --- | --- | --- |\n");
        for command in *commands {
            let also: Vec<String> = command.also.iter().map(|also| code(also)).collect();
            let asked = grouped(command.asks, command.all_options(), operand(command.operands));
            row(&mut text, &[&code(command.name), &also.join(", "), &by_default(command), &asked]);
        }
    }
    text.push_str(ROOTS);
    for group in ["docker", "compose", "buildx"] {
        let options = catalogue::root_options(group).unwrap_or(catalogue::GLOBAL);
        let all: Vec<String> = options.iter().map(spelled).collect();
        row(&mut text, &[&code(group), &all.join(", "), &grouped(&[], options.iter(), &[])]);
    }
    text.push_str(ASKED);
    for (what, asks) in every_ask() {
        let reasons: BTreeSet<String> = asks.iter().flat_map(|ask| refused_as(*ask)).collect();
        let taken: BTreeSet<String> =
            asks.iter().filter_map(|ask| about(*ask)).map(|about| about.taken.to_owned()).collect();
        let cell = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(", ");
        row(&mut text, &[&what, &cell(reasons), &cell(taken)]);
    }
    text
}

/// What the built-in policy says of a command without options and operands.
fn by_default(command: &Command) -> String {
    let words: Vec<String> = command.name.split(' ').map(str::to_owned).collect();
    let facts = Facts::default();
    let verdict = Invocation::from_args(&words)
        .and_then(|invocation| Policy::default().judge((), &invocation.demands(), &facts).map(|_| ()));
    match verdict {
        Ok(()) => "allowed".to_owned(),
        Err(denial) => match denial.risk {
            Some(risk) => format!("blocked: {risk}"),
            None => format!("refused: {}", denial.reason.code()),
        },
    }
}

/// What a command asks for, and by which options: `bind mount: -v, --mount`.
fn grouped<'o>(asks: &[Ask], options: impl Iterator<Item = &'o Opt>, operands: &[Ask]) -> String {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let of_options = options.map(|option| (option.asks, spelled(option)));
    let of_operands = operands.iter().map(|ask| (*ask, "operands".to_owned()));
    for (ask, by) in asks.iter().map(|ask| (*ask, "always".to_owned())).chain(of_operands).chain(of_options) {
        if let Some(what) = what(ask) {
            groups.entry(what).or_default().push(by);
        }
    }
    groups.iter().map(|(what, by)| format!("{what}: {}", by.join(", "))).collect::<Vec<_>>().join("<br>")
}

/// Operands that are paths of the client's own.
fn operand(operands: Operands) -> &'static [Ask] {
    match operands {
        Operands::BuildContext | Operands::NameAndDirectory => &[Ask::ReadsTree],
        Operands::File | Operands::FileAndImage | Operands::NameAndFile => &[Ask::Reads],
        Operands::Copy => &[Ask::ReadsTree, Ask::Writes],
        Operands::Plain
        | Operands::Objects(..)
        | Operands::Object(..)
        | Operands::Made(_)
        | Operands::Rename
        | Operands::ContainerAndImage
        | Operands::ImageAndName
        | Operands::NetworkAndContainer
        | Operands::ImageAndCommand
        | Operands::Services => &[],
    }
}

/// Every ask of the catalogue, by what is asked for; the effects of other commands are one of them.
fn every_ask() -> BTreeMap<String, Vec<Ask>> {
    let roots = ["compose", "buildx"].iter().filter_map(|group| catalogue::root_options(group)).flatten();
    let options = catalogue::commands().flat_map(Command::all_options).chain(catalogue::GLOBAL).chain(roots);
    let of_commands = catalogue::commands().flat_map(|command| command.asks.iter().copied());
    let mut every: BTreeMap<String, Vec<Ask>> = BTreeMap::new();
    for ask in options.map(|option| option.asks).chain(of_commands) {
        let what = match ask {
            Ask::Operation(_) => Some("another command".to_owned()),
            ask => what(ask),
        };
        if let Some(what) = what {
            every.entry(what).or_default().push(ask);
        }
    }
    every
}

/// The codes of what the built-in policy refuses of an ask.
fn refused_as(ask: Ask) -> Vec<String> {
    let worst = about(ask).map_or("", |about| about.worst);
    let refuse = |want| Policy::default().judge((), &[Demand::new(want, "")], &Facts::default()).err();
    let denials = asks::wants(ask, "", worst).into_iter().filter_map(refuse);
    match ask {
        Ask::Project(_) | Ask::ProjectFile | Ask::ProjectDirectory => vec!["whatever it asks for".to_owned()],
        _ => denials.map(|denial| code(denial.reason.code())).collect(),
    }
}

fn what(ask: Ask) -> Option<String> {
    match ask {
        Ask::Operation(name) => Some(code(name)),
        ask => about(ask).map(|about| about.what.to_owned()),
    }
}

/// The words about an ask.
struct About {
    what: &'static str,
    /// A value that asks for as much as can be.
    worst: &'static str,
    taken: &'static str,
}

const NEVER: &str = "nothing";
const FILE: &str = "what is below the working directory and in no dot-directory of the home; standard input";

const LABELS: &str = "all but `com.docker.compose.*` and `dockgate.*`";

fn about(ask: Ask) -> Option<About> {
    let about = |what, worst, taken| Some(About { what, worst, taken });
    match ask {
        // What these ask for only a policy of the administrator's refuses.
        Ask::Nothing
        | Ask::Assignment
        | Ask::Password
        | Ask::CommandLine
        | Ask::Link
        | Ask::VolumeName
        | Ask::Tag
        | Ask::Prunes(_)
        | Ask::PrunesNameless
        | Ask::AnyName
        | Ask::Makes
        | Ask::Starts
        | Ask::Limits => None,
        Ask::Operation(_) => about("", "", "what the lists of commands permit"),
        Ask::Volume => about("bind mount", "/:/host", "plain named volumes; paths in `host.bind_mounts`"),
        Ask::Mount => {
            about("bind mount", "type=bind,src=/,dst=/host", "plain named volumes; paths in `host.bind_mounts`")
        }
        Ask::VolumeDriver => about("volume options", "other", "the driver `local` without options"),
        Ask::VolumeOption => about("volume options", "device=/", "those of a volume in memory (`type=tmpfs`)"),
        Ask::Throttle => about("throttle", "/etc/x:1mb", "block devices below `/dev`, by name"),
        Ask::VolumesFrom => about("volumes of another container", "web", NEVER),
        Ask::Privileged => about("privileges", "", "with `host.privileged`"),
        Ask::Capability => about("capability", "ALL", "those in `host.capabilities`"),
        Ask::Device | Ask::Gpus => about("device", "/dev/sda", "those in `host.devices`"),
        Ask::SecurityOption => about("security option", "seccomp=unconfined", "`no-new-privileges`"),
        Ask::Namespace(_) | Ask::Network => {
            about("namespace", "host", "the container's own; networks by name; the host's in `host.namespaces`")
        }
        Ask::CgroupParent => about("control group", "/", NEVER),
        Ask::Runtime => about("runtime", "other", "`runc`, where it is the daemon's default; those in `host.runtimes`"),
        Ask::LogDriver | Ask::LogOption => {
            about("log driver", "syslog", "`json-file`, `local` and `none`, with options that name no address")
        }
        Ask::Sysctl => about(
            "kernel parameter",
            "vm.swappiness=0",
            "`net.*`, `kernel.msg*`, `kernel.sem`, `kernel.shm*`, `fs.mqueue.*`",
        ),
        Ask::NetworkDriver | Ask::NetworkOption => {
            about("network driver", "macvlan", "`bridge`, with options that leave the host's interfaces alone")
        }
        Ask::CheckpointDirectory => about("host setting", "/etc", NEVER),
        Ask::Control(_) => about("control of the daemon", "", NEVER),
        Ask::Label => about("label", "com.docker.compose.project=x", LABELS),
        Ask::LabelFile => about("file of labels", "/etc/shadow", FILE),
        Ask::Change => about("label", "LABEL dockgate.key=x", LABELS),
        Ask::NetworkScope => about("network scope", "swarm", "`local`"),
        Ask::HostSetting(_) => about("host setting", "", NEVER),
        Ask::OomScore => about("memory priority", "-1000", "0 and more"),
        Ask::Reads | Ask::ReadsBeside | Ask::ReadsTree => about("file", "/etc/shadow", FILE),
        Ask::Writes => about("file to write", "", NEVER),
        Ask::BuildOutput => {
            about("build output", "type=local,dest=/", "`type=docker`, `image` and `cacheonly` without push")
        }
        Ask::CacheTo => {
            about("build cache to write", "type=local,dest=/", "`type=inline`; a registry where `push` is permitted")
        }
        Ask::CacheFrom => about("file", "type=local,src=/etc", "registries"),
        Ask::NamedContext => about("file", "etc=/etc", FILE),
        Ask::BuildSecret => about("file", "id=x,src=/etc/shadow", FILE),
        Ask::Entitlement => about("build entitlement", "security.insecure", NEVER),
        Ask::Program(_) => about("program", "", NEVER),
        Ask::Credentials => about("credentials", "", "where the account can write `docker.config`"),
        Ask::ObjectType => about("kind of object", "secret", "kinds whose own `inspect` is permitted"),
        Ask::Endpoint | Ask::Builder => about("daemon", "other", "the policy's own: `docker.host`, `default`"),
        Ask::Configuration => about("configuration", "", NEVER),
        Ask::ProjectFile | Ask::ProjectDirectory | Ask::Project(_) => {
            about("project", "", "files as above; what is in it is judged like options")
        }
    }
}

/// `-v`, `--volume` in one.
fn spelled(option: &Opt) -> String {
    match option.short {
        Some(short) => format!("`-{short}`/`--{}`", option.long),
        None => format!("`--{}`", option.long),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn row(text: &mut String, cells: &[&str]) {
    for cell in cells {
        let _ = write!(text, "| {} ", cell.replace('|', "\\|"));
    }
    text.push_str("|\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_every_ask_is_refused() {
        for (what, asks) in every_ask() {
            for ask in asks.into_iter().filter(|ask| !matches!(ask, Ask::Operation(_))) {
                assert!(!refused_as(ask).is_empty(), "{what}: {ask:?}");
            }
        }
    }
}
