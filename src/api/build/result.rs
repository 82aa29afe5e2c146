//! Result: what the client hands back of a build, to be exported. Pure.
//!
//! The image's configuration is in it, so this is where its labels are set for good: whatever the frontend, the
//! Dockerfile or the client made of them.

use super::attributes::{refused, unknown};
use super::messages::returned;
use super::protobuf::Message;
use super::stamp::Stamp;
use crate::denial::Denial;
use std::collections::BTreeSet;

/// The image's configuration; with `/PLATFORM` behind it, that of one platform.
const CONFIG: &str = "containerimage.config";

/// What else a frontend says of its result (buildkit `exporter/containerimage/exptypes`, `frontend/subrequests`).
const METADATA: &[&str] = &[
    "containerimage.base.config",
    "containerimage.buildinfo",
    "refs.platforms",
    "result.json",
    "result.statuscode",
    "result.txt",
    "version",
];

/// Puts the stamp on every image of a result.
///
/// # Errors
/// What is in it and not known, or an image without a configuration.
pub fn stamped(mut message: Message, stamp: &Stamp) -> Result<Message, Denial> {
    let Some(result) = message.message_mut(returned::RESULT) else { return Ok(message) };
    let images = images(result);
    let mut configs = BTreeSet::new();
    for (key, value) in result.bytes_map_mut(returned::METADATA).into_iter().flatten() {
        let (name, platform) = key.split_once('/').unwrap_or((key, ""));
        if name == CONFIG {
            *value = stamp.on_config(value).map_err(|why| refused(key.as_str(), &why))?;
            configs.insert(platform.to_owned());
        } else if !METADATA.contains(&name) {
            return Err(unknown("the result's", key));
        }
    }
    // An image alone may have its configuration without a platform.
    let is_whole = |platform: &String| configs.contains(platform) || (images.len() == 1 && configs.contains(""));
    if images.iter().all(is_whole) {
        Ok(message)
    } else {
        Err(refused("the result", "an image without a configuration could not be labelled"))
    }
}

/// The platforms of the images in a result; an image alone has none.
fn images(result: &Message) -> BTreeSet<String> {
    let one = [result.text(returned::DEPRECATED_REF), result.message(returned::REF).map_or("", |made| made.text(1))];
    let one = one.iter().filter(|id| !id.is_empty()).map(|_| String::new());
    let deprecated = result.message(returned::DEPRECATED_REFS).into_iter().flat_map(|refs| refs.text_map(1));
    let deprecated = deprecated.filter(|(_, id)| !id.is_empty()).map(|(platform, _)| platform.to_owned());
    let named = result.message(returned::REFS).into_iter().flat_map(|refs| refs.message_map(1));
    let named = named.filter(|(_, made)| !made.text(1).is_empty()).map(|(platform, _)| platform.to_owned());
    one.chain(deprecated).chain(named).collect()
}
