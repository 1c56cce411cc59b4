//! What the guard looks at is found by indexes, of accounts and of members.

use provisioning_core::{
    guard::{Affected, DeprovisionAction, ItemKey},
    storage::StorageUrl,
};
use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{held, removal, suspension};
use crate::storage::{execute, groups, make, on_every_engine};

/// Enough rows for PostgreSQL to prefer an index to reading the table.
const MANY: usize = 3_000;
/// Of one request.
const STEP: usize = 300;

on_every_engine! {
    async fn items_are_found_by_indexes(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let account = make::stored(storage, tenant.id, make::named("a")).await;
        let ids: Vec<Uuid> = (0..MANY as u128).map(Uuid::from_u128).collect();
        let group = groups::create(storage, &tenant, "Everybody", &ids).await;
        for ids in ids.chunks(STEP) {
            let mut suspensions = suspension(&tenant, &account, 0, 1);
            let check = suspensions.guard.as_mut().unwrap().check.as_mut().unwrap();
            check.affected = Affected::Accounts(DeprovisionAction::Suspend, ids.to_vec());
            held(storage.commit(suspensions).await.unwrap());
            held(storage.commit(removal(&tenant, &group, ids, 0, 1)).await.unwrap());
        }
        let mut writers = JoinSet::new();
        for number in 0..MANY / 5 {
            let (storage, tenant) = (storage.clone(), tenant.id);
            writers.spawn(async move { make::stored(&storage, tenant, make::named(&format!("user{number}"))).await });
        }
        writers.join_all().await;
        if let StorageUrl::Postgres(url) = &fixture.config.url {
            execute(url.expose_secret(), "VACUUM ANALYZE").await;
        }
        let batch = storage.find_pending_batch(tenant.id).await.unwrap().expect("they wait");
        let many = i64::try_from(MANY).unwrap();
        assert_eq!((batch.suspends, batch.member_removals), (many, many));

        // The tables of groups and batches are so small that PostgreSQL may take any index of theirs.
        let looked_up: [&[&str]; 2] = [
            &["deprovision_items_pkey", "(member_id = x.id)", "NOT (hashed SubPlan"],
            &[
                "SEARCH i USING PRIMARY KEY (tenant_id=? AND batch_id=?",
                "SEARCH m USING COVERING INDEX group_members_member_id (tenant_id=? AND member_id=? AND group_id=?)\n",
                "SEARCH m USING PRIMARY KEY (tenant_id=? AND group_id=?)\n",
                "SEARCH g USING INDEX sqlite_autoindex_groups_1 (tenant_id=? AND id=?)",
            ],
        ];
        for (action, group_id) in [(DeprovisionAction::Suspend, Uuid::nil()), (DeprovisionAction::RemoveMember, group.id.uuid())] {
            let item = ItemKey { account_id: ids[7], action, group_id };
            let plan = storage.explain_items(tenant.id, batch.id, item).await.unwrap().join("\n");
            for index in ["deprovision_items_open_key", "accounts_managed_active"].iter().chain(looked_up[usize::from(fixture.is_sqlite())]) {
                assert!(plan.contains(index), "{index}:\n{plan}");
            }
            for scan in ["SCAN i", "SCAN a\n", "SCAN b", "SCAN m", "SCAN g", "SCAN deprovision_events", "TEMP B-TREE", "Seq Scan"] {
                assert!(!plan.contains(scan), "{scan}:\n{plan}");
            }
        }
        let moot = storage.find_moot_items(tenant.id, make::T0, 500).await.unwrap();
        assert_eq!(moot.len(), 500, "there are no such accounts");
        assert!(moot.iter().all(|item| item.action == DeprovisionAction::Suspend), "the members are there");
    }
}
