//! Requests of logs.

use super::{
    AttributeSet, nested, put_fixed64_unless_zero, put_text_unless_empty, put_varint_unless_zero,
};
use crate::view::{AnyValue, Messages, ScopeFields};
use crate::wire::put_bytes;
use tailweir_core::{SpanId, TraceId};

const SCOPE: u32 = 1;
const NESTED: u32 = 2;

/// Writes a request of logs.
pub struct LogsWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> LogsWriter<'o> {
    /// A writer that appends to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Adds the logs of a scope that is taken over from elsewhere, and of no resource.
    pub fn scope(&mut self, scope: ScopeFields<'_>, write: impl FnOnce(LogScopeWriter<'_>)) {
        nested(self.out, 1, |out| {
            nested(out, NESTED, |out| {
                for message in Messages::new(scope.0, SCOPE) {
                    put_bytes(out, SCOPE, message);
                }
                write(LogScopeWriter { out });
            });
        });
    }
}

/// Writes the log records of a scope.
pub struct LogScopeWriter<'o> {
    out: &'o mut Vec<u8>,
}

/// A log record.
#[derive(Debug, Clone, Copy)]
pub struct NewLogRecord<'a> {
    /// When it happened, in nanoseconds of the Unix epoch; 0: not said.
    pub time: u64,
    /// 1 to 24; 17 is an error.
    pub severity_number: u8,
    /// The severity in words.
    pub severity_text: &'a [u8],
    /// What is said.
    pub body: AnyValue<'a>,
    /// Its attributes.
    pub attributes: &'a AttributeSet,
    /// The trace that it belongs to, or the zero id.
    pub trace_id: TraceId,
    /// The span that it belongs to, or the zero id.
    pub span_id: SpanId,
}

impl LogScopeWriter<'_> {
    /// Adds a record.
    pub fn record(&mut self, record: &NewLogRecord<'_>) {
        nested(self.out, NESTED, |out| {
            put_fixed64_unless_zero(out, 1, record.time);
            put_varint_unless_zero(out, 2, record.severity_number.into());
            put_text_unless_empty(out, 3, record.severity_text);
            if record.body != AnyValue::Empty {
                put_bytes(out, 5, record.body.encoded().message());
            }
            record.attributes.write(6, out);
            if !record.trace_id.is_zero() {
                put_bytes(out, 9, &record.trace_id.0);
            }
            if !record.span_id.is_zero() {
                put_bytes(out, 10, &record.span_id.0);
            }
        });
    }
}
