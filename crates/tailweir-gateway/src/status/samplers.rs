//! Samplers: the sum over their shards.

use crate::actors::ShardReport;
use crate::buckets::Buckets;
use crate::graph::Graph;
use serde::Serialize;
use std::collections::BTreeMap;
use tailweir_sampler::{AgeHistogram, Amount, EarlyReason, PolicyVotes};
use tailweir_shard::ShardState;
use tailweir_tenure::Standing;

/// Traces, spans and bytes that went one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DecisionRow {
    /// Traces.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// Bytes of spans as they arrived.
    pub bytes: u64,
}

impl DecisionRow {
    pub(crate) fn add(&mut self, amount: Amount) {
        self.traces += amount.traces;
        self.spans += amount.spans;
        self.bytes += amount.bytes;
    }

    pub(crate) fn merge(&mut self, more: Self) {
        self.traces += more.traces;
        self.spans += more.spans;
        self.bytes += more.bytes;
    }
}

/// What a policy did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PolicyRow {
    /// Its name.
    pub policy: String,
    /// Kept, with this policy named for it.
    pub sampled: DecisionRow,
    /// Dropped because of it.
    pub dropped: DecisionRow,
    /// What it said when it was asked.
    pub votes: VotesRow,
}

/// The votes of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct VotesRow {
    /// Times that it was asked.
    pub executions: u64,
    /// Time that this took, in microseconds, estimated.
    pub microseconds: u64,
    /// Traces that it wanted.
    pub sampled: DecisionRow,
    /// Traces that it did not want.
    pub not_sampled: DecisionRow,
    /// Traces that it dropped.
    pub dropped: DecisionRow,
}

impl VotesRow {
    fn add(&mut self, votes: PolicyVotes) {
        self.executions += votes.executions;
        self.microseconds += votes.time.as_micros() as u64;
        self.sampled.add(votes.sampled);
        self.not_sampled.add(votes.not_sampled);
        self.dropped.add(votes.dropped);
    }

    pub(crate) fn merge(&mut self, more: Self) {
        self.executions += more.executions;
        self.microseconds += more.microseconds;
        self.sampled.merge(more.sampled);
        self.not_sampled.merge(more.not_sampled);
        self.dropped.merge(more.dropped);
    }
}

/// A `tail_sampling` processor of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SamplerRow {
    /// The pipeline's id.
    pub pipeline: String,
    /// The processor's id.
    pub processor: String,
    /// Its shards.
    pub shards: u64,
    /// Undecided now.
    pub held: DecisionRow,
    /// Memory of that, in bytes.
    pub held_memory_bytes: u64,
    /// Bound of that memory, in bytes.
    pub memory_budget_bytes: u64,
    /// Memory of decisions and span ids that are remembered, in bytes.
    pub remembered_memory_bytes: u64,
    /// Decisions that are remembered.
    pub remembered_decisions: u64,
    /// Trace ids that were not known when a span came.
    pub new_traces: u64,
    /// Decided to be kept.
    pub sampled: DecisionRow,
    /// Wanted by no policy.
    pub not_sampled: DecisionRow,
    /// Dropped by a policy.
    pub dropped: DecisionRow,
    /// Spans that came after the decision to keep.
    pub late_sampled: DecisionRow,
    /// Spans that came after another decision.
    pub late_not_sampled: DecisionRow,
    /// Spans that had come before.
    pub duplicates: DecisionRow,
    /// Not accepted for want of room.
    pub refused: DecisionRow,
    /// Decided before their time, by reason.
    pub early: BTreeMap<&'static str, DecisionRow>,
    /// Not sampled because of `maximum_trace_size_bytes`.
    pub too_large: DecisionRow,
    /// Times that a policy failed.
    pub evaluation_errors: u64,
    /// Bytes of kept spans that wait for room behind.
    pub held_back_bytes: u64,
    /// Spans whose tracestate could not be given a threshold.
    pub unwritten_thresholds: u64,
    /// The policies, in the order of their names.
    pub policies: Vec<PolicyRow>,
    /// Its part in the cluster; nothing when the process is alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberRow>,
    /// Milliseconds that a round of decisions took: counts by bucket.
    #[serde(skip)]
    pub(crate) decision_time: Option<Buckets>,
    /// Seconds between the decision and spans that came late: counts by bucket.
    #[serde(skip)]
    pub(crate) late_age: Option<Buckets>,
    /// Seconds between the first span and the decision: counts by bucket.
    #[serde(skip)]
    pub(crate) decision_age: Option<Buckets>,
}

/// How long something of a sampler took, each time that it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimesRow {
    /// What took so long.
    pub what: &'static str,
    /// `ms` or `s`.
    pub unit: &'static str,
    /// Upper bounds and how often it took as long: more than the bound before. Without a bound: longer than all.
    pub counts: Vec<(Option<u64>, u64)>,
}

impl SamplerRow {
    /// How long decisions took; nothing before the first.
    #[must_use]
    pub fn times(&self) -> Vec<TimesRow> {
        let rows = [
            ("round of decisions", "ms", &self.decision_time),
            ("first span to decision", "s", &self.decision_age),
            ("decision to late span", "s", &self.late_age),
        ];
        let measured = rows.into_iter().filter_map(|(what, unit, buckets)| {
            let counts = buckets.as_ref()?.counts().collect();
            Some(TimesRow { what, unit, counts })
        });
        measured.collect()
    }
}

