//! End to end: the real binary on port 0, talked to over HTTP and gRPC. One file per theme; what they share is in `support`.

mod account_life;
mod entra_behaviour;
mod fixtures;
mod program;
mod support;
