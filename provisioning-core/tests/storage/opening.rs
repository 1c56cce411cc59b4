//! Opening, migrating and closing: what is refused, and with which advice.

use provisioning_core::{
    changes::ChangeKind,
    storage::{Commit, OpenError, Storage, StorageConfig, StorageError, StorageUrl},
};
use secrecy::SecretString;
use tokio::task::JoinSet;

use super::{
    fixture::{Database, execute},
    make, on_every_engine,
};

on_every_engine! {
    async fn migrating_twice_does_nothing_the_second_time(fixture: Fixture) {
        if fixture.is_sqlite() {
            fixture.storage.close().await;
        }
        assert_eq!(Storage::migrate(&fixture.config).await.unwrap(), Vec::<String>::new());
    }

    async fn what_was_confirmed_is_there_after_reopening(fixture: Fixture) {
        let tenant = make::stored_tenant(&fixture.storage, "contoso").await;
        let ada = make::stored(&fixture.storage, tenant.id, make::named("ada")).await;
        let reopened = fixture.reopen().await;
        assert_eq!(make::found(&reopened, &tenant, &ada).await, Some(ada));
        reopened.close().await;
    }

    async fn the_key_of_page_tokens_is_made_once_and_shared(fixture: Fixture) {
        let made = fixture.storage.page_token_key().as_bytes().to_vec();
        let reopened: Storage = fixture.reopen().await;
        assert_eq!(reopened.page_token_key().as_bytes(), made);
        reopened.close().await;
    }

    async fn closing_lets_what_was_begun_come_to_its_end(fixture: Fixture) {
        let tenant = make::stored_tenant(&fixture.storage, "contoso").await;
        let mut writers = JoinSet::new();
        for number in 0..100 {
            let storage = fixture.storage.clone();
            let mutation = make::recorded(tenant.id, make::named(&format!("user{number}")), ChangeKind::Created);
            writers.spawn(async move { storage.commit(mutation).await });
        }
        tokio::task::yield_now().await;
        fixture.storage.close().await;
        let mut done = 0;
        for result in writers.join_all().await {
            match result {
                Ok(commit) => {
                    assert_eq!(commit, Commit::Done);
                    done += 1;
                }
                Err(error) => assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}"),
            }
        }
        let reopened = fixture.reopen().await;
        assert_eq!(reopened.count_accounts(tenant.id, None).await.unwrap(), done, "what was confirmed, and nothing else");
        reopened.close().await;
    }

    async fn a_closed_storage_says_that_it_is_unavailable(fixture: Fixture) {
        let tenant = make::stored_tenant(&fixture.storage, "contoso").await;
        fixture.storage.ping().await.expect("it answers");
        fixture.storage.close().await;
        let mutation = make::recorded(tenant.id, make::named("ada"), ChangeKind::Created);
        assert!(matches!(fixture.storage.commit(mutation).await, Err(StorageError::Unavailable(_))));
        assert!(matches!(fixture.storage.ping().await, Err(StorageError::Unavailable(_))));
        assert!(matches!(fixture.storage.find_caller(&make::caller_key(&tenant)).await, Err(StorageError::Unavailable(_))));
    }
}

