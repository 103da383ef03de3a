//! Held against the real Collector's connectors.

use crate::unordered;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{Connector, EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_connect::{
    Count, ExceptionLogs, ExceptionMetrics, Exemplars, Now, ServiceGraph, SpanMetrics,
};
use tailweir_core::{Moment, Signal};
use tailweir_otlp::json;
use tailweir_ottl::{Dialect, Surroundings, Time};
use tailweir_testkit::{Folder, Tally};

/// Scenario: traces that went through the Collector's `spanmetrics` connector.
/// Guarantees: each flush is the same.
///
/// Conforms: connector `span_metrics` | traces, metrics | `dimensions`, `exclude_dimensions`, `histogram`, `events`,
/// `exemplars`, `namespace`, `aggregation_temporality`, `aggregation_cardinality_limit`, `metrics_expiration`,
/// `resource_metrics_key_attributes` | same
#[test]
fn golden_connectors_spanmetrics() {
    run("spanmetrics");
}

/// Scenario: traces that went through the Collector's `servicegraph` connector.
/// Guarantees: each flush is the same.
///
/// Conforms: connector `service_graph` | traces, metrics | `dimensions`, `store`, `latency_histogram_buckets`,
/// `virtual_node_peer_attributes`, `database_name_attributes`, exponential histograms | same
#[test]
fn golden_connectors_servicegraph() {
    run("servicegraph");
}

/// Scenario: traces, metrics and logs that went through the Collector's `count` connector.
/// Guarantees: each request is answered the same.
///
/// Conforms: connector `count` | traces, metrics, logs | `spans`, `spanevents`, `metrics`, `datapoints`, `logs` with
/// `conditions` and `attributes` | same
#[test]
fn golden_connectors_count() {
    run("count");
}

/// Scenario: traces that went through the Collector's `exceptions` connector.
/// Guarantees: each request is answered by the same metrics and the same log records.
///
/// Conforms: connector `exceptions` | traces, metrics, logs | `dimensions`, `exemplars`, metrics and log records |
/// same
#[test]
fn golden_connectors_exceptions() {
    run("exceptions");
}

/// Scenario: traces that went through the `spanmetrics` processor of Collector v0.95, the last that had it.
/// Guarantees: each flush of the connector that it is here is the same.
///
/// Conforms: processor `spanmetrics` | traces | all options, as in v0.95 | same
#[test]
fn the_processor_of_old_counts_the_same() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    run_in(
        &Folder::unpacked(&tests, "spanmetricsprocessor"),
        "",
        "processor",
    );
}

fn run(connector: &str) {
    run_in(
        &Folder::open("connectors"),
        &format!("{connector}/"),
        connector,
    );
}

/// Replays the suites whose paths begin so.
fn run_in(folder: &Folder, prefix: &str, name: &str) {
    let mut tally = Tally::default();
    for suite in folder.suites("suite.json") {
        if suite.starts_with(prefix) {
            let (passed, failures) = replay(folder, &suite);
            tally.record(&suite, "stream", passed, None, &failures);
        }
    }
    tally.finish(name);
}

/// One connector and its clock.
struct Machine {
    connector: Running,
    signal: Signal,
    now: Now,
}

enum Running {
    SpanMetrics(Box<SpanMetrics>, Duration),
    ServiceGraph(Box<ServiceGraph>),
    Count(Count),
    Exceptions(Box<(ExceptionMetrics, ExceptionLogs)>),
}

