//! The layout of a run inside a segment, little endian throughout.

use super::block::Block;
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

/// `previous` 8, `trace` 4, `count` 4, `bytes` 4.
pub(crate) const HEADER: usize = 20;
/// Of each span, before the first span: length 4, context 4 (top bit: starts a fragment), id 8.
pub(crate) const ENTRY: usize = 16;
const STARTS_FRAGMENT: u32 = 1 << 31;

/// What stands before the spans of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunHeader {
    /// The run of the same trace that was written before, if any.
    pub(crate) previous: RunPointer,
    /// Number of its trace in the table of traces.
    pub(crate) trace: u32,
    /// Number of spans, at least 1.
    pub(crate) count: u32,
    /// Bytes of the spans themselves.
    pub(crate) bytes: u32,
}

impl RunHeader {
    /// Bytes that the run takes in its segment.
    pub(crate) fn size(&self) -> usize {
        HEADER + self.count as usize * ENTRY + self.bytes as usize
    }

    pub(super) fn write(&self, segment: &mut Block) {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&self.previous.0.to_le_bytes());
        header[8..12].copy_from_slice(&self.trace.to_le_bytes());
        header[12..16].copy_from_slice(&self.count.to_le_bytes());
        header[16..].copy_from_slice(&self.bytes.to_le_bytes());
        segment.append(&header);
    }

    fn read(header: &[u8; HEADER]) -> Self {
        Self {
            previous: RunPointer(u64::from(word(header, 0)) | u64::from(word(header, 4)) << 32),
            trace: word(header, 8),
            count: word(header, 12),
            bytes: word(header, 16),
        }
    }
}

/// What is known of a span beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunEntry {
    /// Its id.
    pub(crate) id: SpanId,
    /// Its length, in bytes.
    pub(crate) length: u32,
    /// Its resource and scope.
    pub(crate) context: ContextId,
    /// Whether it begins a fragment: the part of a trace in one `ResourceSpans` of one request.
    pub(crate) starts_fragment: bool,
}

impl RunEntry {
    pub(super) fn write(&self, segment: &mut Block) {
        let flag = if self.starts_fragment {
            STARTS_FRAGMENT
        } else {
            0
        };
        let mut entry = [0; ENTRY];
        entry[..4].copy_from_slice(&self.length.to_le_bytes());
        entry[4..8].copy_from_slice(&(self.context.0 | flag).to_le_bytes());
        entry[8..].copy_from_slice(&self.id.0);
        segment.append(&entry);
    }

    fn read(entry: &[u8]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&entry[8..ENTRY]);
        let context = word(entry, 4);
        Self {
            id: SpanId(id),
            length: word(entry, 0),
            context: ContextId(context & !STARTS_FRAGMENT),
            starts_fragment: context & STARTS_FRAGMENT != 0,
        }
    }
}

/// Changes the chain of the run at `offset`.
pub(super) fn set_previous(segment: &mut Block, offset: usize, previous: RunPointer) {
    segment.overwrite(offset, &previous.0.to_le_bytes());
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

    /// Each span, in the order of arrival.
    pub(crate) fn spans(self) -> impl Iterator<Item = (RunEntry, &'a [u8])> {
        let mut rest = self.spans;
        self.entries().map(move |entry| {
            let (span, after) = rest.split_at(entry.length as usize);
            rest = after;
            (entry, span)
        })
    }

    /// What is known of each span, without touching the spans.
    pub(crate) fn entries(self) -> impl Iterator<Item = RunEntry> {
        self.table.chunks_exact(ENTRY).map(RunEntry::read)
    }
}
