//! A span of this process from its begin to its end.

use crate::context::{SpanContext, new_span_id, new_trace_id};
use crate::fields::Fields;
use crate::sampler::Sampler;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tailweir_core::SpanId;
use tailweir_otlp::{NewSpan, SpanWriter};
use tokio::time::Instant;

const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const FAILED: i32 = 2;

/// A span that has not ended.
#[derive(Debug)]
pub(crate) struct OpenSpan {
    pub(crate) context: SpanContext,
    parent: Option<(SpanId, bool)>,
    name: &'static str,
    pub(crate) fields: Fields,
    /// In nanoseconds of the Unix epoch.
    begun: u64,
    since: Instant,
}

impl OpenSpan {
    /// A span that begins now. `parent` is of this process; without one, the fields may name a caller's.
    pub(crate) fn begin(
        name: &'static str,
        fields: Fields,
        parent: Option<SpanContext>,
        reads_traceparent: bool,
        sampler: &Sampler,
    ) -> Self {
        let of_span = &fields.of_span;
        let remote = || SpanContext::of_header(&of_span.traceparent, &of_span.tracestate);
        let parent = parent.or_else(|| reads_traceparent.then(remote)?);
        let trace_id = parent.as_ref().map_or_else(new_trace_id, |it| it.trace_id);
        let is_sampled = sampler.samples(trace_id, parent.as_ref());
        Self {
            parent: parent.as_ref().map(|it| (it.span_id, it.is_remote)),
            context: SpanContext {
                trace_id,
                span_id: new_span_id(),
                is_sampled,
                is_remote: false,
                trace_state: parent.map(|it| it.trace_state).unwrap_or_default(),
            },
            name,
            fields,
            begun: unix_nanos(),
            since: Instant::now(),
        }
    }

    /// The content of its message, as it ends now.
    pub(crate) fn end(self) -> Vec<u8> {
        let of_span = &self.fields.of_span;
        let name = match of_span.name.as_str() {
            "" => self.name,
            name => name,
        };
        let (parent_id, parent_is_remote) = self.parent.unwrap_or_default();
        let mut span = SpanWriter::new(&NewSpan {
            trace_id: self.context.trace_id,
            span_id: self.context.span_id,
            parent_id,
            trace_state: self.context.trace_state.as_bytes(),
            name: name.as_bytes(),
            kind: match of_span.kind.as_str() {
                "server" => SERVER,
                "client" => CLIENT,
                _ => INTERNAL,
            },
            start: self.begun,
            // The clock of the day may be set back meanwhile.
            end: self.begun.saturating_add(nanos(self.since.elapsed())),
            flags: self.context.span_flags(parent_is_remote),
            status_code: if of_span.failure.is_empty() {
                0
            } else {
                FAILED
            },
            status_message: of_span.failure.as_bytes(),
        });
        span.attributes(&self.fields.attributes.finish());
        span.message().to_vec()
    }
}

/// The present in nanoseconds of the Unix epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "own telemetry says at which time of day something happened"
)]
pub(crate) fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    nanos(since.unwrap_or_default())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
