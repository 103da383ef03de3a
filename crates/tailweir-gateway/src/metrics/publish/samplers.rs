//! Pages of samplers: windows, members of a cluster, streams to peers, policies.

use super::{Labels, Page};
use crate::metrics::Metric as M;
use crate::status::{MemberRow, PeerRow, PolicyRow, SamplerRow};
use std::collections::BTreeMap;

impl Page<'_> {
    /// The Collector's metrics have no label for the processor, so they are sums over all of them.
    pub(super) fn samplers(&self, rows: &[SamplerRow]) {
        if rows.is_empty() {
            return;
        }
        let traces = |of: fn(&SamplerRow) -> u64| rows.iter().map(of).sum::<u64>();
        self.counter(M::NewTraces, &[], traces(|row| row.new_traces));
        self.counter(
            M::EvaluationErrors,
            &[],
            traces(|row| row.evaluation_errors),
        );
        self.counter(M::TooLarge, &[], traces(|row| row.too_large.traces));
        self.counter(
            M::UnparseableTraceStates,
            &[],
            traces(|row| row.unwritten_thresholds),
        );
        self.gauge(M::TracesOnMemory, &[], traces(|row| row.held.traces));
        self.counter(M::DroppedTooEarly, &[], traces(forced_early));
        let late = [
            ("true", traces(|row| row.late_sampled.spans)),
            ("false", traces(|row| row.late_not_sampled.spans)),
        ];
        for (sampled, spans) in late {
            self.counter(M::EarlyReleases, &[("sampled", sampled)], spans);
        }
        for (sampled, decision, count) in [
            ("true", "sampled", traces(|row| row.sampled.traces)),
            ("false", "not_sampled", traces(|row| row.not_sampled.traces)),
            ("false", "dropped", traces(|row| row.dropped.traces)),
        ] {
            let labels = [("sampled", sampled), ("decision", decision)];
            self.counter(M::GlobalTraces, &labels, count);
        }
        self.policies(rows);
        for row in rows {
            self.sampler(row);
        }
    }

    fn sampler(&self, row: &SamplerRow) {
        let labels: Labels<'_> = &[("pipeline", &row.pipeline), ("processor", &row.processor)];
        self.gauge(M::StoreMemory, labels, row.held_memory_bytes);
        self.gauge(M::StoreMemoryMax, labels, row.memory_budget_bytes);
        self.gauge(M::RememberedMemory, labels, row.remembered_memory_bytes);
        self.gauge(M::RememberedDecisions, labels, row.remembered_decisions);
        self.counter(M::Duplicates, labels, row.duplicates.spans);
        self.gauge(M::HeldBack, labels, row.held_back_bytes);
        self.counter(M::UnwrittenThresholds, labels, row.unwritten_thresholds);
        for (reason, early) in &row.early {
            let labels = [labels[0], labels[1], ("reason", *reason)];
            self.counter(M::EarlyDecisions, &labels, early.traces);
        }
        if let Some(member) = &row.member {
            self.member(labels, member);
        }
    }

    fn member(&self, labels: Labels<'_>, member: &MemberRow) {
        for state in MemberRow::STATES {
            let count = member.tenures.get(state).copied().unwrap_or_default();
            let labels = [labels[0], labels[1], ("state", state)];
            self.gauge(M::Tenures, &labels, count);
        }
        self.gauge(M::CopiedBytes, labels, member.copied_bytes);
        self.gauge(M::Verdicts, labels, member.verdicts);
        self.gauge(M::TableEpoch, labels, member.epoch);
        self.gauge(M::PartsWaiting, labels, member.parts_waiting);
        self.counter(M::CopiesRefused, labels, member.copies_refused);
    }

    pub(super) fn peers(&self, rows: &[PeerRow]) {
        for row in rows {
            let member = ("member", row.member.as_str());
            for (bytes, messages, traffic) in [
                (M::PeerSentBytes, M::PeerSentMessages, row.sent),
                (M::PeerReceivedBytes, M::PeerReceivedMessages, row.received),
            ] {
                let labels = [member, ("stream", "parts")];
                self.counter(bytes, &labels, traffic.part_bytes);
                self.counter(messages, &labels, traffic.parts);
                let labels = [member, ("stream", "letters")];
                self.counter(bytes, &labels, traffic.letter_bytes);
                self.counter(messages, &labels, traffic.messages);
            }
            self.counter(M::PeerSentLetters, &[member], row.sent.letters);
            self.counter(M::PeerReceivedLetters, &[member], row.received.letters);
            self.gauge(M::PeerQueueBytes, &[member], row.queued_bytes);
            self.counter(M::PeerDroppedMessages, &[member], row.dropped_messages);
            self.counter(M::PeerBreaks, &[member], row.breaks);
        }
    }

    /// The label is the policy's name, after that of the processor where it has one.
    pub(super) fn policies(&self, rows: &[SamplerRow]) {
        let mut sums: BTreeMap<String, PolicyRow> = BTreeMap::new();
        for row in rows {
            let name = row.processor.split_once('/').map(|(_, name)| name);
            for policy in &row.policies {
                let label = match name {
                    Some(name) => format!("{name}.{}", policy.policy),
                    None => policy.policy.clone(),
                };
                let sum = sums.entry(label).or_default();
                sum.sampled.merge(policy.sampled);
                sum.dropped.merge(policy.dropped);
                sum.votes.merge(policy.votes);
            }
        }
        for (policy, row) in sums {
            self.policy(&policy, &row);
        }
    }

    fn policy(&self, policy: &str, row: &PolicyRow) {
        let votes = row.votes;
        for (sampled, decision, count) in [
            ("true", "sampled", votes.sampled),
            ("false", "not_sampled", votes.not_sampled),
            ("false", "dropped", votes.dropped),
        ] {
            let labels: Labels<'_> = &[
                ("policy", policy),
                ("sampled", sampled),
                ("decision", decision),
            ];
            self.counter(M::SampledTraces, labels, count.traces);
            self.counter(M::SampledSpans, labels, count.spans);
            self.counter(M::SampledBytes, labels, count.bytes);
        }
        for (decision, count) in [("sampled", row.sampled), ("dropped", row.dropped)] {
            let labels = [("policy", policy), ("decision", decision)];
            self.counter(M::DecidedTraces, &labels, count.traces);
        }
        let labels = [("policy", policy)];
        self.counter(M::PolicyExecutions, &labels, votes.executions);
        self.counter(M::PolicyTime, &labels, votes.microseconds);
    }
}

/// Traces that were decided before their time for want of room.
fn forced_early(row: &SamplerRow) -> u64 {
    let early = |reason: &str| row.early.get(reason).map_or(0, |early| early.traces);
    early("memory") + early("traces")
}
