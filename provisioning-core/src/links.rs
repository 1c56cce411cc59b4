//! Linking an account to its Entra object: an admin sets "Object ID in Azure AD", or takes it off.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Core,
    accounts::{Account, AccountKey, Draft, Precondition, Unsaid, refusals},
    attributes::{diff, fold::check_text},
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    error::{Error, Reason, Refusal},
    ids::{ChangeId, TenantId},
    log::{LogEntry, Operation},
    receipts::{Answer, Once},
    schemas::TenantSchemas,
    storage::{AccountWrite, Commit, Mutation, Write},
};

/// How often a link is tried when others change the account in between.
const ATTEMPTS_MAX: u32 = 3;
/// The attribute that holds the Object ID.
const EXTERNAL_ID: &str = "externalId";

/// Which account, on what condition and why.
#[derive(Clone, Debug)]
pub struct LinkTarget {
    /// Which account.
    pub account: AccountKey,
    /// What must hold.
    pub precondition: Precondition,
    /// Why; kept in the log. May be empty.
    pub reason: String,
}

/// An account that was linked or unlinked.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The account after it.
    pub account: Account,
    /// The Object ID it had before.
    pub previous_object_id: Option<String>,
}

/// What to do with the Object ID of an account.
#[derive(Clone, Copy)]
enum Wish<'a> {
    /// Set it to this, as it was given.
    Link(&'a str),
    /// Take it off.
    Unlink,
}

impl Core {
    /// Sets the Object ID of an account. It must be a GUID that no other account of the tenant holds, and no other can take it from then on.
    pub async fn link_object_id(
        &self,
        call: &Call,
        target: &LinkTarget,
        object_id: &str,
        once: Option<Once<'_, Linked>>,
    ) -> Result<Answer<Linked>, Error> {
        self.write_link(call, target, Wish::Link(object_id), once)
            .await
    }

    /// Takes the Object ID off an account.
    pub async fn unlink_object_id(
        &self,
        call: &Call,
        target: &LinkTarget,
        once: Option<Once<'_, Linked>>,
    ) -> Result<Answer<Linked>, Error> {
        self.write_link(call, target, Wish::Unlink, once).await
    }

