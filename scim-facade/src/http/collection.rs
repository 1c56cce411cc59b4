//! What an operation on `/Users` or `/Groups` asks the core: the one interface behind which the two differ.

use std::future::Future;

use provisioning_proto::v1::{self, Dialect, DryRun, GroupView};
use tonic::Status;

use crate::{
    core_client::{CallMetadata, CoreClient},
    scim::{error::ScimError, patch::Operation, query::Query, resource::Resource},
};

/// Who asks, and how the core is reached: what every call of one operation needs.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub core: &'a CoreClient,
    pub metadata: &'a CallMetadata,
    pub tenant: &'a str,
    /// Whether the members of a group are wanted in the answer.
    pub view: GroupView,
}

impl Caller<'_> {
    pub(crate) fn tenant(&self) -> String {
        self.tenant.to_owned()
    }

    /// The request id as the core's key of a mutation.
    pub(crate) fn request_id(&self) -> String {
        self.metadata.request_id.to_string()
    }

    /// Makes sure that the credential holds, where nothing else is asked of the core.
    pub(crate) async fn authenticate(&self) -> Result<(), Status> {
        let request = v1::AuthenticateRequest {
            tenant: self.tenant(),
        };
        self.core.authenticate(self.metadata, request).await?;
        Ok(())
    }

    /// Tells the core of a request that was refused before it became a call, so that the tenant's admin finds it in the log. It also tells
    /// whether the credential holds; of a dry run that is all it does.
    pub(crate) async fn report(
        &self,
        operation: &str,
        resource_id: &str,
        error: &ScimError,
    ) -> Result<(), Status> {
        let scim_type = error.scim_type.map_or("", |scim_type| scim_type.as_str());
        let report = v1::ReportRejectedRequestRequest {
            tenant: self.tenant(),
            operation: operation.to_owned(),
            http_status: i32::from(error.status.as_u16()),
            scim_type: scim_type.to_owned(),
            detail: error.detail.clone(),
            resource_id: resource_id.to_owned(),
            validate_only: self.metadata.is_dry_run,
            request_id: self.request_id(),
        };
        self.core
            .report_rejected_request(self.metadata, report)
            .await?;
        Ok(())
    }

    /// The schemas in force for the tenant.
    pub(crate) async fn schemas(&self) -> Result<Vec<v1::Schema>, Status> {
        let request = v1::ListSchemasRequest {
            tenant: self.tenant(),
            ..v1::ListSchemasRequest::default()
        };
        Ok(self
            .core
            .list_schemas(self.metadata, request)
            .await?
            .schemas)
    }
}

/// How much of a group this answer shows.
pub(crate) fn view(query: &Query) -> GroupView {
    if query.projection.shows("members") {
        GroupView::Full
    } else {
        GroupView::Basic
    }
}

/// What a mutation made.
pub(crate) struct Written<R> {
    pub resource: R,
    /// Of a dry run: what would be done.
    pub dry_run: Option<DryRun>,
}

/// What a mutation is about.
pub(crate) struct Target {
    pub id: String,
    /// Which version it must be; empty: any.
    pub etag: String,
}

/// A list to read, in the contract's words.
pub(crate) struct Listing {
    pub filter: String,
    pub order_by: String,
    pub page_size: i32,
    pub page_token: String,
    pub skip: i32,
    pub count_only: bool,
}

impl Listing {
    pub(crate) fn new(query: &Query) -> Self {
        let count = query.paging.count();
        Self {
            filter: query.filter.clone().unwrap_or_default(),
            order_by: query.order_by.clone(),
            page_size: count.unwrap_or_default(),
            page_token: query.paging.cursor().to_owned(),
            skip: query.paging.skip(),
            count_only: count == Some(0),
        }
    }
}

/// A page of a list.
pub(crate) struct Page<R> {
    pub resources: Vec<R>,
    pub total_size: i64,
    pub next_page_token: String,
}

/// The calls behind one collection.
pub(crate) trait Collection: Resource {
    fn create(
        self,
        caller: &Caller<'_>,
    ) -> impl Future<Output = Result<Written<Self>, Status>> + Send;