async fn refusal(config: &StorageConfig) -> OpenError {
    match Storage::open(config).await {
        Ok(_) => panic!("it should have been refused"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_database_that_is_not_migrated_is_refused_with_the_command_to_run() {
    for database in [Database::sqlite(), Database::postgres().await] {
        let error = refusal(&database.config()).await;
        assert!(matches!(error, OpenError::SchemaOlder { .. }), "{error:?}");
        assert!(error.to_string().contains("provisiond migrate"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    const NEWER: &str = "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1";
    const CHANGED: &str =
        "UPDATE _sqlx_migrations SET version = 1, checksum = '\\x00' WHERE version = 9999";
    let database = Database::postgres().await;
    Storage::migrate(&database.config()).await.unwrap();
    execute(&database.url(), NEWER).await;
    assert!(matches!(
        refusal(&database.config()).await,
        OpenError::SchemaNewer { version: 9999 }
    ));
    assert!(matches!(
        Storage::migrate(&database.config()).await,
        Err(OpenError::SchemaNewer { version: 9999 })
    ));
    execute(&database.url(), CHANGED).await;
    assert!(matches!(
        refusal(&database.config()).await,
        OpenError::SchemaChanged { version: 1 }
    ));
}

#[tokio::test]
async fn a_server_that_may_lose_confirmed_writes_is_refused() {
    let database = Database::postgres().await;
    Storage::migrate(&database.config()).await.unwrap();
    execute(
        &database.url(),
        &format!(
            "ALTER DATABASE {} SET synchronous_commit = off",
            database.name()
        ),
    )
    .await;
    let error = refusal(&database.config()).await;
    assert!(
        matches!(
            error,
            OpenError::NotDurable {
                setting: "synchronous_commit",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("synchronous_commit = on"),
        "{error}"
    );
    assert!(matches!(
        Storage::migrate(&database.config()).await,
        Err(OpenError::NotDurable { .. })
    ));
    execute(
        &database.url(),
        &format!(
            "ALTER DATABASE {} SET synchronous_commit = local",
            database.name()
        ),
    )
    .await;
    Storage::open(&database.config())
        .await
        .expect("local is durable on this server")
        .close()
        .await;
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let database = Database::postgres().await;
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    execute(&server, &format!("DROP DATABASE {}", database.name())).await;
    let create = format!(
        "CREATE DATABASE {} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0",
        database.name()
    );
    execute(&server, &create).await;
    assert!(
        matches!(Storage::migrate(&database.config()).await, Err(OpenError::Encoding { encoding }) if encoding == "SQL_ASCII")
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = |text: String| StorageConfig::new(StorageUrl::Postgres(SecretString::from(text)));
    let error = refusal(&url(format!(
        "postgres://nobody:hunter2@127.0.0.1:{port}/x"
    )))
    .await;
    assert!(matches!(error, OpenError::Unreachable(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
    let error = refusal(&url("hunter2".to_owned())).await;
    assert!(matches!(error, OpenError::InvalidUrl), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_have_one_key_of_page_tokens() {
    let database = Database::postgres().await;
    Storage::migrate(&database.config()).await.unwrap();
    let mut replicas = JoinSet::new();
    for _ in 0..4 {
        let config = database.config();
        replicas.spawn(async move { Storage::open(&config).await.unwrap() });
    }
    let replicas = replicas.join_all().await;
    for replica in &replicas {
        assert_eq!(
            replica.page_token_key().as_bytes(),
            replicas[0].page_token_key().as_bytes()
        );
        replica.close().await;
    }
}

#[tokio::test]
async fn an_embedded_database_belongs_to_one_process_and_to_its_owner() {
    let database = Database::sqlite();
    Storage::migrate(&database.config()).await.unwrap();
    let first = Storage::open(&database.config()).await.unwrap();
    assert!(matches!(
        refusal(&database.config()).await,
        OpenError::Locked { .. }
    ));
    assert!(matches!(
        Storage::migrate(&database.config()).await,
        Err(OpenError::Locked { .. })
    ));
    #[cfg(unix)]
    for entry in std::fs::read_dir(database.path().parent().unwrap()).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.file_name()
        );
    }
    first.close().await;
    Storage::open(&database.config())
        .await
        .expect("it was given up")
        .close()
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_over_a_fresh_connection_after_the_server_dropped_all() {
    let database = Database::postgres().await;
    Storage::migrate(&database.config()).await.unwrap();
    let storage = Storage::open(&database.config()).await.unwrap();
    let tenant = make::stored_tenant(&storage, "contoso").await;
    // Several connections lie in the pool, and all are cut.
    let mut readers = JoinSet::new();
    for _ in 0..16 {
        let (storage, key) = (storage.clone(), make::caller_key(&tenant));
        readers.spawn(async move { storage.find_caller(&key).await.is_ok() });
    }
    assert!(readers.join_all().await.into_iter().all(|found| found));
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    let cut = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'",
        database.name()
    );
    execute(&server, &cut).await;
    for _ in 0..16 {
        let caller = storage
            .find_caller(&make::caller_key(&tenant))
            .await
            .expect("the read is repeated");
        assert_eq!(caller.unwrap().tenant, tenant);
    }
    storage.close().await;
}
