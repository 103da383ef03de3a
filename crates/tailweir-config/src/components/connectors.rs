//! The settings of connectors.

mod count;
mod dimension;
mod exceptions;
mod glob;
mod routing;
mod service_graph;
mod span_metrics;
mod span_metrics_processor;

pub use count::{CountConnector, CountedAttribute, CountedMetric};
pub use dimension::Dimension;
pub use exceptions::{ExceptionsConnector, ExceptionsDimension, ExceptionsExemplars};
pub use glob::{Glob, GlobError};
pub use routing::{Route, RouteAction, RouteContext, RoutingConnector};
pub use service_graph::{EdgeStore, ServiceGraphConnector};
pub use span_metrics::{
    AggregationTemporality, DurationUnit, ExplicitHistogram, ExponentialHistogram,
    SpanMetricsConnector, SpanMetricsEvents, SpanMetricsExemplars, SpanMetricsHistogram,
};
pub use span_metrics_processor::SpanMetricsProcessor;
