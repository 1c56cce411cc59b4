//! Findings where the two sides have different login accounts.

use entra_sim::{Mapping, Matching};
use provisioning_proto::admin::v1::{DirectorySide, FindingKind, Severity};

use super::{
    treatment::{Again, Expected, Play, treat},
    world::{ALICE, ALICE_AT, ALICE_ID},
};
use crate::support::on_both_engines;

/// The name that Entra gives to Alice when she is deleted.
const TOMBSTONE: &str = "0a21f0f28d2a4f8ebf987363c4aed4efalice@contoso.com";

fn alice_says() -> DirectorySide {
    DirectorySide {
        object_id: ALICE_ID.to_owned(),
        user_name: ALICE.to_owned(),
        ..DirectorySide::default()
    }
}

/// What is left when Entra makes an account anew that was deleted in DragOnce.
const BROUGHT_BACK: &[(FindingKind, &str)] = &[(
    FindingKind::DeletedAndPostedAgain,
    "the account was deleted in DragOnce, and the user is still assigned",
)];

on_both_engines! {
    async fn a_login_renamed_in_dragonce_is_named_as_entra_says(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.dragonce.link(&alice, ALICE_ID).await;
            world.dragonce.rename(&alice, "al@contoso.com").await;
            world.engine.restart();
            world.cycle().await;
            Expected {
                kind: FindingKind::LoginRenamed,
                severity: Severity::Error,
                directory: alice_says(),
                dragonce: vec![alice],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures("Microsoft Entra is right: the person was renamed there"),
                    Play::cures("DragOnce is right: the person is to keep the login account"),
                    Play::cures("They are two people: "),
                ],
            }
        }).await;
    }

    async fn the_login_of_a_deleted_user_goes_when_the_user_comes_back_or_is_purged(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.engine.directory_mut().soft_delete(ALICE_AT);
            world.good_cycle().await;
            Expected {
                kind: FindingKind::TombstoneLogin,
                severity: Severity::Info,
                directory: DirectorySide {
                    user_name: TOMBSTONE.to_owned(),
                    scim_id: alice.clone(),
                    ..alice_says()
                },
                dragonce: vec![alice],
                again: Again::Never,
                beside: &[],
                remedies: vec![
                    Play::cures("The person comes back"),
                    Play::cures("The person is gone for good"),
                    Play::mends("The person is gone, and DragOnce is not to wait for Microsoft Entra"),
                    Play::closes("It is meant to be so"),
                ],
            }
        }).await;
    }

    async fn a_login_given_away_since_the_deletion_is_freed_or_linked(service: Service) {
        treat(&service, Mapping::matching_on(&[Matching::ExternalId]), async |world| {
            world.good_cycle().await;
            let deleted = world.alice();
            world.dragonce.delete(&deleted).await;
            let taken_by = world.dragonce.create(ALICE).await;
            world.engine.restart();
            world.cycle().await;
            Expected {
                kind: FindingKind::LoginTakenSinceDeletion,
                severity: Severity::Error,
                directory: alice_says(),
                dragonce: vec![deleted, taken_by],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures(" is another person's account now, and the deleted account is to come back").leaving(BROUGHT_BACK),
                    Play::cures(" is the same person's new account"),
                ],
            }
        }).await;
    }
}
