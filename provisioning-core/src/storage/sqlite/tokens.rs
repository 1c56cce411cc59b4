//! The writes of tokens on the embedded engine, within the writer's transaction.

use sqlx::SqliteConnection;

use super::statements::{decide, insert_log_entry};
use crate::{
    clock::Timestamp,
    ids::TenantId,
    storage::{
        Commit, RevokedToken, TokenUse,
        binds::{TOKEN_INSERT, TOKEN_RETIRE, TOKEN_REVOKE, TOKEN_TOUCH, bind_token},
    },
    tokens::{Token, TokenId},
};

/// Whether a token is not revoked, and `$3` is true of it: whether it is the current one.
const TOKEN_STANDS: &str = "
    SELECT EXISTS (
        SELECT 1
        FROM scim_tokens
        WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND COALESCE(current, FALSE) = $3
    )";

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    token: &Token,
) -> Result<Commit, sqlx::Error> {
    decide(
        bind_token!(sqlx::query(TOKEN_INSERT), tenant, token)
            .execute(connection)
            .await,
        Commit::TokenExists,
    )
}

pub(super) async fn replace(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    old: &TokenId,
    new: &Token,
    expires_at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    let retired = sqlx::query(TOKEN_RETIRE)
        .bind(tenant.uuid())
        .bind(old.as_str())
        .bind(new.id.as_str())
        .bind(new.created_at.as_micros())
        .bind(expires_at.as_micros())
        .execute(&mut *connection)
        .await;
    let retired = decide(retired, Commit::NoCurrentToken)?;
    if retired == Commit::Done {
        // The tenant has no current token any more, so nothing can be in its way.
        bind_token!(sqlx::query(TOKEN_INSERT), tenant, new)
            .execute(connection)
            .await?;
    }
    Ok(retired)
}

/// Whoever was revoked before stays as it is.
pub(super) async fn end_overlaps(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    ids: &[TokenId],
    at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    for id in ids {
        revoke_one(connection, tenant, id, false, at).await?;
    }
    Ok(Commit::Done)
}

/// Looks at all first: where one is not as it was read, nothing may have been written.
pub(super) async fn revoke(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    revoked: &[RevokedToken],
    at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    for token in revoked {
        let stands: bool = sqlx::query_scalar(TOKEN_STANDS)
            .bind(tenant.uuid())
            .bind(token.id.as_str())
            .bind(token.current)
            .fetch_one(&mut *connection)
            .await?;
        if !stands {
            return Ok(Commit::VersionMismatch);
        }
    }
    for token in revoked {
        revoke_one(connection, tenant, &token.id, token.current, at).await?;
        insert_log_entry(connection, tenant, &token.entry).await?;
    }
    Ok(Commit::Done)
}

async fn revoke_one(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: &TokenId,
    current: bool,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(TOKEN_REVOKE)
        .bind(tenant.uuid())
        .bind(id.as_str())
        .bind(current)
        .bind(at.as_micros())
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn touch(
    connection: &mut SqliteConnection,
    uses: &[TokenUse],
) -> Result<(), sqlx::Error> {
    for token in uses {
        let touch = sqlx::query(TOKEN_TOUCH)
            .bind(token.tenant_id.uuid())
            .bind(token.token_id.as_str())
            .bind(token.at.as_micros())
            .bind(&token.from);
        touch.execute(&mut *connection).await?;
    }
    Ok(())
}
