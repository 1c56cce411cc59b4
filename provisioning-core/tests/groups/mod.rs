//! The use cases of groups, on every engine: who gets in and out, what is refused, and what the log and the changes say of it.

mod concurrency;
mod cost;
mod lists;
mod plans;
mod protection;

use std::time::Duration;

use provisioning_core::{
    accounts::Precondition,
    attributes::patch::{Op, Operation},
    call::Call,
    changes::{ChangeKind, Resource},
    error::{Error, Reason},
    groups::{Group, GroupKey, View, Written},
    ids::GroupId,
    log::{self, Outcome},
    receipts::{Answer, Once},
    tenants::{Dialect, TenantChanges},
};
use serde_json::{Map, Value, json};

use crate::world::{
    CONTOSO, FABRIKAM, World, admin, fresh, on_every_engine, once, operator, reason,
};

const NOBODY: &str = "0190c0de-0000-7000-8000-000000000000";

pub fn operation(op: Op, path: &str, value: Value) -> Operation {
    Operation {
        op,
        path: Some(path.to_owned()),
        value: Some(value),
    }
}

pub fn attributes(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => panic!("it is an object"),
    }
}

pub async fn create(world: &World, attributes: Value) -> Group {
    fresh(try_create(world, attributes).await).group
}

async fn try_create(world: &World, attributes: Value) -> Result<Answer<Written>, Error> {
    // Ids are in the order of time.
    world.clock.advance(Duration::from_micros(1));
    world
        .core
        .create_group(&admin(CONTOSO), &self::attributes(attributes), false, None)
        .await
}

pub async fn patch(
    world: &World,
    call: &Call,
    id: GroupId,
    operations: &[Operation],
) -> Result<Written, Error> {
    world.clock.advance(Duration::from_micros(1));
    match world
        .core
        .patch_group(call, id, operations, &Precondition::default(), None)
        .await?
    {
        Answer::Fresh(written) => Ok(written),
        Answer::Replayed(_) => panic!("there was no request id"),
    }
}

async fn read(world: &World, id: GroupId) -> Group {
    world
        .core
        .get_group(&admin(CONTOSO), &GroupKey::Id(id), View::Full)
        .await
        .expect("it is there")
}

/// The names of the members, in order.
async fn members(world: &World, id: GroupId) -> Vec<String> {
    let mut names: Vec<_> = read(world, id)
        .await
        .members
        .expect("they were asked for")
        .into_iter()
        .map(|member| member.display)
        .collect();
    names.sort();
    names
}

async fn people<const N: usize>(world: &World, names: [&str; N]) -> [String; N] {
    let mut ids = Vec::new();
    for name in names {
        ids.push(world.create_account(name, None).await.id.to_string());
    }
    ids.try_into().expect("as many")
}

async fn rfc(world: &World) {
    let changes = TenantChanges {
        dialect: Some(Dialect::Rfc),
        ..TenantChanges::default()
    };
    fresh(
        world
            .core
            .update_tenant(&operator(CONTOSO), &changes, &Precondition::default(), None)
            .await,
    );
}

