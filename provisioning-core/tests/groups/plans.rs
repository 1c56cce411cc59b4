//! What a mapping may match a group on, and who is in one, is answered from an index.

use provisioning_core::{
    attributes::order::Order,
    groups::MemberType,
    ids::GroupId,
    storage::{Commit, GroupDocument, GroupWrite, NewMember, RowQuery, Storage, StorageUrl, Write},
    tenants::Tenant,
};
use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::storage::{execute, make, on_every_engine};

/// So many that no engine prefers to read them all.
const GROUPS: u32 = 2_000;

async fn store(
    storage: &Storage,
    tenant: &Tenant,
    number: u32,
    members: Vec<NewMember>,
) -> GroupId {
    let id = GroupId::generate(make::seconds(number.into()));
    let name = format!("group{number}");
    let document = GroupDocument {
        id,
        display_name: name.clone(),
        display_name_key: name.clone(),
        display_name_unique: true,
        object_id: Some(format!("oid{number}")),
        own_version: 1,
        created_at: make::T0,
        updated_at: make::T0,
        document: format!("{{\"displayName\":\"{name}\"}}"),
        search: format!("{{\"displayName\":\"{name}\"}}"),
    };
    let write = Write::Group(Box::new(GroupWrite::Create {
        document,
        members,
        spares_protected: false,
    }));
    assert_eq!(make::commit(storage, tenant.id, write).await, Commit::Done);
    id
}

on_every_engine! {
    async fn groups_are_looked_up_by_indexes(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let person = |number: u32| NewMember { id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)), kind: MemberType::User };
        let mut id = GroupId::generate(make::T0);
        let mut writers = JoinSet::new();
        for number in 0..GROUPS {
            let (storage, tenant) = (storage.clone(), tenant.clone());
            let members = (0..10).map(|member| person(number * 7 + member)).collect();
            writers.spawn(async move { store(&storage, &tenant, number, members).await });
        }
        while let Some(stored) = writers.join_next().await {
            id = stored.unwrap();
        }
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        let member = person(7).id;
        for (text, index) in [
            ("displayName eq \"GROUP7\"".to_owned(), ["groups_display_name_key", "groups_display_name_key"]),
            ("externalId eq \"oid7\"".to_owned(), ["groups_object_id", "groups_object_id"]),
            (format!("id eq \"{id}\""), ["groups_pkey", "sqlite_autoindex_groups_1"]),
            (format!("members.value eq \"{member}\""), ["group_members_member_id", "group_members_member_id"]),
            (format!("members[value eq \"{member}\" and type eq \"User\"]"), ["group_members_member_id", "group_members_member_id"]),
            (format!("id eq \"{id}\" and members eq \"{member}\""), ["groups_pkey", "sqlite_autoindex_groups_1"]),
            (format!("members eq \"{member}\" and id eq \"{id}\""), ["groups_pkey", "sqlite_autoindex_groups_1"]),
        ] {
            let filter = make::group_filter(&text);
            let query = RowQuery { filter: Some(&filter), order: Order::default(), limit: 100, skip: 0, after: None };
            let plan = storage.explain_list_groups(&make::caller_key(&tenant), &query).await.unwrap().join("\n");
            let index = index[usize::from(fixture.is_sqlite())];
            assert!(plan.contains(index), "{text} should use {index}:\n{plan}");
            for scan in ["Seq Scan on groups", "Seq Scan on group_members", "SCAN a\n", "SCAN m"] {
                assert!(!plan.contains(scan), "{text}:\n{plan}");
            }
        }
        let query = RowQuery { filter: None, order: Order::default(), limit: 10, skip: 0, after: None };
        let plan = storage.explain_list_members(tenant.id, id, &query).await.unwrap().join("\n");
        assert!(plan.contains("group_members_pkey") || plan.contains("SEARCH m USING PRIMARY KEY (tenant_id=? AND group_id=?)"), "{plan}");
        assert!(!plan.contains("USE TEMP B-TREE"), "{plan}");
    }
}
