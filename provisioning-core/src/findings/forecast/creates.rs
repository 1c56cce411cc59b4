//! What comes of the person whom Entra posts, because it has found no account.

use super::{ExpectedRequest, Scene, named};
use crate::{attributes::error::excerpt, links::object_id_key};

/// What is answered to the POST.
pub(super) fn post(scene: Scene<'_>) -> ExpectedRequest {
    let answer = |http_status, outcome: String, because: String| ExpectedRequest {
        request: "POST /Users".to_owned(),
        http_status,
        outcome,
        because,
    };
    let restorable = scene.restorable();
    if let Some(holder) = scene.by_login() {
        let because = match (restorable, &holder.object_id) {
            (Some(tombstone), _) if tombstone.user_name_key == holder.user_name_key => format!(
                "{} has the login account, so the deleted account {} of this Object ID cannot be restored.",
                named(holder),
                tombstone.id
            ),
            (_, None) => format!(
                "{} has the login account, and no Object ID (LinkObjectId).",
                named(holder)
            ),
            (_, Some(object_id)) => format!(
                "{} has the login account, with the Object ID {}.",
                named(holder),
                excerpt(object_id)
            ),
        };
        return answer(
            409,
            "No account is created. Microsoft Entra logs the conflict and tries again in later cycles.".to_owned(),
            because,
        );
    }
    if let Some(claimant) = scene.claimant(None) {
        return answer(
            409,
            "No account is created. Microsoft Entra logs the conflict and tries again in later cycles.".to_owned(),
            format!("{} holds the Object ID exclusively.", named(claimant)),
        );
    }
    if let Some(tombstone) = restorable.filter(|tombstone| tombstone.protected) {
        return answer(
            403,
            "No account is created or brought back. Microsoft Entra tries again in later cycles."
                .to_owned(),
            format!(
                "The deleted account {} of this Object ID is protected: only an admin may restore it (RestoreAccount) or remove it (PurgeAccount).",
                tombstone.id
            ),
        );
    }
    let on_hold = if scene.former().is_some_and(|former| former.hold.is_some())
        || restorable.is_some_and(|tombstone| tombstone.hold.is_some())
    {
        " It is on hold, as the deleted account of this login was."
    } else {
        ""
    };
    if let Some(tombstone) = restorable {
        return answer(
            201,
            format!(
                "The deleted account {} comes back with its id and its groups.{on_hold}",
                tombstone.id
            ),
            format!(
                "It has the same Object ID, which is a GUID, and its retention has not ended: it was deleted on {}.",
                tombstone.deleted_at.unwrap_or(scene.now)
            ),
        );
    }
    let shared = scene.object_id.map(object_id_key).and_then(|key| {
        scene
            .live()
            .find(|account| account.object_id.as_deref().map(object_id_key).as_ref() == Some(&key))
    });
    match shared {
        Some(other) => answer(
            201,
            format!("A second account with the same Object ID is created, which is a finding.{on_hold}"),
            format!("{} has the Object ID, and does not hold it exclusively.", named(other)),
        ),
        None => answer(
            201,
            format!("A new account is created.{on_hold}"),
            "No account has the login account or the Object ID, and no deleted one can be restored.".to_owned(),
        ),
    }
}
