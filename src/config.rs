//! Configuration: flags over environment over file, checked whole before a port is bound. The only place for defaults.

mod environment;
mod faults;
mod file;
mod options;
mod peers;
mod urls;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use http::Uri;
use provisioning_core::{
    Retention,
    grpc::jwt::{JwksSource, JwtConfig},
    storage::StorageConfig,
};
use tracing_subscriber::EnvFilter;

pub use environment::without_unusable;
pub use faults::{ConfigError, Faults};
pub use file::read;
pub use options::{LogFormat, Options, Role};

use self::{
    peers::{core_endpoint, jwks_source, tls_files},
    urls::{origin, public_base_url, storage_url},
};
use crate::{data_dir::DataDir, tls::TlsFiles};

/// Where the embedded database and the signing key live by default.
pub const DEFAULT_DATA_DIR: &str = "provisiond-data";
/// Loopback: what is reachable from elsewhere was asked for.
pub const DEFAULT_HTTP_ADDR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Loopback, and the port that gRPC's examples use.
pub const DEFAULT_GRPC_ADDR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 50051);
/// `iss` and `aud` of JWTs when no other was configured.
pub const DEFAULT_JWT_PARTY: &str = "provisiond";
/// PostgreSQL's notices are not events of the service.
const DEFAULT_LOG_LEVEL: &str = "info,sqlx=warn";
/// Far more than a PostgreSQL server does work with.
const POOL_SIZE_MAX: u32 = 1_000;
/// The embedded database in the data folder.
const DATABASE_FILE: &str = "provisiond.db";
/// Entra opens a handful; the rest is room for other clients. Each costs a file descriptor, of which 1,024 is a common limit per process for
/// a shell and far below that of a service.
const DEFAULT_CONNECTIONS: usize = 1_024;
const CONNECTIONS_MAX: usize = 100_000;
const DAY: Duration = Duration::from_hours(24);
/// As good as for ever, and far from where times overflow.
const RETENTION_DAYS_MAX: u32 = 36_500;
/// Longer than any request should take, shorter than what orchestrators wait before they kill.
const DEFAULT_SHUTDOWN_GRACE_SECONDS: u64 = 10;
const SHUTDOWN_GRACE_SECONDS_MAX: u64 = 3_600;

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Port 0 takes a free one.
    pub addr: SocketAddr,
    /// Absent: without TLS.
    pub tls: Option<TlsFiles>,
}

/// A core in another process.
#[derive(Clone, Debug)]
pub struct CoreEndpoint {
    /// http or https, without a path.
    pub url: Uri,
    /// PEM of the authority that signed its certificate; absent: the system's.
    pub ca_pem: Option<Vec<u8>>,
}

/// What is written about what happens.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Directives of an `EnvFilter` that parse.
    pub log_level: String,
    /// How lines look.
    pub log_format: LogFormat,
    /// Collector of traces and metrics.
    pub otlp_endpoint: Option<String>,
}

/// A configuration that was checked whole.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which faces are served.
    pub role: Role,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The database, for roles with a core.
    pub storage: StorageConfig,
    /// How long the core keeps history.
    pub retention: Retention,
    /// For roles with a facade.
    pub http: ListenerConfig,
    /// For roles with a core.
    pub grpc: ListenerConfig,
    /// Absent: the bound HTTP address.
    pub public_base_url: Option<String>,
    /// Connections that one listener holds open.
    pub connections_max: usize,
    /// Whether generic clients can read the contract.
    pub grpc_reflection: bool,
    /// For the role facade.
    pub core: Option<CoreEndpoint>,
    /// Which JWTs are trusted.
    pub jwt: JwtConfig,
    /// Whether these are signed with the key pair of the data folder.
    pub own_jwks: bool,
    /// Logs, traces, metrics.
    pub telemetry: TelemetryConfig,
    /// How long requests may go on after a stop was asked for.
    pub shutdown_grace: Duration,
}

impl Config {
    /// Merges flags and environment with the file, and checks the whole.
    pub fn load(flags: Options, config_file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut faults = Faults::default();
        let options = merge(flags, config_file, &mut faults);
        Self::check(options, faults)
    }

    /// The same for who only opens the database: what a service needs besides is not asked for.
    pub fn load_storage(
        flags: Options,
        config_file: Option<&Path>,
    ) -> Result<(StorageConfig, TelemetryConfig), ConfigError> {
        let mut faults = Faults::default();
        let options = merge(flags, config_file, &mut faults);
        let storage = storage(&options, &data_dir(&options, &mut faults), &mut faults);
        let telemetry = telemetry(options, &mut faults);
        faults.or((storage, telemetry))
    }

