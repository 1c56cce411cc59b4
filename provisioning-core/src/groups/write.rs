//! Changing a group that exists: PUT, PATCH, DELETE. Each reads the group and what it is to know of the members that are named, decides, and writes
//! the difference. A change of members alone rests on nothing that another could have changed, so that it is not tried again.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use rand::RngExt as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Candidate, Delta, Draft, Group, GroupKey, MEMBERS_MAX, Member,
    members::{self, Changes, split},
    refusals,
};
use crate::{
    Core,
    accounts::{Precondition, refusals::ignored, unexpected},
    attributes::{
        diff::{self, AttributeChange},
        order::Order,
        patch::{self, Operation as PatchOperation},
        schema::ResourceSchema,
        show::Shows,
    },
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    clock::Timestamp,
    error::{Error, Refusal},
    findings::{Act, Reached, Sighting},
    guard::held_error,
    ids::{ChangeId, GroupId},
    log::{DryRun, LogEntry, Operation, ResourceType},
    receipts::{Answer, Once},
    schemas::{self, TenantSchemas},
    storage::{
        Commit, GroupBasis, GroupDocument, GroupWrite, Mutation, NewMember, RowQuery, Write,
    },
    tenants::{Dialect, Rules, UnknownMembers},
};

/// How often a write is tried when others change the group in between.
const ATTEMPTS_MAX: u32 = 12;
/// Tries are spread over up to this much for each try before.
const BACKOFF_MS: u64 = 3;
/// Ids that one log entry lists; of more it tells how many they are.
const LOGGED_IDS_MAX: usize = 100;

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
enum Asked<'a> {
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
struct Attempt<'a> {
    call: &'a Call,
    id: GroupId,
    asked: Asked<'a>,
    precondition: &'a Precondition,
    once: Option<&'a Once<'a, Written>>,
    entry: LogEntry,
}

/// What becomes of the group.
struct Plan {
    /// Its attributes, where they change.
    draft: Option<Draft>,
    delta: Delta,
    known: HashMap<Uuid, Candidate>,
    /// What the log shall say in any case.
    spared: String,
    /// Who is to be a member and is one.
    stays: Vec<Uuid>,
    /// What it shall say of a change.
    detail: String,
}

