//! How administrative subcommands reach the running service: a gRPC channel, and a JWT signed for this one command.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, anyhow};
use provisioning_core::{
    call::Scope,
    clock::{Clock as _, SystemClock},
};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{
    config::{
        self, ConfigError, CoreEndpoint, DEFAULT_DATA_DIR, DEFAULT_GRPC_ADDR, DEFAULT_JWT_PARTY,
        Faults,
    },
    core_endpoint,
    data_dir::{DataDir, SigningKey},
    jwt::{self, Grant},
    tls,
};

/// Longer than any administrative call takes.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The JWT is for one command; the leeway of the service's clock comes on top.
const JWT_LIFETIME: Duration = Duration::from_mins(2);
/// What the provisioning log shows as the actor.
const SUBJECT: &str = "provisiond-cli";

/// Which service, and with whose key.
#[derive(clap::Args, Debug)]
pub struct Connection {
    /// The running service [default: the gRPC port on this machine, 127.0.0.1:50051]
    #[arg(
        long,
        env = "PROVISIOND_GRPC",
        value_name = "URL",
        help_heading = "Connection"
    )]
    pub grpc: Option<String>,

    /// Certificate (PEM) of the authority behind an https URL [default: the system's authorities]
    #[arg(
        long,
        env = "PROVISIOND_GRPC_CA",
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub grpc_ca: Option<PathBuf>,

    #[command(flatten)]
    pub signer: Signer,
}

/// With whose key JWTs are signed, and how they name the parties.
#[derive(clap::Args, Debug)]
pub struct Signer {
    /// The data folder whose key signs the call [default: ./provisiond-data]
    #[arg(
        long,
        env = "PROVISIOND_DATA_DIR",
        value_name = "DIR",
        help_heading = "Connection"
    )]
    pub data_dir: Option<PathBuf>,

    /// `iss` of the JWT, as the service expects it [default: provisiond]
    #[arg(
        long,
        env = "PROVISIOND_JWT_ISSUER",
        value_name = "TEXT",
        help_heading = "Connection"
    )]
    pub jwt_issuer: Option<String>,

    /// `aud` of the JWT, as the service expects it [default: provisiond]
    #[arg(
        long,
        env = "PROVISIOND_JWT_AUDIENCE",
        value_name = "TEXT",
        help_heading = "Connection"
    )]
    pub jwt_audience: Option<String>,

    /// The service's configuration file, for what is not said here [default: provisiond.toml, if it is there]
    #[arg(
        long,
        env = "PROVISIOND_CONFIG",
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub config: Option<PathBuf>,
}

/// A key, and the names of the parties.
pub struct Signing {
    key: SigningKey,
    issuer: String,
    audience: String,
}

impl Signer {
    /// Finds the key.
    pub fn resolve(&self) -> anyhow::Result<Signing> {
        let mut faults = Faults::default();
        let file = config::read(self.config.as_deref(), &mut faults);
        let file = faults.or(file)?;
        let data_dir = self
            .data_dir
            .clone()
            .or(file.data_dir)
            .unwrap_or_else(|| DEFAULT_DATA_DIR.into());
        let party = || DEFAULT_JWT_PARTY.to_owned();
        Ok(Signing {
            key: DataDir::open(&data_dir).signing_key()?,
            issuer: self
                .jwt_issuer
                .clone()
                .or(file.jwt_issuer)
                .unwrap_or_else(party),
            audience: self
                .jwt_audience
                .clone()
                .or(file.jwt_audience)
                .unwrap_or_else(party),
        })
    }
}

impl Signing {
    /// Makes a JWT.
    pub fn sign(
        &self,
        subject: &str,
        scopes: Vec<String>,
        tenant: Option<String>,
        lifetime: Duration,
    ) -> anyhow::Result<SecretString> {
        let grant = Grant {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            subject: subject.to_owned(),
            scopes,
            tenant,
            lifetime,
        };
        jwt::sign(&self.key, &grant, SystemClock.now())
    }
}

/// Puts the JWT into every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        request.set_timeout(CALL_TIMEOUT);
        Ok(request)
    }
}

/// What the generated clients call through.
pub type Session = InterceptedService<Channel, Bearer>;

impl Connection {
    /// Connects as the operator.
    pub async fn open(&self) -> anyhow::Result<Session> {
        let core = self.endpoint()?;
        let token = self.signer.resolve()?.sign(
            SUBJECT,
            vec![Scope::PlatformOperator.as_str().to_owned()],
            None,
            JWT_LIFETIME,
        )?;
        let mut bearer: MetadataValue<Ascii> = format!("Bearer {}", token.expose_secret())
            .parse()
            .context("the JWT is not ASCII")?;
        bearer.set_sensitive(true);

        let channel = core_endpoint::endpoint(&core)?
            .connect()
            .await
            .with_context(|| format!("cannot reach the service at {}; start it with `provisiond serve`, or name it with --grpc", core.url))?;
        Ok(InterceptedService::new(channel, Bearer(bearer)))
    }

    /// Where the service is, and whom it is to be signed by: read whole before anything is done.
    fn endpoint(&self) -> Result<CoreEndpoint, ConfigError> {
        let url = self
            .grpc
            .clone()
            .unwrap_or_else(|| format!("http://{DEFAULT_GRPC_ADDR}"));
        let read_ca = |path: &PathBuf| {
            tls::read_authority(path)
                .map_err(|error| ConfigError::one(format!("--grpc-ca: {error:#}")))
        };
        Ok(CoreEndpoint {
            url: url
                .parse()
                .map_err(|error| ConfigError::one(format!("--grpc {url}: {error}")))?,
            ca_pem: self.grpc_ca.as_ref().map(read_ca).transpose()?,
        })
    }
}

/// What the operator is told of a refused call.
pub fn explain(status: &Status) -> anyhow::Error {
    match status.code() {
        Code::Unauthenticated => anyhow!(
            "{} (--data-dir must name the data folder of the service that is called, and a service with its own JWKS takes only JWTs of \
             that)",
            status.message()
        ),
        Code::Unavailable | Code::DeadlineExceeded => {
            anyhow!("the service cannot answer now: {}", status.message())
        }
        _ => anyhow!("{}", status.message()),
    }
}
