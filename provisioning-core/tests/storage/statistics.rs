//! A first synchronisation into an empty PostgreSQL database: lookups read what they find, long before the server makes statistics by itself.

use std::time::Duration;

use provisioning_core::{
    accounts::AccountKey,
    storage::{Storage, StorageUrl},
};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

use super::{Fixture, make, rows_read};

const ACCOUNTS: u32 = 400;
const LOOKUPS: u32 = 100;
/// A lookup's own row, and what the server's estimates allow beside it.
const READ_IN_A_LOOKUP_MAX: i64 = 3;

/// Keeps the statistics until those of a table are made: the server learns of changes a second late.
async fn keep_statistics(storage: &Storage, url: &str, table: &str) {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the server answers");
    let wait = async {
        loop {
            storage.refresh_statistics().await.expect("they are made");
            let made: bool = sqlx::query_scalar(
                "SELECT last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = $1",
            )
            .bind(table)
            .fetch_one(&mut connection)
            .await
            .expect("the server knows");
            if made {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("they are made before long");
}

#[tokio::test]
async fn lookups_of_a_tenant_that_is_filled_read_what_they_find() {
    let fixture = Fixture::postgres().await;
    let storage = &fixture.storage;
    let StorageUrl::Postgres(url) = &fixture.config.url else {
        panic!("it is PostgreSQL");
    };
    let url = url.expose_secret();
    let tenant = make::stored_tenant(storage, "contoso").await;
    for number in 0..ACCOUNTS {
        let account = make::named(&format!("user{number}"));
        make::stored(storage, tenant.id, account).await;
    }
    keep_statistics(storage, url, "accounts").await;
    let before = rows_read(url, "accounts").await;
    for number in 0..LOOKUPS {
        let key = AccountKey::UserName(format!("user{number}"));
        let (_, found) = storage
            .find_accounts(&make::caller_key(&tenant), &key)
            .await
            .expect("it is looked up");
        assert_eq!(found.len(), 1);
    }
    storage.close().await;
    let read = rows_read(url, "accounts").await - before;
    assert!(read >= i64::from(LOOKUPS), "the server has counted {read}");
    assert!(
        read <= i64::from(LOOKUPS) * READ_IN_A_LOOKUP_MAX,
        "{read} rows were read"
    );
}
