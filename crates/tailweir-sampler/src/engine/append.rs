//! Spans come in: a request is admitted as a whole or refused as a whole.

use super::decide::NOT_SAMPLED;
use super::{Engine, emptied};
use crate::gather::{Gather, Group};
use crate::index::Place;
use crate::seen::{FEW, Sight};
use crate::sink::{EarlyReason, Sink};
use crate::store::{ContextId, RunHeader, RunPointer, Store};
use crate::trace::Trace;
use std::mem;
use std::ops::Range;
use tailweir_core::{ByteSize, Moment, SpanId};
use tailweir_otlp::{Scan, SpanEntry, SpanRecord, TraceView, collector_size};

/// What became of the spans of an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Traces seen for the first time.
    pub new_traces: u64,
    /// Spans that wait for the decision, or were decided by it during the call.
    pub held: u64,
    /// Late spans handed on because their trace was kept.
    pub kept: u64,
    /// Late spans let go because their trace was not kept.
    pub discarded: u64,
    /// Spans left out because their ids had been seen.
    pub duplicates: u64,
}

/// Why a request was refused. Nothing of it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Memory is short, and no trace is old enough to be decided early.
    #[error(
        "no memory for {needed} of spans: {held} of {budget} are held; try again, or raise memory_budget"
    )]
    Memory {
        /// What the request can take at most.
        needed: ByteSize,
        /// What is held.
        held: ByteSize,
        /// The bound.
        budget: ByteSize,
    },
    /// There are too many traces, and they are not to be decided early.
    #[error(
        "{held} traces are held and {new} would be new: the bound is {limit} (num_traces); try again"
    )]
    Traces {
        /// Undecided traces.
        held: usize,
        /// Traces of the request that are not known.
        new: usize,
        /// The bound.
        limit: usize,
    },
    /// The request can never be held.
    #[error(
        "request takes up to {needed}, which the memory budget of {budget} can never hold: send smaller requests, or raise memory_budget"
    )]
    TooLarge {
        /// What the request can take at most.
        needed: ByteSize,
        /// The bound.
        budget: ByteSize,
    },
}

impl Refusal {
    /// Whether the same request may be accepted later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::TooLarge { .. })
    }
}

/// A request and those of its spans that are this engine's.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) request: &'a [u8],
    pub(super) scan: &'a Scan,
    pub(super) selected: &'a [u32],
}

impl<'a> Incoming<'a> {
    pub(super) fn entry(&self, number: u32) -> &'a SpanEntry {
        &self.scan.spans[number as usize]
    }

    pub(super) fn span(&self, number: u32) -> &'a [u8] {
        self.entry(number).span(self.request).0
    }

    pub(super) fn record(&self, number: u32, fragment: u32) -> SpanRecord<'a> {
        let entry = self.entry(number);
        SpanRecord {
            resource: self.scan.resource(self.request, entry.context),
            scope: self.scan.scope(self.request, entry.context),
            span: entry.span(self.request),
            fragment,
        }
    }

    fn resource_index(&self, number: u32) -> u32 {
        self.scan.resource_index(self.entry(number).context)
    }

    /// Cuts numbers of spans where the `ResourceSpans` changes: into fragments.
    pub(super) fn fragment_end(&self, numbers: &[u32], start: usize) -> usize {
        let resource = self.resource_index(numbers[start]);
        let rest = &numbers[start..];
        let length = rest
            .iter()
            .position(|&number| self.resource_index(number) != resource);
        start + length.unwrap_or(rest.len())
    }
}

