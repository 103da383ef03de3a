//! One decision: evaluate, remember, hand on, free. In this order, so that a panic at any point
//! leaves one trace to settle and everything else as it was.

use super::{Engine, InFlight, emptied};
use crate::cache::Remembered;
use crate::delivered::BlockPointer;
use crate::seen::fingerprint;
use crate::sink::{AbandonReason, AbandonedTrace, DecidedTrace, DiscardedTrace, EarlyReason, Sink};
use crate::trace::Trace;
use std::mem;
use tailweir_core::{Moment, Verdict};
use tailweir_otlp::{SpanRecord, TraceView};
use tailweir_policy::{CarriedWeight, Decision};

/// What is decided about a trace without asking a policy.
pub(super) const NOT_SAMPLED: Decision = Decision {
    verdict: Verdict::NotSampled,
    sub_policy: None,
    carried: CarriedWeight::Independent,
    evaluation_errors: 0,
};

impl Engine {
    /// Decides a trace that is held, by the policies. Says whether it is gone: a decision may have to wait.
    pub(super) fn decide(
        &mut self,
        index: u32,
        now: Moment,
        early: Option<EarlyReason>,
        sink: &mut impl Sink,
    ) -> bool {
        if self.is_undecidable(index, now, sink) {
            return false;
        }
        if let Some(proposal) = self.table.traces.get(index).proposal.as_deref().copied() {
            return self.rule(index, now, proposal.decision, proposal.early, sink);
        }
        self.in_flight = Some(InFlight {
            trace: index,
            decision: None,
        });
        let decision = self.judge(index, now);
        self.in_flight = None;
        self.rule(index, now, decision, early, sink)
    }

    /// Carries out a decision about a trace that is held.
    pub(super) fn conclude(
        &mut self,
        index: u32,
        now: Moment,
        decision: Decision,
        early: Option<EarlyReason>,
        sink: &mut impl Sink,
    ) {
        self.in_flight = Some(InFlight {
            trace: index,
            decision: None,
        });
        self.remember(index, now, &decision);
        self.in_flight = Some(InFlight {
            trace: index,
            decision: Some(decision),
        });
        self.hand_on(index, decision, early, sink);
        let trace = self.release(index);
        self.count(&trace, now, &decision, early);
        self.in_flight = None;
    }

    /// Gives a trace that is held up, and forgets its id.
    pub(super) fn abandon(&mut self, index: u32, reason: AbandonReason, sink: &mut impl Sink) {
        self.stop_waiting(index);
        self.table.forget_held(index);
        self.give_up(index, reason, sink);
    }

    /// Settles the trace at which the last call panicked, if it did. A policy that panicked has
    /// failed; spans that were being handed on have been, or have not, so they are given up.
    pub(super) fn recover(&mut self, sink: &mut impl Sink) {
        let Some(InFlight {
            trace: index,
            decision,
        }) = self.in_flight.take()
        else {
            return;
        };
        if decision.is_some() {
            self.give_up(index, AbandonReason::Panicked, sink);
        } else {
            self.counters.evaluation_panics += 1;
            let decision = Decision {
                evaluation_errors: 1,
                ..NOT_SAMPLED
            };
            self.rule(index, self.now, decision, None, sink);
        }
    }

    /// Asks the policies.
    fn judge(&mut self, index: u32, now: Moment) -> Decision {
        let trace = self.table.traces.get(index);
        if self.policies.looks_on_arrival() {
            return match trace.pending.as_deref() {
                Some(pending) => self.policies.current().settle(*pending),
                None => self.look_again(index, now),
            };
        }
        let needs_spans = self.policies.needs_spans();
        let mut records = emptied(mem::take(&mut self.scratch.records));
        if needs_spans {
            self.store
                .records(trace.last, &mut self.scratch.order, &mut records);
        }
        let view = TraceView {
            id: trace.id,
            summary: trace.summary,
            spans: &records,
        };
        let (policies, state) = self.policies.decider();
        let decision = policies.decide(state, now, &view);
        self.scratch.records = emptied(records);
        decision
    }