    fn get(caller: &Caller<'_>, id: &str) -> impl Future<Output = Result<Self, Status>> + Send;

    fn list(
        caller: &Caller<'_>,
        listing: Listing,
    ) -> impl Future<Output = Result<Page<Self>, Status>> + Send;

    fn replace(
        self,
        caller: &Caller<'_>,
        target: Target,
    ) -> impl Future<Output = Result<Written<Self>, Status>> + Send;

    fn patch(
        caller: &Caller<'_>,
        target: Target,
        operations: Vec<Operation>,
    ) -> impl Future<Output = Result<(Written<Self>, Dialect), Status>> + Send;

    fn delete(
        caller: &Caller<'_>,
        target: Target,
    ) -> impl Future<Output = Result<Option<DryRun>, Status>> + Send;

    /// Whether a PATCH that asks for no attributes is answered with the resource: RFC 7644 section 3.5.2 leaves the choice.
    fn is_shown_after_patch(dialect: Dialect) -> bool;
}

/// The request of a list, whichever type it is of.
macro_rules! list_request {
    ($request:ident, $caller:expr, $listing:expr $(, $field:ident: $value:expr)?) => {
        v1::$request {
            tenant: $caller.tenant(),
            filter: $listing.filter,
            order_by: $listing.order_by,
            page_size: $listing.page_size,
            page_token: $listing.page_token,
            skip: $listing.skip,
            count_only: $listing.count_only,
            $($field: $value,)?
        }
    };
}

/// The calls of one type: the messages of the two differ in their names, and in that a group has a view.
macro_rules! calls {
    (
        $one:ident, $many:ident $(, $view:ident)?;
        $create:ident: $create_request:ident;
        $get:ident: $get_request:ident by $key:path;
        $list:ident: $list_request:ident $(with $attributes:ident)?;
        $replace:ident: $replace_request:ident;
        $patch:ident: $patch_request:ident;
        $delete:ident: $delete_request:ident;
    ) => {
        async fn create(self, caller: &Caller<'_>) -> Result<Written<Self>, Status> {
            let request = v1::$create_request {
                tenant: caller.tenant(),
                $one: Some(self),
                request_id: caller.request_id(),
                validate_only: caller.metadata.is_dry_run,
                $($view: caller.view.into(),)?
            };
            let answer = caller.core.$create(caller.metadata, request).await?;
            Ok(Written {
                resource: answer.$one.unwrap_or_default(),
                dry_run: answer.dry_run,
            })
        }

        async fn get(caller: &Caller<'_>, id: &str) -> Result<Self, Status> {
            let request = v1::$get_request {
                tenant: caller.tenant(),
                key: Some($key(id.to_owned())),
                $($view: caller.view.into(),)?
            };
            let answer = caller.core.$get(caller.metadata, request).await?;
            Ok(answer.$one.unwrap_or_default())
        }

        async fn list(caller: &Caller<'_>, listing: Listing) -> Result<Page<Self>, Status> {
            let request = list_request!(
                $list_request,
                caller,
                listing
                $(, $view: caller.view.into())?
                $(, $attributes: Vec::new())?
            );
            let answer = caller.core.$list(caller.metadata, request).await?;
            Ok(Page {
                resources: answer.$many,
                total_size: answer.total_size,
                next_page_token: answer.next_page_token,
            })
        }

        async fn replace(
            self,
            caller: &Caller<'_>,
            target: Target,
        ) -> Result<Written<Self>, Status> {
            let request = v1::$replace_request {
                tenant: caller.tenant(),
                id: target.id,
                $one: Some(self),
                etag: target.etag,
                request_id: caller.request_id(),
                validate_only: caller.metadata.is_dry_run,
                $($view: caller.view.into(),)?
            };
            let answer = caller.core.$replace(caller.metadata, request).await?;
            Ok(Written {
                resource: answer.$one.unwrap_or_default(),
                dry_run: answer.dry_run,
            })
        }

        async fn patch(
            caller: &Caller<'_>,
            target: Target,
            operations: Vec<Operation>,
        ) -> Result<(Written<Self>, Dialect), Status> {
            let request = v1::$patch_request {
                tenant: caller.tenant(),
                id: target.id,
                operations: operations.into_iter().map(Into::into).collect(),
                etag: target.etag,
                request_id: caller.request_id(),
                validate_only: caller.metadata.is_dry_run,
                $($view: caller.view.into(),)?
            };
            let answer = caller.core.$patch(caller.metadata, request).await?;
            let dialect = answer.dialect();
            let written = Written {
                resource: answer.$one.unwrap_or_default(),
                dry_run: answer.dry_run,
            };
            Ok((written, dialect))
        }

        async fn delete(caller: &Caller<'_>, target: Target) -> Result<Option<DryRun>, Status> {
            let request = v1::$delete_request {
                tenant: caller.tenant(),
                id: target.id,
                etag: target.etag,
                request_id: caller.request_id(),
                validate_only: caller.metadata.is_dry_run,
            };
            let answer = caller.core.$delete(caller.metadata, request).await?;
            Ok(answer.dry_run)
        }
    };
}

pub(crate) use {calls, list_request};
