//! Creating a group.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    Draft, Group,
    logged::{Moved, log_members, settle_unknown},
    members::{self, Changes, Named},
    protection, refusals,
    write::Written,
};
use crate::{
    Core,
    accounts::{refusals::ignored, unexpected},
    attributes::{diff, patch::PatchRules, schema::ResourceSchema},
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    error::{Error, Refusal},
    findings::{Act, Sighting},
    ids::{ChangeId, GroupId},
    log::{DryRun, LogEntry, Operation, ResourceType, joined},
    receipts::{Answer, Once},
    storage::{Commit, GroupBasis, GroupWrite, Mutation, NewMember, Write},
};

/// How often a create is tried when others change what it rests on.
const ATTEMPTS_MAX: u32 = 5;

/// One create to be tried until it holds.
struct Attempt<'a> {
    call: &'a Call,
    schema: &'a ResourceSchema,
    draft: &'a Draft,
    members: &'a Changes,
    validate_only: bool,
    once: Option<&'a Once<'a, Written>>,
}

impl Core {
    /// Creates a group, with members where some are named.
    pub async fn create_group(
        &self,
        call: &Call,
        attributes: &Map<String, Value>,
        validate_only: bool,
        once: Option<Once<'_, Written>>,
    ) -> Result<Answer<Written>, Error> {
        let mut entry = LogEntry::new(call, Operation::Create, self.now());
        entry.resource_type = ResourceType::Group;
        entry.http_status = 201;
        // Whoever has no valid token makes the storage look for nothing.
        let admitted = self.authenticate(call).await?;
        let schemas = self.schemas_of(call, &admitted.tenant).await?;
        let rules = admitted.tenant.settings.rules().patch;
        let (draft, named) = match parse(attributes, &schemas.group, rules) {
            Ok(parsed) => parsed,
            Err(refusal) => return Err(self.log_refusal(&admitted, entry, refusal.into()).await),
        };
        draft.display_name().clone_into(&mut entry.user_name);
        entry.object_id = draft.object_id().unwrap_or_default().to_owned();
        let members = Changes::replace(named);
        let attempt = Attempt {
            call,
            schema: &schemas.group,
            draft: &draft,
            members: &members,
            validate_only,
            once: once.as_ref(),
        };
        let ids = members.ids();
        for _ in 0..ATTEMPTS_MAX {
            let (caller, basis) = self
                .storage()
                .find_create_group_basis(&call.caller_key(), draft.display_name_key(), &ids)
                .await?;
            let admitted = self.admit(call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, attempt.once).await? {
                return Ok(Answer::Replayed(response));
            }
            match self
                .create_group_once(&attempt, &admitted, basis, entry.clone())
                .await
            {
                Ok(Some(written)) => return Ok(Answer::Fresh(written)),
                Ok(None) => {}
                Err(error) => return Err(self.log_refusal(&admitted, entry, error).await),
            }
        }
        let admitted = self.authenticate(call).await?;
        Err(self
            .log_refusal(&admitted, entry, refusals::contention().into())
            .await)
    }

    /// One try; `None` when what it rests on has changed meanwhile.
    async fn create_group_once(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        basis: GroupBasis,
        mut entry: LogEntry,
    ) -> Result<Option<Written>, Error> {
        let rules = admitted.tenant.settings.rules();
        if rules.group_display_name_unique
            && let Some(holder) = basis.group
        {
            let sighting = Sighting::group_name_taken(
                attempt.draft.display_name(),
                attempt.draft.object_id(),
                None,
                &holder,
            );
            let refusal = refusals::display_name_taken(Some(holder.id));
            return Err(refusal.showing(Some(sighting)).into());
        }
        let known: HashMap<_, _> = basis
            .candidates
            .into_iter()
            .map(|candidate| (candidate.id, candidate))
            .collect();
        let mut folded = attempt.members.fold(None, &known, rules.patch)?;
        let spared = if admitted.by_scim() {
            protection::spare(&known, &mut folded.delta, rules)?
        } else {
            String::new()
        };
        let passed_over = joined(spared, settle_unknown(&folded.unknown, rules)?);
        let now = self.now();
        let document = attempt.draft.clone().insert(
            GroupId::generate(now),
            now,
            rules.group_display_name_unique,
            attempt.schema,
        );
        let members: Vec<NewMember> = folded
            .delta
            .added()
            .iter()
            .filter_map(|id| known.get(id)?.member.as_ref().map(NewMember::from))
            .collect();
        entry.changes = diff::changes(None, Some(attempt.draft.document()));
        entry.changes.extend(log_members(
            &Moved::default(),
            &Moved::of(&members.iter().map(|member| member.id).collect::<Vec<_>>()),
        ));
        let written = Written {
            group: Group::new(&document).shown(attempt.schema),
            changed: true,
            dialect: admitted.tenant.settings.dialect,
            dry_run: attempt.validate_only.then(|| DryRun::of(&entry)),
        };
        if attempt.validate_only {
            return Ok(Some(written));
        }

        let id = document.id;
        entry.admitted(admitted);
        entry.resource_id = id.to_string();
        entry.detail = joined(passed_over, ignored(attempt.draft.ignored()));
        entry.duration = attempt.call.started.elapsed();
        let change = Change {
            id: ChangeId::generate(now),
            at: now,
            kind: ChangeKind::Created,
            resource: Resource::Group(id),
            version: written.group.version,
        };
        let findings = self
            .findings_of_group(
                attempt.call,
                admitted,
                Act::Created,
                &written.group,
                true,
                &entry,
            )
            .await?;
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Group(Box::new(GroupWrite::Create {
                document,
                members,
                spares_protected: admitted.by_scim(),
            })),
            findings,
            guard: None,
            log: Some(entry),
            change: Some(change),
            receipt: attempt.once.map(|once| once.receipt(&written, now)),
        };
        match self.storage().commit(mutation).await? {
            Commit::Done => Ok(Some(written)),
            // Somebody else was faster: look again, and say what there is now.
            Commit::DisplayNameTaken | Commit::VersionMismatch | Commit::RequestIdUsed => Ok(None),
            other @ (Commit::Held(_)
            | Commit::UserNameTaken
            | Commit::ObjectIdTaken
            | Commit::TokenExists
            | Commit::TenantExists
            | Commit::NoCurrentToken) => Err(unexpected(other)),
        }
    }
}

/// The attributes and the members of a resource.
fn parse(
    attributes: &Map<String, Value>,
    schema: &ResourceSchema,
    rules: PatchRules,
) -> Result<(Draft, Vec<Named>), Refusal> {
    let mut attributes = attributes.clone();
    let named = members::take(&mut attributes)?;
    Ok((Draft::parse(&attributes, schema, rules)?, named))
}
