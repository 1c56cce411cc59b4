//! What the state of the data says of findings, without a request: mismatches that no request of Entra has shown, because an admin or a service
//! made them, and findings that are over. By indexes, and a bounded step at a time.

use std::{collections::HashMap, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Closure, Finding, FindingKind, Side, Sighting, cure::over_by_state, sighting::Person};
use crate::{
    Core,
    accounts::Account,
    error::Error,
    ids::{AccountId, GroupId, TenantId},
    storage::{FindingPlace, FindingQuery, FindingWrite, StorageError},
};

/// Tenants, and findings of a tenant, looked at in one step.
const BATCH: u32 = 500;
/// Findings that one examination opens.
const OPENED_MAX: u32 = 500;
/// Accounts named by the finding about all Object IDs of a tenant.
const EXAMPLES: u32 = 3;
/// A finding that only requests can show to be cured ends when none has shown it for so long.
const UNSEEN_MAX: Duration = Duration::from_hours(30 * 24);

impl Core {
    /// Opens what the state of the tenant's accounts shows.
    pub(super) async fn open_by_state(&self, tenant: TenantId) -> Result<(), Error> {
        let now = self.now();
        let mut found = Vec::new();
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
            found.push(Sighting::object_id_not_guid(person, accounts));
        }
        let shared = self
            .storage()
            .find_unknown_shared(tenant, OPENED_MAX)
            .await?;
        found.extend(shared.into_iter().map(|(key, accounts)| {
            let person = Person {
                object_id: Some(&key),
                ..Person::default()
            };
            Sighting::object_id_shared(person, accounts)
        }));
        let found = found
            .into_iter()
            .map(|sighting| FindingWrite::Found(sighting.finding(now, None)))
            .collect();
        self.write_findings(tenant, found).await
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

    /// Closes those of the findings that are over by the state of the data, and sets their closures.
    pub(super) async fn close_by_state(
        &self,
        tenant: TenantId,
        findings: &mut [Finding],
        sides: &Sides,
    ) -> Result<(), Error> {
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
                    .map(|_| {
                        self.not_guid_seen().forget(tenant);
                        "The Object IDs of all accounts are GUIDs.".to_owned()
                    }),
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
                closure,
            });
        }
        self.write_findings(tenant, closed).await
    }

    /// Examines every tenant. Whatever is left when it is cancelled is looked at the next time.
    pub(crate) async fn examine_all(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let mut after = None;
        loop {
            let tenants = self.storage().list_tenants(BATCH, after.as_ref()).await?;
            for tenant in &tenants {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                self.examine(tenant.id, cancel).await?;
            }
            match tenants.last() {
                Some(last) => after = Some(last.identifier.clone()),
                None => return Ok(()),
            }
        }
    }

    /// Opens what the state of a tenant's accounts shows, and closes what is over.
    async fn examine(&self, tenant: TenantId, cancel: &CancellationToken) -> Result<(), Error> {
        self.open_by_state(tenant).await?;
        let mut after = None;
        while !cancel.is_cancelled() {
            let query = FindingQuery {
                closed: false,
                kinds: &[],
                account: None,
                limit: BATCH,
                after,
            };
            let mut findings = self.storage().list_findings(tenant, &query).await?;
            let Some(last) = findings.last() else { break };
            after = Some(FindingPlace::behind(last));
            let sides = self.sides_of(tenant, &findings).await?;
            self.close_by_state(tenant, &mut findings, &sides).await?;
        }
        Ok(())
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
