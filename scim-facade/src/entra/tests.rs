//! The captured bodies, and what holds for all passes together.

use proptest::prelude::*;
use provisioning_proto::v1::{Account, Group};
use serde_json::{Map, Value, json};

use super::{operations, resource};
use crate::scim::{
    input,
    patch::{self, Op, Operation},
};

/// Where the captured bodies are, each named by what it shows.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/entra/fixtures");

/// The captured body of that name.
pub(super) fn fixture(name: &str) -> Map<String, Value> {
    let text =
        std::fs::read(format!("{FIXTURES}/{name}.json")).expect("the fixture is in the folder");
    serde_json::from_slice(&text).expect("a fixture is an object")
}

fn fixture_names() -> Vec<String> {
    let files = std::fs::read_dir(FIXTURES).expect("the folder is there");
    let mut names: Vec<_> = files
        .map(|file| {
            file.expect("it can be read")
                .path()
                .file_stem()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort_unstable();
    names
}

/// The operations of a captured PATCH.
pub(super) fn patch(name: &str) -> Vec<Operation> {
    patch::parse(fixture(name)).expect("the fixture is a PATCH")
}

/// What a test compares of operations that set something; no path shows as an empty one.
pub(super) fn paths_and_values(operations: Vec<Operation>) -> Vec<(String, Value)> {
    operations
        .into_iter()
        .map(|operation| {
            (
                operation.path.unwrap_or_default(),
                operation.value.unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn every_captured_body_is_understood() {
    let understood: Vec<String> = fixture_names()
        .iter()
        .map(|name| {
            if fixture(name).contains_key("Operations") {
                let lines: Vec<String> = operations(patch(name)).iter().map(line).collect();
                format!("{name}\n{}", lines.join("\n"))
            } else {
                let mut body = fixture(name);
                resource(&mut body);
                let json = if name.starts_with("group-") {
                    let group: Group = input::parse(body).expect("the fixture is a group");
                    serde_json::to_string(&group)
                } else {
                    let account: Account = input::parse(body).expect("the fixture is a user");
                    serde_json::to_string(&account)
                };
                format!("{name}\n  {}", json.expect("a resource is JSON"))
            }
        })
        .collect();
    insta::assert_snapshot!(understood.join("\n"));
}

fn line(operation: &Operation) -> String {
    let path = operation.path.as_deref().unwrap_or("-");
    match &operation.value {
        Some(value) => format!("  {:?} {path} {value}", operation.op),
        None => format!("  {:?} {path}", operation.op),
    }
}

#[test]
fn json_in_a_role_is_kept_as_it_is() {
    // AzureAD/SCIM-SDK#516: AppRoleAssignmentsComplex sends a JSON document inside a string.
    let operations = operations(patch("patch-role-complex-json"));
    let text = operations[0].value.as_ref().unwrap()[0]["value"]
        .as_str()
        .unwrap();
    assert!(text.starts_with("{\"id\":"), "{text}");
}

#[test]
fn value_paths_are_the_cores() {
    let sent = patch("patch-role-single");
    assert_eq!(operations(sent.clone()), sent);
}

#[test]
fn a_removal_of_listed_values_is_one_operation() {
    // MicrosoftDocs/entra-docs, application-provisioning-config-problem-scim-compatibility; read as "remove the attribute", it empties
    // a group (AzureAD/SCIM-SDK#149, directory-scimple#436).
    let many: Vec<Value> = (0..150)
        .map(|n| json!({ "value": n.to_string() }))
        .collect();
    for (path, listed) in [
        ("members", json!(many)),
        ("members", json!("id 1")),
        ("roles[type eq \"x\"]", json!([{"value": "1"}])),
        ("emails", json!([])),
        ("emails", json!(null)),
    ] {
        let removal = Operation {
            op: Op::Remove,
            path: Some(path.to_owned()),
            value: Some(listed),
        };
        assert_eq!(operations(vec![removal.clone()]), [removal]);
    }
    let captured = operations(patch("group-remove-noflag"));
    assert_eq!(
        paths_and_values(captured),
        [("members".to_owned(), json!([{"value": "{uid}"}]))]
    );
}

#[test]
fn a_member_alone_loses_its_nulls_too() {
    let add = Operation {
        op: Op::Add,
        path: None,
        value: Some(json!({"members": {"$ref": null, "type": null, "value": "u"}})),
    };
    assert_eq!(
        paths_and_values(operations(vec![add])),
        [("members".to_owned(), json!([{"value": "u"}]))]
    );
}

/// Names and values that the passes look for, mixed with any others.
fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(String::new()),
        Just("True".to_owned()),
        Just("false".to_owned()),
        "\\PC{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "active",
        "Primary",
        "manager",
        "Manager.value",
        "value",
        "$ref",
        "name",
        "name.givenName",
        "emails",
        "members",
        "userName",
        "emails[type eq \"work\"].value",
        "displayName",
        "urn:ietf:params:scim:schemas:core:2.0:Group:members",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
        "urn:x:2.0:User",
        "urn:x:2.0:User:a",
        "urn:x",
        "",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn operation() -> impl Strategy<Value = Operation> {
    let op = prop::sample::select(vec![Op::Add, Op::Replace, Op::Remove]);
    // The parser makes no empty path.
    let path = prop::option::of(name()).prop_map(|path| path.filter(|path| !path.is_empty()));
    (op, path, prop::option::of(json())).prop_map(|(op, path, value)| Operation { op, path, value })
}

type Pass = fn(Vec<Operation>) -> Vec<Operation>;

const PASSES: [(&str, Pass); 7] = [
    ("no path", super::no_path::split),
    ("nulls", |mut operations| {
        super::nulls::dropped(&mut operations);
        operations
    }),
    ("manager", super::manager::in_operations),
    ("members", super::members::in_operations),
    ("clearing", super::clearing::as_removal),
    ("booleans", |mut operations| {
        super::booleans::in_operations(&mut operations);
        operations
    }),
    ("all", operations),
];

proptest! {
    #[test]
    fn a_pass_changes_nothing_the_second_time(sent in proptest::collection::vec(operation(), 0..4)) {
        for (name, pass) in PASSES {
            let once = pass(sent.clone());
            prop_assert_eq!(pass(once.clone()), once, "{}", name);
        }
    }

    #[test]
    fn a_resource_is_read_or_refused(sent in json()) {
        if let Value::Object(mut body) = sent {
            resource(&mut body);
            let once = body.clone();
            resource(&mut body);
            prop_assert_eq!(&body, &once);
            let _ = input::parse::<Account>(body.clone());
            let _ = input::parse::<Group>(body);
        }
    }

    #[test]
    fn a_patch_is_read_or_refused(sent in json()) {
        let _ = patch::parse(Map::from_iter([("Operations".to_owned(), json!([sent]))]));
    }
}
