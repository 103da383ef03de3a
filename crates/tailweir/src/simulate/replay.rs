//! Feeds requests to an engine and writes down what becomes of each trace.

use anyhow::Context;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::TailSampling;
use tailweir_core::{ByteSize, Moment, TraceId};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_policy::{Decision, PolicySet};
use tailweir_sampler::{
    AbandonedTrace, DecidedTrace, DiscardedTrace, Engine, EngineSettings, Sink,
};

/// Engines in a simulation are seeded alike, so that a simulation can be repeated.
const SEED: u64 = 0x7461_696c_7765_6972;
/// More than any capture needs; a simulation is bounded by the memory that holds its input.
const UNBOUNDED: ByteSize = ByteSize::mib(1 << 20);

/// When captured spans arrive on the virtual clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// All before the first deadline; then everything is decided at one instant, in order of arrival.
    #[default]
    Together,
    /// Each request when its last span has ended, with the bounds of the configuration in force.
    Paced,
    /// Each trace alone in a new engine, so that limiters are full for every one.
    Isolated,
}

/// What became of one trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceDecision {
    /// Which trace.
    pub id: TraceId,
    /// `sampled`, `not_sampled` or `dropped`.
    pub decision: &'static str,
    /// The policy named as the reason; empty when none is.
    pub policy: String,
    /// Spans, late ones included.
    pub spans: u64,
    /// Bytes of these spans.
    pub bytes: u64,
}

/// What a policy kept or dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyCounts {
    /// Its name.
    pub name: String,
    /// Traces.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// Bytes of spans.
    pub bytes: u64,
}

/// What became of all traces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Each trace, in order of first arrival.
    pub traces: Vec<TraceDecision>,
    /// The names of the policies, in order of the configuration.
    pub policies: Vec<String>,
    /// Spans that were left out because the same ids had come before.
    pub duplicate_spans: u64,
    /// Policies that failed on a trace and were passed over.
    pub evaluation_errors: u64,
}

/// Decides the traces in these requests (OTLP, protobuf).
///
/// # Errors
/// When a policy does not compile, or a request is malformed; names its number, from 1.
pub(crate) fn simulate(
    settings: &TailSampling,
    requests: &[Vec<u8>],
    arrivals: Arrivals,
) -> anyhow::Result<Outcome> {
    let policies = &Arc::new(compile(settings)?);
    let scanned = scan_all(requests)?;
    let mut record = Record::default();
    record.note_order(&scanned);
    match arrivals {
        Arrivals::Together => {
            let mut engine = Engine::new(unbounded(settings), Arc::clone(policies), SEED);
            for one in &scanned {
                one.append_all(&mut engine, Moment::ZERO, &mut record)?;
            }
            engine.drain(Moment::ZERO, &mut record);
            record.add_counts(&engine);
        }
        Arrivals::Paced => paced(settings, policies, scanned, &mut record)?,
        Arrivals::Isolated => isolated(settings, policies, &scanned, &mut record)?,
    }
    Ok(record.finish(policies))
}

fn compile(settings: &TailSampling) -> anyhow::Result<PolicySet> {
    PolicySet::compile(settings).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(errors.join("\n"))
    })
}

/// A request and its spans.
struct Scanned<'a> {
    request: &'a [u8],
    scan: Scan,
}

impl Scanned<'_> {
    fn append_all(
        &self,
        engine: &mut Engine,
        now: Moment,
        record: &mut Record,
    ) -> anyhow::Result<()> {
        let all: Vec<u32> = (0..self.scan.spans.len() as u32).collect();
        engine.append(now, self.request, &self.scan, &all, record)?;
        Ok(())
    }

    /// When its last span ended, in nanoseconds of the Unix epoch.
    fn last_end(&self) -> u64 {
        let ends = self.scan.spans.iter().map(|span| span.head.end);
        ends.max().unwrap_or(0)
    }
}

fn scan_all(requests: &[Vec<u8>]) -> anyhow::Result<Vec<Scanned<'_>>> {
    let mut scanned = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let mut scan = Scan::new();
        Scan::traces(request, &ScanLimits::default(), &mut scan)
            .with_context(|| format!("request {}", index + 1))?;
        scanned.push(Scanned { request, scan });
    }
    Ok(scanned)
}

fn paced(
    settings: &TailSampling,
    policies: &Arc<PolicySet>,
    mut scanned: Vec<Scanned<'_>>,
    record: &mut Record,
) -> anyhow::Result<()> {
    let mut engine = Engine::new(bounded(settings), Arc::clone(policies), SEED);
    scanned.sort_by_key(Scanned::last_end);
    let first = scanned.first().map_or(0, Scanned::last_end);
    for one in &scanned {
        let now = Moment::from_nanos(one.last_end() - first);
        advance_to(&mut engine, Some(now), record);
        one.append_all(&mut engine, now, record)?;
    }
    advance_to(&mut engine, None, record);
    record.add_counts(&engine);
    Ok(())
}

/// Decides what is due until a moment, each trace at its own deadline; without one, everything.
fn advance_to(engine: &mut Engine, until: Option<Moment>, record: &mut Record) {
    while let Some(deadline) = engine.next_deadline() {
        if until.is_some_and(|until| deadline > until) {
            return;
        }
        engine.advance(deadline, record);
    }
}

