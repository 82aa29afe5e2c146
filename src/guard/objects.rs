//! Objects: what the names of a call mean now, so that the id is judged and passed on. Acts: asks the daemon.

use crate::api::call::Call;
use crate::api::demands::Reference;
use crate::api::forward::Resolved;
use crate::api::row::Asks;
use crate::demand::Object;
use crate::facts::Unreachable;
use crate::policy::rules::labels;
use crate::world::daemon;
use serde_json::Value;

/// What was looked up for a call.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) resolved: Resolved,
    /// The container that the path names, as `docker inspect` shows it.
    pub(super) container: Option<Inspected>,
    /// What the path names was made by others, where that counts.
    pub(super) by_others: bool,
}

/// A container as `docker inspect` shows it, and its image where that is still there.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) container: Value,
    pub(super) image: Option<Value>,
}

impl Inspected {
    pub(super) fn of(host: &str, container: Value) -> Result<Self, Unreachable> {
        let image = match container.get("Image").and_then(Value::as_str) {
            Some(image) => daemon::inspect(host, Object::Image, image)?,
            None => None,
        };
        Ok(Self { container, image })
    }
}

impl Objects {
    /// Looks up what a call names. `whole`: what the container is like counts, and not just which one it is.
    ///
    /// # Errors
    /// When the daemon does not say.
    pub(super) fn of(host: &str, call: &Call, whole: bool) -> Result<Self, Unreachable> {
        let mut objects = Self::default();
        objects.resolved.marks = marks(host, call)?;
        let named = call.named("{container}");
        for reference in call.references() {
            let of_path = reference.object == Object::Container && named == Some(&reference.name);
            // By names of images and volumes these are removed and used; the daemon has no other for volumes.
            let pinned = matches!(reference.object, Object::Container | Object::Network);
            if !pinned || (is_id(&reference.name) && !(whole && of_path)) {
                continue;
            }
            let Some(found) = daemon::inspect(host, reference.object, &reference.name)? else { continue };
            if let Some(id) = found.get("Id").and_then(Value::as_str) {
                objects.resolved.ids.insert(reference, id.to_owned());
            }
            if of_path && whole {
                objects.container = Some(Inspected::of(host, found)?);
            }
        }
        Ok(objects)
    }
}

impl Objects {
    /// What a reference is passed on as, where that means one thing and no other later: an id, or a name which is not the
    /// beginning of one.
    pub(super) fn meant<'a>(&'a self, reference: &'a Reference) -> Option<&'a str> {
        let name = reference.name.as_str();
        match reference.object {
            Object::Container | Object::Network => {
                self.resolved.ids.get(reference).map(String::as_str).or_else(|| is_id(name).then_some(name))
            }
            Object::Image => {
                let id = name.strip_prefix("sha256:").unwrap_or(name);
                (is_id(id) || !id.bytes().all(is_hex)).then_some(name)
            }
            Object::Volume => Some(name),
        }
    }
}

/// The labels of a new container's image that say whose something is.
fn marks(host: &str, call: &Call) -> Result<Vec<String>, Unreachable> {
    let makes = call.endpoint().asks.contains(&Asks::Makes);
    let image = call.body().and_then(|body| body.get("Image")).and_then(Value::as_str);
    let Some(image) = image.filter(|_| makes) else { return Ok(Vec::new()) };
    let mut names = daemon::image_labels(host, image)?.unwrap_or_default();
    names.retain(|name| labels::is_reserved(name));
    Ok(names)
}

/// Whether a name is a whole id, which means nothing else: the daemon looks for ids first.
fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(is_hex)
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
