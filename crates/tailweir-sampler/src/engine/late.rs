//! Spans that come after the decision follow it.

use super::append::Appended;
use super::incoming::Incoming;
use super::{Engine, emptied};
use crate::delivered::BlockPointer;
use crate::seen::fingerprint;
use crate::sink::{DecidedTrace, DiscardedTrace, Sink};
use std::mem;
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::TraceSummary;
use tailweir_policy::Decision;

impl Engine {
    /// Lets spans follow the remembered decision of this number.
    pub(super) fn follow_decision(
        &mut self,
        number: u32,
        now: Moment,
        incoming: Incoming<'_>,
        numbers: impl Iterator<Item = u32>,
        appended: &mut Appended,
        sink: &mut impl Sink,
    ) {
        self.table.cache.touch(number);
        let remembered = self.table.cache.entries.get(number);
        let (id, decision) = (remembered.id, remembered.decision());
        if decision.verdict.is_sampled() {
            self.keep_late(number, now, incoming, numbers, appended, sink);
        } else {
            self.discard_late(number, now, id, decision, incoming, numbers, appended, sink);
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call, of what its caller has at hand"
    )]
    fn discard_late(
        &mut self,
        number: u32,
        now: Moment,
        id: TraceId,
        decision: Decision,
        incoming: Incoming<'_>,
        numbers: impl Iterator<Item = u32>,
        appended: &mut Appended,
        sink: &mut impl Sink,
    ) {
        let (mut spans, mut bytes) = (0, 0);
        for span in numbers {
            spans += 1;
            bytes += incoming.entry(span).length() as u64;
        }
        let remembered = self.table.cache.entries.get(number);
        let policies = self.policies.of(remembered.revision);
        sink.discarded(&DiscardedTrace {
            id,
            decision,
            policies,
            late: true,
            early: None,
            spans,
            bytes,
        });
        appended.discarded += spans;
        self.counters.late_age.add(now.since(remembered.decided));
        self.counters.appended.add(spans, bytes);
        self.counters.discarded.add(spans, bytes);
        self.counters
            .late
            .of_mut(decision.verdict)
            .add(spans, bytes);
    }

    fn keep_late(
        &mut self,
        number: u32,
        now: Moment,
        incoming: Incoming<'_>,
        numbers: impl Iterator<Item = u32>,
        appended: &mut Appended,
        sink: &mut impl Sink,
    ) {
        let remembered = self.table.cache.entries.get(number);
        let (id, decision) = (remembered.id, remembered.decision());
        let decided = remembered.decided;
        let elsewhere = match incoming.is_adopted {
            true => BlockPointer::NONE,
            false => self.elsewhere.of(id),
        };
        let delivered = [remembered.delivered, elsewhere];
        let mut records = emptied(mem::take(&mut self.scratch.records));
        let mut summary = TraceSummary::default();
        let (mut duplicates, mut duplicate_bytes) = (0, 0);
        self.scratch.fingerprint_set.clear();
        for span in numbers {
            let entry = incoming.entry(span);
            let is_named = !entry.head.span_id.is_zero();
            if self.settings.dedupe
                && is_named
                && self.was_delivered(delivered, incoming.span(span))
            {
                duplicates += 1;
                duplicate_bytes += entry.length() as u64;
            } else {
                summary.add(&entry.head, entry.length());
                records.push(incoming.record(span, incoming.scan.resource_index(entry.context)));
            }
        }
        if duplicates > 0 {
            appended.duplicates += duplicates;
            self.counters.appended.add(duplicates, duplicate_bytes);
            self.counters.duplicates.add(duplicates, duplicate_bytes);
        }
        if !records.is_empty() {
            let revision = self.table.cache.entries.get(number).revision;
            let policies = self.policies.of(revision);
            let late = DecidedTrace {
                id,
                decision,
                policies,
                late: true,
                early: None,
                summary,
                spans: &records,
            };
            sink.kept(&late);
            appended.kept += u64::from(summary.spans);
            self.count_kept_late(decision, summary, now.since(decided));
            self.deliver_late(number, now);
        }
        self.scratch.records = emptied(records);
    }

    /// Whether a span was handed on before, or is about to be for an earlier one of the request.
    fn was_delivered(&mut self, delivered: [BlockPointer; 2], span: &[u8]) -> bool {
        let fingerprint = fingerprint(span);
        let is_behind = |pointer| self.delivered.contains(pointer, fingerprint);
        !self.scratch.fingerprint_set.insert(fingerprint) || delivered.into_iter().any(is_behind)
    }

    fn count_kept_late(
        &mut self,
        decision: Decision,
        summary: TraceSummary,
        age: std::time::Duration,
    ) {
        let (spans, bytes) = (u64::from(summary.spans), summary.bytes);
        self.counters.late_age.add(age);
        self.counters.appended.add(spans, bytes);
        self.counters.kept.add(spans, bytes);
        self.counters
            .late
            .of_mut(decision.verdict)
            .add(spans, bytes);
    }

    /// The spans were handed on: from now on they are known. (Fingerprints that were known before are among
    /// them; that costs room for as long as the horizon, no more.)
    fn deliver_late(&mut self, number: u32, now: Moment) {
        let fingerprints = &mut self.scratch.fingerprints;
        fingerprints.clear();
        fingerprints.extend(&self.scratch.fingerprint_set);
        let remembered = self.table.cache.entries.get_mut(number);
        remembered.delivered = self.delivered.add(now, remembered.delivered, fingerprints);
        self.counters.dedupe_forgotten = self.delivered.forgotten_early;
    }
}