    /// Reads, decides and writes until the version read is the version written to.
    async fn write_link(
        &self,
        call: &Call,
        target: &LinkTarget,
        wish: Wish<'_>,
        once: Option<Once<'_, Linked>>,
    ) -> Result<Answer<Linked>, Error> {
        let mut tries = 0;
        loop {
            let (caller, mut accounts) = self
                .storage()
                .find_accounts(&call.caller_key(), &target.account)
                .await?;
            let admitted = self.admit(call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            tries += 1;
            let schemas = self.schemas_of(call, &admitted.tenant).await?;
            let account = accounts.pop();
            let entry = self.link_entry(call, target, wish, account.as_ref());
            let error = match self
                .write_link_once(
                    call,
                    &admitted,
                    &schemas,
                    target,
                    wish,
                    account,
                    entry.clone(),
                    once.as_ref(),
                )
                .await
            {
                Ok(Some(linked)) => return Ok(Answer::Fresh(linked)),
                Ok(None) if tries < ATTEMPTS_MAX => continue,
                Ok(None) => refusals::contention().into(),
                Err(error) => error,
            };
            return Err(self.log_refusal(&admitted, entry, error).await);
        }
    }

    /// One try; `None` when the account has changed meanwhile.
    #[expect(
        clippy::too_many_arguments,
        reason = "the steps of one use case share its state"
    )]
    async fn write_link_once(
        &self,
        call: &Call,
        admitted: &Admitted,
        schemas: &TenantSchemas,
        target: &LinkTarget,
        wish: Wish<'_>,
        account: Option<Account>,
        mut entry: LogEntry,
        once: Option<&Once<'_, Linked>>,
    ) -> Result<Option<Linked>, Error> {
        check_reason(&target.reason)?;
        let account = account.ok_or_else(no_such_account)?;
        if target
            .precondition
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != account.etag())
        {
            return Err(refusals::etag_mismatch(&account).into());
        }
        let previous_object_id = account.object_id.clone();
        let old: Map<String, Value> = serde_json::from_str(&account.document)
            .map_err(|error| Error::Internal(error.into()))?;
        let decided = match wish {
            Wish::Link(object_id) => {
                self.decide_link(admitted.tenant.id, &account, &old, object_id)
                    .await?
            }
            Wish::Unlink => Some(self.decide_unlink(&account, &old)?),
        };
        let Some(write) = decided else {
            let linked = Linked {
                account: account.shown(&schemas.user),
                previous_object_id,
            };
            let receipt = once
                .filter(|_| !target.precondition.validate_only)
                .map(|once| once.receipt(&linked, self.now()));
            let kept = self.keep_receipt(admitted.tenant.id, receipt).await?;
            return Ok(kept.then_some(linked));
        };
        let linked = Linked {
            account: write.account.clone().shown(&schemas.user),
            previous_object_id,
        };
        if target.precondition.validate_only {
            return Ok(Some(linked));
        }

        let new = serde_json::from_str(&write.account.document)
            .map_err(|error| Error::Internal(error.into()))?;
        entry.admitted(admitted);
        entry.changes = diff::changes(Some(&old), Some(&new));
        entry.duration = call.started.elapsed();
        let change = Change {
            id: ChangeId::generate(linked.account.updated_at),
            at: linked.account.updated_at,
            kind: ChangeKind::Updated,
            resource: Resource::Account(linked.account.id),
            version: linked.account.version,
        };
        let write = Box::new(write);
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: match wish {
                Wish::Link(_) => Write::Link(write),
                Wish::Unlink => Write::Account(write),
            },
            log: Some(entry),
            change: Some(change),
            receipt: once.map(|once| once.receipt(&linked, self.now())),
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(linked)),
            // Another account took the Object ID since it was looked for: the next try names it.
            Commit::VersionMismatch | Commit::RequestIdUsed | Commit::ObjectIdTaken => Ok(None),
            other => Err(Error::Internal(format!("a link ended as {other:?}").into())),
        }
    }

    /// The account with its new Object ID; `None` when everything is so already. The spelling of a GUID that it has stays as it is, because
    /// Entra would see another one as a change.
    async fn decide_link(
        &self,
        tenant_id: TenantId,
        account: &Account,
        document: &Map<String, Value>,
        object_id: &str,
    ) -> Result<Option<AccountWrite>, Error> {
        let asked = parse_object_id(object_id)?;
        if let Some(holder) = self.find_other_holder(tenant_id, asked, account).await? {
            return Err(object_id_taken(asked, &holder).into());
        }
        let has_it = account.object_id.as_deref().and_then(parse_guid) == Some(asked);
        if has_it && account.object_id_exclusive {
            return Ok(None);
        }
        let mut document = document.clone();
        if !has_it {
            document.insert(EXTERNAL_ID.to_owned(), Value::String(asked.to_string()));
        }
        let draft = Draft::from_document(document, Unsaid::unassigned(account))?;
        Ok(Some(draft.update(account, self.now(), |next| {
            next.object_id_exclusive = true;
        })))
    }

    fn decide_unlink(
        &self,
        account: &Account,
        document: &Map<String, Value>,
    ) -> Result<AccountWrite, Error> {
        if account.object_id.is_none() {
            return Err(not_linked(account).into());
        }
        let mut document = document.clone();
        document.shift_remove(EXTERNAL_ID);
        let draft = Draft::from_document(document, Unsaid::unassigned(account))?;
        Ok(draft.update(account, self.now(), |next| next.object_id_exclusive = false))
    }

    /// Another account of the tenant with this GUID, however it is spelled there.
    async fn find_other_holder(
        &self,
        tenant_id: TenantId,
        object_id: Uuid,
        account: &Account,
    ) -> Result<Option<Account>, Error> {
        let holders = self
            .storage()
            .find_object_id_holders(tenant_id, &object_id.to_string())
            .await?;
        Ok(holders.into_iter().find(|holder| holder.id != account.id))
    }

    fn link_entry(
        &self,
        call: &Call,
        target: &LinkTarget,
        wish: Wish<'_>,
        account: Option<&Account>,
    ) -> LogEntry {
        let operation = match wish {
            Wish::Link(_) => Operation::Link,
            Wish::Unlink => Operation::Unlink,
        };
        let mut entry = LogEntry::new(call, operation, self.now());
        if let Some(account) = account {
            entry.resource_id = account.id.to_string();
            entry.user_name.clone_from(&account.user_name);
        }
        entry.object_id = match wish {
            Wish::Link(object_id) => parse_guid(object_id)
                .map(|guid| guid.to_string())
                .unwrap_or_default(),
            Wish::Unlink => account
                .and_then(|account| account.object_id.clone())
                .unwrap_or_default(),
        };
        if !target.reason.is_empty() {
            entry.detail = format!("Reason given: {}", target.reason);
        }
        entry
    }
}

