//! The OTLP wire: views over bytes, split by trace, re-assembly, JSON to wire and back.
//!
//! Spans, metrics and logs stay the bytes that a client sent. A [`Scan`] walks a request once, checks
//! it and finds its spans; views read single fields out of the bytes when a policy asks; an
//! [`Assembler`] puts spans into new requests, their bytes unchanged, so fields that nobody knows yet
//! survive. The gateway scans, the sampler keeps and assembles, policies and transforms look.
//!
//! It never decodes a message into a struct, never copies what it only looks at, never panics on any
//! bytes, and opens no socket.
//!
//! ```
//! use tailweir_otlp::{Scan, ScanLimits};
//!
//! // resource_spans { scope_spans { spans { name: "x" } } }
//! let request = b"\x0a\x07\x12\x05\x12\x03\x2a\x01x";
//! let mut scan = Scan::new();
//! Scan::traces(request, &ScanLimits::default(), &mut scan).unwrap();
//! assert_eq!(scan.spans[0].span(request).name(), b"x");
//! ```

mod assemble;
mod attribute_list;
mod changed_copy;
mod collector_size;
mod compose;
mod count;
mod encoded_value;
pub mod field;
mod framing;
mod head;
pub mod json;
mod message_writer;
mod metric_part;
mod outline;
mod own;
mod repeats;
mod response;
mod revision;
mod rewrite;
mod room;
mod scan;
mod schema;
mod sender;
mod sift;
mod splice;
mod split;
mod trace;
mod trace_state;
mod view;
mod wire;

pub use assemble::{Assembler, Part};
pub use attribute_list::{AttributeList, NewEntry};
pub use collector_size::{CollectorSize, collector_size};
pub use compose::{
    AttributeMap, AttributeSet, ForeignExponential, ForeignKind, ForeignValue, LogScopeWriter,
    LogsWriter, MetricHead, MetricsWriter, NewExemplar, NewExponentialPoint, NewForeignExemplar,
    NewForeignPoint, NewHistogramPoint, NewLogRecord, NewNumberPoint, NewScope, NewSpan,
    NewSpanEvent, NewSpanLink, PointsWriter, ResourceMetricsWriter, ResourcePlace,
    ScopeMetricsWriter, SpanWriter, TracesBuilder,
};
pub use count::count_items;
pub use encoded_value::{EncodedAttribute, EncodedValue};
pub use framing::{Framing, Piece};
pub use head::{SpanHead, StatusCode};
pub use message_writer::MessageWriter;
pub use metric_part::write_metric_part;
pub use outline::Outer;
pub use own::{OWN_SDK, is_own_telemetry, mark_own_telemetry};
pub use repeats::Repeats;
pub use response::{ExportResponse, Status};
pub use revision::Revision;
pub use rewrite::{Item, ItemPlace, rewrite_items, rewrite_resources};
pub use room::Room;
pub use scan::{Scan, ScanDepth, ScanError, ScanLimits, SpanEntry};
pub use sender::{OfSender, as_they_stood, by_sender, with_sender};
pub use sift::{Change, Sifted, change_items, sift_items};
pub use splice::write_span_with_trace_state;
pub use split::Split;
pub use trace::{SpanRecord, TraceSummary, TraceView};
pub use trace_state::{SamplingState, TraceState, TraceStateError};
pub use view::{
    AnyValue, ArrayView, Attributes, AttributesIter, Buckets, DataPoint, ExemplarView,
    ExponentialHistogramPoint, HistogramPoint, KeyLengths, KeyValue, LinkView, LogRecordView,
    Messages, MetricData, MetricView, Number, NumberPoint, Numbers, Points, QuantileView,
    RequestView, ResourceFields, ResourceView, ScopeFields, ScopeView, SpanEventView, SpanView,
    StatusView, SummaryPoint, Temporality,
};
pub use wire::WireError;
