//! Telemetry that this process makes itself, written field by field: requests of all signals.
//!
//! A writer appends to one buffer. Nested messages are written in place, and their lengths put in front of
//! them afterwards.
//!
//! ```
//! use tailweir_otlp::{AttributeSet, EncodedValue, MetricHead, MetricsWriter, NewNumberPoint, Number, Temporality};
//!
//! let mut attributes = AttributeSet::default();
//! attributes.put(b"service.name", &EncodedValue::string(b"shop"));
//! let point = NewNumberPoint { attributes: &attributes, start: 1, time: 2, value: Number::Int(7), exemplars: &[] };
//! let head = MetricHead { name: b"calls", ..MetricHead::default() };
//!
//! let mut request = Vec::new();
//! MetricsWriter::new(&mut request).resource(&AttributeSet::default(), |mut resource| {
//!     resource.scope(b"connector", |mut scope| {
//!         scope.sum(head, Temporality::Delta, true, |mut points| points.number(&point));
//!     });
//! });
//! assert_eq!(tailweir_otlp::count_items(tailweir_core::Signal::Metrics, &request), Ok(1));
//! ```

mod attribute_map;
mod attribute_set;
mod foreign;
mod logs;
mod metrics;
mod points;
mod traces;

pub use attribute_map::AttributeMap;
pub use attribute_set::AttributeSet;
pub use foreign::{
    ForeignExponential, ForeignKind, ForeignValue, NewForeignExemplar, NewForeignPoint, NewScope,
};
pub use logs::{LogScopeWriter, LogsWriter, NewLogRecord};
pub use metrics::{MetricHead, MetricsWriter, ResourceMetricsWriter, ScopeMetricsWriter};
pub use points::{
    NewExemplar, NewExponentialPoint, NewHistogramPoint, NewNumberPoint, PointsWriter,
};

pub use traces::{NewSpan, NewSpanEvent, NewSpanLink, ResourcePlace, SpanWriter, TracesBuilder};

use crate::MessageWriter;
use crate::wire::{put_key, put_varint};

/// Writes a nested message.
fn nested(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    MessageWriter(out).message(number, |message| write(message.0));
}

fn put_fixed64(out: &mut Vec<u8>, number: u32, bits: u64) {
    put_key(out, number, 1);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// A field whose zero is its absence.
fn put_fixed64_unless_zero(out: &mut Vec<u8>, number: u32, bits: u64) {
    if bits != 0 {
        put_fixed64(out, number, bits);
    }
}

/// A field of type `fixed32` whose zero is its absence.
fn put_fixed32_unless_zero(out: &mut Vec<u8>, number: u32, value: u32) {
    if value != 0 {
        put_key(out, number, 5);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_varint_unless_zero(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_key(out, number, 0);
        put_varint(out, value);
    }
}

fn put_text_unless_empty(out: &mut Vec<u8>, number: u32, text: &[u8]) {
    if !text.is_empty() {
        crate::wire::put_bytes(out, number, text);
    }
}
