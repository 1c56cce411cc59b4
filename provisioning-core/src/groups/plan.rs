//! What becomes of a group that is changed: its attributes and the difference of its members, as the one write that makes it so.

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Candidate, Delta, Draft, Group, MEMBERS_MAX, Member,
    logged::{Moved, log_members, settle_unknown},
    members::Changes,
    refusals,
    write::{Asked, Attempt},
};
use crate::{
    Core,
    accounts::refusals::ignored,
    attributes::{diff, order::Order, patch},
    call::Admitted,
    clock::Timestamp,
    error::{Error, Refusal},
    log::{LogEntry, joined},
    schemas::TenantSchemas,
    storage::{GroupWrite, NewMember, RowQuery},
};

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

/// What is to be done.
pub(super) struct Decided {
    /// None when there is nothing to do.
    pub write: Option<GroupWrite>,
    /// Who is to be a member and is one.
    pub stays: Vec<Uuid>,
}

impl Core {
    /// What is to be written, and what the log shall say of it.
    pub(super) async fn decide_group(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        schemas: &TenantSchemas,
        group: &Group,
        known: HashMap<Uuid, Candidate>,
        entry: &mut LogEntry,
    ) -> Result<Decided, Error> {
        let expected_version = attempt.precondition.etag.is_some().then_some(group.version);
        let at = self
            .now()
            .max(Timestamp::from_micros(group.updated_at.as_micros() + 1));
        if matches!(attempt.asked, Asked::Delete) {
            self.check_no_protected_member(admitted, group.id).await?;
            let write = GroupWrite::Delete {
                id: group.id,
                expected_version,
                spares_protected: admitted.by_scim(),
                at,
            };
            return Ok(Decided {
                write: Some(write),
                stays: Vec::new(),
            });
        }
        let plan = self
            .plan(&attempt.asked, admitted, schemas, group, known)
            .await?;
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
        // Before those come to them who stay because they are protected, whether the directory wants them or not.
        let is_member = |id: &&Uuid| known.get(*id).is_some_and(|known| known.is_member);
        let stays = folded.delta.added().iter().filter(is_member);
        let stays = stays.copied().collect();
        let spared = self
            .spare_protected(admitted, group.id, members, &mut known, &mut folded.delta)
            .await?;
        let detail = settle_unknown(&folded.unknown, rules)?;
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
    ) -> Result<Decided, Error> {
        let Plan {
            draft,
            delta,
            known,
            spared,
            stays,
            detail,
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
            return Ok(Decided { write: None, stays });
        }
        entry.detail = joined(spared, detail);
        entry.changes = match &draft {
            Some(draft) => diff::changes(Some(&parse_document(group)?), Some(draft.document())),
            None => Vec::new(),
        };
        let gone = if delta.clears() {
            Moved::found(&go)
        } else {
            Moved::of(&go)
        };
        entry.changes.extend(log_members(&gone, &Moved::of(&come)));
        let unique = admitted.tenant.settings.rules().group_display_name_unique;
        let add = delta
            .added()
            .iter()
            .filter_map(|id| known.get(id)?.member.as_ref().map(NewMember::from))
            .collect();
        let write = GroupWrite::Change {
            id: group.id,
            expected_version,
            document: draft.map(|draft| {
                (
                    draft.update(group, at, unique, &schemas.group),
                    group.own_version,
                )
            }),
            // Also when nobody would go by now: whoever comes meanwhile goes.
            clear: delta.clears(),
            remove: if delta.clears() { Vec::new() } else { go },
            add,
            spares_protected: admitted.by_scim(),
            at,
        };
        Ok(Decided {
            write: Some(write),
            stays,
        })
    }
}

/// The attributes of a group in storage.
fn parse_document(group: &Group) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(&group.document).map_err(|error| Error::Internal(error.into()))
}
impl From<&Member> for NewMember {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id,
            kind: member.kind,
        }
    }
}
