//! Values that are amounts: of memory, time, processors, ports. Pure.

use crate::demand::{Amount, HostPorts};
use crate::docker::resources;
use serde::Deserialize;

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