impl Engine {
    /// Takes the spans of `scan` whose numbers are in `selected`, all of them or, when it refuses,
    /// none. `scan` must be of `request`.
    ///
    /// Spans of undecided traces are copied and held. Late spans follow the decision at once: those
    /// of kept traces go to `sink` before this returns. So do traces that are decided by this arrival:
    /// because they have grown too large, because others need their room, or because the policies
    /// look at each arrival.
    ///
    /// # Errors
    /// When there is no room. Unless [`Refusal::is_retryable`] says otherwise, it should be answered
    /// so that the client tries again; what it then sends twice is left out.
    pub fn append(
        &mut self,
        now: Moment,
        request: &[u8],
        scan: &Scan,
        selected: &[u32],
        sink: &mut impl Sink,
    ) -> Result<Appended, Refusal> {
        let now = self.begin(now, sink);
        let incoming = Incoming {
            request,
            scan,
            selected,
        };
        let mut gather = mem::take(&mut self.scratch.gather);
        gather.group(scan, selected, |id| self.table.hash(id));
        let result = self.admit(now, incoming, &gather, sink).map(|()| {
            self.scratch.contexts.clear();
            self.scratch.contexts.resize(scan.context_count(), None);
            let mut appended = Appended::default();
            for group in &gather.groups {
                self.take_in(now, incoming, &gather, group, &mut appended, sink);
            }
            appended
        });
        if result.is_err() {
            let bytes = gather.groups.iter().map(|group| group.bytes).sum();
            self.counters.refused.add(selected.len() as u64, bytes);
        }
        self.scratch.gather = gather;
        self.check();
        result
    }

    /// Whether there is room, after making some.
    fn admit(
        &mut self,
        now: Moment,
        incoming: Incoming<'_>,
        gather: &Gather,
        sink: &mut impl Sink,
    ) -> Result<(), Refusal> {
        if self.settings.refuse_on_overflow {
            self.admit_traces(gather)?;
        }
        let need = self.need(incoming, gather);
        if self.memory() + need <= self.limit_for_new() / 2 {
            return Ok(());
        }
        let size = |bytes: usize| ByteSize(bytes as u64);
        let (needed, budget) = (size(need), self.settings.memory_budget);
        if need > self.limit_for_new() {
            return Err(Refusal::TooLarge { needed, budget });
        }
        self.relieve(now, need, sink);
        let memory = self.memory();
        let is_new = |group: &Group| self.table.find(group.hash, group.id).is_none();
        let fits = memory + need <= self.limit_for_new()
            || memory + need <= self.limit() && !gather.groups.iter().any(is_new);
        if fits {
            Ok(())
        } else {
            Err(Refusal::Memory {
                needed,
                held: size(memory),
                budget,
            })
        }
    }

    fn admit_traces(&self, gather: &Gather) -> Result<(), Refusal> {
        let (held, limit) = (self.table.held(), self.settings.traces_max);
        if held == 0 || held + gather.groups.len() <= limit {
            return Ok(());
        }
        let is_new = |group: &&Group| self.table.find(group.hash, group.id).is_none();
        let new = gather.groups.iter().filter(is_new).count();
        if new == 0 || held + new <= limit {
            return Ok(());
        }
        Err(Refusal::Traces { held, new, limit })
    }

    /// The most that holding these spans can add to the memory.
    fn need(&self, incoming: Incoming<'_>, gather: &Gather) -> usize {
        let bytes: u64 = gather.groups.iter().map(|group| group.bytes).sum();
        let contexts = incoming.scan.context_count() as u32;
        // Fewer spans than contexts name only some of them, so what all take is an upper bound.
        let context_bytes: usize = (0..contexts)
            .map(|context| {
                let resource = incoming.scan.resource(incoming.request, context);
                let scope = incoming.scan.scope(incoming.request, context);
                Store::context_growth(resource.0, scope.0)
            })
            .sum();
        self.store.growth(incoming.selected.len(), bytes as usize)
            + context_bytes
            + self.table.growth(gather.groups.len())
    }