fn replay(folder: &Folder, suite: &str) -> (usize, Vec<String>) {
    let description = folder.json(&format!("{suite}/suite.json"));
    let name = description["input"].as_str().expect("a signal");
    let signal = Signal::ALL.into_iter().find(|signal| signal.name() == name);
    let signal = signal.expect("a signal");
    let mut machine = Machine::new(folder.text(&format!("{suite}/config.yaml")), signal);
    let requests = lines(folder, &format!("{suite}/input.jsonl"), signal);
    let answers = machine.answers(&description, requests);
    let mut comparison = Comparison::default();
    let metrics = answers.iter().map(|(metrics, _)| metrics.as_slice());
    let wanted = lines(folder, &format!("{suite}/expected.jsonl"), Signal::Metrics);
    comparison.compare(Signal::Metrics, metrics.collect(), &wanted);
    let path = format!("{suite}/expected.logs.jsonl");
    if folder.get(&path).is_some() {
        let logs = answers.iter().map(|(_, logs)| logs.as_slice());
        let wanted = lines(folder, &path, Signal::Logs);
        comparison.compare(Signal::Logs, logs.collect(), &wanted);
    }
    (comparison.passed, comparison.failures)
}

impl Machine {
    fn new(block: &str, signal: Signal) -> Self {
        let now = Now {
            moment: Moment::from_millis(1),
            unix_nanos: 1_700_000_000_000_000_000,
        };
        let connector = match settings(block, signal) {
            Connector::SpanMetrics(settings) => Running::SpanMetrics(
                Box::new(
                    SpanMetrics::new(&settings, "collector-0", 7).expect("settings that compile"),
                ),
                settings.metrics_flush_interval,
            ),
            Connector::SpanMetricsProcessor(settings) => Running::SpanMetrics(
                Box::new(SpanMetrics::of_processor(&settings, 7).expect("settings that compile")),
                settings.metrics_flush_interval,
            ),
            Connector::ServiceGraph(settings) => {
                Running::ServiceGraph(Box::new(ServiceGraph::new(&settings, now, 7)))
            }
            Connector::Count(settings) => {
                Running::Count(Count::new(&settings, &dialect()).expect("settings that compile"))
            }
            Connector::Exceptions(settings) => Running::Exceptions(Box::new((
                ExceptionMetrics::new(&settings, now, 7),
                ExceptionLogs::new(&settings),
            ))),
            other => panic!("{other:?} makes no metrics"),
        };
        Self {
            connector,
            signal,
            now,
        }
    }

    /// What it writes at each flush, or for each request when it keeps nothing.
    fn answers(&mut self, suite: &Value, requests: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
        if matches!(self.connector, Running::Count(_) | Running::Exceptions(..)) {
            return requests
                .iter()
                .map(|request| self.answer(request))
                .collect();
        }
        let sizes = suite["flush_after_requests"].as_array().expect("a list");
        let mut sizes: Vec<usize> = sizes
            .iter()
            .map(|size| size.as_u64().expect("a number") as usize)
            .collect();
        let idle = suite["idle_flushes_at_end"].as_u64().unwrap_or(0);
        sizes.extend(std::iter::repeat_n(0, idle as usize));
        let last = sizes.len() - 1;
        let expires = suite["expire_before_last_flush"].as_bool().unwrap_or(false);
        let mut requests = requests.into_iter();
        let mut answers = Vec::new();
        for (index, size) in sizes.into_iter().enumerate() {
            for request in requests.by_ref().take(size) {
                self.consume(&request);
            }
            answers.push((self.flush(expires && index == last), Vec::new()));
        }
        answers
    }

