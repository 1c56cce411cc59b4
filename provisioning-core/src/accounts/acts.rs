//! What an admin decides of an account, whatever the directory says: to hold, release and protect it, to bring it back or to remove it for good.
//!
//! One way for all: read the account, deleted or not, decide, and write only if it is still that version. What is so already is answered as done.

use serde_json::{Value, json};

use super::{
    Account, AccountKey, Draft, Hold, Precondition, Unsaid,
    draft::parse_document,
    refusals::{self, Claimant},
    unexpected,
};
use crate::{
    Core,
    attributes::diff::AttributeChange,
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    clock::Timestamp,
    error::{Error, Reason, Refusal},
    ids::{AccountId, ChangeId},
    links::object_id_key,
    log::{LogEntry, Operation, check_reason},
    receipts::{Answer, Once},
    storage::{AccountWrite, Commit, Mutation, Write},
};

/// How often an act is tried when others change the account in between.
const ATTEMPTS_MAX: u32 = 5;

/// What an admin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Suspends an account until it is released.
    Hold,
    /// Ends a hold.
    Release,
    /// Keeps provisioning from writing an account.
    Protect,
    /// Lets provisioning write it again.
    Unprotect,
    /// Brings a deleted account back with its id, link and groups.
    Restore,
    /// Removes a deleted account for good.
    Purge,
}

/// To which account, on what condition and why.
#[derive(Clone, Debug)]
pub struct ActTarget {
    /// Which account.
    pub account_id: AccountId,
    /// What must hold.
    pub precondition: Precondition,
    /// Why; kept in the log. A hold must have one.
    pub reason: String,
}

/// What is to be written.
struct Plan {
    /// The account after it; of a purge, the account that was.
    account: Account,
    write: Write,
    /// What followers are told. Of a purge nothing: the account's end was told when it was deleted.
    change: Option<ChangeKind>,
}

impl Act {
    /// What the log calls it.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Hold => Operation::Hold,
            Self::Release => Operation::Release,
            Self::Protect => Operation::Protect,
            Self::Unprotect => Operation::Unprotect,
            Self::Restore => Operation::Restore,
            Self::Purge => Operation::Purge,
        }
    }
}

