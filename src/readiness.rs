//! Plays Microsoft's validation tests against a throw-away shadow of a tenant: a core of its own over a file of its own, behind a facade on
//! loopback, all of it gone afterwards. The tenant itself is neither read nor written.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use admin_grpc::{CannotPlay, Configuration, PlayReadiness};
use anyhow::Context as _;
use entra_sim::{ReadinessReport, Target};
use provisioning_core::{
    Core, CoreSettings, Retention,
    call::{Call, Credential, Principal, Scope, Settled},
    clock::SystemClock,
    grpc::{
        self,
        authentication::Authenticator,
        jwt::JwtKeys,
        schema_service::{from_proto, to_proto},
    },
    ids::RequestId,
    receipts::Answer,
    schemas::ExtensionSchema,
    storage::{Storage, StorageConfig, StorageUrl},
    tenants::{Identifier, NewTenant, TenantSettings},
};
use provisioning_proto::admin::v1;
use scim_facade::FacadeConfig;
use tempfile::TempDir;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
};
use tokio_util::sync::CancellationToken;

use crate::listener::{Listener, Protocol, Stop};

/// All tests take a few seconds; on a machine that is busy some more.
const RUN_TIMEOUT: Duration = Duration::from_mins(2);
/// Until the last connection of a shadow is closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// The tests come one after the other.
const CONNECTIONS_MAX: usize = 8;
/// By this name the request lines of a shadow are told from those of tenants.
const TENANT: &str = "readiness-shadow";

/// Makes shadows, one at a time: each is a service of its own.
pub struct Shadows {
    jwt: Arc<JwtKeys>,
    stop: Stop,
    running: Arc<Semaphore>,
}

impl Shadows {
    /// Those of a process that ends with `stop`.
    pub fn new(jwt: Arc<JwtKeys>, stop: Stop) -> Self {
        Self {
            jwt,
            stop,
            running: Arc::new(Semaphore::new(1)),
        }
    }
}

#[tonic::async_trait]
impl PlayReadiness for Shadows {
    /// The work is a task of its own: when the caller stops waiting, it is told so, and cleans up before the next may begin.
    async fn play(
        &self,
        configuration: Configuration,
    ) -> Result<v1::RunReadinessCheckResponse, CannotPlay> {
        let running = Arc::clone(&self.running);
        let permit = running.try_acquire_owned().map_err(|_| CannotPlay::Busy)?;
        let cancel = self.stop.cut.child_token();
        let _cancel_when_dropped = cancel.clone().drop_guard();
        let (done, played) = oneshot::channel();
        let jwt = Arc::clone(&self.jwt);
        let runtime = Handle::current();
        // A thread of its own, since making a database cannot be moved from thread to thread.
        self.stop.tasks.spawn_blocking(move || {
            let report = runtime.block_on(play(configuration, jwt, cancel));
            drop(permit);
            // Nobody waits any more when the caller has gone.
            let _ = done.send(report);
        });
        match played.await {
            Ok(report) => report.map(|report| response(&report)),
            Err(_) => Err(CannotPlay::NoTime),
        }
    }
}

async fn play(
    configuration: Configuration,
    jwt: Arc<JwtKeys>,
    cancel: CancellationToken,
) -> Result<ReadinessReport, CannotPlay> {
    let folder = tempfile::Builder::new()
        .prefix("provisiond-readiness-")
        .tempdir()
        .map_err(|error| {
            tracing::warn!(error = %error, "there is no folder for a readiness check");
            CannotPlay::NoFolder
        })?;
    let report = play_in(&folder, &configuration, jwt, &cancel).await;
    if let Err(error) = folder.close() {
        tracing::warn!(error = %error, "the folder of a readiness check was not removed");
    }
    report
}

async fn play_in(
    folder: &TempDir,
    configuration: &Configuration,
    jwt: Arc<JwtKeys>,
    cancel: &CancellationToken,
) -> Result<ReadinessReport, CannotPlay> {
    let failed = |error: anyhow::Error| {
        tracing::error!(error = format!("{error:#}"), "a readiness check failed");
        CannotPlay::Failed
    };
    let storage = open(folder).await.map_err(failed)?;
    let stop = Stop::default();
    let report = match start(&storage, configuration, jwt, &stop).await {
        Ok(target) => {
            let see = &mut |_: &_| {};
            let check = tokio::time::timeout(RUN_TIMEOUT, entra_sim::check_readiness(&target, see));
            match cancel.run_until_cancelled(check).await {
                Some(Ok(report)) => report
                    .context("the shadow cannot be reached")
                    .map_err(failed),
                Some(Err(_)) | None => Err(CannotPlay::NoTime),
            }
        }
        Err(error) => Err(failed(error)),
    };
    stop.drain.cancel();
    stop.tasks.close();
    let _ = tokio::time::timeout(STOP_TIMEOUT, stop.tasks.wait()).await;
    stop.cut.cancel();
    stop.tasks.wait().await;
    storage.close().await;
    report
}

