//! Reading a Compose file never panics, what is written of it is read as the same, and judging a model never panics.
#![no_main]

use dockgate::compose::{model, source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(file) = source::parse("file", text) else { return };
    let again = source::parse("file", &file.text).map(|again| again.content);
    assert_eq!(again, Ok(file.content.clone()));
    let _ = source::demands(&file.content, "/p");
    let _ = model::demands(&file.content, "/p", true);
});
