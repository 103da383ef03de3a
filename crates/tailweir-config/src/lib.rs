//! Collector YAML, as it is, to validated settings.
//!
//! [`load`] reads [`Sources`] (files, variables, texts, `--set`), lays them over each other,
//! substitutes `${env:NAME}` and its like, and makes [`Settings`] of the tree: typed, with the
//! Collector's defaults, every reference checked. All mistakes are told at once in [`Diagnostics`],
//! each with file, line and column, the nearest known name and what to do.
//!
//! What the Collector's start refuses is refused here, at load. What it runs although it is hardly
//! meant runs here with a warning. Old forms that it no longer takes run with advice, unless the load
//! is strict.
//!
//! The binary calls it at start, on reload and for its `config` and `policy` commands; every other room
//! takes its settings from here. It never reads a file or variable by itself (the caller's
//! [`Environment`] does), never repeats a secret, and starts nothing.
//!
//! Each block of options is defined once, by one macro: the struct, its defaults, how it is read and
//! printed, and its part of [`schema_json`] and [`reference_markdown`].
//!
//! ```
//! use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
//!
//! let text = "receivers: {otlp: {protocols: {grpc: {endpont: '0.0.0.0:4317'}}}}
//! exporters: {debug: }
//! service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}";
//! let sources = Sources::new().config(format!("yaml:{text}"));
//! let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
//! let error = loaded.diagnostics.errors().next().unwrap();
//! assert_eq!(error.location.to_string(), "yaml:...:1:39");
//! assert!(error.help.as_deref().unwrap().starts_with("did you mean `endpoint`?"));
//! ```

mod assemble;
mod catalogue;
mod cluster;
mod component_id;
mod components;
mod diagnostic;
mod duration;
mod environment;
mod feature_gate;
mod load;
mod location;
mod merge;
mod nearest;
mod node;
mod pattern;
mod print;
mod reference;
mod report;
mod schema;
mod setting;
mod settings;
mod sources;
mod substitution;
mod tail_sampling;
mod telemetry;
mod yaml;

