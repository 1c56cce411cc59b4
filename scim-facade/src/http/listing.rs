//! Queries (RFC 7644 section 3.4): lists by GET and by POST to `/.search`, of one type and of all.

use axum::{body::Body, http::StatusCode, response::Response};
use provisioning_proto::v1;
use tonic::Status;

use crate::{
    http::{
        collection::{Caller, Collection, Listing, Page, list_request, view},
        exchange::{Exchange, Failure},
        response,
    },
    scim::{
        list::{self, Place},
        query::{Paging, Query},
        resource::{Resource, Shown, ShownAny, Shows},
        search_request,
    },
};

/// `GET` of a collection.
pub(crate) async fn list<R: Collection>(exchange: Exchange) -> Response {
    let result = match exchange.query() {
        Ok(query) => of_type::<R>(&exchange, &query).await,
        Err(error) => Err(error.into()),
    };
    exchange.answer(result).await
}

/// `POST` to the `/.search` of a collection.
pub(crate) async fn search<R: Collection>(exchange: Exchange, body: Body) -> Response {
    let result = match read(&exchange, body).await {
        Ok(query) => of_type::<R>(&exchange, &query).await,
        Err(failure) => Err(failure),
    };
    exchange.answer(result).await
}

/// `GET` of the endpoint itself.
pub(crate) async fn list_all(exchange: Exchange) -> Response {
    let result = match exchange.query() {
        Ok(query) => of_all(&exchange, &query).await,
        Err(error) => Err(error.into()),
    };
    exchange.answer(result).await
}

/// `POST /.search`.
pub(crate) async fn search_all(exchange: Exchange, body: Body) -> Response {
    let result = match read(&exchange, body).await {
        Ok(query) => of_all(&exchange, &query).await,
        Err(failure) => Err(failure),
    };
    exchange.answer(result).await
}

async fn read(exchange: &Exchange, body: Body) -> Result<Query, Failure> {
    let body = exchange.read(body).await?;
    Ok(search_request::parse(body.json)?)
}

async fn of_type<R: Collection>(exchange: &Exchange, query: &Query) -> Result<Response, Failure> {
    let mut page = R::list(&exchange.caller(view(query)), Listing::new(query)).await?;
    let endpoint = exchange.endpoint();
    let mut has_more_groups = false;
    for resource in &mut page.resources {
        resource.refer(&endpoint);
        has_more_groups |= resource.has_more_groups();
    }
    let shown = page.resources.iter().map(|r| Shown::new(r, &endpoint));
    let found = Found {
        total_size: page.total_size,
        next_page_token: page.next_page_token,
        has_more_groups,
    };
    Ok(answer(query, shown, found))
}

async fn of_all(exchange: &Exchange, query: &Query) -> Result<Response, Failure> {
    let mut page = list_resources(&exchange.caller(view(query)), Listing::new(query)).await?;
    let endpoint = exchange.endpoint();
    let mut has_more_groups = false;
    for resource in &mut page.resources {
        match &mut resource.resource {
            Some(v1::resource::Resource::Account(account)) => {
                account.refer(&endpoint);
                has_more_groups |= account.has_more_groups();
            }
            Some(v1::resource::Resource::Group(group)) => group.refer(&endpoint),
            None => {}
        }
    }
    let resources = page.resources.iter();
    let shown = resources.filter_map(|resource| ShownAny::new(resource, &endpoint));
    let found = Found {
        total_size: page.total_size,
        next_page_token: page.next_page_token,
        has_more_groups,
    };
    Ok(answer(query, shown, found))
}

async fn list_resources(
    caller: &Caller<'_>,
    listing: Listing,
) -> Result<Page<v1::Resource>, Status> {
    let view = caller.view.into();
    let request = list_request!(ListResourcesRequest, caller, listing, view: view);
    let answer = caller.core.list_resources(caller.metadata, request).await?;
    Ok(Page {
        resources: answer.resources,
        total_size: answer.total_size,
        next_page_token: answer.next_page_token,
    })
}

/// What is known of a page beside its resources.
struct Found {
    total_size: i64,
    next_page_token: String,
    /// Than a user among them shows.
    has_more_groups: bool,
}

fn answer(query: &Query, resources: impl Iterator<Item = impl Shows>, found: Found) -> Response {
    let place = match query.paging {
        Paging::Index { start_index, .. } => Place::Index(start_index),
        Paging::Cursor { .. } => {
            let next = found.next_page_token;
            Place::Cursor((!next.is_empty()).then_some(next))
        }
    };
    let body = list::several(resources, &query.projection, found.total_size, &place);
    let response = response::json(StatusCode::OK, body);
    if found.has_more_groups && query.projection.shows("groups") {
        return response::with_more_groups(response);
    }
    response
}
