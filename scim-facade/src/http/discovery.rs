//! `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 section 4).

use axum::{http::StatusCode, response::Response};
use provisioning_proto::v1::{GroupView, Schema};

use crate::{
    http::{
        exchange::{Exchange, Failure},
        response,
    },
    scim::{discovery, error::ScimError, list, resource_type::ResourceType},
};

/// `GET /ServiceProviderConfig`.
pub(crate) async fn service_provider_config(exchange: Exchange) -> Response {
    let result = try_service_provider_config(&exchange).await;
    exchange.answer(result).await
}

async fn try_service_provider_config(exchange: &Exchange) -> Result<Response, Failure> {
    check_no_filter(exchange)?;
    exchange.caller(GroupView::Basic).authenticate().await?;
    Ok(ok(list::to_bytes(&discovery::service_provider_config(
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
    let endpoint = exchange.endpoint();
    let types = ResourceType::ALL.into_iter();
    let types = types.filter_map(|of| discovery::resource_type(of, &schemas, &endpoint));
    Ok(ok(list::whole(types.collect())))
}

/// `GET /ResourceTypes/{id}`.
pub(crate) async fn resource_type(exchange: Exchange) -> Response {
    let result = try_resource_type(&exchange).await;
    exchange.answer(result).await
}

async fn try_resource_type(exchange: &Exchange) -> Result<Response, Failure> {
    let schemas = list_schemas(exchange).await?;
    let named = ResourceType::parse(&exchange.origin.id);
    named
        .and_then(|of| discovery::resource_type(of, &schemas, &exchange.endpoint()))
        .map(|resource_type| ok(list::to_bytes(&resource_type)))
        .ok_or_else(|| {
            ScimError::not_found("There is no such resource type; see /ResourceTypes.").into()
        })
}

/// `GET /Schemas`.
pub(crate) async fn schemas(exchange: Exchange) -> Response {
    let result = try_schemas(&exchange).await;
    exchange.answer(result).await
}

async fn try_schemas(exchange: &Exchange) -> Result<Response, Failure> {
    let schemas = list_schemas(exchange).await?;
    let endpoint = exchange.endpoint();
    let shown = schemas
        .iter()
        .map(|schema| discovery::Schema::new(schema, &endpoint));
    Ok(ok(list::whole(shown.collect())))
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
        .find(|schema| schema.id.eq_ignore_ascii_case(&exchange.origin.id))
    else {
        return Err(ScimError::not_found("There is no such schema; see /Schemas.").into());
    };
    Ok(ok(list::to_bytes(&discovery::Schema::new(
        schema,
        &exchange.endpoint(),
    ))))
}

async fn list_schemas(exchange: &Exchange) -> Result<Vec<Schema>, Failure> {
    check_no_filter(exchange)?;
    Ok(exchange.caller(GroupView::Basic).schemas().await?)
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
