//! Accepts connections for both faces: time-outs, limits, TLS, and an end that lets requests finish.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, rt::Executor};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceExt as _;

/// From the first byte of a connection to the end of its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// From a connection's last answer to the end of the next request's head: ends idle connections too.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// Request line and header fields. Entra sends about 2 KiB; a filter may have 4 KiB, three times that when percent-encoded.
const HEAD_BYTES_MAX: u32 = 32 * 1024;
/// The buffer of an HTTP/1 connection; holds the head.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Header fields of an HTTP/1 request.
const HEADERS_MAX: usize = 100;
/// Requests at once on one HTTP/2 connection of a SCIM client: each may hold a body in memory.
const HTTP_STREAMS_MAX: u32 = 100;
/// The same for gRPC: a facade multiplexes all of its calls on one connection.
const GRPC_STREAMS_MAX: u32 = 1_024;
/// HTTP/2 pings: a peer that vanished is noticed within the sum, so that half-open connections do not pile up.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long a ping may stay unanswered.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed accept (out of file descriptors, most likely), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Ends what was started, in two steps.
#[derive(Clone, Default)]
pub struct Stop {
    /// No new connections; requests finish.
    pub drain: CancellationToken,
    /// What is left is cut off.
    pub cut: CancellationToken,
    /// Everything that runs.
    pub tasks: TaskTracker,
}

impl Stop {
    /// Runs a task that drains by itself, and is cut off when it takes too long.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            cut.run_until_cancelled(task).await;
        });
    }
}

/// The streams of an HTTP/2 connection are tasks too.
impl<F> Executor<F> for Stop
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        self.spawn(async {
            stream.await;
        });
    }
}

/// Which versions of HTTP are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/2.
    Http,
    /// HTTP/2 only.
    Grpc,
}

impl Protocol {
    /// What is offered in a TLS handshake.
    pub fn alpn(self) -> &'static [&'static [u8]] {
        match self {
            Self::Http => &[b"h2", b"http/1.1"],
            Self::Grpc => &[b"h2"],
        }
    }

    fn streams_max(self) -> u32 {
        match self {
            Self::Http => HTTP_STREAMS_MAX,
            Self::Grpc => GRPC_STREAMS_MAX,
        }
    }

    fn builder(self, stop: Stop) -> Builder<Stop> {
        let mut builder = Builder::new(stop);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_headers(HEADERS_MAX)
            .max_buf_size(BUFFER_BYTES_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .max_concurrent_streams(self.streams_max())
            .max_header_list_size(HEAD_BYTES_MAX);
        match self {
            Self::Http => builder,
            Self::Grpc => builder.http2_only(),
        }
    }
}

/// A bound port.
pub struct Listener {
    tcp: TcpListener,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    protocol: Protocol,
    connections_max: usize,
}

impl Listener {
    /// Binds; nothing is accepted yet.
    pub async fn bind(
        addr: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        protocol: Protocol,
        connections_max: usize,
    ) -> anyhow::Result<Self> {
        let tcp = TcpListener::bind(addr).await.with_context(|| {
            format!("cannot listen on {addr}; is another process there? Port 0 takes a free one")
        })?;
        let addr = tcp.local_addr().context("cannot read the bound address")?;
        Ok(Self {
            tcp,
            addr,
            tls: tls.map(TlsAcceptor::from),
            protocol,
            connections_max,
        })
    }

    /// Where clients on this machine reach it.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut addr = self.addr;
        if addr.ip().is_unspecified() {
            addr.set_ip(match addr {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("{scheme}://{addr}")
    }

    /// Serves until drained. The connections are tasks of `stop`.
    pub async fn serve(self, router: Router, stop: Stop) {
        let connections = Arc::new(Semaphore::new(self.connections_max));
        let builder = Arc::new(self.protocol.builder(stop.clone()));
        loop {
            // Over the limit, connections wait in the kernel's queue.
            let accepted = tokio::select! {
                biased;
                () = stop.drain.cancelled() => return,
                accepted = async {
                    let permit = Arc::clone(&connections).acquire_owned().await.expect("the semaphore is never closed");
                    (permit, self.tcp.accept().await)
                } => accepted,
            };
            let (permit, (tcp, peer)) = match accepted {
                (permit, Ok(connection)) => (permit, connection),
                (_, Err(error)) => {
                    tracing::warn!(error = %error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let connection = Connection {
                builder: Arc::clone(&builder),
                router: router.clone(),
                peer,
                local: self.addr,
                drain: stop.drain.clone(),
            };
            let tls = self.tls.clone();
            stop.spawn(async move {
                connection.serve(tcp, tls).await;
                drop(permit);
            });
        }
    }
}

struct Connection {
    builder: Arc<Builder<Stop>>,
    router: Router,
    peer: SocketAddr,
    local: SocketAddr,
    drain: CancellationToken,
}

impl Connection {
    async fn serve(self, tcp: TcpStream, tls: Option<TlsAcceptor>) {
        // Answers are small and written whole; waiting for more to fill a packet only delays them.
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(error = %error, "the connection ended before it began");
            return;
        }
        let Some(tls) = tls else {
            return self.serve_on(tcp).await;
        };
        match timeout(HANDSHAKE_TIMEOUT, tls.accept(tcp)).await {
            Ok(Ok(stream)) => self.serve_on(stream).await,
            Ok(Err(error)) => tracing::debug!(error = %error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn serve_on(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            builder,
            router,
            peer,
            local,
            drain,
        } = self;
        let service = tower::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(TcpConnectInfo {
                local_addr: Some(local),
                remote_addr: Some(peer),
            });
            router.clone().oneshot(request)
        });
        let mut connection = std::pin::pin!(
            builder.serve_connection(TokioIo::new(io), TowerToHyperService::new(service))
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = drain.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = %error, "connection ended early");
        }
    }
}