    /// Takes in the spans of one trace.
    fn take_in(
        &mut self,
        now: Moment,
        incoming: Incoming<'_>,
        gather: &Gather,
        group: &Group,
        appended: &mut Appended,
        sink: &mut impl Sink,
    ) {
        let index = match self.table.find(group.hash, group.id) {
            Some(Place::Held(index)) => index,
            Some(Place::Decided(number)) => {
                let numbers = gather.spans(group, incoming.selected);
                self.follow_decision(number, now, incoming, numbers, appended, sink);
                return;
            }
            None => {
                appended.new_traces += 1;
                self.open_trace(now, group, sink)
            }
        };
        let mut accepted = mem::take(&mut self.scratch.accepted);
        accepted.clear();
        let numbers = gather.spans(group, incoming.selected);
        self.leave_out_duplicates(index, incoming, group, numbers, &mut accepted);
        self.count_duplicates(incoming, group, &accepted, appended);
        if self.policies.looks_on_arrival() {
            self.hold_and_look(index, now, incoming, &accepted, appended, sink);
        } else if !accepted.is_empty() {
            self.hold_all(index, now, incoming, &accepted, appended, sink);
        }
        self.scratch.accepted = accepted;
    }

    /// Enters a new trace, after deciding the oldest when there are too many.
    fn open_trace(&mut self, now: Moment, group: &Group, sink: &mut impl Sink) -> u32 {
        while !self.settings.refuse_on_overflow
            && self.table.held() >= self.settings.traces_max.max(1)
            && let Some((_, oldest)) = self.table.oldest()
        {
            self.decide(oldest, now, Some(EarlyReason::Traces), sink);
        }
        let trace = Trace::new(group.id, now);
        let index = self.table.add(group.hash, trace);
        let wait = self.settings.decision_wait;
        self.table
            .deadlines
            .start(&mut self.table.traces, index, now, wait);
        self.counters.new_traces += 1;
        self.counters.held.traces += 1;
        index
    }

    /// Lists the spans that were not there, in order. Exact: what the filter is unsure of is compared
    /// with every id of the trace.
    fn leave_out_duplicates(
        &mut self,
        index: u32,
        incoming: Incoming<'_>,
        group: &Group,
        numbers: impl Iterator<Item = u32>,
        accepted: &mut Vec<u32>,
    ) {
        if !self.settings.dedupe {
            accepted.extend(numbers);
            return;
        }
        let trace = self.table.traces.get_mut(index);
        if trace.seen.is_few() && trace.summary.spans.saturating_add(group.count) > FEW {
            let ids = self.store.runs(trace.last).flat_map(|run| run.span_ids());
            trace.seen.make_many(ids, self.seed);
            self.table.seen_bytes += trace.seen.bytes();
        }
        let before = trace.seen.bytes();
        for number in numbers {
            let id = incoming.entry(number).head.span_id;
            let is_new = match trace.seen.enter(id, self.seed) {
                Sight::New => true,
                Sight::Known => false,
                Sight::Unsure => {
                    let held = self.store.runs(trace.last).flat_map(|run| run.span_ids());
                    let arriving = accepted
                        .iter()
                        .map(|&other| incoming.entry(other).head.span_id);
                    !held.chain(arriving).any(|known| known == id)
                }
            };
            if is_new {
                accepted.push(number);
            }
        }
        self.table.seen_bytes += trace.seen.bytes() - before;
    }

    fn count_duplicates(
        &mut self,
        incoming: Incoming<'_>,
        group: &Group,
        accepted: &[u32],
        appended: &mut Appended,
    ) {
        let duplicates = u64::from(group.count) - accepted.len() as u64;
        if duplicates == 0 {
            return;
        }
        let length = |&number: &u32| incoming.entry(number).length() as u64;
        let bytes = group.bytes - accepted.iter().map(length).sum::<u64>();
        appended.duplicates += duplicates;
        self.counters.appended.add(duplicates, bytes);
        self.counters.duplicates.add(duplicates, bytes);
    }

