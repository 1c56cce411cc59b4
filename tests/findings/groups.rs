//! The finding of a group whose name is taken.

use entra_sim::{DirectoryGroup, Mapping, Matching, ObjectId};
use provisioning_proto::admin::v1::{DirectorySide, FindingKind, Severity};

use super::{
    treatment::{Again, Expected, treat},
    world::ALICE_AT,
};
use crate::support::on_both_engines;

const GROUP_ID: &str = "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159";

on_both_engines! {
    async fn a_taken_group_name_is_freed_or_the_group_is_linked(service: Service) {
        treat(&service, Mapping::matching_on(&[Matching::ExternalId]), async |world| {
            let local = world.dragonce.create_group("Engineering").await;
            let id = ObjectId(GROUP_ID.parse().expect("a GUID"));
            let directory = world.engine.directory_mut();
            let group = directory.add_group(DirectoryGroup::new(id, "Engineering"));
            directory.add_member(group, ALICE_AT);
            world.cycle().await;
            Expected {
                kind: FindingKind::GroupNameTaken,
                severity: Severity::Error,
                directory: DirectorySide {
                    object_id: GROUP_ID.to_owned(),
                    display_name: "Engineering".to_owned(),
                    ..DirectorySide::default()
                },
                dragonce: vec![local],
                again: Again::Retry,
                remedies: &[0, 1, 2, 3],
            }
        }).await;
    }
}
