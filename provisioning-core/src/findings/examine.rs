//! What the state of the data says of findings, without a request: mismatches that no request of Entra has shown, because an admin or a service
//! made them, and findings that are over. By indexes, and a bounded step at a time: the next one goes on where the last one ended.

use std::{collections::HashMap, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Closure, Finding, FindingKind, Side, Sighting, cure::over_by_state, sighting::Person};
use crate::{
    Core,
    accounts::Account,
    error::Error,
    ids::{AccountId, GroupId, TenantId},
    storage::{ExaminationPlace, FindingPlace, FindingQuery, FindingWrite, StorageError},
};

/// Tenants whose examination is claimed in one step.
const TENANTS_BATCH: u32 = 500;
/// Open findings, and Object IDs that may be shared, that one examination of a tenant looks at.
const STEP: u32 = 500;
/// A tenant that was examined since is left alone: shorter than the time between two examinations of one process, so that it is claimed by its next.
const EXAMINED_LATELY: Duration = Duration::from_mins(4);
/// Accounts named by the finding about all Object IDs of a tenant.
const EXAMPLES: u32 = 3;
/// A finding that only requests can show to be cured ends when none has shown it for so long.
const UNSEEN_MAX: Duration = Duration::from_hours(30 * 24);

impl Core {
    /// What the state of the tenant's accounts shows, where shared Object IDs are searched from a key on, and from which key on to search the next time.
    pub(super) async fn shown_by_state(
        &self,
        tenant: TenantId,
        from: &str,
    ) -> Result<(Vec<FindingWrite>, String), Error> {
        let now = self.now();
        let mut shown = Vec::new();
        let not_guid = self
            .storage()
            .find_unknown_not_guid(tenant, EXAMPLES)
            .await?;
        if let Some(first) = not_guid.first() {
            let person = Person {
                object_id: first.object_id.as_deref(),
                user_name: &first.user_name,
                called: None,
            };
            let accounts: Vec<AccountId> = not_guid.iter().map(|account| account.id).collect();
            shown.push(Sighting::object_id_not_guid(person, accounts));
        }
        let (shared, next) = self
            .storage()
            .find_unknown_shared(tenant, from, STEP)
            .await?;
        shown.extend(shared.into_iter().map(|(key, accounts)| {
            let person = Person {
                object_id: Some(&key),
                ..Person::default()
            };
            Sighting::object_id_shared(person, accounts)
        }));
        let found = shown
            .into_iter()
            .map(|sighting| FindingWrite::Found(sighting.finding(now, None)));
        Ok((found.collect(), next))
    }

    /// What DragOnce has on its side of findings: the accounts and groups that they are about, as they are now. Those that are gone for good have
    /// none.
    pub(super) async fn sides_of(
        &self,
        tenant: TenantId,
        findings: &[Finding],
    ) -> Result<Sides, StorageError> {
        let mut accounts: Vec<AccountId> = findings
            .iter()
            .flat_map(|finding| finding.accounts.iter().copied())
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        let mut groups: Vec<GroupId> = findings
            .iter()
            .filter_map(|finding| finding.group)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let mut sides = Sides::default();
        if !accounts.is_empty() {
            let found = self
                .storage()
                .find_accounts_and_tombstones(tenant, &accounts)
                .await?;
            sides.accounts = found
                .into_iter()
                .map(|account| (account.id, account))
                .collect();
        }
        if !groups.is_empty() {
            let found = self.storage().find_groups_by_ids(tenant, &groups).await?;
            sides.groups = found.into_iter().map(|group| (group.id, group)).collect();
        }
        Ok(sides)
    }

