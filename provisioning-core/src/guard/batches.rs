//! What an admin does with the guard: see how much of the limit is used and what waits, and decide.

use uuid::Uuid;

use super::{Batch, BatchItem, BatchState, DeprovisionAction, DeprovisionGuard, ItemKey, refusals};
use crate::{
    Core,
    accounts::Precondition,
    call::{Admitted, Call},
    error::{Error, Refusal},
    ids::BatchId,
    log::{AttributeChange, LogEntry, Operation, ResourceType, check_reason},
    page_token::{cut, invalid_page_token},
    receipts::{Answer, Once},
    storage::{BatchDecision, Commit, Mutation, Write},
};

/// How often a decision is tried when others decide in between.
const ATTEMPTS_MAX: u32 = 3;

/// How the guard of a tenant stands.
#[derive(Clone, Debug)]
pub struct GuardStatus {
    /// Its limits; none: it is off.
    pub guard: Option<DeprovisionGuard>,
    /// How many have passed within the window.
    pub used: i64,
    /// How many may pass within a window.
    pub limit: i64,
    /// What waits for a decision.
    pub pending: Option<Batch>,
}

/// One page of batches.
#[derive(Clone, Debug)]
pub struct BatchPage {
    /// Newest first.
    pub batches: Vec<Batch>,
    /// Where the next page begins; absent on the last one.
    pub next_page_token: Option<String>,
}

/// One page of items.
#[derive(Clone, Debug)]
pub struct ItemPage {
    /// By account.
    pub items: Vec<BatchItem>,
    /// Where the next page begins; absent on the last one.
    pub next_page_token: Option<String>,
}

/// What an admin wants of a batch.
#[derive(Clone, Debug)]
pub struct DecisionWish {
    /// Which batch, as the caller names it.
    pub batch_id: String,
    /// True: its items pass; false: they stay as they are.
    pub approve: bool,
    /// Why; kept with the batch and in the log. May be empty.
    pub reason: String,
    /// What must hold.
    pub precondition: Precondition,
}

impl Core {
    /// How the tenant's guard stands.
    pub async fn get_deprovision_guard(&self, call: &Call) -> Result<GuardStatus, Error> {
        let tenant = self.authenticate(call).await?.tenant;
        let pending = self.storage().find_pending_batch(tenant.id).await?;
        let Some(guard) = tenant.settings.deprovision_guard else {
            return Ok(GuardStatus {
                guard: None,
                used: 0,
                limit: 0,
                pending,
            });
        };
        let base = match self
            .count_for(tenant.id, &guard, guard.count_shown())
            .await?
        {
            Some(counted) => counted,
            None => self
                .storage()
                .find_guard_base(tenant.id)
                .await?
                .map_or(0, |stored| stored.base),
        };
        let since = self.now().minus(guard.window);
        Ok(GuardStatus {
            used: self.storage().count_deprovisioned(tenant.id, since).await?,
            limit: guard.limit(base),
            guard: Some(guard),
            pending,
        })
    }

    /// The batches of a tenant, newest first.
    pub async fn list_deprovision_batches(
        &self,
        call: &Call,
        page_size: u32,
        page_token: &str,
    ) -> Result<BatchPage, Error> {
        let tenant_id = self.authenticate(call).await?.tenant.id;
        let query = self.query("ListDeprovisionBatches", Some(tenant_id), &[]);
        let before = query
            .open(page_token)?
            .map(|place| {
                let id = Uuid::from_slice(&place.position).map_err(|_| invalid_page_token())?;
                Ok::<_, Refusal>(BatchId::from_uuid(id))
            })
            .transpose()?;
        let mut batches = self
            .storage()
            .list_batches(tenant_id, page_size + 1, before)
            .await?;
        let next_page_token =
            cut(&mut batches, page_size).map(|last| query.token(last.id.uuid().as_bytes(), None));
        Ok(BatchPage {
            batches,
            next_page_token,
        })
    }

    /// Who a batch affects, by account.
    pub async fn list_deprovision_batch_items(
        &self,
        call: &Call,
        batch_id: &str,
        page_size: u32,
        page_token: &str,
    ) -> Result<ItemPage, Error> {
        let admitted = self.authenticate(call).await?;
        let batch = self.find_batch(&admitted, batch_id).await?;
        let tenant_id = admitted.tenant.id;
        let id = batch.id.to_string();
        let query = self.query("ListDeprovisionBatchItems", Some(tenant_id), &[&id]);
        let after = query
            .open(page_token)?
            .map(|place| key_from(&place.position).ok_or_else(invalid_page_token))
            .transpose()?;
        let mut items = self
            .storage()
            .list_batch_items(tenant_id, batch.id, page_size + 1, after)
            .await?;
        let next_page_token =
            cut(&mut items, page_size).map(|last| query.token(&position(&last.key), None));
        Ok(ItemPage {
            items,
            next_page_token,
        })
    }

