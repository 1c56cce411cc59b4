//! Changing an account that exists: what PUT, PATCH and DELETE ask for.

use serde_json::{Map, Value};

use super::{Account, Draft, Unsaid, attempt::Attempt, draft::parse_document, refusals};
use crate::{
    Core,
    attributes::patch::{self, Operation as PatchOperation},
    call::{Admitted, Call},
    changes::ChangeKind,
    error::{Error, Refusal},
    guard::Said,
    ids::AccountId,
    links::{KeptLink, keep_pinned, object_id_key},
    log::{DryRun, LogEntry, Operation},
    receipts::{Answer, Once},
    storage::AccountWrite,
    tenants::Dialect,
};

/// What the log says of the first write of provisioning to an account that existed before.
const ADOPTED: &str =
    "The account existed before provisioning, which has taken it over with this request.";

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
pub(super) enum Decision {
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
}
