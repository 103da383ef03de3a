//! The layout of a run inside a segment, little endian throughout.

use super::context::ContextId;
use tailweir_core::SpanId;

/// Where a run is: segment in the upper half, offset in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunPointer(u64);

impl Default for RunPointer {
    fn default() -> Self {
        Self::NONE
    }
}

impl RunPointer {
    /// No run: the end of a chain.
    pub(crate) const NONE: Self = Self(u64::MAX);

    pub(super) fn new(segment: u32, offset: usize) -> Self {
        Self(u64::from(segment) << 32 | offset as u64)
    }

    /// Nothing when this is [`Self::NONE`].
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }

    pub(crate) fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn offset(self) -> usize {
        self.0 as u32 as usize
    }
}

/// `previous` 8, `trace` 4, `context` 4, `count` 4 (top bit: starts a fragment), `bytes` 4.
pub(crate) const HEADER: usize = 24;
/// Length 4 and span id 8 of each span, before the first span.
pub(crate) const ENTRY: usize = 12;
const STARTS_FRAGMENT: u32 = 1 << 31;

/// What stands before the spans of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunHeader {
    /// The run of the same trace that was written before, if any.
    pub(crate) previous: RunPointer,
    /// Number of its trace in the table of traces.
    pub(crate) trace: u32,
    /// Resource and scope of its spans.
    pub(crate) context: ContextId,
    /// Whether it begins a fragment: the part of a trace in one `ResourceSpans` of one request.
    pub(crate) starts_fragment: bool,
    /// Number of spans, 1 to 2^31 - 1.
    pub(crate) count: u32,
    /// Bytes of the spans themselves.
    pub(crate) bytes: u32,
}

impl RunHeader {
    /// Bytes that the run takes in its segment.
    pub(crate) fn size(&self) -> usize {
        HEADER + self.count as usize * ENTRY + self.bytes as usize
    }

    pub(super) fn write(&self, segment: &mut Vec<u8>) {
        let flag = if self.starts_fragment {
            STARTS_FRAGMENT
        } else {
            0
        };
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&self.previous.0.to_le_bytes());
        header[8..12].copy_from_slice(&self.trace.to_le_bytes());
        header[12..16].copy_from_slice(&self.context.0.to_le_bytes());
        header[16..20].copy_from_slice(&(self.count | flag).to_le_bytes());
        header[20..].copy_from_slice(&self.bytes.to_le_bytes());
        segment.extend_from_slice(&header);
    }

    fn read(header: &[u8; HEADER]) -> Self {
        let count = word(header, 16);
        Self {
            previous: RunPointer(u64::from(word(header, 0)) | u64::from(word(header, 4)) << 32),
            trace: word(header, 8),
            context: ContextId(word(header, 12)),
            starts_fragment: count & STARTS_FRAGMENT != 0,
            count: count & !STARTS_FRAGMENT,
            bytes: word(header, 20),
        }
    }
}

/// Changes the chain of the run at `offset`.
pub(super) fn set_previous(segment: &mut [u8], offset: usize, previous: RunPointer) {
    segment[offset..offset + 8].copy_from_slice(&previous.0.to_le_bytes());
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

/// A run, read where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) header: RunHeader,
    table: &'a [u8],
    spans: &'a [u8],
}

impl<'a> Run<'a> {
    /// The run at `offset` of a segment. The offset must be one that the segment gave out.
    pub(super) fn at(segment: &'a [u8], offset: usize) -> Self {
        let mut head = [0; HEADER];
        head.copy_from_slice(&segment[offset..offset + HEADER]);
        let header = RunHeader::read(&head);
        let table = &segment[offset + HEADER..][..header.count as usize * ENTRY];
        let spans = &segment[offset + HEADER + table.len()..][..header.bytes as usize];
        Self {
            header,
            table,
            spans,
        }
    }

    /// Id and bytes of each span, in the order of arrival.
    pub(crate) fn spans(self) -> impl Iterator<Item = (SpanId, &'a [u8])> {
        let mut rest = self.spans;
        self.table.chunks_exact(ENTRY).map(move |entry| {
            let (span, after) = rest.split_at(word(entry, 0) as usize);
            rest = after;
            (span_id(entry), span)
        })
    }

    /// The ids alone, without touching the spans.
    pub(crate) fn span_ids(self) -> impl Iterator<Item = SpanId> {
        self.table.chunks_exact(ENTRY).map(span_id)
    }
}

fn span_id(entry: &[u8]) -> SpanId {
    let mut id = [0; 8];
    id.copy_from_slice(&entry[4..ENTRY]);
    SpanId(id)
}

/// Appends the table entry of a span.
pub(super) fn write_entry(segment: &mut Vec<u8>, id: SpanId, length: u32) {
    let mut entry = [0; ENTRY];
    entry[..4].copy_from_slice(&length.to_le_bytes());
    entry[4..].copy_from_slice(&id.0);
    segment.extend_from_slice(&entry);
}
