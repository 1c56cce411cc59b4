//! Tables of PATCH operations: Entra's shapes, then the RFC's.

use serde_json::{Value, json};

use super::*;
use crate::tenants::Dialect;

const ENTRA: PatchRules = Dialect::Entra.rules().patch;
const RFC: PatchRules = Dialect::Rfc.rules().patch;

const E: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn operations(given: &Value) -> Vec<Operation> {
    given
        .as_array()
        .expect("a list of operations")
        .iter()
        .map(|operation| Operation {
            op: Op::parse(operation["op"].as_str().expect("op is a text")).expect("op is known"),
            path: operation
                .get("path")
                .map(|path| path.as_str().expect("path is a text").to_owned()),
            value: operation.get("value").cloned(),
        })
        .collect()
}

fn patched(document: &Value, given: &Value, rules: PatchRules) -> Result<Patched, PatchError> {
    apply(
        document.as_object().expect("an object"),
        &operations(given),
        ResourceSchema::user(),
        &rules,
    )
}

#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "tables of json!() read better without borrows"
)]
fn entra(document: Value, given: Value, expected: Value) {
    let found = patched(&document, &given, ENTRA).expect("it is accepted");
    assert_eq!(Value::Object(found.document), expected);
    assert_eq!(found.changed, document != expected);
}

#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "tables of json!() read better without borrows"
)]
fn refused(document: Value, given: Value, rules: PatchRules, expected: ScimType) {
    let found = patched(&document, &given, rules).expect_err("it is refused");
    assert_eq!(found.scim_type(), expected, "{found}");
}

#[test]
fn several_attributes_one_operation_each() {
    entra(
        json!({"userName": "u", "name": {"familyName": "old", "middleName": "kept"}}),
        json!([
            {"op": "Replace", "path": "displayName", "value": "Pvlo"},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "t@test.microsoft.com"},
            {"op": "Replace", "path": "name.givenName", "value": "Gtfd"},
            {"op": "Replace", "path": "name.familyName", "value": "Pkqf"},
            {"op": "Replace", "path": "externalId", "value": "Eqpj"},
            {"op": "Replace", "path": format!("{E}:employeeNumber"), "value": "Eqpj"},
        ]),
        json!({
            "userName": "u",
            "displayName": "Pvlo",
            "emails": [{"type": "work", "value": "t@test.microsoft.com"}],
            "name": {"familyName": "Pkqf", "middleName": "kept", "givenName": "Gtfd"},
            "externalId": "Eqpj",
            E: {"employeeNumber": "Eqpj"},
        }),
    );
}

#[test]
fn several_attributes_in_one_object_with_paths_as_keys() {
    entra(
        json!({"userName": "u", "name": {"formatted": "kept"}, E: {"department": "kept"}}),
        json!([
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "t2@test.microsoft.com"},
            {"op": "replace", "value": {
                "displayName": "Bjfe", "name.givenName": "Kkom", "name.familyName": "Unua", format!("{E}:employeeNumber"): "Aklq",
                "phoneNumbers[type eq \"mobile\"].value": "+1",
            }},
        ]),
        json!({
            "userName": "u",
            "name": {"formatted": "kept", "givenName": "Kkom", "familyName": "Unua"},
            "emails": [{"type": "work", "value": "t2@test.microsoft.com"}],
            "displayName": "Bjfe",
            E: {"department": "kept", "employeeNumber": "Aklq"},
            "phoneNumbers": [{"type": "mobile", "value": "+1"}],
        }),
    );
}

#[test]
fn an_object_without_a_path_is_merged() {
    entra(
        json!({"userName": "u", "name": {"givenName": "A", "familyName": "B"}, E: {"department": "D", "division": "V"}}),
        json!([{"op": "replace", "value": {"NAME": {"GivenName": "C"}, E: {"department": null, "costCenter": "X"}}}]),
        json!({"userName": "u", "name": {"givenName": "C", "familyName": "B"}, E: {"division": "V", "costCenter": "X"}}),
    );
    entra(
        json!({"userName": "u", E: {"department": "D"}}),
        json!([{"op": "replace", "value": {E: {"department": null}}}]),
        json!({"userName": "u"}),
    );
}

#[test]
fn booleans_may_be_words() {
    for word in [json!("False"), json!("false"), json!("FALSE"), json!(false)] {
        entra(
            json!({"userName": "u", "active": true}),
            json!([{"op": "Replace", "path": "active", "value": word}]),
            json!({"userName": "u", "active": false}),
        );
    }
    refused(
        json!({"userName": "u"}),
        json!([{"op": "Replace", "path": "active", "value": "no"}]),
        ENTRA,
        ScimType::InvalidValue,
    );
}

