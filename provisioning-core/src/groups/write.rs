//! Changing a group that exists: PUT, PATCH, DELETE. Each reads the group and what it is to know of the members that are named, decides, and writes
//! the difference. A change of members alone is tried again only when others have done all of it meanwhile, or somebody whom it names is protected by
//! now.

use std::time::Duration;

use rand::RngExt as _;
use serde_json::{Map, Value};

use super::{
    Group, GroupKey,
    members::{self, Changes, split},
    plan::Decided,
    refusals,
};
use crate::{
    Core,
    accounts::{Precondition, unexpected},
    attributes::{patch::Operation as PatchOperation, schema::ResourceSchema, show::Shows},
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    error::{Error, Refusal},
    findings::{Act, Reached, Sighting},
    guard::{guard_part, held_error, told_moot},
    ids::{ChangeId, GroupId},
    log::{DryRun, LogEntry, Operation, ResourceType, joined},
    receipts::{Answer, Once},
    schemas,
    storage::{Commit, DroppedItems, GroupBasis, GroupDocument, GroupWrite, Mutation, Write},
    tenants::Dialect,
};

/// How often a write is tried when others change the group in between.
const ATTEMPTS_MAX: u32 = 12;
/// Tries are spread over up to this much for each try before.
const BACKOFF_MS: u64 = 3;

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    /// The group without members as this write leaves it, unless others have changed it by now.
    pub group: Group,
    /// False when everything was as asked for already.
    pub changed: bool,
    /// The tenant's dialect.
    pub dialect: Dialect,
    /// Of a dry run: what would be done.
    pub dry_run: Option<DryRun>,
}

/// What a request asks for.
pub(super) enum Asked<'a> {
    /// The attributes without members, and the members.
    Replace {
        attributes: &'a Map<String, Value>,
        members: Changes,
    },
    Patch {
        others: &'a [PatchOperation],
        indexes: &'a [usize],
        members: Changes,
    },
    Delete,
}

/// One write to be tried until it holds.
pub(super) struct Attempt<'a> {
    call: &'a Call,
    id: GroupId,
    pub asked: Asked<'a>,
    pub precondition: &'a Precondition,
    once: Option<&'a Once<'a, Written>>,
    entry: LogEntry,
}

impl Core {
    /// Replaces all writable attributes and the members (PUT).
    pub async fn replace_group(
        &self,
        call: &Call,
        id: GroupId,
        attributes: &Map<String, Value>,
        precondition: &Precondition,
        once: Option<Once<'_, Written>>,
    ) -> Result<Answer<Written>, Error> {
        let entry = self.group_entry(call, id, Operation::Replace, 200);
        let mut attributes = attributes.clone();
        let named = match members::take(&mut attributes) {
            Ok(named) => named,
            Err(refusal) => return Err(self.refuse_unread(call, entry, refusal).await),
        };
        let asked = Asked::Replace {
            attributes: &attributes,
            members: Changes::replace(named),
        };
        let once = once.as_ref();
        self.write_group(Attempt {
            call,
            id,
            asked,
            precondition,
            once,
            entry,
        })
        .await
    }

    /// Applies operations in order, all or none (PATCH).
    pub async fn patch_group(
        &self,
        call: &Call,
        id: GroupId,
        operations: &[PatchOperation],
        precondition: &Precondition,
        once: Option<Once<'_, Written>>,
    ) -> Result<Answer<Written>, Error> {
        let entry = self.group_entry(call, id, Operation::Patch, 204);
        // What the tenant's dialect has to say must be known to read the paths.
        let rules = self.authenticate(call).await?.tenant.settings.rules();
        let endpoint = self.scim_endpoint(&call.tenant);
        let split = match split(operations, rules.patch, &endpoint) {
            Ok(split) => split,
            Err(refusal) => return Err(self.refuse_unread(call, entry, refusal).await),
        };
        let asked = Asked::Patch {
            others: &split.others,
            indexes: &split.indexes,
            members: split.members,
        };
        let once = once.as_ref();
        self.write_group(Attempt {
            call,
            id,
            asked,
            precondition,
            once,
            entry,
        })
        .await
    }

    /// Deletes a group and its memberships, not its members.
    pub async fn delete_group(
        &self,
        call: &Call,
        id: GroupId,
        precondition: &Precondition,
        once: Option<Once<'_, Written>>,
    ) -> Result<Answer<Written>, Error> {
        let entry = self.group_entry(call, id, Operation::Delete, 204);
        let (asked, once) = (Asked::Delete, once.as_ref());
        self.write_group(Attempt {
            call,
            id,
            asked,
            precondition,
            once,
            entry,
        })
        .await
    }

    fn group_entry(
        &self,
        call: &Call,
        id: GroupId,
        operation: Operation,
        http_status: u16,
    ) -> LogEntry {
        let mut entry = LogEntry::new(call, operation, self.now());
        entry.resource_type = ResourceType::Group;
        entry.resource_id = id.to_string();
        entry.http_status = http_status;
        entry
    }