/// What is written, and who leaves the group by it.
struct Decided {
    write: GroupWrite,
    leaving: Vec<Uuid>,
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
            let result = self
                .write_group_once(&attempt, &admitted, basis, entry.clone())
                .await;
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
        let Some(Decided { write, leaving }) = self
            .decide_group(attempt, admitted, &schemas, &group, known, &mut entry)
            .await?
        else {
            if !precondition.validate_only {
                let reached = Reached::Group {
                    act: Act::Read,
                    group: &group,
                    named: false,
                };
                self.notice(attempt.call, admitted, reached).await;
            }
            let written = Written {
                group: group.shown(&schemas.group),
                changed: false,
                dialect,
                dry_run: precondition.validate_only.then(DryRun::of_nothing),
            };
            // A repetition must not do later what there is nothing to do for now.
            let once = attempt.once.filter(|_| !precondition.validate_only);
            let receipt = once.map(|once| once.receipt(&written, self.now()));
            let kept = if entry.detail.is_empty() || precondition.validate_only {
                self.keep_receipt(admitted.tenant.id, receipt).await?
            } else {
                entry.duration = attempt.call.started.elapsed();
                self.log_spared(admitted, entry, receipt).await?
            };
            return Ok(kept.then_some(written));
        };
        let guard = self.guard_members(admitted, group.id, leaving).await?;
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
        mutation.guard = guard;
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(written)),
            // Others have done meanwhile what was asked for.
            Commit::Unchanged => Ok(Some(Written {
                group: group.shown(&schemas.group),
                changed: false,
                dialect,
                dry_run: None,
            })),
            Commit::Held(held) => Err(held_error(admitted, held)),
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

    /// What is to be written, and what the log shall say of it; none when there is nothing to do.
    async fn decide_group(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        schemas: &TenantSchemas,
        group: &Group,
        known: HashMap<Uuid, Candidate>,
        entry: &mut LogEntry,
    ) -> Result<Option<Decided>, Error> {
        let expected_version = attempt.precondition.etag.is_some().then_some(group.version);
        let at = self
            .now()
            .max(Timestamp::from_micros(group.updated_at.as_micros() + 1));
        if matches!(attempt.asked, Asked::Delete) {
            self.check_no_protected_member(admitted, group.id).await?;
            let write = GroupWrite::Delete {
                id: group.id,
                expected_version,
                at,
            };
            // Whoever is not guarded need not know who is in it.
            let leaving = if Self::is_guarded(admitted) {
                self.storage()
                    .find_other_members(admitted.tenant.id, group.id, &[], MEMBERS_MAX)
                    .await?
            } else {
                Vec::new()
            };
            return Ok(Some(Decided { write, leaving }));
        }
        let plan = self
            .plan(&attempt.asked, admitted, schemas, group, known)
            .await?;
        if !attempt.precondition.validate_only {
            self.let_members_stay(admitted, group.id, &plan.stays)
                .await?;
        }
        self.prepare(admitted, schemas, group, plan, expected_version, at, entry)
            .await
    }

    /// What becomes of the group.
    async fn plan(
        &self,
        asked: &Asked<'_>,
        admitted: &Admitted,
        schemas: &TenantSchemas,
        group: &Group,
        mut known: HashMap<Uuid, Candidate>,
    ) -> Result<Plan, Error> {
        let rules = admitted.tenant.settings.rules();
        let schema = &schemas.group;
        let document = parse_document(group)?;
        let (draft, members) = match asked {
            Asked::Replace {
                attributes,
                members,
            } => {
                let draft = Draft::parse(attributes, schema, rules.patch)?;
                (draft.replace(&document, schema)?, members)
            }
            Asked::Patch {
                others,
                indexes,
                members,
            } => {
                let patched = patch::apply(&document, others, schema, &rules.patch).map_err(
                    |mut error| {
                        let index = indexes.get(error.operation).copied();
                        error.operation = index.unwrap_or(error.operation);
                        Refusal::from(error)
                    },
                )?;
                let draft = Draft::from_document(patched.document)?;
                (draft.passing_over(patched.ignored), members)
            }
            Asked::Delete => (Draft::from_document(document.clone())?, &Changes::default()),
        };
        for filter in members.open_filters() {
            let query = RowQuery {
                filter: Some(filter),
                order: Order::default(),
                limit: MEMBERS_MAX,
                skip: 0,
                after: None,
            };
            let selected = self
                .storage()
                .list_members(admitted.tenant.id, group.id, &query)
                .await?;
            if selected.next.is_some() {
                return Err(refusals::too_many_selected().into());
            }
            for member in selected.members {
                let candidate = Candidate {
                    id: member.id,
                    member: Some(member),
                    is_member: true,
                    protected: false,
                };
                known.insert(candidate.id, candidate);
            }
        }
        let mut folded = members.fold(Some(group.id), &known, rules.patch)?;
        let spared = self
            .spare_protected(admitted, group.id, members, &mut known, &mut folded.delta)
            .await?;
        let detail = settle_unknown(&folded.unknown, rules)?;
        let is_member = |id: &&Uuid| known.get(*id).is_some_and(|known| known.is_member);
        let stays = folded.delta.added().iter().filter(is_member).copied();
        let stays = stays.collect();
        folded
            .delta
            .reduce(|id| known.get(id).is_some_and(|known| known.is_member));
        let passed_over = [draft.ignored(), members.ignored()].concat();
        let detail = joined(detail, ignored(&passed_over));
        let draft = Some(draft).filter(|draft| *draft.document() != document);
        Ok(Plan {
            draft,
            delta: folded.delta,
            known,
            spared,
            stays,
            detail,
        })
    }

    /// The write of a plan, and what the log shall say of it; none when there is nothing to do.
    #[expect(
        clippy::too_many_arguments,
        reason = "the steps of one use case share its state"
    )]
    async fn prepare(
        &self,
        admitted: &Admitted,
        schemas: &TenantSchemas,
        group: &Group,
        plan: Plan,
        expected_version: Option<i64>,
        at: Timestamp,
        entry: &mut LogEntry,
    ) -> Result<Option<Decided>, Error> {
        let Plan {
            draft,
            delta,
            known,
            spared,
            detail,
            ..
        } = plan;
        let is_member = |id: &&Uuid| known.get(*id).is_some_and(|known| known.is_member);
        let come: Vec<Uuid> = delta
            .added()
            .iter()
            .filter(|id| !is_member(id))
            .copied()
            .collect();
        let go: Vec<Uuid> = if delta.clears() {
            let kept: Vec<Uuid> = delta.added().iter().copied().collect();
            self.storage()
                .find_other_members(admitted.tenant.id, group.id, &kept, MEMBERS_MAX + 1)
                .await?
        } else {
            delta.removed().iter().copied().collect()
        };
        if draft.is_none() && come.is_empty() && go.is_empty() {
            entry.detail = spared;
            return Ok(None);
        }
        entry.detail = joined(spared, detail);
        entry.changes = match &draft {
            Some(draft) => diff::changes(Some(&parse_document(group)?), Some(draft.document())),
            None => Vec::new(),
        };
        entry.changes.extend(log_members(&go, &come));
        let unique = admitted.tenant.settings.rules().group_display_name_unique;
        let add = delta
            .added()
            .iter()
            .filter_map(|id| known.get(id)?.member.as_ref().map(NewMember::from))
            .collect();
        let clear = delta.clears() && !go.is_empty();
        let leaving = if Self::is_guarded(admitted) {
            go.clone()
        } else {
            Vec::new()
        };
        let write = GroupWrite::Change {
            id: group.id,
            expected_version,
            document: draft.map(|draft| {
                (
                    draft.update(group, at, unique, &schemas.group),
                    group.own_version,
                )
            }),
            clear,
            remove: if delta.clears() { Vec::new() } else { go },
            add,
            at,
        };
        Ok(Some(Decided { write, leaving }))
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

impl From<&Member> for NewMember {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id,
            kind: member.kind,
        }
    }
}

