//! Decisions of the real Collector, replayed.

use crate::model::{Model, Outcome};
use crate::replay::{self, Request, Spans};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tailweir_config::{
    Compat, EmptyEnvironment, LoadOptions, SamplingStrategy, TailSampling, load_tail_sampling_block,
};
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::collector_size;
use tailweir_policy::{Arrival, Decision, Pending, PolicySet, PolicyState};
use tailweir_testkit::{Folder, Tally};

/// Suites in which the Collector errs and Tailweir does not copy it, by the suite that marks the
/// oddity. There, every decision must be that of the model.
const BY_DESIGN: &[(&str, &[&str])] = &[
    (
        "boolean_false",
        &["boolean_false", "boolean_invert", "boolean_types"],
    ),
    ("composite_over_total", &["composite_over_total"]),
    (
        "composite_shares",
        &[
            "composite_shares",
            "composite_limiter",
            "composite_order_ignored",
            "composite_shares_omitted",
        ],
    ),
    ("latency_odd_times", &["latency_odd_times"]),
    (
        "latency_upper_many",
        &["latency_upper_many", "latency_upper_odd_times"],
    ),
    (
        "numeric_types",
        &["numeric_types", "numeric_extremes", "numeric_one_sided"],
    ),
    ("ottl_spanevent", &["ottl_spanevent"]),
    ("span_ingest_drop", &["span_ingest_drop"]),
    (
        "string_empty_values",
        &["string_empty_values", "string_invert_types"],
    ),
];

/// A clock that stands still.
const NOW: Moment = Moment::from_millis(1_000_000);

/// Word and policy per trace.
type Decisions = BTreeMap<TraceId, (String, String)>;

/// Every suite but those that need a clock and arrivals, which the sampler replays.
static SUITES: LazyLock<Vec<Suite>> = LazyLock::new(|| {
    let folder = Folder::open("tail_sampling");
    let suites = folder.suites("suite.json").into_iter();
    suites
        .filter_map(|name| Suite::read(&folder, name))
        .collect()
});

struct Suite {
    name: String,
    mode: String,
    settings: TailSampling,
    requests: Vec<Request>,
    expected: Decisions,
}

impl Suite {
    fn read(folder: &Folder, name: String) -> Option<Self> {
        let about = folder.json(&format!("{name}/suite.json"));
        let mode = about["mode"].as_str().expect("a mode").to_owned();
        if mode == "timed" {
            return None;
        }
        let mut settings = load(folder.text(&format!("{name}/config.yaml")));
        settings.consistent_probability = about.get("feature_gates").is_some();
        let lines = folder.text(&format!("{name}/input.jsonl")).lines();
        let expected = folder
            .json_lines(&format!("{name}/expected.jsonl"))
            .into_iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Some(Self {
            mode,
            settings,
            requests: lines.map(Request::from_json).collect(),
            expected: expected
                .map(|line| {
                    let id = text(&line["trace_id"]).parse().expect("a trace id");
                    (id, (text(&line["decision"]), text(&line["policy"])))
                })
                .collect(),
            name,
        })
    }

    /// What Tailweir decides by whose rule, or why it cannot.
    fn decide(&self, compat: Compat) -> Result<Decisions, String> {
        let settings = TailSampling {
            compat,
            ..self.settings.clone()
        };
        let set = PolicySet::compile(&settings).map_err(|errors| format!("{errors:?}"))?;
        let mut state = PolicyState::new(&set);
        if settings.consistent_probability {
            state.begin_round();
        }
        let size_max = settings.maximum_trace_size_bytes;
        Ok(self.each_trace(&set, |is_fresh, id, spans| {
            if is_fresh {
                state = PolicyState::new(&set);
            }
            let decision = decide(&set, &mut state, size_max, id, spans)?;
            let policy = decision
                .verdict
                .policy()
                .map_or("", |policy| set.name(policy));
            Some((decision.verdict.name().to_owned(), policy.to_owned()))
        }))
    }

    /// What the model decides.
    fn model(&self) -> Decisions {
        let set = PolicySet::compile(&self.settings).expect("settings that compile");
        let mut model = Model::new(&self.settings);
        self.each_trace(&set, |is_fresh, id, spans| {
            if is_fresh {
                model = Model::new(&self.settings);
            }
            let (word, policy, _): Outcome = match self.settings.sampling_strategy {
                SamplingStrategy::SpanIngest => model.decide_fragments(NOW, spans.fragments(id)),
                SamplingStrategy::TraceComplete => model.decide(NOW, &spans.whole(id)),
            };
            Some((word.to_owned(), policy))
        })
    }

