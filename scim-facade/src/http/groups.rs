//! Groups are not provisioned yet. The list is there and empty: Entra probes it, and takes a 404 for a server that is no SCIM server
//! (entra-docs, application-provisioning-quarantine-status).

use axum::{http::StatusCode, response::Response};
use provisioning_proto::v1::AuthenticateRequest;

use crate::{
    http::{
        exchange::{Exchange, Failure},
        response,
    },
    scim::resource,
};

/// `GET /Groups`.
pub(crate) async fn list(exchange: Exchange) -> Response {
    let result = try_list(&exchange).await;
    exchange.answer(result).await
}

async fn try_list(exchange: &Exchange) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let authenticate = AuthenticateRequest {
        tenant: exchange.tenant.clone(),
    };
    exchange
        .facade
        .core
        .authenticate(&exchange.metadata, authenticate)
        .await?;
    let no_groups: Vec<()> = Vec::new();
    Ok(response::json(
        StatusCode::OK,
        resource::list(no_groups, 0, query.start_index),
    ))
}
