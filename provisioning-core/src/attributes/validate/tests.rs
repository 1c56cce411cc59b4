//! Tables of resources as clients send them.

use serde_json::{Value, json};

use super::*;
use crate::attributes::schema::ENTERPRISE_URN;

#[expect(
    clippy::needless_pass_by_value,
    reason = "tables of json!() read better without borrows"
)]
fn checked(input: Value) -> Result<(Value, Vec<String>), ValueError> {
    let found = canonical(
        input.as_object().expect("an object"),
        ResourceSchema::user(),
    )?;
    Ok((Value::Object(found.document), found.ignored))
}

#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "tables of json!() read better without borrows"
)]
fn becomes(input: Value, expected: Value) {
    let (document, _) = checked(input).expect("it is accepted");
    assert_eq!(document, expected);
    assert_eq!(
        checked(document.clone())
            .expect("what is canonical is accepted")
            .0,
        document,
        "canonical stays canonical"
    );
}

#[test]
fn what_entra_posts_is_accepted() {
    becomes(
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_URN],
            "externalId": "0a21", "userName": "alice@contoso.com", "active": true,
            "emails": [{"primary": true, "type": "work", "value": "alice@contoso.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Alice Example", "familyName": "Example", "givenName": "Alice"},
            "roles": [],
        }),
        json!({
            "externalId": "0a21", "userName": "alice@contoso.com", "active": true,
            "emails": [{"primary": true, "type": "work", "value": "alice@contoso.com"}],
            "name": {"formatted": "Alice Example", "familyName": "Example", "givenName": "Alice"},
        }),
    );
    becomes(
        json!({"userName": "bob", "active": "True", "roles": [{"primary": "True", "type": "True", "value": "Admin"}], ENTERPRISE_URN: {"manager": {"value": "X", "displayName": "read only"}}}),
        json!({"userName": "bob", "active": true, "roles": [{"primary": true, "type": "True", "value": "Admin"}], ENTERPRISE_URN: {"manager": {"value": "X"}}}),
    );
}

#[test]
fn names_are_canonical_and_what_is_unassigned_is_gone() {
    becomes(
        json!({
            "USERNAME": "u", "Emails": [{"Primary": "false", "VALUE": "x"}, null, {"type": "home", "value": ""}], "name": {"FamilyName": null},
            "title": "", "nickName": null, "phoneNumbers": [], "addresses": null, ENTERPRISE_URN.to_lowercase(): {"Department": "d", "manager": ""},
        }),
        json!({"userName": "u", "emails": [{"primary": false, "value": "x"}], ENTERPRISE_URN: {"department": "d"}}),
    );
}

#[test]
fn one_value_may_stand_for_a_list_or_an_object_and_the_reverse() {
    becomes(
        json!({"userName": "u", "title": [{"value": "t"}], "emails": {"value": "x"}, "roles": ["a", "b"], ENTERPRISE_URN: {"manager": [{"$ref": null, "value": "M"}], "division": {"value": "d"}}}),
        json!({"userName": "u", "title": "t", "emails": [{"value": "x"}], "roles": [{"value": "a"}, {"value": "b"}], ENTERPRISE_URN: {"manager": {"value": "M"}, "division": "d"}}),
    );
}

#[test]
fn the_last_primary_wins() {
    becomes(
        json!({"userName": "u", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}, {"value": "c"}]}),
        json!({"userName": "u", "emails": [{"value": "a", "primary": false}, {"value": "b", "primary": true}, {"value": "c"}]}),
    );
}

#[test]
fn unknown_attributes_are_listed_and_unknown_extensions_are_kept() {
    let custom = json!({"Tag": "x", "empty": "", "list": [1, {"a": null}]});
    let (document, ignored) = checked(json!({
        "userName": "u", "adreses": [], "department": null, "name": {"shoe": 1, "givenName": "g"}, "urn:x:Custom:2.0:User": custom,
        ENTERPRISE_URN: {"shoe": 1}, "urn:x:text": "no object", "id": "x", "password": "p", "groups": [{"value": "g"}],
    }))
    .expect("it is accepted");
    assert_eq!(
        document,
        json!({"userName": "u", "name": {"givenName": "g"}, "urn:x:Custom:2.0:User": custom})
    );
    assert_eq!(
        ignored,
        [
            "adreses",
            "department",
            "name.shoe",
            &format!("{ENTERPRISE_URN}:shoe"),
            "urn:x:text"
        ]
    );
}

#[test]
fn made_up_texts_are_no_mistakes() {
    for name in [
        "preferredLanguage",
        "locale",
        "timezone",
        "profileUrl",
        "title",
    ] {
        becomes(
            json!({"userName": "upd-1a2b3c4d", name: "upd-1a2b3c4d"}),
            json!({"userName": "upd-1a2b3c4d", name: "upd-1a2b3c4d"}),
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_name_of_the_attribute() {
    let deep = (0..JSON_DEPTH_MAX).fold(json!(1), |inner, _| json!([inner]));
    for (input, expected, scim_type) in [
        (
            json!({"active": true}),
            "userName is required: map it and give it a value",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": ""}),
            "userName is required: map it and give it a value",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": 5}),
            "userName must be a text",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": " u"}),
            "userName begins or ends with white space; give it another value",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u\u{202e}"}),
            "userName holds the character U+202E, which is invisible or not assigned; give it another value",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "title": {"x": "y"}}),
            "title must be a text",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "title": ["a", "b"]}),
            "title must be a text",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "active": 1}),
            "active must be true or false",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "active": "yes"}),
            "active must be true or false",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "name": "Alice"}),
            "name must be an object of sub-attributes",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "title": "a\0"}),
            "title holds the character NUL, which no attribute may hold",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "urn:x:y": {"a\0": 1}}),
            "urn:x:y holds the character NUL, which no attribute may hold",
            ScimType::InvalidValue,
        ),
        (
            json!({"userName": "u", "USERNAME": "v"}),
            "username is given more than once",
            ScimType::InvalidSyntax,
        ),
        (
            json!({"userName": "u", "name": {"givenName": "u", "givenname": "v"}}),
            "givenname is given more than once",
            ScimType::InvalidSyntax,
        ),
        (
            json!({"userName": "u", "urn:x:y": {"a": [{"b": 1, "B": 2}]}}),
            "b is given more than once",
            ScimType::InvalidSyntax,
        ),
        (
            json!({"userName": "u", "urn:x:y": {"a": deep}}),
            "urn:x:y is nested more than 32 deep",
            ScimType::InvalidSyntax,
        ),
        (
            json!({"userName": "u", ENTERPRISE_URN: "x"}),
            &format!("{ENTERPRISE_URN} must be an object of attributes"),
            ScimType::InvalidValue,
        ),
    ] {
        let error = checked(input).expect_err(expected);
        assert_eq!(
            (error.to_string().as_str(), error.scim_type()),
            (expected, scim_type)
        );
    }
}

#[test]
fn deep_json_does_no_harm() {
    let work = || {
        let deep = (0..1000).fold(json!(1), |inner, index| {
            if index % 2 == 0 {
                json!([inner])
            } else {
                json!({"a": inner})
            }
        });
        for key in ["urn:x:y", "name", "emails", "unknown"] {
            assert!(
                checked(json!({"userName": "u", key: deep})).is_err(),
                "{key}"
            );
        }
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(work)
        .expect("the thread starts")
        .join()
        .expect("it does no harm");
}
