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
        self.core.authenticate(&call).await.map_err(status)?;
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
        let user = ResourceSchema::user();
        let core = message(&user.core, "User", false);
        let extensions = user
            .extensions
            .iter()
            .map(|schema| message(schema, "User", true));
        Ok(Response::new(ListSchemasResponse {
            schemas: std::iter::once(core).chain(extensions).collect(),
            next_page_token: String::new(),
        }))
    }
}

fn message(schema: &Schema, resource_type: &str, extension: bool) -> SchemaMessage {
    SchemaMessage {
        id: schema.id.clone(),
        name: schema.name.clone(),
        description: schema.description.clone(),
        attributes: schema.attributes.iter().map(attribute).collect(),
        resource_type: resource_type.to_owned(),
        extension,
    }
}

fn attribute(attribute: &Attribute) -> AttributeMessage {
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
            .map(self::attribute)
            .collect(),
    }
}
