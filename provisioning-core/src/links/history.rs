//! How accounts came to their Object IDs, and undoing a step of it.

use super::{Act, LinkTarget, Linked, Wish, refusals::no_such_account};
use crate::{
    Core,
    accounts::{AccountKey, Precondition},
    call::Call,
    error::{Error, Reason, Refusal},
    ids::{AccountId, LogEntryId},
    log::{LogEntry, LogPage, Operation, place_from},
    page_token::cut,
    receipts::{Answer, Once},
};

impl Core {
    /// The log entries of the steps by which accounts of the tenant, or one of them, came to their Object ID or lost it, the newest first. The
    /// account may be deleted.
    pub async fn list_link_history(
        &self,
        call: &Call,
        account_id: Option<&str>,
        page_size: u32,
        page_token: &str,
    ) -> Result<LogPage, Error> {
        let tenant_id = self.authenticate(call).await?.tenant.id;
        let account = match account_id {
            Some(text) => Some(AccountId::parse(text).ok_or_else(no_such_account)?),
            None => None,
        };
        let parameters = [account_id.unwrap_or_default()];
        let query = self.query("ListLinkHistory", Some(tenant_id), &parameters);
        let before = query
            .open(page_token)?
            .map(|place| place_from(&place.position))
            .transpose()?;
        let mut entries = self
            .storage()
            .list_link_steps(tenant_id, account, page_size + 1, before)
            .await?;
        if let Some(account) = account
            && entries.is_empty()
            && before.is_none()
            && !self.storage().account_exists(tenant_id, account).await?
        {
            return Err(no_such_account().into());
        }
        let next_page_token =
            cut(&mut entries, page_size).map(|last| query.token(last.id.uuid().as_bytes(), None));
        Ok(LogPage {
            entries,
            next_page_token,
        })
    }

    /// Gives an account back the Object ID it had before a step of its history, as an admin's link; or takes its Object ID off where it had none.
    pub async fn revert_link_step(
        &self,
        call: &Call,
        step_id: &str,
        precondition: &Precondition,
        reason: &str,
        once: Option<Once<'_, Linked>>,
    ) -> Result<Answer<Linked>, Error> {
        let admitted = self.authenticate(call).await?;
        let entry = match LogEntryId::parse(step_id) {
            Some(id) => {
                self.storage()
                    .find_log_entry(admitted.tenant.id, id)
                    .await?
            }
            None => None,
        };
        let step = entry.and_then(|entry| {
            let account_id = AccountId::parse(&entry.resource_id)?;
            Some((account_id, entry.at, entry.link_step?))
        });
        let Some((account_id, at, step)) = step else {
            let entry = LogEntry::new(call, Operation::Link, self.now());
            return Err(self
                .log_refusal(&admitted, entry, no_such_step(step_id).into())
                .await);
        };
        let target = LinkTarget {
            account: AccountKey::Id(account_id),
            precondition: precondition.clone(),
            reason: reason.to_owned(),
        };
        let act = Act {
            target: &target,
            wish: Wish::Revert(step.before.as_deref()),
            etag_required: true,
            detail: format!("Takes back the step {step_id} of {at}."),
        };
        self.write_link(call, &act, once, &mut None).await
    }
}

fn no_such_step(step_id: &str) -> Refusal {
    Refusal::new(
        Reason::LinkStepNotFound,
        "There is no such step in the link history, or it is older than the log is kept. Look the steps up with ListLinkHistory.",
    )
    .field("link_step_id")
    .with("link_step_id", step_id)
}
