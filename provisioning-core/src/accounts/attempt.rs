//! One write of an account that exists, tried until the version that was read is the version that is written to.

use std::time::Duration;

use rand::RngExt as _;

use super::{
    Account, AccountKey, Patched, Precondition, create::unexpected, draft::parse_document,
    refusals, write::Decision,
};
use crate::{
    Core,
    attributes::diff,
    call::{Admitted, Call},
    changes::{Change, ChangeKind, Resource},
    error::Error,
    findings::{AccountWritten, Act, Reached, Sighting},
    guard::{guard_part, held_error, told_moot},
    ids::{AccountId, ChangeId},
    links::{KeptLink, object_id_key},
    log::{DryRun, LinkStep, LogEntry, Operation, joined},
    receipts::{Answer, Once},
    schemas::TenantSchemas,
    storage::{Commit, DroppedItems, Mutation, Write},
};

/// How often a write is tried when others change the account in between.
const ATTEMPTS_MAX: u32 = 12;
/// Tries are spread over up to this much for each try before.
const BACKOFF_MS: u64 = 3;

/// One write to be tried until it holds.
pub(super) struct Attempt<'a> {
    pub call: &'a Call,
    pub id: AccountId,
    pub precondition: &'a Precondition,
    pub kind: ChangeKind,
    /// It says `active`: true.
    pub says_active: bool,
    /// The Object ID that it says.
    pub said_object_id: Option<&'a str>,
    pub entry: LogEntry,
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
    /// Reads, decides and writes until the version read is the version written to.
    pub(super) async fn write_account(
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
            sharer,
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
        let commit = self.commit_with_findings(mutation).await?;
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
            Commit::ObjectIdTaken => {
                self.find_object_id_sharer(admitted, account, &patched.account)
                    .await?;
                Ok(None)
            }
            other @ (Commit::TokenExists
            | Commit::TenantExists
            | Commit::NoCurrentToken
            | Commit::DisplayNameTaken) => Err(unexpected(other)),
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
        Ok(self.commit_with_findings(mutation).await? == Commit::Done)
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
