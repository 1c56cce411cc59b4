//! One SCIM request on its way: whose it is, what it asks, and how its failure is answered and reported.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequestParts, MatchedPath},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    response::Response,
};
use percent_encoding::percent_decode_str;
use provisioning_proto::v1::GroupView;
use tonic::{
    Status,
    metadata::{Ascii, MetadataValue},
};

use crate::{
    core_client::CallMetadata,
    http::{
        Facade, body,
        collection::Caller,
        dry_run::{self, Mode},
        observe::RequestId,
        query::{self, has_parameter},
        response,
    },
    scim::{
        endpoint::Endpoint,
        error::{Challenge, ScimError},
        query::Query,
        strip_prefix_ignore_case,
    },
};

/// A request with a credential in it. Whether the credential holds is known only when the core was asked.
pub(crate) struct Exchange {
    pub origin: Arc<Origin>,
    pub headers: HeaderMap,
    uri: Uri,
}

/// Whose request it is and what it asks: what the core is told of it when it comes to nothing here.
pub(crate) struct Origin {
    pub facade: Arc<Facade>,
    pub metadata: CallMetadata,
    /// The Subscriber Identifier of the path.
    pub tenant: String,
    /// The last part of a path that names a resource; empty for a collection.
    pub id: String,
    /// The method and the route's pattern.
    operation: String,
}

/// Where the observer finds the origin of a request that broke; empty as long as it is not known.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<OnceLock<Arc<Origin>>>);

impl Known {
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.0.get().map(AsRef::as_ref)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The core refused or failed, and has logged it.
    Core(Status),
    /// The request was refused before it became a call. The core has yet to learn of it.
    Refused(ScimError),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Core(status)
    }
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self::Refused(error)
    }
}

impl Failure {
    /// The error for the client. What was refused here is reported first, so that the tenant's admin finds it in the log; the report also
    /// tells whether the credential holds, which matters more than what was wrong with the request.
    pub(crate) async fn reported(
        self,
        caller: &Caller<'_>,
        operation: &str,
        resource_id: &str,
    ) -> ScimError {
        match self {
            Self::Core(status) => ScimError::from(&status),
            Self::Refused(error) => match caller.report(operation, resource_id, &error).await {
                Ok(()) => error,
                Err(status) => ScimError::from(&status),
            },
        }
    }
}

impl Origin {
    /// The error for the client; what was refused here is told to the core first.
    pub(crate) async fn failed(&self, failure: Failure) -> Response {
        let caller = self.caller(GroupView::Basic);
        let error = failure.reported(&caller, &self.operation, &self.id).await;
        response::error(&error, self.metadata.request_id)
    }

    fn caller(&self, view: GroupView) -> Caller<'_> {
        Caller {
            view,
            core: &self.facade.core,
            metadata: &self.metadata,
            tenant: &self.tenant,
        }
    }
}

impl Exchange {
    /// The answer to the client.
    pub(crate) async fn answer(self, result: Result<Response, Failure>) -> Response {
        match result {
            Ok(response) => response,
            Err(failure) => self.origin.failed(failure).await,
        }
    }

    /// The answer to a mutation, or to the question what it would do.
    pub(crate) async fn answer_mutation(
        self,
        result: Result<dry_run::Answer, Failure>,
    ) -> Response {
        if self.origin.metadata.is_dry_run {
            return dry_run::answer(&self, result).await;
        }
        self.answer(result.map(|answer| answer.response)).await
    }

    /// Tells the core of a request that was refused before it became a call.
    pub(crate) async fn report(&self, error: &ScimError) -> Result<(), ScimError> {
        self.caller(GroupView::Basic)
            .report(&self.origin.operation, &self.origin.id, error)
            .await
            .map_err(|status| ScimError::from(&status))
    }

    /// Who asks, for the operations.
    pub(crate) fn caller(&self, view: GroupView) -> Caller<'_> {
        self.origin.caller(view)
    }

    /// The JSON object of the body.
    pub(crate) async fn read(&self, body: Body) -> Result<body::Read, ScimError> {
        self.origin.facade.bodies.read(&self.headers, body).await
    }

    /// The parameters of the request.
    pub(crate) fn query(&self) -> Result<Query, ScimError> {
        query::parse(self.uri.query().unwrap_or_default())
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let origin = &self.origin;
        Endpoint::new(&origin.facade.config.public_base_url, &origin.tenant)
    }
}

