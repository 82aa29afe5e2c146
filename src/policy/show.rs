//! Show: the policy in force, written as a policy file would say it, with who set each value. Pure.

use super::Policy;
use super::rules::limits::{size, thousandths};
use super::settings::{OBJECTS, Only, Origin, Pattern, Set, Settings};
use super::values::{Period, SinkName};
use std::fmt::{Display, Write};
use std::path::Path;

/// The lines of `dockgate policy show`.
pub fn text(policy: &Policy) -> String {
    // A knob that is not shown does not compile.
    let Policy { program, host, config, settings, audit, given, writable: _, key: _, offline: _, digest: _ } = policy;
    let mut lines = Lines(String::new());
    lines.add("mode", &quoted(settings.mode.value.name()), &settings.mode.origin);
    let origin = |key: &str| if given.contains(key) { Origin::File } else { Origin::BuiltIn };
    let mut whole = |key: &str, value: &str| lines.add(key, value, &origin(key));
    if let Some(program) = program {
        whole("docker.program", &path(program));
    }
    whole("docker.host", &quoted(host));
    whole("docker.config", &path(config));
    let sinks = |sinks: &[SinkName]| list(sinks.iter().map(|sink| sink.name()));
    whole("audit.socket", &path(&audit.socket));
    whole("audit.facility", &quoted(audit.facility.name()));
    whole("audit.format", &quoted(audit.format.name()));
    whole("audit.sinks", &sinks(&audit.sinks));
    whole("audit.also", &sinks(&audit.also));
    whole("audit.journal", &path(&audit.journal));
    lines.settings(settings);
    lines.0
}

struct Lines(String);

impl Lines {
    fn add(&mut self, key: &str, value: &str, origin: &dyn Display) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "{key} = {value}  # {origin}");
    }

    fn listed(&mut self, key: &str, set: &Set<Vec<String>>) {
        self.add(key, &list(set.value.iter().map(String::as_str)), &set.origin);
    }

    fn names(&mut self, key: &str, names: &[Pattern], origin: &Origin) {
        self.add(key, &list(names.iter().map(Pattern::as_str)), origin);
    }

    fn number(&mut self, key: &str, set: &Set<Option<u64>>, shown: fn(u64) -> String) {
        if let Some(number) = set.value {
            self.add(key, &shown(number), &set.origin);
        }
    }

    fn settings(&mut self, settings: &Settings) {
        let Settings {
            mode: _,
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
            duration,
            idle,
        } = settings;
        self.listed("commands.blocked", blocked);
        if let Some(names) = &allowed.value {
            self.add("commands.allowed", &list(names.iter().map(String::as_str)), &allowed.origin);
        }
        let mounts: Vec<String> = bind_mounts.value.iter().map(ToString::to_string).collect();
        self.add("host.bind_mounts", &list(mounts.iter().map(String::as_str)), &bind_mounts.origin);
        self.listed("host.devices", devices);
        self.listed("host.capabilities", capabilities);
        self.listed("host.namespaces", namespaces);
        self.add("host.privileged", &privileged.value.to_string(), &privileged.origin);
        self.listed("host.runtimes", runtimes);
        for (object, set) in OBJECTS.iter().filter_map(|object| Some((object, protected.get(object)?))) {
            self.names(&format!("{}s.protected", object.name()), &set.value, &set.origin);
            let Some(set) = only.get(object) else { continue };
            let key = format!("{}s.only", object.name());
            match &set.value {
                None => {}
                Some(Only::Own) => self.add(&key, &quoted("own"), &set.origin),
                Some(Only::Names(names)) => self.names(&key, names, &set.origin),
            }
        }
        self.number("limits.memory", memory, |bytes| quoted(&size(bytes)));
        self.number("limits.cpus", cpus, thousandths);
        self.number("limits.pids", pids, |number| number.to_string());
        self.number("limits.containers", containers_at_once, |number| number.to_string());
        self.number("limits.sessions", sessions, |number| number.to_string());
        self.number("limits.duration", duration, |seconds| quoted(&Period::shown(seconds)));
        self.number("limits.idle", idle, |seconds| quoted(&Period::shown(seconds)));
        if let Some(ranges) = &ports.value {
            let ranges: Vec<String> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
            self.add("limits.ports", &list(ranges.iter().map(String::as_str)), &ports.origin);
        }
        if let Some(names) = &images.value {
            self.names("limits.images", names, &images.origin);
        }
    }
}

/// A string as TOML has it.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", items.map(quoted).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_text_is_a_policy_file() {
        let policy = Policy::default();
        let again = Policy::from_toml(&text(&policy)).expect("a policy file");
        assert_eq!(
            text(&again).replace("the policy file", "built in"),
            text(&policy).replace("the policy file", "built in")
        );
    }

    #[test]
    fn each_value_says_who_set_it() {
        let policy =
            Policy::from_toml("[docker]\nhost = 'unix:///x'\n[audit]\nalso = ['journal']\n").expect("a policy");
        let text = text(&policy);
        for (line, set) in [
            ("docker.host = \"unix:///x\"", true),
            ("docker.config = \"/etc/dockgate/docker\"", false),
            ("audit.socket = \"/dev/log\"", false),
            ("audit.also = [\"journal\"]", true),
            ("audit.sinks = [\"syslog\"]", false),
        ] {
            let by = if set { "the policy file" } else { "built in" };
            assert!(text.contains(&format!("{line}  # {by}\n")), "{line}: {text}");
        }
    }
}
