//! Understanding a request never panics, and the rebuilt argument vector is understood as the same request.
#![no_main]

use dockgate::demand::Want;
use dockgate::docker::Invocation;
use dockgate::words::Words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &[u8]| {
    let Ok(words) = Words::split(request) else { return };
    let Ok(invocation) = Invocation::parse(&words) else { return };
    let argv = invocation.argv();
    let again = Invocation::from_args(&argv);
    let wants = |invocation: &Invocation| invocation.demands().into_iter().map(|demand| demand.want).collect();
    // `--host` and `--context` are judged and then left out.
    let mut asked: Vec<Want> = wants(&invocation);
    asked.retain(|want| !matches!(want, Want::Endpoint { .. }));
    assert_eq!(again.as_ref().map(Invocation::argv), Ok(argv));
    assert_eq!(again.as_ref().map(Invocation::name), Ok(invocation.name()));
    assert_eq!(again.map(|again| wants(&again)), Ok(asked));
});
