//! Any text is a path or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provisioning_fuzz::attributes::{path::parse, schema::ResourceSchema};

fuzz_target!(|text: &str| {
    for schema in [ResourceSchema::user(), ResourceSchema::group()] {
        if let Err(error) = parse(text, schema) {
            assert!(error.to_string().len() < 1000, "a message is bounded");
        }
    }
});