impl Core {
    /// Does what an admin decides of an account. The answer is the account after it; of a purge, the account that was.
    pub async fn act_on_account(
        &self,
        call: &Call,
        act: Act,
        target: &ActTarget,
        once: Option<Once<'_, Account>>,
    ) -> Result<Answer<Account>, Error> {
        let mut tries = 0;
        loop {
            let (caller, account) = self
                .storage()
                .find_account_or_tombstone(&call.caller_key(), target.account_id)
                .await?;
            let admitted = self.admit(call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            tries += 1;
            let entry = self.act_entry(call, act, target, account.as_ref());
            let error = match self
                .act_once(
                    call,
                    act,
                    &admitted,
                    target,
                    account,
                    entry.clone(),
                    once.as_ref(),
                )
                .await
            {
                Ok(Some(account)) => return Ok(Answer::Fresh(account)),
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
    async fn act_once(
        &self,
        call: &Call,
        act: Act,
        admitted: &Admitted,
        target: &ActTarget,
        account: Option<Account>,
        mut entry: LogEntry,
        once: Option<&Once<'_, Account>>,
    ) -> Result<Option<Account>, Error> {
        check_reason(&target.reason, act == Act::Hold)?;
        let account = account.ok_or_else(|| no_such_account(target.account_id))?;
        let precondition = &target.precondition;
        if precondition
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != account.etag())
        {
            return Err(refusals::etag_mismatch(&account).into());
        }
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        let Some(plan) = self
            .plan_act(call, act, admitted, &account, &target.reason)
            .await?
        else {
            let account = account.shown(&schemas.user);
            // A repetition must not do later what there is nothing to do for now.
            let receipt = once
                .filter(|_| !precondition.validate_only)
                .map(|once| once.receipt(&account, self.now()));
            let kept = self.keep_receipt(admitted.tenant.id, receipt).await?;
            return Ok(kept.then_some(account));
        };
        let answer = plan.account.clone().shown(&schemas.user);
        if precondition.validate_only {
            return Ok(Some(answer));
        }
        entry.admitted(admitted);
        entry.changes = changed_facts(Some(&account), &plan.account);
        entry.duration = call.started.elapsed();
        let change = plan.change.map(|kind| Change {
            id: ChangeId::generate(answer.updated_at),
            at: answer.updated_at,
            kind,
            resource: Resource::Account(answer.id),
            version: answer.version,
        });
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: plan.write,
            log: Some(entry),
            change,
            receipt: once.map(|once| once.receipt(&answer, self.now())),
            findings: Vec::new(),
            guard: None,
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(answer)),
            // Somebody else was faster; the next try names who holds what is taken.
            Commit::VersionMismatch
            | Commit::RequestIdUsed
            | Commit::UserNameTaken
            | Commit::ObjectIdTaken => Ok(None),
            other @ (Commit::TokenExists
            | Commit::TenantExists
            | Commit::NoCurrentToken
            | Commit::DisplayNameTaken
            | Commit::Held(_)) => Err(unexpected(other)),
        }
    }

    /// What the act comes to; `None` when everything is so already.
    async fn plan_act(
        &self,
        call: &Call,
        act: Act,
        admitted: &Admitted,
        account: &Account,
        reason: &str,
    ) -> Result<Option<Plan>, Error> {
        let now = self.now();
        let live = || match account.deleted_at {
            Some(at) => Err(is_deleted(account, at)),
            None => Ok(()),
        };
        let plan = match act {
            Act::Hold => {
                live()?;
                let standing = account.hold.as_ref();
                if standing.is_some_and(|hold| hold.reason == reason) {
                    return Ok(None);
                }
                let hold = Hold {
                    reason: reason.to_owned(),
                    at: standing.map_or(now, |hold| hold.at),
                };
                updated(account, now, |next| next.hold = Some(hold))?
            }
            Act::Release => {
                live()?;
                if account.hold.is_none() {
                    return Ok(None);
                }
                updated(account, now, |next| next.hold = None)?
            }
            Act::Protect | Act::Unprotect => {
                live()?;
                let protected = act == Act::Protect;
                if account.protected == protected {
                    return Ok(None);
                }
                updated(account, now, |next| next.protected = protected)?
            }
            Act::Restore => {
                let Some(deleted_at) = account.deleted_at else {
                    return Ok(None);
                };
                let retention = admitted.tenant.settings.tombstone_retention;
                if deleted_at <= now.minus(retention) {
                    return Err(retention_ended(account, deleted_at, retention).into());
                }
                let unique = admitted.tenant.settings.object_id_unique;
                let write = next_write(account, now, |next| {
                    next.deleted_at = None;
                    next.object_id_exclusive |= unique;
                })?;
                self.check_restorable(call, admitted, &write.account)
                    .await?;
                restored(write)
            }
            Act::Purge => {
                if account.deleted_at.is_none() {
                    return Err(not_deleted(account).into());
                }
                Plan {
                    account: account.clone(),
                    write: Write::PurgeAccount {
                        id: account.id,
                        expected_version: account.version,
                    },
                    change: None,
                }
            }
        };
        Ok(Some(plan))
    }

    /// Refuses to bring back an account whose login or Object ID is another's by now.
    async fn check_restorable(
        &self,
        call: &Call,
        admitted: &Admitted,
        restored: &Account,
    ) -> Result<(), Error> {
        let key = AccountKey::UserName(restored.user_name_key.clone());
        let (_, holders) = self
            .storage()
            .find_accounts(&call.caller_key(), &key)
            .await?;
        if let Some(holder) = holders.first() {
            return Err(login_taken(restored, holder).into());
        }
        let Some(object_id) = &restored.object_id else {
            return Ok(());
        };
        let holders = self
            .storage()
            .list_object_id_holders(admitted.tenant.id, &object_id_key(object_id), 1)
            .await?;
        match holders
            .iter()
            .find(|holder| restored.object_id_exclusive || holder.exclusive)
        {
            Some(holder) => Err(refusals::object_id_taken(
                Claimant::Restore,
                object_id,
                holder.id,
                &holder.user_name,
            )
            .into()),
            None => Ok(()),
        }
    }

    fn act_entry(
        &self,
        call: &Call,
        act: Act,
        target: &ActTarget,
        account: Option<&Account>,
    ) -> LogEntry {
        let mut entry = LogEntry::new(call, act.operation(), self.now());
        entry.resource_id = target.account_id.to_string();
        if let Some(account) = account {
            entry.user_name.clone_from(&account.user_name);
            entry.object_id = account.object_id.clone().unwrap_or_default();
        }
        entry.justification.clone_from(&target.reason);
        entry
    }
}

/// The hold of the account of a login that was deleted last, which goes on when the login comes back on an account without one: to delete an account
/// and to create it again lifts no hold.
pub(super) fn inherited_hold<'a>(
    former: Option<&'a Account>,
    restored: Option<&Account>,
) -> Option<(&'a Account, &'a Hold)> {
    if restored.is_some_and(|restored| restored.hold.is_some()) {
        return None;
    }
    let former = former?;
    Some((former, former.hold.as_ref()?))
}