    /// Lets a batch pass, or refuses it. A decision can be taken back as long as the batch is there: what has passed by then has passed.
    pub async fn decide_deprovision_batch(
        &self,
        call: &Call,
        wish: &DecisionWish,
        once: Option<Once<'_, Batch>>,
    ) -> Result<Answer<Batch>, Error> {
        let mut tries = 0;
        loop {
            let admitted = self.authenticate(call).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            tries += 1;
            let error = match self.decide_once(call, &admitted, wish, once.as_ref()).await {
                Ok(Some(batch)) => return Ok(Answer::Fresh(batch)),
                Ok(None) if tries < ATTEMPTS_MAX => continue,
                Ok(None) => refusals::contention().into(),
                Err(error) => error,
            };
            let entry = self.decision_entry(call, &admitted, wish);
            return Err(self.log_refusal(&admitted, entry, error).await);
        }
    }

    /// One try; `None` when somebody else has decided meanwhile.
    async fn decide_once(
        &self,
        call: &Call,
        admitted: &Admitted,
        wish: &DecisionWish,
        once: Option<&Once<'_, Batch>>,
    ) -> Result<Option<Batch>, Error> {
        check_reason(&wish.reason, false)?;
        let old = self.find_batch(admitted, &wish.batch_id).await?;
        let precondition = &wish.precondition;
        if precondition
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != old.etag())
        {
            return Err(refusals::etag_mismatch(&old).into());
        }
        let now = self.now();
        let state = if wish.approve {
            BatchState::Approved
        } else {
            BatchState::Dismissed
        };
        if old.state == state {
            let receipt = once
                .filter(|_| !precondition.validate_only)
                .map(|once| once.receipt(&old, now));
            let kept = self.keep_receipt(admitted.tenant.id, receipt).await?;
            return Ok(kept.then_some(old));
        }
        let batch = Batch {
            state,
            decided_by: admitted.actor.clone(),
            decided_at: Some(now),
            reason: wish.reason.clone(),
            version: old.version + 1,
            ..old.clone()
        };
        if precondition.validate_only {
            return Ok(Some(batch));
        }
        let mut entry = self.decision_entry(call, admitted, wish);
        entry.admitted(admitted);
        entry.detail = told(&batch);
        entry.changes = vec![AttributeChange {
            attribute: "state".to_owned(),
            old: Some(old.state.as_str().into()),
            new: Some(state.as_str().into()),
        }];
        entry.duration = call.started.elapsed();
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::DecideBatch(BatchDecision {
                batch: batch.clone(),
                expected_version: old.version,
            }),
            guard: None,
            log: Some(entry),
            change: None,
            receipt: once.map(|once| once.receipt(&batch, now)),
            findings: Vec::new(),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(batch)),
            Commit::VersionMismatch | Commit::RequestIdUsed => Ok(None),
            other => Err(Error::Internal(
                format!("a decision ended as {other:?}").into(),
            )),
        }
    }

    async fn find_batch(&self, admitted: &Admitted, id: &str) -> Result<Batch, Error> {
        let found = match BatchId::parse(id) {
            Some(id) => self.storage().find_batch(admitted.tenant.id, id).await?,
            None => None,
        };
        Ok(found.ok_or_else(refusals::not_found)?)
    }

    fn decision_entry(&self, call: &Call, admitted: &Admitted, wish: &DecisionWish) -> LogEntry {
        let operation = if wish.approve {
            Operation::DeprovisionApprove
        } else {
            Operation::DeprovisionDismiss
        };
        let mut entry = LogEntry::new(call, operation, self.now());
        entry.resource_type = ResourceType::Tenant;
        entry.resource_id = admitted.tenant.id.to_string();
        entry
    }
}

/// What the log says of a decision.
fn told(batch: &Batch) -> String {
    let mut text = format!(
        "Batch {} of the deprovision guard was {}: {} suspensions, {} deletions and {} removals from groups, of which {} had passed.",
        batch.id,
        refusals::state(batch.state),
        batch.suspends,
        batch.deletes,
        batch.member_removals,
        batch.passed,
    );
    if !batch.reason.is_empty() {
        text.push_str(" Reason given: ");
        text.push_str(&batch.reason);
    }
    text
}

/// A place in a list of items: two ids and the action.
fn position(key: &ItemKey) -> Vec<u8> {
    let ids = [key.account_id, key.group_id].map(Uuid::into_bytes);
    [ids.as_flattened(), key.action.as_str().as_bytes()].concat()
}

/// Reads a [`position`].
fn key_from(position: &[u8]) -> Option<ItemKey> {
    let (account_id, rest) = position.split_at_checked(16)?;
    let (group_id, action) = rest.split_at_checked(16)?;
    Some(ItemKey {
        account_id: Uuid::from_slice(account_id).ok()?,
        action: DeprovisionAction::from_text(std::str::from_utf8(action).ok()?)?,
        group_id: Uuid::from_slice(group_id).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_among_items_is_read_back() {
        for action in DeprovisionAction::ALL {
            let key = ItemKey {
                account_id: Uuid::from_u128(1),
                action: *action,
                group_id: Uuid::from_u128(u128::MAX),
            };
            assert_eq!(key_from(&position(&key)), Some(key));
        }
        for bad in [&b""[..], &[0; 16], &[0; 32], &[0; 40]] {
            assert_eq!(key_from(bad), None);
        }
    }
}