    /// Turns options into a configuration, or tells every fault, those found before too.
    fn check(options: Options, mut faults: Faults) -> Result<Self, ConfigError> {
        let role = options.role.unwrap_or_default();
        let data_dir = data_dir(&options, &mut faults);
        let storage = storage(&options, &data_dir, &mut faults);
        let telemetry = telemetry(options.clone(), &mut faults);
        let retention = retention(&options, &mut faults);
        let configured_jwks = jwks_source(options.jwks_file, options.jwks_url, &mut faults);
        let config = Self {
            role,
            storage,
            retention,
            http: ListenerConfig {
                addr: options.http_addr.unwrap_or(DEFAULT_HTTP_ADDR),
                tls: tls_files(
                    "http",
                    options.http_tls_cert,
                    options.http_tls_key,
                    &mut faults,
                ),
            },
            grpc: ListenerConfig {
                addr: options.grpc_addr.unwrap_or(DEFAULT_GRPC_ADDR),
                tls: tls_files(
                    "grpc",
                    options.grpc_tls_cert,
                    options.grpc_tls_key,
                    &mut faults,
                ),
            },
            public_base_url: options
                .public_base_url
                .as_deref()
                .and_then(|url| public_base_url(url, &mut faults)),
            connections_max: faults.within(
                "connections_max",
                options.connections_max,
                DEFAULT_CONNECTIONS,
                1,
                CONNECTIONS_MAX,
            ),
            grpc_reflection: options.grpc_reflection.unwrap_or(true),
            core: core_endpoint(role, options.core_url, options.core_ca, &mut faults),
            own_jwks: configured_jwks.is_none(),
            jwt: JwtConfig {
                source: configured_jwks
                    .unwrap_or_else(|| JwksSource::File(DataDir::open(&data_dir).jwks_file())),
                issuer: options
                    .jwt_issuer
                    .unwrap_or_else(|| DEFAULT_JWT_PARTY.to_owned()),
                audience: options
                    .jwt_audience
                    .unwrap_or_else(|| DEFAULT_JWT_PARTY.to_owned()),
            },
            data_dir,
            telemetry,
            shutdown_grace: Duration::from_secs(faults.within(
                "shutdown_grace_seconds",
                options.shutdown_grace_seconds,
                DEFAULT_SHUTDOWN_GRACE_SECONDS,
                0,
                SHUTDOWN_GRACE_SECONDS_MAX,
            )),
        };
        if role == Role::Core && config.public_base_url.is_none() {
            faults.add(
                "public_base_url is missing: a core without a facade cannot know where customers reach SCIM; \
                 for example --public-base-url https://provisioning.example.com"
                    .to_owned(),
            );
        }
        let both = role.has_core() && role.has_facade();
        if both && config.http.addr == config.grpc.addr && config.http.addr.port() != 0 {
            faults.add(format!(
                "http_addr and grpc_addr are both {}; give each its own port",
                config.http.addr
            ));
        }
        faults.or(config)
    }
}

fn retention(options: &Options, faults: &mut Faults) -> Retention {
    let default = Retention::default();
    let mut kept = |key, days: Option<u32>, default: Duration| match days {
        Some(_) => DAY * faults.within(key, days, 1, 1, RETENTION_DAYS_MAX),
        None => default,
    };
    Retention {
        log: kept(
            "log_retention_days",
            options.log_retention_days,
            default.log,
        ),
        changes: kept(
            "change_retention_days",
            options.change_retention_days,
            default.changes,
        ),
    }
}

/// Flags over environment over file.
fn merge(flags: Options, config_file: Option<&Path>, faults: &mut Faults) -> Options {
    let environment = environment::read(&environment::variables(), faults);
    let mut options = flags.or(environment).or(read(config_file, faults));
    if options.otlp_endpoint.is_none() {
        // The variable that every OpenTelemetry SDK reads.
        options.otlp_endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT")
            .ok()
            .filter(|url| !url.is_empty());
    }
    options
}

fn data_dir(options: &Options, faults: &mut Faults) -> PathBuf {
    let data_dir = options
        .data_dir
        .clone()
        .unwrap_or_else(|| DEFAULT_DATA_DIR.into());
    if data_dir.exists() && !data_dir.is_dir() {
        faults.add(format!("data_dir: {} is not a folder", data_dir.display()));
    }
    data_dir
}

fn storage(options: &Options, data_dir: &Path, faults: &mut Faults) -> StorageConfig {
    let url = storage_url(options.database_url.as_ref(), data_dir, faults);
    let defaults = StorageConfig::new(url);
    StorageConfig {
        pool_size_max: faults.within(
            "pool_size_max",
            options.pool_size_max,
            defaults.pool_size_max,
            1,
            POOL_SIZE_MAX,
        ),
        ..defaults
    }
}

