//! PostgreSQL: a mutation is one statement, so one round trip and one flush.

use anyhow::Result;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use super::{Account, Mutation};
use crate::database;
use crate::ids::Ids;
use crate::people;

/// Inserts the accounts number `$3` to `$4` of the tenant `$1` at the time `$2`. `$5` and `$6` are document and search document.
const PRELOAD: &str = "
    WITH person AS (
        SELECT n, CAST('01900000-0000-7000-8000-' || LPAD(TO_HEX(n), 12, '0') AS UUID) AS id,
            'user' || LPAD(CAST(n AS TEXT), 8, '0') || '@bench.example' AS user_name
        FROM GENERATE_SERIES($3::BIGINT, $4::BIGINT) n
    ),
    account AS (
        INSERT INTO accounts (
            tenant_id, id, user_name, user_name_key, object_id, object_id_exclusive, directory_active, protected, managed, version,
            created_at, updated_at, document, search
        )
        SELECT $1, id, user_name, user_name, 'c0de' || SUBSTR(CAST(id AS TEXT), 5), FALSE, TRUE, FALSE, TRUE, 1, $2, $2, $5,
            CAST($6 AS JSONB)
        FROM person
    )
    INSERT INTO account_emails (tenant_id, account_id, position, value_key, type_key)
    SELECT $1, id, 0, user_name, 'work'
    FROM person";

/// What belongs to a mutation, behind a CTE `account`: `$1` is the log entry, `$2` the change, `$3` the time.
macro_rules! with_log_and_change {
    ($account:literal, $operation:literal, $request:literal, $kind:literal, $status:literal, $changes:literal) => {
        concat!(
            "WITH account AS (", $account, " RETURNING tenant_id, id, user_name, user_name_key, object_id, directory_active, version, document),
            entry AS (
                INSERT INTO log_entries (
                    tenant_id, id, at, operation, request, outcome, resource_type, resource_id, object_id, user_name, user_name_key,
                    http_status, scim_type, reason, detail, request_id, token_id, actor, changes, duration_us
                )
                SELECT tenant_id, $1, $3, '", $operation, "', '", $request, "', 'success', 'User', CAST(id AS TEXT), object_id, user_name,
                    user_name_key, ", $status, ", '', '', '', '', 'benchtoken00', 'scim', '", $changes, "', 900
                FROM account
            ),
            change AS (
                INSERT INTO changes (tenant_id, id, at, kind, resource_type, resource_id, version)
                SELECT tenant_id, $2, $3, '", $kind, "', 'User', id, version
                FROM account
            ),
            email AS (
                INSERT INTO account_emails (tenant_id, account_id, position, value_key, type_key)
                SELECT tenant_id, id, 0, user_name_key, 'work'
                FROM account
                WHERE version = 1
            )
            SELECT id, user_name, object_id, directory_active, version, document FROM account"
        )
    };
}

/// `$4` is the tenant, `$5` the id, `$6` the login, `$7` the Object ID, `$8` the document, `$9` the search document.
pub(super) const CREATE: &str = with_log_and_change!(
    "INSERT INTO accounts (
        tenant_id, id, user_name, user_name_key, object_id, object_id_exclusive, directory_active, protected, managed, version,
        created_at, updated_at, document, search
    )
    VALUES ($4, $5, $6, LOWER($6), $7, FALSE, TRUE, FALSE, TRUE, 1, $3, $3, $8, CAST($9 AS JSONB))",
    "create", "POST", "created", "201", "[{\"path\":\"userName\",\"new\":\"somebody@bench.example\"},{\"path\":\"active\",\"new\": true}]"
);

/// `$4` is the tenant, `$5` the id, `$6` what `active` shall be.
pub(super) const SET_ACTIVE: &str = with_log_and_change!(
    "UPDATE accounts
    SET directory_active = $6, version = version + 1, updated_at = $3
    WHERE tenant_id = $4 AND id = $5",
    "update",
    "PATCH",
    "updated",
    "200",
    "[{\"path\":\"active\",\"old\": true,\"new\": false}]"
);

/// Connections to a database with the service's tables.
pub struct Database {
    /// As many as there are clients.
    pub(super) pool: PgPool,
    ids: Ids,
}

impl Database {
    /// Connects.
    pub async fn open(options: PgConnectOptions, connections: u32) -> Result<Self> {
        Ok(Self {
            pool: database::postgres_pool(options, connections).await?,
            ids: Ids::new(),
        })
    }

    /// One statement, durable when it is answered.
    pub(super) async fn write(&self, mutation: Mutation) -> Result<Account> {
        let (sql, id) = match &mutation {
            Mutation::Create(account) => (CREATE, account.id),
            Mutation::SetActive { id, .. } => (SET_ACTIVE, *id),
        };
        let query = sqlx::query_as(sql)
            .bind(self.ids.id())
            .bind(self.ids.id())
            .bind(self.ids.now_us())
            .bind(super::tenant_id())
            .bind(id);
        let query = match mutation {
            Mutation::Create(account) => {
                let search = people::search(&account.user_name);
                query
                    .bind(account.user_name)
                    .bind(account.object_id)
                    .bind(account.document)
                    .bind(search)
            }
            Mutation::SetActive { active, .. } => query.bind(active),
        };
        Ok(query.fetch_one(&self.pool).await?)
    }
}

/// Inserts the accounts 0 to `accounts` of a tenant.
pub async fn preload(pool: &PgPool, tenant: Uuid, accounts: u32) -> Result<()> {
    let person = people::user_name(0);
    sqlx::query(PRELOAD)
        .bind(tenant)
        .bind(Ids::new().now_us())
        .bind(0_i64)
        .bind(i64::from(accounts) - 1)
        .bind(people::document(&person))
        .bind(people::search(&person))
        .execute(pool)
        .await?;
    // Fresh statistics, and no clean-up of what was just loaded in the middle of a turn.
    sqlx::query("VACUUM (ANALYZE) accounts")
        .execute(pool)
        .await?;
    Ok(())
}
