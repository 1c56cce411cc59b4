//! Puts the service together from its configuration, and takes it apart again.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use provisioning_core::{
    Core, CoreSettings,
    clock::SystemClock,
    grpc::{self, authentication::Authenticator, jwt::JwtKeys},
    storage::{Storage, StorageConfig, StorageUrl},
};
use scim_facade::FacadeConfig;
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{service::Routes, transport::Channel};
use tonic_health::ServingStatus;
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};

use crate::{
    config::{Config, ListenerConfig},
    core_endpoint,
    data_dir::DataDir,
    health,
    listener::{Listener, Protocol, Stop},
    readiness::Shadows,
    requests,
    tls::Certificate,
};

/// What runs after the requests are through: numbering, flushing. Bounded so that a stop ends.
const UPKEEP_GRACE: Duration = Duration::from_secs(5);
/// Waiting for the storage ends before the facade gives up on the core, so that the core's own answer is heard.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The same for one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(4);

/// A running service.
pub struct Service {
    stop: Stop,
    http_url: Option<String>,
    grpc_url: Option<String>,
    data: Option<Data>,
}

/// What a process with a core has to close.
struct Data {
    storage: Storage,
    health: tonic_health::server::HealthReporter,
    upkeep: TaskTracker,
    upkeep_cancel: CancellationToken,
}

/// What the process stands on, ready before a port is bound.
enum Ground {
    /// Its own core.
    Own { jwt: JwtKeys, storage: Storage },
    /// A core elsewhere.
    Remote(Channel),
}

/// A core that runs.
struct StartedCore {
    /// Its services for the facade of the same process.
    inner: Routes,
    /// Its services for the listener.
    outer: Routes,
    data: Data,
}

/// The listeners of a role, bound.
struct Bound {
    http: Option<Listener>,
    grpc: Option<Listener>,
}

impl Service {
    /// Opens the database, binds the ports, and serves. With `migrate` the schema is brought up to date first.
    pub async fn start(config: &Config, migrate: bool) -> anyhow::Result<Self> {
        let ground = match &config.core {
            Some(core) => Ground::Remote(core_endpoint::endpoint(core)?.connect_lazy()),
            None => Ground::Own {
                jwt: jwt_keys(config).await?,
                storage: open(config, migrate).await?,
            },
        };
        let stop = Stop::default();
        let Bound { http, grpc } = bind(config, &stop).await?;
        let (http_url, grpc_url) = (
            http.as_ref().map(Listener::url),
            grpc.as_ref().map(Listener::url),
        );
        let public_base_url = config
            .public_base_url
            .clone()
            .or_else(|| http_url.clone())
            .unwrap_or_default();

        let (channel, data) = match ground {
            Ground::Remote(channel) => (scim_facade::from_channel(channel), None),
            Ground::Own { jwt, storage } => {
                let core = start_core(config, jwt, storage, &public_base_url, &stop).await?;
                if let Some(listener) = grpc {
                    serve(listener, requests::observe(core.outer), &stop);
                }
                (scim_facade::from_routes(core.inner), Some(core.data))
            }
        };
        if let Some(listener) = http {
            // A socket can fail where a call inside the process cannot.
            let facade = FacadeConfig {
                retries_enabled: data.is_none(),
                ..FacadeConfig::new(public_base_url)
            };
            serve(listener, scim_facade::router(channel, facade), &stop);
        }
        Ok(Self {
            stop,
            http_url,
            grpc_url,
            data,
        })
    }

    /// Where SCIM is served.
    pub fn http_url(&self) -> Option<&str> {
        self.http_url.as_deref()
    }

    /// Where gRPC is served.
    pub fn grpc_url(&self) -> Option<&str> {
        self.grpc_url.as_deref()
    }

    /// The line that tells scripts where the service is.
    pub fn ready_line(&self) -> String {
        let mut line = json!({ "ready": true });
        for (key, url) in [("http", &self.http_url), ("grpc", &self.grpc_url)] {
            if let Some(url) = url {
                line[key] = json!(url);
            }
        }
        line.to_string()
    }

    /// Stops: not serving, no new connections, requests finish within `grace` or until `hurry`, then the data is closed.
    pub async fn stop(self, grace: Duration, hurry: impl Future<Output = ()>) {
        if let Some(data) = &self.data {
            health::report(&data.health, ServingStatus::NotServing).await;
        }
        self.stop.drain.cancel();
        self.stop.tasks.close();
        tokio::select! {
            () = self.stop.tasks.wait() => {}
            () = tokio::time::sleep(grace) => tracing::warn!("requests were still running after the grace time; they are cut off"),
            () = hurry => tracing::warn!("asked to stop a second time; running requests are cut off"),
        }
        self.stop.cut.cancel();
        self.stop.tasks.wait().await;
        if let Some(data) = self.data {
            data.upkeep_cancel.cancel();
            data.upkeep.close();
            if tokio::time::timeout(UPKEEP_GRACE, data.upkeep.wait())
                .await
                .is_err()
            {
                tracing::warn!("the last upkeep did not end in time");
            }
            data.storage.close().await;
        }
        tracing::info!("stopped");
    }
}

