//! Splitting never panics, and what it accepts means the same when it is quoted and split again.
#![no_main]

use dockgate::request::words::Words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &[u8]| {
    let Ok(words) = Words::split(request) else { return };
    let quoted = shell_words::join(words.as_slice());
    let again = Words::split(quoted.as_bytes()).map(|again| again.as_slice().to_vec());
    assert_eq!(again.as_deref(), Ok(words.as_slice()), "{quoted:?}");
});
