//! Suggest: the smallest profile that permits what was permitted, and what the policy grants that nobody used. Pure.

use super::about::{About, Understood, is_call};
use super::summary::is_own;
use crate::audit::read::line::Fields;
use crate::demand::{Amount, HostPorts, NewContainer, Object, Want};
use crate::guard::{Via, proxy};
use crate::policy::Policy;
use crate::policy::operations;
use crate::policy::rules::limits::{size, thousandths};
use crate::policy::settings::{Only, Pattern};
use crate::policy::values::{BindMount, Mode, Period, capability};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What permitted requests used.
#[derive(Debug, Default)]
pub struct Used {
    decisions: u64,
    /// Permitted requests that are not understood (any more).
    unknown: u64,
    /// Permitted calls of clients that speak the API.
    calls: u64,
    /// Compose projects that were made or built, whose files the log does not hold.
    projects: u64,
    /// The log has the calls of commands, and so what came of projects.
    has_calls: bool,
    operations: BTreeMap<String, u64>,
    /// Sources of bind mounts, and whether each use was read-only.
    binds: BTreeMap<String, bool>,
    /// Sources of read-only mounts of commands' calls, which can be secrets and configs of a project.
    files: BTreeSet<String>,
    devices: BTreeSet<String>,
    capabilities: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    runtimes: BTreeSet<String>,
    images: BTreeSet<String>,
    privileged: bool,
    containers: u64,
    memory: Most,
    cpus: Most,
    pids: Most,
    ports: BTreeSet<(u16, u16)>,
    /// Ports that docker chose.
    any_port: bool,
    /// Connections and commands that go on: what they looked at is said when they end.
    open: BTreeSet<String>,
    /// What was looked at by those.
    looked: u64,
    understood: Understood,
}

/// The most of an amount that was asked for, as long as everybody asked for some.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    most: u64,
    without: bool,
}

impl Most {
    fn add(&mut self, amount: &Amount) {
        match amount {
            Amount::Is(number) => self.most = self.most.max(*number),
            Amount::NotGiven | Amount::Unknown(_) => self.without = true,
        }
    }

    fn limit(self) -> Option<u64> {
        Some(self.most).filter(|most| !self.without && *most > 0)
    }
}

/// Whether something was asked for by a call, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calls {
    No,
    OfCommand,
    OfClient,
}

impl Used {
    /// Takes in a record, if it permits something.
    pub fn add(&mut self, fields: &Fields<'_>) {
        if matches!(fields.verdict(), "allow" | "observe") {
            self.open.insert(fields.id().to_owned());
        }
        if !matches!(fields.verdict(), "allow" | "observe") || is_own(fields.or_none("command")) {
            return;
        }
        if is_call(fields) {
            return self.call(fields);
        }
        // Of a connection to the proxy it is the calls that count.
        if fields.or_none("command") == proxy::COMMAND {
            return;
        }
        self.decisions += 1;
        match self.understood.of(fields) {
            Some(about) => {
                let makes = ["up", "create", "run", "build", "pull"].map(|verb| format!("compose {verb}"));
                self.projects += u64::from(makes.iter().any(|verb| verb == about.command));
                self.take(&about, Calls::No);
            }
            None => self.unknown += 1,
        }
    }