#[test]
fn a_value_path_without_an_element_makes_one() {
    for op in ["Add", "Replace", "add", "replace"] {
        for (path, value, expected) in [
            (
                "emails[type eq \"work\"].value",
                "n@contoso.com",
                json!({"emails": [{"type": "work", "value": "n@contoso.com"}]}),
            ),
            (
                "phoneNumbers[type eq \"mobile\"].value",
                "+1 555",
                json!({"phoneNumbers": [{"type": "mobile", "value": "+1 555"}]}),
            ),
            (
                "addresses[type eq \"work\"].formatted",
                "B7",
                json!({"addresses": [{"type": "work", "formatted": "B7"}]}),
            ),
            (
                "addresses[type eq \"Other\"].Formatted",
                "B7",
                json!({"addresses": [{"type": "Other", "formatted": "B7"}]}),
            ),
            (
                "roles[primary eq \"True\"].value",
                "Admin",
                json!({"roles": [{"primary": true, "value": "Admin"}]}),
            ),
        ] {
            entra(
                json!({}),
                json!([{"op": op, "path": path, "value": value}]),
                expected,
            );
        }
    }
}

#[test]
fn the_rfc_wants_a_target_for_replace_but_not_for_add() {
    let path = "emails[type eq \"work\"].value";
    refused(
        json!({}),
        json!([{"op": "replace", "path": path, "value": "x"}]),
        RFC,
        ScimType::NoTarget,
    );
    let added = patched(
        &json!({}),
        &json!([{"op": "add", "path": path, "value": "x"}]),
        RFC,
    )
    .expect("it is accepted");
    assert_eq!(
        Value::Object(added.document),
        json!({"emails": [{"type": "work", "value": "x"}]})
    );
}

#[test]
fn an_element_is_only_made_from_what_the_filter_says_it_is() {
    for filter in [
        "type ne \"work\"",
        "type eq \"work\" or type eq \"home\"",
        "not (type eq \"work\")",
        "value pr",
    ] {
        refused(
            json!({}),
            json!([{"op": "add", "path": format!("emails[{filter}].value"), "value": "x"}]),
            ENTRA,
            ScimType::NoTarget,
        );
    }
}

