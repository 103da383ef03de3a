//! Exporters: OTLP over gRPC and HTTP, debug, file; queue, retry, receipts.
//!
//! The gateway builds a [`Destination`] for each configured component and an [`Exporter`] for each of
//! its signals, keeps [`Exporter::run`] going under supervision, and offers it [`Parcel`]s. Each parcel's
//! [`Receipt`] is settled exactly once, delivered or lost with a [`LossReason`]; nothing disappears
//! silently. This room decides nothing about traces and publishes no metrics: it counts
//! ([`Snapshot`]), others publish.

mod authorization;
mod awaited;
mod build_error;
mod civil;
mod compression;
mod debug;
mod delivery;
mod destination;
mod exporter;
mod file;
mod loss;
mod nop;
mod otlp_grpc;
mod otlp_http;
mod parcel;
mod portion;
mod queue;
mod receipt;
mod request_headers;
mod retry;
mod settings;
mod stats;
mod terminal;
pub mod tls;
mod transport;
mod value;
mod waterfall;

pub use authorization::Authorization;
pub use build_error::BuildError;
pub use debug::Debug;
pub use destination::{Accepted, Advice, Attempt, Destination, Failure};
pub use exporter::{Exporter, ExporterSettings};
pub use file::File;
pub use loss::LossReason;
pub use nop::Nop;
pub use otlp_grpc::OtlpGrpc;
pub use otlp_http::OtlpHttp;
pub use parcel::Parcel;
pub use queue::{Batching, Capacity, Refusal, Unit};
pub use receipt::{Amount, Receipt, Settle, Settlement};
pub use retry::Retry;
pub use stats::Snapshot;
pub use waterfall::{WaterfallOptions, waterfall};

use awaited::Awaited;
