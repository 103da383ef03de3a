//! Collector YAML to validated settings.

mod assemble;
mod catalogue;
mod component_id;
mod components;
mod diagnostic;
mod duration;
mod environment;
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

pub use catalogue::{Component, Role, Stability, components};
pub use component_id::{ComponentId, PipelineId};
pub use components::{
    Action, AttributeAction, AttributesProcessor, Authenticator, BasicAuth, Batch, BearerTokenAuth,
    ClientCredentials, ClientKeepalive, ClientTls, CompressionParameters, ConvertedType, Cors,
    DebugExporter, Encoding, EnforcementPolicy, FileCompression, FileExporter, FileFormat,
    GrpcClient, GrpcCompression, GrpcServer, HealthCheck, HtPasswd, HttpClient, HttpCompression,
    HttpServer, InstrumentationLibrary, LogSeverity, LokiExporter, MatchAttribute, MatchProperties,
    MatchType, MemoryLimiter, OtlpGrpcExporter, OtlpGrpcServer, OtlpHttpExporter, OtlpHttpServer,
    OtlpProtocols, OtlpReceiver, PrometheusExporter, QueueBatch, ResourceConstantLabels,
    ResourceProcessor, ResourceToTelemetry, ResponseBody, RetryOnFailure, Rotation, SendingQueue,
    ServerAuthenticator, ServerKeepalive, ServerParameters, ServerTls, SeverityNumber, Sizer,
    TlsFiles, TlsVersion, TranslationStrategy, Transport, Verbosity,
};
pub use diagnostic::{Cause, Diagnostic, Diagnostics, Severity};
pub use duration::parse_duration;
pub use environment::{EmptyEnvironment, Environment};
pub use load::{LoadOptions, Loaded, load, load_tail_sampling_block};
pub use location::Location;
pub use print::{print_config, print_tree};
pub use reference::reference_markdown;
pub use schema::schema_json;
pub use setting::{Headers, Literal, Secret};
pub use settings::{Connector, Exporter, Extension, Pipeline, Processor, Receiver, Settings};
pub use sources::Sources;
pub use tail_sampling::{
    Compat, DecisionCache, OttlErrorMode, Policy, PolicyKind, RateAllocation, SamplingStrategy,
    TailSampling,
};
pub use telemetry::{
    LogEncoding, LogLevel, LogSampling, MetricsLevel, MetricsReader, PrometheusPull, PullExporter,
    PullReader, Telemetry, TelemetryLogs, TelemetryMetrics,
};