fn isolated(
    settings: &TailSampling,
    policies: &Arc<PolicySet>,
    scanned: &[Scanned<'_>],
    record: &mut Record,
) -> anyhow::Result<()> {
    // Which spans of which requests belong to each trace, in order of first arrival.
    let mut parts: Vec<Vec<(usize, Vec<u32>)>> = vec![Vec::new(); record.traces.len()];
    for (request, one) in scanned.iter().enumerate() {
        for (index, span) in one.scan.spans.iter().enumerate() {
            let trace = record.index[&span.head.trace_id];
            match parts[trace].last_mut() {
                Some((last, spans)) if *last == request => spans.push(index as u32),
                _ => parts[trace].push((request, vec![index as u32])),
            }
        }
    }
    for part in parts {
        let mut engine = Engine::new(unbounded(settings), Arc::clone(policies), SEED);
        for (request, spans) in part {
            let one = &scanned[request];
            engine.append(Moment::ZERO, one.request, &one.scan, &spans, record)?;
        }
        engine.drain(Moment::ZERO, record);
        record.add_counts(&engine);
    }
    Ok(())
}

/// The settings without the bounds that exist for want of memory: offline, nothing is decided early.
fn unbounded(settings: &TailSampling) -> EngineSettings {
    EngineSettings {
        traces_max: usize::MAX,
        refuse_on_overflow: false,
        sampled_decisions_max: 0,
        other_decisions_max: 0,
        memory_budget: UNBOUNDED,
        ..bounded(settings)
    }
}

fn bounded(settings: &TailSampling) -> EngineSettings {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    EngineSettings {
        decision_wait: settings.decision_wait.max(Duration::from_millis(1)),
        decision_wait_after_root: settings.decision_wait_after_root_received,
        traces_max: size(settings.num_traces),
        // Nobody is there to send a refused request again.
        refuse_on_overflow: false,
        sampled_trace_bytes_max: settings.maximum_trace_size_bytes,
        sampled_decisions_max: size(settings.decision_cache.sampled_cache_size),
        other_decisions_max: size(settings.decision_cache.non_sampled_cache_size),
        memory_budget: settings.memory_budget.unwrap_or(UNBOUNDED),
        ..EngineSettings::default()
    }
}

/// Takes the engine's decisions.
#[derive(Default)]
struct Record {
    index: HashMap<TraceId, usize>,
    traces: Vec<TraceDecision>,
    duplicate_spans: u64,
    evaluation_errors: u64,
}

impl Record {
    fn note_order(&mut self, scanned: &[Scanned<'_>]) {
        for span in scanned.iter().flat_map(|one| &one.scan.spans) {
            let id = span.head.trace_id;
            self.index.entry(id).or_insert_with(|| {
                self.traces.push(TraceDecision {
                    id,
                    decision: "none",
                    policy: String::new(),
                    spans: 0,
                    bytes: 0,
                });
                self.traces.len() - 1
            });
        }
    }

    fn decided(
        &mut self,
        id: TraceId,
        decision: &Decision,
        policies: &PolicySet,
        spans: u64,
        bytes: u64,
    ) {
        let Some(trace) = self.index.get(&id).and_then(|&at| self.traces.get_mut(at)) else {
            return;
        };
        trace.spans += spans;
        trace.bytes += bytes;
        // The first decision counts; what comes late follows it.
        if trace.decision == "none" {
            trace.decision = decision.verdict.name();
            let policy = decision.verdict.policy();
            trace.policy = policy
                .map(|it| policies.name(it).to_owned())
                .unwrap_or_default();
        }
    }

    fn add_counts(&mut self, engine: &Engine) {
        self.duplicate_spans += engine.counters().duplicates.spans;
        self.evaluation_errors += engine.counters().evaluation_errors;
    }

    fn finish(self, policies: &PolicySet) -> Outcome {
        Outcome {
            traces: self.traces,
            policies: policies.names().map(str::to_owned).collect(),
            duplicate_spans: self.duplicate_spans,
            evaluation_errors: self.evaluation_errors,
        }
    }
}

impl Sink for Record {
    fn kept(&mut self, trace: &DecidedTrace<'_>) {
        let (spans, bytes) = (u64::from(trace.summary.spans), trace.summary.bytes);
        self.decided(trace.id, &trace.decision, trace.policies, spans, bytes);
    }

    fn discarded(&mut self, trace: &DiscardedTrace<'_>) {
        self.decided(
            trace.id,
            &trace.decision,
            trace.policies,
            trace.spans,
            trace.bytes,
        );
    }

    fn abandoned(&mut self, _: &AbandonedTrace) {}
}

impl Outcome {
    /// What each policy kept, in order of the configuration.
    #[must_use]
    pub fn kept_by_policy(&self) -> Vec<PolicyCounts> {
        let counts = |name: &String| {
            let named = |it: &&TraceDecision| it.decision == SAMPLED && &it.policy == name;
            sum(name, self.traces.iter().filter(named))
        };
        self.policies.iter().map(counts).collect()
    }

    /// The traces with a decision: `sampled`, `not_sampled` or `dropped`.
    #[must_use]
    pub fn decided(&self, decision: &str) -> PolicyCounts {
        sum(
            decision,
            self.traces.iter().filter(|it| it.decision == decision),
        )
    }

    /// All traces.
    #[must_use]
    pub fn total(&self) -> PolicyCounts {
        sum("all", self.traces.iter())
    }
}

/// The word for a kept trace.
const SAMPLED: &str = "sampled";

fn sum<'a>(name: &str, traces: impl Iterator<Item = &'a TraceDecision>) -> PolicyCounts {
    let start = PolicyCounts {
        name: name.to_owned(),
        ..PolicyCounts::default()
    };
    traces.fold(start, |counts, trace| PolicyCounts {
        traces: counts.traces + 1,
        spans: counts.spans + trace.spans,
        bytes: counts.bytes + trace.bytes,
        ..counts
    })
}
