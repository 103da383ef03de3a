//! Where the spans of a fragment are.

use bytes::Bytes;

/// The spans of one trace in one request, as a member has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// In the engine of this shard, with the others of the trace. Never sent.
    Held,
    /// As they came: an OTLP TracesData.
    Raw(Bytes),
    /// As they go out: thresholds are written. Empty when another fragment of the trace has them.
    Marked {
        /// An OTLP TracesData.
        bytes: Bytes,
        /// How many spans.
        spans: u32,
        /// Their bytes as they came.
        span_bytes: u64,
    },
}

impl Piece {
    /// Spans that another fragment of the trace has.
    #[must_use]
    pub fn elsewhere() -> Self {
        Self::Marked {
            bytes: Bytes::new(),
            spans: 0,
            span_bytes: 0,
        }
    }
}
