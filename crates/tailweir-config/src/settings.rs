//! A whole configuration, as meant.

use crate::cluster::Cluster;
use crate::components::connectors::{
    CountConnector, ExceptionsConnector, RoutingConnector, ServiceGraphConnector,
    SpanMetricsConnector, SpanMetricsProcessor,
};
use crate::components::{
    AttributesProcessor, BasicAuth, Batch, BearerTokenAuth, DebugExporter, FileExporter,
    FileStorage, FilterProcessor, GroupByAttrs, GroupByTrace, GrpcServer, HeadersSetter,
    HealthCheck, HttpServer, JaegerReceiver, KubernetesAttributes, LokiExporter, MemoryLimiter,
    MetricsTransform, OtlpGrpcExporter, OtlpHttpExporter, OtlpJsonFileReceiver, OtlpReceiver,
    Pprof, ProbabilisticSampler, PrometheusExporter, PrometheusReceiver,
    PrometheusRemoteWriteExporter, RedactionProcessor, ResourceDetection, ResourceProcessor,
    SendingQueue, SpanProcessor, TransformProcessor, ZPages, ZipkinExporter, ZipkinReceiver,
};
use crate::components::{Authenticator, LoadBalancingExporter};
use crate::telemetry::Telemetry;
use crate::{ComponentId, Location, PipelineId, TailSampling, TraceAware};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tailweir_core::Signal;

/// A whole configuration: defaults filled in, references checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The receivers, used or not.
    pub receivers: BTreeMap<ComponentId, Receiver>,
    /// The processors, used or not.
    pub processors: BTreeMap<ComponentId, Processor>,
    /// The exporters, used or not.
    pub exporters: BTreeMap<ComponentId, Exporter>,
    /// The connectors, used or not, and those that processors are.
    pub connectors: BTreeMap<ComponentId, Connector>,
    /// The extensions, used or not.
    pub extensions: BTreeMap<ComponentId, Extension>,
    /// The pipelines, in order of the configuration, and behind them those from connectors that processors are.
    /// Every id in them is configured.
    pub pipelines: Vec<Pipeline>,
    /// The extensions that run, in the order in which they start.
    pub service_extensions: Vec<ComponentId>,
    /// What this process says about itself.
    pub telemetry: Telemetry,
    /// The cluster that it belongs to; nothing when it is complete by itself.
    pub cluster: Option<Cluster>,
    /// Whether conditions and statements may use converters that take lambdas: the Collector's feature gate
    /// `ottl.functions.enableLambda` is on.
    pub lambdas: bool,
    pub(crate) locations: BTreeMap<String, Location>,
    pub(crate) effective: Json,
}

impl Settings {
    /// Where something stands: `path` is its keys joined by `::`, such as
    /// `processors::tail_sampling::decision_wait`. Nothing when it is not written.
    #[must_use]
    pub fn location(&self, path: &str) -> Option<&Location> {
        self.locations.get(path)
    }

    /// The configuration with all defaults, secrets redacted, as a tree.
    #[must_use]
    pub fn effective(&self) -> &Json {
        &self.effective
    }

    /// Whether another configuration is the same but for what its `tail_sampling` processors say: such a change can be
    /// put into force everywhere at once.
    #[must_use]
    pub fn is_same_but_for_policies(&self, other: &Self) -> bool {
        type Entry<'a> = (&'a ComponentId, &'a Processor);
        let samples = |processor: &Processor| matches!(processor, Processor::TailSampling(_));
        let is_same_processor = |(one, two): (Entry<'_>, Entry<'_>)| {
            one == two || (one.0 == two.0 && samples(one.1) && samples(two.1))
        };
        self.processors.len() == other.processors.len()
            && self
                .processors
                .iter()
                .zip(&other.processors)
                .all(is_same_processor)
            && (&self.receivers, &self.exporters, &self.connectors)
                == (&other.receivers, &other.exporters, &other.connectors)
            && (&self.extensions, &self.service_extensions)
                == (&other.extensions, &other.service_extensions)
            && (&self.pipelines, &self.telemetry, &self.cluster)
                == (&other.pipelines, &other.telemetry, &other.cluster)
    }

