//! The planner's statistics on PostgreSQL, long before the server makes them by itself.

use std::time::Duration;

use provisioning_core::storage::StorageUrl;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

use super::{Fixture, make};

const ACCOUNTS: u32 = 60;

async fn times_made(connection: &mut PgConnection, table: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT analyze_count + autoanalyze_count FROM pg_stat_user_tables WHERE relname = $1",
    )
    .bind(table)
    .fetch_one(connection)
    .await
    .expect("the server counts")
}

#[tokio::test]
async fn statistics_are_made_of_what_has_grown_and_of_nothing_else() {
    let fixture = Fixture::postgres().await;
    let storage = &fixture.storage;
    let StorageUrl::Postgres(url) = &fixture.config.url else {
        panic!("it is PostgreSQL");
    };
    let mut connection = PgConnection::connect(url.expose_secret())
        .await
        .expect("the server answers");
    let tenant = make::stored_tenant(storage, "contoso").await;
    for number in 0..ACCOUNTS {
        let account = make::named(&format!("user{number}"));
        make::stored(storage, tenant.id, account).await;
    }
    // The server learns of changes a second late or more.
    let grown = async {
        while times_made(&mut connection, "accounts").await == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            storage.refresh_statistics().await.expect("they are made");
        }
    };
    tokio::time::timeout(Duration::from_mins(1), grown)
        .await
        .expect("they are made before long");
    for _ in 0..3 {
        storage.refresh_statistics().await.expect("nothing is due");
    }
    assert_eq!(times_made(&mut connection, "accounts").await, 1);
    assert_eq!(
        times_made(&mut connection, "groups").await,
        0,
        "it is empty"
    );
}
