//! Requests of logs.

use super::{
    AttributeSet, nested, put_fixed32_unless_zero, put_fixed64_unless_zero, put_text_unless_empty,
    put_varint_unless_zero,
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
    /// When somebody saw that, in nanoseconds of the Unix epoch; 0: not said.
    pub observed_time: u64,
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
    /// The flags of the W3C trace context; 0: not said.
    pub flags: u32,
}

impl NewLogRecord<'_> {
    /// The content of its message.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut content = Vec::with_capacity(128);
        self.write(&mut content);
        content
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_fixed64_unless_zero(out, 1, self.time);
        put_varint_unless_zero(out, 2, self.severity_number.into());
        put_text_unless_empty(out, 3, self.severity_text);
        if self.body != AnyValue::Empty {
            put_bytes(out, 5, self.body.encoded().message());
        }
        self.attributes.write(6, out);
        put_fixed32_unless_zero(out, 8, self.flags);
        if !self.trace_id.is_zero() {
            put_bytes(out, 9, &self.trace_id.0);
        }
        if !self.span_id.is_zero() {
            put_bytes(out, 10, &self.span_id.0);
        }
        put_fixed64_unless_zero(out, 11, self.observed_time);
    }
}

impl LogScopeWriter<'_> {
    /// Adds a record.
    pub fn record(&mut self, record: &NewLogRecord<'_>) {
        nested(self.out, NESTED, |out| record.write(out));
    }
}