    /// Every `tail_sampling` processor, used or not.
    pub fn tail_samplers(&self) -> impl Iterator<Item = (&ComponentId, &TailSampling)> {
        self.processors
            .iter()
            .filter_map(|(id, processor)| match processor {
                Processor::TailSampling(settings) => Some((id, settings.as_ref())),
                _ => None,
            })
    }

    /// The sampler that these logs follow: the traces pipeline and the processor in it. Nothing where there is
    /// none, or several that could be meant.
    #[must_use]
    pub fn followed_sampler<'s>(
        &'s self,
        aware: &'s TraceAware,
    ) -> Option<(&'s PipelineId, &'s ComponentId)> {
        let mut pipelines = self.pipelines_with(&aware.sampler);
        let found = match &aware.pipeline {
            Some(named) => pipelines.find(|id| *id == named)?,
            None => {
                let only = pipelines.next()?;
                pipelines.next().is_none().then_some(only)?
            }
        };
        Some((found, &aware.sampler))
    }

    /// The connector that this processor is, if it is one: under an id that no configuration can write.
    #[must_use]
    pub fn connector_of(&self, processor: &ComponentId) -> Option<ComponentId> {
        let is_connector = matches!(
            self.processors.get(processor),
            Some(Processor::SpanMetrics(_))
        );
        is_connector.then(|| ComponentId::of_processor(processor))
    }

    /// The connectors that a pipeline feeds: at its end, and where its processors are connectors.
    pub fn fed_connectors(&self, pipeline: &Pipeline) -> impl Iterator<Item = ComponentId> {
        let ends = pipeline.exporters.iter();
        let ends = ends.filter(|id| self.connectors.contains_key(*id)).cloned();
        let processors = pipeline.processors.iter();
        ends.chain(processors.filter_map(|id| self.connector_of(id)))
    }

    /// The traces pipelines that have this processor.
    pub(crate) fn pipelines_with(
        &self,
        processor: &ComponentId,
    ) -> impl Iterator<Item = &PipelineId> {
        let having = self.pipelines.iter().filter(move |pipeline| {
            pipeline.id.signal == Signal::Traces && pipeline.processors.contains(processor)
        });
        having.map(|pipeline| &pipeline.id)
    }
}

/// A pipeline: where one signal comes from, what happens to it, where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Its id.
    pub id: PipelineId,
    /// Where it stands.
    pub at: Location,
    /// Receivers, and connectors that feed it. Without duplicates.
    pub receivers: Vec<ComponentId>,
    /// Processors, in order. Without duplicates.
    pub processors: Vec<ComponentId>,
    /// Exporters, and connectors that it feeds. Without duplicates.
    pub exporters: Vec<ComponentId>,
}

/// A receiver.
#[derive(Debug, Clone, PartialEq)]
pub enum Receiver {
    /// `otlp`.
    Otlp(Box<OtlpReceiver>),
    /// `otlp_json_file`, `otlpjsonfile`.
    Files(Box<OtlpJsonFileReceiver>),
    /// `zipkin`.
    Zipkin(Box<ZipkinReceiver>),
    /// `jaeger`.
    Jaeger(Box<JaegerReceiver>),
    /// `prometheus`.
    Prometheus(Box<PrometheusReceiver>),
    /// `nop`: receives nothing.
    Nop,
}

impl Receiver {
    /// The gRPC server that it opens.
    #[must_use]
    pub fn grpc_server(&self) -> Option<&GrpcServer> {
        match self {
            Self::Otlp(otlp) => Some(&otlp.protocols.grpc.as_ref()?.server),
            Self::Jaeger(jaeger) => Some(&jaeger.protocols.grpc.as_ref()?.server),
            Self::Zipkin(_) | Self::Files(_) | Self::Prometheus(_) | Self::Nop => None,
        }
    }