    /// Holds spans, then sees whether the trace has become too large.
    fn hold_all(
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
        if self.is_refused_for_size(index, incoming, numbers) {
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
        let trace = self.table.traces.get_mut(index);
        let (had_root, bytes) = (trace.summary.has_root, trace.summary.bytes);
        for &number in numbers {
            let entry = incoming.entry(number);
            trace.summary.add(&entry.head, entry.length());
        }
        let bytes = trace.summary.bytes - bytes;
        let root_came = trace.summary.has_root && !had_root;
        let mut last = trace.last;
        let mut resource = None;
        let mut start = 0;
        while start < numbers.len() {
            let end = self.run_end(incoming, numbers, start);
            let index_of_resource = incoming.resource_index(numbers[start]);
            let starts_fragment = resource.replace(index_of_resource) != Some(index_of_resource);
            last = self.write_run(index, last, starts_fragment, incoming, &numbers[start..end]);
            start = end;
        }
        self.table.traces.get_mut(index).last = last;
        self.counters.appended.add(numbers.len() as u64, bytes);
        self.counters.held.spans += numbers.len() as u64;
        self.counters.held.bytes += bytes;
        if root_came {
            self.hasten(index, now);
        }
    }

    /// Where the run that starts here ends: at another context, or when it becomes unwieldy.
    fn run_end(&self, incoming: Incoming<'_>, numbers: &[u32], start: usize) -> usize {
        let context = incoming.entry(numbers[start]).context;
        let mut bytes = 0;
        let rest = numbers[start..].iter();
        let fits = |&&number: &&u32| {
            let entry = incoming.entry(number);
            bytes += entry.length();
            entry.context == context && bytes <= self.store.run_bytes_max()
        };
        start + rest.take_while(fits).count().max(1)
    }

    fn write_run(
        &mut self,
        trace: u32,
        previous: RunPointer,
        starts_fragment: bool,
        incoming: Incoming<'_>,
        numbers: &[u32],
    ) -> RunPointer {
        let context = self.intern(incoming, incoming.entry(numbers[0]).context);
        let bytes: usize = numbers
            .iter()
            .map(|&number| incoming.entry(number).length())
            .sum();
        let header = RunHeader {
            previous,
            trace,
            context,
            starts_fragment,
            count: numbers.len() as u32,
            bytes: bytes as u32,
        };
        let id = |number| -> SpanId { incoming.entry(number).head.span_id };
        let spans = numbers
            .iter()
            .map(|&number| (id(number), incoming.span(number)));
        self.store.append(header, spans)
    }

    /// The number of a context of the request, interned once for all its spans. A freed run may have
    /// been the last to name a context, so what was interned before that is looked up again.
    fn intern(&mut self, incoming: Incoming<'_>, context: u32) -> ContextId {
        let scratch = &mut self.scratch;
        if mem::replace(&mut scratch.contexts_interned_at, scratch.contexts_epoch)
            != scratch.contexts_epoch
        {
            scratch.contexts.fill(None);
        }
        if let Some(known) = scratch.contexts[context as usize] {
            return known;
        }
        let resource = incoming.scan.resource(incoming.request, context);
        let scope = incoming.scan.scope(incoming.request, context);
        let interned = self.store.intern(resource, scope);
        scratch.contexts[context as usize] = Some(interned);
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
        self.conclude(index, now, NOT_SAMPLED, None, sink);
    }

    /// Keeps a single trace from crowding out the others. True when it had to be decided for that.
    pub(super) fn see_to_size(&mut self, index: u32, now: Moment, sink: &mut impl Sink) -> bool {
        let limit = self.settings.trace_bytes_limit();
        let bytes = self.table.traces.get(index).summary.bytes;
        if bytes > limit {
            self.decide(index, now, Some(EarlyReason::Size), sink);
            return true;
        }
        if bytes > limit / 16 {
            self.table.mark_large(index);
        }
        false
    }
}

/// The fragments in these numbers of spans.
pub(super) fn fragments(
    incoming: Incoming<'_>,
    numbers: &[u32],
) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start == numbers.len() {
            return None;
        }
        let end = incoming.fragment_end(numbers, start);
        Some(mem::replace(&mut start, end)..end)
    })
}
