//! Several processes count, and totals are what one would have counted.

use crate::golden::Nothing;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use tailweir_config::{
    AggregationTemporality, Connector, EmptyEnvironment, LoadOptions, Sources, load,
};
use tailweir_connect::{Exemplars, Made, Maker, Now, Origin, Totals};
use tailweir_core::{Moment, Signal, Slot, TraceId};
use tailweir_otlp::ResourceFields;
use tailweir_testkit::{SpanBuilder, request, span, trace_id};

/// Processes that count.
const PROCESSES: usize = 3;
/// Owners of totals.
const OWNERS: usize = 2;
const SERVICES: [&str; 3] = ["cart", "shop", "till"];

fn now(seconds: u64) -> Now {
    Now {
        moment: Moment::from_millis(seconds * 1_000),
        unix_nanos: seconds * 1_000_000_000,
    }
}

/// The connector of these options, in YAML's flow style.
fn connector(name: &str, options: &str) -> Connector {
    let yaml = format!(
        "
receivers: {{nop: }}
exporters: {{nop: }}
connectors: {{{name}: {{{options}}}}}
service:
  pipelines:
    traces: {{receivers: [nop], exporters: [{name}]}}
    metrics: {{receivers: [{name}], exporters: [nop]}}
"
    );
    let sources = Sources::new().config(format!("yaml:{yaml}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    settings.connectors.into_values().next().unwrap()
}

fn counting(connector: &Connector, is_one_of_many: bool) -> Maker {
    let origin = Origin {
        now: now(0),
        instance: "cluster".to_owned(),
        seed: 1,
        surroundings: Arc::new(Nothing),
        is_one_of_many,
    };
    Maker::new(connector, &origin).unwrap().unwrap()
}

/// Each service has a slot of its own.
fn slot_of(resource: ResourceFields<'_>) -> Slot {
    let service = resource.resource().attributes().get(b"service.name");
    let service = service.and_then(|value| value.as_string().map(<[u8]>::to_vec));
    let known = SERVICES
        .iter()
        .position(|name| Some(name.as_bytes()) == service.as_deref());
    Slot::new(known.map_or(0, |number| number + 1)).unwrap()
}

fn adding(connector: &Connector) -> Maker {
    Maker::of_totals(Totals::new(connector, Box::new(slot_of)).unwrap())
}

fn feed(maker: &mut Maker, now: Now, spans: &[u8]) -> Vec<Made> {
    let mut made = Vec::new();
    let fed = maker.consume(
        now,
        Signal::Traces,
        spans,
        Exemplars::Kept,
        |_| true,
        &mut made,
    );
    fed.unwrap();
    metrics(made)
}

fn finish(maker: &mut Maker, now: Now) -> Vec<Made> {
    let mut made = Vec::new();
    maker.finish(now, &mut made);
    metrics(made)
}

fn metrics(made: Vec<Made>) -> Vec<Made> {
    let all = made.into_iter();
    all.filter(|made| made.signal == Signal::Metrics).collect()
}

/// A series by its resource, metric and attributes.
type Key = (Vec<String>, String, Vec<String>);

fn words(attributes: Vec<KeyValue>) -> Vec<String> {
    let mut words: Vec<_> = attributes
        .iter()
        .map(|entry| format!("{entry:?}"))
        .collect();
    words.sort();
    words
}

/// A point of a series.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    /// What was counted, in integers; sums of floating-point numbers to nine digits.
    counted: Vec<u64>,
    sum: String,
    start: u64,
    time: u64,
    exemplars: usize,
}

/// The points of requests, the last one of each series.
fn read(made: &[Made]) -> BTreeMap<Key, Seen> {
    let mut all = BTreeMap::new();
    for made in made {
        let request = ExportMetricsServiceRequest::decode(made.body.as_slice()).unwrap();
        let mut items = 0;
        for resource in request.resource_metrics {
            let of = words(resource.resource.unwrap_or_default().attributes);
            for metric in resource
                .scope_metrics
                .into_iter()
                .flat_map(|scope| scope.metrics)
            {
                for (attributes, seen) in points(metric.data.unwrap()) {
                    items += 1;
                    all.insert((of.clone(), metric.name.clone(), words(attributes)), seen);
                }
            }
        }
        assert_eq!(items, made.items);
    }
    all
}

fn points(data: Data) -> Vec<(Vec<KeyValue>, Seen)> {
    let seen = |counted: Vec<u64>, sum: f64, (start, time): (u64, u64), exemplars| Seen {
        counted,
        sum: format!("{sum:.9e}"),
        start,
        time,
        exemplars,
    };
    match data {
        Data::Sum(sum) => {
            let points = sum.data_points.into_iter();
            let points = points.map(|point| {
                let Some(Value::AsInt(value)) = point.value else {
                    panic!("no integer: {point:?}")
                };
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                let exemplars = point.exemplars.len();
                (
                    point.attributes,
                    seen(vec![value as u64], 0.0, times, exemplars),
                )
            });
            points.collect()
        }
        Data::Histogram(histogram) => {
            let points = histogram.data_points.into_iter();
            let points = points.map(|point| {
                let mut counted = point.bucket_counts;
                counted.push(point.count);
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                let sum = point.sum.unwrap_or_default();
                (
                    point.attributes,
                    seen(counted, sum, times, point.exemplars.len()),
                )
            });
            points.collect()
        }
        Data::ExponentialHistogram(histogram) => {
            let points = histogram.data_points.into_iter();
            let points = points.map(|point| {
                let positive = point.positive.unwrap_or_default();
                let mut counted = positive.bucket_counts;
                counted.extend([point.count, point.zero_count]);
                counted.extend([positive.offset as u64, point.scale as u64]);
                let times = (point.start_time_unix_nano, point.time_unix_nano);
                let sum = point.sum.unwrap_or_default();
                (
                    point.attributes,
                    seen(counted, sum, times, point.exemplars.len()),
                )
            });
            points.collect()
        }
        other => panic!("no connector makes this: {other:?}"),
    }
}

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    /// A process gets a span: of which service, with which name, how long, with an error.
    Span(usize, usize, u8, u32, bool),
    /// A process writes what it counted.
    Write(usize),
    /// A slot gets another owner.
    Move(usize),
    /// An owner flushes.
    Flush(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let span = (
        0..PROCESSES,
        0..SERVICES.len(),
        0_u8..3,
        0_u32..50_000,
        any::<bool>(),
    );
    let step = prop_oneof![
        6 => span.prop_map(|(process, service, name, millis, failed)| Step::Span(process, service, name, millis, failed)),
        2 => (0..PROCESSES).prop_map(Step::Write),
        1 => (0..=SERVICES.len()).prop_map(Step::Move),
        1 => (0..OWNERS).prop_map(Step::Flush),
    ];
    proptest::collection::vec(step, 1..60)
}

fn span_of(number: u64, name: u8, millis: u32, failed: bool) -> SpanBuilder {
    let span = span(trace_id(number), number + 1).named(&format!("call {name}"));
    let span = span.lasting_millis(millis.into());
    if failed {
        span.error().event("exception", [])
    } else {
        span.ok()
    }
}

/// Three processes that count, and two owners that add up.
struct Cluster {
    processes: Vec<Maker>,
    owners: Vec<Maker>,
    /// Which owner has the slots.
    owner_of: [usize; SERVICES.len() + 1],
    written: [Vec<Made>; OWNERS],
}

impl Cluster {
    fn new(connector: &Connector) -> Self {
        Self {
            processes: (0..PROCESSES).map(|_| counting(connector, true)).collect(),
            owners: (0..OWNERS).map(|_| adding(connector)).collect(),
            owner_of: [0, 1, 0, 1],
            written: Default::default(),
        }
    }

    /// Brings changes to the owners of their series.
    fn bring(&mut self, now: Now, made: Vec<Made>) {
        for made in made {
            let parts = tailweir_otlp::RequestView(&made.body).split_resources(slot_of);
            for (slot, body) in parts {
                let owner = &mut self.owners[self.owner_of[slot.index()]];
                owner.totals().unwrap().add(now, &body);
            }
        }
    }

    /// Hands a slot over.
    fn pass(&mut self, now: Now, slot: usize) {
        let from = self.owner_of[slot];
        let to = (from + 1) % OWNERS;
        let slot_moved = Slot::new(slot).unwrap();
        let known = self.owners[from].totals().unwrap().withdraw(slot_moved);
        let totals = self.owners[to].totals().unwrap();
        totals.close(slot_moved);
        let mut closed = Vec::new();
        totals.add(now, &known);
        totals.flush(now, false, &mut closed);
        let is_closed = |resource| slot_of(resource) != slot_moved;
        assert!(
            tailweir_otlp::RequestView(&closed)
                .resources()
                .all(is_closed)
        );
        if !closed.is_empty() {
            self.written[to].push(made(closed));
        }
        self.owners[to].totals().unwrap().open(slot_moved);
        self.owner_of[slot] = to;
    }
}

fn made(body: Vec<u8>) -> Made {
    let scopes = tailweir_otlp::RequestView(&body).scopes();
    let metrics = scopes.flat_map(tailweir_otlp::ScopeFields::items);
    let items = metrics.map(|metric| {
        let data = tailweir_otlp::MetricView(metric).data();
        data.points().count() as u64
    });
    Made {
        signal: Signal::Metrics,
        items: items.sum(),
        body,
    }
}

/// Runs the steps, and everything to its end. Answers the last points of the owners, and those of one that counts alone.
fn run(connector: &Connector, steps: &[Step]) -> (BTreeMap<Key, Seen>, BTreeMap<Key, Seen>) {
    let mut alone = counting(connector, false);
    let mut all = Vec::new();
    let mut cluster = Cluster::new(connector);
    for (number, step) in steps.iter().enumerate() {
        let now = now(number as u64 + 1);
        match *step {
            Step::Span(process, service, name, millis, failed) => {
                let span = span_of(number as u64, name, millis, failed);
                let body = request().service(SERVICES[service]).spans([span]).bytes();
                all.extend(feed(&mut alone, now, &body));
                let changes = feed(&mut cluster.processes[process], now, &body);
                cluster.bring(now, changes);
            }
            Step::Write(process) => {
                let changes = finish(&mut cluster.processes[process], now);
                cluster.bring(now, changes);
            }
            Step::Move(slot) => cluster.pass(now, slot),
            Step::Flush(owner) => {
                let mut out = Vec::new();
                cluster.owners[owner]
                    .totals()
                    .unwrap()
                    .flush(now, false, &mut out);
                cluster.written[owner].push(made(out));
            }
        }
    }
    let end = now(1_000);
    for process in 0..PROCESSES {
        let changes = finish(&mut cluster.processes[process], end);
        cluster.bring(end, changes);
    }
    let last: Vec<Made> = (0..OWNERS)
        .flat_map(|owner| finish(&mut cluster.owners[owner], end))
        .collect();
    let series: usize = last.iter().map(|made| made.items as usize).sum();
    let totals = read(&last);
    assert_eq!(totals.len(), series, "a series is written by two");
    all.extend(finish(&mut alone, end));
    (totals, read(&all))
}

fn counted(all: &BTreeMap<Key, Seen>) -> BTreeMap<&Key, (&[u64], &str)> {
    let seen = all.iter();
    seen.map(|(key, seen)| (key, (&*seen.counted, &*seen.sum)))
        .collect()
}

proptest! {
    /// Scenario: spans come to three processes by chance, which write what they counted by chance; the slots of the series
    /// change owners meanwhile.
    /// Guarantees: in the end there is each series that one process would have, once, with the same count, buckets and sum.
    #[test]
    fn totals_are_what_one_would_have_counted(steps in steps()) {
        for connector in [
            connector("span_metrics", "histogram: {unit: s}"),
            connector("span_metrics", "histogram: {exponential: {max_size: 20}}, exemplars: {enabled: true}"),
            connector("exceptions", ""),
        ] {
            let (totals, alone) = run(&connector, &steps);
            assert_eq!(counted(&totals), counted(&alone));
        }
    }
}

proptest! {
    /// Scenario: any bytes as changes, and once more as totals that are handed over.
    /// Guarantees: no panic, and what is written is a request.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut owner = adding(&connector("span_metrics", ""));
        let totals = owner.totals().unwrap();
        totals.add(now(1), &bytes);
        let mut out = Vec::new();
        totals.flush(now(2), true, &mut out);
        read(&[made(out)]);
        for slot in (0..=SERVICES.len()).filter_map(Slot::new) {
            let known = totals.withdraw(slot);
            totals.add(now(3), &known);
        }
    }
}

