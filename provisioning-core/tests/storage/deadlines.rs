//! A read has a deadline: one that costs too much is given up, and harms no other.

use std::time::Duration;

use provisioning_core::storage::{Storage, StorageConfig, StorageError, StorageUrl};
use serde_json::json;
use tokio::task::JoinSet;

use super::{make, on_every_engine};

/// Accounts with a text this long, of which no index knows what is in it: to look through them takes far longer than the deadline.
const ACCOUNTS: u32 = 400;
const TEXT: usize = 100_000;
const TERMS: usize = 60;

/// Opens the same data with another deadline for statements.
async fn reopen(fixture: &super::Fixture, statement_timeout: Duration) -> Storage {
    if matches!(fixture.config.url, StorageUrl::Sqlite(_)) {
        fixture.storage.close().await;
    }
    let config = StorageConfig {
        statement_timeout,
        ..fixture.config.clone()
    };
    Storage::open(&config)
        .await
        .expect("a migrated database can be opened")
}

on_every_engine! {
    async fn a_read_that_takes_too_long_is_given_up(fixture: Fixture) {
        let tenant = make::stored_tenant(&fixture.storage, "contoso").await;
        let mut writers = JoinSet::new();
        for number in 0..ACCOUNTS {
            let document = json!({ "userName": format!("user{number}"), "title": "x".repeat(TEXT) });
            let (storage, tenant, account) = (fixture.storage.clone(), tenant.id, make::account(make::T0, &document));
            writers.spawn(async move { make::stored(&storage, tenant, account).await });
        }
        let account = writers.join_all().await.remove(0);

        let storage = reopen(&fixture, Duration::from_millis(250)).await;
        let terms: Vec<String> = (0..TERMS).map(|number| format!("title co \"y{number}\"")).collect();
        let filter = make::user_filter(&terms.join(" or "));
        for _ in 0..8 {
            let counted = storage.count_accounts(tenant.id, Some(&filter)).await;
            assert!(matches!(counted, Err(StorageError::Unavailable(_))), "{counted:?}");
        }
        assert_eq!(make::found(&storage, &tenant, &account).await, Some(account), "others are read as before");
    }

    async fn a_read_that_nobody_waits_for_any_more_is_given_up(fixture: Fixture) {
        let storage = &fixture.storage;
        let tenant = make::stored_tenant(storage, "contoso").await;
        let ada = make::stored(storage, tenant.id, make::named("ada")).await;
        // More than there are connections, each left at its first await.
        for _ in 0..64 {
            let read = make::found(storage, &tenant, &ada);
            tokio::select! {
                biased;
                _ = read => {}
                () = std::future::ready(()) => {}
            }
        }
        assert_eq!(make::found(storage, &tenant, &ada).await, Some(ada));
    }
}
