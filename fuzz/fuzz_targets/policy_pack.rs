#![no_main]

use libfuzzer_sys::fuzz_target;
use packs::{Document, check, suite};

// Reading ends, whatever is read; what is sound can be asked, and is the same when it is read again.
fuzz_target!(|data: &[u8]| {
    let Ok(document) = Document::of_bytes(data) else { return };
    assert_eq!(Document::of_bytes(document.bytes()).as_ref(), Ok(&document));
    let checked = check(&document);
    if let Some(pack) = checked.pack {
        let _ = suite::run(&pack, &document);
    }
});