    /// Takes in the end of what was permitted. What was only looked at has no records of its own, and an end says of
    /// nobody whose it is.
    pub fn end(&mut self, fields: &Fields<'_>) {
        if fields.verdict() != "end" || !self.open.remove(fields.id()) {
            return;
        }
        for name in fields.get("looked").into_iter().flat_map(|looked| looked.split(',')) {
            self.looked += 1;
            *self.operations.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// Whether there was anything.
    pub fn is_empty(&self) -> bool {
        self.decisions + self.calls + self.looked == 0
    }

    /// A call of a command's docker is a part of that; any other is what the record says that it was judged as.
    fn call(&mut self, fields: &Fields<'_>) {
        let of_command = fields.or_none("via") == Via::Argv(String::new()).word();
        if of_command {
            self.has_calls = true;
        } else {
            self.calls += 1;
            if let Some(name) = fields.get("command").filter(|name| *name != "-") {
                *self.operations.entry(name.to_owned()).or_default() += 1;
            }
        }
        if let Some(about) = self.understood.of(fields) {
            self.take(&about, if of_command { Calls::OfCommand } else { Calls::OfClient });
        }
    }

    fn take(&mut self, about: &Rc<About>, calls: Calls) {
        for demand in &about.demands {
            match &demand.want {
                Want::Operation { instead: false, .. } if calls != Calls::No => {}
                Want::Operation { name, .. } => *self.operations.entry(name.clone()).or_default() += 1,
                Want::Bind { source, read_only: true } if calls == Calls::OfCommand => {
                    self.files.insert(source.clone());
                }
                Want::Bind { source, read_only } => {
                    let all = self.binds.entry(source.clone()).or_insert(true);
                    *all = *all && *read_only;
                }
                Want::Privileged => self.privileged = true,
                Want::Capability { name } => {
                    self.capabilities.insert(capability(name));
                }
                Want::Device { device } => {
                    self.devices.insert(device.split(':').next().unwrap_or(device).to_owned());
                }
                Want::Namespace { namespace, .. } => {
                    self.namespaces.insert(namespace.name().to_owned());
                }
                Want::Runtime { name } => {
                    self.runtimes.insert(name.clone());
                }
                Want::Image { name } => {
                    self.images.insert(name.clone());
                }
                Want::NewContainer(asked) => self.container(asked),
                _ => {}
            }
        }
    }

    fn container(&mut self, asked: &NewContainer) {
        self.containers += 1;
        self.memory.add(&asked.resources.memory);
        self.cpus.add(&asked.resources.cpus);
        self.pids.add(&asked.resources.pids);
        for ports in &asked.ports {
            match ports {
                HostPorts::Range(first, last) => {
                    self.ports.insert((*first, *last));
                }
                HostPorts::Any(_) => self.any_port = true,
            }
        }
    }

    /// The profile as the policy file has it, with what it cannot know said in comments.
    pub fn profile(&self, name: &str, policy: &Policy) -> String {
        let mut text = format!("# Permits what {} permitted requests used.\n", self.decisions);
        if self.unknown > 0 {
            let _ = writeln!(text, "# {} more were permitted and are not understood by this dockgate.", self.unknown);
        }
        if self.calls > 0 {
            let _ = writeln!(text, "# {} permitted calls of clients that speak the API are among it.", self.calls);
        }
        if self.looked > 0 {
            let _ = writeln!(text, "# {} looks of clients that speak the API are among it.", self.looked);
        }
        let _ = writeln!(text, "[profiles.{name}.commands]");
        let blocked = &policy.settings.blocked.value;
        let used = |entry: &String| self.operations.keys().any(|name| operations::covers(entry, name));
        if blocked.iter().any(used) {
            let kept: Vec<&String> = blocked.iter().filter(|entry| !used(entry)).collect();
            let _ = writeln!(text, "blocked = {}", list(kept));
        }
        let known: Vec<&String> = self.operations.keys().filter(|name| operations::is_known(name)).collect();
        let _ = writeln!(text, "allowed = {}", list(known));
        for (name, count) in &self.operations {
            let _ = writeln!(text, "#   {count:>7} x {name}");
        }
        self.host(&mut text, name, policy);
        self.limits(&mut text, name, policy);
        kept(&mut text, name, policy);
        text
    }

    fn host(&self, text: &mut String, name: &str, policy: &Policy) {
        // What no grant has was permitted as a file of the project's own.
        let granted = |source: &&String| {
            policy.settings.bind_mounts.value.iter().any(|grant| Path::new(source).starts_with(&grant.path))
        };
        let mut binds = self.binds.clone();
        for source in self.files.iter().filter(granted) {
            binds.entry(source.clone()).or_insert(true);
        }
        let (grants, relative): (Vec<_>, Vec<_>) = binds.iter().partition(|(source, _)| source.starts_with('/'));
        let grants = grants
            .into_iter()
            .map(|(source, read_only)| BindMount { path: PathBuf::from(source), read_only: *read_only }.to_string());
        let grants: Vec<String> = grants.collect();
        let _ = writeln!(text, "\n[profiles.{name}.host]\nbind_mounts = {}", list(&grants));
        for (source, _) in relative {
            let _ = writeln!(text, "# and {source:?}, relative to the account's home or a project's directory");
        }
        for (key, values) in [
            ("devices", &self.devices),
            ("capabilities", &self.capabilities),
            ("namespaces", &self.namespaces),
            ("runtimes", &self.runtimes),
        ] {
            let _ = writeln!(text, "{key} = {}", list(values));
        }
        let _ = writeln!(text, "privileged = {}", self.privileged);
    }

    /// Limits only where each container had one, and no Compose project made others.
    fn limits(&self, text: &mut String, name: &str, policy: &Policy) {
        let _ = writeln!(text, "\n[profiles.{name}.limits]");
        // How many at once, and for how long, the log does not say.
        let settings = &policy.settings;
        for (key, most) in [("containers", settings.containers_at_once.value), ("sessions", settings.sessions.value)] {
            let _ = most.map_or(Ok(()), |most| writeln!(text, "{key} = {most}"));
        }
        for (key, most) in [("duration", settings.duration.value), ("idle", settings.idle.value)] {
            let _ = most.map_or(Ok(()), |most| writeln!(text, "{key} = \"{}\"", Period::shown(most)));
        }
        let hidden = self.projects > 0 && !self.has_calls;
        if hidden {
            let _ = writeln!(
                text,
                "# Not limits yet: {} requests made or built Compose projects, whose files the log does not hold.",
                self.projects
            );
        }
        let off = if hidden { "# " } else { "" };
        let amounts = [
            ("memory", self.memory.limit().map(|bytes| format!("{:?}", size(bytes)))),
            ("cpus", self.cpus.limit().map(thousandths)),
            ("pids", self.pids.limit().map(|count| count.to_string())),
        ];
        for (key, limit) in amounts {
            if let Some(limit) = limit.filter(|_| self.containers > 0) {
                let _ = writeln!(text, "{off}{key} = {limit}");
            }
        }
        if self.any_port {
            let _ = writeln!(text, "# ports: docker chose some itself");
        } else if self.containers > 0 {
            let range =
                |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
            let _ = writeln!(text, "{off}ports = {}", list(self.ports.iter().map(range)));
        }
        // Names with which a pattern cannot begin are ids and the like.
        let usual = |name: &&String| name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/:@".contains(c));
        if !self.images.is_empty() {
            let _ = writeln!(text, "{off}images = {}", list(self.images.iter().filter(usual)));
        }
    }

    /// What the policy grants and nobody used, as comments.
    pub fn unused(&self, policy: &Policy) -> String {
        let settings = &policy.settings;
        let mut text = String::new();
        let mut say = |key: &str, entry: &str| {
            let _ = writeln!(text, "#   {key}: {entry}");
        };
        if let Some(allowed) = &settings.allowed.value {
            let used = |entry: &&String| !self.operations.keys().any(|name| operations::covers(entry, name));
            allowed.iter().filter(used).for_each(|entry| say("commands.allowed", entry));
        }
        for grant in &settings.bind_mounts.value {
            let mut used = self.binds.keys().chain(&self.files);
            if !used.any(|source| Path::new(source).starts_with(&grant.path)) {
                say("host.bind_mounts", &grant.to_string());
            }
        }
        for (key, granted, used) in [
            ("host.devices", &settings.devices.value, &self.devices),
            ("host.capabilities", &settings.capabilities.value, &self.capabilities),
            ("host.namespaces", &settings.namespaces.value, &self.namespaces),
            ("host.runtimes", &settings.runtimes.value, &self.runtimes),
        ] {
            granted.iter().filter(|entry| !used.contains(*entry)).for_each(|entry| say(key, entry));
        }
        if settings.privileged.value && !self.privileged {
            say("host.privileged", "true");
        }
        let images = settings.images.value.iter().flatten();
        let unused = |pattern: &&Pattern| !self.images.iter().any(|name| pattern.matches(name));
        images.filter(unused).for_each(|pattern| say("limits.images", pattern.as_str()));
        if settings.mode.value == Mode::Observe {
            say("mode", "observe: what the lists would refuse was permitted, and is in the profile above");
        }
        if text.is_empty() {
            return "# Everything that the policy lists was used.\n".to_owned();
        }
        format!("# The policy grants, and nobody used:\n{text}")
    }
}

/// What keeps the key to its own is no grant, and stays as it is.
fn kept(text: &mut String, name: &str, policy: &Policy) {
    for (table, object) in [
        ("containers", Object::Container),
        ("volumes", Object::Volume),
        ("networks", Object::Network),
        ("images", Object::Image),
    ] {
        let mut lines = String::new();
        let protected = policy.settings.protected(object);
        if !protected.is_empty() {
            let _ = writeln!(lines, "protected = {}", list(protected.iter().map(Pattern::as_str)));
        }
        match policy.settings.only(object) {
            None => {}
            Some(Only::Own) => lines.push_str("only = \"own\"\n"),
            Some(Only::Names(names)) => {
                let _ = writeln!(lines, "only = {}", list(names.iter().map(Pattern::as_str)));
            }
        }
        if !lines.is_empty() {
            let _ = write!(text, "\n[profiles.{name}.{table}]\n{lines}");
        }
    }
}

fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| toml_string(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// A basic string of TOML.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Invocation;
    use crate::facts::{Facts, Kind, Place};
    use crate::policy::set::PolicySet;
    use crate::request::words::Words;

    fn used(requests: &[&str]) -> Used {
        let mut used = Used::default();
        for request in requests {
            let mut escaped = String::new();
            crate::audit::escape::push(&mut escaped, request.as_bytes());
            let record = format!("verdict=allow command=x id=1-1 request=\"{escaped}\"");
            used.add(&Fields::of(&record).unwrap());
        }
        used
    }

    fn permits(policy: &Policy, request: &str) -> bool {
        let demands = Invocation::parse(&Words::split(request.as_bytes()).unwrap()).unwrap().demands();
        let mut facts = Facts::default();
        for demand in &demands {
            if let Want::Bind { source, .. } = &demand.want {
                let place = Place::At {
                    path: source.into(),
                    kind: Kind::Directory,
                    readable: true,
                    dot_directories: Vec::new(),
                };
                facts.places.insert(source.clone(), place);
            }
        }
        policy.judge((), &demands, &facts).is_ok()
    }

    const REQUESTS: &[&str] = &[
        "docker ps -a",
        "docker logs web",
        "docker run --memory 64m --cpus 1.5 --pids-limit 100 -p 8080:80 -v /srv/app:/app:ro --cap-add NET_ADMIN nginx:1",
        "docker run --memory 1g --cpus 1 --pids-limit 10 --network host nginx:1",
        "docker pull alpine",
    ];

    #[test]
    fn the_profile_permits_what_was_used_and_no_more() {
        let profile = used(REQUESTS).profile("suggested", &Policy::default());
        let policy = PolicySet::from_toml(&profile).expect(&profile).with_profile("suggested").unwrap();
        for request in REQUESTS {
            assert!(permits(&policy, request), "{request}\n{profile}");
        }
        for request in [
            "docker stop web",
            "docker run --memory 2g --cpus 1 --pids-limit 10 nginx:1",
            "docker run --memory 1g --cpus 1 --pids-limit 10 nginx:2",
            "docker run --memory 1g --cpus 1 --pids-limit 10 -p 8081:80 nginx:1",
            "docker run --memory 1g --cpus 1 --pids-limit 10 -v /srv/app:/app nginx:1",
            "docker run --memory 1g --cpus 1 --pids-limit 10 --cap-add SYS_ADMIN nginx:1",
        ] {
            assert!(!permits(&policy, request), "{request}\n{profile}");
        }
    }

    fn of_records(records: &[&str]) -> Used {
        let mut used = Used::default();
        for record in records {
            let fields = Fields::of(record).expect(record);
            used.end(&fields);
            used.add(&fields);
        }
        used
    }

    #[test]
    fn what_a_client_looked_at_is_found_by_its_end_and_what_keeps_it_apart_stays() {
        let open = "verdict=allow command=proxy key=dashboard id=1-1 request=\"\"";
        let used = of_records(&[open, "verdict=end id=1-1 looked=\"ps\"", "verdict=end id=1-2 looked=\"inspect\""]);
        assert!(!used.is_empty() && of_records(&["verdict=end id=1-2 looked=\"inspect\""]).is_empty());
        let text =
            "[containers]\nonly = 'own'\nprotected = ['vault']\n[images]\nonly = ['own-*']\n[limits]\ncontainers = 2\n";
        let profile = used.profile("p", &Policy::from_toml(text).unwrap());
        assert!(profile.contains("\nallowed = [\"ps\"]\n") && profile.contains("# 1 looks of clients"), "{profile}");
        let settings = PolicySet::from_toml(&profile).expect(&profile).with_profile("p").unwrap().settings;
        assert_eq!(settings.only(Object::Container), Some(&Only::Own));
        assert!(settings.only(Object::Image).is_some() && settings.containers_at_once.value == Some(2));
        assert_eq!(settings.protected(Object::Container).len(), 1);
    }

    #[test]
    fn calls_count_as_what_they_were_judged_as() {
        let create = r#"request="POST /containers/create?name=web {\"Image\":\"nginx\",\"HostConfig\":{\"Binds\":[\"/srv/app:/x:ro\",\"/home/ai/secret:/run/secrets/s:ro\"],\"Memory\":1048576}}""#;
        let far = of_records(&[
            "verdict=allow command=\"system dial-stdio\" id=1-1 request=\"docker system dial-stdio\"",
            &format!("verdict=allow command=create id=1-1 via=dial-stdio {create}"),
            "verdict=allow command=run id=1-1 via=dial-stdio request=\"POST /containers/web/attach?stream=1\"",
            "verdict=deny command=exec id=1-1 via=dial-stdio request=\"POST /containers/web/exec\"",
            "verdict=end id=1-1 exit=0 calls=9 calls_refused=1 looked=\"container inspect,ps\"",
        ]);
        let profile = far.profile("p", &Policy::default());
        assert!(
            profile
                .contains("\nallowed = [\"container inspect\", \"create\", \"ps\", \"run\", \"system dial-stdio\"]\n"),
            "{profile}"
        );
        assert!(profile.contains("bind_mounts = [\"/home/ai/secret:ro\", \"/srv/app:ro\"]"), "{profile}");
        assert!(profile.contains("\nmemory = \"1m\"\n") && profile.contains("# 2 permitted calls"), "{profile}");
        let granting = Policy::from_toml("[host]\nbind_mounts = ['/srv']\n").unwrap();
        let near = of_records(&[
            "verdict=allow command=\"compose up\" id=1-1 request=\"docker compose up -d\"",
            &format!("verdict=allow command=create id=1-1 via=argv {create}"),
            "verdict=allow command=start id=1-1 via=argv request=\"POST /containers/web/start\"",
        ]);
        let profile = near.profile("p", &granting);
        assert!(profile.contains("\nallowed = [\"compose up\"]\n"), "{profile}");
        // What the policy does not grant was a file of the project's own.
        assert!(profile.contains("bind_mounts = [\"/srv/app:ro\"]"), "{profile}");
        assert!(profile.contains("\nmemory = \"1m\"\n") && profile.contains("images = [\"nginx\"]"), "{profile}");
        assert!(PolicySet::from_toml(&profile).is_ok(), "{profile}");
    }

    #[test]
    fn what_was_blocked_by_default_and_used_is_no_longer() {
        let requests = ["docker exec web sh", "docker compose up -d"];
        let profile = used(&requests).profile("p", &Policy::default());
        let policy = PolicySet::from_toml(&profile).expect(&profile).with_profile("p").unwrap();
        assert!(permits(&policy, "docker exec web sh"));
        assert!(!permits(&policy, "docker cp web:/x -"));
        assert!(profile.contains("# Not limits yet: 1 requests"), "{profile}");
    }

    #[test]
    fn what_is_granted_and_not_used_is_named() {
        let policy = Policy::from_toml(
            "[commands]\nallowed = ['ps', 'run', 'stop']\n[host]\nbind_mounts = ['/srv/app', '/srv/media']\ncapabilities = ['NET_ADMIN', 'SYS_PTRACE']\n",
        );
        let unused = used(&REQUESTS[..3]).unused(&policy.unwrap());
        assert_eq!(
            unused,
            "# The policy grants, and nobody used:\n#   commands.allowed: stop\n#   host.bind_mounts: /srv/media\n#   host.capabilities: SYS_PTRACE\n"
        );
    }
}
