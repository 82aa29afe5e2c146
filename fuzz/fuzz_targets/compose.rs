//! Reading a Compose file never panics, what is written of it is read as the same, the names in it can be replaced and
//! nothing else is, and judging a model never panics.
#![no_main]

use dockgate::compose::names::{Names, Part, Replaced};
use dockgate::compose::{model, source};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let Ok(file) = source::parse("file", text) else { return };
    let again = source::parse("file", &file.text);
    assert_eq!(again.as_ref(), Ok(&file));
    let mut names = Names::of(&file.documents, &Part::Whole);
    let mut replaced = Replaced::default();
    let none = replaced.written(&file.text);
    assert_eq!(source::parse("file", &none).map(|again| again.documents).as_ref(), Ok(&file.documents));
    names.all_mut().for_each(|name| replaced.put(name, Path::new("/judged")));
    let written = replaced.written(&file.text);
    if let Ok(again) = source::parse("file", &written) {
        let mut left = Names::of(&again.documents, &Part::Whole);
        assert!(left.all_mut().all(|name| name.text == "/judged"), "{written}");
    }
    for document in &file.documents {
        let _ = model::demands(document, "/p", true);
    }
});
