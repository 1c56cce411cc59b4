//! The refusals of the guard. What is held is worded for the customer's admin who reads it in Entra's provisioning log, and who decides.

use std::time::Duration;

use super::{Batch, BatchState, DeprovisionGuard, Held};
use crate::{
    error::{Reason, Refusal},
    tenants::Identifier,
};

/// A request that waits for an admin, or that an admin has refused.
pub(super) fn held(held: Held, limits: &DeprovisionGuard, tenant: &Identifier) -> Refusal {
    let batch = held.batch_id.map(|id| id.to_string()).unwrap_or_default();
    let where_to = "under User Provisioning in the DragOnce Admin Panel";
    let detail = if held.dismissed {
        format!(
            "An admin has refused this, together with other suspensions, deletions or removals from groups: batch {batch} of the deprovision \
             guard was dismissed. Nothing was changed. If it shall happen after all, approve that batch {where_to} (or: provisiond guard approve \
             {tenant} {batch}); if not, bring the user back into the scope of provisioning in Microsoft Entra."
        )
    } else {
        format!(
            "Held back by the deprovision guard: within {} at most {} suspensions, deletions and removals from groups pass by themselves. Nothing \
             was changed, and {} of them wait. If that many are meant, approve the batch {where_to} (or: provisiond guard approve {tenant} \
             {batch}), and they pass when Microsoft Entra tries again; if it is a mistake, mend the assignments in Microsoft Entra and dismiss \
             the batch.",
            words(limits.window),
            held.limit,
            held.waiting,
        )
    };
    let refusal = Refusal::new(Reason::DeprovisionHeld, detail)
        .with("tenant", tenant)
        .with("waiting", held.waiting)
        .with("limit", held.limit)
        .with("window_seconds", limits.window.as_secs());
    match held.batch_id {
        Some(id) => refusal.with("batch_id", id),
        None => refusal,
    }
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(
        Reason::DeprovisionBatchNotFound,
        "There is no such batch of the deprovision guard: look it up with ListDeprovisionBatches. Batches go 30 days after the last decision \
         about them.",
    )
    .field("batch_id")
}

pub(super) fn etag_mismatch(batch: &Batch) -> Refusal {
    Refusal::new(
        Reason::EtagMismatch,
        format!(
            "Somebody else has decided about this batch meanwhile: it is {}, and its etag is {} now.",
            state(batch.state),
            batch.etag()
        ),
    )
    .field("etag")
    .with("state", batch.state.as_str())
    .with("etag", batch.etag())
}

pub(super) fn contention() -> Refusal {
    Refusal::new(
        Reason::Contention,
        "Others decide about this batch at the same time. Nothing was changed by this call; read the batch and decide again.",
    )
}

/// A state within a sentence.
pub(super) const fn state(state: BatchState) -> &'static str {
    match state {
        BatchState::Pending => "pending",
        BatchState::Approved => "approved",
        BatchState::Dismissed => "dismissed",
    }
}

/// A window in the largest unit that it is a multiple of.
fn words(window: Duration) -> String {
    let seconds = window.as_secs();
    let (number, unit) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit))
        .map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::BatchId;

    #[test]
    fn a_window_is_told_in_its_largest_unit() {
        for (seconds, text) in [
            (3_600, "1 hour"),
            (7_200, "2 hours"),
            (86_400, "1 day"),
            (90, "90 seconds"),
            (1_800, "30 minutes"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn who_reads_that_it_is_held_knows_how_many_wait_and_what_to_do() {
        let limits = DeprovisionGuard {
            window: Duration::from_hours(1),
            max_count: Some(50),
            max_percent: None,
        };
        let tenant = Identifier::parse("contoso").expect("it is one");
        let id = BatchId::from_uuid(Uuid::from_u128(7));
        let of = |dismissed| {
            let wave = Held {
                batch_id: Some(id),
                dismissed,
                waiting: 1_950,
                limit: 50,
            };
            held(wave, &limits, &tenant).detail
        };
        for part in [
            "within 1 hour at most 50",
            "1950 of them wait",
            &format!("provisiond guard approve contoso {id}"),
        ] {
            assert!(of(false).contains(part), "{part}: {}", of(false));
        }
        assert!(of(true).contains("was dismissed"), "{}", of(true));
    }
}
