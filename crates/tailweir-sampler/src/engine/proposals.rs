//! Decisions that hold only when somebody else has agreed to them: a second copy of the trace, say.
//!
//! ```text
//! waits --deadline--> judged --settles--> put --follow--> carried out
//!   ^                   | not decidable    |
//!   +---- RETRY --------+                  +--reconsider--> waits
//! ```

use super::Engine;
use super::append::Appended;
use super::incoming::Incoming;
use crate::cache::Remembered;
use crate::gather::Gather;
use crate::index::Place;
use crate::sink::{AbandonReason, EarlyReason, Sink};
use crate::trace::Proposal;
use std::mem;
use std::time::Duration;
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::{Scan, SpanRecord};
use tailweir_policy::Decision;

/// Pause before a trace that could not be decided is tried again.
const RETRY: Duration = Duration::from_millis(20);
/// Waits that come with a trace are rounded up to this part of the window, so that there are few lengths of wait.
const STEPS: u128 = 64;

impl Engine {
    /// A decision that was made elsewhere, or was put to the sink before, holds: it is carried out if the trace is
    /// held, and remembered for late spans if it is not known. The first decision about a trace stands.
    pub fn follow(&mut self, now: Moment, id: TraceId, decision: Decision, sink: &mut impl Sink) {
        self.agree(now, id, decision, sink);
        self.forget_decisions();
    }

    /// The same ahead of a call of [`Self::append`] or [`Self::adopt`] with spans of this trace and others. Decisions beyond
    /// the bound are forgotten at the end of that call, and not now: one of them may be about a trace of the same request.
    pub fn agree(&mut self, now: Moment, id: TraceId, decision: Decision, sink: &mut impl Sink) {
        let now = self.begin(now, sink);
        match self.table.find(self.table.hash(id), id) {
            Some(Place::Held(index)) => {
                let proposal = self.table.traces.get(index).proposal.as_deref();
                let early = proposal.and_then(|proposal| proposal.early);
                self.conclude(index, now, decision, early, sink);
            }
            Some(Place::Decided(_)) => {}
            None => self.learn(now, id, &decision),
        }
        self.check();
    }

    /// A decision that was put to the sink does not hold: the trace is judged again, with what has come since.
    pub fn reconsider(&mut self, now: Moment, id: TraceId) {
        let Some(Place::Held(index)) = self.table.find(self.table.hash(id), id) else {
            return;
        };
        let trace = self.table.traces.get_mut(index);
        if trace.is_put() {
            trace.proposal = None;
            // The fragment that decided is in no note of what was seen before it.
            trace.pending = None;
            self.leaving -= trace.summary.bytes;
            self.wait(index, now.max(self.now), Duration::ZERO);
        }
    }

    /// Takes over spans of one trace that another engine held, to be decided when `remaining` is over, but for those of
    /// a trace that is known here already. Nothing is refused: they are safe nowhere else.
    pub fn adopt(
        &mut self,
        now: Moment,
        request: &[u8],
        scan: &Scan,
        remaining: Duration,
        sink: &mut impl Sink,
    ) {
        let now = self.begin(now, sink);
        let Some(id) = scan.spans.first().map(|span| span.head.trace_id) else {
            return;
        };
        let is_known = self.table.find(self.table.hash(id), id).is_some();
        let selected: Vec<u32> = (0..scan.spans.len() as u32).collect();
        let incoming = Incoming {
            request,
            scan,
            selected: &selected,
            is_adopted: true,
        };
        let mut gather = mem::take(&mut self.scratch.gather);
        gather.group(scan, &selected, |id| self.table.hash(id));
        self.take_in_all(now, incoming, &gather, sink);
        self.scratch.gather = gather;
        let wait = self.rounded(remaining);
        if !is_known
            && let Some(Place::Held(index)) = self.table.find(self.table.hash(id), id)
            && self.table.traces.get(index).proposal.is_none()
            && self.table.traces.get(index).deadline > now + wait
        {
            self.stop_waiting(index);
            self.wait(index, now, wait);
        }
        self.forget_decisions();
        self.check();
    }

    /// Forgets the decision about a trace, if one is remembered.
    pub fn forget(&mut self, id: TraceId) {
        if self.unlearn(id) {
            self.counters.decisions_forgotten += 1;
        }
    }