fn telemetry(options: Options, faults: &mut Faults) -> TelemetryConfig {
    TelemetryConfig {
        log_level: log_level(options.log_level, faults),
        log_format: options.log_format.unwrap_or_default(),
        otlp_endpoint: options.otlp_endpoint.inspect(|url| {
            origin("otlp_endpoint", url, faults);
        }),
    }
}

fn log_level(level: Option<String>, faults: &mut Faults) -> String {
    let level = level.unwrap_or_else(|| DEFAULT_LOG_LEVEL.to_owned());
    if let Err(error) = EnvFilter::try_new(&level) {
        faults.add(format!("log_level: {error}; write error, warn, info, debug or trace, or directives such as info,provisioning_core=debug"));
    }
    level
}

#[cfg(test)]
mod tests {
    use provisioning_core::storage::StorageUrl;

    use super::*;

    fn check(text: &str) -> Result<Config, String> {
        let mut faults = Faults::default();
        let options = file::parse(text, &mut faults);
        Config::check(options, faults).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_is_all_in_one_on_loopback() {
        let config = check("").expect("the defaults are good");
        assert_eq!(
            (config.role, config.http.addr, config.grpc.addr),
            (Role::All, DEFAULT_HTTP_ADDR, DEFAULT_GRPC_ADDR)
        );
        assert!(
            matches!(config.storage.url, StorageUrl::Sqlite(path) if path == Path::new("provisiond-data/provisiond.db"))
        );
        assert!(config.grpc_reflection && config.telemetry.otlp_endpoint.is_none());
        assert_eq!(
            (config.retention.log, config.retention.changes),
            (DAY * 400, DAY * 90)
        );
    }

    #[test]
    fn what_comes_first_wins_key_by_key() {
        let mut faults = Faults::default();
        let flags = file::parse("http_addr = '127.0.0.1:1'", &mut faults);
        let text = "http_addr = '127.0.0.1:2'\ngrpc_addr = '127.0.0.1:3'";
        let merged = flags.or(file::parse(text, &mut faults));
        assert!(faults.0.is_empty());
        assert_eq!(merged.http_addr.map(|addr| addr.port()), Some(1));
        assert_eq!(merged.grpc_addr.map(|addr| addr.port()), Some(3));
    }

    #[test]
    fn each_fault_says_what_to_do() {
        for (text, told) in [
            ("role = 'facade'", "core_url is missing"),
            ("role = 'core'", "public_base_url is missing"),
            ("core_url = 'http://core'", "this role has its own core"),
            (
                "role = 'facade'\ncore_url = 'core:50051'",
                "core_url: it must start with http:// or https://",
            ),
            (
                "role = 'facade'\ncore_url = 'http://core/x'",
                "core_url: it must not have a path",
            ),
            (
                "database_url = 'mysql://u:pw@h/d'",
                "must start with postgres:// or sqlite:",
            ),
            ("database_url = 'sqlite::memory:'", "path of a file"),
            (
                "public_base_url = 'ftp://scim'",
                "public_base_url: it must start with",
            ),
            (
                "public_base_url = 'https://u:p@scim'",
                "must not hold a user name",
            ),
            ("http_tls_cert = 'c.pem'", "http_tls_key is not"),
            ("grpc_tls_key = 'k.pem'", "grpc_tls_cert is not"),
            (
                "http_tls_cert = 'absent.pem'\nhttp_tls_key = 'absent.key'",
                "absent.pem",
            ),
            ("jwks_file = 'a'\njwks_url = 'http://b'", "keep one"),
            ("jwks_file = 'absent.json'", "absent.json"),
            (
                "pool_size_max = 0",
                "pool_size_max is 0; it must be from 1 to 1000",
            ),
            ("connections_max = 0", "connections_max is 0"),
            (
                "shutdown_grace_seconds = 99999",
                "shutdown_grace_seconds is 99999",
            ),
            ("log_level = 'a=b=c'", "log_level:"),
            (
                "otlp_endpoint = 'collector'",
                "otlp_endpoint: it must start with",
            ),
            (
                "http_addr = '127.0.0.1:9'\ngrpc_addr = '127.0.0.1:9'",
                "give each its own port",
            ),
        ] {
            let error = check(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = "pool_size_max = 0\nhttp_addr = 1\nhtp_addr = ''\nconnections_max = 0";
        let error = check(text).expect_err("four faults");
        assert_eq!(error.lines().count(), 4, "{error}");
    }

    #[test]
    fn a_base_url_loses_its_last_slash() {
        assert_eq!(
            check("public_base_url = 'https://h/base/'")
                .expect("good")
                .public_base_url
                .as_deref(),
            Some("https://h/base")
        );
    }

    #[test]
    fn a_password_is_not_in_debug_output() {
        let config = check("database_url = 'postgres://u:s3cr3t@h/d'").expect("good");
        assert!(!format!("{config:?}").contains("s3cr3t"));
    }
}
