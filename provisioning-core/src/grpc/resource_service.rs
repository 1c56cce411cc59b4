//! `ResourceService`: messages in, use cases called, messages out.

use provisioning_proto::v1::{
    self, ListResourcesRequest, ListResourcesResponse, resource, resource_service_server,
};
use tonic::{Request, Response, Status};

use super::{accounts, call, groups, status};
use crate::{Core, listing::ListQuery, page_token::page_size, resources::Resource};

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the resources of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl resource_service_server::ResourceService for Service {
    async fn list_resources(
        &self,
        request: Request<ListResourcesRequest>,
    ) -> Result<Response<ListResourcesResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let view = groups::view(request.view());
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
            .list_resources(&call, &query, view)
            .await
            .map_err(status)?;
        let resources = page.resources.iter().map(to_proto);
        Ok(Response::new(ListResourcesResponse {
            resources: resources.collect::<Result<_, _>>()?,
            next_page_token: page.next_page_token.unwrap_or_default(),
            total_size: page.total_size,
        }))
    }
}

fn to_proto(resource: &Resource) -> Result<v1::Resource, Status> {
    let resource = match resource {
        Resource::Account(account) => resource::Resource::Account(accounts::to_proto(account)?),
        Resource::Group(group) => resource::Resource::Group(groups::to_proto(group)?),
    };
    Ok(v1::Resource {
        resource: Some(resource),
    })
}
