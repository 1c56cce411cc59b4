//! Findings where the Object ID is on the wrong account, on none, on two, or none at all.

use entra_sim::{ExternalId, Mapping, Matching};
use provisioning_proto::admin::v1::{DirectorySide, FindingKind, Severity};

use super::{
    treatment::{Again, Expected, treat},
    world::{ALICE, ALICE_AT, ALICE_ID},
};
use crate::support::on_both_engines;

/// An Object ID of nobody in the directory.
const ANOTHER_ID: &str = "9c1d0b5e-1f0e-4d0c-8a6a-5f3e2d1c0b0a";

fn by_object_id() -> Mapping {
    Mapping::matching_on(&[Matching::ExternalId])
}

fn alice_says() -> DirectorySide {
    DirectorySide {
        object_id: ALICE_ID.to_owned(),
        user_name: ALICE.to_owned(),
        ..DirectorySide::default()
    }
}

on_both_engines! {
    async fn nicknames_in_place_of_object_ids_are_mended_in_the_mapping(service: Service) {
        let nickname = Mapping { external_id: ExternalId::MailNickname, ..Mapping::default() };
        treat(&service, nickname, async |world| {
            // Alone, so that it is her nickname that was seen.
            world.engine.directory_mut().set_assigned(1, false);
            world.good_cycle().await;
            Expected {
                kind: FindingKind::ObjectIdNotGuid,
                severity: Severity::Warning,
                directory: DirectorySide { object_id: "alice".to_owned(), ..alice_says() },
                dragonce: vec![world.alice()],
                again: Again::Never,
                remedies: &[0],
            }
        }).await;
    }

    async fn an_object_id_linked_to_the_wrong_account_is_taken_off_it(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            let wrong = world.dragonce.create("alice.private@contoso.com").await;
            world.dragonce.link(&wrong, ALICE_ID).await;
            world.cycle().await;
            Expected {
                kind: FindingKind::ObjectIdOnAnotherAccount,
                severity: Severity::Error,
                directory: alice_says(),
                dragonce: vec![wrong],
                again: Again::Retry,
                remedies: &[0, 1],
            }
        }).await;
    }

    async fn an_object_id_on_two_accounts_is_taken_off_one(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let first = world.alice();
            world.dragonce.rename(&first, "al@contoso.com").await;
            world.engine.restart();
            world.good_cycle().await;
            let second = world.alice();
            assert_ne!(first, second);
            Expected {
                kind: FindingKind::ObjectIdShared,
                severity: Severity::Warning,
                directory: alice_says(),
                dragonce: vec![first, second],
                again: Again::Never,
                remedies: &[0],
            }
        }).await;
    }

    async fn a_login_without_an_object_id_is_linked(service: Service) {
        treat(&service, by_object_id(), async |world| {
            let local = world.dragonce.create(ALICE).await;
            world.cycle().await;
            Expected {
                kind: FindingKind::LoginNotLinked,
                severity: Severity::Error,
                directory: alice_says(),
                dragonce: vec![local],
                again: Again::Retry,
                remedies: &[0, 1, 2],
            }
        }).await;
    }

    async fn a_login_and_an_object_id_on_two_accounts_come_together(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let linked = world.alice();
            let renamed = "alice.married@contoso.com";
            let other = world.dragonce.create(renamed).await;
            world.engine.directory_mut().rename(ALICE_AT, renamed);
            world.cycle().await;
            Expected {
                kind: FindingKind::LoginAndObjectIdOnTwoAccounts,
                severity: Severity::Error,
                directory: DirectorySide {
                    user_name: renamed.to_owned(),
                    scim_id: linked.clone(),
                    ..alice_says()
                },
                dragonce: vec![linked, other],
                again: Again::Retry,
                remedies: &[0, 1],
            }
        }).await;
    }

    async fn a_login_with_another_object_id_gets_the_one_that_entra_says(service: Service) {
        treat(&service, by_object_id(), async |world| {
            let local = world.dragonce.create(ALICE).await;
            world.dragonce.link(&local, ANOTHER_ID).await;
            world.cycle().await;
            Expected {
                kind: FindingKind::ObjectIdMismatch,
                severity: Severity::Error,
                directory: alice_says(),
                dragonce: vec![local],
                again: Again::Retry,
                remedies: &[0, 1],
            }
        }).await;
    }
}
