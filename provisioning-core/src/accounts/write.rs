//! Changing an account that exists: PUT, PATCH, DELETE. Each reads the account, decides, and writes only if it is still that version.

use std::time::Duration;

use rand::RngExt as _;
use serde_json::{Map, Value};

use super::{
    Account, AccountKey, Draft, Unsaid, create::unexpected, draft::parse_document, refusals,
};
use crate::{
    Core,
    attributes::{
        diff,
        patch::{self, Operation as PatchOperation},
    },
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    error::{Error, Refusal},
    findings::{AccountWritten, Act, Person, Reached, Sighting},
    guard::{Said, guard_part, held_error, told_moot},
    ids::{AccountId, ChangeId},
    links::{KeptLink, keep_pinned, object_id_key},
    log::{DryRun, LinkStep, LogEntry, Operation, joined},
    receipts::{Answer, Once},
    schemas::TenantSchemas,
    storage::{AccountWrite, Commit, DroppedItems, Mutation, Write},
    tenants::Dialect,
};

/// How often a write is tried when others change the account in between.
const ATTEMPTS_MAX: u32 = 12;
/// What the log says of the first write of provisioning to an account that existed before.
const ADOPTED: &str =
    "The account existed before provisioning, which has taken it over with this request.";
/// Tries are spread over up to this much for each try before.
const BACKOFF_MS: u64 = 3;

/// What must hold for a write.
#[derive(Clone, Debug, Default)]
pub struct Precondition {
    /// When set, the account must still have this etag.
    pub etag: Option<String>,
    /// Check everything and change nothing.
    pub validate_only: bool,
}

/// What a PATCH or PUT did.
#[derive(Clone, Debug)]
pub struct Patched {
    /// The account after it.
    pub account: Account,
    /// False when everything was as asked for already.
    pub changed: bool,
    /// The tenant's dialect, which decides how SCIM answers.
    pub dialect: Dialect,
    /// Of a dry run: what would be done.
    pub dry_run: Option<DryRun>,
}

/// What a decision about an account asks for.
enum Decision {
    /// Everything is as it should be. The log says all the same which link was kept against the request.
    Keep(Option<KeptLink>),
    /// The next version, and what the log shall say.
    Write {
        write: Box<AccountWrite>,
        operation: Operation,
        detail: String,
        kept_link: Option<KeptLink>,
    },
}

/// One write to be tried until it holds.
struct Attempt<'a> {
    call: &'a Call,
    id: AccountId,
    precondition: &'a Precondition,
    kind: ChangeKind,
    /// It says `active`: true.
    says_active: bool,
    /// The Object ID that it says.
    said_object_id: Option<&'a str>,
    entry: LogEntry,
}

impl Attempt<'_> {
    /// What it does to an account that it leaves like this; `otherwise` where nothing more is to be said of it.
    fn act(&self, account: &Account, otherwise: Act) -> Act {
        let said = self.said_object_id.map(object_id_key);
        let has = account.object_id.as_deref().map(object_id_key);
        match self.kind {
            ChangeKind::Deleted => Act::Deleted,
            ChangeKind::Created | ChangeKind::Updated if said.is_some() && said == has => {
                Act::SaidObjectId
            }
            ChangeKind::Created | ChangeKind::Updated => otherwise,
        }
    }
}

impl Core {
    /// Replaces all writable attributes (PUT).
    pub async fn replace_account(
        &self,
        call: &Call,
        id: AccountId,
        attributes: &Map<String, Value>,
        precondition: &Precondition,
        once: Option<Once<'_, Patched>>,
    ) -> Result<Answer<Patched>, Error> {
        let attempt = self.attempt(
            call,
            id,
            precondition,
            ChangeKind::Updated,
            Operation::Replace,
            200,
        );
        let attempt = Attempt {
            says_active: Said::Attributes(attributes).active(),
            said_object_id: Said::Attributes(attributes).object_id(),
            ..attempt
        };
        self.write_account(attempt, once, |account, admitted, schemas| {
            let rules = admitted.tenant.settings.rules().patch;
            let draft = Draft::replace(attributes, account, &schemas.user, &rules)?;
            let detail = refusals::ignored(draft.ignored());
            self.decide(account, admitted, draft, Operation::Replace, detail)
        })
        .await
    }

