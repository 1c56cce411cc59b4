//! Any text is a filter or an error; a filter printed and read again is the same; it can be evaluated, also without the addresses in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provisioning_fuzz::attributes::{
    Map,
    filter::{evaluate, parse},
    schema::ResourceSchema,
};

fuzz_target!(|text: &str| {
    for schema in [
        ResourceSchema::user(),
        ResourceSchema::group(),
        ResourceSchema::log_entry(),
    ] {
        match parse(text, schema) {
            Ok(filter) => {
                // Printing adds URNs and quotes, so that it may cross the bound on length.
                if let Ok(again) = parse(&filter.to_string(), schema) {
                    assert_eq!(again, filter);
                }
                evaluate(&filter, &Map::new());
                let located =
                    filter.located("https://x.example/scim/acme/v2", &schema.resource_type);
                evaluate(&located, &Map::new());
            }
            Err(error) => assert!(error.to_string().len() < 1000, "a message is bounded"),
        }
    }
});
