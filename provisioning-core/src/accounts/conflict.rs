//! Why an account cannot be created or changed as asked: the one place where the accounts that stand in the way are told apart.

use super::{
    Account, AccountKey,
    refusals::{self, Claimant},
};
use crate::{
    Core,
    call::{Admitted, Call},
    error::{Error, Refusal},
    findings::{Person, Sighting},
    ids::AccountId,
    links::object_id_key,
    storage::CreateCandidates,
};

/// Accounts with an Object ID that are looked at: the one that has it exclusively comes first, and the account itself may be among them.
const HOLDERS_MAX: u32 = 2;

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
            Self::ObjectIdTaken { holder } => refusals::object_id_taken(
                Claimant::Directory,
                object_id.unwrap_or_default(),
                holder.id,
                &holder.user_name,
            ),
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

impl Core {
    /// What a refused create shows. `other` has the Object ID.
    pub(super) async fn sight_conflict(
        &self,
        admitted: &Admitted,
        person: Person<'_>,
        conflict: &CreateConflict,
        other: Option<&Account>,
    ) -> Result<Option<Sighting>, Error> {
        match conflict {
            CreateConflict::LoginTaken { holder } => {
                Ok(Sighting::login_taken(person, holder, other, None))
            }
            CreateConflict::LoginTakenSinceDeletion { holder, tombstone } => Ok(
                Sighting::login_taken(person, holder, other, Some(tombstone)),
            ),
            CreateConflict::ObjectIdTaken { holder } => {
                self.sight_object_id_taken(admitted, person, None, holder.id)
                    .await
            }
        }
    }

    /// Refuses a new Object ID that the account cannot have for another's sake, and finds one that shares it.
    pub(super) async fn check_object_id_free(
        &self,
        admitted: &Admitted,
        old: &Account,
        new: &Account,
    ) -> Result<Option<AccountId>, Error> {
        let key = |account: &Account| account.object_id.as_deref().map(object_id_key);
        if new.deleted_at.is_some() || key(old) == key(new) {
            return Ok(None);
        }
        self.find_object_id_sharer(admitted, old, new).await
    }

    /// Refuses an Object ID that another account has, where it or this one has it exclusively, and finds another one that shares it.
    pub(super) async fn find_object_id_sharer(
        &self,
        admitted: &Admitted,
        old: &Account,
        new: &Account,
    ) -> Result<Option<AccountId>, Error> {
        let Some(object_id) = new.object_id.as_deref() else {
            return Ok(None);
        };
        let holders = self
            .storage()
            .list_object_id_holders(admitted.tenant.id, &object_id_key(object_id), HOLDERS_MAX)
            .await?;
        let Some(holder) = holders.iter().find(|holder| holder.id != old.id) else {
            return Ok(None);
        };
        if !holder.exclusive && !new.object_id_exclusive {
            return Ok(Some(holder.id));
        }
        let sighting = self
            .sight_object_id_taken(admitted, asked(new), Some(old.id), holder.id)
            .await?;
        let (claimant, name) = (Claimant::Directory, &holder.user_name);
        let refusal = refusals::object_id_taken(claimant, object_id, holder.id, name);
        Err(refusal.showing(sighting).into())
    }

    /// Refuses a new login account that another account holds.
    pub(super) async fn check_user_name_free(
        &self,
        call: &Call,
        old: &Account,
        new: &Account,
    ) -> Result<(), Error> {
        if old.user_name_key == new.user_name_key {
            return Ok(());
        }
        let key = AccountKey::UserName(new.user_name_key.clone());
        let (_, holders) = self
            .storage()
            .find_accounts(&call.caller_key(), &key)
            .await?;
        match holders.iter().find(|holder| holder.id != old.id) {
            Some(holder) => {
                let sighting = Sighting::two_accounts(asked(new), old, holder);
                let refusal = refusals::user_name_of_another(old, new.object_id.as_deref(), holder);
                Err(refusal.showing(Some(sighting)).into())
            }
            None => Ok(()),
        }
    }
}

/// What a request wants an account to be that was called by its id.
fn asked(account: &Account) -> Person<'_> {
    Person {
        object_id: account.object_id.as_deref(),
        user_name: &account.user_name,
        called: Some(account.id),
    }
}
