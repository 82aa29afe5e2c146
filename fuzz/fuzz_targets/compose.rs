//! Reading a Compose file never panics, what is written of it is read as the same, and judging a model never panics.
#![no_main]

use dockgate::compose::{model, source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(file) = source::parse("file", text) else { return };
    let again = source::parse("file", &file.text);
    assert_eq!(again.as_ref(), Ok(&file));
    for document in &file.documents {
        let _ = source::demands(document, "/p");
        let _ = model::demands(document, "/p", true);
    }
});
