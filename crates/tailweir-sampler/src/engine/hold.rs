//! Spans are held: copied, chained to their trace, and the trace's size and deadline seen to.

use super::append::Appended;
use super::decide::NOT_SAMPLED;
use super::incoming::{Incoming, fragments};
use super::{Engine, emptied};
use crate::sink::{EarlyReason, Sink};
use crate::store::{ContextId, RunEntry, RunHeader, RunPointer};
use std::mem;
use tailweir_core::Moment;
use tailweir_otlp::{TraceView, collector_size};

impl Engine {
    /// Holds spans, then sees whether the trace has become too large.
    pub(super) fn hold_all(
        &mut self,
        index: u32,
        now: Moment,
        incoming: Incoming<'_>,
        numbers: &[u32],
        appended: &mut Appended,
        sink: &mut impl Sink,
    ) {
        appended.held += numbers.len() as u64;
        self.hold(index, now, incoming, numbers);
        if self.table.traces.get(index).proposal.is_some() {
            // Decided already: neither its size nor its root matters any more.
        } else if self.is_refused_for_size(index, incoming, numbers) {
            self.refuse_for_size(index, now, sink);
        } else {
            self.see_to_size(index, now, sink);
        }
    }

    /// Copies spans into the store and chains them to their trace.
    pub(super) fn hold(
        &mut self,
        index: u32,
        now: Moment,
        incoming: Incoming<'_>,
        numbers: &[u32],
    ) {
        self.forget_stale_contexts();
        let trace = self.table.traces.get(index);
        let (mut summary, mut last) = (trace.summary, trace.last);
        let (had_root, bytes_before) = (summary.has_root, summary.bytes);
        let (is_put, is_decided) = (trace.is_put(), trace.proposal.is_some());
        let mut start = 0;
        while start < numbers.len() {
            let end = start + self.run_length(incoming, &numbers[start..]);
            let run = &numbers[start..end];
            for &number in run {
                let entry = incoming.entry(number);
                summary.add(&entry.head, entry.length());
            }
            last = self.write_run(index, last, start == 0, incoming, run);
            start = end;
        }
        let trace = self.table.traces.get_mut(index);
        (trace.summary, trace.last) = (summary, last);
        let bytes = summary.bytes - bytes_before;
        self.counters.appended.add(numbers.len() as u64, bytes);
        self.counters.held.spans += numbers.len() as u64;
        self.counters.held.bytes += bytes;
        if is_put {
            self.leaving += bytes;
        }
        if summary.has_root && !had_root && !is_decided {
            self.hasten(index, now);
        }
    }

    /// How many spans go into the next run: all, unless they are unwieldy together.
    fn run_length(&self, incoming: Incoming<'_>, numbers: &[u32]) -> usize {
        let bytes_max = self.store.run_bytes_max();
        let mut bytes = 0;
        let fits = |&&number: &&u32| {
            bytes += incoming.entry(number).length();
            bytes <= bytes_max
        };
        numbers.iter().take_while(fits).count().max(1)
    }

    /// Writes one run. Its first span starts a fragment when it is the first of the request for its
    /// trace; the others do where the `ResourceSpans` changes.
    fn write_run(
        &mut self,
        trace: u32,
        previous: RunPointer,
        is_first: bool,
        incoming: Incoming<'_>,
        numbers: &[u32],
    ) -> RunPointer {
        let mut entries = mem::take(&mut self.scratch.entries);
        entries.clear();
        let mut resource = if is_first {
            None
        } else {
            self.scratch.last_resource
        };
        let (mut context, mut interned, mut bytes) = (u32::MAX, ContextId(0), 0);
        for &number in numbers {
            let entry = incoming.entry(number);
            let mut starts_fragment = false;
            if entry.context != context {
                context = entry.context;
                interned = self.intern(incoming, context);
                let index = incoming.scan.resource_index(context);
                starts_fragment = resource.replace(index) != Some(index);
            }
            let length = entry.length() as u32;
            bytes += length;
            let id = entry.head.span_id;
            entries.push(RunEntry {
                id,
                length,
                context: interned,
                starts_fragment,
            });
        }
        self.scratch.last_resource = resource;
        let count = entries.len() as u32;
        let header = RunHeader {
            previous,
            trace,
            count,
            bytes,
        };
        let spans = numbers.iter().map(|&number| incoming.span(number));
        let pointer = self.store.append(header, &entries, spans);
        self.scratch.entries = entries;
        pointer
    }

    /// A run that was freed may have been the last to name a context, so what was interned before
    /// that is looked up again.
    fn forget_stale_contexts(&mut self) {
        let scratch = &mut self.scratch;
        if scratch.contexts_interned_at != scratch.epoch {
            scratch.contexts_interned_at = scratch.epoch;
            scratch.contexts.fill(None);
        }
    }

    /// The number of a context of the request, interned once for all its spans.
    fn intern(&mut self, incoming: Incoming<'_>, context: u32) -> ContextId {
        if let Some(known) = self.scratch.contexts[context as usize] {
            return known;
        }
        let resource = incoming.scan.resource(incoming.request, context);
        let scope = incoming.scan.scope(incoming.request, context);
        let interned = self.store.intern(resource, scope);
        self.scratch.contexts[context as usize] = Some(interned);
        interned
    }

    /// A root came: the trace is likely to be whole soon.
    fn hasten(&mut self, index: u32, now: Moment) {
        let wait = self.settings.decision_wait_after_root;
        let deadline = self.table.traces.get(index).deadline;
        if wait.is_zero() || now + wait >= deadline {
            return;
        }
        self.table.deadlines.stop(&mut self.table.traces, index);
        self.table
            .deadlines
            .start(&mut self.table.traces, index, now, wait);
    }

    /// Adds what the Collector would count for these spans; whether the trace exceeds what it samples.
    pub(super) fn is_refused_for_size(
        &mut self,
        index: u32,
        incoming: Incoming<'_>,
        numbers: &[u32],
    ) -> bool {
        let limit = self.settings.sampled_trace_bytes_max;
        if limit == 0 {
            return false;
        }
        let mut records = emptied(mem::take(&mut self.scratch.records));
        for fragment in fragments(incoming, numbers) {
            let number = fragment.start as u32;
            records.extend(
                numbers[fragment]
                    .iter()
                    .map(|&span| incoming.record(span, number)),
            );
        }
        let trace = self.table.traces.get_mut(index);
        let view = TraceView {
            id: trace.id,
            summary: trace.summary,
            spans: &records,
        };
        trace.collector_bytes += collector_size(&view).resource_spans;
        let exceeds = trace.collector_bytes > limit;
        self.scratch.records = emptied(records);
        exceeds
    }

    pub(super) fn refuse_for_size(&mut self, index: u32, now: Moment, sink: &mut impl Sink) {
        let summary = self.table.traces.get(index).summary;
        self.counters
            .too_large
            .add(u64::from(summary.spans), summary.bytes);
        self.rule(index, now, NOT_SAMPLED, None, sink);
    }

    /// Keeps a single trace from crowding out the others. True when it had to be decided for that.
    pub(super) fn see_to_size(&mut self, index: u32, now: Moment, sink: &mut impl Sink) -> bool {
        let limit = self.settings.trace_bytes_limit();
        let bytes = self.table.traces.get(index).summary.bytes;
        if bytes > limit {
            return self.decide(index, now, Some(EarlyReason::Size), sink);
        }
        if bytes > limit / 16 {
            self.table.mark_large(index);
        }
        false
    }
}
