//! `GroupService`: messages in, use cases called, messages out.
//!
//! What a write answers is read after it: others may change the group's members at the same time, so only then is it known what its version stands
//! for. A receipt therefore holds which group it was and what was done, and a repeated request is answered with the group as it is by then.

use prost::Message;
use provisioning_proto::v1::{
    self, BatchGetGroupsRequest, BatchGetGroupsResponse, CreateGroupRequest, CreateGroupResponse,
    DeleteGroupRequest, DeleteGroupResponse, GetGroupRequest, GetGroupResponse,
    ListGroupMembersRequest, ListGroupMembersResponse, ListGroupsRequest, ListGroupsResponse,
    PatchGroupRequest, PatchGroupResponse, ReplaceGroupRequest, ReplaceGroupResponse,
    get_group_request::Key, group_service_server::GroupService,
};
use tonic::{Request, Response, Status};

use super::{
    account_service::{operation, precondition},
    accounts::dialect,
    call,
    changes::dry_run,
    groups::{from_proto, member_to_proto, to_proto, view},
    once, status,
};
use crate::{
    Core,
    call::Call,
    error::{Error, Reason, Refusal},
    groups::{GroupKey, ListMembersQuery, ListQuery, View, Written},
    ids::GroupId,
    log::Operation,
    page_token::{member_page_size, page_size},
    receipts::Answer,
};

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the groups of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }

    async fn group_id(
        &self,
        call: &Call,
        operation: Operation,
        id: &str,
    ) -> Result<GroupId, Status> {
        match GroupId::parse(id) {
            Some(id) => Ok(id),
            None => Err(status(self.core.refuse_group_id(call, operation, id).await)),
        }
    }

    /// What a write did, with the group as it is after it.
    async fn answer(
        &self,
        call: &Call,
        answer: Result<Answer<Written>, Error>,
        validate_only: bool,
        view: View,
    ) -> Result<Outcome, Status> {
        let (mut outcome, id) = match answer.map_err(status)? {
            Answer::Fresh(written) => {
                let done = outcome(&written, to_proto(&written.group)?);
                if validate_only {
                    return Ok(done);
                }
                (done, Some(written.group.id))
            }
            Answer::Replayed(bytes) => {
                let outcome = PatchGroupResponse::decode(bytes.as_slice())
                    .map_err(|error| status(Error::Internal(error.into())))?;
                let id = outcome
                    .group
                    .as_ref()
                    .and_then(|group| GroupId::parse(&group.id));
                (outcome, id)
            }
        };
        if let Some(id) = id {
            let found = self
                .core
                .find_written_group(call, id, view)
                .await
                .map_err(status)?;
            if let Some(group) = found {
                outcome.group = Some(to_proto(&group)?);
            }
        }
        Ok(outcome)
    }
}

/// The answer of a PATCH holds what every write of a group answers.
type Outcome = PatchGroupResponse;

fn outcome(written: &Written, group: v1::Group) -> Outcome {
    Outcome {
        group: Some(group),
        changed: written.changed,
        dialect: dialect(written.dialect).into(),
        dry_run: written.dry_run.clone().map(dry_run),
    }
}

/// What a receipt holds.
fn receipt(written: &Written) -> Vec<u8> {
    let group = v1::Group {
        id: written.group.id.to_string(),
        ..v1::Group::default()
    };
    outcome(written, group).encode_to_vec()
}