#[test]
fn operations_on_one_missing_element_end_in_one_element() {
    entra(
        json!({}),
        json!([
            {"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "Admin"},
            {"op": "Replace", "path": "roles[primary eq \"True\"].display", "value": "Admin"},
            {"op": "Replace", "path": "roles[primary eq \"True\"].type", "value": "WindowsAzureActiveDirectoryRole"},
        ]),
        json!({"roles": [{"primary": true, "value": "Admin", "display": "Admin", "type": "WindowsAzureActiveDirectoryRole"}]}),
    );
}

#[test]
fn one_element_is_primary_and_a_new_value_does_not_change_which() {
    let emails = json!({"emails": [{"type": "home", "value": "h", "primary": true}, {"type": "work", "value": "w"}]});
    for word in [json!(true), json!("true"), json!("True")] {
        entra(
            emails.clone(),
            json!([{"op": "Add", "path": "emails[type eq \"work\"].primary", "value": word}]),
            json!({"emails": [{"type": "home", "value": "h", "primary": false}, {"type": "work", "value": "w", "primary": true}]}),
        );
    }
    entra(
        emails.clone(),
        json!([{"op": "replace", "path": "emails[primary eq true].value", "value": "n"}]),
        json!({"emails": [{"type": "home", "value": "n", "primary": true}, {"type": "work", "value": "w"}]}),
    );
    entra(
        emails,
        json!([{"op": "add", "path": "emails", "value": [{"type": "other", "value": "o", "primary": true}]}]),
        json!({"emails": [{"type": "home", "value": "h", "primary": false}, {"type": "work", "value": "w"}, {"type": "other", "value": "o", "primary": true}]}),
    );
}

#[test]
fn the_manager_in_all_its_shapes() {
    let set = json!({E: {"manager": {"value": "M"}}});
    let m = format!("{E}:manager");
    for value in [
        json!("M"),
        json!({"value": "M"}),
        json!([{"$ref": null, "value": "M"}]),
    ] {
        for path in [
            m.as_str(),
            "manager",
            &format!("{E}.manager"),
            &m.to_ascii_uppercase(),
        ] {
            for op in ["Add", "Replace"] {
                entra(
                    json!({}),
                    json!([{"op": op, "path": path, "value": value}]),
                    set.clone(),
                );
                entra(
                    json!({E: {"manager": {"value": "old", "$ref": "old"}}}),
                    json!([{"op": op, "path": path, "value": value}]),
                    set.clone(),
                );
            }
        }
    }
    entra(
        json!({}),
        json!([{"op": "add", "path": format!("{m}.value"), "value": "M"}]),
        set.clone(),
    );
    for clear in [
        json!({"op": "replace", "path": m, "value": {"value": ""}}),
        json!({"op": "Replace", "path": m, "value": ""}),
        json!({"op": "Remove", "path": m}),
        json!({"op": "remove", "path": m, "value": "M"}),
        json!({"op": "replace", "path": m, "value": null}),
        json!({"op": "replace", "path": format!("{m}.value"), "value": ""}),
        json!({"op": "replace", "value": {m.clone(): ""}}),
    ] {
        entra(
            json!({E: {"manager": {"value": "M", "$ref": "../Users/M"}, "department": "D"}}),
            json!([clear]),
            json!({E: {"department": "D"}}),
        );
        entra(set.clone(), json!([clear]), json!({}));
    }
}

#[test]
fn roles_are_replaced_or_added_to() {
    let json_in_a_text = "{\"id\":\"06b0\",\"value\":\"Admin\",\"displayName\":\"Admin\"}";
    entra(
        json!({"roles": [{"value": "Old"}]}),
        json!([{"op": "Add", "path": "roles", "value": [{"value": json_in_a_text}]}]),
        json!({"roles": [{"value": "Old"}, {"value": json_in_a_text}]}),
    );
    entra(
        json!({"roles": [{"value": "Old"}]}),
        json!([{"op": "replace", "path": "roles", "value": [{"primary": "False", "type": "T", "value": "A", "display": "A"}, {"value": "B"}]}]),
        json!({"roles": [{"primary": false, "type": "T", "value": "A", "display": "A"}, {"value": "B"}]}),
    );
}

#[test]
fn custom_extensions_need_no_schema() {
    let urn = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User";
    entra(
        json!({}),
        json!([{"op": "Add", "path": format!("{urn}:department_ids"), "value": [{"value": "1"}]}]),
        json!({urn: {"department_ids": [{"value": "1"}]}}),
    );
    entra(
        json!({urn: {"department_ids": [{"value": "1"}], "tag": "x", "gone": 1}}),
        json!([
            {"op": "Add", "path": format!("{urn}:Department_IDs"), "value": [{"value": "1"}, {"value": "2"}]},
            {"op": "replace", "value": {format!("{urn}:tag"): "y"}},
            {"op": "remove", "path": format!("{}:gone", urn.to_uppercase())},
            {"op": "replace", "path": urn, "value": {"size": 3}},
        ]),
        json!({urn: {"department_ids": [{"value": "1"}, {"value": "2"}], "tag": "y", "size": 3}}),
    );
    entra(
        json!({urn: {"list": [{"value": "1", "k": "a"}, {"value": "2"}]}}),
        json!([{"op": "remove", "path": format!("{urn}:list[value eq \"2\"]")}, {"op": "replace", "path": format!("{urn}:list[k eq \"A\"].value"), "value": "3"}]),
        json!({urn: {"list": [{"value": "3", "k": "a"}]}}),
    );
    entra(
        json!({urn: {"tag": "x"}}),
        json!([{"op": "remove", "path": urn}]),
        json!({}),
    );
    entra(
        json!({}),
        json!([{"op": "add", "value": {"urn:example:ext": {"tag": "x"}}}]),
        json!({"urn:example:ext": {"tag": "x"}}),
    );
}

#[test]
fn empty_and_null_remove() {
    for nothing in [json!(""), json!(null)] {
        entra(
            json!({"userName": "u", "displayName": "d", "name": {"givenName": "g"}, "phoneNumbers": [{"type": "work", "value": "1", "primary": true}, {"type": "home", "value": "2"}], E: {"department": "x"}}),
            json!([
                {"op": "replace", "path": "displayName", "value": nothing},
                {"op": "replace", "path": "name.givenName", "value": nothing},
                {"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": nothing},
                {"op": "replace", "path": format!("{E}:department"), "value": nothing},
            ]),
            json!({"userName": "u", "phoneNumbers": [{"type": "home", "value": "2"}]}),
        );
        entra(
            json!({"displayName": "d", "name": {"givenName": "g", "familyName": "f"}}),
            json!([{"op": "replace", "value": {"displayName": nothing, "name.givenName": nothing, format!("{E}:department"): nothing}}]),
            json!({"name": {"familyName": "f"}}),
        );
        entra(
            json!({}),
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": nothing}]),
            json!({}),
        );
    }
    entra(
        json!({"emails": [{"value": "x"}]}),
        json!([{"op": "replace", "path": "emails", "value": []}]),
        json!({}),
    );
}

#[test]
fn remove_takes_attributes_elements_or_parts() {
    let document = json!({"title": "t", "emails": [{"type": "work", "value": "w", "display": "W"}, {"type": "home", "value": "h"}], "name": {"givenName": "g", "familyName": "f"}});
    let without = |path: &str, expected: Value| {
        entra(
            document.clone(),
            json!([{"op": "Remove", "path": path}]),
            expected,
        );
    };
    without(
        "TITLE",
        json!({"emails": document["emails"], "name": document["name"]}),
    );
    without("emails", json!({"title": "t", "name": document["name"]}));
    without(
        "emails[type eq \"WORK\"]",
        json!({"title": "t", "emails": [{"type": "home", "value": "h"}], "name": document["name"]}),
    );
    without(
        "emails[type eq \"work\"].display",
        json!({"title": "t", "emails": [{"type": "work", "value": "w"}, {"type": "home", "value": "h"}], "name": document["name"]}),
    );
    without(
        "emails[type eq \"home\"].value",
        json!({"title": "t", "emails": [{"type": "work", "value": "w", "display": "W"}], "name": document["name"]}),
    );
    without(
        "name.givenName",
        json!({"title": "t", "emails": document["emails"], "name": {"familyName": "f"}}),
    );
    without("emails[type eq \"other\"]", document.clone());
    without("nickName", document.clone());
}

#[test]
fn remove_with_values_takes_only_those() {
    let document =
        json!({"roles": [{"value": "a", "display": "A"}, {"value": "b"}, {"value": "c"}]});
    for value in [
        json!([{"$ref": null, "value": "a"}]),
        json!({"value": "a"}),
        json!("a"),
        json!(["a"]),
    ] {
        entra(
            document.clone(),
            json!([{"op": "Remove", "path": "roles", "value": value}]),
            json!({"roles": [{"value": "b"}, {"value": "c"}]}),
        );
    }
    entra(
        document.clone(),
        json!([{"op": "Remove", "path": "roles", "value": []}]),
        document,
    );
}

#[test]
fn adding_what_is_there_changes_nothing() {
    let document =
        json!({"nickName": "Babs", "emails": [{"type": "work", "value": "w", "primary": true}]});
    for operation in [
        json!({"op": "add", "path": "nickName", "value": "Babs"}),
        json!({"op": "add", "path": "emails", "value": [{"type": "work", "value": "w"}]}),
        json!({"op": "add", "path": "emails", "value": {"value": "w"}}),
        json!({"op": "add", "value": {"nickname": "Babs"}}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].primary", "value": "True"}),
        json!({"op": "remove", "path": "title"}),
    ] {
        let found = patched(&document, &json!([operation]), RFC).expect("it is accepted");
        assert!(!found.changed, "{operation}");
        assert_eq!(Value::Object(found.document), document);
    }
}

#[test]
fn whole_elements_are_set_through_a_value_path() {
    let document = json!({"addresses": [{"type": "work", "locality": "old", "region": "kept or not"}, {"type": "home", "locality": "h"}]});
    let path = "addresses[type eq \"work\"]";
    entra(
        document.clone(),
        json!([{"op": "replace", "path": path, "value": {"locality": "new"}}]),
        json!({"addresses": [{"type": "work", "locality": "new"}, {"type": "home", "locality": "h"}]}),
    );
    entra(
        document,
        json!([{"op": "add", "path": path, "value": {"locality": "new"}}]),
        json!({"addresses": [{"type": "work", "locality": "new", "region": "kept or not"}, {"type": "home", "locality": "h"}]}),
    );
    entra(
        json!({"emails": [{"type": "work", "value": "old", "primary": true}]}),
        json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": "new"}]),
        json!({"emails": [{"type": "work", "value": "new", "primary": true}]}),
    );
}

#[test]
fn what_is_unknown_or_not_writable_is_passed_over_or_refused() {
    let given = json!([
        {"op": "add", "path": "shoeSize", "value": 44},
        {"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:role", "value": "Admin"},
        {"op": "add", "path": "emails[color eq \"red\"].value", "value": "x"},
        {"op": "replace", "value": {"id": "x", "meta": {"created": "x"}, "schemas": [], "groups": [], "title": "t"}},
        {"op": "replace", "path": "name", "value": {"shoe": 1, "givenName": "g"}},
        {"op": "replace", "path": "password", "value": "p"},
    ]);
    let found = patched(&json!({}), &given, ENTRA).expect("it is accepted");
    assert_eq!(
        Value::Object(found.document),
        json!({"title": "t", "name": {"givenName": "g"}})
    );
    assert_eq!(
        found.ignored,
        [
            "shoeSize",
            "urn:ietf:params:scim:schemas:core:2.0:User:role",
            "emails[color eq \"red\"].value",
            "id",
            "meta",
            "groups",
            "name.shoe"
        ]
    );
    for (index, expected) in [
        (0, ScimType::InvalidPath),
        (1, ScimType::InvalidPath),
        (1, ScimType::InvalidPath),
        (3, ScimType::Mutability),
        (4, ScimType::InvalidValue),
    ] {
        refused(json!({}), json!([given[index]]), RFC, expected);
    }
    let password = patched(&json!({}), &json!([given[5]]), RFC).expect("it is accepted");
    assert_eq!((password.changed, password.ignored.len()), (false, 0));
}

#[test]
fn what_an_object_says_it_is_is_no_change() {
    let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User", E]);
    let given = json!([
        {"op": "add", "value": {"schemas": schemas, "title": "t", E: {"schemas": [E], "department": "d"}}},
        {"op": "replace", "path": E, "value": {"schemas": [E], "division": "v"}},
        {"op": "add", "path": "schemas", "value": schemas},
    ]);
    for rules in [ENTRA, RFC] {
        let found = patched(&json!({}), &given, rules).expect("it is accepted");
        let expected = json!({"title": "t", E: {"department": "d", "division": "v"}});
        assert_eq!(Value::Object(found.document), expected);
        assert!(found.ignored.is_empty(), "{:?}", found.ignored);
    }
}

#[test]
fn a_required_attribute_stays() {
    for operation in [
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "replace", "path": "userName", "value": ""}),
        json!({"op": "replace", "value": {"USERNAME": null}}),
    ] {
        refused(
            json!({"userName": "u"}),
            json!([operation]),
            ENTRA,
            ScimType::Mutability,
        );
    }
}