    fn answer(&mut self, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut metrics, mut logs) = (Vec::new(), Vec::new());
        match &mut self.connector {
            Running::Count(count) => {
                // A request that cannot be counted makes nothing.
                let _ = count.consume(self.signal, request, self.now.unix_nanos, &mut metrics);
            }
            Running::Exceptions(both) => {
                let (counts, records) = &mut **both;
                counts.consume(self.now, request);
                counts.write(self.now, &mut metrics);
                records.consume(request, &mut logs);
            }
            Running::SpanMetrics(..) | Running::ServiceGraph(_) => unreachable!("they keep series"),
        }
        (metrics, logs)
    }

    fn consume(&mut self, request: &[u8]) {
        match &mut self.connector {
            Running::SpanMetrics(metrics, _) => {
                metrics.consume(self.now, request, Exemplars::Kept);
            }
            Running::ServiceGraph(graph) => graph.consume(self.now, request),
            Running::Count(_) | Running::Exceptions(..) => unreachable!("they keep nothing"),
        }
    }

    fn flush(&mut self, expires: bool) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.connector {
            Running::SpanMetrics(metrics, every) => {
                self.now.moment = self.now.moment + *every;
                metrics.flush(self.now, false, &mut out);
            }
            Running::ServiceGraph(graph) => {
                if expires {
                    self.now.moment = self.now.moment + Duration::from_secs(3600);
                    graph.expire_edges(self.now);
                }
                graph.flush(self.now, &mut out);
            }
            Running::Count(_) | Running::Exceptions(..) => unreachable!("they keep nothing"),
        }
        out
    }
}

/// A world in which nothing happens; no vector asks for it.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Surroundings for Nothing {
    fn now(&self) -> Time {
        Time::from_unix_nanoseconds(0)
    }

    fn random(&self) -> [u8; 16] {
        [0; 16]
    }
}

fn dialect() -> Dialect {
    Dialect {
        lambdas: false,
        surroundings: Arc::new(Nothing),
    }
}

/// Lays the suite's block between pipelines, as a user would.
fn settings(block: &str, signal: Signal) -> Connector {
    let name = block.lines().nth(1).expect("a connector").trim();
    let name = name.split(':').next().expect("a name");
    let pipelines = match block.starts_with("processors:") {
        true => {
            format!("{signal}/in: {{receivers: [nop], processors: [{name}], exporters: [nop]}}")
        }
        false => format!(
            "{signal}/in: {{receivers: [nop], exporters: [{name}]}}, \
             metrics/out: {{receivers: [{name}], exporters: [nop]}}"
        ),
    };
    let rest = format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nservice: {{pipelines: {{{pipelines}}}}}\n"
    );
    let sources = Sources::new().config(format!("yaml:{block}\n{rest}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    settings
        .connectors
        .into_values()
        .next()
        .expect("a connector")
}

/// Each line as a request. The text itself is converted: a number that was parsed and printed by way of
/// a tree of JSON may have lost its last digit.
fn lines(folder: &Folder, path: &str, signal: Signal) -> Vec<Vec<u8>> {
    let convert = |line: &str| {
        let mut wire = Vec::new();
        if line != "null" {
            json::to_wire(signal, line.as_bytes(), &mut wire).expect("OTLP/JSON");
        }
        wire
    };
    let lines = folder.text(path).lines().filter(|line| !line.is_empty());
    lines.map(convert).collect()
}

#[derive(Default)]
struct Comparison {
    passed: usize,
    failures: Vec<String>,
}

impl Comparison {
    fn compare(&mut self, signal: Signal, answers: Vec<&[u8]>, wanted: &[Vec<u8>]) {
        if answers.len() != wanted.len() {
            let text = format!("{} answers, not {}", answers.len(), wanted.len());
            self.failures.push(text);
        }
        let form = match signal {
            Signal::Logs => unordered::logs,
            _ => unordered::metrics,
        };
        for (number, (answer, wanted)) in answers.into_iter().zip(wanted).enumerate() {
            let (answer, wanted) = (form(answer), form(wanted));
            if answer == wanted {
                self.passed += 1;
            } else {
                let found = difference(&answer, &wanted);
                self.failures.push(format!("{signal} {number}: {found}"));
            }
        }
    }
}

/// The first line in which they differ, with a few around it.
fn difference(answer: &str, wanted: &str) -> String {
    let pairs: Vec<_> = answer.lines().zip(wanted.lines()).collect();
    let at = pairs.iter().position(|(answer, wanted)| answer != wanted);
    let at = at.unwrap_or(pairs.len());
    let shown = &pairs[at.saturating_sub(12)..(at + 4).min(pairs.len())];
    format!("actual and expected: {shown:#?}")
}
