//! Findings where the two sides disagree on whether a person has an account and may use it.

use entra_sim::Mapping;
use provisioning_proto::admin::v1::{DirectorySide, FindingKind, Severity};

use super::{
    treatment::{Again, Expected, Play, treat},
    world::{ALICE, ALICE_AT, ALICE_ID, World},
};
use crate::support::on_both_engines;

/// What Entra says of Alice when it calls her account by its id.
fn alice_says(world: &World) -> DirectorySide {
    alice_said(&world.alice())
}

fn alice_said(scim_id: &str) -> DirectorySide {
    DirectorySide {
        object_id: ALICE_ID.to_owned(),
        user_name: ALICE.to_owned(),
        scim_id: scim_id.to_owned(),
        ..DirectorySide::default()
    }
}

/// What is left when Entra makes an account anew that was deleted in DragOnce.
const BROUGHT_BACK: &[(FindingKind, &str)] = &[(
    FindingKind::DeletedAndPostedAgain,
    "the account was deleted in DragOnce, and the user is still assigned",
)];

on_both_engines! {
    async fn an_id_that_is_gone_is_brought_back_or_forgotten(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.dragonce.delete(&alice).await;
            world.promote_alice();
            world.cycle().await;
            Expected {
                kind: FindingKind::StaleScimId,
                severity: Severity::Error,
                directory: alice_says(world),
                dragonce: vec![alice],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures("The account was deleted by mistake"),
                    Play::cures("The account is gone, and Microsoft Entra is to match or create this one user anew").leaving(BROUGHT_BACK),
                    Play::cures("Many users have this, for example after DragOnce was moved or restored from a backup").leaving(BROUGHT_BACK),
                    Play::closes("The person is not to have an account"),
                ],
            }
        }).await;
    }

    async fn an_account_that_entra_brings_back_is_held_or_unassigned(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.dragonce.delete(&alice).await;
            world.engine.restart();
            world.good_cycle().await;
            assert_eq!(world.alice(), alice, "the same account is restored");
            Expected {
                kind: FindingKind::DeletedAndPostedAgain,
                severity: Severity::Warning,
                directory: alice_says(world),
                dragonce: vec![alice],
                again: Again::Never,
                beside: &[],
                remedies: vec![
                    Play::cures("The person is not to use DragOnce, whatever Microsoft Entra says"),
                    Play::cures("The person is not to have an account"),
                    Play::closes("It is meant to be so"),
                ],
            }
        }).await;
    }

    async fn a_protected_account_that_is_deleted_is_an_admins_to_bring_back(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.dragonce.protect(&alice).await;
            world.dragonce.delete(&alice).await;
            world.engine.restart();
            world.cycle().await;
            Expected {
                kind: FindingKind::ProtectedAccount,
                severity: Severity::Warning,
                directory: alice_said(&alice),
                dragonce: vec![alice],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures("The person is to have the deleted account back"),
                    Play::mends("The person is to have a new account"),
                    Play::closes("The person is not to have an account"),
                ],
            }
        }).await;
    }

    async fn a_hold_against_entras_word_is_released_or_told_to_entra(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.dragonce.hold(&alice).await;
            for enabled in [false, true] {
                world.engine.directory_mut().set_enabled(ALICE_AT, enabled);
                world.good_cycle().await;
            }
            assert!(!world.dragonce.account(&alice).await.effectively_active, "the hold is not lifted");
            Expected {
                kind: FindingKind::ActiveOnHold,
                severity: Severity::Warning,
                directory: alice_says(world),
                dragonce: vec![alice],
                again: Again::Never,
                beside: &[],
                remedies: vec![
                    Play::cures("The person may use DragOnce again"),
                    Play::cures("The person is not to use DragOnce, and Microsoft Entra is to know it"),
                    Play::closes("It is meant to be so"),
                ],
            }
        }).await;
    }

    async fn a_protected_account_is_written_once_it_is_unprotected(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.dragonce.protect(&alice).await;
            world.promote_alice();
            world.cycle().await;
            Expected {
                kind: FindingKind::ProtectedAccount,
                severity: Severity::Warning,
                directory: alice_says(world),
                dragonce: vec![alice],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures("Provisioning may write the account"),
                    Play::closes("The account is to stay protected"),
                    Play::silences("It is meant to be so"),
                ],
            }
        }).await;
    }
}
