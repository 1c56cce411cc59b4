//! The routes of `/Users` and `/Groups`: each reads the request, does its operation, and writes the answer.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use provisioning_proto::v1::GroupView;

use crate::{
    http::{
        collection::{Collection, Written, view},
        dry_run::Answer,
        exchange::{Exchange, Failure},
        operations,
        preconditions::Preconditions,
        response,
    },
    scim::{
        list,
        projection::Projection,
        resource::{Resource, Shown},
    },
};

/// `POST`.
pub(crate) async fn create<R: Collection>(exchange: Exchange, body: Body) -> Response {
    let result = try_create::<R>(&exchange, body).await;
    exchange.answer_mutation(result).await
}

async fn try_create<R: Collection>(exchange: &Exchange, body: Body) -> Result<Answer, Failure> {
    let mut query = exchange.query()?;
    let body = exchange.read(body).await?;
    query.projection.ask_for_written(&body.json);
    let Written { resource, dry_run } =
        operations::create::<R>(&exchange.caller(view(&query)), body.json).await?;
    let location = exchange.endpoint().resource(R::TYPE, resource.head().id);
    let mut response = shown(StatusCode::CREATED, exchange, resource, &query.projection);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(Answer { response, dry_run })
}

/// `GET` of one.
pub(crate) async fn get<R: Collection>(exchange: Exchange) -> Response {
    let result = try_get::<R>(&exchange).await;
    exchange.answer(result).await
}

async fn try_get<R: Collection>(exchange: &Exchange) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    let resource = R::get(&exchange.caller(view(&query)), &exchange.origin.id).await?;
    let etag = resource.head().etag;
    if preconditions.is_known(etag)? {
        return Ok(response::with_etag(
            response::empty(StatusCode::NOT_MODIFIED),
            etag,
        ));
    }
    Ok(shown(StatusCode::OK, exchange, resource, &query.projection))
}

/// `PUT`.
pub(crate) async fn replace<R: Collection>(exchange: Exchange, body: Body) -> Response {
    let result = try_replace::<R>(&exchange, body).await;
    exchange.answer_mutation(result).await
}

async fn try_replace<R: Collection>(exchange: &Exchange, body: Body) -> Result<Answer, Failure> {
    let mut query = exchange.query()?;
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    let body = exchange.read(body).await?;
    query.projection.ask_for_written(&body.json);
    let Written { resource, dry_run } = operations::replace::<R>(
        &exchange.caller(view(&query)),
        &exchange.origin.id,
        &preconditions,
        body.json,
    )
    .await?;
    let response = shown(StatusCode::OK, exchange, resource, &query.projection);
    Ok(Answer { response, dry_run })
}

/// `PATCH`.
pub(crate) async fn patch<R: Collection>(exchange: Exchange, body: Body) -> Response {
    let result = try_patch::<R>(&exchange, body).await;
    exchange.answer_mutation(result).await
}

async fn try_patch<R: Collection>(exchange: &Exchange, body: Body) -> Result<Answer, Failure> {
    let mut query = exchange.query()?;
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    let body = exchange.read(body).await?;
    query.projection.ask_for_written(&body.json);
    let view = if query.asks_attributes {
        view(&query)
    } else {
        GroupView::Basic
    };
    let (Written { resource, dry_run }, is_shown) = operations::patch::<R>(
        &exchange.caller(view),
        &exchange.origin.id,
        &preconditions,
        body.json,
    )
    .await?;
    let status = if is_shown || query.asks_attributes {
        StatusCode::OK
    } else {
        StatusCode::NO_CONTENT
    };
    // Whoever asks what would be done wants to see it.
    let response = if status == StatusCode::OK || dry_run.is_some() {
        shown(status, exchange, resource, &query.projection)
    } else {
        response::with_etag(response::empty(status), resource.head().etag)
    };
    Ok(Answer { response, dry_run })
}

/// `DELETE`.
pub(crate) async fn delete<R: Collection>(exchange: Exchange) -> Response {
    let result = try_delete::<R>(&exchange).await;
    exchange.answer_mutation(result).await
}

async fn try_delete<R: Collection>(exchange: &Exchange) -> Result<Answer, Failure> {
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    let dry_run = operations::delete::<R>(
        &exchange.caller(GroupView::Basic),
        &exchange.origin.id,
        &preconditions,
    )
    .await?;
    Ok(Answer {
        response: response::empty(StatusCode::NO_CONTENT),
        dry_run,
    })
}

fn shown<R: Resource>(
    status: StatusCode,
    exchange: &Exchange,
    mut resource: R,
    projection: &Projection,
) -> Response {
    let endpoint = exchange.endpoint();
    resource.refer(&endpoint);
    let body = list::one(Shown::new(&resource, &endpoint), projection);
    let response = response::with_etag(response::json(status, body), resource.head().etag);
    if resource.has_more_groups() && projection.shows("groups") {
        return response::with_more_groups(response);
    }
    response
}