impl FromRequestParts<Arc<Facade>> for Exchange {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, facade: &Arc<Facade>) -> Result<Self, Response> {
        let RequestId(request_id) = *parts
            .extensions
            .get()
            .expect("every request has passed the observer");
        let (credential, is_jwt) =
            credential(parts).map_err(|error| response::error(&error, request_id))?;
        let remote = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let pattern = parts
            .extensions
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        let operation = format!("{} {}", known_method(&parts.method), route(pattern));
        let mode = dry_run::mode(&parts.headers, is_jwt, &operation);
        if mode == Mode::NoToken {
            return Err(response::error(&dry_run::no_token(), request_id));
        }
        let metadata = CallMetadata::new(
            request_id,
            credential,
            remote.and_then(|ConnectInfo(address)| address.ip().to_string().try_into().ok()),
        );
        let origin = Arc::new(Origin {
            facade: Arc::clone(facade),
            metadata: if mode == Mode::Dry {
                metadata.dry()
            } else {
                metadata
            },
            tenant: tenant(parts.uri.path()),
            id: if pattern.ends_with("{id}") {
                last_segment(parts.uri.path())
            } else {
                String::new()
            },
            operation,
        });
        if let Some(Known(known)) = parts.extensions.get() {
            known.get_or_init(|| Arc::clone(&origin));
        }
        let exchange = Self {
            origin,
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
        };
        match mode {
            Mode::Refused(why) => {
                let refused = Failure::Refused(dry_run::refused(why));
                Err(exchange.answer(Err(refused)).await)
            }
            Mode::Real | Mode::Dry | Mode::NoToken => Ok(exchange),
        }
    }
}

/// The route as logs and metrics name it: the pattern, never the path.
pub(crate) fn route(pattern: &str) -> &str {
    let route = pattern
        .strip_prefix("/scim/{identifier}/v2")
        .unwrap_or(pattern)
        .trim_end_matches('/');
    if route.is_empty() { "(unknown)" } else { route }
}

/// The method as logs and metrics name it: methods are a client's text.
pub(crate) fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// The Subscriber Identifier in `/scim/{identifier}/…`; empty when there is none.
pub(crate) fn tenant(path: &str) -> String {
    decoded(
        path.strip_prefix("/scim/")
            .unwrap_or_default()
            .split('/')
            .next()
            .unwrap_or_default(),
    )
}

fn last_segment(path: &str) -> String {
    decoded(path.rsplit('/').next().unwrap_or_default())
}

/// What is no UTF-8 names nothing, and the replacement character neither.
fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The bearer credential, in the one place where RFC 6750 section 2.1 wants it, and whether it is a JWT: that has two dots, and a SCIM token none.
fn credential(parts: &Parts) -> Result<(MetadataValue<Ascii>, bool), ScimError> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else {
        return Err(no_credential());
    };
    let text = header.to_str().unwrap_or_default();
    let Some(token) = strip_prefix_ignore_case(text, "Bearer ").map(str::trim) else {
        return Err(no_credential());
    };
    if has_parameter(parts.uri.query().unwrap_or_default(), "access_token") {
        return Err(ScimError::new(
            StatusCode::BAD_REQUEST,
            None,
            "The token came in the Authorization header and in the URL. Send it in the header only.",
        ));
    }
    // RFC 6750 section 2.1, b64token: what is written otherwise is certainly no token.
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(ScimError::unauthorized(
            Challenge::InvalidToken,
            "The SCIM token is damaged: copy it anew from User Provisioning in the DragOnce Admin Panel.",
        ));
    }
    let mut credential =
        MetadataValue::try_from(format!("Bearer {token}")).expect("a token is ASCII");
    credential.set_sensitive(true);
    let is_jwt = token.bytes().filter(|c| *c == b'.').count() == 2;
    Ok((credential, is_jwt))
}

fn no_credential() -> ScimError {
    ScimError::unauthorized(
        Challenge::NoCredential,
        "There is no bearer token in the Authorization header. Paste the SCIM token from User Provisioning in the DragOnce Admin Panel \
         into Secret Token in Microsoft Entra.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_tenant() {
        assert_eq!(tenant("/scim/acme/v2/Users"), "acme");
        assert_eq!(tenant("/scim/a%20b"), "a b");
        assert_eq!(tenant("/scim"), "");
        assert_eq!(tenant("/other/acme"), "");
    }

    #[test]
    fn a_route_is_named_by_its_pattern() {
        assert_eq!(route("/scim/{identifier}/v2/Users/{id}"), "/Users/{id}");
        assert_eq!(route("/scim/{identifier}/v2/Users/"), "/Users");
        assert_eq!(route(""), "(unknown)");
    }
}
