//! The metrics of the gateway: one list of names, published once a second from plain counters.
//!
//! Nothing on the path of a span calls the `metrics` crate. Names that begin with `otelcol_` are the
//! Collector's, with its labels and without `_total`, as its own page has them; the others
//! are Tailweir's. [`metric_reference`] lists them all for the generated documents.

mod name;
mod publish;

pub use name::{Metric, MetricKind, MetricReference, metric_reference};
pub(crate) use publish::Publisher;
