//! The core: what the use cases share. Each use case is an `impl Core` in the module of its resource.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    call::{
        Admitted, Call, Caller, NotAdmitted, SCIM_ACTOR, invalid_credential, provisioning_disabled,
    },
    clock::{Clock, Timestamp},
    error::{Error, Refusal},
    findings::NotGuidSeen,
    ids::{LogEntryId, TenantId},
    log::{LogEntry, Operation, Outcome, ResourceType},
    page_token::{PageTokens, Query},
    receipts,
    retention::Retention,
    schemas::SchemaCache,
    storage::{Mutation, Storage, StorageError, Write},
    tenants::{Identifier, Tenant},
    tokens::{Token, TokenId, TokenState, TokenUses, mask},
};

/// How often committed changes are numbered: the delay a reader of the change stream may see.
const SEQUENCER_INTERVAL: Duration = Duration::from_millis(100);
/// Changes numbered in one step.
const SEQUENCER_BATCH: u32 = 1_000;
/// How often tables that grow fast are looked for: so long may a query of a young one cost what the whole tenant holds.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(2);
/// How often the last use of tokens is written: `last_used_at` is exact to this.
const TOKEN_USE_INTERVAL: Duration = Duration::from_secs(30);
/// How often what has outlived its retention is removed.
const PURGE_INTERVAL: Duration = Duration::from_mins(5);
/// How often the state of accounts is examined for findings that no request has shown.
const EXAMINE_INTERVAL: Duration = Duration::from_mins(5);
/// Rows removed in one step, so that no step holds the writer for long.
const PURGE_BATCH: u32 = 500;
/// Accounts removed in one step: each goes with all of its memberships, and there may be many.
const PURGE_ACCOUNTS_BATCH: u32 = 100;

/// What the program decides for the core.
#[derive(Clone, Debug)]
pub struct CoreSettings {
    /// Where customers reach the facade, without a slash at the end: the start of every SCIM endpoint.
    pub public_base_url: String,
    /// How long history is kept.
    pub retention: Retention,
}

/// Accounts, tokens, links and the log of every tenant. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    inner: Arc<Inner>,
}

struct Inner {
    storage: Storage,
    clock: Arc<dyn Clock>,
    settings: CoreSettings,
    token_uses: TokenUses,
    page_tokens: PageTokens,
    schemas: SchemaCache,
    not_guid_seen: NotGuidSeen,
}

impl Core {
    /// Puts the core together.
    pub fn new(storage: Storage, clock: Arc<dyn Clock>, settings: CoreSettings) -> Self {
        Self {
            inner: Arc::new(Inner {
                page_tokens: PageTokens::new(storage.page_token_key()),
                storage,
                clock,
                settings,
                token_uses: TokenUses::default(),
                schemas: SchemaCache::default(),
                not_guid_seen: NotGuidSeen::default(),
            }),
        }
    }

    /// The storage, for the use cases.
    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// The schemas that were read, for the use cases.
    pub(crate) fn schema_cache(&self) -> &SchemaCache {
        &self.inner.schemas
    }

    /// When findings about all Object IDs of a tenant were written, for the use cases.
    pub(crate) fn not_guid_seen(&self) -> &NotGuidSeen {
        &self.inner.not_guid_seen
    }

    /// The newest tokens of a tenant, with their last use also where this process has not written it yet.
    pub(crate) async fn find_newest_tokens(
        &self,
        tenant_id: TenantId,
        limit: u32,
    ) -> Result<Vec<Token>, StorageError> {
        let mut tokens = self.storage().list_tokens(tenant_id, limit, None).await?;
        for token in &mut tokens {
            let unwritten = self.inner.token_uses.last(tenant_id, &token.id);
            token.last_used_at = token.last_used_at.max(unwritten);
        }
        Ok(tokens)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A list that is read page by page: what `method` answers to its parameters other than page size and token. `None` as the tenant: the
    /// parameters name it, or the list is that of tenants.
    pub(crate) fn query(
        &self,
        method: &str,
        tenant_id: Option<TenantId>,
        parameters: &[&str],
    ) -> Query<'_> {
        let tokens = &self.inner.page_tokens;
        Query::new(tokens, self.now(), method, tenant_id, parameters)
    }

    /// How long history is kept.
    pub(crate) fn retention(&self) -> Retention {
        self.inner.settings.retention
    }