#[tonic::async_trait]
impl GroupService for Service {
    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<CreateGroupResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let method = "GroupService/CreateGroup";
        let once = once(&call, method, &request.request_id, &request, &receipt)?;
        let attributes = from_proto(request.group.as_ref())?;
        let answer = self
            .core
            .create_group(&call, &attributes, request.validate_only, once)
            .await;
        let outcome = self
            .answer(&call, answer, request.validate_only, view(request.view()))
            .await?;
        Ok(Response::new(CreateGroupResponse {
            group: outcome.group,
            dry_run: outcome.dry_run,
        }))
    }

    async fn get_group(
        &self,
        request: Request<GetGroupRequest>,
    ) -> Result<Response<GetGroupResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let view = view(request.view());
        let key = match request.key {
            Some(Key::Id(id)) => GroupKey::Id(self.group_id(&call, Operation::Get, &id).await?),
            Some(Key::DisplayName(display_name)) => Core::display_name_key(&display_name),
            Some(Key::ObjectId(object_id)) => GroupKey::ObjectId(object_id),
            None => {
                let refusal = Refusal::new(
                    Reason::InvalidRequest,
                    "Say which group: id, display_name or object_id.",
                )
                .field("key");
                return Err(status(refusal.into()));
            }
        };
        let group = self
            .core
            .get_group(&call, &key, view)
            .await
            .map_err(status)?;
        Ok(Response::new(GetGroupResponse {
            group: Some(to_proto(&group)?),
        }))
    }

    async fn batch_get_groups(
        &self,
        request: Request<BatchGetGroupsRequest>,
    ) -> Result<Response<BatchGetGroupsResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let groups = self
            .core
            .batch_get_groups(&call, &request.ids, view(request.view()))
            .await
            .map_err(status)?;
        let groups = groups.iter().map(to_proto).collect::<Result<_, _>>()?;
        Ok(Response::new(BatchGetGroupsResponse { groups }))
    }

    async fn list_groups(
        &self,
        request: Request<ListGroupsRequest>,
    ) -> Result<Response<ListGroupsResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let view = view(request.view());
        let query = ListQuery {
            filter: request.filter,
            order_by: request.order_by,
            page_size: page_size(request.page_size).map_err(|refusal| status(refusal.into()))?,
            page_token: request.page_token,
            skip: request.skip,
            count_only: request.count_only,
        };
        let page = self
            .core
            .list_groups(&call, &query, view)
            .await
            .map_err(status)?;
        let groups = page.groups.iter().map(to_proto).collect::<Result<_, _>>()?;
        Ok(Response::new(ListGroupsResponse {
            groups,
            next_page_token: page.next_page_token.unwrap_or_default(),
            total_size: page.total_size,
        }))
    }

    async fn replace_group(
        &self,
        request: Request<ReplaceGroupRequest>,
    ) -> Result<Response<ReplaceGroupResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let id = self
            .group_id(&call, Operation::Replace, &request.id)
            .await?;
        let method = "GroupService/ReplaceGroup";
        let once = once(&call, method, &request.request_id, &request, &receipt)?;
        let attributes = from_proto(request.group.as_ref())?;
        let precondition = precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .replace_group(&call, id, &attributes, &precondition, once)
            .await;
        let outcome = self
            .answer(&call, answer, request.validate_only, view(request.view()))
            .await?;
        Ok(Response::new(ReplaceGroupResponse {
            group: outcome.group,
            dry_run: outcome.dry_run,
        }))
    }

    async fn patch_group(
        &self,
        request: Request<PatchGroupRequest>,
    ) -> Result<Response<PatchGroupResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let id = self.group_id(&call, Operation::Patch, &request.id).await?;
        let method = "GroupService/PatchGroup";
        let once = once(&call, method, &request.request_id, &request, &receipt)?;
        let operations = request
            .operations
            .iter()
            .map(operation)
            .collect::<Result<Vec<_>, _>>()
            .map_err(status)?;
        let precondition = precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .patch_group(&call, id, &operations, &precondition, once)
            .await;
        self.answer(&call, answer, request.validate_only, view(request.view()))
            .await
            .map(Response::new)
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let id = self.group_id(&call, Operation::Delete, &request.id).await?;
        let method = "GroupService/DeleteGroup";
        let once = once(&call, method, &request.request_id, &request, &receipt)?;
        let precondition = precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .delete_group(&call, id, &precondition, once)
            .await
            .map_err(status)?;
        let dry_run = match answer {
            Answer::Fresh(deleted) => deleted.dry_run.map(dry_run),
            Answer::Replayed(_) => None,
        };
        Ok(Response::new(DeleteGroupResponse { dry_run }))
    }

    async fn list_group_members(
        &self,
        request: Request<ListGroupMembersRequest>,
    ) -> Result<Response<ListGroupMembersResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let id = self
            .group_id(&call, Operation::List, &request.group_id)
            .await?;
        let query = ListMembersQuery {
            filter: request.filter,
            order_by: request.order_by,
            page_size: member_page_size(request.page_size)
                .map_err(|refusal| status(refusal.into()))?,
            page_token: request.page_token,
        };
        let page = self
            .core
            .list_group_members(&call, id, &query)
            .await
            .map_err(status)?;
        Ok(Response::new(ListGroupMembersResponse {
            members: page.members.iter().map(member_to_proto).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }
}
