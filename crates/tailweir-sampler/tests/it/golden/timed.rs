//! Suites with a clock: arrivals at their times, decisions at theirs.
//!
//! The Collector looks at its traces once a second. So the suites are replayed twice: by a shell that
//! calls the engine at each full second, where all that was recorded can be compared, times included;
//! and by one that calls at each deadline, where what Tailweir promises is asserted.

use super::engine::{verdict, verdicts};
use super::suite::{Request, Suite, Verdict};
use crate::bench::{Bench, Outcome, What};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tailweir_config::SamplingStrategy;
use tailweir_core::{SpanId, TraceId};
use tailweir_policy::PolicySet;
use tailweir_testkit::{Folder, Tally};

/// Suites in which Tailweir does otherwise by design, and why.
const BY_DESIGN: &[(&str, &str)] = &[
    (
        "block_on_overflow",
        "new traces are refused instead of holding up everything behind them",
    ),
    (
        "cache_key_collision",
        "decisions are remembered by the whole trace id",
    ),
    ("decision_wait_1", WHOLE_SECONDS),
    ("decision_wait_3", WHOLE_SECONDS),
    ("eviction_1", EVICTION),
    ("eviction_2", EVICTION),
    ("root_wait_1", WHOLE_SECONDS),
    ("span_ingest_root_wait", DECIDED_AGAIN),
    ("span_ingest_timed", DECIDED_AGAIN),
];

const WHOLE_SECONDS: &str = "waits are exact, not cut to whole seconds";
const DECIDED_AGAIN: &str = "a trace that was not sampled stays so, whatever comes late";
const EVICTION: &str = "too many traces: the oldest is decided early, once, never forgotten";

/// What was forwarded of each trace, and when.
type Forwarded = BTreeMap<TraceId, Vec<(u64, Vec<SpanId>)>>;

/// Scenario: the timed suites, under a shell that calls once a second, and under one that calls at
/// each deadline.
/// Guarantees: under the first, every decision, its policy, and every forwarding, late ones included,
/// is that of the Collector at the same time, except where Tailweir differs by design. Under the
/// second, in every suite: a trace is decided once, at its first arrival plus its wait, to the
/// millisecond; what is decided sooner is marked; of kept traces all spans come out, of others none.
#[test]
fn golden_tail_sampling_timed() {
    let folder = Folder::open("tail_sampling");
    let mut tally = Tally::default();
    for name in folder.suites("suite.json") {
        let Some(suite) = Suite::read(&folder, &name) else {
            continue;
        };
        if suite.mode != "timed" {
            continue;
        }
        let by_the_second = replay(&suite, Pace::Seconds);
        let differing = differing(&suite, &by_the_second);
        let reason = BY_DESIGN
            .iter()
            .find(|(of, _)| *of == name)
            .map(|(_, reason)| *reason);
        let mut failures = promises(&suite, &replay(&suite, Pace::Deadlines));
        if reason.is_none() {
            failures.extend(differing.iter().cloned());
        } else if differing.is_empty() {
            failures.push("nothing differs: it is no longer by design".into());
        }
        let passed = suite.expected.len() - differing.len();
        let by_design = reason.map(|reason| (differing.len(), reason));
        tally.record(&name, "timed", passed, by_design, &failures);
    }
    tally.finish("timed");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Seconds,
    Deadlines,
}

/// Sends the requests at their times. What is refused is sent again after each full second.
fn replay(suite: &Suite, pace: Pace) -> Bench {
    let policies = Arc::new(PolicySet::compile(&suite.settings).expect("sound policies"));
    let mut bench = Bench::with(suite.engine_settings(), policies);
    let mut refused: Vec<&Request> = Vec::new();
    let mut second = 1_000;
    let mut run = |bench: &mut Bench, refused: &mut Vec<&Request>, to: u64| {
        while second < to {
            match pace {
                Pace::Seconds => bench.advance(second),
                Pace::Deadlines => bench.run_to(second),
            }
            refused.retain(|request| bench.append(second, &request.wire).is_err());
            second += 1_000;
        }
        if pace == Pace::Deadlines {
            bench.run_to(to);
        }
    };
    for (&at, request) in suite.arrivals.iter().zip(&suite.requests) {
        run(&mut bench, &mut refused, at);
        if bench.append(at, &request.wire).is_err() {
            refused.push(request);
        }
    }
    run(&mut bench, &mut refused, suite.shutdown);
    bench.drain(suite.shutdown);
    bench
}

