//! Values about keys: fingerprints and addresses. Pure.

use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

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