    /// Refuses what is wrong whatever the group holds.
    async fn refuse_unread(&self, call: &Call, entry: LogEntry, refusal: Refusal) -> Error {
        match self.authenticate(call).await {
            Ok(admitted) => self.log_refusal(&admitted, entry, refusal.into()).await,
            Err(error) => error,
        }
    }

    /// Reads, decides and writes until what was read still holds.
    async fn write_group(&self, attempt: Attempt<'_>) -> Result<Answer<Written>, Error> {
        let ids = attempt
            .asked
            .members()
            .map(Changes::ids)
            .unwrap_or_default();
        let mut tries = 0;
        loop {
            let (caller, basis) = self
                .storage()
                .find_group_basis(&attempt.call.caller_key(), attempt.id, &ids)
                .await?;
            let admitted = self.admit(attempt.call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, attempt.once).await? {
                return Ok(Answer::Replayed(response));
            }
            let mut entry = attempt.entry.clone();
            if let Some(group) = &basis.group {
                entry.user_name.clone_from(&group.display_name);
                entry.object_id = group.object_id.clone().unwrap_or_default();
            }
            // On the heap, since it is large beside what waits for it.
            let result =
                Box::pin(self.write_group_once(&attempt, &admitted, basis, entry.clone())).await;
            tries += 1;
            match result {
                Ok(Some(written)) => return Ok(Answer::Fresh(written)),
                Ok(None) if tries < ATTEMPTS_MAX => {
                    let wait = rand::rng().random_range(0..=BACKOFF_MS * u64::from(tries));
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
                Ok(None) => {
                    return Err(self
                        .log_refusal(&admitted, entry, refusals::contention().into())
                        .await);
                }
                Err(error) => return Err(self.log_refusal(&admitted, entry, error).await),
            }
        }
    }

    /// One try; `None` when the group has changed meanwhile.
    async fn write_group_once(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        basis: GroupBasis,
        mut entry: LogEntry,
    ) -> Result<Option<Written>, Error> {
        let group = basis
            .group
            .ok_or_else(|| refusals::not_found(&attempt.id.to_string()))?;
        let precondition = attempt.precondition;
        if precondition
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != group.etag())
        {
            return Err(refusals::etag_mismatch(&group).into());
        }
        let dialect = admitted.tenant.settings.dialect;
        let schemas = self.schemas_of(attempt.call, &admitted.tenant).await?;
        let known = basis
            .candidates
            .into_iter()
            .map(|known| (known.id, known))
            .collect();
        let Decided { write, stays } = self
            .decide_group(attempt, admitted, &schemas, &group, known, &mut entry)
            .await?;
        let moot = if precondition.validate_only {
            Vec::new()
        } else {
            self.moot_items(admitted, Some(group.id), &stays).await?
        };
        entry.detail = joined(entry.detail, told_moot(&moot));
        let Some(write) = write else {
            let written = Written {
                group: group.clone().shown(&schemas.group),
                changed: false,
                dialect,
                dry_run: precondition.validate_only.then(DryRun::of_nothing),
            };
            let kept = self
                .keep_group(attempt, admitted, &group, &written, entry, moot)
                .await?;
            return Ok(kept.then_some(written));
        };
        let guard = self
            .guard_members(admitted, &write, precondition.validate_only)
            .await?;
        let written = Written {
            group: group.after(&write).shown(&schemas.group),
            changed: true,
            dialect,
            dry_run: precondition.validate_only.then(|| DryRun::of(&entry)),
        };
        if precondition.validate_only {
            // In the order in which the write itself would meet them.
            self.preview_guard(admitted, guard.as_ref()).await?;
            self.check_display_name_free(attempt.call, admitted, &group, &written.group)
                .await?;
            return Ok(Some(written));
        }
        entry.admitted(admitted);
        entry.user_name.clone_from(&written.group.display_name);
        entry.object_id = written.group.object_id.clone().unwrap_or_default();
        entry.duration = attempt.call.started.elapsed();
        let act = match write {
            GroupWrite::Delete { .. } => Act::Deleted,
            GroupWrite::Create { .. } | GroupWrite::Change { .. } => Act::Written,
        };
        let named = group.display_name_key != written.group.display_name_key;
        let findings = self
            .findings_of_group(attempt.call, admitted, act, &written.group, named, &entry)
            .await?;
        let mut mutation = self.group_mutation(attempt, admitted, &written, write, entry);
        mutation.findings = findings;
        mutation.guard = guard_part(guard, moot);
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(written)),
            Commit::Held(held) => Err(held_error(admitted, held)),
            // Also where others have done meanwhile what was asked for: what there is to tell of it is told when there is nothing left to do.
            Commit::VersionMismatch | Commit::RequestIdUsed => Ok(None),
            Commit::DisplayNameTaken => {
                self.check_display_name_free(attempt.call, admitted, &group, &written.group)
                    .await?;
                // Whoever held it has let go meanwhile.
                Ok(None)
            }
            other @ (Commit::UserNameTaken
            | Commit::ObjectIdTaken
            | Commit::TokenExists
            | Commit::TenantExists
            | Commit::NoCurrentToken) => Err(unexpected(other)),
        }
    }

    /// Writes what there is to write of a request that changes nothing of the group: its receipt, because a repetition must not do later what there is
    /// nothing to do for now, whom it passed over, and what is moot at the guard. False when the same request was answered meanwhile.
    async fn keep_group(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        group: &Group,
        written: &Written,
        mut entry: LogEntry,
        moot: Vec<DroppedItems>,
    ) -> Result<bool, Error> {
        if attempt.precondition.validate_only {
            return Ok(true);
        }
        let reached = Reached::Group {
            act: Act::Read,
            group,
            named: false,
        };
        self.notice(attempt.call, admitted, reached).await;
        let receipt = attempt.once.map(|once| once.receipt(written, self.now()));
        if entry.detail.is_empty() {
            return self.keep_receipt(admitted.tenant.id, receipt).await;
        }
        entry.admitted(admitted);
        entry.duration = attempt.call.started.elapsed();
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Nothing,
            log: Some(entry),
            change: None,
            receipt,
            findings: Vec::new(),
            guard: guard_part(None, moot),
        };
        Ok(self.storage().commit(mutation).await? == Commit::Done)
    }

    /// The write with all that belongs to it.
    fn group_mutation(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        written: &Written,
        write: GroupWrite,
        entry: LogEntry,
    ) -> Mutation {
        let at = written.group.updated_at;
        let kind = match write {
            GroupWrite::Create { .. } => ChangeKind::Created,
            GroupWrite::Change { .. } => ChangeKind::Updated,
            GroupWrite::Delete { .. } => ChangeKind::Deleted,
        };
        let change = Change {
            id: ChangeId::generate(at),
            at,
            kind,
            resource: Resource::Group(written.group.id),
            version: written.group.version,
        };
        Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Group(Box::new(write)),
            guard: None,
            log: Some(entry),
            change: Some(change),
            receipt: attempt.once.map(|once| once.receipt(written, self.now())),
            findings: Vec::new(),
        }
    }

    /// Refuses a new name that another group holds, where names are unique.
    async fn check_display_name_free(
        &self,
        call: &Call,
        admitted: &Admitted,
        old: &Group,
        new: &Group,
    ) -> Result<(), Error> {
        if old.display_name_key == new.display_name_key
            || !admitted.tenant.settings.rules().group_display_name_unique
        {
            return Ok(());
        }
        let key = GroupKey::DisplayName(new.display_name_key.clone());
        let (_, holders) = self.storage().find_groups(&call.caller_key(), &key).await?;
        match holders.iter().find(|holder| holder.id != old.id) {
            Some(holder) => {
                let sighting = Sighting::group_name_taken(
                    &new.display_name,
                    new.object_id.as_deref(),
                    Some(old.id),
                    holder,
                );
                let refusal = refusals::display_name_taken(Some(holder.id));
                Err(refusal.showing(Some(sighting)).into())
            }
            None => Ok(()),
        }
    }
}

