//! Reading findings, and closing one by hand.

use uuid::Uuid;

use super::{Closure, Finding, FindingKind, Remedy, Side, examine::Sides, remedies, summary};
use crate::{
    Core,
    accounts::unexpected,
    call::{Admitted, Call},
    error::{Error, Reason, Refusal},
    ids::AccountId,
    log::{LogEntry, Operation, ResourceType, check_reason},
    page_token::{cut, invalid_page_token},
    receipts::{Answer, Once},
    storage::{Commit, FindingPlace, FindingQuery, FindingWrite, Mutation, Write},
    tenants::Tenant,
};

/// How often a dismissal is tried when the same request is answered meanwhile.
const ATTEMPTS_MAX: u32 = 3;

/// A finding with what is made of it when it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Presented {
    /// The finding.
    pub finding: Finding,
    /// The accounts and groups that it is about, as they are now. Those that are gone for good are left out.
    pub sides: Vec<Side>,
    /// What is wrong, in words.
    pub summary: String,
    /// Ways to mend it, the best first; none of a closed one.
    pub remedies: Vec<Remedy>,
}

/// Which findings to list.
#[derive(Clone, Debug, Default)]
pub struct ListFindings {
    /// Closed ones rather than open ones.
    pub closed: bool,
    /// Of these kinds; empty: of all.
    pub kinds: Vec<FindingKind>,
    /// About this account.
    pub account: Option<AccountId>,
    /// How many at most.
    pub page_size: u32,
    /// From the page before.
    pub page_token: String,
}

/// A page of findings.
#[derive(Debug)]
pub struct FindingPage {
    /// The most severe first, then the ones seen last. Fewer than asked for where some have just turned out to be over.
    pub findings: Vec<Presented>,
    /// Where the next page begins; `None` on the last.
    pub next_page_token: Option<String>,
}

/// A finding beside what DragOnce has on its side.
pub(super) fn present(finding: Finding, sides: &Sides, tenant: &Tenant) -> Presented {
    let sides = sides.of(&finding);
    let remedies = match finding.closure {
        None => remedies(&finding, &sides, tenant),
        Some(_) => Vec::new(),
    };
    Presented {
        summary: summary(&finding, &sides),
        remedies,
        sides,
        finding,
    }
}

impl Core {
    /// Lists findings, the most severe first.
    pub async fn list_findings(
        &self,
        call: &Call,
        asked: &ListFindings,
    ) -> Result<FindingPage, Error> {
        let tenant = self.authenticate(call).await?.tenant;
        let kinds: Vec<&str> = asked.kinds.iter().map(|kind| kind.as_str()).collect();
        let account = asked.account.map(|id| id.to_string()).unwrap_or_default();
        let state = if asked.closed { "closed" } else { "open" };
        let query = self.query(
            "ListFindings",
            Some(tenant.id),
            &[state, &kinds.join(","), &account],
        );
        let after: Option<FindingPlace> = query
            .open(&asked.page_token)?
            .map(|place| serde_json::from_slice(&place.position).map_err(|_| invalid_page_token()))
            .transpose()?;
        if !asked.closed && after.is_none() {
            let (found, _) = self.shown_by_state(tenant.id, "").await?;
            self.try_write_findings(tenant.id, found).await;
        }
        let mut findings = self
            .storage()
            .list_findings(
                tenant.id,
                &FindingQuery {
                    closed: asked.closed,
                    kinds: &asked.kinds,
                    account: asked.account,
                    limit: asked.page_size + 1,
                    after,
                },
            )
            .await?;
        let next_page_token = cut(&mut findings, asked.page_size).map(|last| {
            let place = serde_json::to_vec(&FindingPlace::behind(last))
                .expect("numbers and an id have a JSON form");
            query.token(&place, None)
        });
        let sides = self.sides_of(tenant.id, &findings).await?;
        if !asked.closed {
            let over = self.over_by_state(tenant.id, &mut findings, &sides).await?;
            self.try_write_findings(tenant.id, over).await;
            findings.retain(|finding| finding.closure.is_none());
        }
        Ok(FindingPage {
            findings: findings
                .into_iter()
                .map(|finding| present(finding, &sides, &tenant))
                .collect(),
            next_page_token,
        })
    }

