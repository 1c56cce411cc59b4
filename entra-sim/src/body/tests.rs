//! Bodies are compared with the captured and documented ones.

use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::directory::{DirectoryGroup, DirectoryUser, ObjectId};
use crate::mapping::Observed;
use crate::matching::Mapping;

/// The body of a fixture, its placeholders filled with the ids used here.
macro_rules! fixture {
    ($name:literal) => {{
        let text = include_str!(concat!("../../tests/fixtures/", $name, ".json"));
        let request: Value = serde_json::from_str(&text.replace("{mid}", "17")).unwrap();
        request["body"].clone()
    }};
}

fn source(user: &DirectoryUser) -> Source {
    Source::of_user(user, &Mapping::default())
}

fn empty() -> Observed {
    Observed::read(&Value::Null, ObjectType::User)
}

fn alice() -> DirectoryUser {
    let id = Uuid::parse_str("0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef").unwrap();
    let mut user = DirectoryUser::new(ObjectId(id), "alice@contoso.com");
    user.mail = Some("alice@contoso.com".to_owned());
    user.given_name = Some("Alice".to_owned());
    user.surname = Some("Example".to_owned());
    user
}

fn alice_with_everything() -> DirectoryUser {
    let text = |text: &str| Some(text.to_owned());
    DirectoryUser {
        display_name: text("Alice Example"),
        job_title: text("Engineer"),
        preferred_language: text("en-US"),
        physical_delivery_office_name: text("Building 7"),
        street_address: text("1 Main St"),
        city: text("Redmond"),
        state: text("WA"),
        postal_code: text("98052"),
        country: text("US"),
        telephone_number: text("+1 5550100"),
        mobile: text("+1 5550101"),
        facsimile_telephone_number: text("+1 5550102"),
        employee_id: text("701984"),
        department: text("R&D"),
        ..alice()
    }
}

fn edit(slot: Slot, was_empty: bool, value: impl Into<Value>) -> Edit {
    Edit {
        slot,
        was_empty,
        value: value.into(),
    }
}

#[test]
fn a_create_is_the_documented_body() {
    assert_eq!(create(&source(&alice())), fixture!("create-user-doc"));
}

#[test]
fn a_create_with_every_mapped_attribute_is_the_default_mappings_body() {
    let mut expected = fixture!("create-user-default-mapping");
    // Three differences, each on purpose: objectId is mapped in place of mailNickname, references travel apart, and the empty
    // roles of the documented body are sent here too.
    expected["externalId"] = json!("0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef");
    expected[ENTERPRISE]
        .as_object_mut()
        .unwrap()
        .shift_remove("manager")
        .unwrap();
    expected["roles"] = json!([]);
    assert_eq!(create(&source(&alice_with_everything())), expected);
}

#[test]
fn patches_are_the_documented_bodies() {
    let several = [
        edit(Slot::Plain("displayName"), false, "Pvlo"),
        edit(
            Slot::Typed("emails", "work", "value"),
            false,
            "t@test.microsoft.com",
        ),
        edit(Slot::Name("givenName"), false, "Gtfd"),
        edit(Slot::Name("familyName"), false, "Pkqf"),
        edit(Slot::Plain("externalId"), false, "Eqpj"),
        edit(Slot::Enterprise("employeeNumber"), false, "Eqpj"),
    ];
    let grouped = [
        edit(Slot::Plain("displayName"), false, "Bjfe"),
        edit(
            Slot::Typed("emails", "work", "value"),
            false,
            "t2@test.microsoft.com",
        ),
        edit(Slot::Name("givenName"), false, "Kkom"),
        edit(Slot::Name("familyName"), false, "Unua"),
        edit(Slot::Enterprise("employeeNumber"), false, "Aklq"),
    ];
    let active = |value: bool| [edit(Slot::Plain("active"), false, value)];
    let nick_name = [edit(Slot::Plain("nickName"), true, "Babs")];
    assert_eq!(
        patch(&several, FlagMode::Off),
        fixture!("patch-noflag-multi")
    );
    assert_eq!(patch(&grouped, FlagMode::On), fixture!("patch-flag-multi"));
    assert_eq!(
        patch(&active(false), FlagMode::Off),
        fixture!("patch-noflag-disable")
    );
    assert_eq!(
        patch(&active(true), FlagMode::Off),
        fixture!("patch-noflag-enable")
    );
    assert_eq!(
        patch(&active(false), FlagMode::On),
        fixture!("patch-flag-disable")
    );
    assert_eq!(
        patch(&nick_name, FlagMode::Off),
        fixture!("patch-noflag-add-scalar")
    );
    assert_eq!(
        patch(&nick_name, FlagMode::On),
        fixture!("patch-flag-add-scalar")
    );
}

#[test]
fn a_soft_delete_renames_and_disables_as_captured() {
    let user = alice();
    let mut observed = empty();
    observed.accept(&source(&user));
    let mut directory = crate::Directory::default();
    let index = directory.add(user);
    directory.soft_delete(index);
    let edits = observed.edits(&source(&directory.users()[index]));
    assert_eq!(patch(&edits, FlagMode::Off), fixture!("patch-tombstone"));
}

#[test]
fn the_manager_is_set_and_removed_as_captured() {
    assert_eq!(
        set_manager("17", true, FlagMode::Off),
        fixture!("patch-manager-set-1")
    );
    assert_eq!(
        set_manager("17", true, FlagMode::On),
        fixture!("patch-manager-set-2")
    );
    assert_eq!(
        remove_manager(FlagMode::Off),
        fixture!("patch-manager-clear-3")
    );
    assert_eq!(
        remove_manager(FlagMode::On)["Operations"][0]["op"],
        "remove"
    );
    assert_eq!(
        set_manager("17", false, FlagMode::Off)["Operations"][0]["op"],
        "Replace"
    );
}

#[test]
fn groups_are_made_and_changed_as_documented() {
    let id = Uuid::parse_str("8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159").unwrap();
    let group = DirectoryGroup::new(ObjectId(id), "Engineering");
    let source = Source::of_group(&group, &Mapping::default());
    assert_eq!(
        create(&source),
        json!({
            "schemas": [GROUP, ADSCIM_GROUP], "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "Engineering", "meta": {"resourceType": "Group"},
        })
    );
    let operation = |body: Value| body["Operations"][0].clone();
    let element = json!([{"$ref": null, "value": "17"}]);
    assert_eq!(
        operation(add_member("17", FlagMode::Off)),
        json!({"op": "Add", "path": "members", "value": element})
    );
    assert_eq!(
        operation(add_member("17", FlagMode::On)),
        json!({"op": "add", "path": "members", "value": element})
    );
    assert_eq!(
        operation(remove_member("17", FlagMode::Off)),
        json!({"op": "Remove", "path": "members", "value": element})
    );
    assert_eq!(
        operation(remove_member("17", FlagMode::On)),
        json!({"op": "remove", "path": "members[value eq \"17\"]"})
    );
}

/// An account with some attributes set, some others empty, and the user as the directory has it.
fn mixed_edits() -> Vec<Edit> {
    let mut observed = empty();
    observed.accept(&source(&alice()));
    let mut user = alice_with_everything();
    user.surname = Some("Beispiel".to_owned());
    user.mail = Some("alice.beispiel@contoso.com".to_owned());
    user.account_enabled = false;
    observed.edits(&source(&user))
}

#[test]
fn the_body_without_the_flag() {
    insta::assert_json_snapshot!(patch(&mixed_edits(), FlagMode::Off));
}

#[test]
fn the_body_with_the_flag() {
    insta::assert_json_snapshot!(patch(&mixed_edits(), FlagMode::On));
}
