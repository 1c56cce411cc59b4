//! Why an account cannot be created: the one place where the accounts that stand in the way are told apart.

use super::{Account, refusals};
use crate::{error::Refusal, links::object_id_key, storage::CreateCandidates};

/// What stands in the way of a create.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CreateConflict {
    /// An account has the login.
    LoginTaken {
        /// Who has it.
        holder: Box<Account>,
    },
    /// The Object ID is that of a deleted account, which would be restored if another account had not got the login meanwhile.
    LoginTakenSinceDeletion {
        /// Who has the login.
        holder: Box<Account>,
        /// Whose the Object ID is.
        tombstone: Box<Account>,
    },
    /// Another account holds the Object ID exclusively.
    ObjectIdTaken {
        /// Who holds it.
        holder: Box<Account>,
    },
}

impl CreateConflict {
    /// How it is answered to a request with this Object ID.
    pub fn refusal(&self, object_id: Option<&str>) -> Refusal {
        match self {
            Self::LoginTaken { holder } => refusals::user_name_taken(holder, object_id),
            Self::LoginTakenSinceDeletion { holder, tombstone } => {
                refusals::login_taken_since_deletion(holder, tombstone)
            }
            Self::ObjectIdTaken { holder } => refusals::object_id_taken(Some(holder)),
        }
    }
}

/// The deleted account that is to be restored, if there is one; or what stands in the way.
pub(super) fn settle_candidates(
    candidates: CreateCandidates,
    object_id: Option<&str>,
    restorable: impl FnOnce(&Account) -> bool,
) -> Result<Option<Account>, CreateConflict> {
    let tombstone = candidates.tombstone.filter(restorable);
    match (candidates.live, candidates.claimant, tombstone) {
        (Some(holder), _, tombstone) => {
            let holder = Box::new(holder);
            let is_the_same_object =
                holder.object_id.as_deref().map(object_id_key) == object_id.map(object_id_key);
            Err(match tombstone {
                Some(tombstone) if !is_the_same_object => CreateConflict::LoginTakenSinceDeletion {
                    holder,
                    tombstone: Box::new(tombstone),
                },
                Some(_) | None => CreateConflict::LoginTaken { holder },
            })
        }
        (None, Some(holder), _) => Err(CreateConflict::ObjectIdTaken {
            holder: Box::new(holder),
        }),
        (None, None, tombstone) => Ok(tombstone),
    }
}
