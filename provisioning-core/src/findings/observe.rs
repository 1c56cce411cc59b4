//! What the requests of Entra show of findings: the use cases of accounts and groups ask here before they write or refuse.
//!
//! Only requests with a SCIM token say something of Entra. Where a tenant has no open finding, nothing is looked up for a cure.

use super::{
    Closure, Finding, FindingKey, FindingKind, Sighting,
    cure::{Act, Reached, Verdict, verdict},
    sighting::{Person, is_not_guid, is_tombstone_login},
};
use crate::{
    Core,
    accounts::{Account, unexpected},
    attributes::{
        filter::{Comparison, Filter, Operator},
        fold::fold,
    },
    call::{Admitted, Call},
    error::{Error, Refusal},
    groups::Group,
    ids::{AccountId, LogEntryId, TenantId},
    links::KeptLink,
    listing::ListQuery,
    log::{LogEntry, Operation},
    storage::{Commit, FindingWrite, Mutation, StorageError, Write},
};

/// A successful write of an account, about to be committed.
#[derive(Clone, Copy)]
pub(crate) struct AccountWritten<'a> {
    /// What is done.
    pub act: Act,
    /// The account as it was; none where it is new or brought back.
    pub old: Option<&'a Account>,
    /// The account as it shall be.
    pub new: &'a Account,
    /// Another account that has the Object ID, which this write gives to the account.
    pub sharer: Option<AccountId>,
    /// A deleted account of the same Object ID.
    pub tombstone: Option<&'a Account>,
    /// The request says `active`: true.
    pub says_active: bool,
    /// The link of an admin that was kept against the request.
    pub kept_link: Option<&'a KeptLink>,
}

impl Refusal {
    /// What it shows of findings; nothing when another than Entra is refused.
    #[must_use]
    pub(crate) fn showing(mut self, sighting: Option<Sighting>) -> Self {
        self.shows = sighting.map(Box::new);
        self
    }

    /// The finding that it opens or counts.
    pub(crate) fn finding(&self, admitted: &Admitted, entry: &LogEntry) -> Vec<FindingWrite> {
        self.shows
            .iter()
            .filter(|_| admitted.token_id.is_some())
            .map(|sighting| seen(sighting.as_ref().clone(), entry))
            .collect()
    }
}

fn seen(sighting: Sighting, entry: &LogEntry) -> FindingWrite {
    FindingWrite::Seen(sighting.finding(entry.at, Some(entry.id)))
}

impl Core {
    /// What the refusal of an Object ID shows that is `holder`'s exclusively: `meant` is the account that was to have it, when there is one.
    pub(crate) async fn sight_object_id_taken(
        &self,
        admitted: &Admitted,
        person: Person<'_>,
        meant: Option<AccountId>,
        holder: AccountId,
    ) -> Result<Option<Sighting>, Error> {
        if admitted.token_id.is_none() {
            return Ok(None);
        }
        let renamed = meant.is_none() && self.had_login(admitted, holder, person.user_name).await?;
        Ok(Some(if renamed {
            Sighting::login_renamed(person, holder)
        } else {
            Sighting::object_id_taken(person, meant, holder)
        }))
    }

    /// Whether the account had the login account before. The log tells it; where the loop that follows has filled the log, the open finding does.
    async fn had_login(
        &self,
        admitted: &Admitted,
        account: AccountId,
        user_name: &str,
    ) -> Result<bool, Error> {
        let (tenant, key) = (admitted.tenant.id, fold(user_name));
        if admitted.open_findings {
            let open = self
                .storage()
                .find_open_findings(tenant, &[FindingKey::Account(account)])
                .await?;
            if open.iter().any(|finding| {
                finding.kind == FindingKind::LoginRenamed
                    && fold(&finding.directory.user_name) == key
            }) {
                return Ok(true);
            }
        }
        let had = self
            .storage()
            .find_newest_of_account(tenant, &key, account, None)
            .await?;
        Ok(had.is_some())
    }

    /// What a call of an account by an id shows that names none: nothing, unless there is left of the account that the id was given out. Anybody can
    /// make ids that never were.
    pub(crate) async fn sight_stale_id(
        &self,
        admitted: &Admitted,
        id: AccountId,
    ) -> Result<Option<Sighting>, Error> {
        if admitted.token_id.is_none() {
            return Ok(None);
        }
        let tenant = admitted.tenant.id;
        let tombstone = self
            .storage()
            .find_accounts_and_tombstones(tenant, &[id])
            .await?;
        if let Some(tombstone) = tombstone.first() {
            let person = Person {
                object_id: tombstone.object_id.as_deref(),
                user_name: &tombstone.user_name,
                called: Some(id),
            };
            return Ok(Some(Sighting::stale_scim_id(id, person, Some(tombstone))));
        }
        let step = self
            .storage()
            .list_link_steps(tenant, Some(id), 1, None)
            .await?;
        Ok(step.first().map(|entry| {
            let person = Person {
                object_id: Some(&entry.object_id),
                user_name: &entry.user_name,
                called: Some(id),
            };
            Sighting::stale_scim_id(id, person, None)
        }))
    }

