//! Creating an account, and bringing back one that was deleted.

use serde_json::{Map, Value};

use super::{Account, Draft, acts, conflict::settle_candidates, draft::parse_document, refusals};
use crate::{
    Core,
    attributes::diff,
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    clock::Timestamp,
    error::Error,
    findings::{AccountWritten, Act, Person, Sighting},
    ids::{AccountId, ChangeId},
    links::{object_id_key, parse_linkable},
    log::{DryRun, LinkStep, LogEntry, Operation},
    receipts::{Answer, Once},
    schemas::TenantSchemas,
    storage::{AccountWrite, Commit, CreateCandidates, Mutation, Write},
    tenants::Tenant,
};

/// How often a create is tried when others change what it rests on.
const ATTEMPTS_MAX: u32 = 5;

/// What a create did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// A new account was made.
    Created,
    /// A tombstone was restored with its old id.
    Restored,
}

/// An account that was created.
#[derive(Clone, Debug)]
pub struct Created {
    /// The account.
    pub account: Account,
    /// Whether it is new.
    pub outcome: CreateOutcome,
    /// Of a dry run: what would be done.
    pub dry_run: Option<DryRun>,
}

/// What a create rests on.
struct Basis {
    /// The deleted account that it brings back.
    tombstone: Option<Account>,
    /// The account that had the login account or Object ID before.
    former: Option<Account>,
    /// Another account, which has the Object ID and lets others share it.
    sharer: Option<Account>,
    /// A deleted account of the Object ID, whether it can be brought back or not.
    deleted: Option<Account>,
}

