//! One request is one trace, from HTTP over gRPC to the storage, in two processes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::support::{Engine, Process, ScimClient, Service};

/// What a collector was sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = request
            .into_inner()
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        self.0
            .lock()
            .expect("no test panics with it")
            .extend(spans.flat_map(|scope| scope.spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test]
async fn one_request_is_one_trace_from_http_over_grpc_to_the_storage() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
    let mut tasks = JoinSet::new();
    let server = Server::builder().add_service(TraceServiceServer::new(collector.clone()));
    tasks.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let core_args = [
        "--role",
        "core",
        "--public-base-url",
        "https://scim.example",
        "--otlp-endpoint",
        &endpoint,
    ];
    let mut core = Service::start_with(Engine::Sqlite, &core_args).await;
    let facade_args = format!(
        "serve --role facade --http-addr 127.0.0.1:0 --core-url {} --otlp-endpoint {endpoint}",
        core.process.grpc()
    );
    let facade_args: Vec<String> = facade_args.split_whitespace().map(str::to_owned).collect();
    let mut facade = Process::start(&facade_args, &core.data_dir().join("facade")).await;

    let tenant = core.tenant("acme").await;
    let scim = ScimClient::new(
        format!("{}/scim/acme/v2", facade.http()),
        Some(tenant.token.clone()),
    );
    let trace_id: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
    let parent_id: u128 = 0xb7ad_6b71_6920_3331;
    let traceparent = format!("00-{trace_id:032x}-{parent_id:016x}-01");
    let headers = [
        ("content-type", "application/scim+json"),
        ("traceparent", &traceparent),
    ];
    let body = json!({"userName": "canary@contoso.com"}).to_string();
    scim.send_with(Method::POST, "/Users", &headers, Some(body))
        .await
        .expect(201);
    // Stopping sends what is held.
    assert!(facade.stop().await.success());
    assert!(core.process.stop().await.success());

    let spans = collector.0.lock().expect("no test panics with it").clone();
    let by_id: HashMap<u128, &Span> = spans
        .iter()
        .map(|span| (number(&span.span_id), span))
        .collect();
    let commit = spans
        .iter()
        .find(|span| span.name == "commit" && number(&span.trace_id) == trace_id)
        .expect("the storage is part of the trace");
    let mut chain = vec![commit.name.as_str()];
    let mut parent = number(&commit.parent_span_id);
    while let Some(span) = by_id.get(&parent) {
        chain.push(&span.name);
        parent = number(&span.parent_span_id);
    }
    assert_eq!(parent, parent_id, "{chain:?}");
    let call = chain
        .iter()
        .position(|name| *name == "dragonce.provisioning.v1.AccountService/CreateAccount");
    let request = chain.iter().position(|name| *name == "POST /Users");
    assert!(call.is_some() && request > call, "{chain:?}");

    let shown = format!("{spans:?}");
    assert!(
        !shown.contains("canary") && !shown.contains(&tenant.token),
        "a span tells what it must not"
    );
    assert!(!shown.contains("number_changes"), "upkeep is no request");
}

/// The number that an id's bytes are.
fn number(id: &[u8]) -> u128 {
    id.iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}
