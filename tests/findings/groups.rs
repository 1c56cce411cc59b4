//! The finding of a group whose name is taken.

use entra_sim::{DirectoryGroup, Mapping, Matching, ObjectId};
use provisioning_proto::admin::v1::{DirectorySide, FindingKind, Severity};

use super::{
    treatment::{Again, Expected, Play, treat},
    world::{ALICE_AT, World},
};
use crate::support::on_both_engines;

const GROUP_ID: &str = "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159";

/// A group of Alice's in Entra.
fn add_engineering(world: &mut World) {
    let id = ObjectId(GROUP_ID.parse().expect("a GUID"));
    let directory = world.engine.directory_mut();
    let group = directory.add_group(DirectoryGroup::new(id, "Engineering"));
    directory.add_member(group, ALICE_AT);
}

/// What Entra says of it.
fn engineering() -> DirectorySide {
    DirectorySide {
        object_id: GROUP_ID.to_owned(),
        display_name: "Engineering".to_owned(),
        ..DirectorySide::default()
    }
}

on_both_engines! {
    async fn a_taken_group_name_is_freed_or_the_group_is_linked(service: Service) {
        treat(&service, Mapping::matching_on(&[Matching::ExternalId]), async |world| {
            let local = world.dragonce.create_group("Engineering").await;
            add_engineering(world);
            world.cycle().await;
            Expected {
                kind: FindingKind::GroupNameTaken,
                severity: Severity::Error,
                directory: engineering(),
                dragonce: vec![local],
                again: Again::Retry,
                beside: &[],
                remedies: vec![
                    Play::cures("It is the same group"),
                    Play::cures("They are two groups, and the one in DragOnce may have another name"),
                    Play::cures("They are two groups, and the one in Microsoft Entra may have another name"),
                    Play::cures("Nobody needs the group in DragOnce"),
                ],
            }
        }).await;
    }

    async fn a_group_name_that_was_freed_meanwhile_is_looked_at_again(service: Service) {
        treat(&service, Mapping::matching_on(&[Matching::ExternalId]), async |world| {
            let local = world.dragonce.create_group("Engineering").await;
            add_engineering(world);
            world.cycle().await;
            world.dragonce.rename_group(&local, "Research").await;
            Expected {
                kind: FindingKind::GroupNameTaken,
                severity: Severity::Error,
                directory: engineering(),
                dragonce: vec![local],
                // It would be over.
                again: Again::NotWaitedFor,
                beside: &[],
                remedies: vec![Play::closes("look again, and dismiss it when it is mended")],
            }
        }).await;
    }
}
