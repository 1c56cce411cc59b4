//! Any text is a SCIM token or none; what is one is written in one way only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provisioning_core::tokens::PresentedToken;
use secrecy::SecretString;

fuzz_target!(|text: &str| {
    if let Some(token) = PresentedToken::parse(&SecretString::from(text.to_owned())) {
        assert!(token.id.is_well_formed());
        assert!(text.starts_with("dgo_scim_") && text.contains(token.id.as_str()));
    }
});
