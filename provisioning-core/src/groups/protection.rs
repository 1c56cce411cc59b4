//! Protected accounts as members: provisioning puts none into a group and takes none out of one, however it asks.
//!
//! Where a tenant passes over members that name nothing, it passes over protected ones as well and the log tells: the others of a request that
//! names many are not kept waiting. Where it refuses the ones, it refuses the others.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{
    Candidate, Delta, MEMBERS_MAX, Member, MemberType, logged::listed, members::Changes, refusals,
};
use crate::{
    Core, accounts,
    call::Admitted,
    error::{Error, Refusal},
    ids::{AccountId, GroupId},
    tenants::{Rules, UnknownMembers},
};

impl Core {
    /// Takes out of a change of members what provisioning may not do. What the log shall say of it; empty where there was nothing of the kind.
    pub(super) async fn spare_protected(
        &self,
        admitted: &Admitted,
        group: GroupId,
        changes: &Changes,
        known: &mut HashMap<Uuid, Candidate>,
        delta: &mut Delta,
    ) -> Result<String, Error> {
        if !admitted.by_scim() {
            return Ok(String::new());
        }
        // Whom the request does not name by id is not known to be protected.
        if delta.clears() || changes.open_filters().next().is_some() {
            let members = self
                .storage()
                .find_protected_members(admitted.tenant.id, group, MEMBERS_MAX + 1)
                .await?;
            if members.len() > MEMBERS_MAX as usize {
                return Err(refusals::too_many_selected().into());
            }
            for id in members {
                known.insert(id.uuid(), protected_member(id));
            }
        }
        Ok(spare(known, delta, admitted.tenant.settings.rules())?)
    }

    /// Refuses the end of a group that a protected account is in.
    pub(super) async fn check_no_protected_member(
        &self,
        admitted: &Admitted,
        group: GroupId,
    ) -> Result<(), Error> {
        if !admitted.by_scim() {
            return Ok(());
        }
        let members = self
            .storage()
            .find_protected_members(admitted.tenant.id, group, 1)
            .await?;
        match members.first() {
            Some(id) => Err(accounts::refusals::protected_member(*id).into()),
            None => Ok(()),
        }
    }
}

/// Leaves the membership of protected accounts as it is.
pub(super) fn spare(
    known: &HashMap<Uuid, Candidate>,
    delta: &mut Delta,
    rules: Rules,
) -> Result<String, Refusal> {
    let spared: BTreeSet<AccountId> = known
        .values()
        .filter(|known| known.protected && delta.spare(known.id, known.is_member))
        .map(|known| AccountId::from_uuid(known.id))
        .collect();
    let Some(first) = spared.first() else {
        return Ok(String::new());
    };
    match rules.unknown_members {
        UnknownMembers::Reject => Err(accounts::refusals::protected_member(*first)),
        UnknownMembers::Ignore => Ok(format!(
            "Passed over, because the accounts are protected and provisioning may not change which groups they are in: {}.",
            listed(spared.iter().map(ToString::to_string))
        )),
    }
}

/// What it is called is told to nobody.
fn protected_member(id: AccountId) -> Candidate {
    Candidate {
        id: id.uuid(),
        member: Some(Member {
            id: id.uuid(),
            kind: MemberType::User,
            display: String::new(),
        }),
        is_member: true,
        protected: true,
    }
}
