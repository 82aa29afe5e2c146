//! Values of the policy file, each checked as it is read. Pure.

use super::operations;
use crate::demand::{Amount, HostPorts};
use crate::docker::gpus::{GPUS, is_cdi};
use crate::docker::resources;
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The form of a record.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `name=value`, as the journal's messages are, too.
    #[default]
    Logfmt,
    /// One JSON object behind the cookie `@cee:`.
    Json,
    /// RFC 5424 with structured data.
    Rfc5424,
}

impl Format {
    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
            Self::Rfc5424 => "rfc5424",
        }
    }
}

/// Where records can go.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SinkName {
    /// The syslog daemon's socket.
    Syslog,
    /// The journal's own socket, with a field for each of the record's.
    Journal,
}

impl SinkName {
    pub const ALL: &'static [Self] = &[Self::Syslog, Self::Journal];

    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Journal => "journal",
        }
    }
}

/// Sinks that must have a record before anything runs: there is at least one.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<SinkName>")]
pub struct SinkNames(pub Vec<SinkName>);

impl Default for SinkNames {
    fn default() -> Self {
        Self(vec![SinkName::Syslog])
    }
}

impl TryFrom<Vec<SinkName>> for SinkNames {
    type Error = &'static str;

    fn try_from(names: Vec<SinkName>) -> Result<Self, &'static str> {
        let Some((last, others)) = names.split_last() else {
            return Err("a record is always required: name one sink at least");
        };
        if others.contains(last) { Err("a sink is named twice") } else { Ok(Self(names)) }
    }
}

/// Nothing runs without a record, so there is one value.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "bool")]
pub struct Required;

impl TryFrom<bool> for Required {
    type Error = &'static str;

    fn try_from(required: bool) -> Result<Self, &'static str> {
        if required { Ok(Self) } else { Err("a record is always required: nothing runs without one") }
    }
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

impl Facility {
    /// Syslog's number for it (RFC 5424, 6.2.1).
    pub fn number(self) -> u32 {
        match self {
            Self::Auth => 4,
            Self::Authpriv => 10,
            Self::Daemon => 3,
            Self::User => 1,
            Self::Local0 => 16,
            Self::Local1 => 17,
            Self::Local2 => 18,
            Self::Local3 => 19,
            Self::Local4 => 20,
            Self::Local5 => 21,
            Self::Local6 => 22,
            Self::Local7 => 23,
        }
    }

    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Authpriv => "authpriv",
            Self::Daemon => "daemon",
            Self::User => "user",
            Self::Local0 => "local0",
            Self::Local1 => "local1",
            Self::Local2 => "local2",
            Self::Local3 => "local3",
            Self::Local4 => "local4",
            Self::Local5 => "local5",
            Self::Local6 => "local6",
            Self::Local7 => "local7",
        }
    }
}

/// An absolute path without `.` and `..`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Absolute(pub PathBuf);

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
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Endpoint(pub String);

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
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Operation(pub String);

impl TryFrom<String> for Operation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if operations::is_known(&text) {
            return Ok(Self(text));
        }
        let spellings = crate::docker::catalogue::commands().flat_map(crate::docker::catalogue::spellings);
        let meant = crate::docker::nearest::nearest(&text, spellings)
            .map_or_else(String::new, |name| format!(", did you mean \"{name}\"?"));
        Err(format!("\"{text}\" is not a docker command{meant}"))
    }
}

/// Where dockgate keeps what is an account's own for a while.
const STATE: &[&str] = &["/tmp", "/run/dockgate", "/run/user"];

/// Of /tmp only what is dockgate's, and /tmp as a whole.
fn is_state(path: &Path) -> bool {
    Path::new("/tmp").starts_with(path) || path.to_string_lossy().starts_with("/tmp/dockgate-")
}

/// `/path` or `/path:ro`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Mount(pub BindMount);

impl TryFrom<String> for Mount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (path, read_only) = match text.strip_suffix(":ro") {
            Some(path) => (path, true),
            None => (text.as_str(), false),
        };
        if let Some((path, mode)) = path.rsplit_once(':') {
            return Err(format!(
                "\"{text}\": there is no \":{mode}\"; \"{path}\" may be written, \"{path}:ro\" may not"
            ));
        }
        let Absolute(path) = Absolute::try_from(path.to_owned())?;
        // There is what docker's builders are told; a container that can write there would tell them.
        let state = STATE.iter().find(|state| Path::new(state).starts_with(&path) || path.starts_with(state));
        let state = if path.to_string_lossy().starts_with("/tmp/dockgate-") { Some(&"/tmp") } else { state };
        if let Some(state) = state.filter(|state| !read_only && (**state != "/tmp" || is_state(&path))) {
            return Err(format!(
                "\"{text}\" would let containers write what dockgate keeps in {state}; use a directory of its own"
            ));
        }
        Ok(Self(BindMount { path, read_only }))
    }
}

/// Grants, none of which a container that has another one could lead elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Mount>")]
pub struct Mounts(pub Vec<BindMount>);

impl TryFrom<Vec<Mount>> for Mounts {
    type Error = String;

    fn try_from(mounts: Vec<Mount>) -> Result<Self, String> {
        let mounts: Vec<BindMount> = mounts.into_iter().map(|mount| mount.0).collect();
        for writable in mounts.iter().filter(|mount| !mount.read_only) {
            let path = writable.path.display();
            match mounts.iter().find(|mount| *mount != writable && mount.path.starts_with(&writable.path)) {
                Some(again) if again.path == writable.path => {
                    return Err(format!("\"{path}\" stands there twice, once with :ro; keep one of the two"));
                }
                Some(below) => {
                    return Err(format!(
                        "\"{below}\" lies below \"{path}\", where containers that may write could put a symbolic link in its place; \
                         keep \"{path}\" alone and mount that, or list directories of which none is above another"
                    ));
                }
                None => {}
            }
        }
        Ok(Self(mounts))
    }
}

