//! Connectors: from a pipeline of one signal to pipelines of another, or of the same.
//!
//! [`Routing`] sends parts of requests to pipelines. A [`Maker`] is any of the connectors that make telemetry. [`SpanMetrics`] and [`ServiceGraph`] keep series
//! and are flushed; [`Count`], [`ExceptionMetrics`] and [`ExceptionLogs`] answer each request. All of them
//! read the bytes of requests through views, decode nothing, and write requests of metrics or logs. The
//! gateway feeds them, tells them the time and what samplers decided, and hands on what they write.
//!
//! They open no socket and read no clock; all that they keep is bounded.

mod adjusted_count;
mod count;
mod dimensions;
mod error;
mod exceptions;
mod figures;
mod histogram;
mod maker;
mod now;
mod routing;
mod series;
mod service_graph;
mod span_metrics;
mod text;
mod totals;

pub use count::{Count, CountError};
pub use error::ConnectError;
pub use exceptions::{ExceptionLogs, ExceptionMetrics};
pub use figures::SeriesFigures;
pub use maker::{Made, Maker, Origin};
pub use now::Now;
pub use routing::{Portion, RouteError, Routed, Routing};
pub use service_graph::{CutHalves, Halves, ServiceGraph};
pub use span_metrics::{Exemplars, Patience, SpanMetrics};
pub use totals::{ResourceKeys, SlotOf, Totals};