    /// Applies operations in order, all or none (PATCH).
    pub async fn patch_account(
        &self,
        call: &Call,
        id: AccountId,
        operations: &[PatchOperation],
        precondition: &Precondition,
        once: Option<Once<'_, Patched>>,
    ) -> Result<Answer<Patched>, Error> {
        let attempt = self.attempt(
            call,
            id,
            precondition,
            ChangeKind::Updated,
            Operation::Patch,
            200,
        );
        let attempt = Attempt {
            says_active: Said::Operations(operations).active(),
            said_object_id: Said::Operations(operations).object_id(),
            ..attempt
        };
        self.write_account(attempt, once, |account, admitted, schemas| {
            let document = parse_document(account)?;
            let rules = admitted.tenant.settings.rules();
            let patched = patch::apply(&document, operations, &schemas.user, &rules.patch)
                .map_err(Refusal::from)?;
            let detail = refusals::ignored(&patched.ignored);
            let unsaid = if rules.active_unassigned {
                Unsaid::unassigned(account)
            } else {
                Unsaid::of(account)
            };
            let draft = Draft::from_document(patched.document, unsaid)?;
            self.decide(account, admitted, draft, Operation::Patch, detail)
        })
        .await
    }

    /// Deletes an account: what stays is a tombstone, with the login account free.
    pub async fn delete_account(
        &self,
        call: &Call,
        id: AccountId,
        precondition: &Precondition,
        once: Option<Once<'_, Patched>>,
    ) -> Result<Answer<Patched>, Error> {
        let attempt = self.attempt(
            call,
            id,
            precondition,
            ChangeKind::Deleted,
            Operation::Delete,
            204,
        );
        self.write_account(attempt, once, |account, _, _| {
            let document = parse_document(account)?;
            let draft = Draft::from_document(document, Unsaid::unassigned(account))?;
            let now = self.now();
            let write = draft.update(account, now, |account| {
                account.deleted_at = Some(account.updated_at);
            });
            Ok(Decision::Write {
                write: Box::new(write),
                operation: Operation::Delete,
                detail: String::new(),
                kept_link: None,
            })
        })
        .await
    }

