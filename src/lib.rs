//! The program `provisiond`: one binary that serves SCIM and gRPC, and administers a running service.
//!
//! [`Service`] is the composition root: it builds everything and hands it down. Each subcommand is a module of `commands`.

mod client;
mod commands;
pub mod config;
mod core_endpoint;
mod data_dir;
mod health;
mod jwt;
mod listener;
mod output;
mod progress;
mod readiness;
mod requests;
mod service;
mod telemetry;
mod tls;

pub use commands::run;
pub use service::Service;

/// Makes aws-lc-rs the process's one crypto provider. Once a process; again is no harm.
pub fn install_crypto_provider() {
    // The error says that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
