//! Any text is a page token or refused, and none that we did not seal is one.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use provisioning_core::{
    clock::Timestamp,
    page_token::{PageTokens, Query},
    service_key::ServiceKey,
};

static TOKENS: LazyLock<PageTokens> = LazyLock::new(|| {
    PageTokens::new(&ServiceKey::from_bytes(vec![7; ServiceKey::BYTES]).expect("it is one"))
});

/// A position is an id and a sort key of 200 characters at most; a token that is much longer is refused unread.
const POSITION_BYTES_MAX: usize = 8 * 1024;

fuzz_target!(|input: (&str, &[u8])| {
    let (text, position) = input;
    let position = &position[..position.len().min(POSITION_BYTES_MAX)];
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let query = Query::new(&TOKENS, now, "Fuzz", None, &[text]);
    assert!(text.is_empty() || query.open(text).is_err());
    let token = query.token(position, None);
    let place = query.open(&token).expect("it is ours").expect("it is one");
    assert_eq!(place.position, position);
});