    /// Sets the closures of those of the findings that are over by the state of the data; they are still to be written.
    pub(super) async fn over_by_state(
        &self,
        tenant: TenantId,
        findings: &mut [Finding],
        sides: &Sides,
    ) -> Result<Vec<FindingWrite>, Error> {
        let now = self.now();
        let shared: Vec<String> = findings
            .iter()
            .filter(|finding| {
                finding.closure.is_none() && finding.kind == FindingKind::ObjectIdShared
            })
            .map(|finding| finding.subject.clone())
            .collect();
        let holders: HashMap<String, Vec<AccountId>> = if shared.is_empty() {
            HashMap::new()
        } else {
            self.storage()
                .find_object_id_sharers(tenant, &shared)
                .await?
                .into_iter()
                .collect()
        };
        let mut closed = Vec::new();
        for finding in findings
            .iter_mut()
            .filter(|finding| finding.closure.is_none())
        {
            let over = match finding.kind {
                FindingKind::ObjectIdShared => {
                    let left = holders.get(&finding.subject).map_or(0, Vec::len);
                    (left < 2).then(|| "No two accounts have the Object ID any more.".to_owned())
                }
                FindingKind::ObjectIdNotGuid => self
                    .storage()
                    .find_cured_not_guid(tenant, None)
                    .await?
                    .map(|_| "The Object IDs of all accounts are GUIDs.".to_owned()),
                _ => over_by_state(finding, &sides.accounts_of(finding)),
            };
            let unseen = !finding.kind.is_of_state() && finding.last_seen_at.plus(UNSEEN_MAX) < now;
            let over = over.or_else(|| {
                unseen.then(|| "Microsoft Entra has not shown it for 30 days.".to_owned())
            });
            let Some(detail) = over else { continue };
            let closure = Closure {
                at: now,
                detail,
                request_id: String::new(),
                log_entry_id: None,
                actor: String::new(),
            };
            finding.closure = Some(closure.clone());
            closed.push(FindingWrite::Closed {
                id: finding.id,
                kind: finding.kind,
                closure,
            });
        }
        Ok(closed)
    }

    /// Examines every tenant that no process has examined lately. Whatever is left when it is cancelled is looked at the next time.
    pub(crate) async fn examine_all(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let mut after = None;
        loop {
            let tenants = self
                .storage()
                .list_tenants(TENANTS_BATCH, after.as_ref())
                .await?;
            let Some(last) = tenants.last() else {
                return Ok(());
            };
            let ids: Vec<TenantId> = tenants.iter().map(|tenant| tenant.id).collect();
            let now = self.now();
            let claimed = self
                .storage()
                .claim_examinations(&ids, now, now.minus(EXAMINED_LATELY))
                .await?;
            for (tenant, place) in claimed {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                if let Err(error) = self.examine(tenant, place).await {
                    tracing::warn!(
                        tenant.id = %tenant,
                        error = &error as &dyn std::error::Error,
                        "the findings of a tenant were not examined; they are the next time"
                    );
                }
            }
            after = Some(last.identifier.clone());
        }
    }

    /// Opens what the state of a tenant's accounts shows, and closes what is over: one step of each.
    async fn examine(&self, tenant: TenantId, place: ExaminationPlace) -> Result<(), Error> {
        let (mut writes, object_id_key) = self.shown_by_state(tenant, &place.object_id_key).await?;
        let query = FindingQuery {
            closed: false,
            kinds: &[],
            account: None,
            limit: STEP,
            after: place.finding,
        };
        let mut findings = self.storage().list_findings(tenant, &query).await?;
        let is_full = u32::try_from(findings.len()).is_ok_and(|count| count == STEP);
        let next = ExaminationPlace {
            finding: findings
                .last()
                .filter(|_| is_full)
                .map(FindingPlace::behind),
            object_id_key,
        };
        let sides = self.sides_of(tenant, &findings).await?;
        writes.extend(self.over_by_state(tenant, &mut findings, &sides).await?);
        if next != place {
            writes.push(FindingWrite::Examined(next));
        }
        self.write_findings(tenant, writes).await
    }
}

/// The accounts and groups that findings are about.
#[derive(Debug, Default)]
pub(super) struct Sides {
    accounts: HashMap<AccountId, Account>,
    groups: HashMap<GroupId, crate::groups::Group>,
}

impl Sides {
    fn accounts_of(&self, finding: &Finding) -> Vec<Account> {
        finding
            .accounts
            .iter()
            .filter_map(|id| self.accounts.get(id).cloned())
            .collect()
    }

    /// Those of one finding, in its order.
    pub fn of(&self, finding: &Finding) -> Vec<Side> {
        let accounts = self.accounts_of(finding).into_iter().map(Side::Account);
        let group = finding.group.and_then(|id| self.groups.get(&id).cloned());
        accounts.chain(group.map(Side::Group)).collect()
    }
}

impl FindingKind {
    /// Whether the state of the data alone tells when it is over, however long ago a request showed it.
    const fn is_of_state(self) -> bool {
        match self {
            Self::ObjectIdNotGuid
            | Self::ObjectIdShared
            | Self::TombstoneLogin
            | Self::DeletedAndPostedAgain
            | Self::ActiveOnHold => true,
            Self::ObjectIdOnAnotherAccount
            | Self::LoginNotLinked
            | Self::LoginAndObjectIdOnTwoAccounts
            | Self::ObjectIdMismatch
            | Self::StaleScimId
            | Self::LoginRenamed
            | Self::LoginTakenSinceDeletion
            | Self::GroupNameTaken
            | Self::ProtectedAccount => false,
        }
    }
}
