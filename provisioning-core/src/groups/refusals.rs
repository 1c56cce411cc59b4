//! The refusals of group use cases, worded for the customer's admin who reads them in Entra's provisioning log.

use super::{Group, MEMBERS_IN_REQUEST_MAX, MEMBERS_MAX};
use crate::{
    attributes::error::excerpt,
    error::{Reason, Refusal},
    ids::GroupId,
};

pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::new(
        Reason::GroupNotFound,
        "There is no DragOnce group with this id. A deleted group cannot be restored: Microsoft Entra still uses the id of an object that is \
         gone. Restart provisioning with \"Clear current state and restart\", so that the group is matched or created again.",
    )
    .with("group_id", id)
}

pub(super) fn display_name_taken(holder: Option<GroupId>) -> Refusal {
    let whose = holder.map_or_else(
        || "another DragOnce group".to_owned(),
        |holder| format!("the DragOnce group {holder}"),
    );
    let mut refusal = Refusal::new(
        Reason::Uniqueness,
        format!(
            "displayName is already used by {whose}. Rename one of the two groups, or delete that one if it is not needed any more. Nothing \
             was changed."
        ),
    )
    .field("displayName")
    .with("attribute", "displayName");
    if let Some(holder) = holder {
        refusal = refusal.with("group_id", holder);
    }
    refusal
}

pub(super) fn unknown_member(id: &str) -> Refusal {
    Refusal::new(
        Reason::UnknownMember,
        format!(
            "members: {} is neither an account nor another group of this tenant. Provision the member first. Nothing was changed.",
            excerpt(id)
        ),
    )
    .field("members")
    .with("member_id", excerpt(id))
}

pub(super) fn etag_mismatch(group: &Group) -> Refusal {
    Refusal::new(
        Reason::EtagMismatch,
        format!("The group has changed: its etag is {} now. Read it again, and repeat the change on what you find.", group.etag()),
    )
    .field("etag")
    .with("etag", group.etag())
}

pub(super) fn contention() -> Refusal {
    Refusal::new(
        Reason::Contention,
        "Many requests change this group at once. Nothing was changed by this one; send it again.",
    )
}

pub(super) fn too_many_to_answer() -> Refusal {
    Refusal::new(
        Reason::TooMany,
        format!(
            "The answer would hold more than {MEMBERS_MAX} members. Leave members out with excludedAttributes=members, or page through them \
             with ListGroupMembers."
        ),
    )
}

pub(super) fn too_many_selected() -> Refusal {
    Refusal::new(
        Reason::TooMany,
        format!("The filter in the path selects more than {MEMBERS_MAX} members. Select fewer, or name them by their value."),
    )
    .field("operations")
}

pub(super) fn too_many_in_request() -> Refusal {
    Refusal::new(
        Reason::TooMany,
        format!("A request names at most {MEMBERS_IN_REQUEST_MAX} members; send several requests."),
    )
    .field("members")
}

pub(super) fn several(field: &str) -> Refusal {
    Refusal::new(
        Reason::InvalidValue,
        format!("More than one group has this {field}. Look them up with ListGroups."),
    )
    .field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_gone_is_forgotten_by_entra_but_not_restored() {
        let refusal = not_found("7");
        assert!(
            refusal.detail.contains("Clear current state and restart")
                && !refusal.detail.contains("provisiond"),
            "{}",
            refusal.detail
        );
    }
}
