//! The writes of tokens on PostgreSQL, within a mutation's transaction.

use sqlx::PgConnection;

use super::commit::{decide, insert_log_entry};
use crate::{
    clock::Timestamp,
    ids::TenantId,
    storage::{
        Commit, RevokedToken,
        binds::{TOKEN_INSERT, TOKEN_RETIRE, TOKEN_REVOKE, bind_token},
    },
    tokens::{Token, TokenId},
};

pub(super) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    token: &Token,
) -> Result<Commit, sqlx::Error> {
    bind_token!(sqlx::query(TOKEN_INSERT), tenant, token)
        .execute(connection)
        .await?;
    Ok(Commit::Done)
}

pub(super) async fn replace(
    connection: &mut PgConnection,
    tenant: TenantId,
    old: &TokenId,
    new: &Token,
    expires_at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    let retire = sqlx::query(TOKEN_RETIRE)
        .bind(tenant.uuid())
        .bind(old.as_str())
        .bind(new.id.as_str())
        .bind(new.created_at.as_micros())
        .bind(expires_at.as_micros());
    match decide(
        retire.execute(&mut *connection).await,
        Commit::NoCurrentToken,
    )? {
        Commit::Done => insert(connection, tenant, new).await,
        conflict => Ok(conflict),
    }
}

/// Whoever was revoked before stays as it is.
pub(super) async fn end_overlaps(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[TokenId],
    at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    for id in ids {
        revoke_one(connection, tenant, id, false, at).await?;
    }
    Ok(Commit::Done)
}

/// In the order of the tokens, as who writes their last use.
pub(super) async fn revoke(
    connection: &mut PgConnection,
    tenant: TenantId,
    revoked: &[RevokedToken],
    at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    let mut revoked: Vec<&RevokedToken> = revoked.iter().collect();
    revoked.sort_by_key(|token| token.id.as_str());
    for token in revoked {
        match revoke_one(connection, tenant, &token.id, token.current, at).await? {
            Commit::Done => insert_log_entry(connection, tenant, &token.entry).await?,
            conflict => return Ok(conflict),
        }
    }
    Ok(Commit::Done)
}

async fn revoke_one(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: &TokenId,
    current: bool,
    at: Timestamp,
) -> Result<Commit, sqlx::Error> {
    let revoke = sqlx::query(TOKEN_REVOKE)
        .bind(tenant.uuid())
        .bind(id.as_str())
        .bind(current)
        .bind(at.as_micros());
    decide(revoke.execute(connection).await, Commit::VersionMismatch)
}
