//! Linking an account to its Entra object: an admin sets "Object ID in Azure AD", or takes it off.

mod bulk;
mod decision;
mod history;
mod object_id;
mod pin;
mod preview;
mod refusals;

pub use self::{
    bulk::{BulkLine, BulkLink, LINES_MAX, LineOutcome, LineReport},
    object_id::object_id_key,
    preview::{HandOver, LinkPreview, MatchPreview},
};
use self::{decision::check_etag, object_id::parse_object_id, refusals::no_account_of};
pub(crate) use self::{
    object_id::{parse_guid, parse_linkable},
    pin::{KeptLink, keep_pinned},
};

use crate::{
    Core,
    accounts::{self, Account, AccountKey, Precondition, parse_document},
    attributes::{diff, fold::NAME_BYTES_MAX},
    call::{Admitted, Call, Caller},
    changes::{Change, ChangeKind, Resource},
    error::Error,
    ids::{AccountId, ChangeId, TenantId},
    log::{LinkStep, LogEntry, Operation, check_reason},
    receipts::{Answer, Once},
    schemas::TenantSchemas,
    storage::{Commit, Mutation, Write},
};

/// How often a link is tried when others change the account in between.
const ATTEMPTS_MAX: u32 = 3;

/// Which account, on what condition and why.
#[derive(Clone, Debug)]
pub struct LinkTarget {
    /// Which account.
    pub account: AccountKey,
    /// What must hold. An etag is required for what is not only validated.
    pub precondition: Precondition,
    /// Why; kept in the log. May be empty.
    pub reason: String,
}

/// An account that was linked or unlinked.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The account after it; where it was only validated, with the etag that it has now.
    pub account: Account,
    /// The Object ID it had before.
    pub previous_object_id: Option<String>,
    /// False when everything was as asked for already.
    pub changed: bool,
    /// What it will change for Entra, where it was only validated.
    pub preview: Option<LinkPreview>,
}

/// What to do with the Object ID of an account.
#[derive(Clone, Copy)]
enum Wish<'a> {
    /// Set it to this, as it was given.
    Link(&'a str),
    /// Take it off.
    Unlink,
    /// Make it again what it was, spelled as it was, or take it off where there was none.
    Revert(Option<&'a str>),
}

/// What an admin asks for.
struct Act<'a> {
    target: &'a LinkTarget,
    wish: Wish<'a>,
    /// An admin must have seen the account; in a long list nobody has seen each.
    etag_required: bool,
    /// What the log says of it.
    detail: String,
}

impl Core {
    /// Sets the Object ID of an account. It must be a GUID that no other account of the tenant holds; no other can take it from then on, and SCIM
    /// does not change it.
    pub async fn link_object_id(
        &self,
        call: &Call,
        target: &LinkTarget,
        object_id: &str,
        once: Option<Once<'_, Linked>>,
    ) -> Result<Answer<Linked>, Error> {
        let act = Act {
            target,
            wish: Wish::Link(object_id),
            etag_required: true,
            detail: String::new(),
        };
        self.write_link(call, &act, once, &mut None).await
    }

    /// Takes the Object ID off an account, so that SCIM may set it again.
    pub async fn unlink_object_id(
        &self,
        call: &Call,
        target: &LinkTarget,
        once: Option<Once<'_, Linked>>,
    ) -> Result<Answer<Linked>, Error> {
        let act = Act {
            target,
            wish: Wish::Unlink,
            etag_required: true,
            detail: String::new(),
        };
        self.write_link(call, &act, once, &mut None).await
    }