#[test]
fn a_tombstone_name_is_a_plain_rename() {
    let name = "0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com";
    entra(
        json!({"userName": "alice@contoso.com", "active": true}),
        json!([{"op": "Replace", "path": "userName", "value": name}, {"op": "Replace", "path": "active", "value": "False"}]),
        json!({"userName": name, "active": false}),
    );
}

#[test]
fn one_bad_operation_spoils_all_and_is_named() {
    let given = json!([{"op": "add", "path": "title", "value": "t"}, {"op": "add", "path": "emails[", "value": "x"}]);
    let error = patched(&json!({}), &given, ENTRA).expect_err("it is refused");
    assert_eq!(
        (error.operation, error.scim_type()),
        (1, ScimType::InvalidPath)
    );
    for (operation, expected) in [
        (json!({"op": "remove"}), ScimType::NoTarget),
        (json!({"op": "add", "value": "x"}), ScimType::InvalidValue),
        (
            json!({"op": "add", "path": "title"}),
            ScimType::InvalidValue,
        ),
        (
            json!({"op": "add", "path": "title", "value": 5}),
            ScimType::InvalidValue,
        ),
        (
            json!({"op": "add", "path": "title", "value": "a\0b"}),
            ScimType::InvalidValue,
        ),
        (
            json!({"op": "add", "path": "name", "value": "x"}),
            ScimType::InvalidValue,
        ),
        (
            json!({"op": "add", "path": "title[x eq 1]", "value": "x"}),
            ScimType::InvalidPath,
        ),
        (
            json!({"op": "add", "path": "name.givenName.x", "value": "x"}),
            ScimType::InvalidPath,
        ),
        (
            json!({"op": "add", "path": format!("{E}:manager.displayName.x"), "value": "x"}),
            ScimType::InvalidPath,
        ),
        (
            json!({"op": "add", "path": "x".repeat(513), "value": "x"}),
            ScimType::InvalidPath,
        ),
        (
            json!({"op": "replace", "path": "userName", "value": "a\u{202e}b"}),
            ScimType::InvalidValue,
        ),
        (
            json!({"op": "add", "path": "name", "value": {"givenName": "a", "GIVENNAME": "b"}}),
            ScimType::InvalidSyntax,
        ),
    ] {
        refused(json!({}), json!([operation]), ENTRA, expected);
    }
    let many = Value::Array(vec![
        json!({"op": "remove", "path": "title"});
        OPERATIONS_MAX + 1
    ]);
    refused(json!({}), many, ENTRA, ScimType::TooMany);
}
