//! Opens channels to a core in another process: keep-alive, time-outs, TLS.

use std::time::Duration;

use anyhow::Context as _;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::config::CoreEndpoint;

/// A core that is there answers the first packet at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Pings, while idle too: a core that vanished is noticed within the sum, before a SCIM request gives up on it.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a ping may stay unanswered.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The endpoint, not connected yet.
pub fn endpoint(core: &CoreEndpoint) -> anyhow::Result<Endpoint> {
    let endpoint = Endpoint::from(core.url.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    if core.url.scheme_str() != Some("https") {
        return Ok(endpoint);
    }
    let tls = match &core.ca_pem {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_enabled_roots(),
    };
    endpoint
        .tls_config(tls)
        .context("cannot set up TLS towards the core")
}
