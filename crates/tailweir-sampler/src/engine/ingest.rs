//! The strategy `span-ingest`: policies look at each fragment as it arrives.

use super::append::Appended;
use super::incoming::{Incoming, fragments};
use super::{Engine, emptied};
use crate::index::Place;
use crate::sink::Sink;
use std::mem;
use tailweir_core::Moment;
use tailweir_otlp::{SpanHead, SpanRecord, TraceSummary, TraceView};
use tailweir_policy::{Arrival, Decision, Pending};

impl Engine {
    /// Holds fragment by fragment. The first that decides takes along what is held; the rest is late.
    pub(super) fn hold_and_look(
        &mut self,
        index: u32,
        now: Moment,
        incoming: Incoming<'_>,
        numbers: &[u32],
        appended: &mut Appended,
        sink: &mut impl Sink,
    ) {
        let id = self.table.traces.get(index).id;
        let mut decided = false;
        for fragment in fragments(incoming, numbers) {
            let fragment = &numbers[fragment];
            let is_held = matches!(
                self.table.find(self.table.hash(id), id),
                Some(Place::Held(_))
            );
            if is_held && self.table.traces.get(index).proposal.is_some() {
                // What is decided already needs no look; these follow it with the others.
                appended.held += fragment.len() as u64;
                self.hold(index, now, incoming, fragment);
            } else if !decided {
                appended.held += fragment.len() as u64;
                decided = self.look(index, now, incoming, fragment, sink);
            } else if let Some(Place::Decided(number)) = self.table.find(self.table.hash(id), id) {
                let rest = fragment.iter().copied();
                self.follow_decision(number, now, incoming, rest, appended, sink);
            }
        }
    }

    /// Holds a fragment and asks the policies about it. True when the trace is decided.
    fn look(
        &mut self,
        index: u32,
        now: Moment,
        incoming: Incoming<'_>,
        fragment: &[u32],
        sink: &mut impl Sink,
    ) -> bool {
        self.hold(index, now, incoming, fragment);
        if self.is_refused_for_size(index, incoming, fragment) {
            self.refuse_for_size(index, now, sink);
            return true;
        }
        match self.ask(index, now, incoming, fragment) {
            Arrival::Decided(decision) => self.rule(index, now, decision, None, sink),
            Arrival::Open(pending) => {
                self.table.traces.get_mut(index).pending = Some(Box::new(pending));
                self.see_to_size(index, now, sink)
            }
        }
    }

    /// Asks the policies about each fragment that is held, as if it arrived now: they are others than those that saw it, or the
    /// decision that one of them led to did not hold.
    pub(super) fn look_again(&mut self, index: u32, now: Moment) -> Decision {
        let trace = self.table.traces.get(index);
        let (id, last) = (trace.id, trace.last);
        let mut records: Vec<SpanRecord<'_>> = emptied(mem::take(&mut self.scratch.records));
        self.store
            .records(last, &mut self.scratch.order, &mut records);
        let (policies, state) = self.policies.decider();
        let (mut pending, mut spans, mut decided) = (Pending::default(), 0, None);
        for fragment in records.chunk_by(|one, next| one.fragment == next.fragment) {
            spans += fragment.len() as u64;
            let mut summary = TraceSummary::default();
            for record in fragment {
                summary.add(&SpanHead::of(record.span), record.span.0.len());
            }
            let view = TraceView {
                id,
                summary,
                spans: fragment,
            };
            match policies.decide_on_arrival(state, now, &view, spans, pending) {
                Arrival::Decided(decision) => {
                    decided = Some(decision);
                    break;
                }
                Arrival::Open(open) => pending = open,
            }
        }
        let decision = decided.unwrap_or_else(|| policies.settle(pending));
        self.scratch.records = emptied(records);
        decision
    }

    fn ask(
        &mut self,
        index: u32,
        now: Moment,
        incoming: Incoming<'_>,
        fragment: &[u32],
    ) -> Arrival {
        let trace = self.table.traces.get(index);
        let spans = u64::from(trace.summary.spans);
        let pending = trace.pending.as_deref().copied().unwrap_or_default();
        let mut records = emptied(mem::take(&mut self.scratch.records));
        let mut summary = TraceSummary::default();
        for &number in fragment {
            let entry = incoming.entry(number);
            summary.add(&entry.head, entry.length());
            records.push(incoming.record(number, 0));
        }
        let view = TraceView {
            id: trace.id,
            summary,
            spans: &records,
        };
        let (policies, state) = self.policies.decider();
        let arrival = policies.decide_on_arrival(state, now, &view, spans, pending);
        self.scratch.records = emptied(records);
        arrival
    }
}
