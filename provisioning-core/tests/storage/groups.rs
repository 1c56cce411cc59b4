//! Groups and memberships: a write changes what it names and nothing else, and counts only when it changed something.

use std::time::Duration;

use provisioning_core::{
    attributes::{diff::AttributeChange, fold::fold, order::Order, schema::ResourceSchema, search},
    changes::{Change, ChangeKind, Resource},
    clock::Timestamp,
    groups::{Group, GroupKey, MemberType},
    ids::{ChangeId, GroupId, LogEntryId},
    log::{LogEntry, ResourceType},
    storage::{Commit, GroupDocument, GroupWrite, Mutation, NewMember, RowQuery, Storage, Write},
    tenants::Tenant,
};
use serde_json::json;
use uuid::Uuid;

use super::{make, on_every_engine};

fn document(id: GroupId, name: &str, at: Timestamp) -> GroupDocument {
    let attributes = json!({"displayName": name, "externalId": "oid"});
    let map = attributes.as_object().expect("it is an object");
    let search = search::search_document(map, ResourceSchema::group());
    GroupDocument {
        id,
        display_name: name.to_owned(),
        display_name_key: fold(name),
        display_name_unique: true,
        object_id: Some("oid".to_owned()),
        own_version: 1,
        created_at: at,
        updated_at: at,
        document: attributes.to_string(),
        search: serde_json::Value::Object(search).to_string(),
    }
}

fn users(ids: &[Uuid]) -> Vec<NewMember> {
    let member = |id: &Uuid| NewMember {
        id: *id,
        kind: MemberType::User,
    };
    ids.iter().map(member).collect()
}

/// A change of members that asks for no version.
fn change(id: GroupId, remove: &[Uuid], add: &[Uuid], at: Timestamp) -> GroupWrite {
    GroupWrite::Change {
        id,
        expected_version: None,
        document: None,
        clear: false,
        remove: remove.to_vec(),
        add: users(add),
        spares_protected: false,
        at,
    }
}

/// A rename of the group as it was read.
fn rename(group: &Group, name: &str, at: Timestamp) -> GroupWrite {
    let document = GroupDocument {
        own_version: group.own_version + 1,
        created_at: group.created_at,
        ..document(group.id, name, at)
    };
    GroupWrite::Change {
        id: group.id,
        expected_version: None,
        document: Some((document, group.own_version)),
        clear: false,
        remove: Vec::new(),
        add: Vec::new(),
        spares_protected: false,
        at,
    }
}

/// The write with a log entry, a change and a receipt.
fn recorded(tenant: &Tenant, id: GroupId, write: GroupWrite, request: u128) -> Mutation {
    let change = Change {
        id: ChangeId::generate(make::T0),
        at: make::T0,
        kind: ChangeKind::Updated,
        resource: Resource::Group(id),
        version: 2,
    };
    let entry = LogEntry {
        resource_type: ResourceType::Group,
        resource_id: id.to_string(),
        ..make::entry(make::T0)
    };
    Mutation {
        log: Some(entry),
        change: Some(change),
        receipt: Some(make::receipt(request, make::T0)),
        ..make::mutation(tenant.id, Write::Group(write.into()))
    }
}

async fn write(storage: &Storage, tenant: &Tenant, write: GroupWrite) -> Commit {
    make::commit(storage, tenant.id, Write::Group(write.into())).await
}

pub(super) async fn create(
    storage: &Storage,
    tenant: &Tenant,
    name: &str,
    members: &[Uuid],
) -> Group {
    let id = GroupId::generate(make::T0);
    let create = GroupWrite::Create {
        document: document(id, name, make::T0),
        members: users(members),
        spares_protected: false,
    };
    assert_eq!(write(storage, tenant, create).await, Commit::Done);
    found(storage, tenant, id).await.expect("it is there")
}

async fn found(storage: &Storage, tenant: &Tenant, id: GroupId) -> Option<Group> {
    by_key(storage, tenant, &GroupKey::Id(id)).await.pop()
}

