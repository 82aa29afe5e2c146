//! Images that a call names in two keys of its query: fetched, imported, tagged, built. Pure.

use super::call::Call;
use crate::demand::{ANY_TAG, Demand, Object, Touch, Want};
use crate::docker::asks;

/// What becomes of images by name.
pub(super) fn demands(call: &Call) -> Vec<Demand> {
    let tag = call.text("tag");
    if !call.text("fromImage").is_empty() {
        let image = call.text("fromImage");
        let name = match tag {
            "" if is_tagged(image) => image.to_owned(),
            // Without one the daemon fetches every tag.
            "" => format!("{image}{ANY_TAG}"),
            tag => tagged(image, tag),
        };
        let word = format!("fromImage={name}");
        return vec![
            Demand::new(Want::Image { name: name.clone() }, word.clone()),
            Demand::new(asks::object(Object::Image, &name, Touch::Bring), word),
        ];
    }
    match call.text("repo") {
        "" => Vec::new(),
        repository => {
            let name = if tag.is_empty() { repository.to_owned() } else { tagged(repository, tag) };
            // An archive is taken as it is; what is committed gets the gate's labels.
            let touch = if call.text("fromSrc").is_empty() { Touch::Make } else { Touch::Bring };
            vec![Demand::new(asks::object(Object::Image, &name, touch), format!("repo={name}"))]
        }
    }
}

/// A digest is a tag to the API.
fn tagged(repository: &str, tag: &str) -> String {
    format!("{repository}{}{tag}", if tag.contains(':') { '@' } else { ':' })
}

/// Whether a reference has a tag or digest of its own.
pub fn is_tagged(image: &str) -> bool {
    image.contains('@') || image.rsplit('/').next().is_some_and(|last| last.contains(':'))
}