impl Asked<'_> {
    const fn members(&self) -> Option<&Changes> {
        match self {
            Self::Replace { members, .. } | Self::Patch { members, .. } => Some(members),
            Self::Delete => None,
        }
    }
}

impl Group {
    /// A new group.
    pub(super) fn new(document: &GroupDocument) -> Self {
        Self {
            id: document.id,
            display_name: document.display_name.clone(),
            display_name_key: document.display_name_key.clone(),
            object_id: document.object_id.clone(),
            own_version: document.own_version,
            version: document.own_version,
            created_at: document.created_at,
            updated_at: document.updated_at,
            document: document.document.clone(),
            members: None,
            shows: Shows::new(),
        }
    }

    /// The group as it may be shown to whoever may read it.
    pub(super) fn shown(self, schema: &ResourceSchema) -> Self {
        let (document, shows) = schemas::shown(self.document, schema);
        Self {
            document,
            shows,
            ..self
        }
    }

    /// The group as a write leaves it, when nobody else writes.
    fn after(&self, write: &GroupWrite) -> Self {
        let (document, at) = match write {
            GroupWrite::Create { document, .. } => (Some(document), document.updated_at),
            GroupWrite::Change { document, at, .. } => {
                (document.as_ref().map(|(document, _)| document), *at)
            }
            GroupWrite::Delete { at, .. } => (None, *at),
        };
        Self {
            version: self.version + 1,
            updated_at: at,
            ..document.map_or_else(|| self.clone(), Self::new)
        }
    }
}