    /// What the admin pastes into "Tenant URL".
    pub fn scim_endpoint(&self, tenant: &Identifier) -> String {
        format!("{}/scim/{tenant}/v2", self.inner.settings.public_base_url)
    }

    /// Whether the storage answers.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.storage().ping().await?)
    }

    /// Finds out whether the call may act for its tenant.
    pub async fn authenticate(&self, call: &Call) -> Result<Admitted, Error> {
        let caller = self.storage().find_caller(&call.caller_key()).await?;
        self.admit(call, caller).await
    }

    /// Decides what the storage's answer about the caller means, and tells the tenant's admin of requests that come with a dead token or to a
    /// feature that is off.
    pub(crate) async fn admit(
        &self,
        call: &Call,
        caller: Option<Caller>,
    ) -> Result<Admitted, Error> {
        let now = self.now();
        match call.admit(caller, now) {
            Ok(admitted) => {
                if let Some(token_id) = &admitted.token_id
                    && !call.validate_only
                {
                    self.inner.token_uses.record(
                        admitted.tenant.id,
                        token_id,
                        now,
                        call.remote.as_deref(),
                    );
                }
                Ok(admitted)
            }
            Err(NotAdmitted::Refused(refusal)) => {
                call.settled.set();
                Err(refusal.into())
            }
            Err(NotAdmitted::DeadToken { tenant, token }) => {
                let refusal = invalid_credential();
                let detail = dead_token_detail(&token, now);
                self.log_not_admitted(call, &tenant, &token.id, &refusal, detail)
                    .await?;
                Err(refusal.into())
            }
            Err(NotAdmitted::Disabled { tenant, token_id }) => {
                let refusal = provisioning_disabled();
                self.log_not_admitted(call, &tenant, &token_id, &refusal, refusal.detail.clone())
                    .await?;
                Err(refusal.into())
            }
        }
    }

    /// One entry a minute and token, whatever the number of requests and replicas: the entry's id says the minute and the token.
    async fn log_not_admitted(
        &self,
        call: &Call,
        tenant: &Tenant,
        token_id: &TokenId,
        refusal: &Refusal,
        detail: String,
    ) -> Result<(), Error> {
        call.settled.set();
        if call.validate_only {
            return Ok(());
        }
        let now = self.now();
        let mut entry = LogEntry::new(call, Operation::Authenticate, now);
        entry.id = LogEntryId::of_minute(now, &token_id.said(refusal.reason));
        entry.resource_type = ResourceType::Token;
        entry.resource_id = token_id.to_string();
        entry.token_id = token_id.to_string();
        SCIM_ACTOR.clone_into(&mut entry.actor);
        entry.refuse(refusal);
        entry.detail = detail;
        Ok(self.storage().append_log_once(tenant.id, entry).await?)
    }

    /// Writes the log entry of a call that an admitted caller made and that was refused, and hands the error on. When the entry cannot be
    /// written, that is the error: what is not in the log is not answered. A dry run leaves none.
    pub(crate) async fn log_refusal(
        &self,
        admitted: &Admitted,
        mut entry: LogEntry,
        error: Error,
    ) -> Error {
        let Error::Refused(refusal) = &error else {
            return error;
        };
        admitted.settled.set();
        if admitted.validate_only {
            return error;
        }
        entry.admitted(admitted);
        entry.refuse(refusal);
        entry.bound();
        let mutation = Mutation {
            tenant_id: admitted.tenant.id,
            write: Write::Nothing,
            findings: refusal.finding(admitted, &entry),
            guard: None,
            log: Some(entry),
            change: None,
            receipt: None,
        };
        match self.storage().commit(mutation).await {
            Ok(_) => error,
            Err(unlogged) => unlogged.into(),
        }
    }

    /// The work that no request waits for: numbering changes, keeping statistics, writing when tokens were last used, removing what has outlived its
    /// retention. None of them waits for another. Ends when cancelled, after a last write of the token uses.
    pub async fn run_upkeep(&self, cancel: CancellationToken) {
        tokio::join!(
            every(SEQUENCER_INTERVAL, &cancel, "number changes", || self
                .number_changes()),
            every(STATISTICS_INTERVAL, &cancel, "refresh statistics", || self
                .storage()
                .refresh_statistics()),
            every(TOKEN_USE_INTERVAL, &cancel, "write token uses", || self
                .write_token_uses()),
            // On the heap: they are large, and rarely at work.
            every(PURGE_INTERVAL, &cancel, "purge", || Box::pin(
                self.purge(&cancel)
            )),
            every(PURGE_INTERVAL, &cancel, "purge history", || Box::pin(
                self.purge_history(&cancel)
            )),
            every(EXAMINE_INTERVAL, &cancel, "examine findings", || Box::pin(
                self.examine_all(&cancel)
            )),
        );
        if let Err(error) = self.write_token_uses().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last use of tokens was not written"
            );
        }
    }

    async fn number_changes(&self) -> Result<(), StorageError> {
        while self.storage().number_changes(SEQUENCER_BATCH).await? == u64::from(SEQUENCER_BATCH) {}
        Ok(())
    }

    async fn write_token_uses(&self) -> Result<(), StorageError> {
        let uses = self.inner.token_uses.take();
        if uses.is_empty() {
            return Ok(());
        }
        let written = self.storage().touch_tokens(&uses).await;
        if written.is_err() {
            self.inner.token_uses.put_back(uses);
        }
        written
    }

    async fn purge(&self, cancel: &CancellationToken) -> Result<(), StorageError> {
        let now = self.now();
        while self
            .storage()
            .purge_receipts(now.minus(receipts::RETENTION), PURGE_BATCH)
            .await?
            > 0
        {}
        let mut after = None;
        loop {
            let tenants = self
                .storage()
                .list_tenants(PURGE_BATCH, after.as_ref())
                .await?;
            for tenant in &tenants {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                let deadline = now.minus(tenant.settings.tombstone_retention);
                while self
                    .storage()
                    .purge_tombstones(tenant.id, deadline, PURGE_ACCOUNTS_BATCH)
                    .await?
                    > 0
                {}
                while self.storage().purge_groups(tenant.id, PURGE_BATCH).await? > 0 {}
            }
            match tenants.last() {
                Some(last) => after = Some(last.identifier.clone()),
                None => return self.purge_guards(cancel).await,
            }
        }
    }
}

