//! The keys of the configuration as the operator writes them: one struct for the flags, the environment and the file.

use std::{net::SocketAddr, path::PathBuf};

use clap::{
    ValueEnum,
    builder::{StringValueParser, TypedValueParser as _},
};
use secrecy::SecretString;
use serde::Deserialize;

/// Which faces a process serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Core and facade in one process.
    #[default]
    All,
    /// gRPC and the data.
    Core,
    /// SCIM over HTTP, in front of a core elsewhere.
    Facade,
}

impl Role {
    /// Whether the process owns the data and listens for gRPC.
    pub fn has_core(self) -> bool {
        match self {
            Self::All | Self::Core => true,
            Self::Facade => false,
        }
    }

    /// Whether the process listens for SCIM over HTTP.
    pub fn has_facade(self) -> bool {
        match self {
            Self::All | Self::Facade => true,
            Self::Core => false,
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Declares the options once: the struct, and how one source fills the gaps of another.
macro_rules! options {
    ($(#[$struct_doc:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$struct_doc])*
        pub struct $name { $($(#[$doc])* pub $field: Option<$type>,)* }

        impl $name {
            /// These, and `other` where these are silent.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }
        }
    };
}

options! {
    /// Every key. A flag `--http-addr` is `PROVISIOND_HTTP_ADDR` in the environment and `http_addr` in the file.
    #[derive(Clone, Debug, Default, clap::Args, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    Options {
        /// Which faces to serve [default: all]
        #[arg(long, env = "PROVISIOND_ROLE", value_enum, help_heading = "Service")]
        role: Role,

        /// The data folder: the embedded database and the key pair that signs administrative calls [default: ./provisiond-data]
        #[arg(long, env = "PROVISIOND_DATA_DIR", value_name = "DIR", help_heading = "Service")]
        data_dir: PathBuf,

        /// postgres://… or sqlite:FILE; better set in the environment or the file, where `ps` does not show it [default: SQLite in the data folder]
        #[arg(long, env = "PROVISIOND_DATABASE_URL", value_name = "URL", value_parser = StringValueParser::new().map(SecretString::from), hide_env_values = true, help_heading = "Service")]
        database_url: SecretString,

        /// Connections to PostgreSQL [default: 16]
        #[arg(long, env = "PROVISIOND_POOL_SIZE_MAX", value_name = "N", help_heading = "Service")]
        pool_size_max: u32,

        /// How long entries of the provisioning log are kept [default: 400]
        #[arg(long, env = "PROVISIOND_LOG_RETENTION_DAYS", value_name = "DAYS", help_heading = "Service")]
        log_retention_days: u32,

        /// How long changes are kept for those who follow them [default: 90]
        #[arg(long, env = "PROVISIOND_CHANGE_RETENTION_DAYS", value_name = "DAYS", help_heading = "Service")]
        change_retention_days: u32,

        /// Where SCIM is served; port 0 takes a free one [default: 127.0.0.1:8080]
        #[arg(long, env = "PROVISIOND_HTTP_ADDR", value_name = "ADDR", help_heading = "Listeners")]
        http_addr: SocketAddr,

        /// Where gRPC is served; port 0 takes a free one [default: 127.0.0.1:50051]
        #[arg(long, env = "PROVISIOND_GRPC_ADDR", value_name = "ADDR", help_heading = "Listeners")]
        grpc_addr: SocketAddr,

        /// Where customers reach SCIM: the start of every SCIM endpoint [default: the bound HTTP address]
        #[arg(long, env = "PROVISIOND_PUBLIC_BASE_URL", value_name = "URL", help_heading = "Listeners")]
        public_base_url: String,

        /// Certificate chain (PEM) of the HTTP listener; read again when it changes and on SIGHUP
        #[arg(long, env = "PROVISIOND_HTTP_TLS_CERT", value_name = "FILE", help_heading = "Listeners")]
        http_tls_cert: PathBuf,

        /// Private key (PEM) of the HTTP listener
        #[arg(long, env = "PROVISIOND_HTTP_TLS_KEY", value_name = "FILE", help_heading = "Listeners")]
        http_tls_key: PathBuf,

        /// Certificate chain (PEM) of the gRPC listener; read again when it changes and on SIGHUP
        #[arg(long, env = "PROVISIOND_GRPC_TLS_CERT", value_name = "FILE", help_heading = "Listeners")]
        grpc_tls_cert: PathBuf,

        /// Private key (PEM) of the gRPC listener
        #[arg(long, env = "PROVISIOND_GRPC_TLS_KEY", value_name = "FILE", help_heading = "Listeners")]
        grpc_tls_key: PathBuf,

        /// Connections that one listener holds open [default: 1024]
        #[arg(long, env = "PROVISIOND_CONNECTIONS_MAX", value_name = "N", help_heading = "Listeners")]
        connections_max: usize,

        /// Whether generic gRPC clients can read the contract from the server [default: true]
        #[arg(long, env = "PROVISIOND_GRPC_REFLECTION", value_name = "BOOL", help_heading = "Listeners")]
        grpc_reflection: bool,

        /// Where the core is: for `--role facade`
        #[arg(long, env = "PROVISIOND_CORE_URL", value_name = "URL", help_heading = "Core")]
        core_url: String,

        /// Certificate (PEM) of the authority behind an https `--core-url` [default: the system's authorities]
        #[arg(long, env = "PROVISIOND_CORE_CA", value_name = "FILE", help_heading = "Core")]
        core_ca: PathBuf,

        /// Public keys of whoever signs the callers' JWTs [default: the key pair in the data folder]
        #[arg(long, env = "PROVISIOND_JWKS_FILE", value_name = "FILE", help_heading = "Callers")]
        jwks_file: PathBuf,

        /// The same, fetched; kept while the URL is down
        #[arg(long, env = "PROVISIOND_JWKS_URL", value_name = "URL", help_heading = "Callers")]
        jwks_url: String,

        /// `iss` of the callers' JWTs [default: provisiond]
        #[arg(long, env = "PROVISIOND_JWT_ISSUER", value_name = "TEXT", help_heading = "Callers")]
        jwt_issuer: String,

        /// `aud` of the callers' JWTs [default: provisiond]
        #[arg(long, env = "PROVISIOND_JWT_AUDIENCE", value_name = "TEXT", help_heading = "Callers")]
        jwt_audience: String,

        /// Collector of traces and metrics, OTLP over gRPC [default: `OTEL_EXPORTER_OTLP_ENDPOINT`, else off]
        #[arg(long, env = "PROVISIOND_OTLP_ENDPOINT", value_name = "URL", help_heading = "Observability")]
        otlp_endpoint: String,

        /// Level, or directives such as `info,provisioning_core=debug` [default: info]
        #[arg(long, env = "PROVISIOND_LOG_LEVEL", value_name = "LEVEL", help_heading = "Observability")]
        log_level: String,

        /// How log lines are written to standard error [default: text]
        #[arg(long, env = "PROVISIOND_LOG_FORMAT", value_enum, help_heading = "Observability")]
        log_format: LogFormat,

        /// How long requests may go on after a stop was asked for [default: 10]
        #[arg(long, env = "PROVISIOND_SHUTDOWN_GRACE_SECONDS", value_name = "SECONDS", help_heading = "Service")]
        shutdown_grace_seconds: u64,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use clap::{Args as _, Command};

    use super::Options;

    const REFERENCE: &str = include_str!("../../docs/configuration.md");

    /// The reference is made of the flags' own texts. To write it anew, run this test with `WRITE_DOCS` set.
    #[test]
    fn the_reference_tells_every_key() {
        let mut rows = String::from("| key | flag | environment | meaning |\n|---|---|---|---|\n");
        for argument in Options::augment_args(Command::new("options")).get_arguments() {
            let key = argument.get_id();
            let flag = argument.get_long().expect("every key has a flag");
            let variable = argument
                .get_env()
                .and_then(|name| name.to_str())
                .expect("every key has a variable");
            let help = argument
                .get_help()
                .expect("every key has a text")
                .to_string()
                .replace('|', "\\|");
            writeln!(rows, "| `{key}` | `--{flag}` | `{variable}` | {help} |")
                .expect("a String takes everything");
        }
        let (before, rest) = REFERENCE
            .split_once("<!-- keys -->\n")
            .expect("the reference has its mark");
        let (_, after) = rest
            .split_once("<!-- end -->\n")
            .expect("the reference has its mark");
        let reference = format!("{before}<!-- keys -->\n{rows}<!-- end -->\n{after}");
        if std::env::var_os("WRITE_DOCS").is_some() {
            std::fs::write(
                concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md"),
                &reference,
            )
            .expect("written");
        } else {
            assert_eq!(
                reference, REFERENCE,
                "docs/configuration.md is not up to date: run WRITE_DOCS=1 cargo test the_reference"
            );
        }
    }
}
