//! End to end: the real binary on port 0, talked to over HTTP and gRPC. One file per theme; what they share is in `support`.

mod account_life;
mod crash;
mod credentials;
mod dialects;
mod entra_behaviour;
mod entra_sim;
mod extension_schemas;
mod fixtures;
mod groups;
mod grpc;
mod membership;
mod observability;
mod outage;
mod program;
mod queries;
mod quickstart;
mod readme;
mod refusals;
mod rejected;
mod replicas;
mod stopping;
mod support;
mod symptoms;
mod tls;
mod tokens;
mod trace;
