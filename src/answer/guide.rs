//! Guide: the text of `help` and of an interactive login: what this gate is, and what may be done here. Pure.

use crate::demand::Object;
use crate::docker::catalogue;
use crate::docker::row::{Ask, Command};
use crate::policy::rules::limits::{size, thousandths, whose};
use crate::policy::settings::{OBJECTS, Only, Pattern, Settings};
use crate::policy::values::{Mode, Period};
use crate::policy::{Policy, advice};
use crate::request::Request;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The answer to `help` and to a login without a command.
pub fn guide(policy: &Policy, request: &Request) -> String {
    let mut text = String::new();
    let key = request.key.as_deref().map_or_else(String::new, |key| format!(" with the key {key}"));
    let _ = write!(
        text,
        "You are {}{key}. This account has no shell: each request is one docker command,\njudged by policy and recorded.\n\n",
        request.user
    );
    text.push_str("You may run:\n");
    for (group, names) in permitted(policy) {
        wrap(&mut text, format!("  docker {group}").trim_end(), &names.join(", "));
    }
    text.push_str("Blocked, in every spelling:\n");
    let (verbs, parts): (Vec<&str>, Vec<&str>) =
        policy.settings.blocked.value.iter().map(String::as_str).partition(|name| !name.contains(' '));
    wrap(&mut text, "  docker", &verbs.join(", "));
    if !parts.is_empty() {
        let _ = writeln!(text, "  and {} sub-commands, which `dockgate policy show` lists", parts.len());
    }
    text.push('\n');
    for rule in rules(&policy.settings) {
        wrap(&mut text, "-", &rule);
    }
    text.push_str("\nHow to:\n");
    for (what, command, operation) in RECIPES {
        if advice::permits(&policy.settings, operation) {
            let command = advice::fitting(&policy.settings, command);
            let _ = writeln!(text, "  {what}:\n    {command}");
        }
    }
    text.push_str(
        "  ask before you act:\n    ssh HOST \"dockgate check 'docker run -v /srv:/srv IMAGE'\"   (--json for programs)\n    \
         ssh HOST dockgate policy show\n",
    );
    text
}

/// What an agent wants to do, the command for it, and the operation that has to be permitted.
const RECIPES: &[(&str, &str, &str)] = &[
    ("see what runs", "ssh HOST docker ps --all", "ps"),
    ("read a log", "ssh HOST docker logs --tail 50 NAME", "logs"),
    ("filter what docker prints", "ssh HOST docker ps | grep NAME", "ps"),
    ("start a container", "ssh HOST docker run -d --name NAME IMAGE", "run"),
    (
        "start a Compose project, its file sent along",
        "ssh HOST docker compose -p NAME -f - up -d < compose.yaml",
        "compose up",
    ),
    ("build an image, its context sent along", "tar c . | ssh HOST docker build -t NAME -", "build"),
    (
        "give a container a file",
        "a Compose file with `configs: {NAME: {content: TEXT}}`, or an image that has it",
        "compose up",
    ),
    ("give a container variables", "docker run -e NAME=VALUE, or `environment:` in a Compose file", "run"),
];

/// What holds beyond the lists of commands, a sentence each.
fn rules(settings: &Settings) -> Vec<String> {
    let names = |patterns: &[Pattern]| patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(", ");
    let mut rules = vec![granted(settings)];
    rules.push("No files can be copied here or from here; no terminal is needed (leave ssh -t out).".to_owned());
    for object in OBJECTS {
        let kind = object.name();
        let but = if *object == Object::Network { PREDEFINED_TOO } else { "" };
        rules.extend(settings.only(*object).map(|only| match only {
            Only::Own => format!("The only {kind}s for this key are those that it has made{but}."),
            Only::Names(only) if only.is_empty() => format!("There are no {kind}s for this key{but}."),
            Only::Names(only) => {
                format!(
                    "The only {kind}s for this key are those named {}{but}; new ones need such a name.",
                    names(only)
                )
            }
        }));
        let protected = settings.protected(*object);
        if !protected.is_empty() {
            rules.push(format!("Protected {}s, to be looked at only: {}.", object.name(), names(protected)));
        }
    }
    let limits: Vec<String> = [
        ("--memory", settings.memory.value.map(size)),
        ("--cpus", settings.cpus.value.map(thousandths)),
        ("--pids-limit", settings.pids.value.map(|count| count.to_string())),
    ]
    .into_iter()
    .filter_map(|(option, most)| Some(format!("{option} {}", most?)))
    .collect();
    if !limits.is_empty() {
        rules.push(format!("Each new container must ask for no more than: {}.", limits.join(" ")));
    }
    if let Some(images) = &settings.images.value {
        rules.push(match images.is_empty() {
            true => "No container can be made, of whatever image.".to_owned(),
            false => format!("Containers are made of these images only: {}.", names(images)),
        });
    }
    if let Some(ranges) = &settings.ports.value {
        let ranges: Vec<String> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        rules.push(match ranges.is_empty() {
            true => "No port of the host may be published.".to_owned(),
            false => format!("Ports of the host that may be published: {}.", ranges.join(", ")),
        });
    }
    for (set, what) in [(&settings.containers_at_once, "containers"), (&settings.sessions, "requests")] {
        if let Some(most) = set.value {
            rules.push(format!("No more than {most} {what} of this {} at once.", whose(set)));
        }
    }
    for (most, what) in [(settings.duration.value, "It"), (settings.idle.value, "Without output it")] {
        if let Some(seconds) = most {
            rules.push(format!("{what} may run for {}.", Period::shown(seconds)));
        }
    }
    if settings.mode.value == Mode::Observe {
        rules.push(
            "The lists and limits above are only observed at present: what they refuse runs and is recorded."
                .to_owned(),
        );
    }
    rules
}

