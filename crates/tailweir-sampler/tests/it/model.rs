//! The engine against a model that a reader can check by eye: a map of traces to lists of spans.

use crate::bench::{Bench, Content, Outcome, What, compile, errors, everything, settings};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_core::{ByteSize, SpanId, TraceId};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_sampler::{EarlyReason, EngineSettings};
use tailweir_testkit::{request, span, trace_id};

#[derive(Debug, Clone)]
enum Step {
    /// Spans arrive in one request.
    Append(Vec<Arrival>),
    /// Nothing happens for these milliseconds.
    Wait(u64),
    /// Other policies: whether they keep everything, or only traces with an error.
    Replace(bool),
    /// Everything is decided.
    Drain,
}

#[derive(Debug, Clone)]
struct Arrival {
    trace: u64,
    id: u64,
    is_error: bool,
    is_root: bool,
    padding: usize,
    resource: u8,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let padding = prop_oneof![
        6 => 0..2_usize,
        3 => 0..200_usize,
        2 => 1_000..4_000_usize,
        1 => 20_000..40_000_usize,
    ];
    (0..40_u64, 0..60_u64, 0..20_u8, 0..12_u8, padding, 0..4_u8).prop_map(
        |(trace, id, error, root, padding, resource)| Arrival {
            trace,
            id,
            is_error: error == 0,
            is_root: root == 0,
            padding,
            resource,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => prop::collection::vec(arrival(), 1..30).prop_map(Step::Append),
        10 => (0..1_500_u64).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Replace),
        1 => Just(Step::Drain),
    ]
}

fn limits() -> impl Strategy<Value = EngineSettings> {
    let budget = prop_oneof![Just(ByteSize::mib(512)), Just(ByteSize::kib(512))];
    let traces = prop_oneof![Just(1_000_usize), Just(12_usize)];
    let size = prop_oneof![Just(ByteSize::mib(4)), Just(ByteSize::kib(30))];
    (budget, traces, size, any::<bool>()).prop_map(|(memory_budget, traces_max, size, refuse)| {
        EngineSettings {
            decision_wait: Duration::from_secs(3),
            decision_wait_after_root: Duration::from_secs(1),
            least_wait: Duration::from_millis(200),
            memory_budget,
            traces_max,
            trace_bytes_max: size,
            refuse_on_overflow: refuse,
            ..settings()
        }
    })
}

/// A trace that is not decided.
#[derive(Default, Clone)]
struct Held {
    deadline: u64,
    has_root: bool,
    has_error: bool,
    /// The bytes of the spans that have an id.
    named: BTreeSet<Vec<u8>>,
    spans: Vec<Content>,
}

/// A span of a request, as the scan sees it.
struct Sent {
    trace: TraceId,
    id: SpanId,
    is_error: bool,
    is_root: bool,
    content: Content,
}

impl Sent {
    /// Whether these bytes were not there, or have no id that could tell.
    fn is_new(&self, named: &mut BTreeSet<Vec<u8>>) -> bool {
        self.id == SpanId([0; 8]) || named.insert(self.content.2.clone())
    }
}

#[derive(Default)]
struct Model {
    now: u64,
    keeps_everything: bool,
    held: BTreeMap<TraceId, Held>,
    decided: BTreeMap<TraceId, (What, BTreeSet<Vec<u8>>)>,
    kept: Vec<(TraceId, Content)>,
}

impl Model {
    /// Takes spans of one trace in: held, or following the decision.
    fn take_in(&mut self, trace: TraceId, sent: &[&Sent]) {
        if let Some((verdict, named)) = self.decided.get_mut(&trace) {
            for span in sent {
                if *verdict == What::Kept && span.is_new(named) {
                    self.kept.push((trace, span.content.clone()));
                }
            }
            return;
        }
        let fresh = Held {
            deadline: self.now + 3_000,
            ..Held::default()
        };
        let held = self.held.entry(trace).or_insert(fresh);
        for span in sent {
            if span.is_new(&mut held.named) {
                held.has_error |= span.is_error;
                if span.is_root && !held.has_root {
                    held.has_root = true;
                    held.deadline = held.deadline.min(self.now + 1_000);
                }
                held.spans.push(span.content.clone());
            }
        }
    }

    /// A trace was decided: it must be this one, of these spans, for this reason.
    fn decide(&mut self, outcome: &Outcome) {
        let held = self
            .held
            .remove(&outcome.id)
            .expect("only held traces are decided");
        assert_eq!(
            outcome.count as usize,
            held.spans.len(),
            "whole traces are decided"
        );
        let is_kept = self.keeps_everything || held.has_error;
        let verdict = if is_kept {
            What::Kept
        } else {
            What::NotSampled
        };
        assert_eq!(outcome.what, verdict);
        if outcome.early.is_none() {
            assert_eq!(outcome.at, held.deadline, "what is not early is on time");
        }
        if is_kept {
            self.kept
                .extend(held.spans.into_iter().map(|content| (outcome.id, content)));
        }
        self.decided.insert(outcome.id, (verdict, held.named));
    }
}

/// Runs the engine and the model side by side.
struct Pair {
    bench: Bench,
    model: Model,
    settings: EngineSettings,
    /// How many outcomes the model has seen.
    seen: usize,
}

