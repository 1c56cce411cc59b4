//! What an account becomes when an admin links or unlinks it, or why it cannot.

use serde_json::Value;
use uuid::Uuid;

use super::{
    Wish,
    object_id::{object_id_key, parse_guid, parse_linkable, parse_object_id},
    refusals::not_linked,
};
use crate::{
    Core,
    accounts::{
        Account, Draft, Precondition, Unsaid, parse_document,
        refusals::{self, Claimant},
    },
    call::Admitted,
    clock::Timestamp,
    error::{Error, Reason, Refusal},
    ids::{AccountId, TenantId},
    storage::{AccountWrite, ObjectIdHolder},
};

/// The attribute that holds the Object ID.
const EXTERNAL_ID: &str = "externalId";

/// Another account with the Object ID asked for.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub id: AccountId,
    pub user_name: String,
}

impl From<ObjectIdHolder> for Holder {
    fn from(holder: ObjectIdHolder) -> Self {
        Self {
            id: holder.id,
            user_name: holder.user_name,
        }
    }
}

impl Holder {
    /// Why another account cannot have the Object ID.
    pub fn refuse(&self, object_id: &impl ToString) -> Refusal {
        refusals::object_id_taken(
            Claimant::Link,
            &object_id.to_string(),
            self.id,
            &self.user_name,
        )
    }
}

impl Core {
    /// The account as the wish has it; `None` when everything is so already.
    pub(super) async fn decide_wish(
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
            return Err(holder.refuse(&asked).into());
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
            return Err(holder.refuse(&object_id).into());
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
}

/// The account with this Object ID, as an admin's link; `None` when it is so already. The spelling of a GUID that it has stays as it is, because
/// Entra would see another one as a change.
pub(super) fn decide_link(
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

pub(super) fn check_etag(
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