on_every_engine! {
    async fn a_group_comes_back_as_it_was_given_with_what_its_members_are(world: World) {
        let [ada, bob] = people(&world, ["ada", "bob"]).await;
        let inner = create(&world, json!({"displayName": "Inner"})).await;
        let group = create(&world, json!({
            "displayName": "Engineering", "externalId": "oid", "urn:example:2.0:Group": {"tag": "x"},
            "members": [{"value": ada, "display": "made up", "type": "Group", "displayName": "x"}, bob, {"$ref": format!("../Groups/{}", inner.id)}]
        }))
        .await;
        let found = read(&world, group.id).await;
        let shown: Vec<_> = found.members.clone().expect("they were asked for").into_iter().map(|member| (member.id.to_string(), member.kind.as_str(), member.display)).collect();
        let mut expected = vec![(ada, "User", "ada".to_owned()), (bob, "User", "bob".to_owned()), (inner.id.to_string(), "Group", "Inner".to_owned())];
        expected.sort();
        assert_eq!(shown, expected);
        let document: Value = serde_json::from_str(&found.document).expect("it is JSON");
        assert_eq!(document, json!({"displayName": "Engineering", "externalId": "oid", "urn:example:2.0:Group": {"tag": "x"}}));
        for key in [provisioning_core::Core::display_name_key("ENGINEERING"), GroupKey::ObjectId("oid".to_owned())] {
            let same = world.core.get_group(&admin(CONTOSO), &key, View::Basic).await.expect("it is found");
            assert_eq!((same.id, same.version, same.members), (group.id, 1, None));
        }
    }

    async fn a_name_is_unique_without_regard_to_case_as_the_settings_have_it(world: World) {
        let first = create(&world, json!({"displayName": "Engineering"})).await;
        let Err(Error::Refused(refusal)) = try_create(&world, json!({"displayName": "ENGINEERING"})).await else { panic!("it is taken") };
        assert_eq!(refusal.reason, Reason::Uniqueness);
        assert!(refusal.detail.contains(&first.id.to_string()), "{refusal}");
        let second = create(&world, json!({"displayName": "Sales"})).await;
        let rename = [operation(Op::Replace, "displayName", json!("engineering"))];
        assert_eq!(reason(patch(&world, &admin(CONTOSO), second.id, &rename).await), Reason::Uniqueness);
        rfc(&world).await;
        patch(&world, &admin(CONTOSO), second.id, &rename).await.expect("names may be shared");
        let key = provisioning_core::Core::display_name_key("engineering");
        assert_eq!(reason(world.core.get_group(&admin(CONTOSO), &key, View::Basic).await), Reason::InvalidValue);
        let unique = TenantChanges { group_display_name_unique: Some(Some(true)), ..TenantChanges::default() };
        let dry = Precondition { etag: None, validate_only: true };
        for precondition in [dry, Precondition::default()] {
            let refused = world.core.update_tenant(&operator(CONTOSO), &unique, &precondition, None).await;
            assert_eq!(reason(refused), Reason::SettingConflict);
        }
        patch(&world, &admin(CONTOSO), second.id, &[operation(Op::Replace, "displayName", json!("Sales"))]).await.expect("it is free");
        fresh(world.core.update_tenant(&operator(CONTOSO), &unique, &Precondition::default(), None).await);
        assert_eq!(reason(patch(&world, &admin(CONTOSO), second.id, &rename).await), Reason::Uniqueness);
    }

    async fn members_come_and_go_in_every_form_of_a_patch(world: World) {
        let [ada, bob, eve] = people(&world, ["ada", "bob", "eve"]).await;
        let group = create(&world, json!({"displayName": "Engineering"})).await;
        let element = |id: &str| json!({"$ref": null, "value": id});
        let by_value = |id: &str| format!("members[value eq \"{id}\"]");
        let by_ref = |collection: &str, id: &str| format!("members[$ref eq \"https://scim.example/scim/contoso/v2/{collection}/{id}\"]");
        let remove = |path: &str| Operation { op: Op::Remove, path: Some(path.to_owned()), value: None };
        let no_path = |op, value| Operation { op, path: None, value: Some(value) };
        let core = "urn:ietf:params:scim:schemas:core:2.0:Group:members";
        for (operations, expected) in [
            (vec![operation(Op::Add, "members", json!([element(&ada)]))], vec!["ada"]),
            (vec![operation(Op::Add, core, json!(bob)), operation(Op::Add, "members", json!([]))], vec!["ada", "bob"]),
            (vec![operation(Op::Add, "members", json!([element(&ada), element(&ada)]))], vec!["ada", "bob"]),
            (vec![operation(Op::Remove, "members", json!([element(&ada)]))], vec!["bob"]),
            (vec![operation(Op::Remove, "members", json!([element(&ada)]))], vec!["bob"]),
            (vec![operation(Op::Add, "members", json!([ada, eve])), remove(&by_value(&ada))], vec!["bob", "eve"]),
            (vec![remove(&by_value(&bob)), operation(Op::Add, "members", json!([element(&bob), ada]))], vec!["ada", "bob", "eve"]),
            (vec![remove(&format!("members[value eq \"{bob}\" or value eq \"{eve}\"]"))], vec!["ada"]),
            (vec![no_path(Op::Add, json!({"members": [bob], "externalId": "x"}))], vec!["ada", "bob"]),
            (vec![no_path(Op::Replace, json!({"externalId": "y"}))], vec!["ada", "bob"]),
            (vec![operation(Op::Add, "members", json!([eve])), remove("members[display sw \"E\"]")], vec!["ada", "bob"]),
            (vec![remove("members[type eq \"group\"]")], vec!["ada", "bob"]),
            (vec![operation(Op::Replace, "members", json!([element(&eve), bob]))], vec!["bob", "eve"]),
            (vec![operation(Op::Remove, "members", json!(null))], vec!["bob", "eve"]),
            (vec![remove("members[type eq \"User\" and display co \"ob\"]")], vec!["eve"]),
            (vec![remove(&by_ref("Groups", &eve))], vec!["eve"]),
            (vec![operation(Op::Add, &by_ref("Users", &bob), json!({})), remove(&by_ref("Users", &eve))], vec!["bob"]),
            (vec![operation(Op::Add, "members", json!([eve])), remove("members[$ref co \"/contoso/v2/Users/\" and display eq \"bob\"]")], vec!["eve"]),
            (vec![remove("members"), operation(Op::Add, "members", json!(ada))], vec!["ada"]),
            (vec![remove("members")], vec![]),
        ] {
            patch(&world, &admin(CONTOSO), group.id, &operations).await.unwrap_or_else(|error| panic!("{error}: {operations:?}"));
            assert_eq!(members(&world, group.id).await, expected, "{operations:?}");
        }
        assert_eq!(read(&world, group.id).await.object_id.as_deref(), Some("y"));
    }

    async fn what_a_membership_consists_of_cannot_be_changed(world: World) {
        let [ada, bob] = people(&world, ["ada", "bob"]).await;
        let group = create(&world, json!({"displayName": "Engineering", "members": [ada]})).await;
        let display = [operation(Op::Replace, &format!("members[value eq \"{ada}\"].display"), json!("x"))];
        let absent = [operation(Op::Replace, &format!("members[value eq \"{bob}\"]"), json!({"value": bob}))];
        let ignored = patch(&world, &admin(CONTOSO), group.id, &display).await.expect("Entra is not refused");
        assert!(!ignored.changed);
        rfc(&world).await;
        assert_eq!(reason(patch(&world, &admin(CONTOSO), group.id, &display).await), Reason::Mutability);
        assert_eq!(reason(patch(&world, &admin(CONTOSO), group.id, &absent).await), Reason::NoTarget);
        let present = [operation(Op::Replace, &format!("members[value eq \"{ada}\"]"), json!({"value": bob}))];
        patch(&world, &admin(CONTOSO), group.id, &present).await.expect("it is there");
        let [left] = &read(&world, group.id).await.members.expect("they were asked for")[..] else { panic!("it is one") };
        assert_eq!((left.id.to_string(), left.display.as_str()), (bob, ""), "the RFC's schema has no name for a member");
    }

    async fn unknown_members_are_passed_over_and_named_or_refused(world: World) {
        let [ada] = people(&world, ["ada"]).await;
        let other = {
            world.create_tenant(FABRIKAM).await;
            world.create_account_in(FABRIKAM, "eve", None).await.id.to_string()
        };
        let group = create(&world, json!({"displayName": "Engineering", "members": [NOBODY, ada]})).await;
        let own = group.id.to_string();
        let add = [operation(Op::Add, "members", json!([NOBODY, "not an id", other, own]))];
        assert!(!patch(&world, &admin(CONTOSO), group.id, &add).await.expect("it is taken").changed);
        assert_eq!(members(&world, group.id).await, ["ada"]);
        let created = world.log(CONTOSO, "operation eq \"create\" and resourceType eq \"Group\"").await.remove(0);
        assert!(created.detail.contains(NOBODY), "{}", created.detail);
        rfc(&world).await;
        for id in [NOBODY, "not an id", &other, &own] {
            let add = [operation(Op::Add, "members", json!([{"value": id}]))];
            assert_eq!(reason(patch(&world, &admin(CONTOSO), group.id, &add).await), Reason::UnknownMember, "{id}");
        }
        let remove = [operation(Op::Remove, "members", json!([NOBODY, "not an id"]))];
        assert!(!patch(&world, &admin(CONTOSO), group.id, &remove).await.expect("nobody is missed").changed);
        for wrong in [json!(7), json!([true]), json!([{"value": 7}])] {
            assert_eq!(reason(patch(&world, &admin(CONTOSO), group.id, &[operation(Op::Add, "members", wrong)]).await), Reason::InvalidValue);
        }
    }

    async fn every_change_counts_once_and_nothing_changed_leaves_no_trace(world: World) {
        let [ada, bob] = people(&world, ["ada", "bob"]).await;
        let group = create(&world, json!({"displayName": "Engineering"})).await;
        let call = admin(CONTOSO);
        let add = [operation(Op::Add, "members", json!([ada]))];
        patch(&world, &call, group.id, &add).await.expect("it is taken");
        patch(&world, &call, group.id, &[operation(Op::Replace, "displayName", json!("Builders")), operation(Op::Add, "members", json!([bob]))])
            .await
            .expect("it is taken");
        let before = (read(&world, group.id).await, world.log(CONTOSO, "").await, world.changes(CONTOSO).await);
        assert_eq!(before.0.version, 3);
        assert!(before.0.updated_at > group.updated_at);
        for same in [
            add.to_vec(),
            vec![operation(Op::Replace, "members", json!([bob, ada])), operation(Op::Replace, "displayName", json!("Builders"))],
        ] {
            assert!(!patch(&world, &call, group.id, &same).await.expect("it is taken").changed);
        }
        let put = attributes(json!({"displayName": "Builders", "members": [ada, bob]}));
        assert!(!fresh(world.core.replace_group(&call, group.id, &put, &Precondition::default(), None).await).changed);
        assert_eq!((read(&world, group.id).await, world.log(CONTOSO, "").await, world.changes(CONTOSO).await), before);
        world.clock.advance(Duration::from_micros(1));
        let put = attributes(json!({"displayName": "Builders", "members": [bob]}));
        assert!(fresh(world.core.replace_group(&call, group.id, &put, &Precondition::default(), None).await).changed);
        world.clock.advance(Duration::from_micros(1));
        fresh(world.core.delete_group(&call, group.id, &Precondition::default(), None).await);
        let kinds = [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Updated, ChangeKind::Updated, ChangeKind::Deleted];
        let expected: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, version)| (kind, Resource::Group(group.id), version)).collect();
        let changes: Vec<_> = world.changes(CONTOSO).await.into_iter().filter(|(_, resource, _)| matches!(resource, Resource::Group(_))).collect();
        assert_eq!(changes, expected);
        let entries = world.log(CONTOSO, &format!("resourceId eq \"{}\" and resourceType eq \"Group\"", group.id)).await;
        let operations: Vec<_> = entries.iter().rev().map(|entry| entry.operation).collect();
        assert_eq!(operations, [log::Operation::Create, log::Operation::Patch, log::Operation::Patch, log::Operation::Replace, log::Operation::Delete]);
        let renamed = &entries[2];
        assert_eq!((renamed.user_name.as_str(), renamed.http_status, renamed.outcome), ("Builders", 204, Outcome::Success));
        let named: Vec<_> = renamed.changes.iter().map(|change| (change.attribute.as_str(), change.old.clone(), change.new.clone())).collect();
        assert_eq!(named, [("displayName", Some(json!("Engineering")), Some(json!("Builders"))), ("members", None, Some(json!([bob])))]);
        assert_eq!(entries[1].changes[0].old, Some(json!([ada])));
    }

    async fn a_write_with_an_etag_needs_the_group_and_its_members_as_they_were(world: World) {
        let [ada, bob] = people(&world, ["ada", "bob"]).await;
        let group = create(&world, json!({"displayName": "Engineering"})).await;
        let call = admin(CONTOSO);
        let seen = Precondition { etag: Some(group.etag()), validate_only: false };
        patch(&world, &call, group.id, &[operation(Op::Add, "members", json!([ada]))]).await.expect("it is taken");
        let add = [operation(Op::Add, "members", json!([bob]))];
        assert_eq!(reason(world.core.patch_group(&call, group.id, &add, &seen, None).await), Reason::EtagMismatch);
        let put = attributes(json!({"displayName": "Sales"}));
        assert_eq!(reason(world.core.replace_group(&call, group.id, &put, &seen, None).await), Reason::EtagMismatch);
        assert_eq!(reason(world.core.delete_group(&call, group.id, &seen, None).await), Reason::EtagMismatch);
        let seen = Precondition { etag: Some(read(&world, group.id).await.etag()), validate_only: false };
        assert!(fresh(world.core.patch_group(&call, group.id, &add, &seen, None).await).changed);
        let seen = Precondition { etag: Some(read(&world, group.id).await.etag()), validate_only: false };
        assert!(fresh(world.core.replace_group(&call, group.id, &put, &seen, None).await).changed);
        assert!(members(&world, group.id).await.is_empty());
        let seen = Precondition { etag: Some(read(&world, group.id).await.etag()), validate_only: false };
        fresh(world.core.delete_group(&call, group.id, &seen, None).await);
        assert_eq!(reason(world.core.get_group(&call, &GroupKey::Id(group.id), View::Basic).await), Reason::GroupNotFound);
    }

    async fn a_deleted_member_is_not_seen_and_comes_back_with_its_memberships(world: World) {
        const GUID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
        let ada = world.create_account("ada", Some(GUID)).await;
        let inner = create(&world, json!({"displayName": "Inner"})).await;
        let group = create(&world, json!({"displayName": "Outer", "members": [ada.id.to_string(), inner.id.to_string()]})).await;
        fresh(world.core.delete_account(&admin(CONTOSO), ada.id, &Precondition::default(), None).await);
        fresh(world.core.delete_group(&admin(CONTOSO), inner.id, &Precondition::default(), None).await);
        assert!(members(&world, group.id).await.is_empty());
        let restored = fresh(world.try_create_account("ada", Some(GUID)).await);
        assert_eq!(restored.account.id, ada.id);
        assert_eq!(members(&world, group.id).await, ["ada"]);
    }

    async fn a_deleted_group_is_gone_and_its_name_is_free(world: World) {
        let [ada] = people(&world, ["ada"]).await;
        let group = create(&world, json!({"displayName": "Engineering", "members": [ada]})).await;
        let call = admin(CONTOSO);
        fresh(world.core.delete_group(&call, group.id, &Precondition::default(), None).await);
        assert_eq!(reason(world.core.delete_group(&call, group.id, &Precondition::default(), None).await), Reason::GroupNotFound);
        let add = [operation(Op::Add, "members", json!([ada]))];
        assert_eq!(reason(patch(&world, &call, group.id, &add).await), Reason::GroupNotFound);
        assert_eq!(reason(world.core.replace_group(&call, group.id, &attributes(json!({"displayName": "x"})), &Precondition::default(), None).await), Reason::GroupNotFound);
        let again = create(&world, json!({"displayName": "Engineering"})).await;
        assert_ne!(again.id, group.id);
        assert!(members(&world, again.id).await.is_empty());
    }

    async fn a_dry_run_checks_everything_and_changes_nothing(world: World) {
        let [ada] = people(&world, ["ada"]).await;
        let group = create(&world, json!({"displayName": "Engineering"})).await;
        create(&world, json!({"displayName": "Sales"})).await;
        let call = admin(CONTOSO);
        let before = (read(&world, group.id).await, world.log(CONTOSO, "outcome eq \"success\"").await, world.changes(CONTOSO).await);
        let dry = Precondition { etag: None, validate_only: true };
        let add = [operation(Op::Add, "members", json!([ada]))];
        assert!(fresh(world.core.patch_group(&call, group.id, &add, &dry, None).await).changed);
        let taken = [operation(Op::Replace, "displayName", json!("SALES"))];
        assert_eq!(reason(world.core.patch_group(&call, group.id, &taken, &dry, None).await), Reason::Uniqueness);
        let created = world.core.create_group(&call, &attributes(json!({"displayName": "New"})), true, None).await;
        assert_eq!(fresh(created).group.display_name, "New");
        fresh(world.core.delete_group(&call, group.id, &dry, None).await);
        assert_eq!((read(&world, group.id).await, world.log(CONTOSO, "outcome eq \"success\"").await, world.changes(CONTOSO).await), before);
    }

    async fn the_same_request_again_is_done_once(world: World) {
        let [ada] = people(&world, ["ada"]).await;
        let call = admin(CONTOSO);
        let encode = |written: &Written| written.group.id.to_string().into_bytes();
        let again = |request| Some(Once { encode: &encode, ..once(request, 1) });
        let new = attributes(json!({"displayName": "Engineering"}));
        let group = fresh(world.core.create_group(&call, &new, false, again(1)).await).group;
        let replayed = world.core.create_group(&call, &new, false, again(1)).await.expect("it is answered");
        assert!(matches!(replayed, Answer::Replayed(bytes) if bytes == group.id.to_string().into_bytes()));
        let add = [operation(Op::Add, "members", json!([ada]))];
        let remove = [operation(Op::Remove, "members", json!([ada]))];
        assert!(!fresh(world.core.patch_group(&call, group.id, &remove, &Precondition::default(), again(2)).await).changed);
        fresh(world.core.patch_group(&call, group.id, &add, &Precondition::default(), again(3)).await);
        for (operations, request) in [(&remove, 2), (&add, 3)] {
            let replayed = world.core.patch_group(&call, group.id, operations, &Precondition::default(), again(request)).await;
            assert!(matches!(replayed, Ok(Answer::Replayed(_))), "{request}");
        }
        assert_eq!(members(&world, group.id).await, ["ada"]);
    }

    async fn what_is_missing_or_too_long_is_refused_and_logged(world: World) {
        assert_eq!(reason(try_create(&world, json!({"externalId": "x"})).await), Reason::InvalidValue);
        assert_eq!(reason(try_create(&world, json!({"displayName": "x".repeat(801)})).await), Reason::InvalidValue);
        assert_eq!(reason(try_create(&world, json!({"displayName": "x", "externalId": "y".repeat(801)})).await), Reason::InvalidValue);
        let many: Vec<_> = (0..20_001).map(|_| NOBODY).collect();
        assert_eq!(reason(try_create(&world, json!({"displayName": "x", "members": many})).await), Reason::TooMany);
        assert_eq!(world.log(CONTOSO, "outcome eq \"failure\" and resourceType eq \"Group\"").await.len(), 4);
        let group = create(&world, json!({"displayName": "x"})).await;
        let remove = [Operation { op: Op::Remove, path: Some("displayName".to_owned()), value: None }];
        assert_eq!(reason(patch(&world, &admin(CONTOSO), group.id, &remove).await), Reason::Mutability);
        let longest = create(&world, json!({"displayName": "\u{1d160}".repeat(200), "externalId": "\u{1d160}".repeat(200)})).await;
        assert_eq!(read(&world, longest.id).await.display_name.chars().count(), 200);
    }

    async fn tenants_do_not_meet(world: World) {
        world.create_tenant(FABRIKAM).await;
        let group = create(&world, json!({"displayName": "Engineering", "externalId": "oid"})).await;
        let call = admin(FABRIKAM);
        assert_eq!(reason(world.core.get_group(&call, &GroupKey::Id(group.id), View::Full).await), Reason::GroupNotFound);
        assert_eq!(reason(world.core.get_group(&call, &GroupKey::ObjectId("oid".to_owned()), View::Basic).await), Reason::GroupNotFound);
        assert_eq!(reason(patch(&world, &call, group.id, &[operation(Op::Add, "members", json!([]))]).await), Reason::GroupNotFound);
        assert_eq!(reason(world.core.delete_group(&call, group.id, &Precondition::default(), None).await), Reason::GroupNotFound);
        fresh(world.core.create_group(&call, &attributes(json!({"displayName": "Engineering"})), false, None).await);
    }
}
