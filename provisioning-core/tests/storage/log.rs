//! The provisioning log: entries come back as written, newest first, filtered, by tenant.

use provisioning_core::{
    ids::LogEntryId,
    log::{LogEntry, Operation, Outcome, ResourceType},
    storage::{Commit, Mutation, Storage, Write},
    tenants::Tenant,
};

use super::{make, on_every_engine};

async fn append(storage: &Storage, tenant: &Tenant, entry: LogEntry) -> LogEntry {
    let mutation = Mutation {
        log: Some(entry.clone()),
        ..make::mutation(tenant.id, Write::Nothing)
    };
    assert_eq!(
        storage.commit(mutation).await.expect("the storage answers"),
        Commit::Done
    );
    entry
}

on_every_engine! {
    async fn an_entry_comes_back_as_it_was_written(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let other = make::stored_tenant(storage, "fabrikam").await;
        let mut entry = make::entry(make::T0);
        "quotes ' \" \\ and \u{1F600}".clone_into(&mut entry.detail);
        let entry = append(storage, &tenant, entry).await;
        assert_eq!(storage.find_log_entry(tenant.id, entry.id).await.unwrap(), Some(entry.clone()));
        assert_eq!(storage.find_log_entry(other.id, entry.id).await.unwrap(), None);
        assert_eq!(storage.list_log_entries(other.id, None, 10, None).await.unwrap(), []);
    }

    async fn entries_are_listed_newest_first_and_page_by_page(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let mut ids = Vec::new();
        for second in 0..10 {
            ids.push(append(storage, &tenant, make::entry(make::seconds(second))).await.id);
        }
        ids.reverse();
        let (mut listed, mut before): (Vec<LogEntryId>, _) = (Vec::new(), None);
        loop {
            let page = storage.list_log_entries(tenant.id, None, 3, before).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            listed.extend(page.iter().map(|entry| entry.id));
        }
        assert_eq!(listed, ids);
    }

    async fn entries_are_filtered_by_any_attribute(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        append(storage, &tenant, make::entry(make::T0)).await;
        let refused = LogEntry {
            operation: Operation::Create,
            outcome: Outcome::Failure,
            resource_type: ResourceType::User,
            resource_id: String::new(),
            object_id: "oid-2".to_owned(),
            user_name: "Bob".to_owned(),
            http_status: 409,
            scim_type: "uniqueness".to_owned(),
            reason: "UNIQUENESS".to_owned(),
            token_id: "other".to_owned(),
            justification: "tidied up".to_owned(),
            ..make::entry(make::seconds(60))
        };
        let refused = append(storage, &tenant, refused).await;
        for text in [
            r#"outcome eq "failure""#, r#"userName eq "BOB""#, r#"objectId eq "oid-2""#, r#"operation eq "create""#, "httpStatus ge 400",
            r#"scimType eq "uniqueness""#, r#"justification eq "tidied up""#, r#"reason eq "uniqueness""#, r#"tokenId eq "other""#, "not (resourceId pr)", "reason pr",
            &format!("time gt \"{}\"", make::T0), &format!("id eq \"{}\"", refused.id),
            r#"userName sw "b" and outcome eq "failure" or objectId eq "nothing""#,
        ] {
            let found = storage.list_log_entries(tenant.id, Some(&make::log_filter(text)), 10, None).await.unwrap();
            assert_eq!(found.iter().map(|entry| entry.id).collect::<Vec<_>>(), [refused.id], "{text}");
        }
        let both = make::log_filter(r#"resourceType eq "user""#);
        assert_eq!(storage.list_log_entries(tenant.id, Some(&both), 10, None).await.unwrap().len(), 2);
        assert_eq!(storage.list_log_entries(tenant.id, Some(&both), 10, Some(refused.id)).await.unwrap().len(), 1);
    }

    async fn what_several_say_is_written_once(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let first = LogEntry { id: LogEntryId::derived(make::T0, [1; 10]), ..make::entry(make::T0) };
        let second = LogEntry { at: make::seconds(9), ..first.clone() };
        storage.append_log_once(tenant.id, first.clone()).await.unwrap();
        storage.append_log_once(tenant.id, second).await.unwrap();
        assert_eq!(storage.list_log_entries(tenant.id, None, 10, None).await.unwrap(), [first]);
    }
}