    /// The HTTP server that it opens.
    #[must_use]
    pub fn http_server(&self) -> Option<&HttpServer> {
        match self {
            Self::Otlp(otlp) => Some(&otlp.protocols.http.as_ref()?.server),
            Self::Zipkin(zipkin) => Some(&zipkin.server),
            Self::Jaeger(jaeger) => Some(&jaeger.protocols.thrift_http.as_ref()?.server),
            Self::Files(_) | Self::Prometheus(_) | Self::Nop => None,
        }
    }

    /// Who checks callers, and where the block of it stands.
    pub(crate) fn authenticators(&self) -> impl Iterator<Item = (&'static str, ComponentId)> {
        let (grpc_at, http_at) = match self {
            Self::Otlp(_) => ("protocols::grpc::auth", "protocols::http::auth"),
            Self::Jaeger(_) => ("protocols::grpc::auth", "protocols::thrift_http::auth"),
            Self::Zipkin(_) | Self::Files(_) | Self::Prometheus(_) | Self::Nop => ("auth", "auth"),
        };
        let grpc = self.grpc_server().and_then(|server| server.auth.as_ref());
        let grpc = grpc.and_then(|auth| Some((grpc_at, auth.authenticator.clone()?)));
        let http = self.http_server().and_then(|server| server.auth.as_ref());
        let http = http.and_then(|auth| Some((http_at, auth.authenticator.clone()?)));
        grpc.into_iter().chain(http)
    }
}

/// A processor.
#[derive(Debug, Clone, PartialEq)]
pub enum Processor {
    /// `batch`.
    Batch(Batch),
    /// `memory_limiter`.
    MemoryLimiter(MemoryLimiter),
    /// `resource`.
    Resource(ResourceProcessor),
    /// `attributes`.
    Attributes(Box<AttributesProcessor>),
    /// `transform`.
    Transform(Box<TransformProcessor>),
    /// `span`.
    Span(Box<SpanProcessor>),
    /// `filter`.
    Filter(Box<FilterProcessor>),
    /// `redaction`.
    Redaction(Box<RedactionProcessor>),
    /// `groupbyattrs`.
    GroupByAttrs(GroupByAttrs),
    /// `metrics_transform`, `metricstransform`.
    MetricsTransform(MetricsTransform),
    /// `group_by_trace`, `groupbytrace`. What is behind it does its work.
    GroupByTrace(GroupByTrace),
    /// `resource_detection`, `resourcedetection`.
    ResourceDetection(Box<ResourceDetection>),
    /// `k8s_attributes`, `k8sattributes`.
    KubernetesAttributes(Box<KubernetesAttributes>),
    /// `probabilistic_sampler`.
    ProbabilisticSampler(ProbabilisticSampler),
    /// `spanmetrics` of old. What counts is the connector of [`Settings::connector_of`].
    SpanMetrics(Box<SpanMetricsProcessor>),
    /// `tail_sampling` of traces.
    TailSampling(Box<TailSampling>),
    /// `tail_sampling` of logs, with `trace_aware`.
    TraceAware(Box<TraceAware>),
}

/// An exporter.
#[derive(Debug, Clone, PartialEq)]
pub enum Exporter {
    /// `otlp_grpc`, `otlp`, and the `jaeger` exporter of old.
    OtlpGrpc(Box<OtlpGrpcExporter>),
    /// `otlp_http`, `otlphttp`.
    OtlpHttp(Box<OtlpHttpExporter>),
    /// `load_balancing`, `loadbalancing`.
    LoadBalancing(Box<LoadBalancingExporter>),
    /// `debug`, and `logging` of old.
    Debug(DebugExporter),
    /// `file`.
    File(FileExporter),
    /// `nop`: drops everything.
    Nop,
    /// `prometheus`.
    Prometheus(Box<PrometheusExporter>),
    /// `prometheus_remote_write`.
    PrometheusRemoteWrite(Box<PrometheusRemoteWriteExporter>),
    /// `zipkin`.
    Zipkin(Box<ZipkinExporter>),
    /// `loki` of old.
    Loki(Box<LokiExporter>),
}