/// Does the work again and again, the next time an interval after it was done, until it is cancelled.
async fn every<F, E>(
    interval: Duration,
    cancel: &CancellationToken,
    task: &'static str,
    work: impl Fn() -> F,
) where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error + 'static,
{
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = work().await {
            tracing::warn!(
                task,
                error = &error as &dyn std::error::Error,
                "upkeep failed; it is tried again"
            );
        }
    }
}

fn dead_token_detail(token: &Token, now: Timestamp) -> String {
    let (mask, end) = (mask(&token.id), token.end(now));
    if token.state(now) == TokenState::Replaced {
        format!(
            "Microsoft Entra presented the old SCIM token {mask}, which {end}. Paste the new token into Secret Token in Microsoft Entra, or \
             regenerate it in the DragOnce Admin Panel if it is lost."
        )
    } else {
        format!(
            "Microsoft Entra presented the SCIM token {mask}, which {end}. Paste the tenant's current token into Secret Token in Microsoft Entra, \
             or make a new one in the DragOnce Admin Panel."
        )
    }
}

impl LogEntry {
    /// An entry about to be filled in: a success so far.
    pub(crate) fn new(call: &Call, operation: Operation, now: Timestamp) -> Self {
        Self {
            id: LogEntryId::generate(now),
            at: now,
            operation,
            request: String::new(),
            outcome: Outcome::Success,
            resource_type: ResourceType::User,
            resource_id: String::new(),
            object_id: String::new(),
            user_name: String::new(),
            http_status: 200,
            scim_type: String::new(),
            reason: String::new(),
            detail: String::new(),
            request_id: call.request_id.as_str().to_owned(),
            token_id: String::new(),
            actor: String::new(),
            changes: Vec::new(),
            duration: call.started.elapsed(),
            justification: String::new(),
            link_step: None,
        }
    }

    /// Says who called.
    pub(crate) fn admitted(&mut self, admitted: &Admitted) {
        self.actor.clone_from(&admitted.actor);
        self.token_id = admitted
            .token_id
            .as_ref()
            .map(TokenId::to_string)
            .unwrap_or_default();
    }

    /// Makes it the entry of a refusal.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.outcome = Outcome::Failure;
        self.http_status = refusal.reason.http_status();
        refusal.reason.scim_type().clone_into(&mut self.scim_type);
        refusal.reason.as_str().clone_into(&mut self.reason);
        self.detail.clone_from(&refusal.detail);
        self.changes.clear();
        self.link_step = None;
    }
}