/// No list takes these away: whoever names no network is in one of them.
const PREDEFINED_TOO: &str = ", besides docker's own bridge, where a container is that names none, and none";

/// What containers may be given of the host.
fn granted(settings: &Settings) -> String {
    let mounts: Vec<String> = settings.bind_mounts.value.iter().map(ToString::to_string).collect();
    let mut grants: Vec<String> = [
        ("bind mounts of", &mounts),
        ("devices", &settings.devices.value),
        ("capabilities", &settings.capabilities.value),
        ("host namespaces", &settings.namespaces.value),
        ("runtimes", &settings.runtimes.value),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .map(|(what, values)| format!("{what} {}", values.join(", ")))
    .collect();
    if settings.privileged.value {
        grants.push("--privileged".to_owned());
    }
    match grants.is_empty() {
        true => "A container gets nothing of the host: no bind mounts, devices, privileges or host namespaces. \
                 Named volumes keep data."
            .to_owned(),
        false => {
            format!("Of the host, a container may get {}; nothing else. Named volumes keep data.", grants.join("; "))
        }
    }
}

/// The commands that the policy permits, by their group; docker's own verbs first.
fn permitted(policy: &Policy) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for command in catalogue::commands().filter(|command| is_permitted(policy, command)) {
        let (group, name) = command.name.rsplit_once(' ').unwrap_or(("", command.name));
        groups.entry(group).or_default().push(name);
    }
    groups.values_mut().for_each(|names| names.sort_unstable());
    groups
}

fn is_permitted(policy: &Policy, command: &Command) -> bool {
    // What some commands always do, no list has to block; and credentials are the administrator's.
    let refused = |ask: &Ask| {
        matches!(ask, Ask::HostSetting(_) | Ask::Program(_) | Ask::Configuration | Ask::Writes | Ask::Credentials)
    };
    advice::permits(&policy.settings, command.name) && !command.asks.iter().any(refused)
}

/// `title words`, wrapped at 84 columns.
fn wrap(text: &mut String, title: &str, words: &str) {
    let mut column = title.len();
    text.push_str(title);
    for word in words.split(' ') {
        if column + word.len() + 1 > 84 {
            text.push_str("\n    ");
            column = 4;
        }
        text.push(' ');
        text.push_str(word);
        column += word.len() + 1;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::operations;

    #[test]
    fn the_guide_says_what_holds_for_this_key() {
        let policy = "profile = 'x'\n[profiles.x.containers]\nonly = ['agent-*']\n[profiles.x.limits]\nmemory = '1g'\n\
            [profiles.x.commands]\nallowed = ['ps', 'run']\n[profiles.x.host]\nbind_mounts = ['/srv/media:ro']\n";
        let text = guide(&Policy::from_toml(policy).expect("a policy"), &Request::default());
        for says in [
            "named agent-*;",
            "--memory 1g",
            "bind mounts of /srv/media:ro",
            "docker run --name agent-x --memory 1g -d IMAGE",
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
        assert!(!text.contains("docker logs") && !text.contains("up -d"), "{text}");
    }

    #[test]
    fn the_guide_says_that_nothing_is_granted_and_that_docker_s_own_networks_are_there() {
        let policy = "[networks]\nonly = ['net-a']\n[containers]\nonly = []\n[limits]\nports = []\nimages = []\n";
        let text = guide(&Policy::from_toml(policy).expect("a policy"), &Request::default());
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for says in [
            "those named net-a, besides docker's own bridge,",
            "There are no containers for this key.",
            "No port of the host may be published.",
            "No container can be made,",
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    #[test]
    fn recipes_are_of_commands_that_are_there() {
        for (_, command, operation) in RECIPES {
            assert!(operations::is_known(operation) && !command.is_empty(), "{operation}");
        }
    }

    #[test]
    fn the_guide_names_what_is_allowed_and_what_is_not() {
        let text = guide(&Policy::default(), &Request { user: "ai-worker".into(), ..Request::default() });
        let (may, blocked) = text.split_once("Blocked").expect("both lists");
        assert!(may.contains(" ps,") && !may.contains("exec,"));
        assert!(blocked.contains(" exec,"));
        assert!(text.lines().all(|line| line.len() <= 90), "{text}");
    }
}