impl Exporter {
    /// Its queue, where that is its own and has been configured or has defaults.
    #[must_use]
    pub fn sending_queue(&self) -> Option<&SendingQueue> {
        match self {
            Self::OtlpGrpc(exporter) => Some(&exporter.sending_queue),
            Self::OtlpHttp(exporter) => Some(&exporter.sending_queue),
            Self::Loki(exporter) => Some(&exporter.sending_queue),
            Self::Zipkin(exporter) => Some(&exporter.sending_queue),
            Self::Debug(exporter) => exporter.sending_queue.as_ref(),
            Self::Prometheus(exporter) => exporter.sending_queue.as_ref(),
            Self::LoadBalancing(_) | Self::File(_) | Self::Nop | Self::PrometheusRemoteWrite(_) => {
                None
            }
        }
    }

    /// Names of metadata by which its batches are divided.
    #[must_use]
    pub fn partition_keys(&self) -> &[String] {
        let queue = match self {
            Self::LoadBalancing(exporter) => Some(&exporter.protocol.otlp.sending_queue),
            other => other.sending_queue(),
        };
        let batch = queue.and_then(|queue| queue.batch.as_ref());
        batch.map_or(&[], |batch| &batch.partition.metadata_keys)
    }

    /// The block that says who it is, and the keys that lead there.
    #[must_use]
    pub fn authenticator(&self) -> Option<(&'static [&'static str], &Authenticator)> {
        let (path, auth): (&[&str], _) = match self {
            Self::OtlpGrpc(exporter) => (&["auth"], &exporter.client.auth),
            Self::OtlpHttp(exporter) => (&["auth"], &exporter.client.auth),
            Self::Loki(exporter) => (&["auth"], &exporter.client.auth),
            Self::Zipkin(exporter) => (&["auth"], &exporter.client.auth),
            Self::PrometheusRemoteWrite(exporter) => (&["auth"], &exporter.client().auth),
            Self::LoadBalancing(exporter) => (
                &["protocol", "otlp", "auth"],
                &exporter.protocol.otlp.client.auth,
            ),
            _ => return None,
        };
        auth.as_ref().map(|auth| (path, auth))
    }
}

/// A connector.
#[derive(Debug, Clone, PartialEq)]
pub enum Connector {
    /// `forward`: from pipelines to pipelines of the same signal.
    Forward,
    /// `routing`: the same, by what the telemetry is.
    Routing(RoutingConnector),
    /// `span_metrics`, `spanmetrics`: counts and durations of spans.
    SpanMetrics(Box<SpanMetricsConnector>),
    /// The `spanmetrics` processor of old.
    SpanMetricsProcessor(Box<SpanMetricsProcessor>),
    /// `service_graph`, `servicegraph`: requests between services.
    ServiceGraph(Box<ServiceGraphConnector>),
    /// `count`: how many items there are.
    Count(Box<CountConnector>),
    /// `exceptions`: what spans recorded as exceptions.
    Exceptions(ExceptionsConnector),
}

impl Connector {
    /// Whether what it makes of one signal is another, or the same.
    #[must_use]
    pub fn joins(&self, from: Signal, to: Signal) -> bool {
        match self {
            Self::Forward | Self::Routing(_) => from == to,
            Self::SpanMetrics(_) | Self::SpanMetricsProcessor(_) | Self::ServiceGraph(_) => {
                (from, to) == (Signal::Traces, Signal::Metrics)
            }
            Self::Count(_) => to == Signal::Metrics,
            Self::Exceptions(_) => from == Signal::Traces && to != Signal::Traces,
        }
    }
}

/// An extension.
#[derive(Debug, Clone, PartialEq)]
pub enum Extension {
    /// `health_check`.
    HealthCheck(Box<HealthCheck>),
    /// `basicauth`.
    BasicAuth(BasicAuth),
    /// `bearertokenauth`.
    BearerTokenAuth(BearerTokenAuth),
    /// `headers_setter`.
    HeadersSetter(Box<HeadersSetter>),
    /// `file_storage`.
    FileStorage(Box<FileStorage>),
    /// `zpages`.
    ZPages(Box<ZPages>),
    /// `pprof`.
    Pprof(Box<Pprof>),
    /// `memory_ballast`: accepted and not there. A warning says so.
    Absent,
}
