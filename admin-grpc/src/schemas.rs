//! `ExtensionSchemaService`.

use prost::Message as _;
use provisioning_core::{
    Core,
    grpc::{
        call, idempotent, once,
        schema_service::{from_proto, to_proto},
        status,
    },
    schemas,
};
use provisioning_proto::{
    admin::v1::{
        CreateExtensionSchemaRequest, CreateExtensionSchemaResponse, DeleteExtensionSchemaRequest,
        DeleteExtensionSchemaResponse, ExtensionSchema, GetExtensionSchemaRequest,
        GetExtensionSchemaResponse, ListExtensionSchemasRequest, ListExtensionSchemasResponse,
        UpdateExtensionSchemaRequest, UpdateExtensionSchemaResponse,
        extension_schema_service_server::ExtensionSchemaService,
    },
    v1::Schema,
};
use tonic::{Request, Response, Status};

use crate::wire;

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the extension schemas of `core`'s tenants.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl ExtensionSchemaService for Service {
    async fn create_extension_schema(
        &self,
        request: Request<CreateExtensionSchemaRequest>,
    ) -> Result<Response<CreateExtensionSchemaResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |schema: &schemas::ExtensionSchema| created(schema).encode_to_vec();
        let once = once(
            &call,
            "ExtensionSchemaService/CreateExtensionSchema",
            &request.request_id,
            &request,
            &encode,
        )?;
        let definition = from_proto(definition(request.extension_schema)?.1);
        let answer = self
            .core
            .create_extension_schema(&call, &definition, request.validate_only, once)
            .await;
        idempotent(answer, |schema| Ok(created(&schema)))
    }

    async fn get_extension_schema(
        &self,
        request: Request<GetExtensionSchemaRequest>,
    ) -> Result<Response<GetExtensionSchemaResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let found = self
            .core
            .get_extension_schema(&call, &request.get_ref().urn)
            .await
            .map_err(status)?;
        Ok(Response::new(GetExtensionSchemaResponse {
            extension_schema: Some(message(&found)),
        }))
    }

    /// All of a tenant's schemas fit on one page, so there is never a token to come back with.
    async fn list_extension_schemas(
        &self,
        request: Request<ListExtensionSchemasRequest>,
    ) -> Result<Response<ListExtensionSchemasResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        wire::page_size(request.page_size)?;
        wire::only_page(&request.page_token)?;
        let found = self
            .core
            .list_extension_schemas(&call)
            .await
            .map_err(status)?;
        Ok(Response::new(ListExtensionSchemasResponse {
            extension_schemas: found.iter().map(message).collect(),
            next_page_token: String::new(),
        }))
    }

    async fn update_extension_schema(
        &self,
        request: Request<UpdateExtensionSchemaRequest>,
    ) -> Result<Response<UpdateExtensionSchemaResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode = |schema: &schemas::ExtensionSchema| updated(schema).encode_to_vec();
        let once = once(
            &call,
            "ExtensionSchemaService/UpdateExtensionSchema",
            &request.request_id,
            &request,
            &encode,
        )?;
        let (etag, schema) = definition(request.extension_schema)?;
        let precondition = wire::precondition(&etag, request.validate_only);
        let answer = self
            .core
            .update_extension_schema(&call, &from_proto(schema), &precondition, once)
            .await;
        idempotent(answer, |schema| Ok(updated(&schema)))
    }

    async fn delete_extension_schema(
        &self,
        request: Request<DeleteExtensionSchemaRequest>,
    ) -> Result<Response<DeleteExtensionSchemaResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let request = request.into_inner();
        let encode =
            |_: &schemas::ExtensionSchema| DeleteExtensionSchemaResponse {}.encode_to_vec();
        let once = once(
            &call,
            "ExtensionSchemaService/DeleteExtensionSchema",
            &request.request_id,
            &request,
            &encode,
        )?;
        let precondition = wire::precondition(&request.etag, request.validate_only);
        let answer = self
            .core
            .delete_extension_schema(&call, &request.urn, &precondition, once)
            .await;
        idempotent(answer, |_| Ok(DeleteExtensionSchemaResponse {}))
    }
}

/// The etag and the definition of a message.
fn definition(message: Option<ExtensionSchema>) -> Result<(String, Schema), Status> {
    let message = message.unwrap_or_default();
    let schema = message.schema.ok_or_else(|| {
        wire::invalid(
            "extension_schema.schema",
            "Say what to define: the schema with its id, resource_type and attributes.",
        )
    })?;
    Ok((message.etag, schema))
}

fn message(own: &schemas::ExtensionSchema) -> ExtensionSchema {
    ExtensionSchema {
        schema: Some(to_proto(&own.schema, own.extends.as_str(), true)),
        etag: own.etag(),
    }
}

fn created(own: &schemas::ExtensionSchema) -> CreateExtensionSchemaResponse {
    CreateExtensionSchemaResponse {
        extension_schema: Some(message(own)),
    }
}

fn updated(own: &schemas::ExtensionSchema) -> UpdateExtensionSchemaResponse {
    UpdateExtensionSchemaResponse {
        extension_schema: Some(message(own)),
    }
}
