//! Understanding a request never panics, and the rebuilt argument vector is understood as the same request.
#![no_main]

use dockgate::demand::Want;
use dockgate::docker::Invocation;
use dockgate::request::words::Words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &[u8]| {
    let Ok(words) = Words::split(request) else { return };
    let Ok(invocation) = Invocation::parse(&words) else { return };
    let argv = invocation.argv();
    let again = Invocation::from_args(&argv);
    // `--host` and `--context` are judged and then left out.
    let wants = |invocation: &Invocation| -> Vec<Want> {
        let wants = invocation.demands().into_iter().map(|demand| demand.want);
        wants.filter(|want| !matches!(want, Want::Endpoint { .. })).collect()
    };
    assert_eq!(again.as_ref().map(Invocation::argv), Ok(argv));
    assert_eq!(again.as_ref().map(Invocation::name), Ok(invocation.name()));
    assert_eq!(again.as_ref().map(wants), Ok(wants(&invocation)));
});
