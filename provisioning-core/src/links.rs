//! Linking an account to its Entra object: an admin sets "Object ID in Azure AD", or takes it off.

mod bulk;
mod history;
mod pin;
mod preview;

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

pub use self::{
    bulk::{BulkLine, BulkLink, LINES_MAX, LineOutcome, LineReport},
    preview::{HandOver, LinkPreview, MatchPreview},
};
pub(crate) use pin::{KeptLink, keep_pinned};

use crate::{
    Core,
    accounts::{Account, AccountKey, Draft, Precondition, Unsaid, parse_document, refusals},
    attributes::{diff, error::excerpt, fold::NAME_BYTES_MAX},
    call::{Admitted, Call, Caller},
    changes::{Change, ChangeKind, Resource},
    clock::Timestamp,
    error::{Error, Reason, Refusal},
    ids::{AccountId, ChangeId, TenantId},
    log::{LinkStep, LogEntry, Operation, check_reason},
    receipts::{Answer, Once},
    schemas::TenantSchemas,
    storage::{AccountWrite, Commit, Mutation, ObjectIdHolder, Write},
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

/// Another account with the Object ID asked for.
#[derive(Clone, Debug)]
struct Holder {
    id: AccountId,
    user_name: String,
}

impl From<ObjectIdHolder> for Holder {
    fn from(holder: ObjectIdHolder) -> Self {
        Self {
            id: holder.id,
            user_name: holder.user_name,
        }
    }
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
                Ok(None) => refusals::contention().into(),
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

    /// The account as the wish has it; `None` when everything is so already.
    async fn decide_wish(
        &self,
        admitted: &Admitted,
        account: &Account,
        wish: Wish<'_>,
    ) -> Result<Option<AccountWrite>, Error> {
        let tenant_id = admitted.tenant.id;
        let (asked, spelled) = match wish {
            Wish::Link(object_id) => {
                let asked = parse_object_id(object_id)?;
                (asked, asked.to_string())
            }
            Wish::Revert(Some(object_id)) if parse_linkable(object_id).is_none() => {
                let unique = admitted.tenant.settings.object_id_unique;
                return self
                    .decide_text(tenant_id, account, object_id, unique)
                    .await;
            }
            // Entra compares the spelling, too: what it found before, it finds again.
            Wish::Revert(Some(object_id)) => (parse_object_id(object_id)?, object_id.to_owned()),
            Wish::Unlink if account.object_id.is_none() => return Err(not_linked(account).into()),
            Wish::Unlink | Wish::Revert(None) => return decide_unlink(account, self.now()),
        };
        if let Some(holder) = self.find_other_holder(tenant_id, asked, account).await? {
            return Err(object_id_taken(asked, &holder).into());
        }
        decide_link(account, asked, spelled, self.now())
    }

    /// The account with what was no GUID and no admin's link, as it was before; `None` when it is so already.
    async fn decide_text(
        &self,
        tenant_id: TenantId,
        account: &Account,
        object_id: &str,
        unique: bool,
    ) -> Result<Option<AccountWrite>, Error> {
        if account.object_id.as_deref() == Some(object_id) && !account.object_id_pinned {
            return Ok(None);
        }
        if unique
            && let Some(holder) = self
                .find_other_holder(tenant_id, object_id, account)
                .await?
        {
            return Err(object_id_taken(object_id, &holder).into());
        }
        let mut document = parse_document(account)?;
        document.insert(EXTERNAL_ID.to_owned(), Value::String(object_id.to_owned()));
        let draft = Draft::from_document(document, Unsaid::unassigned(account))?;
        Ok(Some(draft.update(account, self.now(), |next| {
            next.object_id_exclusive = unique;
            next.object_id_pinned = false;
        })))
    }

    /// Another account of the tenant with this Object ID; a GUID, however it is spelled there.
    async fn find_other_holder(
        &self,
        tenant_id: TenantId,
        object_id: impl ToString,
        account: &Account,
    ) -> Result<Option<Holder>, Error> {
        let holders = self
            .storage()
            .list_object_id_holders(tenant_id, &object_id_key(&object_id.to_string()), 2)
            .await?;
        let other = holders.into_iter().find(|holder| holder.id != account.id);
        Ok(other.map(Holder::from))
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

/// The account with this Object ID, as an admin's link; `None` when it is so already. The spelling of a GUID that it has stays as it is, because
/// Entra would see another one as a change.
fn decide_link(
    account: &Account,
    asked: Uuid,
    spelled: String,
    now: Timestamp,
) -> Result<Option<AccountWrite>, Error> {
    let has_it = account.object_id.as_deref().and_then(parse_guid) == Some(asked);
    if has_it && account.object_id_exclusive && account.object_id_pinned {
        return Ok(None);
    }
    let mut document = parse_document(account)?;
    if !has_it {
        document.insert(EXTERNAL_ID.to_owned(), Value::String(spelled));
    }
    let draft = Draft::from_document(document, Unsaid::unassigned(account))?;
    Ok(Some(draft.update(account, now, |next| {
        next.object_id_exclusive = true;
        next.object_id_pinned = true;
    })))
}

/// The account without an Object ID; `None` when it has none.
fn decide_unlink(account: &Account, now: Timestamp) -> Result<Option<AccountWrite>, Error> {
    if account.object_id.is_none() {
        return Ok(None);
    }
    let mut document = parse_document(account)?;
    document.shift_remove(EXTERNAL_ID);
    let draft = Draft::from_document(document, Unsaid::unassigned(account))?;
    Ok(Some(draft.update(account, now, |next| {
        next.object_id_exclusive = false;
        next.object_id_pinned = false;
    })))
}

fn check_etag(
    account: &Account,
    precondition: &Precondition,
    required: bool,
) -> Result<(), Refusal> {
    match &precondition.etag {
        Some(etag) if *etag != account.etag() => Err(refusals::etag_mismatch(account)),
        None if required && !precondition.validate_only => Err(Refusal::new(
            Reason::InvalidRequest,
            "Say the etag of the account, so that what you change is what you have seen. The same call with validate_only answers with the etag that \
             the account has now, and with what would change; GetAccount tells it as well. Nothing was changed.",
        )
        .field("etag")),
        Some(_) | None => Ok(()),
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

/// The GUID, when it can be that of a user: nil and all ones stand for nobody, whoever sends them.
pub(crate) fn parse_linkable(text: &str) -> Option<Uuid> {
    parse_guid(text).filter(|guid| !guid.is_nil() && !guid.is_max())
}

fn parse_object_id(text: &str) -> Result<Uuid, Refusal> {
    parse_linkable(text).ok_or_else(|| {
        let what = match parse_guid(text) {
            Some(guid) => format!("The Object ID {guid} is a placeholder and no user's."),
            None => "The Object ID is not a GUID such as 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef."
                .to_owned(),
        };
        Refusal::new(
            Reason::InvalidValue,
            format!("{what} Copy the Object ID of the user in the Microsoft Entra admin centre."),
        )
        .field("object_id")
    })
}

fn no_such_account() -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        "There is no such account. Look it up with ListAccounts.",
    )
    .field("account")
}

/// The same, with the login account where it was asked for by that.
fn no_account_of(key: &AccountKey) -> Refusal {
    match key {
        AccountKey::UserName(user_name) => Refusal::new(
            Reason::AccountNotFound,
            format!(
                "No account of this tenant has the login account {}. Look it up with ListAccounts.",
                excerpt(user_name)
            ),
        )
        .field("account")
        .with("user_name", excerpt(user_name)),
        AccountKey::Id(_) | AccountKey::ObjectId(_) => no_such_account(),
    }
}

fn object_id_taken(object_id: impl fmt::Display, holder: &Holder) -> Refusal {
    let object_id = object_id.to_string();
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
    fn a_guid_that_is_nobodys_is_refused_as_what_it_is() {
        for (text, shown) in [
            (
                "{00000000-0000-0000-0000-000000000000}",
                "00000000-0000-0000-0000-000000000000",
            ),
            (
                "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ),
        ] {
            let refusal = parse_object_id(text).expect_err("it is nobody's");
            assert_eq!(refusal.reason, Reason::InvalidValue);
            assert!(
                refusal
                    .detail
                    .starts_with(&format!("The Object ID {shown} is a placeholder")),
                "{refusal}"
            );
        }
    }

    #[test]
    fn an_account_that_is_not_there_is_named_by_its_login() {
        let refusal = no_account_of(&AccountKey::UserName("nobody@contoso.com".to_owned()));
        assert_eq!(refusal.reason, Reason::AccountNotFound);
        assert!(
            refusal
                .detail
                .contains("has the login account \"nobody@contoso.com\"."),
            "{refusal}"
        );
        let long = no_account_of(&AccountKey::UserName("x".repeat(10_000)));
        assert!(long.detail.chars().count() < 200, "{long}");
    }

    #[test]
    fn a_reason_may_be_missing_but_is_one_line() {
        for good in ["", "Renamed in HR on 3 May"] {
            assert_eq!(check_reason(good, false), Ok(()));
        }
        for bad in ["a\nb", "a\0b", &"x".repeat(5000)] {
            assert_eq!(
                check_reason(bad, false).expect_err("it is refused").reason,
                Reason::InvalidRequest
            );
        }
    }
}
