//! Reading accounts: one, a batch, a page of many.

use super::{Account, AccountKey, refusals};
use crate::{
    Core,
    attributes::fold::{NAME_BYTES_MAX, fold},
    call::Call,
    error::{Error, Reason, Refusal},
    findings::{Act, Reached, matched_by},
    ids::AccountId,
    listing::{List, ListQuery, ParsedQuery, known_total},
    log::{LogEntry, Operation},
    storage::RowQuery,
};

const LIST: List = List {
    method: "ListAccounts",
    of: None,
};
/// What Entra matches a user by, of that which an index serves.
const INDEXED: &[&str] = &["id", "userName", "externalId"];

/// Ids in one batch.
const BATCH_MAX: usize = 200;

/// A page of accounts.
#[derive(Debug)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Where the next page begins; `None` on the last.
    pub next_page_token: Option<String>,
    /// How many match in all; behind a page token, how many did when the first page was read.
    pub total_size: i64,
}

impl Core {
    /// Reads one account.
    pub async fn get_account(&self, call: &Call, key: &AccountKey) -> Result<Account, Error> {
        if let AccountKey::UserName(text) | AccountKey::ObjectId(text) = key
            && (text.contains('\0') || text.len() > NAME_BYTES_MAX * 3)
        {
            return Err(self.refuse_account_id(call, Operation::Get, "").await);
        }
        let (caller, mut accounts) = self
            .storage()
            .find_accounts(&call.caller_key(), key)
            .await?;
        let admitted = self.admit(call, caller).await?;
        if accounts.len() == 1 {
            let schemas = self.schemas_of(call, &admitted.tenant).await?;
            let account = accounts.swap_remove(0);
            self.notice(call, &admitted, Reached::Account(Act::Read, &account))
                .await;
            return Ok(account.shown(&schemas.user));
        }
        let mut entry = LogEntry::new(call, Operation::Get, self.now());
        let asked = match key {
            AccountKey::Id(id) => {
                entry.resource_id = id.to_string();
                entry.resource_id.clone()
            }
            AccountKey::UserName(_) => String::new(),
            AccountKey::ObjectId(object_id) => {
                entry.object_id.clone_from(object_id);
                object_id.clone()
            }
        };
        let refusal = if accounts.is_empty() {
            let sighting = match key {
                AccountKey::Id(id) => self.sight_stale_id(&admitted, *id).await?,
                AccountKey::UserName(_) | AccountKey::ObjectId(_) => None,
            };
            refusals::not_found(&asked).showing(sighting)
        } else {
            Refusal::new(
                Reason::InvalidValue,
                "More than one account has this Object ID. Look them up with ListAccounts.",
            )
            .field("object_id")
        };
        Err(self.log_refusal(&admitted, entry, refusal.into()).await)
    }

    /// The key of a login account, as a caller wrote it.
    pub fn user_name_key(user_name: &str) -> AccountKey {
        AccountKey::UserName(fold(user_name))
    }

    /// Says that an id from outside cannot be one, in the way of an id that names nothing.
    pub async fn refuse_account_id(&self, call: &Call, operation: Operation, id: &str) -> Error {
        match self.authenticate(call).await {
            Ok(admitted) => {
                let mut entry = LogEntry::new(call, operation, self.now());
                id.clone_into(&mut entry.resource_id);
                let refusal = refusals::not_found(id);
                self.log_refusal(&admitted, entry, refusal.into()).await
            }
            Err(error) => error,
        }
    }

    /// Reads accounts by id, in the order of the ids; ids that name nothing are left out.
    pub async fn batch_get_accounts(
        &self,
        call: &Call,
        ids: &[String],
    ) -> Result<Vec<Account>, Error> {
        if ids.len() > BATCH_MAX {
            return Err(Refusal::new(
                Reason::TooMany,
                format!("ids holds more than {BATCH_MAX} ids. Ask in several calls."),
            )
            .field("ids")
            .into());
        }
        let ids: Vec<AccountId> = ids.iter().filter_map(|id| AccountId::parse(id)).collect();
        let (caller, mut accounts) = self
            .storage()
            .batch_find_accounts(&call.caller_key(), &ids)
            .await?;
        let admitted = self.admit(call, caller).await?;
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        accounts.sort_by_key(|account| ids.iter().position(|id| *id == account.id));
        let accounts = accounts.into_iter();
        Ok(accounts
            .map(|account| account.shown(&schemas.user))
            .collect())
    }

    /// Reads a page of accounts.
    pub async fn list_accounts(
        &self,
        call: &Call,
        query: &ListQuery,
    ) -> Result<AccountPage, Error> {
        let parsed = self.parse_list_query(call, query).await?;
        if query.count_only {
            let admitted = self.authenticate(call).await?;
            let total_size = self
                .storage()
                .count_accounts(admitted.tenant.id, parsed.filter.as_ref())
                .await?;
            return Ok(AccountPage {
                accounts: Vec::new(),
                next_page_token: None,
                total_size,
            });
        }

        let statement = RowQuery {
            filter: parsed.filter.as_ref(),
            order: parsed.order,
            limit: query.page_size,
            skip: parsed.skip,
            after: parsed.after,
        };
        let (caller, page) = self
            .storage()
            .list_accounts(&call.caller_key(), &statement)
            .await?;
        let admitted = self.admit(call, caller).await?;
        if let ([account], None, Some(act)) = (
            page.accounts.as_slice(),
            &page.next,
            matched_by(query, parsed.filter.as_ref()),
        ) {
            self.notice(call, &admitted, Reached::Account(act, account))
                .await;
        }
        let total = known_total(
            parsed.total,
            parsed.skip,
            page.accounts.len(),
            page.next.is_none(),
        );
        let total_size = match total {
            Some(total) => total,
            None => {
                self.storage()
                    .count_accounts(admitted.tenant.id, parsed.filter.as_ref())
                    .await?
            }
        };
        let next_page_token = page
            .next
            .map(|after| query.token(self, call, LIST, &after, total_size));
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        let accounts = page.accounts.into_iter();
        Ok(AccountPage {
            accounts: accounts
                .map(|account| account.shown(&schemas.user))
                .collect(),
            next_page_token,
            total_size,
        })
    }

    /// Reads the query by the schemas in force. A match needs none but the built-in ones; for any other query the caller is found first, so that
    /// whoever has no valid token makes the storage look for nothing.
    async fn parse_list_query(&self, call: &Call, query: &ListQuery) -> Result<ParsedQuery, Error> {
        let known = self.known_schemas(call);
        let parsed = query.parse(self, call, LIST, &known.user);
        if parsed.as_ref().is_ok_and(|parsed| parsed.is_match(INDEXED)) {
            return Ok(parsed?);
        }
        let admitted = self.authenticate(call).await?;
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        let parsed = if schemas.version == known.version {
            parsed
        } else {
            query.parse(self, call, LIST, &schemas.user)
        };
        match parsed {
            Ok(parsed) => Ok(parsed),
            Err(refusal) => {
                let entry = LogEntry::new(call, Operation::List, self.now());
                Err(self.log_refusal(&admitted, entry, refusal.into()).await)
            }
        }
    }
}