/// What an Object ID is compared by: a GUID in its canonical spelling, any other text as it is.
pub fn object_id_key(object_id: &str) -> String {
    parse_guid(object_id).map_or_else(|| object_id.to_owned(), |guid| guid.to_string())
}

/// A GUID in any of its usual spellings: with or without braces and hyphens, in any case, with white space around it from copying.
pub(crate) fn parse_guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok()
}

fn parse_object_id(text: &str) -> Result<Uuid, Refusal> {
    parse_guid(text).ok_or_else(|| {
        Refusal::new(
            Reason::InvalidValue,
            "The Object ID is not a GUID such as 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef. Copy the Object ID of the user in the Microsoft Entra \
             admin centre.",
        )
        .field("object_id")
    })
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.is_empty() {
        return Ok(());
    }
    check_text(reason).map_err(|error| {
        Refusal::new(Reason::InvalidRequest, format!("The reason {error}.")).field("reason")
    })
}

fn no_such_account() -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        "There is no such account. Look it up with ListAccounts.",
    )
    .field("account")
}

fn object_id_taken(object_id: Uuid, holder: &Account) -> Refusal {
    Refusal::new(
        Reason::Uniqueness,
        format!(
            "The Object ID {object_id} is linked to the account {} ({}). Unlink it there first, if it belongs to this account. Nothing was \
             changed.",
            holder.user_name, holder.id
        ),
    )
    .field("object_id")
    .with("object_id", object_id)
    .with("account_id", holder.id)
    .with("user_name", &holder.user_name)
}

fn not_linked(account: &Account) -> Refusal {
    Refusal::new(
        Reason::NotLinked,
        format!("The account {} has no Object ID.", account.id),
    )
    .with("account_id", account.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_in_every_usual_spelling() {
        let guid = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
        for spelling in [
            guid.to_owned(),
            guid.to_uppercase(),
            format!("{{{guid}}}"),
            format!(" {guid}\n"),
            guid.replace('-', ""),
        ] {
            assert_eq!(
                parse_object_id(&spelling)
                    .expect("it is a GUID")
                    .to_string(),
                guid,
                "{spelling}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_with_a_hint_where_to_find_it() {
        for text in [
            "",
            "alice@contoso.com",
            "0a21f0f2",
            "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4eg",
            "1",
        ] {
            let refusal = parse_object_id(text).expect_err("it is no GUID");
            assert_eq!(refusal.reason, Reason::InvalidValue);
            assert!(refusal.detail.contains("Microsoft Entra admin centre"));
        }
    }

    #[test]
    fn a_reason_may_be_missing_but_is_one_line() {
        for good in ["", "Renamed in HR on 3 May"] {
            assert_eq!(check_reason(good), Ok(()));
        }
        for bad in ["a\nb", "a\0b", &"x".repeat(5000)] {
            assert_eq!(
                check_reason(bad).expect_err("it is refused").reason,
                Reason::InvalidRequest
            );
        }
    }
}