/// Traces about which something differs, a line each.
fn differing(suite: &Suite, bench: &Bench) -> Vec<String> {
    let found = verdicts(bench);
    let forwarded = forwarded(bench);
    let compare = |(id, want): &(TraceId, Verdict)| {
        let got = found
            .get(id)
            .cloned()
            .unwrap_or_else(|| ("none".into(), String::new()));
        if got != *want {
            return Some(format!("trace {id}: {got:?} instead of {want:?}"));
        }
        let (got, want) = (forwarded.get(id), suite.forwarded.get(id));
        (got != want).then(|| format!("trace {id}: forwarded {got:?} instead of {want:?}"))
    };
    suite.expected.iter().filter_map(compare).collect()
}

fn forwarded(bench: &Bench) -> Forwarded {
    let mut forwarded = Forwarded::new();
    for outcome in bench
        .sink
        .outcomes
        .iter()
        .filter(|outcome| outcome.what == What::Kept)
    {
        let mut spans = outcome.spans.clone();
        spans.sort();
        forwarded
            .entry(outcome.id)
            .or_default()
            .push((outcome.at, spans));
    }
    forwarded
}

/// What was sent of one trace.
#[derive(Default)]
struct Sent {
    first: u64,
    first_root: Option<u64>,
    spans: BTreeSet<SpanId>,
}

fn sent(suite: &Suite) -> BTreeMap<TraceId, Sent> {
    let mut traces = BTreeMap::<_, Sent>::new();
    for (&at, request) in suite.arrivals.iter().zip(&suite.requests) {
        for entry in &request.scan.spans {
            let fresh = || Sent {
                first: at,
                ..Sent::default()
            };
            let trace = traces.entry(entry.head.trace_id).or_insert_with(fresh);
            trace.spans.insert(entry.head.span_id);
            if entry.head.is_root {
                trace.first_root.get_or_insert(at);
            }
        }
    }
    traces
}

/// Where an engine that was called at each deadline broke its word.
fn promises(suite: &Suite, bench: &Bench) -> Vec<String> {
    // There, two decisions are remembered; a forgotten trace is a new one.
    if suite.name == "cache_overflow" {
        return Vec::new();
    }
    let mut broken = Vec::new();
    for (id, sent) in sent(suite) {
        let outcomes = bench.of(id);
        let decisions: Vec<_> = outcomes.iter().filter(|outcome| !outcome.late).collect();
        if decisions.len() != 1 {
            broken.push(format!("trace {id} was decided {} times", decisions.len()));
            continue;
        }
        if !is_timely(suite, &sent, decisions[0]) {
            broken.push(format!("trace {id} was decided at {} ms", decisions[0].at));
        }
        let is_kept = decisions[0].what == What::Kept;
        let came_out: BTreeSet<_> = bench.kept(id).into_iter().collect();
        let wanted = if is_kept { sent.spans } else { BTreeSet::new() };
        if came_out != wanted {
            broken.push(format!(
                "trace {id}: {:?}: not all of {wanted:?} came out",
                verdict(decisions[0])
            ));
        }
    }
    broken
}

fn is_timely(suite: &Suite, sent: &Sent, decision: &Outcome) -> bool {
    let settings = &suite.settings;
    let on_arrival = settings.sampling_strategy == SamplingStrategy::SpanIngest
        || settings.maximum_trace_size_bytes > 0;
    // New traces that were refused begin when they are sent again.
    if on_arrival || settings.block_on_overflow {
        return true;
    }
    let mut deadline = sent.first + settings.decision_wait.as_millis() as u64;
    let after_root = settings.decision_wait_after_root_received.as_millis() as u64;
    if after_root > 0
        && let Some(root) = sent.first_root
    {
        deadline = deadline.min(root + after_root);
    }
    match decision.early {
        None if matches!(decision.what, What::Abandoned(_)) => decision.at == suite.shutdown,
        None => decision.at == deadline,
        Some(_) => decision.at < deadline,
    }
}
