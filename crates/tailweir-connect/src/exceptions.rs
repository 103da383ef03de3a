//! The `exceptions` connector: metrics and log records of the exceptions that spans recorded as events.

mod logs;
mod metrics;
mod parts;

pub use logs::ExceptionLogs;
pub(crate) use metrics::EXEMPLARS_MAX;
pub use metrics::ExceptionMetrics;

use crate::dimensions::Dimensions;
use tailweir_config::ExceptionsConnector;
use tailweir_otlp::{
    Attributes, RequestView, ResourceFields, ScopeFields, SpanEventView, SpanView,
};

/// The name of events that are exceptions.
const EVENT: &[u8] = b"exception";

fn dimensions(settings: &ExceptionsConnector) -> Dimensions {
    let mut dimensions = Dimensions::default();
    for dimension in &settings.dimensions {
        dimensions.name(&dimension.name, dimension.default.as_deref());
    }
    dimensions
}

/// Whether there are exceptions in a request of which metrics or log records are made.
pub(crate) fn are_in(request: &[u8]) -> bool {
    RequestView(request)
        .resources()
        .filter(|resource| {
            let attributes = resource.resource().attributes();
            attributes.get(b"service.name").is_some()
        })
        .flat_map(ResourceFields::scopes)
        .flat_map(ScopeFields::items)
        .any(|span| exceptions(SpanView(span)).next().is_some())
}

/// The exceptions of a span.
fn exceptions(span: SpanView<'_>) -> impl Iterator<Item = SpanEventView<'_>> {
    span.events().filter(|event| event.name() == EVENT)
}

/// Where dimensions are looked for, in this order.
fn sources<'a>(
    span: SpanView<'a>,
    event: SpanEventView<'a>,
    resource: Attributes<'a>,
) -> [Attributes<'a>; 3] {
    [span.attributes(), event.attributes(), resource]
}
