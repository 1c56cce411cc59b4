//! The few sentences of a diagnosis.

use super::{Foreseen, Subject};
use crate::{
    accounts::Account,
    attributes::error::excerpt,
    findings::{ExpectedRequest, Presented},
    tenants::Tenant,
};

/// Accounts and findings that the summary speaks of; the answer has them all.
const SPOKEN_OF_MAX: usize = 3;

/// How it stands, what Entra will do, what to do.
pub(super) fn summary(
    subject: &Subject,
    accounts: &[Account],
    foreseen: &Foreseen,
    findings: &[Presented],
    tenant: &Tenant,
) -> String {
    let mut sentences: Vec<String> = foreseen.of_all.iter().cloned().collect();
    sentences.extend(
        accounts
            .iter()
            .take(SPOKEN_OF_MAX)
            .map(|account| standing(account, tenant)),
    );
    if accounts.is_empty() {
        sentences.push(format!(
            "DragOnce has no account with {}.",
            subject.phrase()
        ));
    }
    if accounts.len() > SPOKEN_OF_MAX {
        sentences.push(format!(
            "{} more accounts have it.",
            accounts.len() - SPOKEN_OF_MAX
        ));
    }
    let expected: &[ExpectedRequest] = if foreseen.lets_in {
        &foreseen.requests
    } else {
        &[]
    };
    let held = expected.iter().filter(|request| request.is_held());
    sentences.extend(held.take(SPOKEN_OF_MAX).map(|request| {
        format!(
            "Microsoft Entra's {} is answered {}. {} {}",
            request.request, request.http_status, request.because, request.outcome
        )
    }));
    let last = expected.last().filter(|request| !request.is_held());
    sentences.extend(last.map(|request| {
        format!(
            "If the user is in the scope of provisioning, Microsoft Entra's next step ends with {}, answered {}. {} Why: {}",
            verb(&request.request),
            request.http_status,
            request.outcome,
            request.because
        )
    }));
    sentences.extend(findings.iter().take(SPOKEN_OF_MAX).map(|presented| {
        let remedy = presented
            .remedies
            .first()
            .map(|remedy| format!(" First remedy: {}.", remedy.title))
            .unwrap_or_default();
        format!(
            "Finding {}: {}{remedy}",
            presented.finding.kind.as_str(),
            presented.summary
        )
    }));
    if findings.is_empty() {
        sentences.push("No finding is open about it.".to_owned());
    }
    sentences.join(" ")
}

/// A request without its filter.
fn verb(request: &str) -> &str {
    request.split('?').next().unwrap_or(request)
}

/// How an account stands.
fn standing(account: &Account, tenant: &Tenant) -> String {
    let link = account.object_id.as_deref().map_or_else(
        || "has no Object ID".to_owned(),
        |object_id| format!("has the Object ID {}", excerpt(object_id)),
    );
    let state = match (account.deleted_at, &account.hold) {
        (Some(at), _) => format!(
            "was deleted on {at} and is kept until {}",
            at.plus(tenant.settings.tombstone_retention)
        ),
        (None, Some(hold)) => format!("is on hold ({})", excerpt(&hold.reason)),
        (None, None) if !account.directory_active => "is suspended by Microsoft Entra".to_owned(),
        (None, None) => "is active".to_owned(),
    };
    let protection = if account.protected {
        ", is protected"
    } else {
        ""
    };
    format!(
        "The account {} ({}) {state}{protection} and {link}.",
        excerpt(&account.user_name),
        account.id
    )
}
