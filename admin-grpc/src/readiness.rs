//! `ReadinessService`: whose configuration is tested is decided here; how it is played is the program's to say.

use std::sync::Arc;

use provisioning_core::{
    Core,
    error::{Reason, Refusal},
    grpc::{call, status, unavailable},
    schemas::ExtensionSchema,
    tenants::TenantSettings,
};
use provisioning_proto::admin::v1::{
    RunReadinessCheckRequest, RunReadinessCheckResponse, readiness_service_server::ReadinessService,
};
use tonic::{Request, Response, Status};

use crate::wire;

/// What of a tenant decides how its endpoint answers: all that a shadow of it has.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// What the tenant has settled.
    pub settings: TenantSettings,
    /// The schemas that it has defined.
    pub schemas: Vec<ExtensionSchema>,
}

/// Plays the tests against a shadow. The program brings it: it takes the facade and the simulator, which this crate may not know.
#[tonic::async_trait]
pub trait PlayReadiness: Send + Sync {
    /// Plays, and leaves nothing behind: neither when it ends nor when the caller stops waiting.
    async fn play(
        &self,
        configuration: Configuration,
    ) -> Result<RunReadinessCheckResponse, CannotPlay>;
}

/// Why nothing was played. Causes have been logged where they arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotPlay {
    /// Another run is under way in this process.
    Busy,
    /// There is no place for temporary files.
    NoFolder,
    /// It did not end in time, or the service is stopping.
    NoTime,
    /// A fault.
    Failed,
}

/// The service.
pub struct Service {
    core: Core,
    player: Arc<dyn PlayReadiness>,
}

impl Service {
    /// Serves the tests that `player` plays, for the tenants of `core`.
    pub fn new(core: Core, player: Arc<dyn PlayReadiness>) -> Self {
        Self { core, player }
    }
}

#[tonic::async_trait]
impl ReadinessService for Service {
    async fn run_readiness_check(
        &self,
        request: Request<RunReadinessCheckRequest>,
    ) -> Result<Response<RunReadinessCheckResponse>, Status> {
        let call = call(&request, &request.get_ref().tenant)?;
        let configuration = Configuration {
            settings: self.core.get_tenant(&call).await.map_err(status)?.settings,
            schemas: self
                .core
                .list_extension_schemas(&call)
                .await
                .map_err(status)?,
        };
        let played = self.player.play(configuration).await;
        played.map(Response::new).map_err(cannot_play)
    }
}

fn cannot_play(why: CannotPlay) -> Status {
    match why {
        CannotPlay::Busy => wire::refuse(Refusal::new(
            Reason::RateLimited,
            "Another readiness check is under way. It takes less than a minute: ask again after it.",
        )),
        CannotPlay::NoFolder => unavailable(
            "The service has no folder for the temporary files of a readiness check. An operator has to set TMPDIR to one that the service may \
             write to.",
        ),
        CannotPlay::NoTime => unavailable(
            "The readiness check did not end in time: the service is too busy, or it is being stopped. Ask again later.",
        ),
        CannotPlay::Failed => status(provisioning_core::error::Error::Internal(
            "the readiness check failed; its cause was logged before".into(),
        )),
    }
}