    /// Reads, decides and writes until the version read is the version written to. Tells which account it was, also when it is refused.
    async fn write_link(
        &self,
        call: &Call,
        act: &Act<'_>,
        once: Option<Once<'_, Linked>>,
        account_id: &mut Option<AccountId>,
    ) -> Result<Answer<Linked>, Error> {
        let mut tries = 0;
        loop {
            let (caller, mut accounts) = self.find_to_link(call, &act.target.account).await?;
            let admitted = self.admit(call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            tries += 1;
            let schemas = self.schemas_of(call, &admitted.tenant).await?;
            let account = accounts.pop();
            *account_id = account.as_ref().map(|account| account.id);
            let entry = self.link_entry(call, act, account.as_ref());
            let error = match self
                .write_link_once(
                    call,
                    &admitted,
                    &schemas,
                    act,
                    account,
                    entry.clone(),
                    once.as_ref(),
                )
                .await
            {
                Ok(Some(linked)) => return Ok(Answer::Fresh(linked)),
                Ok(None) if tries < ATTEMPTS_MAX => continue,
                Ok(None) => accounts::refusals::contention().into(),
                Err(error) => error,
            };
            return Err(self.log_refusal(&admitted, entry, error).await);
        }
    }

    /// Finds the caller and the account. A login account that no account can have is not looked for.
    async fn find_to_link(
        &self,
        call: &Call,
        key: &AccountKey,
    ) -> Result<(Option<Caller>, Vec<Account>), Error> {
        let caller_key = call.caller_key();
        match key {
            AccountKey::UserName(text) | AccountKey::ObjectId(text)
                if text.contains('\0') || text.len() > NAME_BYTES_MAX * 3 =>
            {
                Ok((self.storage().find_caller(&caller_key).await?, Vec::new()))
            }
            AccountKey::Id(_) | AccountKey::UserName(_) | AccountKey::ObjectId(_) => {
                Ok(self.storage().find_accounts(&caller_key, key).await?)
            }
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
        act: &Act<'_>,
        account: Option<Account>,
        mut entry: LogEntry,
        once: Option<&Once<'_, Linked>>,
    ) -> Result<Option<Linked>, Error> {
        let precondition = &act.target.precondition;
        check_reason(&act.target.reason, false)?;
        if let Wish::Link(object_id) = act.wish {
            // Before the account: where columns are swapped, this is what tells it.
            parse_object_id(object_id)?;
        }
        let account = account.ok_or_else(|| no_account_of(&act.target.account))?;
        check_etag(&account, precondition, act.etag_required)?;
        let tenant_id = admitted.tenant.id;
        let decided = self.decide_wish(admitted, &account, act.wish).await?;
        let changed = decided.is_some();
        let next = decided
            .as_ref()
            .map_or_else(|| account.clone(), |write| write.account.clone());
        let mut linked = Linked {
            account: next.shown(&schemas.user),
            previous_object_id: account.object_id.clone(),
            changed,
            preview: None,
        };
        if precondition.validate_only {
            linked.preview = Some(
                self.preview_link(tenant_id, &account, &linked.account)
                    .await?,
            );
            linked.account.version = account.version;
            return Ok(Some(linked));
        }
        let Some(write) = decided else {
            let receipt = once.map(|once| once.receipt(&linked, self.now()));
            let kept = self.keep_receipt(tenant_id, receipt).await?;
            return Ok(kept.then_some(linked));
        };

        entry.admitted(admitted);
        entry.changes = diff::changes(
            Some(&parse_document(&account)?),
            Some(&parse_document(&write.account)?),
        );
        entry.link_step = LinkStep::between(
            account.object_id.as_deref(),
            write.account.object_id.as_deref(),
        );
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
            tenant_id,
            write: if write.account.object_id_pinned {
                Write::Link(write)
            } else {
                Write::Account(write)
            },
            guard: None,
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

    async fn preview_link(
        &self,
        tenant_id: TenantId,
        old: &Account,
        new: &Account,
    ) -> Result<LinkPreview, Error> {
        let holders = match old.object_id.as_deref().map(object_id_key) {
            Some(key) if old.object_id != new.object_id => {
                self.storage()
                    .list_object_id_holders(tenant_id, &key, preview::SHARERS_MAX)
                    .await?
            }
            Some(_) | None => Vec::new(),
        };
        Ok(preview::preview(old, new, &holders))
    }

    fn link_entry(&self, call: &Call, act: &Act<'_>, account: Option<&Account>) -> LogEntry {
        let operation = match act.wish {
            Wish::Link(_) | Wish::Revert(Some(_)) => Operation::Link,
            Wish::Unlink | Wish::Revert(None) => Operation::Unlink,
        };
        let mut entry = LogEntry::new(call, operation, self.now());
        if let Some(account) = account {
            entry.resource_id = account.id.to_string();
            entry.user_name.clone_from(&account.user_name);
        } else if let AccountKey::UserName(key) = &act.target.account {
            entry.user_name.clone_from(key);
        }
        entry.object_id = match act.wish {
            Wish::Link(object_id) => parse_guid(object_id)
                .map(|guid| guid.to_string())
                .unwrap_or_default(),
            Wish::Revert(Some(object_id)) => object_id_key(object_id),
            Wish::Unlink | Wish::Revert(None) => account
                .and_then(|account| account.object_id.clone())
                .unwrap_or_default(),
        };
        entry.justification.clone_from(&act.target.reason);
        entry.detail.clone_from(&act.detail);
        entry
    }
}
