//! Reading a call of Docker's API never panics, and what goes on to the daemon is understood as the same call.
//!
//! The input is a head, and behind it the body.
#![no_main]

use dockgate::api::call::Call;
use dockgate::api::forward::{Forward, Payload, Resolved};
use dockgate::api::head::{Framing, Head};
use dockgate::api::labels::Ownership;
use dockgate::api::route::Route;
use dockgate::demand::Want;
use libfuzzer_sys::fuzz_target;

fn understand(bytes: &[u8]) -> Option<(Framing, Call)> {
    let (head, used) = Head::parse(bytes).ok()??;
    let route = Route::of(&head).ok()?;
    Some((head.framing, Call::of(route, bytes.get(used..)?).ok()?))
}

fn bytes(forward: &Forward, framing: Framing) -> Vec<u8> {
    let mut bytes = forward.head(framing);
    if let Payload::Whole(json) = &forward.body {
        bytes.extend(json);
    }
    bytes
}

fuzz_target!(|request: &[u8]| {
    let Some((framing, call)) = understand(request) else { return };
    let owner = Ownership { key: Some("hermes".to_owned()), account: "ai-worker".to_owned(), id: "0a".to_owned() };
    let forward = call.forward(&Resolved::default(), &owner);
    let (_, again) = understand(&bytes(&forward, framing)).expect("what goes on is understood");
    assert_eq!(again.forward(&Resolved::default(), &owner), forward);
    // The gate's own labels are there the second time.
    let wants = |call: &Call| -> Vec<Want> {
        let wants = call.demands().into_iter().map(|demand| demand.want);
        wants.filter(|want| !matches!(want, Want::Label { .. })).collect()
    };
    assert_eq!(wants(&again), wants(&call));
});
