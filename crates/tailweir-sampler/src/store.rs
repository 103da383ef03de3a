//! Where held spans live: copied into segments, as runs, beside interned contexts.
//!
//! The engine appends runs, reads them at the decision and frees them. A *run* is what one request
//! brought for one trace; the runs of a trace are chained from the last to the first, so that appending never touches memory that has gone cold. Segments are
//! filled once, freed when their last run goes, and recycled. The store knows nothing of policies,
//! deadlines or verdicts.
//!
//! ```text
//! segment  | run | run | run ...       run  | previous | trace | count | bytes |
//!                                           | length, context, id of each span | span | span | ...
//! ```

mod block;
mod context;
mod run;
mod segment;

pub(crate) use context::ContextId;
pub(crate) use run::{RunEntry, RunHeader, RunPointer};

use crate::slab::Slab;
use crate::trace::Trace;
use context::Contexts;
use run::Run;
use segment::Segments;
use tailweir_core::SpanId;
use tailweir_otlp::{ResourceFields, ScopeFields, SpanRecord, SpanView};

/// Spans of undecided traces.
pub(crate) struct Store {
    segments: Segments,
    contexts: Contexts,
    /// Traces to look at during a compaction; kept for its memory.
    writers: Vec<u32>,
}

impl Store {
    pub(crate) fn new(segment_bytes: usize, seed: u64) -> Self {
        Self {
            segments: Segments::new(segment_bytes),
            contexts: Contexts::new(seed),
            writers: Vec::new(),
        }
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.segments.allocated() + self.contexts.bytes()
    }

    /// Allocated but not taken by runs that are held, in bytes.
    pub(crate) fn dead(&self) -> usize {
        self.segments.used() - self.segments.live()
    }

    /// Allocated for runs, in bytes.
    pub(crate) fn used(&self) -> usize {
        self.segments.used()
    }

    /// By how many bytes the memory held can grow when spans are written.
    pub(crate) fn growth(&self, spans: usize, bytes: usize) -> usize {
        self.segments
            .growth(spans * Segments::run_size(1, 0) + bytes)
    }

    /// By how many bytes it can grow when a context is interned.
    pub(crate) fn context_growth(resource: &[u8], scope: &[u8]) -> usize {
        Contexts::growth(resource, scope)
    }

    /// The most bytes of spans that should go into one run, unless a single span is larger.
    pub(crate) fn run_bytes_max(&self) -> usize {
        self.segments.run_bytes_max()
    }

    /// The number of a context. It holds until a run is next freed, unless a run names it.
    pub(crate) fn intern(
        &mut self,
        resource: ResourceFields<'_>,
        scope: ScopeFields<'_>,
    ) -> ContextId {
        self.contexts.intern(resource.0, scope.0)
    }

    /// Copies spans in as one run. `header` must count `entries`, and they `spans`.
    pub(crate) fn append<'a>(
        &mut self,
        header: RunHeader,
        entries: &[RunEntry],
        spans: impl Iterator<Item = &'a [u8]>,
    ) -> RunPointer {
        self.segments
            .append(&mut self.contexts, header, entries, spans)
    }

    /// Gives up all runs of a trace, from its last.
    pub(crate) fn free(&mut self, last: RunPointer) {
        let mut next = last.some();
        while let Some(pointer) = next {
            next = self.segments.free(&mut self.contexts, pointer).some();
        }
    }

    /// The ids of all spans of a trace, in no order.
    pub(crate) fn span_ids(&self, last: RunPointer) -> impl Iterator<Item = SpanId> {
        self.runs(last).flat_map(Run::entries).map(|entry| entry.id)
    }

    /// All spans of a trace with their ids, in no order.
    pub(crate) fn spans(&self, last: RunPointer) -> impl Iterator<Item = (SpanId, &[u8])> {
        let spans = self.runs(last).flat_map(Run::spans);
        spans.map(|(entry, span)| (entry.id, span))
    }

    /// The runs of a trace, from the last to the first.
    fn runs(&self, last: RunPointer) -> impl Iterator<Item = Run<'_>> {
        let mut next = last.some();
        std::iter::from_fn(move || {
            let run = self.segments.run(next?);
            next = run.header.previous.some();
            Some(run)
        })
    }

    /// Steps along the chains of several traces at once, up to the first run of each, and forgets them. So
    /// the processor fetches the runs of all at the same time, where a walk along one chain would wait
    /// for one run to learn where the next is.
    pub(crate) fn fetch(&self, chains: &mut Vec<RunPointer>) {
        while !chains.is_empty() {
            chains.retain_mut(|pointer| match pointer.some() {
                Some(run) => {
                    *pointer = self.segments.run(run).header.previous;
                    true
                }
                None => false,
            });
        }
    }

    /// The spans of a trace in the order of arrival. `order` is working memory.
    pub(crate) fn records<'a>(
        &'a self,
        last: RunPointer,
        order: &mut Vec<RunPointer>,
        records: &mut Vec<SpanRecord<'a>>,
    ) {
        order.clear();
        let mut next = last.some();
        while let Some(pointer) = next {
            order.push(pointer);
            next = self.segments.run(pointer).header.previous.some();
        }
        let mut fragments = 0_u32;
        for &pointer in order.iter().rev() {
            let mut of_context = None;
            for (entry, span) in self.segments.run(pointer).spans() {
                fragments += u32::from(entry.starts_fragment);
                // Neighbours mostly share their context.
                let (context, (resource, scope)) = of_context
                    .filter(|&(context, _)| context == entry.context)
                    .unwrap_or_else(|| (entry.context, self.contexts.get(entry.context)));
                of_context = Some((context, (resource, scope)));
                records.push(SpanRecord {
                    resource: ResourceFields(resource),
                    scope: ScopeFields(scope),
                    span: SpanView(span),
                    fragment: fragments.saturating_sub(1),
                });
            }
        }
    }

    /// Frees the sparsest segment that is live to less than `percent` by moving what is live. Returns
    /// how many bytes were moved; nothing when there is no such segment.
    pub(crate) fn compact(&mut self, traces: &mut Slab<Trace>, percent: usize) -> Option<usize> {
        let sparse = self.segments.sparsest(percent)?;
        let mut writers = std::mem::take(&mut self.writers);
        writers.clear();
        self.segments.writers(sparse, &mut writers);
        writers.sort_unstable();
        writers.dedup();
        let mut moved = 0;
        for &trace in &writers {
            if let Some(trace) = traces.get_if_any(trace) {
                moved += self.move_out(trace, sparse);
            }
        }
        self.writers = writers;
        Some(moved)
    }

    /// Gives spare allocations back to the system.
    pub(crate) fn drop_spare(&mut self) {
        self.segments.drop_spare();
    }

    /// Moves the runs of a trace that lie in this segment.
    fn move_out(&mut self, trace: &mut Trace, segment: u32) -> usize {
        let mut moved = 0;
        let mut later = RunPointer::NONE;
        let mut next = trace.last.some();
        while let Some(mut pointer) = next {
            if pointer.segment() == segment {
                moved += self.segments.run(pointer).header.size();
                pointer = self.segments.relocate(&mut self.contexts, pointer);
                match later.some() {
                    Some(later) => self.segments.set_previous(later, pointer),
                    None => trace.last = pointer,
                }
            }
            later = pointer;
            next = self.segments.run(pointer).header.previous.some();
        }
        moved
    }
}