    /// Reads one finding.
    pub async fn get_finding(&self, call: &Call, id: &str) -> Result<Presented, Error> {
        let tenant = self.authenticate(call).await?.tenant;
        let finding = self
            .find_finding(&tenant, id)
            .await?
            .ok_or_else(not_found)?;
        let mut findings = [finding];
        let sides = self.sides_of(tenant.id, &findings).await?;
        let over = self.over_by_state(tenant.id, &mut findings, &sides).await?;
        self.try_write_findings(tenant.id, over).await;
        let [finding] = findings;
        Ok(present(finding, &sides, &tenant))
    }

    async fn find_finding(&self, tenant: &Tenant, id: &str) -> Result<Option<Finding>, Error> {
        match Uuid::try_parse(id) {
            Ok(id) => Ok(self.storage().find_finding(tenant.id, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Closes a finding that is meant to be so. One that is closed stays as it is.
    pub async fn dismiss_finding(
        &self,
        call: &Call,
        id: &str,
        reason: &str,
        validate_only: bool,
        once: Option<Once<'_, Presented>>,
    ) -> Result<Answer<Presented>, Error> {
        for _ in 0..ATTEMPTS_MAX {
            let admitted = self.authenticate(call).await?;
            if let Some(response) = self.replay(admitted.tenant.id, once.as_ref()).await? {
                return Ok(Answer::Replayed(response));
            }
            let entry = dismissal(call, self, id);
            match self
                .dismiss_once(
                    &admitted,
                    entry.clone(),
                    id,
                    reason,
                    validate_only,
                    once.as_ref(),
                )
                .await
            {
                Ok(Some(presented)) => return Ok(Answer::Fresh(presented)),
                Ok(None) => {}
                Err(error) => return Err(self.log_refusal(&admitted, entry, error).await),
            }
        }
        Err(Refusal::new(
            Reason::Contention,
            "The same request was answered meanwhile. Send it again.",
        )
        .into())
    }

    /// One try; `None` when the same request was answered meanwhile.
    async fn dismiss_once(
        &self,
        admitted: &Admitted,
        mut entry: LogEntry,
        id: &str,
        reason: &str,
        validate_only: bool,
        once: Option<&Once<'_, Presented>>,
    ) -> Result<Option<Presented>, Error> {
        check_reason(reason, false)?;
        let tenant = &admitted.tenant;
        let mut finding = self.find_finding(tenant, id).await?.ok_or_else(not_found)?;
        let sides = self
            .sides_of(tenant.id, std::slice::from_ref(&finding))
            .await?;
        let was_open = finding.closure.is_none();
        entry.admitted(admitted);
        entry.detail = match reason {
            "" => format!("The finding {} was dismissed.", finding.kind.as_str()),
            reason => format!(
                "The finding {} was dismissed. Reason given: {reason}",
                finding.kind.as_str()
            ),
        };
        entry.object_id.clone_from(&finding.directory.object_id);
        entry.user_name.clone_from(&finding.directory.user_name);
        if was_open {
            finding.closure = Some(Closure {
                at: entry.at,
                detail: match reason {
                    "" => "It was dismissed.".to_owned(),
                    reason => format!("It was dismissed: {reason}"),
                },
                request_id: entry.request_id.clone(),
                log_entry_id: Some(entry.id),
                actor: admitted.actor.clone(),
            });
        }
        let closure = finding.closure.clone();
        let (finding_id, kind) = (finding.id, finding.kind);
        let presented = present(finding, &sides, tenant);
        if validate_only {
            return Ok(Some(presented));
        }
        entry.bound();
        let receipt = once.map(|once| once.receipt(&presented, self.now()));
        let Some(closure) = closure.filter(|_| was_open) else {
            let kept = self.keep_receipt(tenant.id, receipt).await?;
            return Ok(kept.then_some(presented));
        };
        let mutation = Mutation {
            tenant_id: tenant.id,
            write: Write::Nothing,
            log: Some(entry),
            change: None,
            receipt,
            findings: vec![FindingWrite::Closed {
                id: finding_id,
                kind,
                closure,
            }],
            guard: None,
        };
        match self.commit_with_findings(mutation).await? {
            Commit::Done => Ok(Some(presented)),
            Commit::RequestIdUsed => Ok(None),
            other => Err(unexpected(other)),
        }
    }
}

fn dismissal(call: &Call, core: &Core, id: &str) -> LogEntry {
    let mut entry = LogEntry::new(call, Operation::FindingDismiss, core.now());
    entry.resource_type = ResourceType::Tenant;
    id.clone_into(&mut entry.resource_id);
    entry
}

fn not_found() -> Refusal {
    Refusal::new(
        Reason::FindingNotFound,
        "There is no such finding. List them with ListFindings; closed ones are kept as long as the provisioning log.",
    )
    .field("finding_id")
}