async fn by_key(storage: &Storage, tenant: &Tenant, key: &GroupKey) -> Vec<Group> {
    let (caller, groups) = storage
        .find_groups(&make::caller_key(tenant), key)
        .await
        .expect("the storage answers");
    assert_eq!(caller.expect("the tenant is there").tenant.id, tenant.id);
    groups
}

/// The ids of the members that are not deleted, and the group's version.
async fn members(storage: &Storage, tenant: &Tenant, id: GroupId) -> (Vec<Uuid>, i64) {
    let mut found = storage
        .find_members(tenant.id, &[id], 100)
        .await
        .expect("the storage answers")
        .expect("there are few");
    let group = found.remove(&id).expect("it is there");
    let ids = group.members.iter().map(|member| member.id).collect();
    (ids, group.version)
}

/// Some accounts, in order of their ids.
async fn people<const N: usize>(storage: &Storage, tenant: &Tenant, names: [&str; N]) -> [Uuid; N] {
    let mut ids = Vec::new();
    for name in names {
        let account = make::stored(storage, tenant.id, make::named(name)).await;
        ids.push(account.id.uuid());
    }
    ids.sort_unstable();
    ids.try_into().expect("as many")
}

on_every_engine! {
    async fn what_spares_protected_accounts_writes_nothing_where_it_would_change_their_groups(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut ids = Vec::new();
        for name in ["alice", "bob"] {
            let mut account = make::named(name);
            account.account.protected = name == "alice";
            ids.push(make::stored(storage, tenant.id, account).await.id.uuid());
        }
        let [alice, bob] = ids.try_into().expect("two");
        let (inside, outside) = (create(storage, &tenant, "Inside", &[alice, bob]).await, create(storage, &tenant, "Outside", &[bob]).await);
        let sparing = |write| {
            let mut write = write;
            match &mut write {
                GroupWrite::Create { spares_protected, .. } | GroupWrite::Change { spares_protected, .. } | GroupWrite::Delete { spares_protected, .. } => *spares_protected = true,
            }
            write
        };
        let clear = |write| match write {
            GroupWrite::Change { id, expected_version, document, remove, add, spares_protected, at, .. } => GroupWrite::Change { id, expected_version, document, clear: true, remove, add, spares_protected, at },
            other => other,
        };
        let with = |name, remove: &[Uuid], add: &[Uuid]| match rename(&inside, name, make::T0) {
            GroupWrite::Change { id, expected_version, document, clear, spares_protected, at, .. } => GroupWrite::Change { id, expected_version, document, clear, remove: remove.to_vec(), add: users(add), spares_protected, at },
            other => other,
        };
        let new = || GroupWrite::Create { document: document(GroupId::generate(make::T0), "New", make::T0), members: users(&[alice]), spares_protected: false };
        let delete = |group: &Group| GroupWrite::Delete { id: group.id, expected_version: None, spares_protected: false, at: make::T0 };
        for (number, refused) in [
            change(inside.id, &[alice], &[], make::T0),
            change(inside.id, &[bob, alice], &[], make::T0),
            change(outside.id, &[bob], &[alice], make::T0),
            // To say what is so already as well: it may not be so any more when whoever protects her is waited for.
            change(inside.id, &[bob], &[alice], make::T0),
            change(outside.id, &[bob, alice], &[], make::T0),
            clear(change(inside.id, &[], &[], make::T0)),
            clear(change(inside.id, &[], &[bob], make::T0)),
            clear(change(outside.id, &[], &[alice], make::T0)),
            with("Renamed", &[alice], &[]),
            clear(with("Renamed", &[], &[bob])),
            new(),
            delete(&inside),
        ].into_iter().enumerate() {
            let commit = write(storage, &tenant, sparing(refused)).await;
            assert_eq!(commit, Commit::VersionMismatch, "{number}");
        }
        assert_eq!(found(storage, &tenant, inside.id).await.as_ref(), Some(&inside));
        assert_eq!(found(storage, &tenant, outside.id).await.as_ref(), Some(&outside));
        for (number, (done, commit)) in [
            (change(inside.id, &[bob], &[], make::T0), Commit::Done),
            (clear(change(inside.id, &[], &[alice, bob], make::T0)), Commit::Done),
            (clear(with("Renamed", &[], &[alice])), Commit::Done),
            (delete(&outside), Commit::Done),
        ].into_iter().enumerate() {
            assert_eq!(write(storage, &tenant, sparing(done)).await, commit, "{number}");
        }
        assert_eq!(members(storage, &tenant, inside.id).await.0, [alice]);
        assert_eq!(write(storage, &tenant, change(inside.id, &[alice], &[], make::T0)).await, Commit::Done, "others may");
    }

    async fn a_group_comes_back_as_it_was_written(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let people = people(storage, &tenant, ["ada", "bob"]).await;
        let group = create(storage, &tenant, "Engineering", &people).await;
        assert_eq!((group.display_name.as_str(), group.own_version, group.version), ("Engineering", 1, 1));
        assert_eq!((group.created_at, group.updated_at, group.object_id.as_deref()), (make::T0, make::T0, Some("oid")));
        assert_eq!(group.document, document(group.id, "Engineering", make::T0).document);
        for key in [GroupKey::DisplayName("engineering".to_owned()), GroupKey::ObjectId("oid".to_owned())] {
            assert_eq!(by_key(storage, &tenant, &key).await, std::slice::from_ref(&group));
        }
        assert_eq!(by_key(storage, &tenant, &GroupKey::DisplayName("Engineering".to_owned())).await, [], "names are looked up folded");
        let (_, batch) = storage.batch_find_groups(&make::caller_key(&tenant), &[GroupId::generate(make::T0), group.id]).await.unwrap();
        assert_eq!(batch, std::slice::from_ref(&group));
        assert_eq!(members(storage, &tenant, group.id).await, (people.to_vec(), 1));
        let (_, basis) = storage.find_create_group_basis(&make::caller_key(&tenant), "engineering", &[]).await.unwrap();
        assert_eq!(basis.group, Some(group), "it claims its name");
    }

    async fn a_change_of_members_is_what_it_names_and_counts_once(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let [ada, bob, eve] = people(storage, &tenant, ["ada", "bob", "eve"]).await;
        let group = create(storage, &tenant, "Engineering", &[ada]).await;
        let id = group.id;
        for (remove, add, commit, expected, version) in [
            (vec![], vec![bob, eve], Commit::Done, vec![ada, bob, eve], 2),
            (vec![], vec![bob], Commit::VersionMismatch, vec![ada, bob, eve], 2),
            (vec![ada], vec![bob], Commit::Done, vec![bob, eve], 3),
            (vec![ada], vec![], Commit::VersionMismatch, vec![bob, eve], 3),
            (vec![bob, eve], vec![ada], Commit::Done, vec![ada], 4),
        ] {
            assert_eq!(write(storage, &tenant, change(id, &remove, &add, make::seconds(1))).await, commit);
            assert_eq!(members(storage, &tenant, id).await, (expected, version));
        }
        let after = found(storage, &tenant, id).await.expect("it is there");
        assert_eq!((after.own_version, after.version, after.updated_at), (1, 4, make::seconds(1)), "the attributes are those of before");
        let (_, basis) = storage.find_group_basis(&make::caller_key(&tenant), id, &[ada, bob, Uuid::from_u128(1)]).await.unwrap();
        let mut known: Vec<_> = basis.candidates.iter().map(|candidate| (candidate.id, candidate.is_member)).collect();
        known.sort_unstable();
        assert_eq!(known, [(ada, true), (bob, false)], "nothing stands behind the third");
    }

    async fn clearing_removes_all_that_are_not_added(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let [ada, bob, eve] = people(storage, &tenant, ["ada", "bob", "eve"]).await;
        let id = create(storage, &tenant, "Engineering", &[ada, bob]).await.id;
        let clear = |added: &[Uuid]| GroupWrite::Change {
            id, expected_version: None, document: None, clear: true, remove: Vec::new(), add: users(added), spares_protected: false, at: make::T0,
        };
        for (added, commit, expected, version) in [
            (vec![bob, eve], Commit::Done, vec![bob, eve], 2),
            (vec![bob, eve], Commit::VersionMismatch, vec![bob, eve], 2),
            (vec![], Commit::Done, vec![], 3),
            (vec![], Commit::VersionMismatch, vec![], 3),
        ] {
            assert_eq!(write(storage, &tenant, clear(&added)).await, commit, "{added:?}");
            assert_eq!(members(storage, &tenant, id).await, (expected, version));
        }
        assert_eq!(storage.find_other_members(tenant.id, id, &[], 10).await.unwrap(), Vec::<Uuid>::new());
    }

    async fn only_the_writer_that_saw_the_last_version_wins(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let [ada, bob] = people(storage, &tenant, ["ada", "bob"]).await;
        let group = create(storage, &tenant, "Engineering", &[]).await;
        // A change of members does not stand in the way of one of attributes, nor the reverse.
        assert_eq!(write(storage, &tenant, change(group.id, &[], &[ada], make::seconds(1))).await, Commit::Done);
        assert_eq!(write(storage, &tenant, rename(&group, "Research", make::seconds(2))).await, Commit::Done);
        assert_eq!(write(storage, &tenant, rename(&group, "Sales", make::seconds(3))).await, Commit::VersionMismatch);
        let now = found(storage, &tenant, group.id).await.expect("it is there");
        assert_eq!((now.display_name.as_str(), now.own_version, now.version), ("Research", 2, 3));
        let expecting = |version| GroupWrite::Change {
            id: group.id, expected_version: Some(version), document: None, clear: false, remove: Vec::new(), add: users(&[bob]), spares_protected: false, at: make::seconds(4),
        };
        assert_eq!(write(storage, &tenant, expecting(2)).await, Commit::VersionMismatch);
        assert_eq!(members(storage, &tenant, group.id).await, (vec![ada], 3));
        assert_eq!(write(storage, &tenant, expecting(3)).await, Commit::Done);
        assert_eq!(members(storage, &tenant, group.id).await, (vec![ada, bob], 4));
        let stale = GroupWrite::Delete { id: group.id, expected_version: Some(3), spares_protected: false, at: make::seconds(5) };
        assert_eq!(write(storage, &tenant, stale).await, Commit::VersionMismatch);
    }

    async fn a_name_is_taken_only_by_those_that_claim_it(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        create(storage, &tenant, "Engineering", &[]).await;
        create(storage, &other, "Engineering", &[]).await;
        let new = |name: &str, unique| GroupWrite::Create {
            document: GroupDocument { display_name_unique: unique, ..document(GroupId::generate(make::T0), name, make::T0) },
            members: Vec::new(),
            spares_protected: false,
        };
        assert_eq!(write(storage, &tenant, new("ENGINEERING", true)).await, Commit::DisplayNameTaken);
        assert_eq!(write(storage, &tenant, new("ENGINEERING", false)).await, Commit::Done);
        let sales = create(storage, &tenant, "Sales", &[]).await;
        assert_eq!(write(storage, &tenant, rename(&sales, "engineering", make::T0)).await, Commit::DisplayNameTaken);
        assert_eq!(found(storage, &tenant, sales.id).await, Some(sales));
        assert_eq!(by_key(storage, &tenant, &GroupKey::DisplayName("engineering".to_owned())).await.len(), 2);
    }

    async fn a_deleted_group_is_gone_takes_no_members_and_is_purged(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let [ada, bob, eve] = people(storage, &tenant, ["ada", "bob", "eve"]).await;
        let group = create(storage, &tenant, "Engineering", &[ada, bob]).await;
        let outer = create(storage, &tenant, "Outer", &[]).await;
        let nested = GroupWrite::Change {
            id: outer.id, expected_version: None, document: None, clear: false, remove: Vec::new(),
            add: vec![NewMember { id: group.id.uuid(), kind: MemberType::Group }], spares_protected: false, at: make::T0,
        };
        assert_eq!(write(storage, &tenant, nested).await, Commit::Done);
        assert_eq!(members(storage, &tenant, outer.id).await.0, [group.id.uuid()]);

        let delete = || GroupWrite::Delete { id: group.id, expected_version: None, spares_protected: false, at: make::seconds(1) };
        assert_eq!(write(storage, &tenant, delete()).await, Commit::Done);
        for gone in [delete(), change(group.id, &[], &[eve], make::seconds(2)), rename(&group, "Research", make::seconds(2))] {
            assert_eq!(write(storage, &tenant, gone).await, Commit::VersionMismatch);
        }
        assert_eq!(found(storage, &tenant, group.id).await, None);
        assert_eq!(members(storage, &tenant, outer.id).await.0, Vec::<Uuid>::new(), "it is nobody's member");
        create(storage, &tenant, "Engineering", &[]).await;

        let mut steps = 0;
        while storage.purge_groups(tenant.id, 1).await.unwrap() > 0 {
            steps += 1;
            assert!(steps < 20, "it comes to an end");
        }
        assert!(steps >= 2, "each step is bounded");
        assert_eq!(storage.find_other_members(tenant.id, group.id, &[], 10).await.unwrap(), Vec::<Uuid>::new());
    }

    async fn a_change_its_entry_and_its_receipt_are_one(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let [ada] = people(storage, &tenant, ["ada"]).await;
        let group = create(storage, &tenant, "Engineering", &[]).await;
        let id = group.id;
        let add = |request| recorded(&tenant, id, change(id, &[], &[ada], make::T0), request);
        let stale = GroupWrite::Delete { id, expected_version: Some(7), spares_protected: false, at: make::T0 };
        // What was tried, how it ended, and how many entries there are then.
        for (mutation, commit, entries, has_receipt) in [
            (recorded(&tenant, id, stale, 1), Commit::VersionMismatch, 0, false),
            (add(2), Commit::Done, 1, true),
            (add(3), Commit::VersionMismatch, 1, false),
            (add(2), Commit::RequestIdUsed, 1, true),
            (recorded(&tenant, id, rename(&group, "Research", make::T0), 4), Commit::Done, 2, true),
        ] {
            let key = mutation.receipt.as_ref().expect("it has one").key.clone();
            assert_eq!(storage.commit(mutation).await.unwrap(), commit);
            assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap().len(), entries);
            storage.number_changes(10).await.unwrap();
            assert_eq!(storage.list_changes(tenant.id, 0, 10).await.unwrap().len(), entries);
            assert_eq!(storage.find_receipt(tenant.id, &key).await.unwrap().is_some(), has_receipt);
        }
    }

    async fn the_entry_of_what_clears_a_group_tells_who_went_and_who_came(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let [ada, bob, eve] = people(storage, &tenant, ["ada", "bob", "eve"]).await;
        let group = create(storage, &tenant, "Engineering", &[ada, bob]).await;
        let id = group.id;
        let members = |old: Option<&[Uuid]>, new: Option<&[Uuid]>| {
            let ids = |ids: &[Uuid]| json!(ids.iter().map(Uuid::to_string).collect::<Vec<_>>());
            AttributeChange { attribute: "members".to_owned(), old: old.map(ids), new: new.map(ids) }
        };
        let title = AttributeChange { attribute: "title".to_owned(), old: None, new: Some(json!("x")) };
        let others: Vec<Uuid> = (1..=250_u128).map(Uuid::from_u128).collect();
        let mut more: Vec<_> = others[..100].iter().map(|id| json!(id.to_string())).collect();
        more.push(json!("and 150 more"));
        let with_name = |added: &[Uuid]| match rename(&group, "Research", make::T0) {
            GroupWrite::Change { document, .. } => (document, users(added)),
            _ => panic!("it is a change"),
        };
        for (request, (added, document, told)) in [
            // Whoever decided has seen neither Bob in it, nor Eve.
            (vec![ada, eve], None, Some(members(Some(&[bob]), Some(&[eve])))),
            (others.clone(), None, Some(AttributeChange { new: Some(json!(more)), ..members(Some(&[ada, eve]), None) })),
            (vec![ada], Some(with_name(&[ada])), Some(AttributeChange { old: Some(json!(more)), ..members(None, Some(&[ada])) })),
            (vec![], None, Some(members(Some(&[ada]), None))),
        ].into_iter().enumerate() {
            let write = GroupWrite::Change {
                id, expected_version: None, document: document.map_or_else(|| None, |(document, _)| document), clear: true, remove: Vec::new(), add: users(&added), spares_protected: false, at: make::T0,
            };
            let mut mutation = recorded(&tenant, id, write, request as u128);
            let entry = mutation.log.as_mut().expect("it has one");
            entry.at = make::seconds(request as u64);
            entry.id = LogEntryId::generate(entry.at);
            entry.changes = vec![title.clone(), members(Some(&[eve]), Some(&[bob]))];
            assert_eq!(storage.commit(mutation).await.unwrap(), Commit::Done);
            let entry = storage.list_log_entries(tenant.id, None, 1, None).await.unwrap().remove(0);
            let expected: Vec<_> = [Some(title.clone()), told].into_iter().flatten().collect();
            assert_eq!(entry.changes, expected, "{request}");
        }
    }

    async fn tenants_with_the_same_ids_do_not_meet(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let [ada] = people(storage, &tenant, ["ada"]).await;
        let group = create(storage, &tenant, "Engineering", &[ada]).await;
        for foreign in [change(group.id, &[ada], &[], make::T0), rename(&group, "Mine", make::T0), GroupWrite::Delete { id: group.id, expected_version: None, spares_protected: false, at: make::T0 }] {
            assert_eq!(write(storage, &other, foreign).await, Commit::VersionMismatch);
        }
        assert_eq!(found(storage, &other, group.id).await, None);
        assert_eq!(storage.find_members(other.id, &[group.id], 10).await.unwrap().map(|found| found.len()), Some(0));
        let (_, basis) = storage.find_group_basis(&make::caller_key(&other), group.id, &[ada]).await.unwrap();
        assert_eq!((basis.group, basis.candidates), (None, Vec::new()));
        assert_eq!(members(storage, &tenant, group.id).await, (vec![ada], 1));
    }

    async fn members_are_read_whole_or_not_at_all_and_page_by_page(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let people = people(storage, &tenant, ["ada", "bob", "cleo", "dan", "eve"]).await;
        let group = create(storage, &tenant, "Engineering", &people).await;
        let empty = create(storage, &tenant, "Empty", &[]).await;
        let both = [group.id, empty.id];
        assert_eq!(storage.find_members(tenant.id, &both, 4).await.unwrap(), None, "five are more than four");
        let whole = storage.find_members(tenant.id, &both, 5).await.unwrap().expect("five are not more than five");
        assert_eq!(whole.values().map(|group| group.members.len()).sum::<usize>(), 5);
        assert_eq!(storage.find_other_members(tenant.id, group.id, &people[..2], 2).await.unwrap(), people[2..4]);

        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let query = RowQuery { filter: None, order: Order::default(), limit: 2, skip: 0, after };
            let page = storage.list_members(tenant.id, group.id, &query).await.unwrap();
            assert!(page.members.len() <= 2);
            walked.extend(page.members.iter().map(|member| (member.id, member.display.clone())));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(walked.iter().map(|(id, _)| *id).collect::<Vec<_>>(), people);
        let mut names: Vec<_> = walked.into_iter().map(|(_, name)| name).collect();
        names.sort();
        assert_eq!(names, ["ada", "bob", "cleo", "dan", "eve"]);
    }

    async fn a_time_never_goes_back(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let [ada, bob] = people(storage, &tenant, ["ada", "bob"]).await;
        let group = create(storage, &tenant, "Engineering", &[]).await;
        let later = make::T0.plus(Duration::from_secs(9));
        assert_eq!(write(storage, &tenant, change(group.id, &[], &[ada], later)).await, Commit::Done);
        assert_eq!(write(storage, &tenant, change(group.id, &[], &[bob], make::seconds(1))).await, Commit::Done);
        let after = found(storage, &tenant, group.id).await.expect("it is there");
        assert_eq!((after.updated_at, after.version), (later, 3), "a replica's clock may be behind");
    }
}
