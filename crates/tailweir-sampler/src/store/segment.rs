//! Segments: plain allocations that are filled from front to back and recycled whole.

use super::block::Block;
use super::context::{ContextId, Contexts};
use super::run::{self, HEADER, Run, RunEntry, RunHeader, RunPointer};
use std::mem;

/// No segment is open.
const NONE: u32 = u32::MAX;

#[derive(Default)]
struct Segment {
    bytes: Block,
    /// Bytes of runs that are still chained.
    live: usize,
    /// Contexts to release with it.
    contexts: Vec<ContextId>,
}

/// All runs of all traces.
pub(crate) struct Segments {
    segments: Vec<Segment>,
    /// Numbers without an allocation.
    unused: Vec<u32>,
    /// Empty allocations, to be filled again without asking the system for memory.
    spare: Vec<Segment>,
    open: u32,
    segment_bytes: usize,
    live: usize,
    /// Capacity of all segments in use.
    used: usize,
}

/// A run larger than this part of a segment gets an allocation of its own, of its exact size. So the
/// end of a segment that stays unused is smaller than that part.
const ALONE: usize = 8;

/// Spare segments kept beyond a sixteenth of those in use.
const SPARE_MIN: usize = 4;

impl Segments {
    /// Segments of this many bytes each.
    pub(crate) fn new(segment_bytes: usize) -> Self {
        Self {
            segments: Vec::new(),
            unused: Vec::new(),
            spare: Vec::new(),
            open: NONE,
            segment_bytes,
            live: 0,
            used: 0,
        }
    }

    /// Bytes of runs that are chained to a trace, headers included.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Allocated by segments that hold a run or are being filled.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Allocated, spare segments included.
    pub(crate) fn allocated(&self) -> usize {
        self.used + self.spare.len() * self.segment_bytes
    }

    /// Bytes that a run of this many spans and bytes of spans takes.
    pub(crate) fn run_size(count: usize, bytes: usize) -> usize {
        HEADER + count * run::ENTRY + bytes
    }

    /// The most bytes of spans that should go into one run, unless a single span is larger.
    pub(crate) fn run_bytes_max(&self) -> usize {
        self.segment_bytes / 16
    }

    /// By how much [`Self::used`] can grow when runs of this size in all are written.
    pub(crate) fn growth(&self, bytes: usize) -> usize {
        let room = match self.segments.get(self.open as usize) {
            Some(segment) => segment.bytes.capacity() - segment.bytes.len(),
            None => 0,
        };
        let waste = self.segment_bytes / ALONE;
        let beyond = bytes.saturating_sub(room.saturating_sub(waste));
        beyond.div_ceil(self.segment_bytes - waste) * self.segment_bytes
    }

