//! The settings of each component that this version has, with the Collector's defaults.

mod attributes;
mod auth;
mod batch;
mod client;
pub(crate) mod connectors;
mod debug;
mod file;
mod health_check;
mod loki;
mod match_properties;
mod memory_limiter;
mod otlp_exporters;
mod otlp_receiver;
mod prometheus;
mod queue;
mod server;
mod tls;
mod transform;

pub use attributes::{
    Action, AttributeAction, AttributesProcessor, ConvertedType, ResourceProcessor,
};
pub use auth::{BasicAuth, BearerTokenAuth, ClientCredentials, HtPasswd};
pub use batch::Batch;
pub use client::{
    Authenticator, ClientKeepalive, CompressionParameters, GrpcClient, GrpcCompression, HttpClient,
    HttpCompression,
};
pub(crate) use debug::LoggingExporter;
pub use debug::{DebugExporter, Verbosity};
pub use file::{FileCompression, FileExporter, FileFormat, Rotation};
pub use health_check::{HealthCheck, ResponseBody};
pub use loki::LokiExporter;
pub use match_properties::{
    InstrumentationLibrary, LogSeverity, MatchAttribute, MatchProperties, MatchType, SeverityNumber,
};
pub use memory_limiter::MemoryLimiter;
pub use otlp_exporters::{Encoding, OtlpGrpcExporter, OtlpHttpExporter};
pub use otlp_receiver::{OtlpGrpcServer, OtlpHttpServer, OtlpProtocols, OtlpReceiver};
pub use prometheus::{
    PrometheusExporter, ResourceConstantLabels, ResourceToTelemetry, TranslationStrategy,
};
pub use queue::{QueueBatch, RetryOnFailure, SendingQueue, Sizer};
pub use server::{
    Cors, EnforcementPolicy, GrpcAuthenticator, GrpcServer, HttpAuthenticator, HttpServer,
    ServerKeepalive, ServerParameters, Transport,
};
pub use tls::{ClientTls, ServerTls, TlsFiles, TlsVersion};
pub use transform::{StatementGroup, StatementGroups, TransformProcessor};
