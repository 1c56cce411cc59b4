//! The server engine: a bounded pool of connections to PostgreSQL, used by several replicas at once.

mod accounts;
mod advice;
mod commit;
mod findings;
mod groups;
mod guard;
mod protection;
mod sequencer;
mod statistics;
mod tokens;
mod tries;
mod upkeep;

use std::{str::FromStr as _, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres,
    migrate::Migrator,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Semaphore;

use super::{OpenError, StorageConfig, open, service_keys};
use crate::service_key::{Purpose, ServiceKey};

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/postgres");

/// PostgreSQL 13 is the oldest that its project still tells people to upgrade from rather than to leave.
const SERVER_VERSION_MIN: u32 = 13;
/// A connection that lay idle for longer is tried before it is used: a firewall may have dropped it without a word.
const IDLE_TRUSTED: Duration = Duration::from_secs(10);
/// The statements a connection keeps prepared: all of ours, and the shapes of filters that callers use most.
const STATEMENTS_MAX: usize = 100;

/// How statements are planned. Each has its index, but a plan is kept for as long as the connection lives, or until statistics are made anew: one that
/// was made while a table was small would read all of it when it has grown. Nothing here runs so long that compiling it pays.
const PLANS: [(&str, &str); 2] = [("enable_seqscan", "off"), ("jit", "off")];

/// Guarded writes of a tenant wait for each other, each with a connection: at most one in so many of the pool, so that nobody else is left without.
const GUARDED_SHARE: u32 = 4;

pub(in crate::storage) struct Database {
    pub pool: PgPool,
    pub page_token_key: ServiceKey,
    /// Of connections that wait for a tenant's deprovision guard: see [`leave_to_wait`](Self::leave_to_wait).
    guarded_writes: Semaphore,
}

impl Database {
    pub async fn open(url: &SecretString, config: &StorageConfig) -> Result<Self, OpenError> {
        let timeout_ms = config.statement_timeout.as_millis().to_string();
        let [seqscan, jit] = PLANS;
        let settings = [seqscan, jit, ("statement_timeout", timeout_ms.as_str())];
        let options = options(url)?.options(settings);
        let pool = PgPoolOptions::new()
            .max_connections(config.pool_size_max)
            .acquire_timeout(config.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    if metadata.idle_for > IDLE_TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        let mut connection = pool.acquire().await?;
        check_server(&mut connection).await?;
        open::check_schema(&mut *connection, &MIGRATOR).await?;
        advice::advise(&mut connection, &settings).await?;
        let page_token_key = service_keys::postgres(&mut connection, Purpose::PageTokens).await?;
        drop(connection);
        let guarded_writes = (config.pool_size_max / GUARDED_SHARE).max(1);
        Ok(Self {
            pool,
            page_token_key,
            guarded_writes: Semaphore::new(guarded_writes as usize),
        })
    }

    /// A connection that answers: the pool may hold many that broke together.
    pub async fn working_connection(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        loop {
            let mut connection = self.pool.acquire().await?;
            if connection.ping().await.is_ok() {
                return Ok(connection);
            }
            // Leaves the pool. The loop ends at the latest with a new connection, or with the error of making one.
            drop(connection.detach());
        }
    }
}

/// Whether the connection broke, so that the same read may be tried on another.
pub(in crate::storage) fn is_broken_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // An administrator or the server's own crash ended the session.
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03"))
        }
        _ => false,
    }
}

pub(in crate::storage) async fn migrate(url: &SecretString) -> Result<Vec<String>, OpenError> {
    let mut connection = options(url)?.connect().await?;
    check_server(&mut connection).await?;
    let applied = open::count_applied(&mut connection, &MIGRATOR).await?;
    MIGRATOR
        .run(&mut connection)
        .await
        .map_err(open::migration_error)?;
    connection.close().await?;
    Ok(open::names(&MIGRATOR, applied))
}

fn options(url: &SecretString) -> Result<PgConnectOptions, OpenError> {
    // The error may repeat parts of the URL, which may hold a password.
    let options =
        PgConnectOptions::from_str(url.expose_secret()).map_err(|_| OpenError::InvalidUrl)?;
    Ok(options
        .application_name("provisiond")
        .statement_cache_capacity(STATEMENTS_MAX)
        .disable_statement_logging())
}

/// Refuses a server that could lose what it has confirmed, or that could not hold our data.
async fn check_server(connection: &mut PgConnection) -> Result<(), OpenError> {
    let number = show(connection, "SHOW server_version_num").await?;
    if number
        .parse::<u32>()
        .is_ok_and(|number| number / 10_000 < SERVER_VERSION_MIN)
    {
        return Err(OpenError::ServerTooOld {
            found: number,
            required: SERVER_VERSION_MIN,
        });
    }
    let encoding = show(connection, "SHOW server_encoding").await?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { encoding });
    }
    let fsync = show(connection, "SHOW fsync").await?;
    if fsync != "on" {
        return Err(OpenError::NotDurable {
            setting: "fsync",
            value: fsync,
        });
    }
    // `local` is durable on this server, and only a fail-over may lose it: that is the operator's choice.
    let synchronous_commit = show(connection, "SHOW synchronous_commit").await?;
    if synchronous_commit == "off" {
        return Err(OpenError::NotDurable {
            setting: "synchronous_commit",
            value: synchronous_commit,
        });
    }
    Ok(())
}

async fn show(connection: &mut PgConnection, statement: &'static str) -> Result<String, OpenError> {
    Ok(sqlx::query_scalar(statement).fetch_one(connection).await?)
}
