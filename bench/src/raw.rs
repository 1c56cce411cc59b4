//! The statements of the service's hot requests and nothing else: what each engine does at most for the same durable rows.

pub mod pgbench;
pub mod postgres;
pub mod sqlite;

use anyhow::{Context as _, Result};
use sqlx::FromRow;
use uuid::Uuid;

use crate::ids::{self, Ids};
use crate::people;

/// The Subscriber Identifier of the one tenant.
pub const TENANT: &str = "bench";
/// The id of its token.
pub const TOKEN_ID: &str = "benchtoken00";

/// The id of the tenant.
pub fn tenant_id() -> Uuid {
    ids::numbered(0)
}

/// What is answered of an account.
#[derive(FromRow)]
pub struct Account {
    /// Its id.
    pub id: Uuid,
    /// The login.
    pub user_name: String,
    /// The Object ID.
    pub object_id: Option<String>,
    /// `active`.
    pub directory_active: bool,
    /// Grows with each update.
    pub version: i64,
    /// The other attributes, JSON.
    pub document: String,
}

/// An account to be created.
pub struct NewAccount {
    /// Its id.
    pub id: Uuid,
    /// The login.
    pub user_name: String,
    /// The Object ID.
    pub object_id: String,
    /// The other attributes, JSON.
    pub document: String,
}

/// A write.
pub enum Mutation {
    /// A new account.
    Create(NewAccount),
    /// An account's `active`.
    SetActive {
        /// Whose.
        id: Uuid,
        /// What it shall be.
        active: bool,
    },
}

/// The reads: who asks, and the account, in one statement.
macro_rules! account_by {
    ($key:literal) => {
        concat!(
            "SELECT a.id, a.user_name, a.object_id, a.directory_active, a.version, a.document
            FROM tenants t
            JOIN scim_tokens k ON k.tenant_id = t.id AND k.id = $2
            JOIN accounts a ON a.tenant_id = t.id AND a.deleted_at IS NULL AND ",
            $key,
            " = $3 WHERE t.identifier = $1"
        )
    };
}

const BY_USER_NAME: &str = account_by!("a.user_name_key");
const BY_ID: &str = account_by!("a.id");

/// The tenant `$1` of the identifier `$2` at the time `$3`.
const TENANT_INSERT: &str = "
    INSERT INTO tenants (
        id, identifier, display_name, provisioning_enabled, dialect, object_id_unique, tombstone_retention_us, version, created_at, updated_at
    )
    VALUES ($1, $2, $2, TRUE, 'entra', FALSE, 0, 1, $3, $3)";
/// The token `$2` of the tenant `$1` at the time `$4`; `$3` is the hash of its secret.
const TOKEN_INSERT: &str = "
    INSERT INTO scim_tokens (tenant_id, id, secret_sha256, current, created_at, created_by)
    VALUES ($1, $2, $3, TRUE, $4, 'bench')";
/// Where the changes of the tenant `$1` are counted.
const HEAD_INSERT: &str = "INSERT INTO change_heads (tenant_id, head) VALUES ($1, 0)";

/// One of the engines. The statements that both understand are written once.
pub enum Engine {
    /// PostgreSQL.
    Postgres(postgres::Database),
    /// SQLite.
    Sqlite(sqlite::Database),
}

/// Runs the same call on the engine that is there, each checked against its own driver.
macro_rules! on {
    ($engine:expr, $pool:ident => $call:expr) => {
        match $engine {
            Engine::Postgres(postgres::Database { pool: $pool, .. }) => $call,
            Engine::Sqlite(sqlite::Database { readers: $pool, .. }) => $call,
        }
    };
}

impl Engine {
    /// The account of a login.
    pub async fn find_by_user_name(&self, user_name: &str) -> Result<Option<Account>> {
        Ok(
            on!(self, pool => sqlx::query_as(BY_USER_NAME).bind(TENANT).bind(TOKEN_ID).bind(user_name).fetch_optional(pool).await)?,
        )
    }

    /// The account of an id.
    pub async fn find_by_id(&self, id: Uuid) -> Result<Option<Account>> {
        Ok(
            on!(self, pool => sqlx::query_as(BY_ID).bind(TENANT).bind(TOKEN_ID).bind(id).fetch_optional(pool).await)?,
        )
    }

    /// Writes; what comes back is durable.
    pub async fn write(&self, mutation: Mutation) -> Result<Account> {
        match self {
            Self::Postgres(database) => database.write(mutation).await,
            Self::Sqlite(database) => database.write(mutation).await,
        }
    }

    /// Makes the tenant with its token and its first accounts, number 0 to `accounts`.
    pub async fn preload(&self, accounts: u32) -> Result<()> {
        let (id, now_us) = (tenant_id(), Ids::new().now_us());
        let secret_sha256 = [7_u8; 32];
        on!(self, pool => {
            sqlx::query(TENANT_INSERT).bind(id).bind(TENANT).bind(now_us).execute(pool).await?;
            sqlx::query(TOKEN_INSERT).bind(id).bind(TOKEN_ID).bind(&secret_sha256[..]).bind(now_us).execute(pool).await?;
            sqlx::query(HEAD_INSERT).bind(id).execute(pool).await?;
        });
        match self {
            Self::Postgres(database) => postgres::preload(&database.pool, id, accounts).await?,
            Self::Sqlite(database) => sqlite::preload(&database.readers, id, accounts).await?,
        }
        let last = u64::from(accounts.saturating_sub(1));
        let found = self
            .find_by_id(ids::numbered(last))
            .await?
            .context("the preloaded accounts are there")?;
        anyhow::ensure!(
            found.user_name == people::user_name(last),
            "both engines make the same people"
        );
        Ok(())
    }
}
