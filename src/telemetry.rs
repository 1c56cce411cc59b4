//! Logs to standard error, and traces and metrics to a collector when one is configured: the only place that installs them.

use std::{fmt, io::IsTerminal as _};

use anyhow::Context as _;
use opentelemetry::{
    Context, KeyValue, global,
    trace::{Link, SpanKind, TraceId, TraceState, TracerProvider as _},
};
use opentelemetry_otlp::{
    MetricExporter, SpanExporter, WithExportConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    metrics::SdkMeterProvider,
    propagation::TraceContextPropagator,
    trace::{Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample},
};
use tonic::transport::ClientTlsConfig;
use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Writer},
        time::{FormatTime as _, SystemTime},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::config::{LogFormat, TelemetryConfig};

/// The target of the one line per request.
pub const REQUEST_TARGET: &str = "request";
/// `service.name` of everything that is exported.
const SERVICE_NAME: &str = "provisiond";

/// What has to be flushed before the process ends.
#[derive(Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Telemetry {
    /// Installs logs, and exporters when a collector is configured. Needs the runtime. Once a process.
    pub fn install(config: &TelemetryConfig) -> anyhow::Result<Self> {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let filter = EnvFilter::try_new(&config.log_level).context("log_level")?;
        let telemetry = match &config.otlp_endpoint {
            Some(endpoint) => Self::export_to(endpoint)
                .context("cannot set up the export of traces and metrics; check otlp_endpoint")?,
            None => Self::default(),
        };
        let spans = telemetry.traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer(SERVICE_NAME))
                .with_filter(own_spans())
        });
        tracing_subscriber::registry()
            .with(lines(config.log_format).with_filter(filter))
            .with(spans)
            .try_init()?;
        Ok(telemetry)
    }

    fn export_to(endpoint: &str) -> anyhow::Result<Self> {
        let resource = Resource::builder()
            .with_service_name(SERVICE_NAME)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let tls = ClientTlsConfig::new().with_enabled_roots();
        let spans = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_tls_config(tls.clone())
            .build()?;
        let traces = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(RequestsOnly)))
            .with_batch_exporter(spans)
            .with_resource(resource.clone())
            .build();
        let numbers = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_tls_config(tls)
            .build()?;
        let metrics = SdkMeterProvider::builder()
            .with_periodic_exporter(numbers)
            .with_resource(resource)
            .build();
        global::set_meter_provider(metrics.clone());
        Ok(Self {
            traces: Some(traces),
            metrics: Some(metrics),
        })
    }

    /// Sends what is still held. The last thing before the process ends; blocks for at most the exporters' time-out.
    pub fn flush(self) {
        let traces = self.traces.map(|provider| provider.shutdown());
        let metrics = self.metrics.map(|provider| provider.shutdown());
        for result in [traces, metrics].into_iter().flatten() {
            if let Err(error) = result {
                tracing::warn!(error = %error, "the last traces or metrics were not delivered");
            }
        }
    }
}

/// A trace begins with a request. What the service does by itself several times a second would drown the requests.
#[derive(Clone, Debug)]
struct RequestsOnly;

impl ShouldSample for RequestsOnly {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        kind: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let decision = match kind {
            SpanKind::Server => SamplingDecision::RecordAndSample,
            SpanKind::Client | SpanKind::Producer | SpanKind::Consumer | SpanKind::Internal => {
                SamplingDecision::Drop
            }
        };
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

/// The program's own spans; those of libraries would show what the program keeps to itself.
fn own_spans() -> Targets {
    Targets::new().with_default(LevelFilter::OFF).with_targets(
        [
            "provisiond",
            "provisioning_core",
            "scim_facade",
            "admin_grpc",
        ]
        .map(|target| (target, LevelFilter::DEBUG)),
    )
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal());
            lines
                .map_event_format(|other| Lines {
                    request: Text,
                    other,
                })
                .boxed()
        }
        LogFormat::Json => {
            let request = format::format()
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false);
            lines
                .json()
                .flatten_event(true)
                .map_event_format(|other| Lines { request, other })
                .boxed()
        }
    }
}

/// Two formats: the line of a request tells all by itself, other events need the spans they happened in.
struct Lines<R, O> {
    request: R,
    other: O,
}

impl<S, N, R, O> FormatEvent<S, N> for Lines<R, O>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    R: FormatEvent<S, N>,
    O: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() == REQUEST_TARGET {
            self.request.format_event(context, writer, event)
        } else {
            self.other.format_event(context, writer, event)
        }
    }
}

/// Time, level, target, fields; no spans.
struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        write!(
            writer,
            " {:>5} {}: ",
            event.metadata().level(),
            event.metadata().target()
        )?;
        context
            .field_format()
            .format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