/// Two parts of what the log shall say, either of which may be empty.
pub(super) fn joined(one: String, other: String) -> String {
    match (one.is_empty(), other.is_empty()) {
        (false, false) => format!("{one} {other}"),
        (true, _) => other,
        (_, true) => one,
    }
}

/// What the tenant's settings say of ids that name nothing: a refusal, or what the log shall say.
pub(super) fn settle_unknown(unknown: &BTreeSet<String>, rules: Rules) -> Result<String, Refusal> {
    let Some(first) = unknown.first() else {
        return Ok(String::new());
    };
    match rules.unknown_members {
        UnknownMembers::Reject => Err(refusals::unknown_member(first)),
        UnknownMembers::Ignore => {
            let named: Vec<String> = unknown
                .iter()
                .take(LOGGED_IDS_MAX)
                .map(|id| {
                    id.chars()
                        .filter(|character| *character != '\0')
                        .take(LOGGED_ID_CHARS_MAX)
                        .collect()
                })
                .collect();
            let more = match unknown.len() - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Ok(format!(
                "Passed over, because the tenant has neither an account nor another group with this id: {}{more}.",
                named.join(", ")
            ))
        }
    }
}

/// How much of an id that is none is repeated.
const LOGGED_ID_CHARS_MAX: usize = 60;

/// What the log says of members who went and who came.
pub(super) fn log_members(gone: &[Uuid], come: &[Uuid]) -> Option<AttributeChange> {
    let listed = |ids: &[Uuid]| {
        let mut values: Vec<Value> = ids
            .iter()
            .take(LOGGED_IDS_MAX)
            .map(|id| json!(id.to_string()))
            .collect();
        if ids.len() > LOGGED_IDS_MAX {
            // Of those that a PUT removes no more are looked at.
            let open = if ids.len() > MEMBERS_MAX as usize {
                "at least "
            } else {
                ""
            };
            values.push(json!(format!(
                "and {open}{} more",
                ids.len() - LOGGED_IDS_MAX
            )));
        }
        (!values.is_empty()).then_some(Value::Array(values))
    };
    let (old, new) = (listed(gone), listed(come));
    (old.is_some() || new.is_some()).then(|| AttributeChange {
        attribute: "members".to_owned(),
        old,
        new,
    })
}

/// The attributes of a group in storage.
fn parse_document(group: &Group) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(&group.document).map_err(|error| Error::Internal(error.into()))
}
