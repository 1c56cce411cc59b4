//! Any JSON is a document and operations or an error. What a PATCH leaves is canonical, by whatever rules.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provisioning_fuzz::attributes::{
    patch::{Op, Operation, PatchRules, apply},
    schema::ResourceSchema,
    search::search_document,
    validate::canonical,
};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(Value::Array(input)) = serde_json::from_str(text) else {
        return;
    };
    let Some((Value::Object(document), operations)) = input.split_first() else {
        return;
    };
    let mut document = document.clone();
    document.insert("userName".to_owned(), "u".into());
    let Ok(document) = canonical(&document, ResourceSchema::user()).map(|found| found.document)
    else {
        return;
    };
    let operations: Vec<_> = operations.iter().filter_map(operation).collect();
    for (replace_creates, ignore_unknown, keep_unknown_schemas) in [
        (true, true, true),
        (true, false, true),
        (false, true, false),
        (false, false, false),
    ] {
        let rules = PatchRules {
            replace_creates,
            ignore_unknown,
            keep_unknown_schemas,
        };
        let Ok(patched) = apply(&document, &operations, ResourceSchema::user(), &rules) else {
            continue;
        };
        assert_eq!(patched.changed, patched.document != document);
        search_document(&patched.document, ResourceSchema::user());
        let again = canonical(&patched.document, ResourceSchema::user())
            .expect("what a PATCH leaves is valid");
        assert_eq!(
            again.document, patched.document,
            "what a PATCH leaves is canonical"
        );
    }
});

/// An operation of RFC 7644, or in short `[op, path, value]`, which a fuzzer finds sooner.
fn operation(json: &Value) -> Option<Operation> {
    let field = |name: &str, index: usize| json.get(name).or_else(|| json.get(index));
    Some(Operation {
        op: Op::parse(field("op", 0)?.as_str()?)?,
        path: field("path", 1).and_then(Value::as_str).map(str::to_owned),
        value: field("value", 2).cloned(),
    })
}
