//! The settings of each component that this version has, with the Collector's defaults.

mod attributes;
mod auth;
mod batch;
mod client;
mod condition_groups;
pub(crate) mod connectors;
mod debug;
mod file;
mod file_storage;
mod filter;
mod group_by_trace;
mod groupbyattrs;
mod headers_setter;
mod health_check;
mod http_keepalive;
mod jaeger_receiver;
mod kubernetes;
mod load_balancing;
mod loki;
mod match_properties;
mod memory_limiter;
mod metrics_transform;
mod otlp_exporters;
mod otlp_json_file;
mod otlp_receiver;
mod pprof;
mod probabilistic_sampler;
mod prometheus;
mod prometheus_receiver;
mod prometheus_remote_write;
mod queue;
mod redaction;
mod resource_detection;
mod server;
mod span;
mod tls;
mod transform;
mod zipkin;
mod zipkin_receiver;
mod zpages;

pub use attributes::{
    Action, AttributeAction, AttributesProcessor, ConvertedType, ResourceProcessor,
};
pub use auth::{BasicAuth, BearerTokenAuth, ClientCredentials, HtPasswd};
pub use batch::Batch;
pub use client::{
    Authenticator, ClientKeepalive, CompressionParameters, GrpcClient, GrpcCompression, HttpClient,
    HttpCompression,
};
pub use condition_groups::{ConditionGroup, ConditionGroups};
pub(crate) use debug::LoggingExporter;
pub use debug::{DebugExporter, Verbosity};
pub use file::{FileCompression, FileExporter, FileFormat, GroupBy, Rotation};
pub use file_storage::FileStorage;
pub use filter::{
    FilterProcessor, LeastSeverity, LogFilters, LogMatchProperties, MetricFilters,
    MetricMatchProperties, MetricMatchType, SpanFilters, TraceFilters,
};
pub use group_by_trace::GroupByTrace;
pub use groupbyattrs::GroupByAttrs;
pub use headers_setter::{HeaderAction, HeaderRule, HeadersSetter};
pub use health_check::{HealthCheck, ResponseBody};
pub use http_keepalive::{HttpClientKeepalive, HttpServerKeepalive};
pub use jaeger_receiver::{
    DatagramServer, JaegerBinaryServer, JaegerCompactServer, JaegerGrpcServer, JaegerHttpServer,
    JaegerProtocols, JaegerReceiver,
};
pub use kubernetes::{
    AssociationFrom, AssociationSource, ExcludedPod, FieldExtraction, FieldFilter, FieldOperation,
    FieldOwner, KubernetesAttributes, KubernetesAuth, LabelFilter, LabelOperation, PodAssociation,
    PodExclusion, PodExtraction, PodField, PodFilter,
};
pub use load_balancing::{
    BalancedProtocol, DnsResolver, EndpointResolver, LoadBalancingExporter, Port, RoutingKey,
    StaticResolver,
};
pub use loki::{LokiEncoding, LokiExporter, LokiStructuredMetadata};
pub use match_properties::{
    InstrumentationLibrary, LogSeverity, MatchAttribute, MatchProperties, MatchType, SeverityNumber,
};
pub use memory_limiter::MemoryLimiter;
pub use metrics_transform::{
    LabelValueChange, MetricAggregation, MetricOperation, MetricOperationAction, MetricTransform,
    MetricTransformAction, MetricsTransform, SubmatchCase,
};
pub use otlp_exporters::{Encoding, OtlpGrpcExporter, OtlpHttpExporter};
pub use otlp_json_file::{OtlpJsonFileReceiver, PackedFiles, StartAt};
pub use otlp_receiver::{OtlpGrpcServer, OtlpHttpServer, OtlpProtocols, OtlpReceiver};
pub use pprof::Pprof;
pub use probabilistic_sampler::{AttributeSource, ProbabilisticSampler, SamplerMode};
pub use prometheus::{
    PrometheusExporter, ResourceConstantLabels, ResourceToTelemetry, TranslationStrategy,
};
pub use prometheus_receiver::{
    LooseText, NameEscaping, NameValidation, PrometheusConfig, PrometheusDuration,
    PrometheusReceiver, PrometheusSize, RelabelAction, RelabelRule, ScrapeAuthorization,
    ScrapeBasicAuth, ScrapeClient, ScrapeGlobal, ScrapeHeader, ScrapeJob, ScrapeProtocol,
    ScrapeTls, ScrapeTlsVersion, TargetFiles, TargetGroup, read_target_groups,
};
pub use prometheus_remote_write::{
    PrometheusRemoteWriteExporter, RemoteWriteProtocol, RemoteWriteQueue, TargetInfo,
};
pub use queue::{QueueBatch, QueuePartition, RetryOnFailure, SendingQueue, Sizer};
pub use redaction::{
    DatabaseSanitizer, DbSanitizer, HashFunction, RedactionProcessor, RedactionSummary,
    UrlSanitizer,
};
pub use resource_detection::{
    AksDetector, AttributeSwitch, AzureDetector, Detector, DockerDetector, Ec2Detector,
    GcpDetector, HostnameSource, KubernetesDetector, ResourceDetection, SystemDetector,
};
pub use server::{
    Cors, EnforcementPolicy, GrpcAuthenticator, GrpcServer, HttpAuthenticator, HttpServer,
    ServerKeepalive, ServerParameters, Transport,
};
pub use span::{SpanName, SpanProcessor, SpanStatus, SpanStatusCode, ToAttributes};
pub use tls::{ClientTls, ServerTls, TlsFiles, TlsVersion};
pub use transform::{StatementGroup, StatementGroups, TransformProcessor};
pub use zipkin::{ZipkinExporter, ZipkinFormat};
pub use zipkin_receiver::ZipkinReceiver;
pub use zpages::{ExpVar, ZPages};
