//! Any JSON object is an account or a refusal. What is accepted is kept: read again it is the same, and it is accepted again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provisioning_core::{
    accounts::{Account, Draft},
    attributes::schema::ResourceSchema,
    clock::Timestamp,
    ids::AccountId,
};
use serde_json::{Map, Value};

fn account(attributes: &Map<String, Value>) -> Option<Account> {
    let draft = Draft::parse(attributes, ResourceSchema::user()).ok()?;
    let now = Timestamp::from_micros(0);
    Some(draft.insert(AccountId::generate(now), now, |_| {}).account)
}

fuzz_target!(|text: &str| {
    let Ok(Value::Object(mut attributes)) = serde_json::from_str(text) else {
        return;
    };
    attributes.entry("userName").or_insert_with(|| "u".into());
    let Some(one) = account(&attributes) else {
        return;
    };
    let kept = serde_json::from_str(&one.document).expect("a document is an object");
    let other = account(&kept).expect("what was accepted is accepted again");
    assert_eq!(one.document, other.document);
    assert_eq!(one.user_name_key, other.user_name_key);
});