    /// What a write of an account shows: findings that open, and findings that it cures.
    pub(crate) async fn findings_of_account(
        &self,
        call: &Call,
        admitted: &Admitted,
        written: &AccountWritten<'_>,
        entry: &LogEntry,
    ) -> Result<Vec<FindingWrite>, Error> {
        if admitted.token_id.is_none() {
            return Ok(Vec::new());
        }
        let mut sightings = Vec::new();
        let AccountWritten { old, new, .. } = *written;
        if new.deleted_at.is_none() {
            let person = Person {
                object_id: new.object_id.as_deref(),
                user_name: &new.user_name,
                called: None,
            };
            sightings.extend(
                written
                    .sharer
                    .map(|sharer| Sighting::object_id_shared(person, [new.id, sharer])),
            );
            let renamed = old.is_none_or(|old| old.user_name_key != new.user_name_key);
            sightings.extend(
                (renamed && is_tombstone_login(&new.user_name))
                    .then(|| Sighting::tombstone_login(new)),
            );
            let activated = old.is_none_or(|old| !old.directory_active);
            sightings.extend(
                (new.hold.is_some() && new.directory_active && (activated || written.says_active))
                    .then(|| Sighting::active_on_hold(new)),
            );
            sightings.extend(
                written
                    .kept_link
                    .and_then(|link| Sighting::link_kept(new, link)),
            );
            if let Some(tombstone) = written.tombstone
                && self.deleted_here(admitted.tenant.id, tombstone).await?
            {
                sightings.push(Sighting::deleted_and_posted_again(new));
            }
            let changed = old.is_none_or(|old| old.object_id != new.object_id);
            if changed
                && is_not_guid(new.object_id.as_deref())
                && self.not_guid_seen().is_due(admitted.tenant.id, entry.at)
            {
                sightings.push(Sighting::object_id_not_guid(person, [new.id]));
            }
        }
        let mut findings: Vec<FindingWrite> = sightings
            .into_iter()
            .map(|sighting| seen(sighting, entry))
            .collect();
        let reached = Reached::Account(written.act, new);
        let cured = self
            .cured_by(call, admitted, reached, Some(entry.id), &findings)
            .await?;
        findings.extend(cured);
        findings.extend(self.cured_not_guid(call, admitted, old, new, entry).await?);
        Ok(findings)
    }

    /// What a write of a group cures.
    pub(crate) async fn findings_of_group(
        &self,
        call: &Call,
        admitted: &Admitted,
        act: Act,
        group: &Group,
        named: bool,
        entry: &LogEntry,
    ) -> Result<Vec<FindingWrite>, Error> {
        let reached = Reached::Group { act, group, named };
        self.cured_by(call, admitted, reached, Some(entry.id), &[])
            .await
    }

    /// Whether the account was deleted by another than Entra.
    async fn deleted_here(&self, tenant: TenantId, tombstone: &Account) -> Result<bool, Error> {
        let deletion = self
            .storage()
            .find_newest_of_account(
                tenant,
                &tombstone.user_name_key,
                tombstone.id,
                Some(Operation::Delete),
            )
            .await?;
        Ok(deletion.is_some_and(|entry| entry.token_id.is_empty()))
    }

    /// The finding about all Object IDs, when the last account that it is about is mended or gone.
    async fn cured_not_guid(
        &self,
        call: &Call,
        admitted: &Admitted,
        old: Option<&Account>,
        new: &Account,
        entry: &LogEntry,
    ) -> Result<Option<FindingWrite>, Error> {
        let had = old.is_some_and(|old| is_not_guid(old.object_id.as_deref()));
        let has = new.deleted_at.is_none() && is_not_guid(new.object_id.as_deref());
        if !had || has {
            return Ok(None);
        }
        let tenant = admitted.tenant.id;
        let cured = self
            .storage()
            .find_cured_not_guid(tenant, Some(new.id))
            .await?;
        Ok(cured.map(|id| FindingWrite::Closed {
            id,
            kind: FindingKind::ObjectIdNotGuid,
            closure: Closure {
                at: entry.at,
                detail: format!("The Object IDs of all accounts are GUIDs: that of {} was the last that was not.", new.user_name),
                request_id: call.request_id.as_str().to_owned(),
                log_entry_id: Some(entry.id),
                actor: admitted.actor.clone(),
            },
        }))
    }

