//! The way to the core: the only place that knows whether the core is in this process or behind a socket.

use tonic::{
    body::Body,
    service::Routes,
    transport::{Channel, Error},
};
use tower::{ServiceExt, util::BoxCloneSyncService};

/// A gRPC channel to the core, whichever kind it is.
///
/// The box costs one small allocation a call.
pub type CoreChannel = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Error>;

/// The core of this process: calls its own generated servers, with the same codec and errors as over a socket, but no socket.
pub fn from_routes(routes: Routes) -> CoreChannel {
    BoxCloneSyncService::new(ServiceExt::<http::Request<Body>>::map_err(
        routes.prepare(),
        |never| match never {},
    ))
}

/// The core of another process. The channel should be lazy, so that the facade starts and answers 503 while the core is away,
/// and have HTTP/2 keep-alive, so that a dead connection is noticed.
pub fn from_channel(channel: Channel) -> CoreChannel {
    BoxCloneSyncService::new(channel)
}