/// A device below `/dev`, `gpus`, or a name of the Container Device Interface (`nvidia.com/gpu=all`).
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Device(pub String);

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == GPUS || is_cdi(&text) {
            return Ok(Self(text));
        }
        let Absolute(path) = Absolute::try_from(text.clone())?;
        if path.starts_with("/dev/") { Ok(Self(text)) } else { Err(format!("\"{text}\" is not below /dev")) }
    }
}

/// A capability's name (capabilities(7)), with or without `CAP_`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Capability(pub String);

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

/// A name, or a pattern of names with `*` and `?`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(pub String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '?'));
        let usual = |c: char| c.is_ascii_alphanumeric() || "_.-/:@*?".contains(c);
        match first && text.chars().all(usual) {
            true => Ok(Self(text)),
            false => Err(format!("\"{text}\" can never match: it is no name, nor a pattern of names with * and ?")),
        }
    }
}

/// Which objects of a kind there are for a key: `"own"`, or a list of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// What it has made through the gate.
    Own,
    Names(Vec<String>),
}

impl<'de> Deserialize<'de> for Only {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Only;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"own\", or a list of names")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Only, E> {
                if word == "own" {
                    Ok(Only::Own)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(word), &self))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Only, A::Error> {
                let mut names = Vec::new();
                while let Some(Name(name)) = list.next_element()? {
                    names.push(name);
                }
                Ok(Only::Names(names))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// A size as docker takes it, in bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match resources::memory(&text) {
            Amount::Is(bytes) => Ok(Self(bytes)),
            Amount::NotGiven | Amount::Unknown(_) => Err(format!("\"{text}\" is not a size like 512m or 2g")),
        }
    }
}

/// A time in seconds, which is not none: `90s`, `30m`, `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Period(pub u64);

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let units = [('s', 1), ('m', 60), ('h', 60 * 60)];
        let seconds = units.iter().find_map(|(unit, seconds)| {
            text.strip_suffix(*unit)?.parse::<u32>().ok().map(|count| u64::from(count) * seconds)
        });
        seconds
            .filter(|seconds| *seconds > 0)
            .map(Self)
            .ok_or_else(|| format!("\"{text}\" is not a time like 90s, 30m or 2h"))
    }
}

impl Period {
    /// As the policy file has it: 7200 is `2h`.
    pub fn shown(seconds: u64) -> String {
        let units = [(60 * 60, 'h'), (60, 'm'), (1, 's')];
        let unit = units.iter().find(|(size, _)| seconds.is_multiple_of(*size));
        unit.map_or_else(String::new, |(size, unit)| format!("{}{unit}", seconds / size))
    }
}

/// A number, with or without quotes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Text(String),
    Whole(i64),
    Part(f64),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Whole(number) => number.to_string(),
            Self::Part(number) => number.to_string(),
        }
    }
}

/// A number of processors, in thousandths.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Scalar")]
pub struct Processors(pub u64);

impl TryFrom<Scalar> for Processors {
    type Error = String;

    fn try_from(value: Scalar) -> Result<Self, String> {
        let text = value.text();
        match resources::cpus(&text) {
            Amount::Is(thousandths) => Ok(Self(thousandths)),
            Amount::NotGiven | Amount::Unknown(_) => Err(format!("{text} is not a number of processors like 1.5")),
        }
    }
}

/// A port of the host, or a range of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Scalar")]
pub struct Ports(pub u16, pub u16);

impl TryFrom<Scalar> for Ports {
    type Error = String;

    fn try_from(value: Scalar) -> Result<Self, String> {
        let text = value.text();
        match resources::host_ports(&text) {
            Some(HostPorts::Range(first, last)) => Ok(Self(first, last)),
            Some(HostPorts::Any(_)) | None => Err(format!("{text} is neither a port nor a range like \"8000-8099\"")),
        }
    }
}

/// A key's fingerprint as `ssh-keygen -l` prints it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct Fingerprint(pub String);

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digest = text.strip_prefix("SHA256:").unwrap_or_default();
        let plain = digest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'));
        if digest.len() == 43 && plain {
            Ok(Self(text))
        } else {
            Err(format!("\"{text}\" is not SHA256: and 43 characters, as ssh-keygen -l prints it"))
        }
    }
}

/// An address, or a range of them (`192.0.2.0/24`).
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Range(pub IpNet);

impl TryFrom<String> for Range {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        range(&text).map(Self)
    }
}

/// Reads an address or a range of them.
///
/// # Errors
/// A sentence that says what is expected.
pub fn range(text: &str) -> Result<IpNet, String> {
    let range = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    range.map_err(|_| format!("\"{text}\" is neither an address nor a range like 192.0.2.0/24"))
}

/// What a refusal by the lists and limits comes to.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Enforce,
    /// What they would refuse runs, and the record says so. What reaches the host or the gate itself is
    /// refused all the same.
    Observe,
}

impl Mode {
    /// The word that the policy file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// A directory or file of the host that containers may mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindMount {
    pub path: PathBuf,
    pub read_only: bool,
}

impl std::fmt::Display for BindMount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.path.display(), if self.read_only { ":ro" } else { "" })
    }
}

/// Without `CAP_`, in upper case, as the policy file has it.
pub fn capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}