    /// Whether there was a decision to be forgotten.
    pub(super) fn unlearn(&mut self, id: TraceId) -> bool {
        let hash = self.table.hash(id);
        let Some(Place::Decided(number)) = self.table.find(hash, id) else {
            return false;
        };
        let forgotten = self.table.unlearn(hash, number);
        self.policies.release(forgotten.revision);
        true
    }

    /// Forgets a trace that is held and is somebody else's.
    pub fn give_back(&mut self, id: TraceId, sink: &mut impl Sink) {
        if let Some(Place::Held(index)) = self.table.find(self.table.hash(id), id) {
            self.abandon(index, AbandonReason::GivenBack, sink);
            self.check();
        }
    }

    /// Shows the spans of a trace that is held, in the order of arrival.
    pub fn show<R>(&mut self, id: TraceId, to: impl FnOnce(&[SpanRecord<'_>]) -> R) -> Option<R> {
        let Some(Place::Held(index)) = self.table.find(self.table.hash(id), id) else {
            return None;
        };
        let last = self.table.traces.get(index).last;
        let mut records = Vec::new();
        self.store
            .records(last, &mut self.scratch.order, &mut records);
        Some(to(&records))
    }

    /// The traces that are held.
    pub fn held(&self) -> impl Iterator<Item = TraceId> {
        let traces = self.table.traces.iter();
        let held = traces.filter(|trace| trace.summary.spans > 0);
        held.map(|trace| trace.id)
    }

    /// Carries a decision out, or puts it to the sink. Says whether the trace is gone.
    pub(super) fn rule(
        &mut self,
        index: u32,
        now: Moment,
        decision: Decision,
        early: Option<EarlyReason>,
        sink: &mut impl Sink,
    ) -> bool {
        let id = self.table.traces.get(index).id;
        let is_put = sink.is_decidable(id);
        if is_put && sink.settles(id, &decision) {
            self.conclude(index, now, decision, early, sink);
            self.forget_decisions();
            return true;
        }
        self.in_flight = None;
        self.stop_waiting(index);
        let proposal = Proposal {
            decision,
            early,
            is_put,
        };
        let trace = self.table.traces.get_mut(index);
        trace.proposal = Some(Box::new(proposal));
        if is_put {
            self.leaving += trace.summary.bytes;
        } else {
            self.wait(index, now, RETRY);
        }
        false
    }

    /// Whether nothing can be decided about a trace now. It is tried again later, unless its decision is under way.
    pub(super) fn is_undecidable(&mut self, index: u32, now: Moment, sink: &impl Sink) -> bool {
        let trace = self.table.traces.get(index);
        if trace.is_put() {
            return true;
        }
        if sink.is_decidable(trace.id) {
            return false;
        }
        self.stop_waiting(index);
        self.wait(index, now, RETRY);
        true
    }

    /// Ends the wait of a trace, if it has one.
    pub(super) fn stop_waiting(&mut self, index: u32) {
        if !self.table.traces.get(index).is_put() {
            self.table.stop_waiting(index);
        }
    }

    fn wait(&mut self, index: u32, now: Moment, wait: Duration) {
        self.table
            .deadlines
            .start(&mut self.table.traces, index, now, wait);
    }

    fn rounded(&self, remaining: Duration) -> Duration {
        let step = self.settings.decision_wait.as_nanos() / STEPS;
        let steps = remaining.as_nanos().div_ceil(step.max(1));
        let nanos = (steps * step.max(1)).min(u128::from(u64::MAX));
        Duration::from_nanos(nanos as u64)
    }

    fn learn(&mut self, now: Moment, id: TraceId, decision: &Decision) {
        let revision = self.policies.name_revision();
        let remembered = Remembered::new(id, decision, revision, now);
        self.table.learn(remembered);
    }

    fn take_in_all(
        &mut self,
        now: Moment,
        incoming: Incoming<'_>,
        gather: &Gather,
        sink: &mut impl Sink,
    ) {
        self.scratch.contexts.clear();
        let contexts = incoming.scan.context_count();
        self.scratch.contexts.resize(contexts, None);
        let mut appended = Appended::default();
        for group in &gather.groups {
            let place = self.table.find(group.hash, group.id);
            self.take_in(now, incoming, gather, (group, place), &mut appended, sink);
        }
    }
}