/// The part of a sampler in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MemberRow {
    /// The newest table that all its shards know.
    pub epoch: u64,
    /// Tenures by what it is in them: `opens`, `serves`, `finishes` or `closed` as their owner, `copies` or
    /// `attaches` as their second member.
    pub tenures: BTreeMap<&'static str, u64>,
    /// Bytes of spans that it keeps for other members.
    pub copied_bytes: u64,
    /// Verdicts that it remembers, its own and those of the tenures that it copies.
    pub verdicts: u64,
    /// Parts of requests that wait for an answer.
    pub parts_waiting: u64,
    /// Records of other members that were not stored for want of memory.
    pub copies_refused: u64,
    /// Records that were dropped because too many waited for a table.
    pub behind_dropped: u64,
    /// Spans of other members that could not be read.
    pub unreadable: u64,
}

impl MemberRow {
    /// What a member can be in a tenure.
    pub(crate) const STATES: [&'static str; 6] = [
        "opens", "serves", "finishes", "closed", "copies", "attaches",
    ];

    fn add(&mut self, state: &ShardState) {
        self.epoch = match self.epoch {
            0 => state.epoch.0,
            epoch => epoch.min(state.epoch.0),
        };
        for (standing, &count) in &state.tenures {
            *self.tenures.entry(name(*standing)).or_default() += count as u64;
        }
        self.copied_bytes += state.copied_bytes as u64;
        self.verdicts += state.verdicts as u64;
        self.parts_waiting += state.parts_waiting as u64;
        self.copies_refused += state.copies_refused;
        self.behind_dropped += state.behind_dropped;
        self.unreadable += state.unreadable;
    }
}

fn name(standing: Standing) -> &'static str {
    match standing {
        Standing::Opens => "opens",
        Standing::Serves => "serves",
        Standing::Finishes => "finishes",
        Standing::Closed => "closed",
        Standing::Copies => "copies",
        Standing::Attaches => "attaches",
    }
}

/// A row for each sampler.
pub(super) async fn rows(graph: &Graph) -> Vec<SamplerRow> {
    let mut rows = Vec::new();
    for ((pipeline, processor), sampler) in &graph.samplers {
        let mut row = SamplerRow {
            pipeline: pipeline.to_string(),
            processor: processor.to_string(),
            shards: sampler.shards().len() as u64,
            ..SamplerRow::default()
        };
        let mut policies = BTreeMap::new();
        for report in sampler.reports().await {
            row.add(&report);
            add_policies(&mut policies, &report);
        }
        row.policies = policies.into_values().collect();
        rows.push(row);
    }
    rows
}

impl SamplerRow {
    fn add(&mut self, report: &ShardReport) {
        let counters = &report.counters;
        self.held.add(counters.held);
        self.held_memory_bytes += report.held_memory;
        self.memory_budget_bytes += report.memory_budget;
        self.remembered_memory_bytes += report.remembered_memory;
        self.remembered_decisions += report.remembered_decisions as u64;
        self.new_traces += counters.new_traces;
        self.sampled.add(counters.decided.sampled);
        self.not_sampled.add(counters.decided.not_sampled);
        self.dropped.add(counters.decided.dropped);
        self.late_sampled.add(counters.late.sampled);
        self.late_not_sampled.add(counters.late.not_sampled);
        self.late_not_sampled.add(counters.late.dropped);
        self.duplicates.add(counters.duplicates);
        self.refused.add(counters.refused);
        for (reason, amount) in EarlyReason::ALL.iter().zip(counters.early) {
            self.early.entry(reason.name()).or_default().add(amount);
        }
        self.too_large.add(counters.too_large);
        self.evaluation_errors += counters.evaluation_errors;
        if let Some(state) = &report.member {
            self.member.get_or_insert_default().add(state);
        }
        merge(&mut self.decision_time, &report.ticks);
        self.held_back_bytes += report.held_back_bytes as u64;
        self.unwritten_thresholds += report.unwritten_thresholds;
        merge(&mut self.late_age, &ages(&counters.late_age));
        merge(&mut self.decision_age, &ages(&counters.decision_age));
    }
}

fn add_policies(rows: &mut BTreeMap<String, PolicyRow>, report: &ShardReport) {
    for (name, counts) in &report.by_policy {
        let row = rows.entry(name.clone()).or_insert_with(|| PolicyRow {
            policy: name.clone(),
            ..PolicyRow::default()
        });
        row.sampled.add(counts.decided.sampled);
        row.dropped.add(counts.decided.dropped);
        row.votes.add(counts.votes);
    }
}

fn ages(histogram: &AgeHistogram) -> Buckets {
    Buckets::of(&AgeHistogram::BOUNDS, &histogram.counts)
}

fn merge(sum: &mut Option<Buckets>, more: &Buckets) {
    match sum {
        Some(sum) => sum.merge(more),
        None => *sum = Some(more.clone()),
    }
}
