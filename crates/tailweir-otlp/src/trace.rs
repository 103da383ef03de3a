//! A trace as policies see it.

use crate::head::{SpanHead, StatusCode};
use crate::view::{ResourceFields, ScopeFields, SpanView};
use tailweir_core::TraceId;

/// The spans of one trace that have arrived so far.
#[derive(Debug, Clone, Copy)]
pub struct TraceView<'a> {
    /// Which trace.
    pub id: TraceId,
    /// What is known without looking at the spans.
    pub summary: TraceSummary,
    /// The spans in the order of arrival.
    pub spans: &'a [SpanRecord<'a>],
}

/// A span and what it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct SpanRecord<'a> {
    /// What produced it.
    pub resource: ResourceFields<'a>,
    /// The library that made it.
    pub scope: ScopeFields<'a>,
    /// The span.
    pub span: SpanView<'a>,
    /// Number of its fragment: the part of one trace in one `ResourceSpans` of one request. Spans of a
    /// fragment stand next to each other.
    pub fragment: u32,
}

/// What is known of a trace from the heads of its spans, kept up to date as they arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceSummary {
    /// How many spans, those that arrived twice included.
    pub spans: u32,
    /// Sum of the lengths of their messages, in bytes.
    pub bytes: u64,
    /// The earliest start, in nanoseconds of the Unix epoch. Starts of 0 are left out; 0 when there
    /// is no other.
    pub earliest_start: u64,
    /// The latest end, in nanoseconds of the Unix epoch; 0 when none is known.
    pub latest_end: u64,
    /// The status codes that occur, one [`StatusCode::bit`] each.
    pub statuses: u8,
    /// Whether a span without a parent has arrived.
    pub has_root: bool,
    /// Whether a span has the W3C flag `sampled`.
    pub has_sampled_flag: bool,
    /// Whether a span carries a tracestate.
    pub has_trace_state: bool,
    /// Whether a span lacks its start or its end.
    pub has_unknown_times: bool,
}

impl TraceSummary {
    /// Takes in one more span, whose message has this length in bytes.
    #[inline]
    pub fn add(&mut self, head: &SpanHead, length: usize) {
        self.spans = self.spans.saturating_add(1);
        self.bytes = self.bytes.saturating_add(length as u64);
        if head.start != 0 && (self.earliest_start == 0 || head.start < self.earliest_start) {
            self.earliest_start = head.start;
        }
        self.latest_end = self.latest_end.max(head.end);
        self.statuses |= head.status.bit();
        self.has_root |= head.is_root;
        self.has_sampled_flag |= head.flags & 1 != 0;
        self.has_trace_state |= head.has_trace_state;
        self.has_unknown_times |= head.start == 0 || head.end == 0;
    }

    /// Whether a span has this status.
    #[must_use]
    pub fn has_status(&self, status: StatusCode) -> bool {
        self.statuses & status.bit() != 0
    }
}
