//! Whether the process lives, and whether it can serve: for load balancers, without a credential.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::http::{Facade, response};

/// The process lives.
pub(crate) async fn healthz() -> Response {
    answer(StatusCode::OK, "{\"status\":\"ok\"}")
}

/// The core can be reached and serves.
pub(crate) async fn readyz(State(facade): State<Arc<Facade>>) -> Response {
    match facade.core.check_ready().await {
        Ok(()) => answer(StatusCode::OK, "{\"status\":\"ready\"}"),
        Err(cause) => response::with_cause(
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "{\"status\":\"core not reachable\"}",
            ),
            cause,
        ),
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
