//! The data plane: OTLP servers, admission, router, actors, pipelines, supervision.

mod actors;
mod admission;
mod buffer;
mod clock;
mod console;
mod error;
mod gateway;
mod graph;
mod ingress;
mod intake;
mod ledger;
mod metrics;
mod options;
mod pipeline;
mod refusal;
mod status;
mod transform_standin;
pub(crate) use transform_standin as tailweir_transform;

pub use admission::MemoryLimit;
pub use console::{Console, Stream};
pub use error::{AuthError, StartError};
pub use gateway::{Gateway, Running, Shutdown};
pub use ledger::{AmountRow, DropReason, LedgerRow, LedgerSnapshot};
pub use metrics::{Metric, MetricKind, MetricReference, metric_reference};
pub use options::Options;
pub use refusal::{Bound, Refusal};
pub use status::{
    AdmissionRow, BatchRow, BoundAddress, DecisionRow, ExporterRow, PolicyRow, ReceiverRow,
    SamplerRow, Status,
};
