//! The layer that keeps the provisioning log whole: a call that was refused or failed without an entry of a use case gets one here, for every
//! service. It may have been malformed, so that no use case saw it, or broken by a fault that no rule foresees.
//!
//! Where no call came of a request, because its caller may not call the method or its message cannot be read, only the tenant of the caller's JWT
//! says whose log is meant. Such entries are one a minute for each caller and reason.
//!
//! Not in the log: whoever is not admitted, which is counted only; a dry run whose message was read, which leaves nothing; whose credential names no
//! tenant where the message does not either; and a storage that cannot be reached, which could not take the entry. That a request was to be a dry
//! run says its message: what is refused before that is read is logged as any other.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use tonic::{Code, Status, service::Routes};
use tonic_types::StatusExt as _;
use tower::Service;

use super::status;
use crate::{
    Core,
    call::Call,
    error::{Error, Reason},
    log::RejectedRequest,
};

/// What is known of a request: the layer puts this in, and the authentication and [`call`](super::call) fill it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The call that it became.
    call: OnceLock<Call>,
    /// The call as the credential alone has it, where that is bound to a tenant.
    bound: OnceLock<Call>,
}

impl Seen {
    pub fn tell(&self, call: &Call) {
        self.0.call.get_or_init(|| call.clone());
    }

    pub fn tell_bound(&self, call: Call) {
        self.0.bound.get_or_init(|| call);
    }
}

/// Puts the layer in front of the services.
pub(super) fn log_failures(routes: Routes, core: &Core) -> Routes {
    let core = core.clone();
    let layer = tower::layer::layer_fn(move |inner| Logged {
        inner,
        core: core.clone(),
    });
    Routes::from(routes.into_axum_router().layer(layer))
}

/// A service behind the layer.
#[derive(Clone)]
struct Logged<S> {
    inner: S,
    core: Core,
}

impl<S, B, R> Service<Request<B>> for Logged<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default + Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let seen = Seen::default();
        request.extensions_mut().insert(seen.clone());
        let rpc = request.uri().path().trim_start_matches('/').to_owned();
        let (answer, core) = (self.inner.call(request), self.core.clone());
        Box::pin(async move {
            let response = match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(response) => response?,
                Err(_panic) => status(Error::Internal("a call panicked".into())).into_http(),
            };
            let Some(failure) = Status::from_header_map(response.headers()) else {
                return Ok(response);
            };
            if matches!(failure.code(), Code::Ok | Code::Unavailable) {
                return Ok(response);
            }
            let logged = match (seen.0.call.get(), seen.0.bound.get()) {
                (Some(call), _) if call.settled.get() => Ok(()),
                (Some(call), _) => {
                    let rejected = rejected(rpc, &failure);
                    core.report_rejected_request(call, rejected, None)
                        .await
                        .map(drop)
                }
                (None, Some(caller)) => {
                    core.report_unread_request(caller, unread(rpc, &failure))
                        .await
                }
                (None, None) => Ok(()),
            };
            // What is not in the log is not answered.
            Ok(match logged {
                Ok(()) => response,
                Err(error) => status(error).into_http(),
            })
        })
    }
}

/// The status of a refusal has its reason; any other stands for a fault.
fn rejected(rpc: String, failure: &Status) -> RejectedRequest {
    let text = failure
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default();
    let reason = Reason::from_text(&text);
    RejectedRequest {
        request: rpc,
        reason: text,
        http_status: reason.map_or(500, Reason::http_status),
        scim_type: reason.map_or("", Reason::scim_type).to_owned(),
        detail: failure.message().to_owned(),
        resource_id: String::new(),
    }
}

/// Of what never became a call, whatever was not refused by a rule is a message that could not be read.
fn unread(rpc: String, failure: &Status) -> RejectedRequest {
    let rejected = rejected(rpc, failure);
    if !rejected.reason.is_empty() {
        return rejected;
    }
    let reason = Reason::InvalidRequest;
    RejectedRequest {
        reason: reason.as_str().to_owned(),
        http_status: reason.http_status(),
        detail: format!(
            "The message cannot be read, or is larger than the service takes: {}.",
            rejected.detail
        ),
        ..rejected
    }
}
