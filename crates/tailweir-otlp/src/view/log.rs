//! Log records.

use super::{AnyValue, Attributes};
use crate::wire::{last_bytes, last_fixed32, last_fixed64, last_varint};
use tailweir_core::{SpanId, TraceId};

/// The content of a `LogRecord` message.
#[derive(Debug, Clone, Copy)]
pub struct LogRecordView<'a>(pub &'a [u8]);

impl<'a> LogRecordView<'a> {
    /// When it happened, in nanoseconds of the Unix epoch; 0 when unknown.
    #[must_use]
    pub fn time(self) -> u64 {
        last_fixed64(self.0, 1).unwrap_or(0)
    }

    /// When it was collected, in nanoseconds of the Unix epoch.
    #[must_use]
    pub fn observed_time(self) -> u64 {
        last_fixed64(self.0, 11).unwrap_or(0)
    }

    /// Severity, 1 (TRACE) to 24 (FATAL4); 0 is unspecified.
    #[must_use]
    pub fn severity_number(self) -> i32 {
        last_varint(self.0, 2) as i32
    }

    /// Severity in the words of the source.
    #[must_use]
    pub fn severity_text(self) -> &'a [u8] {
        last_bytes(self.0, 3).unwrap_or_default()
    }

    /// What it says.
    #[must_use]
    pub fn body(self) -> AnyValue<'a> {
        last_bytes(self.0, 5).map_or(AnyValue::Empty, AnyValue::new)
    }

    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.0, 6)
    }

    /// How many attributes its producer left out.
    #[must_use]
    pub fn dropped_attributes_count(self) -> u32 {
        last_varint(self.0, 7) as u32
    }

    /// Its flags; the lowest eight bits are the W3C trace flags.
    #[must_use]
    pub fn flags(self) -> u32 {
        last_fixed32(self.0, 8)
    }

    /// The trace it belongs to; zero when none.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        last_bytes(self.0, 9)
            .and_then(TraceId::from_slice)
            .unwrap_or_default()
    }

    /// The span it belongs to; zero when none.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        last_bytes(self.0, 10)
            .and_then(SpanId::from_slice)
            .unwrap_or_default()
    }

    /// The class of event it is, or nothing.
    #[must_use]
    pub fn event_name(self) -> &'a [u8] {
        last_bytes(self.0, 12).unwrap_or_default()
    }
}