    /// Copies spans in as one run. `header` must count `entries`, and they `spans`.
    pub(crate) fn append<'a>(
        &mut self,
        contexts: &mut Contexts,
        header: RunHeader,
        entries: &[RunEntry],
        spans: impl Iterator<Item = &'a [u8]>,
    ) -> RunPointer {
        let pointer = self.begin(&header);
        let segment = &mut self.segments[pointer.segment() as usize];
        for entry in entries {
            if contexts.pin(entry.context, pointer.segment()) {
                segment.contexts.push(entry.context);
            }
            entry.write(&mut segment.bytes);
        }
        for span in spans {
            segment.bytes.append(span);
        }
        debug_assert_eq!(segment.bytes.len(), pointer.offset() + header.size());
        pointer
    }

    /// The run at this place.
    pub(crate) fn run(&self, pointer: RunPointer) -> Run<'_> {
        Run::at(
            &self.segments[pointer.segment() as usize].bytes,
            pointer.offset(),
        )
    }

    /// Gives a run up; returns the one before it.
    pub(crate) fn free(&mut self, contexts: &mut Contexts, pointer: RunPointer) -> RunPointer {
        let header = self.run(pointer).header;
        self.retire(contexts, pointer.segment(), header.size());
        header.previous
    }

    /// Moves a run into the open segment and gives the old place up. The caller chains the new one.
    pub(crate) fn relocate(&mut self, contexts: &mut Contexts, pointer: RunPointer) -> RunPointer {
        let old = pointer.segment();
        let header = self.run(pointer).header;
        let copy = self.begin(&header);
        debug_assert_ne!(copy.segment(), old, "the open segment is never compacted");
        let body = pointer.offset() + HEADER..pointer.offset() + header.size();
        let source = mem::take(&mut self.segments[old as usize].bytes);
        let target = &mut self.segments[copy.segment() as usize];
        target.bytes.append(&source[body]);
        for entry in Run::at(&source, pointer.offset()).entries() {
            if contexts.pin(entry.context, copy.segment()) {
                target.contexts.push(entry.context);
            }
        }
        self.segments[old as usize].bytes = source;
        self.retire(contexts, old, header.size());
        copy
    }

    /// Chains the run at `pointer` to another predecessor.
    pub(crate) fn set_previous(&mut self, pointer: RunPointer, previous: RunPointer) {
        let segment = &mut self.segments[pointer.segment() as usize].bytes;
        run::set_previous(segment, pointer.offset(), previous);
    }

    /// Numbers of the traces that wrote into a segment, in order and with repetitions. Some may
    /// have been decided since, and their numbers may belong to others.
    pub(crate) fn writers(&self, segment: u32, traces: &mut Vec<u32>) {
        let bytes = &self.segments[segment as usize].bytes;
        let mut offset = 0;
        while offset < bytes.len() {
            let header = Run::at(bytes, offset).header;
            traces.push(header.trace);
            offset += header.size();
        }
    }

    /// The closed segment whose live share is the smallest and below `percent`, if one is.
    pub(crate) fn sparsest(&self, percent: usize) -> Option<u32> {
        let closed = |&(number, segment): &(usize, &Segment)| {
            number != self.open as usize && segment.bytes.capacity() > 0
        };
        let (number, segment) = self
            .segments
            .iter()
            .enumerate()
            .filter(closed)
            .min_by_key(|(_, segment)| segment.live * 1024 / segment.bytes.capacity())?;
        (segment.live * 100 < segment.bytes.capacity() * percent).then_some(number as u32)
    }

    /// Gives spare allocations back to the system.
    pub(crate) fn drop_spare(&mut self) {
        self.spare = Vec::new();
    }

    /// Makes room and writes the header.
    fn begin(&mut self, header: &RunHeader) -> RunPointer {
        let size = header.size();
        let alone = size > self.segment_bytes / ALONE;
        let number = if alone {
            self.take(size)
        } else {
            self.room(size)
        };
        let segment = &mut self.segments[number as usize];
        let pointer = RunPointer::new(number, segment.bytes.len());
        header.write(&mut segment.bytes);
        segment.live += size;
        self.live += size;
        pointer
    }

    /// The open segment, after closing one that has no room for `size` bytes.
    fn room(&mut self, size: usize) -> u32 {
        if let Some(segment) = self.segments.get(self.open as usize)
            && segment.bytes.capacity() - segment.bytes.len() >= size
        {
            return self.open;
        }
        // A closed segment without a live run cannot be: the last one that left had it recycled.
        self.open = self.take(self.segment_bytes);
        self.open
    }

    fn take(&mut self, capacity: usize) -> u32 {
        let recycled = if capacity == self.segment_bytes {
            self.spare.pop()
        } else {
            None
        };
        let segment = recycled.unwrap_or_else(|| Segment {
            bytes: Block::with_capacity(capacity),
            ..Segment::default()
        });
        self.used += segment.bytes.capacity();
        if let Some(number) = self.unused.pop() {
            self.segments[number as usize] = segment;
            return number;
        }
        self.segments.push(segment);
        self.segments.len() as u32 - 1
    }

    fn retire(&mut self, contexts: &mut Contexts, number: u32, size: usize) {
        let segment = &mut self.segments[number as usize];
        segment.live -= size;
        self.live -= size;
        if segment.live > 0 {
            return;
        }
        let mut pinned = mem::take(&mut segment.contexts);
        for context in pinned.drain(..) {
            contexts.unpin(context, number);
        }
        segment.contexts = pinned;
        segment.bytes.clear();
        if number != self.open {
            self.recycle(number);
        }
    }

    fn recycle(&mut self, number: u32) {
        let segment = mem::take(&mut self.segments[number as usize]);
        self.unused.push(number);
        self.used -= segment.bytes.capacity();
        let spare_max = SPARE_MIN + self.used / self.segment_bytes / 16;
        if segment.bytes.capacity() == self.segment_bytes && self.spare.len() < spare_max {
            self.spare.push(segment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Contexts, RunEntry, RunHeader, RunPointer, Segments};
    use tailweir_core::SpanId;

    struct Store {
        segments: Segments,
        contexts: Contexts,
    }

    impl Store {
        fn new() -> Self {
            Self {
                segments: Segments::new(4096),
                contexts: Contexts::new(1),
            }
        }

        fn write(&mut self, previous: RunPointer, spans: &[(SpanId, &[u8])]) -> RunPointer {
            let context = self.contexts.intern(b"resource", b"scope");
            let entry = |&(id, span): &(SpanId, &[u8])| RunEntry {
                id,
                length: span.len() as u32,
                context,
                starts_fragment: true,
            };
            let entries: Vec<_> = spans.iter().map(entry).collect();
            let header = RunHeader {
                previous,
                trace: 3,
                count: spans.len() as u32,
                bytes: entries.iter().map(|entry| entry.length).sum(),
            };
            let spans = spans.iter().map(|&(_, span)| span);
            self.segments
                .append(&mut self.contexts, header, &entries, spans)
        }

        fn read(&self, pointer: RunPointer) -> Vec<(SpanId, Vec<u8>)> {
            let spans = self.segments.run(pointer).spans();
            spans
                .map(|(entry, span)| (entry.id, span.to_vec()))
                .collect()
        }
    }

    /// Scenario: runs of all sizes, some larger than a segment, some of empty spans, are written and
    /// freed in the order of writing.
    /// Guarantees: each is read back byte for byte until it is freed, and then no memory is used.
    #[test]
    fn runs_are_read_as_written_and_freed_to_the_last_byte() {
        let mut store = Store::new();
        let body = vec![7_u8; 9000];
        let mut written = Vec::new();
        for n in 0..400_usize {
            let spans = [
                (SpanId([n as u8; 8]), &body[..n * 17 % 9000]),
                (SpanId([1; 8]), &body[..n % 3]),
            ];
            let last = written
                .last()
                .map_or(RunPointer::NONE, |&(pointer, _)| pointer);
            written.push((store.write(last, &spans), n));
        }
        for &(pointer, n) in &written {
            let read = store.read(pointer);
            assert_eq!(read[0], (SpanId([n as u8; 8]), vec![7; n * 17 % 9000]));
            assert_eq!(read[1], (SpanId([1; 8]), vec![7; n % 3]));
            store.segments.free(&mut store.contexts, pointer);
        }
        assert_eq!(store.segments.live(), 0);
        assert!(
            store.segments.used() <= 4096,
            "only the open segment is in use"
        );
        assert_eq!(store.contexts.len(), 0);
    }

    /// Scenario: one small run in each of twenty segments outlives the rest; the segments are moved.
    /// Guarantees: the survivors fit into one segment, and their bytes are unchanged.
    #[test]
    fn survivors_move_together() {
        let mut store = Store::new();
        let body = vec![9_u8; 380];
        let mut survivors = Vec::new();
        for n in 0..20_u8 {
            let write =
                |store: &mut Store| store.write(RunPointer::NONE, &[(SpanId([0; 8]), &body)]);
            let big: Vec<_> = (0..9).map(|_| write(&mut store)).collect();
            survivors.push(store.write(RunPointer::NONE, &[(SpanId([n; 8]), &[n; 20])]));
            for pointer in big {
                store.segments.free(&mut store.contexts, pointer);
            }
        }
        assert!(store.segments.used() >= 19 * 4096);
        while let Some(sparse) = store.segments.sparsest(50) {
            for pointer in &mut survivors {
                if pointer.segment() == sparse {
                    *pointer = store.segments.relocate(&mut store.contexts, *pointer);
                }
            }
        }
        assert!(store.segments.used() <= 2 * 4096);
        assert_eq!(
            store.contexts.len(),
            1,
            "what moved still names its context"
        );
        for (n, &pointer) in (0..20_u8).zip(&survivors) {
            assert_eq!(store.read(pointer), [(SpanId([n; 8]), vec![n; 20])]);
        }
    }
}
