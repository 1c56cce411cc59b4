//! The routes: which path and method is which operation.

mod body;
mod bulk;
mod collection;
mod discovery;
mod dry_run;
mod exchange;
mod groups;
mod health;
mod listing;
mod observe;
mod operations;
mod preconditions;
mod prefer;
mod query;
mod resources;
mod response;
mod unsupported;
mod users;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{any, get, post},
};

use provisioning_proto::v1::{Account, Group};

use self::collection::Collection;
use crate::{channel::CoreChannel, config::FacadeConfig, core_client::CoreClient};

/// What every request needs.
pub(crate) struct Facade {
    pub core: CoreClient,
    pub config: FacadeConfig,
    pub bodies: body::Room,
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
        bodies: body::Room::new(),
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
    let mut routes = Router::new()
        .merge(collection::<Account>())
        .merge(collection::<Group>())
        .route(&path("/ResourceTypes/{id}"), get(discovery::resource_type))
        .route(&path("/Schemas/{id}"), get(discovery::schema))
        .route(&path("/.search"), post(listing::search_all));
    for slash in ["", "/"] {
        let path = |collection: &str| path(&format!("{collection}{slash}"));
        routes = routes
            .route(&path(""), get(listing::list_all))
            .route(
                &path("/ServiceProviderConfig"),
                get(discovery::service_provider_config),
            )
            .route(&path("/ResourceTypes"), get(discovery::resource_types))
            .route(&path("/Schemas"), get(discovery::schemas))
            .route(&path("/Me"), any(unsupported::me))
            .route(&path("/Bulk"), post(bulk::bulk));
    }
    routes
}

/// The routes of one type of resource.
fn collection<R: Collection>() -> Router<Arc<Facade>> {
    let name = R::TYPE.collection();
    let all = get(listing::list::<R>).post(resources::create::<R>);
    let one = get(resources::get::<R>)
        .put(resources::replace::<R>)
        .patch(resources::patch::<R>)
        .delete(resources::delete::<R>);
    Router::new()
        .route(&path(&format!("/{name}")), all.clone())
        .route(&path(&format!("/{name}/")), all)
        .route(&path(&format!("/{name}/{{id}}")), one)
        .route(
            &path(&format!("/{name}/.search")),
            post(listing::search::<R>),
        )
}

fn path(below: &str) -> String {
    format!("/scim/{{identifier}}/v2{below}")
}
