//! The routes: which path and method is which operation.

mod body;
mod discovery;
mod exchange;
mod groups;
mod health;
mod observe;
mod preconditions;
mod query;
mod response;
mod unsupported;
mod users;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{any, get, post},
};

use crate::{channel::CoreChannel, config::FacadeConfig, core_client::CoreClient};

/// What every request needs.
pub(crate) struct Facade {
    pub core: CoreClient,
    pub config: FacadeConfig,
    pub metrics: observe::Metrics,
}

/// The facade as an axum router: `/scim/{identifier}/v2/…`, `/healthz` and `/readyz`.
///
/// The server should put `ConnectInfo<SocketAddr>` into each request, so that the core learns the client's address. Metrics go to
/// the OpenTelemetry meter provider that is global when this is called.
pub fn router(channel: CoreChannel, config: FacadeConfig) -> Router {
    let core = CoreClient::new(channel, &config);
    let facade = Arc::new(Facade {
        core,
        config,
        metrics: observe::Metrics::new(),
    });
    scim_routes()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(unsupported::unknown_route)
        .method_not_allowed_fallback(unsupported::method_not_allowed)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&facade),
            observe::observe,
        ))
        .with_state(facade)
}

/// The routes of one tenant. A slash behind the collection is tolerated: `/Users/?filter=…` is sent
/// (AzureAD/SCIMReferenceCode, Postman collection, request 12).
fn scim_routes() -> Router<Arc<Facade>> {
    let path = |path: &str| format!("/scim/{{identifier}}/v2{path}");
    let mut routes = Router::new()
        .route(
            &path("/Users/{id}"),
            get(users::get)
                .put(users::replace)
                .patch(users::patch)
                .delete(users::delete),
        )
        .route(&path("/Groups/{id}"), any(unsupported::not_implemented))
        .route(&path("/ResourceTypes/{id}"), get(discovery::resource_type))
        .route(&path("/Schemas/{id}"), get(discovery::schema));
    for slash in ["", "/"] {
        let path = |collection: &str| path(&format!("{collection}{slash}"));
        routes = routes
            .route(&path("/Users"), get(users::list).post(users::create))
            .route(
                &path("/Groups"),
                get(groups::list).post(unsupported::not_implemented),
            )
            .route(
                &path("/ServiceProviderConfig"),
                get(discovery::service_provider_config),
            )
            .route(&path("/ResourceTypes"), get(discovery::resource_types))
            .route(&path("/Schemas"), get(discovery::schemas))
            .route(&path("/Me"), any(unsupported::not_implemented))
            .route(&path("/Bulk"), post(unsupported::not_implemented));
    }
    for search in ["/.search", "/Users/.search", "/Groups/.search"] {
        routes = routes.route(&path(search), post(unsupported::not_implemented));
    }
    routes
}
