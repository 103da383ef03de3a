//! What a scan reads of each span.

use crate::schema;
use crate::wire::{Reader, WireError};
use tailweir_core::{SpanId, TraceId};

/// Field number and wire type in one, of the fields that are read or that every span has.
mod key {
    use crate::view::span as field;

    pub(super) const TRACE_ID: u32 = field::TRACE_ID << 3 | 2;
    pub(super) const SPAN_ID: u32 = field::SPAN_ID << 3 | 2;
    pub(super) const TRACE_STATE: u32 = field::TRACE_STATE << 3 | 2;
    pub(super) const PARENT_SPAN_ID: u32 = field::PARENT_SPAN_ID << 3 | 2;
    pub(super) const NAME: u32 = field::NAME << 3 | 2;
    pub(super) const KIND: u32 = field::KIND << 3;
    pub(super) const START: u32 = field::START << 3 | 1;
    pub(super) const END: u32 = field::END << 3 | 1;
    pub(super) const ATTRIBUTES: u32 = field::ATTRIBUTES << 3 | 2;
    pub(super) const EVENTS: u32 = field::EVENTS << 3 | 2;
    pub(super) const LINKS: u32 = field::LINKS << 3 | 2;
    pub(super) const STATUS: u32 = field::STATUS << 3 | 2;
    pub(super) const FLAGS: u32 = field::FLAGS << 3 | 5;
}

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
        Self::read::<false>(span.0, 3).unwrap_or_default()
    }

    /// Reads the head of the content of a `Span` message, checking the structure of its own fields, and
    /// with `WHOLE` of what is nested in them.
    ///
    /// Fields come in any order and number; the arms are those that are read, by their tags.
    #[inline]
    pub(crate) fn read<const WHOLE: bool>(span: &[u8], depth: u32) -> Result<Self, HeadError> {
        let mut head = Self {
            is_root: true,
            ..Self::default()
        };
        let mut reader = Reader::new(head.read_canonical_ids(span));
        while let Some(key) = reader.key()? {
            match key {
                // Attributes follow each other.
                key::ATTRIBUTES if WHOLE => {
                    schema::check_attribute(reader.delimited()?, depth + 1)?;
                    schema::check_attributes(&mut reader, key::ATTRIBUTES as u8, depth + 1)?;
                }
                key::ATTRIBUTES => {
                    reader.delimited()?;
                    while reader.take_short(key::ATTRIBUTES as u8).is_some() {}
                }
                key::EVENTS | key::LINKS if !WHOLE => drop(reader.delimited()?),
                key::NAME => drop(reader.delimited()?),
                key::START => head.start = reader.fixed64()?,
                key::END => head.end = reader.fixed64()?,
                key::PARENT_SPAN_ID => {
                    let parent = id("parent span id", reader.delimited()?)?;
                    head.is_root = SpanId(parent).is_zero();
                }
                key::KIND => head.kind = reader.varint()? as i32,
                key::STATUS => head.read_status(reader.delimited()?, depth + 1)?,
                key::FLAGS => head.flags = reader.fixed32()?,
                key::TRACE_STATE => head.has_trace_state = !reader.delimited()?.is_empty(),
                key::TRACE_ID => head.trace_id = TraceId(id("trace id", reader.delimited()?)?),
                key::SPAN_ID => head.span_id = SpanId(id("span id", reader.delimited()?)?),
                _ => {
                    let tag = (key >> 3, (key & 7) as u8);
                    schema::SPAN.check_payload(&mut reader, tag, depth)?;
                }
            }
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

    /// A status that occurs again adds to the first.
    #[inline]
    fn read_status(&mut self, status: &[u8], depth: u32) -> Result<(), WireError> {
        let mut reader = Reader::new(status);
        while let Some(tag) = reader.tag()? {
            match tag {
                (3, 0) => self.status = StatusCode::of(reader.varint()? as i32),
                _ => schema::STATUS.check_payload(&mut reader, tag, depth)?,
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
