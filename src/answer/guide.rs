//! Guide: the text of `help` and of an interactive login: what this gate is, and what may be done here. Pure.

use crate::demand::Object;
use crate::docker::catalogue;
use crate::docker::row::{Ask, Command};
use crate::policy::rules::limits::{size, thousandths};
use crate::policy::settings::{OBJECTS, Origin, Pattern, Settings};
use crate::policy::{Policy, operations};
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
    text.push_str(
        "A container gets nothing of the host: no bind mounts, devices, privileges or host\n\
         namespaces unless the administrator has granted them. Files cannot be copied here;\n\
         a build context or a Compose file can be sent on standard input.\n\n\
         For example:\n  \
         ssh HOST docker ps --all\n  \
         ssh HOST docker logs --tail 50 NAME\n  \
         ssh HOST docker compose -f - up -d < compose.yaml\n\n\
         Ask before you act:\n  \
         ssh HOST \"dockgate check 'docker run -v /srv:/srv IMAGE'\"\n  \
         ssh HOST dockgate policy show\n",
    );
    text
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
    let listed = |list: &[String]| list.iter().any(|entry| operations::covers(entry, command.name));
    // What some commands always do, no list has to block; and credentials are the administrator's.
    let refused = |ask: &Ask| {
        matches!(ask, Ask::HostSetting(_) | Ask::Program(_) | Ask::Configuration | Ask::Writes | Ask::Credentials)
    };
    !listed(&policy.settings.blocked.value)
        && policy.settings.allowed.value.as_deref().is_none_or(listed)
        && !command.asks.iter().any(refused)
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

/// The effective policy, as a policy file would say it, with who set each value.
pub fn policy_text(policy: &Policy) -> String {
    let list =
        |items: &[String]| format!("[{}]", items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", "));
    let path = |path: &std::path::Path| format!("{:?}", path.display().to_string());
    let Policy { program, host, config, settings, audit, offline: _ } = policy;
    let Settings {
        mode,
        blocked,
        allowed,
        bind_mounts,
        devices,
        capabilities,
        namespaces,
        privileged,
        runtimes,
        protected,
        only,
        memory,
        cpus,
        pids,
        ports,
        images,
        containers_at_once,
        sessions,
    } = settings;
    let names = |patterns: &[Pattern]| list(&patterns.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>());
    let mounts: Vec<String> = bind_mounts.value.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    let mut line = |key: &str, value: &str, origin: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{key} = {value}  # {origin}");
    };
    line("mode", &format!("{:?}", mode.value.name()), &mode.origin);
    if let Some(program) = program {
        line("docker.program", &path(program), &Origin::File);
    }
    line("docker.host", &format!("{host:?}"), &"the policy file, or built in");
    line("docker.config", &path(config), &"the policy file, or built in");
    line("audit.socket", &path(&audit.socket), &"the policy file, or built in");
    line("audit.facility", &format!("{:?}", audit.facility.name()), &"the policy file, or built in");
    line("commands.blocked", &list(&blocked.value), &blocked.origin);
    if let Some(names) = &allowed.value {
        line("commands.allowed", &list(names), &allowed.origin);
    }
    line("host.bind_mounts", &list(&mounts), &bind_mounts.origin);
    line("host.devices", &list(&devices.value), &devices.origin);
    line("host.capabilities", &list(&capabilities.value), &capabilities.origin);
    line("host.namespaces", &list(&namespaces.value), &namespaces.origin);
    line("host.privileged", &privileged.value.to_string(), &privileged.origin);
    line("host.runtimes", &list(&runtimes.value), &runtimes.origin);
    for (object, set) in OBJECTS.iter().filter_map(|object| Some((object, protected.get(object)?))) {
        line(&format!("{}s.protected", object.name()), &names(&set.value), &set.origin);
        if let (Object::Container, Some(only_names)) = (object, &only.value) {
            line("containers.only", &names(only_names), &only.origin);
        }
    }
    for (key, set, shown) in [
        ("limits.memory", memory, (|bytes| format!("\"{}\"", size(bytes))) as fn(u64) -> String),
        ("limits.cpus", cpus, thousandths),
        ("limits.pids", pids, |number| number.to_string()),
        ("limits.containers", containers_at_once, |number| number.to_string()),
        ("limits.sessions", sessions, |number| number.to_string()),
    ] {
        if let Some(number) = set.value {
            line(key, &shown(number), &set.origin);
        }
    }
    if let Some(ranges) = &ports.value {
        let ranges: Vec<String> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        line("limits.ports", &list(&ranges), &ports.origin);
    }
    if let Some(granted) = &images.value {
        line("limits.images", &names(granted), &images.origin);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_text_is_a_policy_file() {
        let policy = Policy::default();
        let again = Policy::from_toml(&policy_text(&policy)).expect("a policy file");
        assert_eq!(
            policy_text(&again).replace("the policy file", "built in"),
            policy_text(&policy).replace("the policy file", "built in")
        );
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
