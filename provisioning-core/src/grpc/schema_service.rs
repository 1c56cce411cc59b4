//! `SchemaService`: the definitions that the core enforces, for discovery.

use provisioning_proto::v1::{
    Attribute as AttributeMessage, ListSchemasRequest, ListSchemasResponse,
    Schema as SchemaMessage, schema_service_server::SchemaService,
};
use tonic::{Request, Response, Status};

use super::{call, status};
use crate::{
    Core,
    attributes::schema::{Attribute, ResourceSchema, Schema},
    error::{Reason, Refusal},
    schemas::{AttributeDefinition, Definition},
};

/// The service.
pub struct Service {
    core: Core,
}

impl Service {
    /// Serves the schemas of `core`.
    pub const fn new(core: Core) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl SchemaService for Service {
    /// All schemas fit on one page, so there is never a token to come back with.
    async fn list_schemas(
        &self,
        request: Request<ListSchemasRequest>,
    ) -> Result<Response<ListSchemasResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        if !request.get_ref().page_token.is_empty() {
            return Err(status(
                Refusal::new(
                    Reason::InvalidPageToken,
                    "All schemas are on the first page. Leave page_token empty.",
                )
                .field("page_token")
                .into(),
            ));
        }
        let schemas = self.core.list_schemas(&call).await.map_err(status)?;
        Ok(Response::new(ListSchemasResponse {
            schemas: of_resource(&schemas.user)
                .chain(of_resource(&schemas.group))
                .collect(),
            next_page_token: String::new(),
        }))
    }
}

fn of_resource(schema: &ResourceSchema) -> impl Iterator<Item = SchemaMessage> {
    let extensions = schema
        .extensions
        .iter()
        .map(|extension| to_proto(extension, &schema.resource_type, true));
    std::iter::once(to_proto(&schema.core, &schema.resource_type, false)).chain(extensions)
}

/// The message of a schema.
pub fn to_proto(schema: &Schema, resource_type: &str, extension: bool) -> SchemaMessage {
    SchemaMessage {
        id: schema.id.clone(),
        name: schema.name.clone(),
        description: schema.description.clone(),
        attributes: schema.attributes.iter().map(attribute_to_proto).collect(),
        resource_type: resource_type.to_owned(),
        extension,
    }
}

fn attribute_to_proto(attribute: &Attribute) -> AttributeMessage {
    AttributeMessage {
        name: attribute.name.clone(),
        r#type: attribute.kind.as_str().to_owned(),
        multi_valued: attribute.multi_valued,
        description: attribute.description.clone(),
        required: attribute.required,
        case_exact: attribute.case_exact,
        mutability: attribute.mutability.as_str().to_owned(),
        returned: attribute.returned.as_str().to_owned(),
        uniqueness: attribute.uniqueness.as_str().to_owned(),
        canonical_values: attribute.canonical_values.clone(),
        reference_types: attribute.reference_types.clone(),
        sub_attributes: attribute
            .sub_attributes
            .iter()
            .map(attribute_to_proto)
            .collect(),
    }
}

/// The definition of a message, as an admin wrote it.
pub fn from_proto(message: SchemaMessage) -> Definition {
    Definition {
        id: message.id,
        name: message.name,
        description: message.description,
        resource_type: message.resource_type,
        attributes: message
            .attributes
            .into_iter()
            .map(attribute_from_proto)
            .collect(),
    }
}

fn attribute_from_proto(message: AttributeMessage) -> AttributeDefinition {
    AttributeDefinition {
        name: message.name,
        kind: message.r#type,
        multi_valued: message.multi_valued,
        description: message.description,
        required: message.required,
        case_exact: message.case_exact,
        mutability: message.mutability,
        returned: message.returned,
        uniqueness: message.uniqueness,
        canonical_values: message.canonical_values,
        reference_types: message.reference_types,
        sub_attributes: message
            .sub_attributes
            .into_iter()
            .map(attribute_from_proto)
            .collect(),
    }
}