    /// The open findings that a successful request of Entra shows to be cured, but for those that it shows anew.
    async fn cured_by(
        &self,
        call: &Call,
        admitted: &Admitted,
        reached: Reached<'_>,
        log_entry_id: Option<LogEntryId>,
        shown: &[FindingWrite],
    ) -> Result<Vec<FindingWrite>, Error> {
        if admitted.token_id.is_none() || !admitted.open_findings {
            return Ok(Vec::new());
        }
        let tenant = admitted.tenant.id;
        let keys = match reached {
            Reached::Account(_, account) => FindingKey::of_account(account),
            Reached::Group { group, .. } => FindingKey::of_group(group),
        };
        let mut cured = Vec::new();
        for finding in self.storage().find_open_findings(tenant, &keys).await? {
            let detail = match verdict(&finding, reached) {
                _ if shown.iter().any(|shown| shows(shown, &finding)) => continue,
                Verdict::Open => continue,
                Verdict::Cured(detail) => detail,
                Verdict::CuredWithOthers(most, detail) => {
                    if self.other_holders(tenant, &finding, reached).await? > most {
                        continue;
                    }
                    detail
                }
            };
            cured.push(FindingWrite::Closed {
                id: finding.id,
                kind: finding.kind,
                closure: Closure {
                    at: self.now(),
                    detail,
                    request_id: call.request_id.as_str().to_owned(),
                    log_entry_id,
                    actor: admitted.actor.clone(),
                },
            });
        }
        Ok(cured)
    }

    /// How many accounts have the Object ID of the finding beside the one that was reached: at most three.
    async fn other_holders(
        &self,
        tenant: TenantId,
        finding: &Finding,
        reached: Reached<'_>,
    ) -> Result<usize, StorageError> {
        let holders = self
            .storage()
            .find_object_id_sharers(tenant, std::slice::from_ref(&finding.subject))
            .await?;
        let own = match reached {
            Reached::Account(_, account) => Some(account.id),
            Reached::Group { .. } => None,
        };
        Ok(holders
            .iter()
            .flat_map(|(_, accounts)| accounts)
            .filter(|id| Some(**id) != own)
            .count())
    }

    /// Closes what a read of Entra shows to be cured. The read is answered whether that can be written or not.
    pub(crate) async fn notice(&self, call: &Call, admitted: &Admitted, reached: Reached<'_>) {
        if admitted.token_id.is_none() || !admitted.open_findings {
            return;
        }
        match self.cured_by(call, admitted, reached, None, &[]).await {
            Ok(cured) => self.try_write_findings(admitted.tenant.id, cured).await,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "whether a finding is cured was not looked up; the next request that shows it closes it"
            ),
        }
    }

    /// Writes that Entra says of an account on hold that it is active, where that changes nothing of the account.
    pub(crate) async fn notice_said_active(
        &self,
        admitted: &Admitted,
        account: &Account,
    ) -> Result<(), Error> {
        if admitted.token_id.is_none() || account.hold.is_none() || !account.directory_active {
            return Ok(());
        }
        let mut finding = Sighting::active_on_hold(account).finding(self.now(), None);
        finding.count = 1;
        self.write_findings(admitted.tenant.id, vec![FindingWrite::Seen(finding)])
            .await
    }

    /// Writes findings alone.
    pub(super) async fn write_findings(
        &self,
        tenant_id: TenantId,
        findings: Vec<FindingWrite>,
    ) -> Result<(), Error> {
        if findings.is_empty() {
            return Ok(());
        }
        let mutation = Mutation {
            tenant_id,
            write: Write::Nothing,
            log: None,
            change: None,
            receipt: None,
            findings,
            guard: None,
        };
        match self.commit_with_findings(mutation).await? {
            Commit::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Writes what a read has noticed of findings. The read is answered whether that can be written or not.
    pub(super) async fn try_write_findings(&self, tenant: TenantId, findings: Vec<FindingWrite>) {
        // On the heap, since it is large beside what waits for it, and rarely at work.
        if let Err(error) = Box::pin(self.write_findings(tenant, findings)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                tenant.id = %tenant,
                "what a read noticed of findings was not written; the next one that notices it writes it"
            );
        }
    }
}

/// Whether it is the same finding that a request shows anew.
fn shows(shown: &FindingWrite, finding: &Finding) -> bool {
    match shown {
        FindingWrite::Seen(shown) | FindingWrite::Found(shown) => {
            shown.kind == finding.kind && shown.subject == finding.subject
        }
        FindingWrite::Closed { .. } | FindingWrite::Examined(_) => false,
    }
}

/// How Entra looks a resource up: by equality on one attribute that an index serves, from the first one on.
pub(crate) fn matched_by(query: &ListQuery, filter: Option<&Filter>) -> Option<Act> {
    match filter {
        _ if query.skip != 0 || !query.page_token.is_empty() => None,
        Some(Filter::Compare(Comparison {
            attribute,
            operator,
            ..
        })) if *operator == Operator::Eq
            && attribute.schema.is_none()
            && attribute.sub.is_none() =>
        {
            match attribute.name.as_str() {
                "userName" | "displayName" => Some(Act::MatchedByName),
                "externalId" => Some(Act::MatchedByObjectId),
                _ => None,
            }
        }
        _ => None,
    }
}
