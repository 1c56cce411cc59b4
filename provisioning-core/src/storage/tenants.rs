//! Reads of tenants, their SCIM tokens and receipts.

use super::{
    Storage, StorageError,
    columns::{self, tenant_columns, token_columns},
    read,
};
use crate::{
    clock::Timestamp,
    ids::TenantId,
    receipts::{Receipt, ReceiptKey},
    tenants::{Identifier, Tenant},
    tokens::{Token, TokenId},
};

const TENANTS: &str = concat!(
    "SELECT ",
    tenant_columns!(),
    " FROM tenants t WHERE t.identifier > $1 ORDER BY t.identifier LIMIT $2"
);

const TOKENS: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM scim_tokens k WHERE k.tenant_id = $1 ORDER BY k.created_at DESC, k.id DESC LIMIT $2"
);
const TOKENS_AFTER: &str = concat!(
    "SELECT ",
    token_columns!(),
    "
     FROM scim_tokens k
     WHERE k.tenant_id = $1 AND (k.created_at, k.id) < ($2, $3)
     ORDER BY k.created_at DESC, k.id DESC
     LIMIT $4"
);
const CURRENT_TOKEN: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM scim_tokens k WHERE k.tenant_id = $1 AND k.current"
);

const RECEIPT: &str = "
    SELECT body_sha256, response, at
    FROM receipts
    WHERE tenant_id = $1 AND caller = $2 AND method = $3 AND request_id = $4";

impl Storage {
    /// Lists tenants by identifier.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_tenants"))]
    pub async fn list_tenants(
        &self,
        limit: u32,
        after: Option<&Identifier>,
    ) -> Result<Vec<Tenant>, StorageError> {
        let after = after.map_or("", Identifier::as_str);
        read!(self, columns::tenant, TENANTS; after, i64::from(limit))
    }

    /// Lists the tenant's tokens, the newest first.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "list_tokens"))]
    pub async fn list_tokens(
        &self,
        tenant: TenantId,
        limit: u32,
        after: Option<(Timestamp, TokenId)>,
    ) -> Result<Vec<Token>, StorageError> {
        let (tenant, limit) = (tenant.uuid(), i64::from(limit));
        match &after {
            None => read!(self, columns::token, TOKENS; tenant, limit),
            Some((at, id)) => {
                read!(self, columns::token, TOKENS_AFTER; tenant, at.as_micros(), id.as_str(), limit)
            }
        }
    }

    /// Finds the tenant's current token.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_current_token"))]
    pub async fn find_current_token(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Token>, StorageError> {
        let tokens = read!(self, columns::token, CURRENT_TOKEN; tenant.uuid())?;
        Ok(tokens.into_iter().next())
    }

    /// Finds what was answered to a request.
    #[tracing::instrument(level = "debug", skip_all, fields(db.system.name = self.engine.name(), db.operation.name = "find_receipt"))]
    pub async fn find_receipt(
        &self,
        tenant: TenantId,
        key: &ReceiptKey,
    ) -> Result<Option<Receipt>, StorageError> {
        let answers = read!(self, columns::answer, RECEIPT; tenant.uuid(), &key.caller, &key.method, key.request_id)?;
        let receipt = |(body_sha256, response, at)| Receipt {
            key: key.clone(),
            body_sha256,
            response,
            at,
        };
        Ok(answers.into_iter().next().map(receipt))
    }
}
