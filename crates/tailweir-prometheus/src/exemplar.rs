//! Measurements that stand for others, with the trace in which they were made.

use crate::value::double_of;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::ExemplarView;

/// An exemplar: its labels are trace and span alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) value: f64,
    /// Nanoseconds of the Unix epoch.
    pub(crate) time: i64,
    trace_id: TraceId,
    span_id: SpanId,
}

impl Exemplar {
    pub(crate) fn of(view: ExemplarView<'_>) -> Self {
        Self {
            value: double_of(view.value()),
            time: view.time() as i64,
            trace_id: view.trace_id(),
            span_id: view.span_id(),
        }
    }

    /// Its labels in order of their names, without ids that are zero.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, String)> {
        let span = (!self.span_id.is_zero()).then(|| ("span_id", self.span_id.to_string()));
        let trace = (!self.trace_id.is_zero()).then(|| ("trace_id", self.trace_id.to_string()));
        span.into_iter().chain(trace)
    }
}