async fn open(folder: &TempDir) -> anyhow::Result<Storage> {
    let file = folder.path().join("shadow.db");
    let config = StorageConfig::new(StorageUrl::Sqlite(file));
    Storage::migrate(&config)
        .await
        .context("cannot make the shadow's database")?;
    Storage::open(&config)
        .await
        .context("cannot open the shadow's database")
}

/// Serves the shadow; where, and with which token.
async fn start(
    storage: &Storage,
    configuration: &Configuration,
    jwt: Arc<JwtKeys>,
    stop: &Stop,
) -> anyhow::Result<Target> {
    let addr = (Ipv4Addr::LOCALHOST, 0).into();
    let listener = Listener::bind(addr, None, Protocol::Http, CONNECTIONS_MAX).await?;
    let url = listener.url();
    let settings = CoreSettings {
        public_base_url: url.clone(),
        retention: Retention::default(),
    };
    let core = Core::new(storage.clone(), Arc::new(SystemClock), settings);
    let target = make_tenant(&core, configuration).await?;

    let services = grpc::layered(grpc::routes(&core), &Authenticator::new(jwt), &core);
    let channel = scim_facade::from_routes(services);
    let facade = FacadeConfig {
        retries_enabled: false,
        ..FacadeConfig::new(url)
    };
    let router = scim_facade::router(channel, facade);
    stop.spawn(listener.serve(router, stop.clone()));
    Ok(target)
}

/// The tenant's like: what decides how it answers. What limits it is left out: the deprovision guard would take the tests for a mistake.
async fn make_tenant(core: &Core, configuration: &Configuration) -> anyhow::Result<Target> {
    let identifier = Identifier::parse(TENANT).context("the name is a slug")?;
    let call = Call {
        credential: Credential::Principal(Principal {
            subject: TENANT.to_owned(),
            scopes: vec![Scope::PlatformOperator],
            tenant: None,
            expires_at: None,
        }),
        tenant: identifier.clone(),
        request_id: RequestId::from_caller(None),
        remote: None,
        started: Instant::now(),
        validate_only: false,
        settled: Settled::default(),
    };
    let of = &configuration.settings;
    let new = NewTenant {
        display_name: String::new(),
        provisioning_enabled: true,
        settings: TenantSettings {
            dialect: of.dialect,
            object_id_unique: of.object_id_unique,
            unknown_members: of.unknown_members,
            group_display_name_unique: of.group_display_name_unique,
            unknown_schemas: of.unknown_schemas,
            ..TenantSettings::default()
        },
    };
    core.create_tenant(&call, new, false, None)
        .await
        .context("cannot make the shadow's tenant")?;
    for ExtensionSchema {
        schema, extends, ..
    } in &configuration.schemas
    {
        let definition = from_proto(to_proto(schema, extends.as_str(), true));
        core.create_extension_schema(&call, &definition, false, None)
            .await
            .with_context(|| format!("cannot define {}", schema.id))?;
    }
    match core.generate_token(&call, None).await {
        Ok(Answer::Fresh(made)) => Ok(Target::parse(&core.scim_endpoint(&identifier), made.text)?),
        Ok(Answer::Replayed(_)) => anyhow::bail!("a token was there before"),
        Err(error) => Err(error).context("cannot make the shadow's token"),
    }
}

fn response(report: &ReadinessReport) -> v1::RunReadinessCheckResponse {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    v1::RunReadinessCheckResponse {
        ready: report.ready(),
        passed: count(report.passed()),
        failed: count(report.failed()),
        tests: report.tests.iter().map(test).collect(),
    }
}

fn test(test: &entra_sim::ReadinessTest) -> v1::ReadinessTest {
    v1::ReadinessTest {
        id: test.id.to_owned(),
        title: test.title.to_owned(),
        mandatory: test.mandatory,
        passed: test.passed,
        exchanges: test.exchanges.iter().map(exchange).collect(),
        failure: test.failure.clone().unwrap_or_default(),
        advice: test.advice.unwrap_or_default().to_owned(),
        duration: prost_types::Duration::try_from(test.duration).ok(),
    }
}

fn exchange(exchange: &entra_sim::Exchange) -> v1::ReadinessExchange {
    v1::ReadinessExchange {
        request: exchange.request.clone(),
        request_body: exchange.request_body.clone(),
        http_status: exchange.http_status.into(),
        response_body: exchange.response_body.clone(),
    }
}
