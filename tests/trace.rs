//! What a collector is sent: one request as one trace, from HTTP over gRPC to the storage, in two processes; and its count and duration.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{HistogramDataPoint, Metric, metric},
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
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<Metric>>>,
}

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
        self.spans
            .lock()
            .expect("no test panics with it")
            .extend(spans.flat_map(|scope| scope.spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let metrics = request
            .into_inner()
            .resource_metrics
            .into_iter()
            .flat_map(|resource| resource.scope_metrics);
        self.metrics
            .lock()
            .expect("no test panics with it")
            .extend(metrics.flat_map(|scope| scope.metrics));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tokio::test]
async fn one_request_is_one_trace_from_http_over_grpc_to_the_storage() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
    let mut tasks = JoinSet::new();
    let server = Server::builder()
        .add_service(TraceServiceServer::new(collector.clone()))
        .add_service(MetricsServiceServer::new(collector.clone()));
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

    let spans = collector
        .spans
        .lock()
        .expect("no test panics with it")
        .clone();
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

    let metrics = collector
        .metrics
        .lock()
        .expect("no test panics with it")
        .clone();
    assert_counted_once(&metrics);
    let shown = format!("{metrics:?}");
    assert!(
        !shown.contains("canary") && !shown.contains(&tenant.token),
        "a metric tells what it must not"
    );
}

/// The create is counted at each of its two edges.
fn assert_counted_once(metrics: &[Metric]) {
    let request = [
        ("http.request.method", "POST"),
        ("http.route", "/Users"),
        ("http.response.status_code", "201"),
        ("outcome", "ok"),
    ];
    let call = [
        (
            "rpc.method",
            "dragonce.provisioning.v1.AccountService/CreateAccount",
        ),
        ("rpc.response.status_code", "OK"),
        ("outcome", "ok"),
    ];
    for (metric, attributes) in [
        ("http.server.request.duration", &request[..]),
        ("rpc.server.call.duration", &call[..]),
    ] {
        let point = point(metrics, metric, attributes);
        assert!(
            point.count == 1 && point.sum > Some(0.0),
            "{metric}: {point:?}"
        );
    }
}

/// What was counted with just these attributes.
fn point<'m>(
    metrics: &'m [Metric],
    name: &str,
    attributes: &[(&str, &str)],
) -> &'m HistogramDataPoint {
    metrics
        .iter()
        .filter(|metric| metric.name == name && metric.unit == "s")
        .filter_map(|metric| match &metric.data {
            Some(metric::Data::Histogram(histogram)) => Some(&histogram.data_points),
            _ => None,
        })
        .flatten()
        .find(|point| {
            let found: HashMap<&str, String> = point.attributes.iter().map(shown).collect();
            found.len() == attributes.len()
                && attributes
                    .iter()
                    .all(|(key, value)| found.get(key).is_some_and(|found| found == value))
        })
        .unwrap_or_else(|| panic!("{name} with {attributes:?} is not in {metrics:#?}"))
}

fn shown(attribute: &KeyValue) -> (&str, String) {
    let value = match &attribute.value {
        Some(AnyValue {
            value: Some(any_value::Value::StringValue(text)),
        }) => text.clone(),
        Some(AnyValue {
            value: Some(any_value::Value::IntValue(number)),
        }) => number.to_string(),
        other => panic!("{} is {other:?}", attribute.key),
    };
    (&attribute.key, value)
}

/// The number that an id's bytes are.
fn number(id: &[u8]) -> u128 {
    id.iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}