/// What the log says of an inherited hold.
pub(super) fn told(inherited: Option<(&Account, &Hold)>) -> String {
    inherited.map_or_else(String::new, |(former, hold)| {
        format!(
            "On hold, as the deleted account {} with this login account was: {}. An admin may release it.",
            former.id, hold.reason
        )
    })
}

/// What two states of an account differ in that is no attribute of SCIM.
pub(super) fn changed_facts(old: Option<&Account>, new: &Account) -> Vec<AttributeChange> {
    let reason = |account: &Account| account.hold.as_ref().map(|hold| json!(hold.reason));
    let protected = |account: &Account| account.protected.then_some(Value::Bool(true));
    [
        ("hold", old.and_then(reason), reason(new)),
        ("protected", old.and_then(protected), protected(new)),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .map(|(attribute, old, new)| AttributeChange {
        attribute: attribute.to_owned(),
        old,
        new,
    })
    .collect()
}

/// The account at its next version, with the same attributes.
fn next_write(
    account: &Account,
    now: Timestamp,
    settle: impl FnOnce(&mut Account),
) -> Result<AccountWrite, Error> {
    let draft = Draft::from_document(parse_document(account)?, Unsaid::unassigned(account))?;
    Ok(draft.update(account, now, settle))
}

fn updated(
    account: &Account,
    now: Timestamp,
    settle: impl FnOnce(&mut Account),
) -> Result<Plan, Error> {
    let write = next_write(account, now, settle)?;
    Ok(Plan {
        account: write.account.clone(),
        write: Write::Account(Box::new(write)),
        change: Some(ChangeKind::Updated),
    })
}

/// An Object ID that is the account's alone is taken as a link takes it.
fn restored(write: AccountWrite) -> Plan {
    Plan {
        account: write.account.clone(),
        write: if write.account.object_id_exclusive {
            Write::Link(Box::new(write))
        } else {
            Write::Account(Box::new(write))
        },
        change: Some(ChangeKind::Created),
    }
}

fn no_such_account(id: AccountId) -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        "There is no account with this id, nor a deleted one: it was purged or never existed. Look accounts up with ListAccounts, and deleted \
         ones with ListDeletedAccounts.",
    )
    .field("account_id")
    .with("account_id", id)
}

fn is_deleted(account: &Account, at: Timestamp) -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        format!(
            "The account {} ({}) was deleted at {at}. Restore it first, with RestoreAccount. Nothing was changed.",
            account.user_name, account.id
        ),
    )
    .field("account_id")
    .with("account_id", account.id)
    .with("user_name", &account.user_name)
    .with("delete_time", at)
}

fn not_deleted(account: &Account) -> Refusal {
    Refusal::new(
        Reason::AccountNotFound,
        format!(
            "The account {} ({}) is not deleted, and only deleted accounts are purged. Delete it first, with DeleteAccount. Nothing was \
             changed.",
            account.user_name, account.id
        ),
    )
    .field("account_id")
    .with("account_id", account.id)
    .with("user_name", &account.user_name)
}

fn retention_ended(
    account: &Account,
    deleted_at: Timestamp,
    retention: std::time::Duration,
) -> Refusal {
    let days = retention.as_secs() / 86_400;
    Refusal::new(
        Reason::RetentionEnded,
        format!(
            "The account {} ({}) was deleted at {deleted_at}, and can be restored for {days} days only. Create a new account for the person.",
            account.user_name, account.id
        ),
    )
    .field("account_id")
    .with("account_id", account.id)
    .with("user_name", &account.user_name)
    .with("delete_time", deleted_at)
    .with("retention_days", days)
}

fn login_taken(restored: &Account, holder: &Account) -> Refusal {
    Refusal::new(
        Reason::Uniqueness,
        format!(
            "The login account {} is that of the account {} ({}) by now. Change that one's login account, or delete it if it is the same \
             person, and restore again. Nothing was changed.",
            restored.user_name, holder.user_name, holder.id
        ),
    )
    .field("account_id")
    .with("attribute", "userName")
    .with("account_id", holder.id)
    .with("user_name", &holder.user_name)
}
