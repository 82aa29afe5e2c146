//! Records of builds, as the daemon shows them: the digests of what they consist of. Pure.
//!
//! These come from the daemon, so what is not known here is passed over.

use super::protobuf::{Part, parts};

/// The digests of a record's logs, trace, error and attestations; not those of the images that were built.
pub fn digests(event: &[u8]) -> Vec<String> {
    let mut digests = Vec::new();
    for record in inside(event, RECORD) {
        for number in DESCRIPTORS {
            digests.extend(inside(record, *number).filter_map(digest));
        }
        for result in inside(record, RESULT) {
            digests.extend(inside(result, ATTESTATIONS).filter_map(digest));
        }
        for entry in inside(record, RESULTS) {
            let results = inside(entry, 2).flat_map(|result| inside(result, ATTESTATIONS));
            digests.extend(results.filter_map(digest));
        }
    }
    digests
}

/// The digests of the images that a record's build made.
pub fn results(event: &[u8]) -> Vec<String> {
    let records = inside(event, RECORD);
    let results = records
        .flat_map(|record| inside(record, RESULT).chain(inside(record, RESULTS).flat_map(|entry| inside(entry, 2))));
    results
        .flat_map(|result| inside(result, IMAGE).chain(inside(result, IMAGES).flat_map(|entry| inside(entry, 2))))
        .filter_map(digest)
        .collect()
}

/// `BuildHistoryEvent.record`.
const RECORD: u32 = 2;
/// `BuildHistoryRecord`: logs, trace, externalError.
const DESCRIPTORS: &[u32] = &[8, 13, 18];
/// `BuildHistoryRecord.Result` and `.Results`, a map.
const RESULT: u32 = 10;
const RESULTS: u32 = 11;
/// `BuildResultInfo.Attestations`.
const ATTESTATIONS: u32 = 2;
/// `BuildResultInfo.ResultDeprecated` and `.Results`, a map.
const IMAGE: u32 = 1;
const IMAGES: u32 = 3;
/// `Descriptor.digest`.
const DIGEST: u32 = 2;

fn inside(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    parts(message).filter_map(move |(own, part)| match part {
        Part::Bytes(bytes) if own == number => Some(bytes),
        _ => None,
    })
}

fn digest(descriptor: &[u8]) -> Option<String> {
    let bytes = inside(descriptor, DIGEST).next()?;
    std::str::from_utf8(bytes).ok().filter(|digest| digest.starts_with("sha256:")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::protobuf::{Message, Value};
    use super::*;

    #[test]
    fn a_record_tells_its_parts_from_its_images() {
        let message = |number, inner: Message| Message::default().with(number, Value::Message(inner));
        let descriptor = |name: &str| Message::default().with(DIGEST, Value::Text(format!("sha256:{name}")));
        let result = message(ATTESTATIONS, descriptor("provenance"))
            .with(IMAGES, Value::Message(message(2, descriptor("image")).with(1, Value::Number(0))));
        let record = message(8, descriptor("logs")).with(RESULT, Value::Message(result)).with(20, Value::Number(7));
        let event = message(RECORD, record).with(1, Value::Number(1)).to_bytes();
        assert_eq!(digests(&event), ["sha256:logs", "sha256:provenance"]);
        assert_eq!(results(&event), ["sha256:image"]);
    }
}
