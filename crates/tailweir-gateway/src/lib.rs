//! The data plane: OTLP servers, admission, router, actors, pipelines, supervision.
//!
//! The binary calls [`Gateway::start`] with the settings of a configuration file, asks the [`Running`]
//! gateway for its [`Status`], gives it other settings by [`Running::reload`], and ends it by
//! [`Running::shutdown`]. Everything between a client's socket and a backend's is here; what a trace
//! is, which traces are kept and how a request is sent are other rooms' business.
//!
//! ```text
//! ingress -> admission -> intake -> [edit | batch | sampling]* -> ways -> exporters
//! ```
//!
//! What it promises: a request is answered with success only when everything in it is held or was
//! handed on; what cannot be held is refused, and says whether to come again; what was acknowledged
//! is in the books ([`LedgerSnapshot`]) until it is delivered, dropped by decision, or lost with a
//! reason. It never decodes OTLP, never calls a metric for each span, and writes no page of its own: a
//! [`Site`] serves those ([`Pages`]) that the process around it writes.
//!
//! ```no_run
//! use std::time::Duration;
//! use tailweir_config::Settings;
//! use tailweir_gateway::{Gateway, Options, StartError};
//!
//! # async fn run(settings: Settings) -> Result<(), StartError> {
//! let running = Gateway::start(settings, Options::default()).await?;
//! for bound in running.addresses().await {
//!     println!("{} listens on {}", bound.receiver, bound.address);
//! }
//! let end = running.shutdown(Duration::from_secs(30)).await;
//! assert_eq!(end.ledger.imbalance(), 0);
//! # Ok(())
//! # }
//! ```

mod actors;
mod admission;
mod buckets;
mod buffer;
mod check;
mod clock;
mod console;
mod detection;
mod error;
mod files;
mod gateway;
mod graph;
mod inbound;
mod ingress;
mod intake;
mod kubernetes;
mod ledger;
mod membership;
mod metrics;
mod options;
mod pipeline;
mod refusal;
mod scraping;
mod spools;
mod status;
mod surroundings;

pub use admission::MemoryLimit;
pub use check::Mistake;
pub use console::{Console, Stream};
pub use error::{AuthError, StartError};
pub use gateway::{Gateway, Running, Shutdown};
pub use graph::Site;
pub use ingress::Pages;
pub use ledger::{AmountRow, DropReason, LedgerRow, LedgerSnapshot};
pub use membership::{Brought, Cluster, Members, OutgoingPart, Post};
pub use metrics::{Metric, MetricKind, MetricReference, metric_reference};
pub use options::Options;
pub use pipeline::SLOT_SEED;
pub use refusal::{Bound, Refusal};
pub use scraping::{Roll, RollNumber};
pub use status::{
    AdmissionRow, BatchRow, BoundAddress, ConnectorRow, DecisionRow, ExporterRow, FileRow,
    KubernetesKindRow, KubernetesRow, MemberRow, PageRow, PolicyRow, ReceiverRow, RouteRow,
    SamplerRow, ScrapeRow, Status, TimesRow, TotalsRow, TraceAwareRow, TransformRow, VotesRow,
};
pub use status::{BalancerRow, EndpointRow, PeerRow, PeerTraffic, SpoolRow};