    /// From here on, late spans follow the decision.
    fn remember(&mut self, index: u32, now: Moment, decision: &Decision) {
        let trace = self.table.traces.get(index);
        let revision = self.policies.name_revision();
        let mut remembered = Remembered::new(trace.id, decision, revision, now);
        if decision.verdict.is_sampled() && self.settings.dedupe {
            let fingerprints = &mut self.scratch.fingerprints;
            fingerprints.clear();
            let named = self.store.spans(trace.last).filter(|(id, _)| !id.is_zero());
            fingerprints.extend(named.map(|(_, span)| fingerprint(span)));
            remembered.delivered = self.delivered.add(now, BlockPointer::NONE, fingerprints);
        }
        self.stop_waiting(index);
        self.table.remember(index, remembered);
    }

    /// Forgets decisions beyond the bound.
    pub(super) fn forget_decisions(&mut self) {
        while let Some(forgotten) = self.table.forget_decision() {
            self.policies.release(forgotten.revision);
            self.counters.decisions_forgotten += 1;
        }
    }

    fn hand_on(
        &mut self,
        index: u32,
        decision: Decision,
        early: Option<EarlyReason>,
        sink: &mut impl Sink,
    ) {
        let trace = self.table.traces.get(index);
        let (id, summary) = (trace.id, trace.summary);
        let policies = self.policies.current();
        if !decision.verdict.is_sampled() {
            let (spans, bytes) = (u64::from(summary.spans), summary.bytes);
            sink.discarded(&DiscardedTrace {
                id,
                decision,
                policies,
                late: false,
                early,
                spans,
                bytes,
            });
            return;
        }
        let mut records: Vec<SpanRecord<'_>> = emptied(mem::take(&mut self.scratch.records));
        self.store
            .records(trace.last, &mut self.scratch.order, &mut records);
        sink.kept(&DecidedTrace {
            id,
            decision,
            policies,
            late: false,
            early,
            summary,
            spans: &records,
        });
        self.scratch.records = emptied(records);
    }

    /// Frees the spans of a trace that no longer waits.
    fn release(&mut self, index: u32) -> Trace {
        let trace = self.table.take(index);
        if trace.is_put() {
            self.leaving -= trace.summary.bytes;
        }
        self.store.free(trace.last);
        self.scratch.epoch += 1;
        self.counters.held.traces -= 1;
        self.counters.held.spans -= u64::from(trace.summary.spans);
        self.counters.held.bytes -= trace.summary.bytes;
        trace
    }

    fn give_up(&mut self, index: u32, reason: AbandonReason, sink: &mut impl Sink) {
        let trace = self.release(index);
        let (spans, bytes) = (u64::from(trace.summary.spans), trace.summary.bytes);
        self.counters.abandoned.add(spans, bytes);
        sink.abandoned(&AbandonedTrace {
            id: trace.id,
            reason,
            spans,
            bytes,
        });
    }

    fn count(
        &mut self,
        trace: &Trace,
        now: Moment,
        decision: &Decision,
        early: Option<EarlyReason>,
    ) {
        let (spans, bytes) = (u64::from(trace.summary.spans), trace.summary.bytes);
        let counters = &mut self.counters;
        counters.decided.of_mut(decision.verdict).add(spans, bytes);
        if decision.verdict.is_sampled() {
            counters.kept.add(spans, bytes);
        } else {
            counters.discarded.add(spans, bytes);
        }
        let policy = decision
            .verdict
            .policy()
            .map_or(usize::from(u16::MAX), |at| at.0.into());
        if let Some(by_policy) = counters.by_policy.get_mut(policy) {
            by_policy.of_mut(decision.verdict).add(spans, bytes);
        }
        if let Some(reason) = early {
            counters.early[reason as usize].add(spans, bytes);
        }
        counters.evaluation_errors += u64::from(decision.evaluation_errors);
        counters.decision_age.add(now.since(trace.arrived));
        counters.dedupe_forgotten = self.delivered.forgotten_early;
    }
}
