//! What a scan reads of each span.

use crate::view::span as field;
use crate::wire::{Field, Reader, WireError};
use tailweir_core::{SpanId, TraceId};

/// The end of a span, as far as it matters for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusCode {
    /// Nobody set it.
    #[default]
    Unset,
    /// Someone vouched for success.
    Ok,
    /// It failed.
    Error,
    /// A number that is not defined.
    Other,
}

impl StatusCode {
    /// The code of this number.
    #[must_use]
    pub const fn of(number: i32) -> Self {
        match number {
            0 => Self::Unset,
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Other,
        }
    }

    /// Its bit in [`TraceSummary::statuses`](crate::TraceSummary::statuses).
    #[must_use]
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Identity, times and outcome of a span; everything else stays bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanHead {
    /// Its trace; zero when the span names none.
    pub trace_id: TraceId,
    /// Its id; zero when it has none.
    pub span_id: SpanId,
    /// When it began, in nanoseconds of the Unix epoch; 0 when unknown.
    pub start: u64,
    /// When it ended, in nanoseconds of the Unix epoch; 0 when unknown.
    pub end: u64,
    /// W3C trace flags in the lowest eight bits.
    pub flags: u32,
    /// 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// How it ended.
    pub status: StatusCode,
    /// Whether it names no parent, or the zero id.
    pub is_root: bool,
    /// Whether it carries a tracestate.
    pub has_trace_state: bool,
}

/// Why a span was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadError {
    Wire(WireError),
    Id { name: &'static str, length: usize },
}

impl From<WireError> for HeadError {
    #[cold]
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl SpanHead {
    /// Reads the head of a span whose bytes a scan has accepted.
    #[must_use]
    pub fn of(span: crate::SpanView<'_>) -> Self {
        Self::read(span.0, 3).unwrap_or_default()
    }

    /// Reads the head of the content of a `Span` message, checking the length of every field.
    pub(crate) fn read(span: &[u8], depth: u32) -> Result<Self, HeadError> {
        let mut head = Self {
            is_root: true,
            ..Self::default()
        };
        let mut reader = Reader::new(head.read_canonical_ids(span));
        while let Some(field) = reader.field(depth)? {
            head.accept(field, depth)?;
        }
        Ok(head)
    }

    /// Encoders write the two ids first: `0a 10` and 16 bytes, `12 08` and 8 bytes. Returns the rest.
    #[inline]
    fn read_canonical_ids<'a>(&mut self, span: &'a [u8]) -> &'a [u8] {
        let Some((ids, rest)) = span.split_first_chunk::<28>() else {
            return span;
        };
        let [0x0a, 0x10, trace @ .., 0x12, 0x08, _, _, _, _, _, _, _, _] = ids else {
            return span;
        };
        let (Some(trace_id), Some(span_id)) =
            (TraceId::from_slice(trace), SpanId::from_slice(&ids[20..]))
        else {
            return span;
        };
        self.trace_id = trace_id;
        self.span_id = span_id;
        rest
    }

    #[inline]
    fn accept(&mut self, field: Field<'_>, depth: u32) -> Result<(), HeadError> {
        match field.number {
            field::TRACE_ID => self.trace_id = TraceId(id("trace id", field.bytes()?)?),
            field::SPAN_ID => self.span_id = SpanId(id("span id", field.bytes()?)?),
            field::TRACE_STATE => self.has_trace_state = !field.bytes()?.is_empty(),
            field::PARENT_SPAN_ID => {
                self.is_root = SpanId(id("parent span id", field.bytes()?)?).is_zero();
            }
            field::KIND => self.kind = field.varint()? as i32,
            field::START => self.start = field.fixed64()?,
            field::END => self.end = field.fixed64()?,
            field::NAME | field::ATTRIBUTES | field::EVENTS | field::LINKS => {
                field.bytes()?;
            }
            field::DROPPED_ATTRIBUTES | field::DROPPED_EVENTS | field::DROPPED_LINKS => {
                field.varint()?;
            }
            field::STATUS => self.read_status(field.bytes()?, depth + 1)?,
            field::FLAGS => self.flags = field.fixed32()?,
            _ => {}
        }
        Ok(())
    }

    /// A status that occurs again adds to the first.
    fn read_status(&mut self, status: &[u8], depth: u32) -> Result<(), WireError> {
        let mut reader = Reader::new(status);
        while let Some(field) = reader.field(depth)? {
            match field.number {
                2 => {
                    field.bytes()?;
                }
                3 => self.status = StatusCode::of(field.varint()? as i32),
                _ => {}
            }
        }
        Ok(())
    }
}

/// An id of exactly this length, or zero when it is empty: the Collector takes both.
#[inline]
fn id<const N: usize>(name: &'static str, bytes: &[u8]) -> Result<[u8; N], HeadError> {
    match bytes.try_into() {
        Ok(id) => Ok(id),
        Err(_) if bytes.is_empty() => Ok([0; N]),
        Err(_) => Err(HeadError::Id {
            name,
            length: bytes.len(),
        }),
    }
}