fn span_steps(process: usize, times: usize) -> Vec<Step> {
    vec![Step::Span(process, 0, 0, 10, false); times]
}

/// Scenario: two processes write what they counted, and the owner of the series flushes between; the series moves to the other
/// owner, and more is counted.
/// Guarantees: the first point of a sum is zero; later points go on from there with the same start, at the new owner too.
#[test]
fn a_series_goes_on_at_its_next_owner() {
    let connector = connector("span_metrics", "histogram: {disable: true}");
    let mut cluster = Cluster::new(&connector);
    let body = request()
        .service("cart")
        .spans([span(trace_id(1), 1)])
        .bytes();
    let slot = slot_of(
        tailweir_otlp::RequestView(&body)
            .resources()
            .next()
            .unwrap(),
    )
    .index();
    let mut seen = Vec::new();
    for round in 1..=4_u64 {
        let now = now(10 * round);
        for process in 0..2 {
            feed(&mut cluster.processes[process], now, &body);
            let changes = finish(&mut cluster.processes[process], now);
            cluster.bring(now, changes);
        }
        let mut out = Vec::new();
        let owner = cluster.owner_of[slot];
        cluster.owners[owner]
            .totals()
            .unwrap()
            .flush(now, false, &mut out);
        let points = read(&[made(out)]);
        let point = points.values().next().unwrap();
        seen.push((point.counted[0], point.start, point.time));
        if round == 2 {
            cluster.pass(now, slot);
        }
    }
    let start = now(10).unix_nanos;
    let at = |round: u64| now(10 * round).unix_nanos;
    assert_eq!(
        seen,
        [
            (0, start, at(1)),
            (4, start, at(2)),
            (6, start, at(3)),
            (8, start, at(4))
        ]
    );
}

