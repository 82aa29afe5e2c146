//! The policy file's form: TOML, every key known, every value checked. Pure.

use super::rules::scope::PREDEFINED;
use super::set::{Key, PolicySet};
use super::settings::{Origin, Settings};
use super::tables::{Commands, Host, Limits, Objects, Overlay};
use super::values::{
    Absolute, Endpoint, Facility, Fingerprint, Format, Mode, Name, Only, Operation, Range, Required, SinkName,
    SinkNames,
};
use super::{Audit, Policy, operations};
use crate::digest;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The whole file; every part can be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    profile: Option<Spanned<String>>,
    docker: Docker,
    audit: AuditTable,
    profiles: BTreeMap<String, Overlay>,
    keys: BTreeMap<String, KeyTable>,
    // What a profile can set, too; serde cannot flatten and refuse unknown keys at the same time.
    mode: Option<Mode>,
    commands: Commands,
    host: Host,
    containers: Objects,
    volumes: Objects,
    networks: Objects,
    images: Objects,
    limits: Limits,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Docker {
    program: Option<Absolute>,
    host: Option<Endpoint>,
    config: Option<Absolute>,
}

/// A key, by its label.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeyTable {
    profile: Option<Spanned<String>>,
    fingerprint: Option<Fingerprint>,
    from: Option<Vec<Range>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuditTable {
    socket: Option<Absolute>,
    facility: Option<Facility>,
    format: Option<Format>,
    sinks: Option<SinkNames>,
    also: Option<Vec<SinkName>>,
    journal: Option<Absolute>,
    required: Required,
}

impl Docker {
    /// Which of its values the file sets.
    fn given(&self) -> [(&'static str, bool); 3] {
        let Self { program, host, config } = self;
        [("docker.program", program.is_some()), ("docker.host", host.is_some()), ("docker.config", config.is_some())]
    }
}

impl AuditTable {
    fn given(&self) -> [(&'static str, bool); 6] {
        let Self { socket, facility, format, sinks, also, journal, required: Required } = self;
        [
            ("audit.socket", socket.is_some()),
            ("audit.facility", facility.is_some()),
            ("audit.format", format.is_some()),
            ("audit.sinks", sinks.is_some()),
            ("audit.also", also.is_some()),
            ("audit.journal", journal.is_some()),
        ]
    }

    fn over(self, default: Audit) -> Audit {
        let Self { socket, facility, format, sinks, also, journal, required: Required } = self;
        let path = |given: Option<Absolute>, default| given.map_or(default, |Absolute(path)| path);
        Audit {
            socket: path(socket, default.socket),
            journal: path(journal, default.journal),
            facility: facility.unwrap_or(default.facility),
            format: format.unwrap_or(default.format),
            sinks: sinks.map_or(default.sinks, |SinkNames(names)| names),
            also: also.unwrap_or(default.also),
        }
    }
}

impl PolicySet {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// A message, with line and column where there is one, for anything that is not wholly understood.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let File {
            profile,
            docker,
            audit,
            profiles,
            keys,
            mode,
            commands,
            host,
            containers,
            volumes,
            networks,
            images,
            limits,
        } = file;
        let given = docker.given().into_iter().chain(audit.given());
        let given = given.filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
        let Docker { program, host: endpoint, config } = docker;
        let default = Policy::default();
        let base = Policy {
            program: program.map(|Absolute(path)| path),
            host: endpoint.map_or(default.host, |Endpoint(host)| host),
            config: config.map_or(default.config, |Absolute(path)| path),
            settings: default.settings,
            audit: audit.over(default.audit),
            given,
            writable: Vec::new(),
            key: None,
            offline: false,
            digest: Some(digest::of([text])),
        };
        let mut set =
            Self { base, default_profile: DEFAULT.to_owned(), profiles: built_in_profiles(), keys: BTreeMap::new() };
        let top = Overlay { mode, commands, host, containers, volumes, networks, images, limits };
        set.base.settings.lay(&top, &Origin::File);
        if top.commands.allowed.is_some() {
            contradiction(&set.base.settings)?;
        }
        idle(&top)?;
        for (name, overlay) in profiles {
            let lists = overlay.commands.allowed.is_some();
            idle(&overlay).map_err(|message| format!("profiles.{name}.{message}"))?;
            set.profiles.entry(name.clone()).or_default().push(overlay);
            if let Some(effective) = set.with_profile(&name).filter(|_| lists) {
                contradiction(&effective.settings).map_err(|message| format!("profiles.{name}: {message}"))?;
            }
        }
        if let Some(profile) = profile {
            set.default_profile = set.known_profile(text, profile)?;
        }
        for (label, KeyTable { profile, fingerprint, from }) in keys {
            let profile = profile.map(|profile| set.known_profile(text, profile)).transpose()?;
            let fingerprint = fingerprint.map(|Fingerprint(text)| text);
            if fingerprint.is_some() && set.keys.values().any(|key| key.fingerprint == fingerprint) {
                return Err(format!("keys.{label}: another key has this fingerprint"));
            }
            let from = from.map(|ranges| ranges.into_iter().map(|Range(range)| range).collect());
            set.keys.insert(label, Key { profile, fingerprint, from });
        }
        Ok(set)
    }