    /// Traces in order of first arrival, or of rank; each is said to be fresh or to follow the one
    /// before.
    fn each_trace(
        &self,
        set: &PolicySet,
        mut decide: impl FnMut(bool, TraceId, &Spans<'_>) -> Option<(String, String)>,
    ) -> Decisions {
        let (mut order, traces) = replay::traces(&self.requests);
        order.sort_by_key(|id| Reverse(set.rank(&traces[id].whole(*id))));
        let not_sampled = || ("not_sampled".to_owned(), String::new());
        let mut decisions = BTreeMap::new();
        for id in order {
            let decision = decide(self.mode == "isolated", id, &traces[&id]);
            decisions.insert(id, decision.unwrap_or_else(not_sampled));
        }
        decisions
    }
}

/// The settings of a suite.
fn load(yaml: &str) -> TailSampling {
    let options = LoadOptions::default();
    let (settings, diagnostics) =
        load_tail_sampling_block("config.yaml", yaml, options, &EmptyEnvironment);
    settings.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

/// Nothing for a trace that passes `maximum_trace_size_bytes` undecided. That bound is the sampler's;
/// here it stands so that the suites around it can be replayed.
fn decide(
    set: &PolicySet,
    state: &mut PolicyState,
    size_max: u64,
    id: TraceId,
    spans: &Spans<'_>,
) -> Option<Decision> {
    let (mut pending, mut count, mut size) = (Pending::default(), 0, 0);
    for fragment in spans.fragments(id) {
        count += fragment.spans.len() as u64;
        size += collector_size(&fragment).resource_spans;
        if size_max > 0 && size > size_max {
            return None;
        }
        if set.strategy() == SamplingStrategy::SpanIngest {
            match set.decide_on_arrival(state, NOW, &fragment, count, pending) {
                Arrival::Decided(decision) => return Some(decision),
                Arrival::Open(open) => pending = open,
            }
        }
    }
    Some(match set.strategy() {
        SamplingStrategy::SpanIngest => set.settle(pending),
        SamplingStrategy::TraceComplete => set.decide(state, NOW, &spans.whole(id)),
    })
}

fn differences(expected: &Decisions, found: &Decisions) -> Vec<String> {
    let differs = |(id, want): (&TraceId, &(String, String))| {
        let got = &found[id];
        (got != want).then(|| format!("trace {id}: {got:?} instead of {want:?}"))
    };
    expected.iter().filter_map(differs).collect()
}

/// Scenario: the recorded suites, under `compat: collector`.
/// Guarantees: every decision, and the policy it names, is that of the Collector.
///
/// Conforms: processor `tail_sampling` | traces | what policies decide, under `compat: collector` | same
#[test]
fn golden_tail_sampling_decisions_of_the_collector() {
    let mut tally = Tally::default();
    for suite in SUITES.iter() {
        let failures = match suite.decide(Compat::Collector) {
            Ok(found) => differences(&suite.expected, &found),
            Err(error) => vec![error],
        };
        let passed = suite.expected.len().saturating_sub(failures.len());
        tally.record(&suite.name, &suite.mode, passed, None, &failures);
    }
    tally.finish("decisions under compat: collector");
}

/// Scenario: the recorded suites, by default.
/// Guarantees: every decision is that of the Collector, but for the oddities that Tailweir does not
/// copy; in the suites where those show, every decision is that of the model, which has the rules as
/// they are documented.
///
/// Conforms: processor `tail_sampling` | traces | what policies decide | better: same but for the oddities in the
/// table of policies, which are not copied
#[test]
fn golden_tail_sampling_decisions() {
    let mut tally = Tally::default();
    for suite in SUITES.iter() {
        let (by_design, failures) = match suite.decide(Compat::Tailweir) {
            Ok(found) => judge(suite, &found),
            Err(error) => (None, vec![error]),
        };
        let different = by_design.map_or(failures.len(), |(count, _)| count);
        let passed = suite.expected.len().saturating_sub(different);
        tally.record(&suite.name, &suite.mode, passed, by_design, &failures);
    }
    tally.finish("decisions by default");
}

/// How many decisions differ by design, and those that do not hold.
fn judge(suite: &Suite, found: &Decisions) -> (Option<(usize, &'static str)>, Vec<String>) {
    let different = differences(&suite.expected, found);
    let shows = |(_, suites): &&(&str, &[&str])| suites.contains(&&*suite.name);
    match BY_DESIGN.iter().find(shows) {
        None => (None, different),
        Some(_) if different.is_empty() => (None, vec!["no decision differs".to_owned()]),
        Some((oddity, _)) => (
            Some((different.len(), *oddity)),
            differences(&suite.model(), found),
        ),
    }
}

/// Whether a configuration is accepted, or who refuses it and why.
fn accept(yaml: &str) -> Result<(), String> {
    let options = LoadOptions::default();
    match load_tail_sampling_block("config.yaml", yaml, options, &EmptyEnvironment) {
        (None, diagnostics) => Err(format!("settings: {diagnostics:?}")),
        (Some(settings), _) => match PolicySet::compile(&settings) {
            Ok(_) => Ok(()),
            Err(errors) => Err(format!("policies: {errors:?}")),
        },
    }
}

/// Scenario: configurations that the real Collector accepts, or refuses when it starts.
/// Guarantees: settings and policies together accept what it accepts and refuse what it refuses.
#[test]
fn golden_tail_sampling_config_is_accepted_or_refused() {
    let folder = Folder::open("tail_sampling_config");
    let mut tally = Tally::default();
    for stage in ["ok", "decode", "validate", "start"] {
        let cases = folder.json_lines("cases.jsonl").into_iter();
        let cases: Vec<_> = cases.filter(|case| case["stage"] == stage).collect();
        let judge = |case: &serde_json::Value| {
            let yaml = case["config"].as_str().expect("a configuration");
            match (accept(yaml), stage) {
                (Ok(()), "ok") => None,
                (Err(error), "ok") => Some(format!("{yaml}: {error}")),
                (Ok(()), _) => Some(format!("{yaml}: accepted, but {}", case["error"])),
                (Err(_), _) => None,
            }
        };
        let failures: Vec<_> = cases.iter().filter_map(judge).collect();
        tally.record(
            stage,
            "config",
            cases.len() - failures.len(),
            None,
            &failures,
        );
    }
    tally.finish("configurations");
}