/// Scenario: changes are wanted; two processes write some, and after a flush one of them.
/// Guarantees: each flush has the sum of what came since the last, from where that ended; without changes there is nothing.
#[test]
fn changes_follow_each_other() {
    let connector = connector(
        "span_metrics",
        "histogram: {disable: true}, aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA",
    );
    assert!(matches!(&connector, Connector::SpanMetrics(settings)
        if settings.aggregation_temporality == AggregationTemporality::Delta));
    let mut cluster = Cluster::new(&connector);
    let body = request()
        .service("cart")
        .spans([span(trace_id(1), 1)])
        .bytes();
    let mut seen = Vec::new();
    for (round, processes) in [(1, 2), (2, 1), (3, 0)] {
        let now = now(10 * round);
        for process in 0..processes {
            feed(&mut cluster.processes[process], now, &body);
            let changes = finish(&mut cluster.processes[process], now);
            cluster.bring(now, changes);
        }
        for owner in &mut cluster.owners {
            let mut out = Vec::new();
            owner.totals().unwrap().flush(now, false, &mut out);
            let points = read(&[made(out)]);
            seen.extend(
                points
                    .values()
                    .map(|point| (point.counted[0], point.start, point.time)),
            );
        }
    }
    let at = |round: u64| now(10 * round).unix_nanos;
    assert_eq!(seen, [(2, at(1), at(1)), (1, at(1), at(2))]);
}

