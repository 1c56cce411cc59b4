//! What an admin linked stays: SCIM's other wish for the Object ID is left undone and told, everything else of the request is done.

use crate::{
    accounts::{Account, Draft},
    error::{Reason, Refusal},
    links::object_id_key,
};

/// A link of an admin that was kept against the directory's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptLink {
    /// The Object ID that the directory says; absent when it wants it removed.
    pub wanted: Option<String>,
    /// The one that was kept.
    pub kept: String,
}

impl KeptLink {
    /// What the log says of it.
    pub fn detail(&self) -> String {
        let kept = &self.kept;
        match &self.wanted {
            Some(wanted) => format!(
                "Microsoft Entra says the Object ID is {wanted}. {kept} was kept, because a DragOnce admin linked this account to it. If {wanted} is \
                 right, set it with LinkObjectId; if {kept} is, unassign the user with {wanted} in Microsoft Entra, or correct the mapping of \
                 externalId there."
            ),
            None => format!(
                "Microsoft Entra wants to remove the Object ID. {kept} was kept, because a DragOnce admin linked this account to it. To remove it, \
                 call UnlinkObjectId; to keep it, map objectId to externalId in Microsoft Entra."
            ),
        }
    }
}

/// The attributes asked for, with the Object ID of an admin's link put back where the directory (`by_scim`) wants another. Any other caller is told
/// which service changes it. Another spelling of the same GUID is the same link: the directory will look for its own.
pub(crate) fn keep_pinned(
    account: &Account,
    draft: Draft,
    by_scim: bool,
) -> Result<(Draft, Option<KeptLink>), Refusal> {
    let Some(kept) = account
        .object_id
        .as_deref()
        .filter(|_| account.object_id_pinned)
    else {
        return Ok((draft, None));
    };
    let wanted = draft.object_id().filter(|wanted| !wanted.is_empty());
    if wanted.map(object_id_key) == Some(object_id_key(kept)) {
        return Ok((draft, None));
    }
    if !by_scim {
        return Err(set_by_admin(account));
    }
    let link = KeptLink {
        wanted: wanted.map(str::to_owned),
        kept: kept.to_owned(),
    };
    Ok((draft.with_object_id(Some(kept)), Some(link)))
}

fn set_by_admin(account: &Account) -> Refusal {
    Refusal::new(
        Reason::Mutability,
        format!(
            "The Object ID (externalId) of the account {} was set by a DragOnce admin. Only LinkObjectId and UnlinkObjectId of LinkService change \
             it. Nothing was changed.",
            account.id
        ),
    )
    .field("externalId")
    .with("attribute", "externalId")
    .with("account_id", account.id)
}
