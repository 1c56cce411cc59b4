//! `/Users`: each operation reads the request, makes one call, and writes the answer.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use provisioning_proto::v1::{self, Account, Dialect, get_account_request::Key};

use crate::{
    entra,
    http::{
        body,
        exchange::{Exchange, Failure},
        preconditions, response,
    },
    scim::{account, error::ScimError, patch, projection::Projection, resource},
};

/// `POST /Users`.
pub(crate) async fn create(exchange: Exchange, body: Body) -> Response {
    let result = try_create(&exchange, body).await;
    exchange.answer(result).await
}

async fn try_create(exchange: &Exchange, body: Body) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let request = v1::CreateAccountRequest {
        tenant: exchange.tenant.clone(),
        account: Some(read_user(exchange, body).await?),
        request_id: exchange.request_id(),
        validate_only: false,
    };
    let account = exchange
        .facade
        .core
        .create_account(&exchange.metadata, request)
        .await?
        .account
        .unwrap_or_default();
    let mut response = with_user(StatusCode::CREATED, exchange, &account, &query.projection);
    if let Ok(location) = HeaderValue::try_from(exchange.endpoint().user(&account.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `GET /Users/{id}`.
pub(crate) async fn get(exchange: Exchange) -> Response {
    let result = try_get(&exchange).await;
    exchange.answer(result).await
}

async fn try_get(exchange: &Exchange) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let account = get_account(exchange).await?;
    if preconditions::is_known(&exchange.headers, &account.etag) {
        return Ok(response::with_etag(
            response::empty(StatusCode::NOT_MODIFIED),
            &account.etag,
        ));
    }
    Ok(with_user(
        StatusCode::OK,
        exchange,
        &account,
        &query.projection,
    ))
}

/// `GET /Users`.
pub(crate) async fn list(exchange: Exchange) -> Response {
    let result = try_list(&exchange).await;
    exchange.answer(result).await
}

async fn try_list(exchange: &Exchange) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let request = v1::ListAccountsRequest {
        tenant: exchange.tenant.clone(),
        filter: query.filter.clone().unwrap_or_default(),
        order_by: query.order_by.clone(),
        page_size: query.count.unwrap_or_default(),
        skip: query.skip(),
        count_only: query.count == Some(0),
        ..v1::ListAccountsRequest::default()
    };
    let page = exchange
        .facade
        .core
        .list_accounts(&exchange.metadata, request)
        .await?;
    let endpoint = exchange.endpoint();
    let body = resource::users(
        &page.accounts,
        page.total_size,
        query.start_index,
        &endpoint,
        &query.projection,
    );
    Ok(response::json(StatusCode::OK, body))
}

/// `PUT /Users/{id}`.
pub(crate) async fn replace(exchange: Exchange, body: Body) -> Response {
    let result = try_replace(&exchange, body).await;
    exchange.answer(result).await
}

async fn try_replace(exchange: &Exchange, body: Body) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let request = v1::ReplaceAccountRequest {
        tenant: exchange.tenant.clone(),
        id: exchange.id.clone(),
        etag: preconditions::required_etag(&exchange.headers)?,
        account: Some(read_user(exchange, body).await?),
        request_id: exchange.request_id(),
        validate_only: false,
    };
    let account = exchange
        .facade
        .core
        .replace_account(&exchange.metadata, request)
        .await?
        .account
        .unwrap_or_default();
    Ok(with_user(
        StatusCode::OK,
        exchange,
        &account,
        &query.projection,
    ))
}

/// `PATCH /Users/{id}`.
pub(crate) async fn patch(exchange: Exchange, body: Body) -> Response {
    let result = try_patch(&exchange, body).await;
    exchange.answer(result).await
}

async fn try_patch(exchange: &Exchange, body: Body) -> Result<Response, Failure> {
    let query = exchange.query()?;
    let etag = preconditions::required_etag(&exchange.headers)?;
    let body = body::read(&exchange.headers, body).await?;
    let operations = entra::operations(patch::parse(body)?);
    let (account, dialect) = if operations.is_empty() {
        (unchanged(exchange, &etag).await?, Dialect::Entra)
    } else {
        let request = v1::PatchAccountRequest {
            tenant: exchange.tenant.clone(),
            id: exchange.id.clone(),
            operations: operations.into_iter().map(Into::into).collect(),
            etag,
            request_id: exchange.request_id(),
            validate_only: false,
        };
        let answer = exchange
            .facade
            .core
            .patch_account(&exchange.metadata, request)
            .await?;
        let dialect = answer.dialect();
        (answer.account.unwrap_or_default(), dialect)
    };
    // RFC 7644 section 3.5.2 leaves the choice; a client that names attributes wants to see them.
    match dialect {
        Dialect::Unspecified | Dialect::Entra if !query.asks_attributes => Ok(response::with_etag(
            response::empty(StatusCode::NO_CONTENT),
            &account.etag,
        )),
        Dialect::Unspecified | Dialect::Entra | Dialect::Rfc => Ok(with_user(
            StatusCode::OK,
            exchange,
            &account,
            &query.projection,
        )),
    }
}

/// The account as a PATCH of nothing leaves it, for example the removal of an empty list.
async fn unchanged(exchange: &Exchange, required_etag: &str) -> Result<Account, Failure> {
    let account = get_account(exchange).await?;
    if !required_etag.is_empty() && required_etag != account.etag {
        return Err(ScimError::new(
            StatusCode::PRECONDITION_FAILED,
            None,
            "The user has changed since that version.",
        )
        .into());
    }
    Ok(account)
}

/// `DELETE /Users/{id}`.
pub(crate) async fn delete(exchange: Exchange) -> Response {
    let result = try_delete(&exchange).await;
    exchange.answer(result).await
}

async fn try_delete(exchange: &Exchange) -> Result<Response, Failure> {
    let request = v1::DeleteAccountRequest {
        tenant: exchange.tenant.clone(),
        id: exchange.id.clone(),
        etag: preconditions::required_etag(&exchange.headers)?,
        request_id: exchange.request_id(),
        validate_only: false,
    };
    exchange
        .facade
        .core
        .delete_account(&exchange.metadata, request)
        .await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}

async fn get_account(exchange: &Exchange) -> Result<Account, Failure> {
    let request = v1::GetAccountRequest {
        tenant: exchange.tenant.clone(),
        key: Some(Key::Id(exchange.id.clone())),
    };
    Ok(exchange
        .facade
        .core
        .get_account(&exchange.metadata, request)
        .await?
        .account
        .unwrap_or_default())
}

async fn read_user(exchange: &Exchange, body: Body) -> Result<Account, ScimError> {
    let mut user = body::read(&exchange.headers, body).await?;
    entra::resource(&mut user);
    account::parse(user)
}

fn with_user(
    status: StatusCode,
    exchange: &Exchange,
    account: &Account,
    projection: &Projection,
) -> Response {
    let body = resource::user(account, &exchange.endpoint(), projection);
    response::with_etag(response::json(status, body), &account.etag)
}