/// Scenario: a process counts spans whose traces are decided after it wrote its changes; one is kept, one is not.
/// Guarantees: the exemplar of the kept trace comes with the next changes, and is in one flush of the totals.
#[test]
fn exemplars_follow_decisions() {
    let connector = connector(
        "span_metrics",
        "histogram: {disable: true}, exemplars: {enabled: true}",
    );
    let mut cluster = Cluster::new(&connector);
    let spans = [span(trace_id(1), 1), span(trace_id(2), 2)];
    let body = request().service("cart").spans(spans).bytes();
    let process = &mut cluster.processes[0];
    let mut made_at_once = Vec::new();
    let fed = process.consume(
        now(1),
        Signal::Traces,
        &body,
        Exemplars::Undecided,
        |_| true,
        &mut made_at_once,
    );
    fed.unwrap();
    let mut exemplars = Vec::new();
    for round in 2..=4 {
        let changes = finish(&mut cluster.processes[0], now(round));
        cluster.bring(now(round), changes);
        let written: Vec<Made> = cluster
            .owners
            .iter_mut()
            .flat_map(|owner| finish(owner, now(round)))
            .collect();
        let points = read(&written);
        let point = points.values().next().unwrap();
        exemplars.push((point.counted[0], point.exemplars));
        if round == 2 {
            for (number, is_kept) in [(1, true), (2, false)] {
                let trace: TraceId = trace_id(number);
                cluster.processes[0].decided(trace, is_kept);
            }
        }
    }
    assert_eq!(exemplars, [(2, 0), (2, 1), (2, 0)]);
}

