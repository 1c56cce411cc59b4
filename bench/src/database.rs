//! Databases of a benchmark's own, with the service's tables: made for a run and removed after it.

use std::env;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool, SqliteConnection,
    SqlitePool,
};

static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Readers of an SQLite file, as the service has.
const SQLITE_READERS: u32 = 4;
/// A connection is waited for this long.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const URL_VARIABLE: &str = "TEST_POSTGRES_URL";

/// The PostgreSQL cluster that lends databases.
#[derive(Clone)]
pub struct Cluster(PgConnectOptions);

impl Cluster {
    /// The one of the flag, or else of the variable that `cargo xtask` sets.
    pub fn find(url: Option<&str>) -> Result<Self> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => env::var(URL_VARIABLE).with_context(|| {
                format!("no PostgreSQL: use `cargo xtask bench`, --database-url or {URL_VARIABLE}")
            })?,
        };
        let options = PgConnectOptions::from_str(&url)
            .context("this is not the URL of a PostgreSQL database")?;
        Ok(Self(options.disable_statement_logging()))
    }

    /// An empty database of that name.
    pub async fn create(&self, name: &str) -> Result<PgConnectOptions> {
        self.administer(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await?;
        self.administer(format!("CREATE DATABASE {name}")).await?;
        Ok(self.0.clone().database(name))
    }

    /// Removes it, whoever is still connected.
    pub async fn remove(&self, name: &str) -> Result<()> {
        self.administer(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    /// Whether what it confirms is durable; without, no figure means anything.
    pub async fn describe(&self) -> Result<String> {
        let mut connection = PgConnection::connect_with(&self.0)
            .await
            .context("PostgreSQL does not answer")?;
        let settings: (String, String, String) = sqlx::query_as(
            "SELECT CURRENT_SETTING('server_version_num'), CURRENT_SETTING('fsync'), CURRENT_SETTING('synchronous_commit')",
        )
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        let (version, fsync, synchronous_commit) = settings;
        let major = version
            .get(..version.len().saturating_sub(4))
            .unwrap_or_default();
        Ok(format!(
            "PostgreSQL {major}, fsync {fsync}, synchronous_commit {synchronous_commit}"
        ))
    }

    async fn administer(&self, sql: String) -> Result<()> {
        let mut connection = PgConnection::connect_with(&self.0)
            .await
            .context("PostgreSQL does not answer")?;
        // The names are constants of this crate with a number of our own.
        sqlx::query(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    }
}

/// The URL of a database, for another program: without what only sqlx understands.
pub fn url(options: &PgConnectOptions) -> String {
    let mut url = options.to_url_lossy();
    url.set_query(None);
    url.into()
}

/// Connects, so many times and for good.
pub async fn postgres_pool(options: PgConnectOptions, connections: u32) -> Result<PgPool> {
    let pool = PgPoolOptions::new()
        .min_connections(connections)
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Makes the service's tables.
pub async fn migrate_postgres(options: &PgConnectOptions) -> Result<()> {
    let mut connection = options.connect().await?;
    POSTGRES.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Makes the service's tables in a new file.
pub async fn migrate_sqlite(path: &Path) -> Result<()> {
    let mut connection = sqlite_options(path).connect().await?;
    SQLITE.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// The connection that writes: everything it confirms is durable.
pub async fn sqlite_writer(path: &Path) -> Result<SqliteConnection> {
    Ok(sqlite_options(path).connect().await?)
}

/// The connections that read.
pub async fn sqlite_readers(path: &Path) -> Result<SqlitePool> {
    let pool = SqlitePoolOptions::new()
        .min_connections(SQLITE_READERS)
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(sqlite_options(path))
        .await?;
    Ok(pool)
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .foreign_keys(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
}
