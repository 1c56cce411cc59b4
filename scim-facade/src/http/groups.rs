//! The calls behind `/Groups`.

use provisioning_proto::v1::{self, Dialect, DryRun, Group, get_group_request::Key};
use tonic::Status;

use crate::{
    http::collection::{Caller, Collection, Listing, Page, Target, Written, calls, list_request},
    scim::patch::Operation,
};

impl Collection for Group {
    calls! {
        group, groups, view;
        create_group: CreateGroupRequest;
        get_group: GetGroupRequest by Key::Id;
        list_groups: ListGroupsRequest;
        replace_group: ReplaceGroupRequest;
        patch_group: PatchGroupRequest;
        delete_group: DeleteGroupRequest;
    }

    /// In no dialect: the answer would hold all members.
    fn is_shown_after_patch(_dialect: Dialect) -> bool {
        false
    }
}
