//! Whether the process lives, and whether it can serve: for load balancers, without a credential.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::http::Facade;

/// The process lives.
pub(crate) async fn healthz() -> Response {
    answer(StatusCode::OK, "{\"status\":\"ok\"}")
}

/// The core can be reached and serves.
pub(crate) async fn readyz(State(facade): State<Arc<Facade>>) -> Response {
    if facade.core.is_ready().await {
        answer(StatusCode::OK, "{\"status\":\"ready\"}")
    } else {
        answer(
            StatusCode::SERVICE_UNAVAILABLE,
            "{\"status\":\"core not reachable\"}",
        )
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
