//! Values about the host: mounts, devices, capabilities. Pure.

use super::paths::Absolute;
use crate::docker::gpus::{GPUS, is_cdi};
use serde::Deserialize;
use std::path::{Path, PathBuf};

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

/// Without `CAP_`, in upper case, as the policy file has it.
pub fn capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}
