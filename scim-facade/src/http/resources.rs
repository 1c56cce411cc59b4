//! The routes of `/Users` and `/Groups`: each reads the request, does its operation, and writes the answer.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use provisioning_proto::v1::GroupView;

use crate::{
    http::{
        collection::{Collection, view},
        exchange::{Exchange, Failure},
        operations,
        preconditions::Preconditions,
        response,
    },
    scim::{
        list::View,
        projection::Projection,
        resource::{Resource, Shown},
    },
};

/// `POST`.
pub(crate) async fn create<R: Collection>(exchange: Exchange, body: Body) -> Response {
    let result = try_create::<R>(&exchange, body).await;
    exchange.answer(result).await
}

async fn try_create<R: Collection>(exchange: &Exchange, body: Body) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let body = exchange.read(body).await?;
    let created: R = operations::create(&exchange.caller(view(&query)), body.json).await?;
    let location = exchange.endpoint().resource(R::TYPE, created.head().id);
    let mut response = shown(StatusCode::CREATED, exchange, created, &query.projection).await?;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `GET` of one.
pub(crate) async fn get<R: Collection>(exchange: Exchange) -> Response {
    let result = try_get::<R>(&exchange).await;
    exchange.answer(result).await
}

async fn try_get<R: Collection>(exchange: &Exchange) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    let resource = R::get(&exchange.caller(view(&query)), &exchange.id).await?;
    let etag = resource.head().etag;
    if preconditions.is_known(etag)? {
        return Ok(response::with_etag(
            response::empty(StatusCode::NOT_MODIFIED),
            etag,
        ));
    }
    shown(StatusCode::OK, exchange, resource, &query.projection).await
}

/// `PUT`.
pub(crate) async fn replace<R: Collection>(exchange: Exchange, body: Body) -> Response {
    let result = try_replace::<R>(&exchange, body).await;
    exchange.answer(result).await
}

async fn try_replace<R: Collection>(exchange: &Exchange, body: Body) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    let body = exchange.read(body).await?;
    let replaced: R = operations::replace(
        &exchange.caller(view(&query)),
        &exchange.id,
        &preconditions,
        body.json,
    )
    .await?;
    shown(StatusCode::OK, exchange, replaced, &query.projection).await
}

/// `PATCH`.
pub(crate) async fn patch<R: Collection>(exchange: Exchange, body: Body) -> Response {
    let result = try_patch::<R>(&exchange, body).await;
    exchange.answer(result).await
}

async fn try_patch<R: Collection>(exchange: &Exchange, body: Body) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    let body = exchange.read(body).await?;
    let view = if query.asks_attributes {
        view(&query)
    } else {
        GroupView::Basic
    };
    let (patched, is_shown) = operations::patch::<R>(
        &exchange.caller(view),
        &exchange.id,
        &preconditions,
        body.json,
    )
    .await?;
    if is_shown || query.asks_attributes {
        return shown(StatusCode::OK, exchange, patched, &query.projection).await;
    }
    Ok(response::with_etag(
        response::empty(StatusCode::NO_CONTENT),
        patched.head().etag,
    ))
}

/// `DELETE`.
pub(crate) async fn delete<R: Collection>(exchange: Exchange) -> Response {
    let result = try_delete::<R>(&exchange).await;
    exchange.answer(result).await
}

async fn try_delete<R: Collection>(exchange: &Exchange) -> Result<Response, Failure> {
    let preconditions = Preconditions::of_headers(&exchange.headers)?;
    operations::delete::<R>(
        &exchange.caller(GroupView::Basic),
        &exchange.id,
        &preconditions,
    )
    .await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}

async fn shown<R: Resource>(
    status: StatusCode,
    exchange: &Exchange,
    mut resource: R,
    projection: &Projection,
) -> Result<Response, Failure> {
    let endpoint = exchange.endpoint();
    resource.refer(&endpoint);
    let head = resource.head();
    let returned = exchange
        .returned(projection, !head.extensions.is_empty())
        .await?;
    let view = View {
        projection,
        returned: &returned,
    };
    let body = view.one(&Shown::new(&resource, &endpoint));
    Ok(response::with_etag(response::json(status, body), head.etag))
}
