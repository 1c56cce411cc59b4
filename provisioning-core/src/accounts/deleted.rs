//! Listing deleted accounts, until they are purged.

use uuid::Uuid;

use super::Account;
use crate::{
    Core,
    call::Call,
    clock::Timestamp,
    error::{Error, Refusal},
    ids::AccountId,
    page_token::{cut, invalid_page_token},
};

/// A page of deleted accounts.
#[derive(Clone, Debug)]
pub struct DeletedPage {
    /// The latest deletion first.
    pub accounts: Vec<Account>,
    /// Where the next page begins; absent on the last one.
    pub next_page_token: Option<String>,
}

impl Core {
    /// The deleted accounts of a tenant, the latest deletion first.
    pub async fn list_deleted_accounts(
        &self,
        call: &Call,
        page_size: u32,
        page_token: &str,
    ) -> Result<DeletedPage, Error> {
        let tenant = self.authenticate(call).await?.tenant;
        let query = self.query("ListDeletedAccounts", Some(tenant.id), &[]);
        let after = query
            .open(page_token)?
            .map(|place| place_from(&place.position))
            .transpose()?;
        let mut accounts = self
            .storage()
            .list_deleted_accounts(tenant.id, page_size + 1, after)
            .await?;
        let next_page_token =
            cut(&mut accounts, page_size).map(|last| query.token(&position(last), None));
        let schemas = self.schemas_of(call, &tenant).await?;
        Ok(DeletedPage {
            accounts: accounts
                .into_iter()
                .map(|account| account.shown(&schemas.user))
                .collect(),
            next_page_token,
        })
    }
}

/// When it was deleted, and its id.
fn position(account: &Account) -> Vec<u8> {
    let at = account.deleted_at.map_or(0, Timestamp::as_micros);
    [&at.to_be_bytes()[..], account.id.uuid().as_bytes()].concat()
}

fn place_from(position: &[u8]) -> Result<(Timestamp, AccountId), Refusal> {
    let read = || {
        let (at, id) = position.split_first_chunk()?;
        let at = Timestamp::from_micros(i64::from_be_bytes(*at));
        Some((at, AccountId::from_uuid(Uuid::from_slice(id).ok()?)))
    };
    read().ok_or_else(invalid_page_token)
}
