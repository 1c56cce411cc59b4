//! Linking many accounts, line by line: each line is a link of its own. Nothing of a line is kept behind it, except by a dry run, which remembers what
//! it would have done.

use std::{collections::HashMap, fmt, time::Instant};

use uuid::Uuid;

use super::{
    Act, LinkTarget, Wish, check_reason,
    decision::{Holder, decide_link},
    object_id::parse_object_id,
    refusals::no_account_of,
};
use crate::{
    Core,
    accounts::{Account, AccountKey, Precondition, refusals},
    call::{Admitted, Call, Settled},
    error::{Error, Reason, Refusal},
    ids::{AccountId, TenantId},
    log::{LogEntry, Operation},
    receipts::Answer,
};

/// Lines of one run: so many are linked within minutes, and what a dry run remembers of them stays below 10 MiB.
pub const LINES_MAX: u32 = 50_000;
/// What the log says was called where a run as a whole is refused.
const RPC: &str = "dragonce.provisioning.admin.v1.LinkService/BulkLinkObjectIds";
/// Accounts with one Object ID that a dry run looks at.
const HOLDERS_MAX: u32 = 200;

/// One account to link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkLine {
    /// The login account.
    pub user_name: String,
    /// A GUID.
    pub object_id: String,
    /// When set, the account must still have this etag.
    pub etag: Option<String>,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineReport {
    /// Counted from 1.
    pub line: u32,
    /// The account, when there is one.
    pub account_id: Option<AccountId>,
    /// The Object ID it had before, where it was not refused.
    pub previous_object_id: Option<String>,
    /// Linked, as it was, or why not.
    pub outcome: Result<LineOutcome, Refusal>,
}

/// That a line was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOutcome {
    /// It is linked, or would be.
    Linked,
    /// It was linked so already.
    Unchanged,
}

/// A run of many links.
pub struct BulkLink {
    core: Core,
    call: Call,
    admitted: Admitted,
    reason: String,
    count: Count,
    dry_run: Option<DryRun>,
}

/// How many lines ended how.
#[derive(Default)]
struct Count {
    linked: u32,
    unchanged: u32,
    refused: u32,
}

/// What the lines before would have done.
struct DryRun {
    tenant_id: TenantId,
    /// The accounts that would be linked, with what to and how often.
    linked: HashMap<AccountId, (Uuid, i64)>,
    /// The same by Object ID, with the login account.
    holders: HashMap<Uuid, Holder>,
}

impl Core {
    /// Begins a run of many links, or a dry run, which changes nothing.
    pub async fn bulk_link(
        &self,
        call: Call,
        reason: String,
        validate_only: bool,
    ) -> Result<BulkLink, Error> {
        let admitted = self.authenticate(&call).await?;
        check_reason(&reason, false)?;
        let dry_run = validate_only.then(|| DryRun {
            tenant_id: admitted.tenant.id,
            linked: HashMap::new(),
            holders: HashMap::new(),
        });
        Ok(BulkLink {
            core: self.clone(),
            call,
            admitted,
            reason,
            count: Count::default(),
            dry_run,
        })
    }
}

impl BulkLink {
    /// Links the account of the next line. What is refused of a line stands in its report; an error ends the run, as does a credential that has
    /// expired since it began.
    pub async fn link(&mut self, line: &BulkLine) -> Result<LineReport, Error> {
        if self.count.lines() == LINES_MAX {
            return Err(self.refuse(too_many_lines()).await);
        }
        let mut report = LineReport {
            line: self.count.lines() + 1,
            account_id: None,
            previous_object_id: None,
            outcome: Ok(LineOutcome::Unchanged),
        };
        let done = match &mut self.dry_run {
            Some(dry_run) => {
                dry_run
                    .judge(&self.core, &self.call, line, &mut report)
                    .await
            }
            None => self.write(line, &mut report).await,
        };
        match done {
            Ok(outcome) => report.outcome = Ok(outcome),
            Err(Error::Refused(refusal)) if refusal.reason == Reason::InvalidCredential => {
                return Err(self.refuse(*refusal).await);
            }
            Err(Error::Refused(refusal)) => report.outcome = Err(*refusal),
            Err(error) => return Err(error),
        }
        self.count.add(&report);
        Ok(report)
    }

    /// Ends the run for a reason that is no line's, and tells how far it came. The log gets an entry of it.
    pub async fn refuse(&self, mut refusal: Refusal) -> Error {
        let lines = self.count.lines();
        refusal.detail = format!("{} {}", refusal.detail, self.count);
        let refusal = refusal.with("lines_answered", lines);
        let mut entry = LogEntry::new(&self.call, Operation::RequestRejected, self.core.now());
        RPC.clone_into(&mut entry.request);
        self.core
            .log_refusal(&self.admitted, entry, refusal.into())
            .await
    }

