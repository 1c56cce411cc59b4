//! The groups of the scripted core.

use provisioning_proto::v1::{self, GroupView, group_service_server::GroupService};
use tonic::{Request, Response, Status};

use crate::fake_core::{ETAG, FakeCore, ID, next_page_token, would};

/// The group that the core has, with its members where they are wanted.
pub fn group(view: GroupView) -> v1::Group {
    let member = |value: &str, of_type: &str, display: &str| v1::GroupMember {
        value: Some(value.to_owned()),
        r#ref: None,
        r#type: Some(of_type.to_owned()),
        display: Some(display.to_owned()),
    };
    let members = match view {
        GroupView::Full => vec![
            member("u1", "User", "Alice"),
            member("g1", "Group", "Interns"),
        ],
        GroupView::Basic | GroupView::Unspecified => Vec::new(),
    };
    v1::Group {
        id: ID.to_owned(),
        display_name: "Engineering".to_owned(),
        etag: ETAG.to_owned(),
        members,
        ..v1::Group::default()
    }
}

/// A group that was sent, as the core would answer it.
fn stored(group: Option<v1::Group>, view: GroupView, id: &str) -> v1::Group {
    let mut group = v1::Group {
        id: id.to_owned(),
        etag: ETAG.to_owned(),
        ..group.unwrap_or_default()
    };
    if view != GroupView::Full {
        group.members.clear();
    }
    group
}

#[tonic::async_trait]
impl GroupService for FakeCore {
    async fn create_group(
        &self,
        request: Request<v1::CreateGroupRequest>,
    ) -> Result<Response<v1::CreateGroupResponse>, Status> {
        let message = self.called("CreateGroup", request).await?;
        let view = message.view();
        let name = message.group.as_ref().map(|group| &*group.display_name);
        let id = self.id_of(name.unwrap_or_default());
        Ok(Response::new(v1::CreateGroupResponse {
            dry_run: would(message.validate_only, "create"),
            group: Some(stored(message.group, view, &id)),
        }))
    }

    async fn get_group(
        &self,
        request: Request<v1::GetGroupRequest>,
    ) -> Result<Response<v1::GetGroupResponse>, Status> {
        let message = self.called("GetGroup", request).await?;
        Ok(Response::new(v1::GetGroupResponse {
            group: Some(group(message.view())),
        }))
    }

    async fn batch_get_groups(
        &self,
        request: Request<v1::BatchGetGroupsRequest>,
    ) -> Result<Response<v1::BatchGetGroupsResponse>, Status> {
        self.called("BatchGetGroups", request).await?;
        Err(Status::unimplemented("the facade does not use it"))
    }

    async fn list_groups(
        &self,
        request: Request<v1::ListGroupsRequest>,
    ) -> Result<Response<v1::ListGroupsResponse>, Status> {
        let message = self.called("ListGroups", request).await?;
        let groups = if message.count_only {
            Vec::new()
        } else {
            vec![group(message.view())]
        };
        Ok(Response::new(v1::ListGroupsResponse {
            groups,
            total_size: 1,
            next_page_token: next_page_token(&message.page_token),
        }))
    }

    async fn replace_group(
        &self,
        request: Request<v1::ReplaceGroupRequest>,
    ) -> Result<Response<v1::ReplaceGroupResponse>, Status> {
        let message = self.called("ReplaceGroup", request).await?;
        let view = message.view();
        Ok(Response::new(v1::ReplaceGroupResponse {
            group: Some(stored(message.group, view, &message.id)),
            dry_run: would(message.validate_only, "replace"),
        }))
    }

    async fn patch_group(
        &self,
        request: Request<v1::PatchGroupRequest>,
    ) -> Result<Response<v1::PatchGroupResponse>, Status> {
        let message = self.called("PatchGroup", request).await?;
        Ok(Response::new(v1::PatchGroupResponse {
            group: Some(group(message.view())),
            changed: true,
            dialect: self.dialect().into(),
            dry_run: would(message.validate_only, "patch"),
        }))
    }

    async fn delete_group(
        &self,
        request: Request<v1::DeleteGroupRequest>,
    ) -> Result<Response<v1::DeleteGroupResponse>, Status> {
        let message = self.called("DeleteGroup", request).await?;
        Ok(Response::new(v1::DeleteGroupResponse {
            dry_run: would(message.validate_only, "delete"),
        }))
    }

    async fn list_group_members(
        &self,
        request: Request<v1::ListGroupMembersRequest>,
    ) -> Result<Response<v1::ListGroupMembersResponse>, Status> {
        self.called("ListGroupMembers", request).await?;
        Err(Status::unimplemented("the facade does not use it"))
    }
}
