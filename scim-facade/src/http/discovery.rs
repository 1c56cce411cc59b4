//! `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 section 4).

use axum::{http::StatusCode, response::Response};
use provisioning_proto::v1::{AuthenticateRequest, ListSchemasRequest, Schema};

use crate::{
    http::{
        exchange::{Exchange, Failure},
        response,
    },
    scim::{discovery, error::ScimError, resource},
};

/// `GET /ServiceProviderConfig`.
pub(crate) async fn service_provider_config(exchange: Exchange) -> Response {
    let result = try_service_provider_config(&exchange).await;
    exchange.answer(result).await
}

async fn try_service_provider_config(exchange: &Exchange) -> Result<Response, Failure> {
    check_no_filter(exchange)?;
    let authenticate = AuthenticateRequest {
        tenant: exchange.tenant.clone(),
    };
    exchange
        .facade
        .core
        .authenticate(&exchange.metadata, authenticate)
        .await?;
    Ok(ok(resource::to_bytes(&discovery::service_provider_config(
        &exchange.endpoint(),
    ))))
}

/// `GET /ResourceTypes`.
pub(crate) async fn resource_types(exchange: Exchange) -> Response {
    let result = try_resource_types(&exchange).await;
    exchange.answer(result).await
}

async fn try_resource_types(exchange: &Exchange) -> Result<Response, Failure> {
    let schemas = list_schemas(exchange).await?;
    let resource_type = discovery::user_resource_type(&schemas, &exchange.endpoint());
    Ok(ok(resource::list(vec![resource_type], 1, 1)))
}

/// `GET /ResourceTypes/{id}`.
pub(crate) async fn resource_type(exchange: Exchange) -> Response {
    let result = try_resource_type(&exchange).await;
    exchange.answer(result).await
}

async fn try_resource_type(exchange: &Exchange) -> Result<Response, Failure> {
    let schemas = list_schemas(exchange).await?;
    if !exchange.id.eq_ignore_ascii_case(discovery::USER) {
        return Err(
            ScimError::not_found("There is no such resource type; see /ResourceTypes.").into(),
        );
    }
    Ok(ok(resource::to_bytes(&discovery::user_resource_type(
        &schemas,
        &exchange.endpoint(),
    ))))
}

/// `GET /Schemas`.
pub(crate) async fn schemas(exchange: Exchange) -> Response {
    let result = try_schemas(&exchange).await;
    exchange.answer(result).await
}

async fn try_schemas(exchange: &Exchange) -> Result<Response, Failure> {
    let schemas = list_schemas(exchange).await?;
    let endpoint = exchange.endpoint();
    let shown: Vec<_> = schemas
        .iter()
        .map(|schema| discovery::Schema::new(schema, &endpoint))
        .collect();
    let total = i64::try_from(shown.len()).expect("there are at most 100 schemas");
    Ok(ok(resource::list(shown, total, 1)))
}

/// `GET /Schemas/{id}`.
pub(crate) async fn schema(exchange: Exchange) -> Response {
    let result = try_schema(&exchange).await;
    exchange.answer(result).await
}

async fn try_schema(exchange: &Exchange) -> Result<Response, Failure> {
    let schemas = list_schemas(exchange).await?;
    let Some(schema) = schemas
        .iter()
        .find(|schema| schema.id.eq_ignore_ascii_case(&exchange.id))
    else {
        return Err(ScimError::not_found("There is no such schema; see /Schemas.").into());
    };
    Ok(ok(resource::to_bytes(&discovery::Schema::new(
        schema,
        &exchange.endpoint(),
    ))))
}

/// The schemas of the resource types that are served.
async fn list_schemas(exchange: &Exchange) -> Result<Vec<Schema>, Failure> {
    check_no_filter(exchange)?;
    let request = ListSchemasRequest {
        tenant: exchange.tenant.clone(),
        ..ListSchemasRequest::default()
    };
    let mut schemas = exchange
        .facade
        .core
        .list_schemas(&exchange.metadata, request)
        .await?
        .schemas;
    schemas.retain(|schema| schema.resource_type == discovery::USER);
    Ok(schemas)
}

/// RFC 7644 section 4: 403, so that no client believes its filter was applied.
fn check_no_filter(exchange: &Exchange) -> Result<(), ScimError> {
    match exchange.query()?.filter {
        Some(_) => Err(ScimError::new(
            StatusCode::FORBIDDEN,
            None,
            "Discovery endpoints take no filter.",
        )),
        None => Ok(()),
    }
}

fn ok(body: Vec<u8>) -> Response {
    response::json(StatusCode::OK, body)
}
