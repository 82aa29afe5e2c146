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

/// `BuildHistoryEvent.record`.
const RECORD: u32 = 2;
/// `BuildHistoryRecord`: logs, trace, externalError.
const DESCRIPTORS: &[u32] = &[8, 13, 18];
/// `BuildHistoryRecord.Result` and `.Results`, a map.
const RESULT: u32 = 10;
const RESULTS: u32 = 11;
/// `BuildResultInfo.Attestations`.
const ATTESTATIONS: u32 = 2;
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
