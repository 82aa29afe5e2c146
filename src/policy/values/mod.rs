//! Values of the policy file, each checked as it is read. Pure.

use super::operations;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

mod amounts;
mod audit;
mod host;
mod keys;
mod paths;

pub use amounts::{Period, Ports, Processors, Scalar, Size};
pub use audit::{Facility, Format, Required, SinkName, SinkNames};
pub use host::{BindMount, Capability, Device, Mount, Mounts, capability};
pub use keys::{Fingerprint, Range, range};
pub use paths::Absolute;

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