    async fn write(&self, line: &BulkLine, report: &mut LineReport) -> Result<LineOutcome, Error> {
        // Each line has its own duration, and its own entry in the log.
        let call = Call {
            started: Instant::now(),
            settled: Settled::default(),
            ..self.call.clone()
        };
        let target = LinkTarget {
            account: Core::user_name_key(&line.user_name),
            precondition: Precondition {
                etag: line.etag.clone(),
                validate_only: false,
            },
            reason: self.reason.clone(),
        };
        let act = Act {
            target: &target,
            wish: Wish::Link(&line.object_id),
            etag_required: false,
            detail: String::new(),
        };
        match self
            .core
            .write_link(&call, &act, None, &mut report.account_id)
            .await?
        {
            Answer::Fresh(linked) => {
                report.previous_object_id = linked.previous_object_id;
                Ok(if linked.changed {
                    LineOutcome::Linked
                } else {
                    LineOutcome::Unchanged
                })
            }
            Answer::Replayed(_) => Err(Error::Internal("a line has no request id".into())),
        }
    }
}

impl Count {
    const fn lines(&self) -> u32 {
        self.linked + self.unchanged + self.refused
    }

    fn add(&mut self, report: &LineReport) {
        match report.outcome {
            Ok(LineOutcome::Linked) => self.linked += 1,
            Ok(LineOutcome::Unchanged) => self.unchanged += 1,
            Err(_) => self.refused += 1,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Lines answered before: {} ({} linked, {} unchanged, {} refused). They stay so; send the others in another call.",
            self.lines(),
            self.linked,
            self.unchanged,
            self.refused
        )
    }
}

impl DryRun {
    /// Judges a line as if those before it had been done.
    async fn judge(
        &mut self,
        core: &Core,
        call: &Call,
        line: &BulkLine,
        report: &mut LineReport,
    ) -> Result<LineOutcome, Error> {
        let key = Core::user_name_key(&line.user_name);
        let found = self.find(core, call, &key).await?;
        report.account_id = found.as_ref().map(|account| account.id);
        let asked = parse_object_id(&line.object_id)?;
        let account = found.ok_or_else(|| no_account_of(&key))?;
        if line
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != account.etag())
        {
            return Err(refusals::etag_mismatch(&account).into());
        }
        if let Some(holder) = self.other_holder(core, asked, &account).await? {
            return Err(holder.refuse(&asked).into());
        }
        report.previous_object_id.clone_from(&account.object_id);
        if decide_link(&account, asked, asked.to_string(), core.now())?.is_none() {
            return Ok(LineOutcome::Unchanged);
        }
        let (before, times) = self
            .linked
            .get(&account.id)
            .map_or((None, 0), |(object_id, times)| (Some(*object_id), *times));
        if let Some(before) = before {
            self.holders.remove(&before);
        }
        self.linked.insert(account.id, (asked, times + 1));
        let holder = Holder {
            id: account.id,
            user_name: account.user_name,
        };
        self.holders.insert(asked, holder);
        Ok(LineOutcome::Linked)
    }

    /// The account of a line, as the lines before would have left it.
    async fn find(
        &self,
        core: &Core,
        call: &Call,
        key: &AccountKey,
    ) -> Result<Option<Account>, Error> {
        let (caller, mut accounts) = core.find_to_link(call, key).await?;
        core.admit(call, caller).await?;
        let mut account = accounts.pop();
        if let Some(account) = &mut account
            && let Some((object_id, times)) = self.linked.get(&account.id)
        {
            account.object_id = Some(object_id.to_string());
            account.object_id_exclusive = true;
            account.object_id_pinned = true;
            account.version += times;
        }
        Ok(account)
    }

    async fn other_holder(
        &self,
        core: &Core,
        asked: Uuid,
        account: &Account,
    ) -> Result<Option<Holder>, Error> {
        if let Some(holder) = self.holders.get(&asked) {
            return Ok(Some(holder.clone()).filter(|holder| holder.id != account.id));
        }
        let holders = core
            .storage()
            .list_object_id_holders(self.tenant_id, &asked.to_string(), HOLDERS_MAX)
            .await?;
        // Whoever a line before would have linked has another Object ID by now.
        let other = holders
            .into_iter()
            .find(|holder| holder.id != account.id && !self.linked.contains_key(&holder.id));
        Ok(other.map(Holder::from))
    }
}

fn too_many_lines() -> Refusal {
    Refusal::new(
        Reason::TooMany,
        format!("One call links at most {LINES_MAX} accounts."),
    )
    .field("line")
    .with("lines_max", LINES_MAX)
}
