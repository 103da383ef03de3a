//! Suites without a clock: everything is appended, then the engine is drained.

use super::suite::{Suite, Verdict};
use crate::bench::{Bench, Outcome, What};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::SpanEntry;
use tailweir_policy::PolicySet;
use tailweir_sampler::EngineSettings;
use tailweir_testkit::{Folder, Tally};

/// The suites without a clock.
static SUITES: LazyLock<Vec<Suite>> = LazyLock::new(|| {
    let folder = Folder::open("tail_sampling");
    let names = folder.suites("suite.json").into_iter();
    let suites = names.filter_map(|name| Suite::read(&folder, &name));
    suites.filter(|suite| suite.mode != "timed").collect()
});

/// Scenario: the suites `batch`, `isolated` and `frozen`, with each span counted as often as it comes.
/// Guarantees: every decision is that of the Collector, and the policy it names.
#[test]
fn golden_tail_sampling_engine() {
    let mut tally = Tally::default();
    for suite in SUITES.iter() {
        let differing = differing(suite, false);
        let passed = suite.expected.len() - differing.len();
        tally.record(
            &suite.name,
            &suite.mode,
            passed,
            None,
            &failures(&differing),
        );
    }
    tally.finish("engine");
}

/// Scenario: the same suites as the engine runs by default, which takes a span that comes twice for a
/// retry.
/// Guarantees: decisions differ only about traces in which span ids come twice.
#[test]
fn golden_tail_sampling_engine_with_dedupe() {
    let mut tally = Tally::default();
    for suite in SUITES.iter() {
        let repeating = traces_with_repeated_spans(suite);
        let (by_design, differing): (Vec<_>, Vec<_>) = differing(suite, true)
            .into_iter()
            .partition(|(id, ..)| repeating.contains(id));
        let passed = suite.expected.len() - differing.len() - by_design.len();
        let reason = "a span that comes twice counts once";
        let by_design = (!by_design.is_empty()).then_some((by_design.len(), reason));
        tally.record(
            &suite.name,
            &suite.mode,
            passed,
            by_design,
            &failures(&differing),
        );
    }
    tally.finish("engine with dedupe");
}

fn failures(differing: &[(TraceId, Verdict, Verdict)]) -> Vec<String> {
    let line = |(id, want, got): &(TraceId, Verdict, Verdict)| {
        format!("trace {id}: {got:?} instead of {want:?}")
    };
    differing.iter().map(line).collect()
}

/// Traces that were decided otherwise: wanted, found.
fn differing(suite: &Suite, dedupe: bool) -> Vec<(TraceId, Verdict, Verdict)> {
    let settings = EngineSettings {
        dedupe,
        ..suite.engine_settings()
    };
    let policies = Arc::new(PolicySet::compile(&suite.settings).expect("sound policies"));
    let found = match suite.mode.as_str() {
        "isolated" => isolated(suite, &settings, &policies),
        _ => together(suite, settings, policies),
    };
    let compare = |(id, want): &(TraceId, Verdict)| {
        let got = found
            .get(id)
            .cloned()
            .unwrap_or_else(|| ("none".into(), String::new()));
        (got != *want).then(|| (*id, want.clone(), got))
    };
    suite.expected.iter().filter_map(compare).collect()
}

fn together(
    suite: &Suite,
    settings: EngineSettings,
    policies: Arc<PolicySet>,
) -> BTreeMap<TraceId, Verdict> {
    let mut bench = Bench::with(settings, policies);
    for request in &suite.requests {
        bench
            .append(1_000_000, &request.wire)
            .expect("there is room");
    }
    bench.drain(1_000_000);
    verdicts(&bench)
}

/// Each trace in an engine of its own.
fn isolated(
    suite: &Suite,
    settings: &EngineSettings,
    policies: &Arc<PolicySet>,
) -> BTreeMap<TraceId, Verdict> {
    let mut found = BTreeMap::new();
    for (id, _) in &suite.expected {
        let mut bench = Bench::with(settings.clone(), Arc::clone(policies));
        for request in &suite.requests {
            let is_of = |(_, entry): &(usize, &SpanEntry)| entry.head.trace_id == *id;
            let entries = request.scan.spans.iter().enumerate().filter(is_of);
            let selected: Vec<_> = entries.map(|(number, _)| number as u32).collect();
            if !selected.is_empty() {
                let (now, sink) = (Moment::from_millis(1_000_000), &mut bench.sink);
                let (wire, scan) = (&request.wire, &request.scan);
                bench
                    .engine
                    .append(now, wire, scan, &selected, sink)
                    .expect("there is room");
            }
        }
        bench.drain(1_000_000);
        found.extend(verdicts(&bench));
    }
    found
}

pub(super) fn verdict(outcome: &Outcome) -> Verdict {
    let word = match outcome.what {
        What::Kept => "sampled",
        What::NotSampled => "not_sampled",
        What::Dropped => "dropped",
        What::Abandoned(_) => "none",
    };
    (word.to_owned(), outcome.policy.clone())
}

/// The first decision about each trace.
pub(super) fn verdicts(bench: &Bench) -> BTreeMap<TraceId, Verdict> {
    let mut verdicts = BTreeMap::new();
    for outcome in &bench.sink.outcomes {
        verdicts
            .entry(outcome.id)
            .or_insert_with(|| verdict(outcome));
    }
    verdicts
}

fn traces_with_repeated_spans(suite: &Suite) -> BTreeSet<TraceId> {
    let mut seen = BTreeSet::new();
    let mut repeating = BTreeSet::new();
    for request in &suite.requests {
        for entry in &request.scan.spans {
            let head = entry.head;
            if !head.span_id.is_zero() && !seen.insert((head.trace_id, head.span_id)) {
                repeating.insert(head.trace_id);
            }
        }
    }
    repeating
}