impl Core {
    /// Creates an account, or restores the tombstone with the same GUID Object ID.
    pub async fn create_account(
        &self,
        call: &Call,
        attributes: &Map<String, Value>,
        validate_only: bool,
        once: Option<Once<'_, Created>>,
    ) -> Result<Answer<Created>, Error> {
        let mut entry = LogEntry::new(call, Operation::Create, self.now());
        entry.http_status = 201;
        let mut schemas = self.known_schemas(call);
        for _ in 0..ATTEMPTS_MAX {
            let draft = match Draft::parse(attributes, &schemas.user) {
                Ok(draft) => draft,
                Err(refusal) => {
                    let admitted = self.authenticate(call).await?;
                    let parsed_by = std::mem::replace(
                        &mut schemas,
                        self.schemas_of(call, &admitted.tenant).await?,
                    );
                    if parsed_by.version != schemas.version {
                        continue;
                    }
                    return Err(self.log_refusal(&admitted, entry, refusal.into()).await);
                }
            };
            draft.user_name().clone_into(&mut entry.user_name);
            draft
                .object_id()
                .unwrap_or_default()
                .clone_into(&mut entry.object_id);
            let object_id_key = draft.object_id().map(object_id_key);
            let (caller, candidates) = self
                .storage()
                .find_create_candidates(
                    &call.caller_key(),
                    draft.user_name_key(),
                    object_id_key.as_deref(),
                    self.now(),
                )
                .await?;
            let admitted = self.admit(call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            if admitted.tenant.schema_version != schemas.version {
                schemas = self.schemas_of(call, &admitted.tenant).await?;
                continue;
            }
            let draft = if admitted.tenant.settings.rules().patch.keep_unknown_schemas {
                draft
            } else {
                draft.without_unknown_schemas(&schemas.user)
            };
            // On the heap, since it is large beside what waits for it.
            let tried = Box::pin(self.create_once(
                call,
                &admitted,
                &schemas,
                &draft,
                candidates,
                entry.clone(),
                validate_only,
                once.as_ref(),
            ));
            match tried.await {
                Ok(Some(created)) => return Ok(Answer::Fresh(created)),
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
    #[expect(
        clippy::too_many_arguments,
        reason = "the steps of one use case share its state"
    )]
    async fn create_once(
        &self,
        call: &Call,
        admitted: &Admitted,
        schemas: &TenantSchemas,
        draft: &Draft,
        candidates: CreateCandidates,
        mut entry: LogEntry,
        validate_only: bool,
        once: Option<&Once<'_, Created>>,
    ) -> Result<Option<Created>, Error> {
        let now = self.now();
        let Basis {
            tombstone,
            former,
            sharer,
            deleted,
        } = self.basis(admitted, draft, candidates, now).await?;
        let inherited = acts::inherited_hold(former.as_ref(), tombstone.as_ref());
        let keeps_link = self.keeps_link(admitted, tombstone.as_ref()).await?;
        let outcome = if tombstone.is_some() {
            CreateOutcome::Restored
        } else {
            CreateOutcome::Created
        };
        let settle = |account: &mut Account| {
            account.deleted_at = None;
            account.managed |= admitted.by_scim();
            account.object_id_exclusive = keeps_link || admitted.tenant.settings.object_id_unique;
            account.object_id_pinned &= keeps_link;
            if let Some((_, hold)) = inherited {
                account.hold = Some(hold.clone());
            }
        };
        let write: AccountWrite = match &tombstone {
            Some(tombstone) => draft.clone().update(tombstone, now, settle),
            None => draft.clone().insert(AccountId::generate(now), now, settle),
        };
        let before = tombstone
            .as_ref()
            .and_then(|tombstone| tombstone.object_id.as_deref());
        entry.link_step = LinkStep::between(before, write.account.object_id.as_deref());
        let facts = acts::changed_facts(tombstone.as_ref(), &write.account);
        let old = tombstone
            .map(|tombstone| parse_document(&tombstone.shown(&schemas.user)))
            .transpose()?;
        entry.operation = match outcome {
            CreateOutcome::Restored => Operation::Restore,
            CreateOutcome::Created => Operation::Create,
        };
        entry.changes = diff::changes(old.as_ref(), Some(draft.document()));
        entry.changes.extend(facts);
        let created = Created {
            account: write.account.clone().shown(&schemas.user),
            outcome,
            dry_run: validate_only.then(|| DryRun::of(&entry)),
        };
        if validate_only {
            return Ok(Some(created));
        }

        entry.admitted(admitted);
        let detail = [acts::told(inherited), refusals::ignored(draft.ignored())].join(" ");
        detail.trim().clone_into(&mut entry.detail);
        entry.resource_id = created.account.id.to_string();
        entry.duration = call.started.elapsed();
        let change = Change {
            id: ChangeId::generate(now),
            at: created.account.updated_at,
            kind: ChangeKind::Created,
            resource: Resource::Account(created.account.id),
            version: created.account.version,
        };
        let written = AccountWritten {
            act: Act::Created,
            old: None,
            new: &write.account,
            sharer: sharer.map(|sharer| sharer.id),
            kept_link: None,
            tombstone: deleted.as_ref(),
            says_active: false,
        };
        let findings = self
            .findings_of_account(call, admitted, &written, &entry)
            .await?;
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: if keeps_link {
                Write::Link(Box::new(write))
            } else {
                Write::Account(Box::new(write))
            },
            findings,
            guard: None,
            log: Some(entry),
            change: Some(change),
            receipt: once.map(|once| once.receipt(&created, now)),
        };
        let commit = self.commit_with_findings(mutation).await?;
        Ok(is_done(commit)?.then_some(created))
    }

    /// What a create rests on, or the refusal.
    async fn basis(
        &self,
        admitted: &Admitted,
        draft: &Draft,
        mut candidates: CreateCandidates,
        now: Timestamp,
    ) -> Result<Basis, Error> {
        let former = candidates.former.take();
        let sharer = candidates.sharer.clone();
        if admitted.tenant.settings.object_id_unique {
            candidates.claimant = candidates.claimant.or_else(|| sharer.clone());
        }
        let other = candidates.claimant.clone().or_else(|| sharer.clone());
        let deleted = candidates.tombstone.clone();
        let settled = settle_candidates(candidates, draft.object_id(), |tombstone| {
            restorable(tombstone, &admitted.tenant, now)
        });
        let tombstone = match settled {
            Ok(tombstone) => tombstone,
            Err(conflict) => {
                let person = Person {
                    object_id: draft.object_id(),
                    user_name: draft.user_name(),
                    called: None,
                };
                let sighting = self
                    .sight_conflict(admitted, person, &conflict, other.as_ref())
                    .await?;
                return Err(conflict.refusal(draft.object_id()).showing(sighting).into());
            }
        };
        if let Some(tombstone) = &tombstone
            && tombstone.protected
            && admitted.by_scim()
        {
            return Err(refusals::protected_tombstone(tombstone)
                .showing(Some(Sighting::protected_account(tombstone)))
                .into());
        }
        Ok(Basis {
            tombstone,
            former,
            sharer,
            deleted,
        })
    }

    /// Whether a restored account keeps its Object ID for itself alone, as it had it: not when another account has it by now.
    async fn keeps_link(
        &self,
        admitted: &Admitted,
        tombstone: Option<&Account>,
    ) -> Result<bool, Error> {
        let Some(object_id) = tombstone
            .filter(|tombstone| tombstone.object_id_exclusive)
            .and_then(|tombstone| tombstone.object_id.as_deref())
        else {
            return Ok(false);
        };
        let holders = self
            .storage()
            .list_object_id_holders(admitted.tenant.id, &object_id_key(object_id), 1)
            .await?;
        Ok(holders.is_empty())
    }
}

/// Whether a create is done; if not, it is to be tried again on what there is now.
fn is_done(commit: Commit) -> Result<bool, Error> {
    match commit {
        Commit::Done => Ok(true),
        // Somebody else was faster: look again, and say what there is now. A link is lost when somebody shares the Object ID since.
        Commit::UserNameTaken
        | Commit::ObjectIdTaken
        | Commit::VersionMismatch
        | Commit::RequestIdUsed => Ok(false),
        other @ (Commit::Held(_)
        | Commit::TokenExists
        | Commit::TenantExists
        | Commit::NoCurrentToken
        | Commit::DisplayNameTaken) => Err(unexpected(other)),
    }
}

/// Only a GUID tells that it is the same Entra object: other values are shared between people. A tombstone outlives its retention until it is
/// purged, and cannot be restored in that time.
pub(crate) fn restorable(tombstone: &Account, tenant: &Tenant, now: Timestamp) -> bool {
    let is_guid = tombstone
        .object_id
        .as_deref()
        .is_some_and(|object_id| parse_linkable(object_id).is_some());
    let end = now.minus(tenant.settings.tombstone_retention);
    is_guid
        && tombstone
            .deleted_at
            .is_some_and(|deleted_at| deleted_at > end)
}

/// A commit that answered what this kind of write cannot.
pub(crate) fn unexpected(commit: Commit) -> Error {
    Error::Internal(format!("the storage answered {commit:?} to a write that cannot end so").into())
}