/// Scenario: more combinations of attributes than the limit allows, from two processes.
/// Guarantees: the rest is counted in the series of the rest, and nothing is missing.
#[test]
fn what_finds_no_room_is_counted_together() {
    let connector = connector(
        "span_metrics",
        "histogram: {disable: true}, aggregation_cardinality_limit: 2",
    );
    let mut steps = Vec::new();
    for name in 0..6 {
        steps.push(Step::Span(usize::from(name % 2), 0, name, 10, false));
        steps.push(Step::Write(usize::from(name % 2)));
    }
    steps.extend(span_steps(0, 3));
    let (totals, _) = run(&connector, &steps);
    assert!(totals.len() <= 3, "{totals:?}");
    let sum: u64 = totals.values().map(|seen| seen.counted[0]).sum();
    assert_eq!(sum, 9);
    assert!(
        totals
            .keys()
            .any(|(_, _, attributes)| attributes[0].contains("overflow"))
    );
}

/// Scenario: requests between two services, some of which fail, are seen by three processes, which write what they counted after
/// each of them.
/// Guarantees: the edge is one series of each metric, with the counts and both histograms that one process would have.
#[test]
fn edges_of_several_processes_are_one_series() {
    for options in ["", "exponential_histogram_max_size: 20"] {
        let connector = connector("service_graph", options);
        let mut alone = counting(&connector, false);
        let mut cluster = Cluster::new(&connector);
        for number in 0..9_u64 {
            let trace = trace_id(number);
            let client = span(trace, 1).kind(SpanKind::Client);
            let client = client.lasting_millis(10 + number);
            let server = span(trace, 2).child_of(1).kind(SpanKind::Server);
            let server = server.lasting_millis(5);
            let server = match number.is_multiple_of(3) {
                true => server.error(),
                false => server.ok(),
            };
            let body = request().service("shop").span(client);
            let body = body.service("cart").span(server).bytes();
            let process = number as usize % PROCESSES;
            feed(&mut alone, now(number + 1), &body);
            feed(&mut cluster.processes[process], now(number + 1), &body);
            let changes = finish(&mut cluster.processes[process], now(number + 1));
            cluster.bring(now(number + 1), changes);
        }
        let end = now(100);
        let owners = cluster.owners.iter_mut();
        let totals: Vec<Made> = owners.flat_map(|owner| finish(owner, end)).collect();
        let (totals, alone) = (read(&totals), read(&finish(&mut alone, end)));
        assert_eq!(counted(&totals), counted(&alone));
        assert!(!alone.is_empty());
    }
}