impl Pair {
    fn new(settings: EngineSettings) -> Self {
        let bench = Bench::new(settings.clone(), vec![errors()]);
        Self {
            bench,
            model: Model::default(),
            settings,
            seen: 0,
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Append(arrivals) => self.append(arrivals),
            Step::Wait(millis) => {
                self.model.now += millis;
                self.bench.run_to(self.model.now);
                self.settle();
            }
            Step::Replace(keeps_everything) => {
                self.model.keeps_everything = *keeps_everything;
                let policy = if *keeps_everything {
                    everything()
                } else {
                    errors()
                };
                self.bench.engine.replace_policies(compile(vec![policy]));
            }
            Step::Drain => {
                self.bench.drain(self.model.now);
                self.settle();
                assert!(self.model.held.is_empty());
            }
        }
        let memory = self.bench.engine.held_memory();
        assert!(memory <= self.settings.memory_budget, "{memory} are held");
        let held = self.bench.engine.counters().held;
        assert_eq!(held.traces as usize, self.model.held.len());
        let spans: usize = self.model.held.values().map(|held| held.spans.len()).sum();
        assert_eq!(held.spans as usize, spans);
    }

    /// Traces that were decided without spans coming.
    fn settle(&mut self) {
        for outcome in &self.bench.sink.outcomes[self.seen..] {
            assert!(!outcome.late);
            self.model.decide(outcome);
        }
        self.seen = self.bench.sink.outcomes.len();
    }

    fn append(&mut self, arrivals: &[Arrival]) {
        let wire = wire(arrivals);
        let sent = sent(&wire);
        let result = self.bench.append(self.model.now, &wire);
        let outcomes = self.bench.sink.outcomes[self.seen..].to_vec();
        self.seen = self.bench.sink.outcomes.len();
        if result.is_err() {
            // What was decided to make room is decided; of the request nothing was taken.
            outcomes
                .iter()
                .for_each(|outcome| self.model.decide(outcome));
            return;
        }
        let mut order = Vec::new();
        for span in &sent {
            if !order.contains(&span.trace) {
                order.push(span.trace);
            }
        }
        let mut outcomes = outcomes.iter().filter(|outcome| !outcome.late).peekable();
        for trace in order {
            let spans: Vec<_> = sent.iter().filter(|span| span.trace == trace).collect();
            // Decisions that make room come before the spans, those for size after them.
            while let Some(outcome) = outcomes.next_if(|outcome| {
                outcome.early != Some(EarlyReason::Size) && self.is_whole(outcome)
            }) {
                self.model.decide(outcome);
            }
            self.model.take_in(trace, &spans);
            if let Some(outcome) =
                outcomes.next_if(|next| next.early == Some(EarlyReason::Size) && next.id == trace)
            {
                self.model.decide(outcome);
            }
        }
        assert_eq!(outcomes.next(), None, "every decision has its reason");
    }

    /// Whether the model holds just what was decided; if not, more is to arrive first.
    fn is_whole(&self, outcome: &Outcome) -> bool {
        let held = self.model.held.get(&outcome.id);
        held.is_some_and(|held| held.spans.len() as u64 == outcome.count)
    }
}

fn wire(arrivals: &[Arrival]) -> Vec<u8> {
    let mut builder = request();
    for arrival in arrivals {
        let mut span = span(trace_id(arrival.trace), arrival.id)
            .attribute("padding", "p".repeat(arrival.padding));
        if arrival.is_error {
            span = span.error();
        }
        if !arrival.is_root {
            span = span.child_of(1_000);
        }
        let resource = ["a", "b", "c", "d"][usize::from(arrival.resource)];
        builder = builder.service(resource).scope(resource).span(span);
    }
    builder.bytes()
}

fn sent(wire: &[u8]) -> Vec<Sent> {
    let mut scan = Scan::new();
    Scan::traces(wire, &ScanLimits::default(), &mut scan).expect("a sound request");
    let content = |entry: &tailweir_otlp::SpanEntry| {
        let resource = scan.resource(wire, entry.context).0.to_vec();
        (
            resource,
            scan.scope(wire, entry.context).0.to_vec(),
            entry.span(wire).0.to_vec(),
        )
    };
    let spans = scan.spans.iter().map(|entry| Sent {
        trace: entry.head.trace_id,
        id: entry.head.span_id,
        is_error: entry.head.status == tailweir_otlp::StatusCode::Error,
        is_root: entry.head.is_root,
        content: content(entry),
    });
    spans.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: random arrivals (spans sent again, different spans with one id, unnamed and large spans), waits, changes of policies
    /// and drains, in engines with much and with little memory, many and few traces.
    /// Guarantees: each trace is decided once, whole, on time unless marked early, with the verdict
    /// that the policies give to its spans; kept spans come out once, byte for byte and in order;
    /// counts balance, and memory stays within its budget, after every step.
    #[test]
    fn the_engine_does_what_the_model_does(
        settings in limits(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut pair = Pair::new(settings);
        steps.iter().for_each(|step| pair.run(step));
        pair.run(&Step::Drain);
        let (bench, model) = (&pair.bench, &pair.model);
        for trace in model.decided.keys() {
            let of = |all: &[(TraceId, Content)]| -> Vec<Content> {
                all.iter().filter(|(id, _)| id == trace).map(|(_, span)| span.clone()).collect()
            };
            prop_assert_eq!(of(&bench.sink.kept), of(&model.kept));
        }
        prop_assert_eq!(bench.sink.kept.len(), model.kept.len());
    }
}
