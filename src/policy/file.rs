//! The policy file's form: TOML, every key known, every value checked. Pure.

use super::{Audit, BindMount, Grants, Policy, capability, operations};
use serde::Deserialize;
use std::path::PathBuf;

/// The whole file; every part can be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    docker: Docker,
    commands: Commands,
    host: Host,
    audit: AuditTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Docker {
    program: Option<Absolute>,
    host: Option<Endpoint>,
    config: Option<Absolute>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Commands {
    blocked: Option<Vec<Operation>>,
    allowed: Option<Vec<Operation>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Host {
    bind_mounts: Vec<Mount>,
    devices: Vec<Device>,
    capabilities: Vec<Capability>,
    namespaces: Vec<NamespaceName>,
    privileged: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuditTable {
    socket: Option<Absolute>,
    facility: Facility,
}

/// Syslog facilities (syslog(3)) that make sense for security records.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Facility {
    Auth,
    #[default]
    Authpriv,
    Daemon,
    User,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

/// An absolute path without `.` and `..`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Absolute(PathBuf);

impl TryFrom<String> for Absolute {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = PathBuf::from(&text);
        let plain = text.split('/').all(|part| !matches!(part, "." | ".."));
        if path.is_absolute() && plain {
            Ok(Self(path))
        } else {
            Err(format!("\"{text}\" is not an absolute path without . and .."))
        }
    }
}

/// A daemon's address as `DOCKER_HOST` takes it, without those that start a program.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Endpoint(String);

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = text.strip_prefix("unix://").is_some_and(|path| path.starts_with('/'));
        if path || text.strip_prefix("tcp://").is_some_and(|address| !address.is_empty()) {
            Ok(Self(text))
        } else {
            Err(format!("\"{text}\" is neither unix:///PATH nor tcp://ADDRESS:PORT"))
        }
    }
}

/// A command or group that the catalogue has.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Operation(String);

impl TryFrom<String> for Operation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if operations::is_known(&text) {
            return Ok(Self(text));
        }
        let spellings = crate::docker::catalogue::commands().flat_map(crate::docker::catalogue::spellings);
        let meant = crate::nearest::nearest(&text, spellings)
            .map_or_else(String::new, |name| format!(", did you mean \"{name}\"?"));
        Err(format!("\"{text}\" is not a docker command{meant}"))
    }
}

/// `/path` or `/path:ro`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Mount(BindMount);

impl TryFrom<String> for Mount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (path, read_only) = match text.strip_suffix(":ro") {
            Some(path) => (path, true),
            None => (text.as_str(), false),
        };
        let Absolute(path) = Absolute::try_from(path.to_owned())?;
        Ok(Self(BindMount { path, read_only }))
    }
}

/// A device below `/dev`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Device(String);

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Absolute(path) = Absolute::try_from(text.clone())?;
        if path.starts_with("/dev/") { Ok(Self(text)) } else { Err(format!("\"{text}\" is not below /dev")) }
    }
}

/// A capability's name (capabilities(7)), with or without `CAP_`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Capability(String);

impl TryFrom<String> for Capability {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let name = capability(&text);
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
        match plain && name != "ALL" {
            true => Ok(Self(name)),
            false => Err(format!("\"{text}\" is not one capability; list them one by one")),
        }
    }
}

/// A namespace that containers may share with the host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NamespaceName {
    Cgroup,
    Ipc,
    Network,
    Pid,
    User,
    Uts,
}

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// The message of the TOML reader, with line and column, for anything that is not wholly understood.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let File { docker, commands, host, audit } = toml::from_str(text).map_err(|error| error.to_string())?;
        let Docker { program, host: endpoint, config } = docker;
        let Commands { blocked, allowed } = commands;
        let AuditTable { socket, facility } = audit;
        let names = |list: Vec<Operation>| list.into_iter().map(|Operation(name)| name).collect();
        let default = Self::default();
        Ok(Self {
            program: program.map(|Absolute(path)| path),
            host: endpoint.map_or(default.host, |Endpoint(host)| host),
            config: config.map_or(default.config, |Absolute(path)| path),
            blocked: blocked.map_or(default.blocked, names),
            allowed: allowed.map(names),
            grants: grants(host),
            audit: Audit { socket: socket.map_or(default.audit.socket, |Absolute(path)| path), facility },
        })
    }
}

fn grants(host: Host) -> Grants {
    let Host { bind_mounts, devices, capabilities, namespaces, privileged } = host;
    let namespace = |name| match name {
        NamespaceName::Cgroup => crate::demand::Namespace::Cgroup,
        NamespaceName::Ipc => crate::demand::Namespace::Ipc,
        NamespaceName::Network => crate::demand::Namespace::Network,
        NamespaceName::Pid => crate::demand::Namespace::Pid,
        NamespaceName::User => crate::demand::Namespace::User,
        NamespaceName::Uts => crate::demand::Namespace::Uts,
    };
    Grants {
        bind_mounts: bind_mounts.into_iter().map(|Mount(mount)| mount).collect(),
        devices: devices.into_iter().map(|Device(path)| path).collect(),
        capabilities: capabilities.into_iter().map(|Capability(name)| name).collect(),
        namespaces: namespaces.into_iter().map(|name| namespace(name).name().to_owned()).collect(),
        privileged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Policy::from_toml(""), Ok(Policy::default()));
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
            ("[host]\ncapabilities = ['ALL']\n", "one by one"),
            ("[host]\nnamespaces = ['net']\n", "network"),
            ("[host]\ndevices = ['/etc/x']\n", "/dev"),
            ("[audit]\nfacility = 'kern'\n", "authpriv"),
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
        assert_eq!(policy.blocked, ["exec", "network rm"]);
        assert_eq!(policy.allowed.as_deref(), Some(&["ps".to_owned()][..]));
        assert_eq!(policy.grants.capabilities, ["NET_ADMIN"]);
        assert!(policy.grants.bind_mounts[0].read_only && !policy.grants.bind_mounts[1].read_only);
        assert_eq!(policy.audit.facility, Facility::Local3);
    }
}