    /// A profile that exists, or an error with its place in the file.
    fn known_profile(&self, text: &str, profile: Spanned<String>) -> Result<String, String> {
        let before = text.get(..profile.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let name = profile.into_inner();
        if self.profiles.contains_key(&name) {
            return Ok(name);
        }
        let meant = crate::docker::nearest::nearest(&name, self.profiles.keys().map(String::as_str));
        let meant = meant.map_or_else(String::new, |name| format!(", did you mean \"{name}\"?"));
        Err(format!("line {line}: there is no profile \"{name}\"{meant}"))
    }
}

/// What the block-list has can never be allowed by the other, which nobody means.
fn contradiction(settings: &Settings) -> Result<(), String> {
    let allowed = settings.allowed.value.iter().flatten();
    let blocked = &settings.blocked;
    let by = |name: &String| {
        let sought = operations::Sought::of(operations::verb(name));
        blocked.value.iter().find(|entry| sought.is(entry))
    };
    match allowed.map(|name| (name, by(name))).find(|(_, entry)| entry.is_some()) {
        Some((name, Some(entry))) => Err(format!(
            "commands.allowed: \"{name}\" can never match: \"{entry}\" is blocked, too (commands.blocked, {})",
            blocked.origin
        )),
        _ => Ok(()),
    }
}

/// What a list of names says and nothing comes of: whoever wrote it believes in it.
fn idle(overlay: &Overlay) -> Result<(), String> {
    let predefined = overlay.networks.protected.iter().flatten().find(|name| PREDEFINED.contains(&name.0.as_str()));
    if let Some(Name(name)) = predefined {
        return Err(format!(
            "networks.protected: \"{name}\" cannot be protected: it is docker's own, and no request names it to be in it. \
             Leave it out; host.namespaces says whether containers may be in the host's network"
        ));
    }
    let only = match &overlay.networks.only {
        Some(Only::Names(names)) => names.iter().find(|name| PREDEFINED.contains(&name.as_str())),
        Some(Only::Own) | None => None,
    };
    if let Some(name) = only {
        return Err(format!(
            "networks.only: \"{name}\" is docker's own, and there for every key: a container that names no network is in \
             bridge. Leave it out; host.namespaces says whether containers may be in the host's network"
        ));
    }
    // What docker takes for the name of a container (its own pattern has neither).
    let containers = &overlay.containers;
    let only = match &containers.only {
        Some(Only::Names(names)) => names.as_slice(),
        Some(Only::Own) | None => &[],
    };
    let names = containers.protected.iter().flatten().map(|Name(name)| name).chain(only);
    match names.into_iter().find(|name| name.contains(['/', ':', '@'])) {
        Some(name) => Err(format!("containers: \"{name}\" can never match: no container has such a name")),
        None => Ok(()),
    }
}

/// `default` changes nothing; the others are ready-made, and a file's profile of that name is laid over them.
fn built_in_profiles() -> BTreeMap<String, Vec<Overlay>> {
    let allowing = |names: &[&[&str]]| {
        let names = names.iter().flat_map(|list| list.iter()).map(|name| Operation((*name).to_owned()));
        vec![Overlay { commands: Commands { allowed: Some(names.collect()), blocked: None }, ..Overlay::default() }]
    };
    BTreeMap::from([
        (DEFAULT.to_owned(), Vec::new()),
        ("read-only".to_owned(), allowing(&[operations::READ_ONLY])),
        ("operator".to_owned(), allowing(&[operations::READ_ONLY, operations::OPERATING])),
    ])
}

/// The profile of keys that name none.
const DEFAULT: &str = "default";

impl Policy {
    /// The policy of a file's text for keys that name no profile.
    ///
    /// # Errors
    /// As [`PolicySet::from_toml`].
    pub fn from_toml(text: &str) -> Result<Self, String> {
        PolicySet::from_toml(text).map(|set| set.of_default_profile())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        let empty = Policy::from_toml("").expect("a policy");
        assert_eq!(Policy { digest: None, ..empty }, Policy::default());
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_a_place() {
        for (text, says) in [
            ("[dokcer]\n", "unknown field"),
            ("[docker]\nprogramm = '/x'\n", "unknown field"),
            ("[docker]\nprogram = 'docker'\n", "absolute"),
            ("[docker]\nprogram = '/usr/../bin/docker'\n", "absolute"),
            ("[docker]\nhost = 'ssh://x'\n", "neither"),
            ("[commands]\nblocked = ['exce']\n", "did you mean \"exec\""),
            ("[commands]\nblocked = 'exec'\n", "line 2"),
            ("[host]\nprivileged = 'yes'\n", "line 2"),
            ("[host]\nbind_mounts = ['srv']\n", "absolute"),
            ("[host]\nbind_mounts = ['/tmp']\n", "keeps in /tmp"),
            ("[host]\nbind_mounts = ['/tmp/dockgate-1000/x']\n", "keeps in /tmp"),
            ("[host]\nbind_mounts = ['/run']\n", "keeps in /run/dockgate"),
            ("[host]\nbind_mounts = ['/run/dockgate/ai-worker']\n", "keeps in /run/dockgate"),
            ("[host]\nbind_mounts = ['/run/user/1000']\n", "keeps in /run/user"),
            ("[host]\nbind_mounts = ['/srv/up', '/srv:ro', '/srv/up/x:ro']\n", "lies below \"/srv/up\""),
            ("[host]\nbind_mounts = ['/srv/up/x', '/srv/up']\n", "keep \"/srv/up\" alone"),
            ("[profiles.p.host]\nbind_mounts = ['/srv', '/srv/app:ro']\n", "lies below \"/srv\""),
            ("[host]\nbind_mounts = ['/srv/up:ro', '/srv/up']\n", "twice"),
            ("[host]\ncapabilities = ['ALL']\n", "one by one"),
            ("[host]\nnamespaces = ['net']\n", "network"),
            ("[host]\ndevices = ['/etc/x']\n", "/dev"),
            ("[audit]\nfacility = 'kern'\n", "authpriv"),
            ("[audit]\nrequired = false\n", "always required"),
            ("[audit]\nformat = 'xml'\n", "logfmt"),
            ("[audit]\nsinks = []\n", "name one sink"),
            ("[audit]\nsinks = ['syslog', 'syslog']\n", "named twice"),
            ("[audit]\nsinks = ['file']\n", "journal"),
            ("profile = 'operater'\n", "line 1: there is no profile \"operater\", did you mean \"operator\"?"),
            ("\n[keys.a]\nprofile = 'x'\n", "line 3"),
            ("[keys.a]\nfingerprint = 'MD5:x'\n", "SHA256"),
            ("[keys.a]\nfrom = ['192.0.2.0/33']\n", "192.0.2.0/24"),
            ("[profiles.p.docker]\nprogram = '/x'\n", "unknown field"),
            ("[profiles.p.commands]\nblocked = ['image rm']\nallowed = ['rmi']\n", "never match"),
            (
                "[commands]\nallowed = ['ps', 'container exec']\n",
                "\"exec\" is blocked, too (commands.blocked, built in)",
            ),
            (
                "[profiles.operator.commands]\nallowed = ['push']\n",
                "profiles.operator: commands.allowed: \"push\" can never",
            ),
            ("mode = 'off'\n", "observe"),
            ("[host]\nruntime = ['x']\n", "unknown field"),
            ("[containers]\nprotect = ['x']\n", "unknown field"),
            ("[containers]\nprotected = ['-x']\n", "never match"),
            ("[containers]\nonly = ['a b']\n", "never match"),
            ("[volumes]\nonly = ['-x']\n", "never match"),
            ("[networks]\nonly = 'mine'\n", "\"own\", or a list of names"),
            ("[images]\nonly = true\n", "\"own\", or a list of names"),
            ("[networks]\nprotected = 'x'\n", "line 2"),
            ("[networks]\nprotected = ['edge', 'bridge']\n", "networks.protected: \"bridge\" cannot be protected"),
            ("[profiles.p.networks]\nprotected = ['host']\n", "profiles.p.networks.protected: \"host\" cannot"),
            ("[networks]\nonly = ['net-a', 'bridge']\n", "networks.only: \"bridge\" is docker's own"),
            ("[profiles.p.networks]\nonly = ['none']\n", "profiles.p.networks.only: \"none\" is docker's own"),
            ("[containers]\nprotected = ['team/web']\n", "\"team/web\" can never match"),
            ("[profiles.p.containers]\nonly = ['web:1']\n", "\"web:1\" can never match"),
            ("[images]\nprotected = ['']\n", "never match"),
            ("[limits]\nmemory = '2 gigs'\n", "512m"),
            ("[limits]\nmemory = '0'\n", "512m"),
            ("[limits]\ncpus = -1\n", "1.5"),
            ("[limits]\npids = 0\n", "line 2"),
            ("[limits]\nports = ['9000-8000']\n", "8000-8099"),
            ("[limits]\nimages = ['a|b']\n", "never match"),
            ("[limits]\ncontainer = 3\n", "unknown field"),
            ("[limits]\nsessions = 'x'\n", "line 2"),
            ("[audit\n", "line 1"),
            ("x = 1\nx = 2\n", "line"),
        ] {
            let message = Policy::from_toml(text).expect_err(text);
            assert!(message.contains(says), "{text:?}: {message}");
        }
    }

    #[test]
    fn values_are_taken_over() {
        let policy = Policy::from_toml(
            "[docker]\nprogram = '/opt/docker'\nhost = 'unix:///run/x.sock'\n[commands]\nblocked = ['exec', 'network rm']\nallowed = ['ps']\n[host]\nbind_mounts = ['/srv/media:ro', '/srv/app']\ncapabilities = ['cap_net_admin']\nnamespaces = ['network']\n[audit]\nsocket = '/run/log'\nfacility = 'local3'\n",
        )
        .expect("valid");
        let settings = policy.settings;
        assert_eq!(settings.blocked.value, ["exec", "network rm"]);
        assert_eq!(settings.allowed.value.as_deref(), Some(&["ps".to_owned()][..]));
        assert_eq!(settings.capabilities.value, ["NET_ADMIN"]);
        assert!(settings.bind_mounts.value[0].read_only && !settings.bind_mounts.value[1].read_only);
        assert_eq!(settings.privileged.origin, Origin::BuiltIn);
        assert_eq!(settings.blocked.origin, Origin::File);
        assert_eq!(policy.audit.facility, Facility::Local3);
    }
}