pub use catalogue::{
    AbsentComponents, Component, IdleOption, Role, Stability, absent_components, components,
    idle_options,
};
pub use cluster::{Cluster, ClusterRole, ClusterTls};
pub use component_id::{ComponentId, PipelineId};
pub use components::connectors::{
    AggregationTemporality, CountConnector, CountedAttribute, CountedMetric, Dimension,
    DurationUnit, EdgeStore, ExceptionsConnector, ExceptionsDimension, ExceptionsExemplars,
    ExplicitHistogram, ExponentialHistogram, Glob, GlobError, Route, RouteAction, RouteContext,
    RoutingConnector, ServiceGraphConnector, SpanMetricsConnector, SpanMetricsEvents,
    SpanMetricsExemplars, SpanMetricsHistogram, SpanMetricsProcessor,
};
pub use components::{
    Action, AttributeAction, AttributeSource, AttributesProcessor, Authenticator, BasicAuth, Batch,
    BearerTokenAuth, ClientCredentials, ClientKeepalive, ClientTls, CompressionParameters,
    ConditionGroup, ConditionGroups, ConvertedType, Cors, DatabaseSanitizer, DbSanitizer,
    DebugExporter, Encoding, EnforcementPolicy, ExpVar, FileCompression, FileExporter, FileFormat,
    FileStorage, FilterProcessor, GroupBy, GroupByAttrs, GroupByTrace, GrpcAuthenticator,
    GrpcClient, GrpcCompression, GrpcServer, HashFunction, HeaderAction, HeaderRule, HeadersSetter,
    HealthCheck, HtPasswd, HttpAuthenticator, HttpClient, HttpClientKeepalive, HttpCompression,
    HttpServer, HttpServerKeepalive, InstrumentationLibrary, LeastSeverity, LogFilters,
    LogMatchProperties, LogSeverity, LokiEncoding, LokiExporter, LokiStructuredMetadata,
    MatchAttribute, MatchProperties, MatchType, MemoryLimiter, MetricFilters,
    MetricMatchProperties, MetricMatchType, OtlpGrpcExporter, OtlpGrpcServer, OtlpHttpExporter,
    OtlpHttpServer, OtlpJsonFileReceiver, OtlpProtocols, OtlpReceiver, PackedFiles, Pprof,
    ProbabilisticSampler, PrometheusExporter, PrometheusRemoteWriteExporter, QueueBatch,
    QueuePartition, RedactionProcessor, RedactionSummary, RemoteWriteProtocol, RemoteWriteQueue,
    ResourceConstantLabels, ResourceProcessor, ResourceToTelemetry, ResponseBody, RetryOnFailure,
    Rotation, SamplerMode, SendingQueue, ServerKeepalive, ServerParameters, ServerTls,
    SeverityNumber, Sizer, SpanFilters, SpanName, SpanProcessor, SpanStatus, SpanStatusCode,
    StartAt, StatementGroup, StatementGroups, TargetInfo, TlsFiles, TlsVersion, ToAttributes,
    TraceFilters, TransformProcessor, TranslationStrategy, Transport, UrlSanitizer, Verbosity,
    ZPages, ZipkinExporter, ZipkinFormat, ZipkinReceiver,
};
pub use components::{
    AksDetector, AttributeSwitch, AzureDetector, Detector, DockerDetector, Ec2Detector,
    GcpDetector, HostnameSource, KubernetesDetector, ResourceDetection, SystemDetector,
};
pub use components::{
    AssociationFrom, AssociationSource, ExcludedPod, FieldExtraction, FieldFilter, FieldOperation,
    FieldOwner, KubernetesAttributes, KubernetesAuth, LabelFilter, LabelOperation, PodAssociation,
    PodExclusion, PodExtraction, PodField, PodFilter,
};
pub use components::{
    BalancedProtocol, DnsResolver, EndpointResolver, LoadBalancingExporter, Port, RoutingKey,
    StaticResolver,
};
pub use components::{
    DatagramServer, JaegerBinaryServer, JaegerCompactServer, JaegerGrpcServer, JaegerHttpServer,
    JaegerProtocols, JaegerReceiver,
};
pub use components::{
    LabelValueChange, MetricAggregation, MetricOperation, MetricOperationAction, MetricTransform,
    MetricTransformAction, MetricsTransform, SubmatchCase,
};
pub use components::{
    LooseText, NameEscaping, NameValidation, PrometheusConfig, PrometheusDuration,
    PrometheusReceiver, PrometheusSize, RelabelAction, RelabelRule, ScrapeAuthorization,
    ScrapeBasicAuth, ScrapeClient, ScrapeGlobal, ScrapeHeader, ScrapeJob, ScrapeProtocol,
    ScrapeTls, ScrapeTlsVersion, TargetFiles, TargetGroup, read_target_groups,
};
pub use diagnostic::{Cause, Diagnostic, Diagnostics, Severity};
pub use duration::parse_duration;
pub use environment::{EmptyEnvironment, Environment};
pub use feature_gate::FeatureGate;
pub use load::{LoadOptions, Loaded, load, load_tail_sampling_block, read_yaml};
pub use location::Location;
pub use print::{print_config, print_policies, print_tree, print_unredacted};
pub use reference::reference_markdown;
pub use schema::schema_json;
pub use setting::{Headers, Literal, Secret};
pub use settings::{Connector, Exporter, Extension, Pipeline, Processor, Receiver, Settings};
pub use sources::Sources;
pub use tail_sampling::{
    Compat, DecisionCache, OttlErrorMode, Policy, PolicyKind, RateAllocation, SamplingStrategy,
    TailSampling, TraceAware, Undecided,
};
pub use telemetry::{
    LogEncoding, LogLevel, LogSampling, MetricsReader, ParentBased, PeriodicExporter,
    PeriodicReader, PrometheusPull, PullExporter, PullReader, Telemetry, TelemetryBatch,
    TelemetryCompression, TelemetryExporter, TelemetryHistograms, TelemetryLevel, TelemetryLogs,
    TelemetryMetrics, TelemetryMetricsOtlp, TelemetryOtlp, TelemetryProcessor, TelemetryProtocol,
    TelemetrySimple, TelemetryTemporality, TelemetryTraces, TraceIdRatio, TraceSampler,
    WithoutOptions,
};
