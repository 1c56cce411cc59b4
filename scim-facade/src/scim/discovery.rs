//! The discovery documents (RFC 7644 section 4): what this service says it can do. Schemas come from the core, which enforces
//! them; nothing is claimed that a route does not do.

use provisioning_proto::v1;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    config::{
        BODY_SIZE_MAX, BULK_OPERATIONS_MAX, CURSOR_TIMEOUT_S, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX,
    },
    scim::{endpoint::Endpoint, resource_type::ResourceType},
};

/// RFC 7643 section 5, with the `pagination` of RFC 9865 section 4.
pub(crate) fn service_provider_config(endpoint: &Endpoint) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": BULK_OPERATIONS_MAX, "maxPayloadSize": BODY_SIZE_MAX},
        "filter": {"supported": true, "maxResults": PAGE_SIZE_MAX},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": PAGE_SIZE_DEFAULT,
            "maxPageSize": PAGE_SIZE_MAX,
            "cursorTimeout": CURSOR_TIMEOUT_S,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "SCIM token",
            "description": "The SCIM token from User Provisioning in the DragOnce Admin Panel, as a bearer token",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": endpoint.of("ServiceProviderConfig")},
    })
}

/// RFC 7643 section 6, from the schemas that are in force for the tenant; `None` when it has none of that type.
pub(crate) fn resource_type(
    resource_type: ResourceType,
    schemas: &[v1::Schema],
    endpoint: &Endpoint,
) -> Option<Value> {
    let name = resource_type.name();
    let of_type = |schema: &&v1::Schema| schema.resource_type == name;
    let (extensions, own): (Vec<_>, Vec<_>) = schemas
        .iter()
        .filter(of_type)
        .partition(|schema| schema.extension);
    let own = own.first()?;
    let extensions: Vec<Value> = extensions
        .iter()
        .map(|schema| json!({"schema": schema.id, "required": false}))
        .collect();
    Some(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": format!("/{}", resource_type.collection()),
        "description": own.description,
        "schema": own.id,
        "schemaExtensions": extensions,
        "meta": {"resourceType": "ResourceType", "location": endpoint.of(&format!("ResourceTypes/{name}"))},
    }))
}

/// A schema, RFC 7643 section 7. What is empty is left out; nothing is null.
#[derive(Serialize)]
pub(crate) struct Schema<'a> {
    schemas: [&'static str; 1],
    id: &'a str,
    name: &'a str,
    description: &'a str,
    attributes: Vec<Attribute<'a>>,
    meta: Meta,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_type: &'static str,
    location: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attribute<'a> {
    name: &'a str,
    r#type: &'a str,
    multi_valued: bool,
    description: &'a str,
    required: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    canonical_values: &'a [String],
    case_exact: bool,
    mutability: &'a str,
    returned: &'a str,
    uniqueness: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reference_types: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sub_attributes: Vec<Attribute<'a>>,
}

impl<'a> Schema<'a> {
    pub(crate) fn new(schema: &'a v1::Schema, endpoint: &Endpoint) -> Self {
        Self {
            schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            id: &schema.id,
            name: &schema.name,
            description: &schema.description,
            attributes: schema.attributes.iter().map(Attribute::new).collect(),
            meta: Meta {
                resource_type: "Schema",
                location: endpoint.of(&format!("Schemas/{}", schema.id)),
            },
        }
    }
}

impl<'a> Attribute<'a> {
    fn new(attribute: &'a v1::Attribute) -> Self {
        Self {
            name: &attribute.name,
            r#type: &attribute.r#type,
            multi_valued: attribute.multi_valued,
            description: &attribute.description,
            required: attribute.required,
            canonical_values: &attribute.canonical_values,
            case_exact: attribute.case_exact,
            mutability: &attribute.mutability,
            returned: &attribute.returned,
            uniqueness: &attribute.uniqueness,
            reference_types: &attribute.reference_types,
            sub_attributes: attribute.sub_attributes.iter().map(Self::new).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{CORE_GROUP, CORE_USER, ENTERPRISE_USER};

    fn endpoint() -> Endpoint {
        Endpoint::new("https://p.example", "acme")
    }

    fn attribute(name: &str, sub_attributes: Vec<v1::Attribute>) -> v1::Attribute {
        v1::Attribute {
            name: name.to_owned(),
            r#type: if sub_attributes.is_empty() {
                "string"
            } else {
                "complex"
            }
            .to_owned(),
            description: "d".to_owned(),
            mutability: "readWrite".to_owned(),
            returned: "default".to_owned(),
            uniqueness: "none".to_owned(),
            sub_attributes,
            ..v1::Attribute::default()
        }
    }

    #[test]
    fn the_documents() {
        let mut kind = attribute("type", Vec::new());
        kind.canonical_values = vec!["work".to_owned(), "home".to_owned()];
        let mut reference = attribute("$ref", Vec::new());
        reference.reference_types = vec!["User".to_owned()];
        let core = v1::Schema {
            id: CORE_USER.to_owned(),
            name: "User".to_owned(),
            description: "User Account".to_owned(),
            attributes: vec![
                attribute("userName", Vec::new()),
                attribute("emails", vec![kind, reference]),
            ],
            resource_type: "User".to_owned(),
            extension: false,
        };
        let extension = |id: &str, resource_type: &str| v1::Schema {
            id: id.to_owned(),
            resource_type: resource_type.to_owned(),
            extension: true,
            ..v1::Schema::default()
        };
        let group = v1::Schema {
            id: CORE_GROUP.to_owned(),
            description: "Group".to_owned(),
            resource_type: "Group".to_owned(),
            ..v1::Schema::default()
        };
        let schemas = [
            core,
            extension(ENTERPRISE_USER, "User"),
            group,
            extension("urn:x:Group", "Group"),
        ];
        insta::assert_json_snapshot!(
            "service_provider_config",
            service_provider_config(&endpoint())
        );
        let types = ResourceType::ALL.map(|of| resource_type(of, &schemas, &endpoint()));
        insta::assert_json_snapshot!("resource_types", types);
        assert_eq!(
            resource_type(ResourceType::Group, &schemas[..2], &endpoint()),
            None
        );
        insta::assert_json_snapshot!("schema", Schema::new(&schemas[0], &endpoint()));
    }
}
