//! What no request waits for: the last use of tokens, entries that several processes may write, and removing what has outlived its retention.

use super::Database;
use crate::{
    clock::Timestamp,
    ids::TenantId,
    log::LogEntry,
    storage::{
        StorageError, TokenUse,
        binds::{TOKEN_TOUCH, bind_log_entry, log_entry_insert},
        groups::purge_members,
    },
};

const LOG_ENTRY_INSERT_ONCE: &str = concat!(
    log_entry_insert!(),
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
      ON CONFLICT (tenant_id, id) DO NOTHING"
);

/// Who is locked, as a member that a group is losing, waits for the next time.
const PURGE_TOMBSTONES: &str = "
    WITH due AS MATERIALIZED (
        SELECT tenant_id, id
        FROM accounts
        WHERE tenant_id = $1 AND deleted_at < $2
        ORDER BY deleted_at
        LIMIT $3
        FOR UPDATE SKIP LOCKED
    ),
    account AS (
        DELETE FROM accounts a
        USING due d
        WHERE a.tenant_id = d.tenant_id AND a.id = d.id
        RETURNING a.tenant_id, a.id
    ),
    emails AS (
        DELETE FROM account_emails e
        USING account a
        WHERE e.tenant_id = a.tenant_id AND e.account_id = a.id
    ),
    memberships AS (
        DELETE FROM group_members m
        USING account a
        WHERE m.tenant_id = a.tenant_id AND m.member_id = a.id
    )
    SELECT FROM account";

/// Of deleted groups: their members, and their own memberships; then themselves.
const PURGE_MEMBERS: &str = purge_members!("JOIN", "group_id");
const PURGE_MEMBERSHIPS: &str = purge_members!("JOIN", "member_id");
const PURGE_GROUPS: &str = "
    WITH gone AS (
        DELETE FROM groups
        WHERE tenant_id = $1
          AND id IN (
              SELECT g.id
              FROM groups g
              WHERE g.tenant_id = $1 AND g.deleted_at IS NOT NULL
                AND NOT EXISTS (SELECT FROM group_members m WHERE m.tenant_id = g.tenant_id AND m.group_id = g.id)
                AND NOT EXISTS (SELECT FROM group_members m WHERE m.tenant_id = g.tenant_id AND m.member_id = g.id)
              LIMIT $2
          )
        RETURNING tenant_id, id
    ),
    slots AS (
        DELETE FROM group_versions v
        USING gone g
        WHERE v.tenant_id = g.tenant_id AND v.group_id = g.id
    )
    SELECT FROM gone";

/// Through the tenants, so that each tenant's index is used.
const PURGE_RECEIPTS: &str = "
    DELETE FROM receipts
    WHERE (tenant_id, caller, method, request_id) IN (
        SELECT r.tenant_id, r.caller, r.method, r.request_id
        FROM tenants t
        JOIN receipts r ON r.tenant_id = t.id AND r.at < $1
        LIMIT $2
    )";

impl Database {
    /// In the order of the tokens, so that two processes do not wait for each other.
    pub async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StorageError> {
        let mut uses: Vec<&TokenUse> = uses.iter().collect();
        uses.sort_by_key(|token| (token.tenant_id, token.token_id.as_str(), token.at));
        let mut transaction = self.pool.begin().await?;
        for token in &uses {
            let touch = sqlx::query(TOKEN_TOUCH)
                .bind(token.tenant_id.uuid())
                .bind(token.token_id.as_str())
                .bind(token.at.as_micros())
                .bind(&token.from);
            touch.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    pub async fn append_log_once(
        &self,
        tenant: TenantId,
        entry: &LogEntry,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(LOG_ENTRY_INSERT_ONCE).bind(tenant.uuid());
        bind_log_entry!(query, Some(entry))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub async fn purge_tombstones(
        &self,
        tenant: TenantId,
        deleted_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let purge = sqlx::query(PURGE_TOMBSTONES)
            .bind(tenant.uuid())
            .bind(deleted_before.as_micros())
            .bind(i64::from(limit));
        Ok(purge.execute(&self.pool).await?.rows_affected())
    }

    pub async fn purge_groups(&self, tenant: TenantId, limit: u32) -> Result<u64, StorageError> {
        let mut rows = 0;
        for sql in [PURGE_MEMBERS, PURGE_MEMBERSHIPS, PURGE_GROUPS] {
            let purge = sqlx::query(sql).bind(tenant.uuid()).bind(i64::from(limit));
            rows += purge.execute(&self.pool).await?.rows_affected();
        }
        Ok(rows)
    }

    pub async fn purge_receipts(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let purge = sqlx::query(PURGE_RECEIPTS)
            .bind(before.as_micros())
            .bind(i64::from(limit));
        Ok(purge.execute(&self.pool).await?.rows_affected())
    }
}
