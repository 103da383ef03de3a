//! Exporters: OTLP over gRPC and HTTP, Prometheus, Loki, Zipkin, debug, file; queue, retry, receipts.
//!
//! ```text
//! Parcel -> Exporter (queue, batches) -> delivery (attempts, back-off) -> Destination: OtlpGrpc, OtlpHttp,
//!   Receipt <- delivered, or lost with a reason                           Loki, Zipkin, Debug, File, Nop
//! ```
//!
//! A `load_balancing` exporter is one [`Exporter`] in front of many such ways, one an endpoint.
//!
//! The gateway builds a [`Destination`] for each configured component and an [`Exporter`] for each of
//! its signals, keeps [`Exporter::run`] going under supervision, and offers it [`Parcel`]s. The queue
//! outlives its workers: what a worker had when it died is sent by the next. Each parcel's [`Receipt`]
//! is settled exactly once, delivered or lost with a [`LossReason`]; nothing disappears silently.
//!
//! [`PageClient`] uses the same connections the other way: it asks for what a `prometheus` receiver reads.
//!
//! [`Exporter::stored`] keeps its queue in a spool: what was taken and not sent is sent by the next process.
//!
//! This room decides nothing about traces and publishes no metrics: it counts ([`Snapshot`]), others
//! publish. Exporters follow no redirects, unpack no answers, and read a bounded part of each.
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
//! use tailweir_core::Signal;
//! use tailweir_export::{Amount, Exporter, ExporterSettings, Nop, Parcel, Receipt, Settle, Settlement};
//!
//! #[derive(Default)]
//! struct Ledger(AtomicU64);
//! impl Settle for Ledger {
//!     fn settle(&self, settlement: Settlement) {
//!         self.0.fetch_add(settlement.delivered.items, Ordering::Relaxed);
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let ledger = Arc::new(Ledger::default());
//! let exporter = Exporter::new("nop", Signal::Traces, Arc::new(Nop), &ExporterSettings::default());
//! let receipt = Receipt::new(ledger.clone(), Amount { items: 3, bytes: 120 });
//! exporter.offer(Parcel::new(Signal::Traces, vec![].into(), receipt)).await.unwrap();
//! let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
//! tokio::join!(exporter.run(), exporter.shutdown(deadline));
//! assert_eq!(ledger.0.load(Ordering::Relaxed), 3);
//! # });
//! ```

mod as_json;
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
mod http_post;
mod load_balancing;
mod loki;
mod loss;
mod nop;
mod otlp_grpc;
mod otlp_http;
mod page_client;
mod parcel;
mod portion;
mod queue;
mod receipt;
mod remote_write;
mod request_headers;
mod retry;
mod scraped;
mod settings;
mod stats;
mod store;
mod terminal;
mod transport;
mod value;
mod watched;
mod waterfall;
mod zipkin;

pub use authorization::Authorization;
pub use build_error::BuildError;
pub use debug::Debug;
pub use destination::{Accepted, Advice, Attempt, Destination, Failure};
pub use exporter::{Exporter, ExporterSettings};
pub use file::{File, WrittenFiles};
pub use loki::Loki;
pub use loss::LossReason;
pub use nop::Nop;
pub use otlp_grpc::OtlpGrpc;
pub use otlp_http::OtlpHttp;
pub use page_client::{GetError, PageClient};
pub use parcel::Parcel;
pub use queue::{Batching, Capacity, Refusal, Unit};
pub use receipt::{Amount, Receipt, Settle, Settlement};
pub use remote_write::PrometheusRemoteWrite;
pub use retry::Retry;
pub use scraped::{Scraped, ScrapedFigures, ScrapedPage};
pub use stats::{BalancerSnapshot, EndpointOutcome, Snapshot};
pub use store::Store;
pub use waterfall::{WaterfallOptions, waterfall};
pub use zipkin::Zipkin;

use awaited::Awaited;
