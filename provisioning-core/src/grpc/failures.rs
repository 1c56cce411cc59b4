//! The layer that keeps the provisioning log whole: a call that was refused or failed without an entry of a use case gets one here, for every
//! service. It may have been malformed, so that no use case saw it, or broken by a fault that no rule foresees.
//!
//! Not in the log: whoever is not admitted, which is counted only, a dry run, which leaves nothing, and a storage that cannot be reached, which
//! could not take the entry.

use std::{
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::{Code, Status, service::Routes};
use tonic_types::StatusExt as _;
use tower::Service;

use super::status;
use crate::{Core, call::Call, error::Reason, log::RejectedRequest};

/// The call that a request became: the layer puts this in, and [`call`](super::call) fills it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<OnceLock<Call>>);

impl Seen {
    pub fn tell(&self, call: &Call) {
        self.0.get_or_init(|| call.clone());
    }
}

/// Puts the layer in front of the services.
pub fn log_failures(routes: Routes, core: &Core) -> Routes {
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
            let response = answer.await?;
            let Some(call) = seen.0.get() else {
                return Ok(response);
            };
            match Status::from_header_map(response.headers()) {
                Some(failure) if belongs_into_the_log(call, &failure) => {
                    // What is not in the log is not answered.
                    match core
                        .report_rejected_request(call, rejected(rpc, &failure))
                        .await
                    {
                        Ok(_) => Ok(response),
                        Err(error) => Ok(status(error).into_http()),
                    }
                }
                _ => Ok(response),
            }
        })
    }
}

fn belongs_into_the_log(call: &Call, failure: &Status) -> bool {
    !call.settled.get() && !matches!(failure.code(), Code::Ok | Code::Unavailable)
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