    fn attempt<'a>(
        &self,
        call: &'a Call,
        id: AccountId,
        precondition: &'a Precondition,
        kind: ChangeKind,
        operation: Operation,
        http_status: u16,
    ) -> Attempt<'a> {
        let mut entry = LogEntry::new(call, operation, self.now());
        entry.resource_id = id.to_string();
        entry.http_status = http_status;
        Attempt {
            call,
            id,
            precondition,
            kind,
            says_active: false,
            said_object_id: None,
            entry,
        }
    }

    /// Compares the attributes asked for with what there is.
    fn decide(
        &self,
        account: &Account,
        admitted: &Admitted,
        draft: Draft,
        operation: Operation,
        detail: String,
    ) -> Result<Decision, Error> {
        let by_scim = admitted.by_scim();
        let (draft, kept_link) = keep_pinned(account, draft, by_scim)?;
        let adopted = by_scim && !account.managed;
        // To take an account over is a change, though SCIM shows nothing of it: its version keeps a write that was decided before from undoing it.
        if !adopted && *draft.document() == parse_document(account)? {
            return Ok(Decision::Keep(kept_link));
        }
        let detail = match &kept_link {
            Some(link) => format!("{} {detail}", link.detail()).trim_end().to_owned(),
            None => detail,
        };
        let key = |account: &Account| account.object_id.as_deref().map(object_id_key);
        let write = draft.update(account, self.now(), |next| {
            next.managed |= by_scim;
            // What an admin linked is the Object ID that was there, not whatever takes its place.
            let linked = account.object_id_exclusive && key(next) == key(account);
            next.object_id_exclusive = linked || admitted.tenant.settings.object_id_unique;
        });
        let (operation, detail) = match (account.directory_active, write.account.directory_active) {
            (true, false) if adopted => (Operation::Suspend, format!("{ADOPTED} {detail}")),
            (true, false) => (Operation::Suspend, detail),
            _ if adopted => (Operation::Adopt, format!("{ADOPTED} {detail}")),
            (false, true) => (Operation::Activate, detail),
            _ => (operation, detail),
        };
        Ok(Decision::Write {
            write: Box::new(write),
            operation,
            detail,
            kept_link,
        })
    }

    /// Reads, decides and writes until the version read is the version written to.
    async fn write_account(
        &self,
        attempt: Attempt<'_>,
        once: Option<Once<'_, Patched>>,
        decide: impl Fn(&Account, &Admitted, &TenantSchemas) -> Result<Decision, Error> + Send + Sync,
    ) -> Result<Answer<Patched>, Error> {
        let mut tries = 0;
        loop {
            let key = AccountKey::Id(attempt.id);
            let (caller, mut accounts) = self
                .storage()
                .find_accounts(&attempt.call.caller_key(), &key)
                .await?;
            let admitted = self.admit(attempt.call, caller).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            let schemas = self.schemas_of(attempt.call, &admitted.tenant).await?;
            let account = accounts.pop();
            let mut entry = attempt.entry.clone();
            if let Some(account) = &account {
                entry.user_name.clone_from(&account.user_name);
                entry.object_id = account.object_id.clone().unwrap_or_default();
            }
            // On the heap, since it is large beside what waits for it.
            let written = Box::pin(self.write_once(
                &attempt,
                &admitted,
                &schemas,
                account,
                entry.clone(),
                once.as_ref(),
                &decide,
            ));
            tries += 1;
            match written.await {
                Ok(Some(patched)) => return Ok(Answer::Fresh(patched)),
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

    /// One try; `None` when the account has changed meanwhile.
    #[expect(
        clippy::too_many_arguments,
        reason = "the steps of one use case share its state"
    )]
    async fn write_once(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        schemas: &TenantSchemas,
        account: Option<Account>,
        mut entry: LogEntry,
        once: Option<&Once<'_, Patched>>,
        decide: &(impl Fn(&Account, &Admitted, &TenantSchemas) -> Result<Decision, Error> + Send + Sync),
    ) -> Result<Option<Patched>, Error> {
        let account = self.writable(attempt, admitted, account).await?;
        let dialect = admitted.tenant.settings.dialect;
        let (write, operation, detail, kept_link) = match decide(&account, admitted, schemas)? {
            Decision::Write {
                write,
                operation,
                detail,
                kept_link,
            } => (write, operation, detail, kept_link),
            Decision::Keep(kept_link) => {
                let patched = Patched {
                    account: account.clone().shown(&schemas.user),
                    changed: false,
                    dialect,
                    dry_run: attempt.precondition.validate_only.then(DryRun::of_nothing),
                };
                let kept = self
                    .keep_account(
                        attempt, admitted, &account, &patched, kept_link, entry, once,
                    )
                    .await?;
                return Ok(kept.then_some(patched));
            }
        };
        let sharer = self
            .check_object_id_free(admitted, &account, &write.account)
            .await?;
        let validate_only = attempt.precondition.validate_only;
        let guard = self
            .guard_account(admitted, &account, &write.account, validate_only)
            .await?;
        if entry.operation == Operation::Patch {
            entry.http_status = dialect.rules().account_patch_status;
        }
        entry.operation = operation;
        entry.link_step = LinkStep::between(
            account.object_id.as_deref(),
            write.account.object_id.as_deref(),
        );
        entry.changes = match attempt.kind {
            ChangeKind::Deleted => Vec::new(),
            ChangeKind::Created | ChangeKind::Updated => diff::changes(
                Some(&parse_document(&account)?),
                Some(&parse_document(&write.account)?),
            ),
        };
        let patched = Patched {
            account: write.account.clone().shown(&schemas.user),
            changed: true,
            dialect,
            dry_run: validate_only.then(|| DryRun::of(&entry)),
        };
        if validate_only {
            // In the order in which the write itself would meet them.
            self.preview_guard(admitted, guard.as_ref()).await?;
            self.check_user_name_free(attempt.call, &account, &patched.account)
                .await?;
            return Ok(Some(patched));
        }

        entry.admitted(admitted);
        entry.user_name.clone_from(&patched.account.user_name);
        entry.object_id = patched.account.object_id.clone().unwrap_or_default();
        let moot = self.moot_of(attempt, admitted, &write.account).await?;
        entry.detail = joined(detail, told_moot(&moot));
        entry.duration = attempt.call.started.elapsed();
        let change = change(attempt.kind, &patched.account);
        let written = AccountWritten {
            act: attempt.act(&write.account, Act::Written),
            old: Some(&account),
            new: &write.account,
            sharer: sharer.as_ref(),
            tombstone: None,
            says_active: attempt.says_active,
            kept_link: kept_link.as_ref(),
        };
        let findings = self
            .findings_of_account(attempt.call, admitted, &written, &entry)
            .await?;
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Account(write),
            findings,
            guard: guard_part(guard, moot),
            log: Some(entry),
            change: Some(change),
            receipt: once.map(|once| once.receipt(&patched, self.now())),
        };
        let commit = self.storage().commit(mutation).await?;
        self.committed(attempt, admitted, &account, patched, commit)
            .await
    }

    /// What the end of a write means; `None` when it is to be tried again on what there is now.
    async fn committed(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        account: &Account,
        patched: Patched,
        commit: Commit,
    ) -> Result<Option<Patched>, Error> {
        match commit {
            Commit::Done => Ok(Some(patched)),
            Commit::Held(held) => Err(held_error(admitted, held)),
            Commit::VersionMismatch | Commit::RequestIdUsed => Ok(None),
            Commit::UserNameTaken => {
                self.check_user_name_free(attempt.call, account, &patched.account)
                    .await?;
                // Whoever held it has let go meanwhile.
                Ok(None)
            }
            Commit::ObjectIdTaken => Err(self
                .object_id_taken(admitted.tenant.id, patched.account.object_id.as_deref())
                .await?
                .into()),
            other @ (Commit::TokenExists
            | Commit::TenantExists
            | Commit::NoCurrentToken
            | Commit::DisplayNameTaken
            | Commit::Unchanged) => Err(unexpected(other)),
        }
    }

    /// What waits at the guard and is moot when the request is done, by which the account is to be active.
    async fn moot_of(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        account: &Account,
    ) -> Result<Vec<DroppedItems>, Error> {
        if !attempt.says_active || !account.directory_active {
            return Ok(Vec::new());
        }
        self.moot_items(admitted, None, &[account.id.uuid()]).await
    }

    /// Writes what there is to write of a request that changes nothing: its receipt, because a repetition must not do later what there is nothing to
    /// do for now, what was wished for in vain, and that what waits at the guard is moot. False when the same request was answered meanwhile.
    #[expect(
        clippy::too_many_arguments,
        reason = "the steps of one use case share its state"
    )]
    async fn keep_account(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        account: &Account,
        patched: &Patched,
        kept_link: Option<KeptLink>,
        mut entry: LogEntry,
        once: Option<&Once<'_, Patched>>,
    ) -> Result<bool, Error> {
        if attempt.precondition.validate_only {
            return Ok(true);
        }
        let receipt = once.map(|once| once.receipt(patched, self.now()));
        let moot = self.moot_of(attempt, admitted, account).await?;
        if kept_link.is_none() {
            let act = attempt.act(account, Act::Read);
            self.notice(attempt.call, admitted, Reached::Account(act, account))
                .await;
            if attempt.says_active {
                self.notice_said_active(admitted, account).await?;
            }
            if moot.is_empty() {
                return self.keep_receipt(admitted.tenant.id, receipt).await;
            }
        }
        entry.admitted(admitted);
        if entry.operation == Operation::Patch {
            entry.http_status = patched.dialect.rules().account_patch_status;
        }
        let link = kept_link.as_ref().map(KeptLink::detail);
        entry.detail = joined(link.unwrap_or_default(), told_moot(&moot));
        entry.duration = attempt.call.started.elapsed();
        let findings = match &kept_link {
            Some(link) => {
                let written = AccountWritten {
                    act: Act::Read,
                    old: Some(account),
                    new: account,
                    sharer: None,
                    tombstone: None,
                    says_active: attempt.says_active,
                    kept_link: Some(link),
                };
                self.findings_of_account(attempt.call, admitted, &written, &entry)
                    .await?
            }
            None => Vec::new(),
        };
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Nothing,
            log: Some(entry),
            change: None,
            receipt,
            findings,
            guard: guard_part(None, moot),
        };
        Ok(self.storage().commit(mutation).await? == Commit::Done)
    }

    /// The account, when it is there, open to the caller and as the caller expects it.
    async fn writable(
        &self,
        attempt: &Attempt<'_>,
        admitted: &Admitted,
        account: Option<Account>,
    ) -> Result<Account, Error> {
        let Some(account) = account else {
            let sighting = match attempt.kind {
                // Entra has what it wants.
                ChangeKind::Deleted => None,
                ChangeKind::Created | ChangeKind::Updated => {
                    self.sight_stale_id(admitted, attempt.id).await?
                }
            };
            let refusal = refusals::not_found(&attempt.id.to_string());
            return Err(refusal.showing(sighting).into());
        };
        if account.protected && admitted.by_scim() {
            let sighting = Sighting::protected_account(&account);
            return Err(refusals::protected(&account).showing(Some(sighting)).into());
        }
        if attempt
            .precondition
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != account.etag())
        {
            return Err(refusals::etag_mismatch(&account).into());
        }
        Ok(account)
    }

    /// Refuses a new Object ID that another account holds exclusively, and finds one that shares it.
    async fn check_object_id_free(
        &self,
        admitted: &Admitted,
        old: &Account,
        new: &Account,
    ) -> Result<Option<Account>, Error> {
        let Some(key) = new.object_id.as_deref().map(object_id_key) else {
            return Ok(None);
        };
        if new.deleted_at.is_some()
            || old.object_id.as_deref().map(object_id_key).as_ref() == Some(&key)
        {
            return Ok(None);
        }
        let holders = self
            .storage()
            .find_object_id_holders(admitted.tenant.id, &key)
            .await?;
        let others = || holders.iter().filter(|holder| holder.id != old.id);
        match others().find(|holder| holder.object_id_exclusive) {
            Some(holder) => {
                let sighting = self
                    .sight_object_id_taken(admitted, asked(new), Some(old), holder)
                    .await?;
                let refusal = refusals::object_id_taken(Some(holder));
                Err(refusal.showing(sighting).into())
            }
            None => Ok(others().next().cloned()),
        }
    }

    /// Refuses a new login account that another account holds.
    async fn check_user_name_free(
        &self,
        call: &Call,
        old: &Account,
        new: &Account,
    ) -> Result<(), Error> {
        if old.user_name_key == new.user_name_key {
            return Ok(());
        }
        let key = AccountKey::UserName(new.user_name_key.clone());
        let (_, holders) = self
            .storage()
            .find_accounts(&call.caller_key(), &key)
            .await?;
        match holders.iter().find(|holder| holder.id != old.id) {
            Some(holder) => {
                let sighting = Sighting::two_accounts(asked(new), old, holder);
                let refusal = refusals::user_name_of_another(old, new.object_id.as_deref(), holder);
                Err(refusal.showing(Some(sighting)).into())
            }
            None => Ok(()),
        }
    }
}

/// What a request wants an account to be that was called by its id.
fn asked(account: &Account) -> Person<'_> {
    Person {
        object_id: account.object_id.as_deref(),
        user_name: &account.user_name,
        called: Some(account.id),
    }
}

/// What the followers of changes are told of the next version of an account.
fn change(kind: ChangeKind, account: &Account) -> Change {
    Change {
        id: ChangeId::generate(account.updated_at),
        at: account.updated_at,
        kind,
        resource: Resource::Account(account.id),
        version: account.version,
    }
}
