//! What Entra writes of an account that it has found, and what comes of it.

use super::{ExpectedRequest, Scene, named};
use crate::{
    accounts::Account,
    attributes::{error::excerpt, fold::fold},
    error::Reason,
    guard::{Batch, BatchItem, BatchState, DeprovisionAction},
    links::object_id_key,
    tenants::Tenant,
};

/// What Entra writes of an account that it has found. Where it wants to suspend or delete it and may not, nothing else follows.
pub(super) fn writes(scene: Scene<'_>, account: &Account) -> Vec<ExpectedRequest> {
    let wanted = |action: DeprovisionAction| match action {
        // Protection refuses these before the guard is asked, and what is suspended is not suspended again.
        DeprovisionAction::Suspend => account.directory_active && !account.protected,
        DeprovisionAction::Delete => !account.protected,
        DeprovisionAction::RemoveMember => true,
    };
    let waits: Vec<&(BatchItem, Batch)> = scene
        .held
        .iter()
        .filter(|(item, _)| item.key.account_id == account.id.uuid() && wanted(item.key.action))
        .collect();
    let goes = waits
        .iter()
        .any(|(item, _)| item.key.action != DeprovisionAction::RemoveMember);
    let mut requests: Vec<ExpectedRequest> = waits
        .iter()
        .filter(|(item, _)| !goes || item.key.action != DeprovisionAction::RemoveMember)
        .map(|(item, batch)| held(scene.tenant, account, item, batch))
        .collect();
    if !goes {
        requests.push(patch(scene, account));
    }
    requests
}

/// The request that the deprovision guard holds back.
pub(super) fn held(
    tenant: &Tenant,
    account: &Account,
    item: &BatchItem,
    batch: &Batch,
) -> ExpectedRequest {
    let (request, what) = match item.key.action {
        DeprovisionAction::Suspend => (
            format!("PATCH /Users/{}", account.id),
            format!("the suspension of {}", named(account)),
        ),
        DeprovisionAction::Delete => (
            format!("DELETE /Users/{}", account.id),
            format!("the deletion of {}", named(account)),
        ),
        DeprovisionAction::RemoveMember => (
            format!("PATCH /Groups/{}", item.key.group_id),
            format!(
                "the removal of {} from the group {}",
                named(account),
                excerpt(&item.group_display_name)
            ),
        ),
    };
    let (since, id, tenant) = (item.first_seen_at, batch.id, tenant.identifier.as_str());
    // A batch that was approved holds nothing.
    let decide = if batch.state == BatchState::Dismissed {
        format!(
            "which was dismissed. If it shall happen after all, approve that batch (DeprovisionGuardService/ApproveDeprovisionBatch, or provisiond \
             guard approve {tenant} {id}); if not, bring the user back into the scope of provisioning in Microsoft Entra."
        )
    } else {
        format!(
            "which waits for a decision: approve it if it is meant (DeprovisionGuardService/ApproveDeprovisionBatch, or provisiond guard approve \
             {tenant} {id}), or dismiss it (DeprovisionGuardService/DismissDeprovisionBatch, or provisiond guard dismiss {tenant} {id})."
        )
    };
    ExpectedRequest {
        request,
        http_status: Reason::DeprovisionHeld.http_status(),
        outcome: "Nothing is changed, and Microsoft Entra tries again in later cycles.".to_owned(),
        because: format!(
            "The deprovision guard holds {what} since {since}, in the batch {id}, {decide}"
        ),
    }
}

fn patch(scene: Scene<'_>, account: &Account) -> ExpectedRequest {
    let answer = |http_status, outcome: String, because: String| ExpectedRequest {
        request: format!("PATCH /Users/{}", account.id),
        http_status,
        outcome,
        because,
    };
    if account.protected {
        return answer(
            403,
            "Microsoft Entra is refused each time, and tries again in later cycles.".to_owned(),
            "A DragOnce admin protected the account: provisioning may read it and never change it (UnprotectAccount).".to_owned(),
        );
    }
    let wants_login = scene
        .user_name
        .filter(|user_name| fold(user_name) != account.user_name_key);
    if let (Some(user_name), Some(holder)) = (wants_login, scene.by_login()) {
        return answer(
            409,
            format!(
                "The account does not get the login account {}. Nothing of the request is done.",
                excerpt(user_name)
            ),
            format!("{} has that login account.", named(holder)),
        );
    }
    let wants_object_id = scene.object_id.filter(|object_id| {
        account.object_id.as_deref().map(object_id_key) != Some(object_id_key(object_id))
    });
    let status = scene.tenant.settings.dialect.rules().account_patch_status;
    let mut done: Vec<String> = Vec::new();
    let mut because: Vec<String> = Vec::new();
    match (wants_object_id, &account.object_id) {
        (Some(object_id), Some(kept)) if account.object_id_pinned => {
            done.push(format!(
                "The Object ID stays {}, and everything else is done.",
                excerpt(kept)
            ));
            because.push(format!(
                "A DragOnce admin linked the account, so that the directory's Object ID {} is not taken over; it is a finding.",
                excerpt(object_id)
            ));
        }
        (Some(object_id), had) => {
            if let Some(claimant) = scene.claimant(Some(account)) {
                return answer(
                    409,
                    format!(
                        "The account does not get the Object ID {}. Nothing of the request is done.",
                        excerpt(object_id)
                    ),
                    format!("{} holds that Object ID exclusively.", named(claimant)),
                );
            }
            done.push(format!(
                "The account gets the Object ID {}.",
                excerpt(object_id)
            ));
            because.push(had.as_deref().map_or_else(
                || "It has none yet.".to_owned(),
                |had| format!("It has {} now, which no admin set.", excerpt(had)),
            ));
        }
        (None, _) => {}
    }
    if let Some(user_name) = wants_login {
        done.push(format!("The login account becomes {}.", excerpt(user_name)));
        because.push("Nobody else has that login account.".to_owned());
    }
    if !account.managed {
        done.push("The account, which was here before Microsoft Entra, is adopted: provisioning writes it from then on.".to_owned());
        because.push("It was found by a matching query.".to_owned());
    }
    if done.is_empty() {
        done.push(
            "The account is updated. Microsoft Entra sends this only when an attribute differs."
                .to_owned(),
        );
        because.push("Both sides have the same Object ID and login account.".to_owned());
    }
    if account.hold.is_some() {
        done.push("The account stays suspended.".to_owned());
        because.push(
            "A DragOnce admin's hold counts, whatever Microsoft Entra says (ReleaseAccount)."
                .to_owned(),
        );
    } else if !account.directory_active {
        done.push(
            "The account stays suspended until Microsoft Entra sends active=true.".to_owned(),
        );
        because.push(
            "Microsoft Entra suspended it: the user is disabled, deleted or not assigned there."
                .to_owned(),
        );
    }
    answer(status, done.join(" "), because.join(" "))
}
