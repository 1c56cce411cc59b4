//! Findings where the Object ID is on the wrong account, on none, on two, or none at all.

use entra_sim::{ExternalId, Mapping, Matching};
use provisioning_proto::admin::v1::{DirectorySide, FindingKind, Severity};

use super::{
    treatment::{Again, Expected, Play, treat},
    world::{ALICE, ALICE_AT, ALICE_ID, BOB_AT},
};
use crate::support::on_both_engines;

/// An Object ID of nobody in the directory.
const ANOTHER_ID: &str = "9c1d0b5e-1f0e-4d0c-8a6a-5f3e2d1c0b0a";

/// What is left where another thing was mended than the mapping.
const STILL_NICKNAMES: &[(FindingKind, &str)] = &[(
    FindingKind::ObjectIdNotGuid,
    "mailNickname is still mapped to externalId",
)];

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
            world.engine.directory_mut().set_assigned(BOB_AT, false);
            world.good_cycle().await;
            Expected {
                kind: FindingKind::ObjectIdNotGuid,
                severity: Severity::Warning,
                directory: DirectorySide { object_id: "alice".to_owned(), ..alice_says() },
                dragonce: vec![world.alice()],
                again: Again::Never,
                beside: &[],
                remedies: vec![
                    Play::cures("another attribute that is no GUID, is mapped to externalId"),
                    Play::elsewhere("and older values are still here"),
                ],
            }
        }).await;
    }

    async fn an_older_value_in_place_of_an_object_id_is_sent_anew(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            world.good_cycle().await;
            let alice = world.alice();
            world.dragonce.set_external_id(&alice, "alice").await;
            Expected {
                kind: FindingKind::ObjectIdNotGuid,
                severity: Severity::Warning,
                directory: DirectorySide { object_id: "alice".to_owned(), ..alice_says() },
                dragonce: vec![alice],
                again: Again::State,
                beside: &[],
                remedies: vec![
                    Play::elsewhere("another attribute that is no GUID, is mapped to externalId"),
                    Play::cures("objectId is mapped to externalId already, and older values are still here"),
                ],
            }
        }).await;
    }

    async fn an_object_id_linked_to_the_wrong_account_moves_to_the_one_of_the_login(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            let right = world.dragonce.create(ALICE).await;
            let wrong = world.dragonce.create("alice.private@contoso.com").await;
            world.dragonce.link(&wrong, ALICE_ID).await;
            world.cycle().await;
            Expected {
                kind: FindingKind::ObjectIdOnAnotherAccount,
                severity: Severity::Error,
                directory: DirectorySide { scim_id: right.clone(), ..alice_says() },
                dragonce: vec![right, wrong],
                again: Again::Retry,
                beside: &[],
                remedies: vec![Play::cures("The link is wrong: the Object ID is that of ")],
            }
        }).await;
    }

    async fn one_nickname_of_two_people_is_mended_in_the_mapping(service: Service) {
        let nickname = Mapping { external_id: ExternalId::MailNickname, ..Mapping::default() };
        treat(&service, nickname, async |world| {
            for index in [ALICE_AT, BOB_AT] {
                world.engine.directory_mut().update(index, |user| user.mail_nickname = Some("staff".to_owned()));
            }
            // One after the other: at the same time neither would see the other one.
            world.engine.directory_mut().set_assigned(BOB_AT, false);
            world.good_cycle().await;
            world.engine.directory_mut().set_assigned(BOB_AT, true);
            world.good_cycle().await;
            let (alice, bob) = (world.alice(), world.bob());
            let who = world.dragonce.findings_of(FindingKind::ObjectIdShared).await;
            let directory = who[0].directory.clone().expect("it is set");
            assert_eq!(directory.object_id, "staff");
            Expected {
                kind: FindingKind::ObjectIdShared,
                severity: Severity::Warning,
                directory,
                dragonce: vec![alice, bob],
                again: Again::Never,
                beside: &[FindingKind::ObjectIdNotGuid],
                remedies: vec![
                    Play::elsewhere("The Object ID is that of "),
                    Play::elsewhere("The Object ID is that of "),
                    Play::cures("They are different people, to whom Microsoft Entra gives the same value"),
                ],
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
                beside: &[],
                remedies: vec![
                    Play::cures("The link is wrong: the Object ID is that of "),
                    Play::cures(" is the same person, renamed in Microsoft Entra"),
                ],
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
                beside: &[],
                remedies: vec![
                    Play::cures("The Object ID is that of "),
                    Play::cures("The Object ID is that of "),
                    Play::elsewhere("They are different people, to whom Microsoft Entra gives the same value"),
                ],
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
                beside: &[],
                remedies: vec![
                    Play::cures(" is this person's account"),
                    Play::cures(" is another person's account, and the user in Microsoft Entra is to get one of their own"),
                    Play::cures("All accounts of this kind are to be found by their login"),
                ],
            }
        }).await;
    }

    async fn a_nickname_that_finds_nobody_is_mended_in_the_mapping(service: Service) {
        let nickname = Mapping { external_id: ExternalId::MailNickname, ..by_object_id() };
        treat(&service, nickname, async |world| {
            world.engine.directory_mut().set_assigned(BOB_AT, false);
            let local = world.dragonce.create(ALICE).await;
            world.cycle().await;
            Expected {
                kind: FindingKind::LoginNotLinked,
                severity: Severity::Error,
                directory: DirectorySide { object_id: "alice".to_owned(), ..alice_says() },
                dragonce: vec![local],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures(" is no Object ID: mailNickname, or another attribute that is no GUID, is mapped to externalId"),
                    Play::cures(" is another person's account, and the user in Microsoft Entra is to get one of their own").leaving(STILL_NICKNAMES),
                    Play::cures("All accounts of this kind are to be found by their login").leaving(STILL_NICKNAMES),
                ],
            }
        }).await;
    }

    async fn where_no_object_id_is_sent_it_is_mended_in_the_mapping(service: Service) {
        let nickname = Mapping { external_id: ExternalId::MailNickname, ..by_object_id() };
        treat(&service, nickname, async |world| {
            world.engine.directory_mut().set_assigned(BOB_AT, false);
            world.engine.directory_mut().update(ALICE_AT, |user| user.mail_nickname = None);
            let local = world.dragonce.create(ALICE).await;
            world.cycle().await;
            Expected {
                kind: FindingKind::LoginNotLinked,
                severity: Severity::Error,
                directory: DirectorySide { object_id: String::new(), ..alice_says() },
                dragonce: vec![local],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures("Microsoft Entra sends no Object ID: objectId is to be mapped to externalId"),
                    Play::cures(" is another person's account, and the user in Microsoft Entra is to get one of their own"),
                    Play::cures("All accounts of this kind are to be found by their login"),
                ],
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
                beside: &[],
                remedies: vec![
                    Play::cures(" is another person's account, and the person is the one of "),
                    Play::cures("Both are the same person's, who is to go on with "),
                ],
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
                beside: &[],
                remedies: vec![
                    Play::cures("Microsoft Entra is right"),
                    Play::cures(" is another person's account, and the user in Microsoft Entra is to get one of their own"),
                    Play::silences("It is meant to be so"),
                ],
            }
        }).await;
    }

    async fn a_link_of_an_admin_that_was_kept_gives_way_to_what_entra_says(service: Service) {
        treat(&service, Mapping::default(), async |world| {
            let local = world.dragonce.create(ALICE).await;
            world.dragonce.link(&local, ANOTHER_ID).await;
            world.good_cycle().await;
            let kept = world.dragonce.account(&local).await.object_id;
            assert_eq!(kept.as_deref(), Some(ANOTHER_ID));
            Expected {
                kind: FindingKind::ObjectIdMismatch,
                severity: Severity::Error,
                directory: DirectorySide { scim_id: local.clone(), ..alice_says() },
                dragonce: vec![local],
                again: Again::Never,
                beside: &[],
                remedies: vec![
                    Play::cures("Microsoft Entra is right"),
                    Play::elsewhere(" is another person's account, and the user in Microsoft Entra is to get one of their own"),
                    Play::silences("It is meant to be so"),
                ],
            }
        }).await;
    }
}
