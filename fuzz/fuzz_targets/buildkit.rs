//! BuildKit's messages: whatever is read is written anew as it means, and judging it does not panic.
#![no_main]

use dockgate::api::build::{Conversation, Stamp};
use libfuzzer_sys::fuzz_target;

const METHODS: [&str; 6] = [
    "/moby.buildkit.v1.Control/Solve",
    "/moby.buildkit.v1.frontend.LLBBridge/Solve",
    "/moby.buildkit.v1.frontend.LLBBridge/Return",
    "/moby.buildkit.v1.Control/ListenBuildHistory",
    "/moby.buildkit.v1.Control/Prune",
    "/containerd.services.content.v1.Content/Read",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, message)) = data.split_first() else { return };
    let method = METHODS[usize::from(*first) % METHODS.len()];
    let mut conversation = Conversation::default();
    conversation.shown(message);
    // A build without an id, so that the calls of its frontend are its own.
    let opening = conversation.read(METHODS[0], None, &[]).expect("an empty request");
    conversation.pass(opening, &Stamp::default()).expect("an empty request");
    let Ok(call) = conversation.read(method, Some(""), message) else { return };
    let asked = format!("{:?}", call.demands);
    let Ok(Some(written)) = conversation.pass(call, &Stamp::default()) else { return };
    let again = conversation.read(method, Some(""), &written).expect("what was written is read");
    assert_eq!(asked, format!("{:?}", again.demands));
    let twice = conversation.pass(again, &Stamp::default()).expect("what was written passes");
    assert_eq!(Some(written), twice);
});