/// Brings the schema up to date. Returns the names of the migrations that were applied.
pub async fn migrate(config: &StorageConfig) -> anyhow::Result<Vec<String>> {
    if let StorageUrl::Sqlite(file) = &config.url
        && let Some(folder) = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
    {
        DataDir::create(folder)?;
    }
    let applied = Storage::migrate(config)
        .await
        .context("cannot migrate the database")?;
    for migration in &applied {
        tracing::info!(migration, "migration applied");
    }
    Ok(applied)
}

/// The keys of callers' JWTs; those of the data folder are made when they are missing.
async fn jwt_keys(config: &Config) -> anyhow::Result<JwtKeys> {
    if config.own_jwks {
        DataDir::create(&config.data_dir)?.ensure_signing_key()?;
    }
    JwtKeys::load(config.jwt.clone())
        .await
        .context("cannot read the keys of callers' JWTs")
}

/// A new embedded database is made at once; whatever else is not up to date needs the operator's word.
async fn open(config: &Config, migrate_asked: bool) -> anyhow::Result<Storage> {
    let new = matches!(&config.storage.url, StorageUrl::Sqlite(file) if !file.exists());
    if new || migrate_asked {
        migrate(&config.storage).await?;
    }
    let storage = StorageConfig {
        acquire_timeout: ACQUIRE_TIMEOUT,
        statement_timeout: STATEMENT_TIMEOUT,
        ..config.storage.clone()
    };
    Storage::open(&storage)
        .await
        .context("cannot open the database")
}

async fn bind(config: &Config, stop: &Stop) -> anyhow::Result<Bound> {
    Ok(Bound {
        http: if config.role.has_facade() {
            Some(listen(&config.http, Protocol::Http, config, stop).await?)
        } else {
            None
        },
        grpc: if config.role.has_core() {
            Some(listen(&config.grpc, Protocol::Grpc, config, stop).await?)
        } else {
            None
        },
    })
}

async fn listen(
    listener: &ListenerConfig,
    protocol: Protocol,
    config: &Config,
    stop: &Stop,
) -> anyhow::Result<Listener> {
    let tls = match &listener.tls {
        Some(files) => {
            let certificate = Certificate::read(files.clone())?;
            stop.spawn(Arc::clone(&certificate).watch(stop.drain.clone()));
            Some(certificate.server_config(protocol.alpn()))
        }
        None => None,
    };
    Listener::bind(listener.addr, tls, protocol, config.connections_max).await
}

fn serve(listener: Listener, router: Router, stop: &Stop) {
    stop.spawn(listener.serve(router, stop.clone()));
}

/// The core behind its listener, and the way to it inside the process.
async fn start_core(
    config: &Config,
    jwt: JwtKeys,
    storage: Storage,
    public_base_url: &str,
    stop: &Stop,
) -> anyhow::Result<StartedCore> {
    let settings = CoreSettings {
        public_base_url: public_base_url.to_owned(),
        retention: config.retention,
    };
    let core = Core::new(storage.clone(), Arc::new(SystemClock), settings);

    let (reporter, health_service) = tonic_health::server::health_reporter();
    health::report(&reporter, ServingStatus::Serving).await;
    let jwt = Arc::new(jwt);
    let shadows = Arc::new(Shadows::new(Arc::clone(&jwt), stop.clone()));
    let services = admin_grpc::add_to(grpc::routes(&core), &core, shadows);
    let services = services.add_service(health_service);
    let authenticator = Authenticator::new(jwt);
    let protect = |services| grpc::layered(services, &authenticator, &core);
    let inner = protect(services.clone());
    let outer = if config.grpc_reflection {
        protect(services.add_service(reflection()?))
    } else {
        inner.clone()
    };

    stop.spawn(health::watch(
        reporter.clone(),
        core.clone(),
        stop.drain.clone(),
    ));
    let (upkeep, upkeep_cancel) = (TaskTracker::new(), CancellationToken::new());
    upkeep.spawn({
        let cancel = upkeep_cancel.clone();
        async move { core.run_upkeep(cancel).await }
    });
    Ok(StartedCore {
        inner,
        outer,
        data: Data {
            storage,
            health: reporter,
            upkeep,
            upkeep_cancel,
        },
    })
}

/// Lets generic clients read the contract, and the details that come with errors, which no file of the contract imports.
fn reflection() -> anyhow::Result<ServerReflectionServer<impl ServerReflection>> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(provisioning_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("the contract's descriptors cannot be served")
}
