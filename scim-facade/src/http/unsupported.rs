//! What the service does not do, said honestly, and only to whoever has a valid credential.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::StatusCode,
    response::Response,
};

use crate::{
    http::{
        Facade,
        exchange::{Exchange, tenant},
        observe::RequestId,
        response,
    },
    scim::error::ScimError,
};

/// `/Me` (RFC 7644 section 3.11), whatever the method: no person is behind a SCIM token.
pub(crate) async fn me(exchange: Exchange) -> Response {
    let error = ScimError::not_found(
        "A SCIM token stands for the directory that provisions, and not for a person, so that there is no /Me. Name the user: /Users/<id>.",
    );
    exchange.answer(Err(error.into())).await
}

/// A path that is there, with a method that is not; axum adds `Allow`.
pub(crate) async fn method_not_allowed(facade: State<Arc<Facade>>, request: Request) -> Response {
    let error = ScimError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        None,
        "This method is not allowed here; see the Allow header.",
    );
    refuse(facade, request, error).await
}

/// A path that is not there.
pub(crate) async fn unknown_route(facade: State<Arc<Facade>>, request: Request) -> Response {
    let error = ScimError::not_found(
        "There is no such SCIM endpoint. The Tenant URL in Microsoft Entra must be the SCIM endpoint from User Provisioning in the DragOnce \
         Admin Panel: https://<host>/scim/<Subscriber Identifier>/v2",
    );
    refuse(facade, request, error).await
}

/// Outside of a tenant there is nothing to authenticate against, and nothing to protect.
async fn refuse(State(facade): State<Arc<Facade>>, request: Request, error: ScimError) -> Response {
    let (mut parts, _body) = request.into_parts();
    if tenant(parts.uri.path()).is_empty() {
        let RequestId(request_id) = *parts
            .extensions
            .get()
            .expect("every request has passed the observer");
        return response::error(&error, request_id);
    }
    match Exchange::from_request_parts(&mut parts, &facade).await {
        Ok(exchange) => exchange.answer(Err(error.into())).await,
        Err(response) => response,
    }
}
