//! A migrated database of its own for each test, and the tests' way to run on every engine.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use provisioning_core::storage::{Storage, StorageConfig, StorageUrl};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, sqlite::SqliteConnectOptions,
};

/// Makes one test for each engine out of `async fn name(fixture: Fixture) { .. }`, so that a failure names the engine.
macro_rules! on_every_engine {
    ($($(#[$meta:meta])* async fn $name:ident($fixture:ident: Fixture) $body:block)*) => {
        $($(#[$meta])* mod $name {
            use super::*;

            async fn case($fixture: $crate::storage::Fixture) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                case($crate::storage::Fixture::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                case($crate::storage::Fixture::postgres().await).await;
            }
        })*
    };
}
pub(crate) use on_every_engine;

/// Where the server is; set by `cargo xtask test`.
const POSTGRES_URL: &str = "TEST_POSTGRES_URL";

/// An open storage over an empty, migrated database that goes away with it.
pub struct Fixture {
    pub storage: Storage,
    pub config: StorageConfig,
    _database: Database,
}

impl Fixture {
    pub async fn sqlite() -> Self {
        Self::open(Database::sqlite()).await
    }

    pub async fn postgres() -> Self {
        Self::open(Database::postgres().await).await
    }

    async fn open(database: Database) -> Self {
        let config = database.config();
        Storage::migrate(&config)
            .await
            .expect("an empty database can be migrated");
        let storage = Storage::open(&config)
            .await
            .expect("a migrated database can be opened");
        Self {
            storage,
            config,
            _database: database,
        }
    }

    /// Another process, or this one started again.
    pub async fn reopen(&self) -> Storage {
        if matches!(self.config.url, StorageUrl::Sqlite(_)) {
            self.storage.close().await;
        }
        Storage::open(&self.config)
            .await
            .expect("a migrated database can be opened")
    }

    /// Runs a statement as another program would.
    pub async fn execute(&self, statement: &str) {
        match &self.config.url {
            StorageUrl::Postgres(url) => execute(url.expose_secret(), statement).await,
            StorageUrl::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path);
                let mut connection = options.connect().await.expect("it can be opened");
                // The text is the test's own.
                sqlx::query(AssertSqlSafe(statement.to_owned()))
                    .execute(&mut connection)
                    .await
                    .expect("the statement is right");
                connection.close().await.expect("the connection ends");
            }
        }
    }

    pub const fn is_sqlite(&self) -> bool {
        matches!(self.config.url, StorageUrl::Sqlite(_))
    }
}

/// An empty database.
pub enum Database {
    Sqlite(tempfile::TempDir),
    Postgres { server: String, name: String },
}

impl Database {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().expect("there is room for a folder"))
    }

    pub async fn postgres() -> Self {
        let server = std::env::var(POSTGRES_URL).unwrap_or_else(|_| {
            panic!("{POSTGRES_URL} is not set: run `cargo xtask test`, which starts PostgreSQL")
        });
        let name = format!("core_{}", unique());
        execute(
            &server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        execute(
            &server,
            &format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"),
        )
        .await;
        Self::Postgres { server, name }
    }

    pub fn config(&self) -> StorageConfig {
        let url = match self {
            Self::Sqlite(_) => StorageUrl::Sqlite(self.path()),
            Self::Postgres { .. } => StorageUrl::Postgres(SecretString::from(self.url())),
        };
        StorageConfig {
            pool_size_max: 8,
            ..StorageConfig::new(url)
        }
    }

    pub fn path(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("provisioning.db"),
            Self::Postgres { .. } => panic!("only SQLite has a file"),
        }
    }

    /// That of the server with another database in its path.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(_) => panic!("only PostgreSQL has a URL"),
            Self::Postgres { server, name } => {
                let (server, _) = server
                    .rsplit_once('/')
                    .expect("the URL of a server names a database");
                format!("{server}/{name}")
            }
        }
    }

    /// The database's name on its server.
    pub fn name(&self) -> &str {
        match self {
            Self::Sqlite(_) => panic!("only PostgreSQL has names"),
            Self::Postgres { name, .. } => name,
        }
    }
}

impl Drop for Database {
    /// The test's runtime may be on its way out: a thread and a runtime of its own do the work.
    fn drop(&mut self) {
        let Self::Postgres { server, name } = self else {
            return;
        };
        let (server, statement) = (
            server.clone(),
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(execute(&server, &statement));
        });
        if dropped.join().is_err() {
            eprintln!("the test's database was not removed");
        }
    }
}

/// Runs a statement on a PostgreSQL server.
pub async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the server answers");
    // The text is the test's own.
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .expect("the statement is right");
    connection.close().await.expect("the connection ends");
}

/// Waits until nobody is connected to a PostgreSQL database any more: what its server counts is whole then.
pub async fn left_alone(url: &str) {
    const OTHERS: &str = "
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = CURRENT_DATABASE() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    until(url, OTHERS, 0).await;
}

/// Waits until so many statements in a PostgreSQL database wait for somebody's lock.
pub async fn waiting_for_locks(url: &str, statements: i64) {
    const WAITING: &str = "
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = CURRENT_DATABASE() AND wait_event_type = 'Lock'";
    until(url, WAITING, statements).await;
}

/// Waits until a statement counts so many.
async fn until(url: &str, count: &'static str, expected: i64) {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the server answers");
    loop {
        let counted: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut connection)
            .await
            .expect("the server tells");
        if counted == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many rows of a table were read so far, by connections to a PostgreSQL database that are closed by now.
pub async fn rows_read(url: &str, table: &str) -> i64 {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the server answers");
    sqlx::query_scalar(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = $1",
    )
    .bind(table)
    .fetch_one(&mut connection)
    .await
    .expect("the server counts")
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
