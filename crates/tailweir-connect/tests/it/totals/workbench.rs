//! Processes that count, owners that add up, and what they write.

use crate::makers;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use proptest::prelude::{Strategy, any, prop_oneof};
use prost::Message as _;
use std::collections::BTreeMap;
use tailweir_config::{Connector, EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_connect::{Made, Maker, Now, Totals};
use tailweir_core::{Signal, Slot};
use tailweir_otlp::ResourceFields;
use tailweir_testkit::{SpanBuilder, request, span, trace_id};

/// Processes that count.
pub(super) const PROCESSES: usize = 3;
/// Owners of totals.
pub(super) const OWNERS: usize = 2;
pub(super) const SERVICES: [&str; 3] = ["cart", "shop", "till"];

pub(super) fn now(seconds: u64) -> Now {
    makers::now(seconds * 1_000)
}

/// The connector of these options, in YAML's flow style.
pub(super) fn connector(name: &str, options: &str) -> Connector {
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

/// Each service has a slot of its own.
pub(super) fn slot_of(resource: ResourceFields<'_>) -> Slot {
    let service = resource.resource().attributes().get(b"service.name");
    let service = service.and_then(|value| value.as_string().map(<[u8]>::to_vec));
    let known = SERVICES
        .iter()
        .position(|name| Some(name.as_bytes()) == service.as_deref());
    Slot::new(known.map_or(0, |number| number + 1)).unwrap()
}

pub(super) fn adding(connector: &Connector) -> Maker {
    Maker::of_totals(Totals::new(connector, Box::new(slot_of)).unwrap())
}

pub(super) fn feed(maker: &mut Maker, now: Now, spans: &[u8]) -> Vec<Made> {
    metrics(makers::feed(maker, now, spans, |_| true))
}

pub(super) fn finish(maker: &mut Maker, now: Now) -> Vec<Made> {
    let mut made = Vec::new();
    maker.finish(now, &mut made);
    metrics(made)
}

pub(super) fn metrics(made: Vec<Made>) -> Vec<Made> {
    let all = made.into_iter();
    all.filter(|made| made.signal == Signal::Metrics).collect()
}

/// A series by its resource, metric and attributes.
pub(super) type Key = (Vec<String>, String, Vec<String>);

pub(super) fn words(attributes: Vec<KeyValue>) -> Vec<String> {
    let mut words: Vec<_> = attributes
        .iter()
        .map(|entry| format!("{entry:?}"))
        .collect();
    words.sort();
    words
}

/// A point of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// What was counted, in integers; sums of floating-point numbers to nine digits.
    pub(super) counted: Vec<u64>,
    pub(super) sum: String,
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) exemplars: usize,
}

/// The points of requests, the last one of each series.
pub(super) fn read(made: &[Made]) -> BTreeMap<Key, Seen> {
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

pub(super) fn points(data: Data) -> Vec<(Vec<KeyValue>, Seen)> {
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
pub(super) enum Step {
    /// A process gets a span: of which service, with which name, how long, with an error.
    Span(usize, usize, u8, u32, bool),
    /// A process writes what it counted.
    Write(usize),
    /// A slot gets another owner.
    Move(usize),
    /// An owner flushes.
    Flush(usize),
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
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

pub(super) fn span_of(number: u64, name: u8, millis: u32, failed: bool) -> SpanBuilder {
    let span = span(trace_id(number), number + 1).named(&format!("call {name}"));
    let span = span.lasting_millis(millis.into());
    if failed {
        span.error().event("exception", [])
    } else {
        span.ok()
    }
}

/// Three processes that count, and two owners that add up.
pub(super) struct Cluster {
    pub(super) processes: Vec<Maker>,
    pub(super) owners: Vec<Maker>,
    /// Which owner has the slots.
    pub(super) owner_of: [usize; SERVICES.len() + 1],
    pub(super) written: [Vec<Made>; OWNERS],
}

impl Cluster {
    pub(super) fn new(connector: &Connector) -> Self {
        Self {
            processes: (0..PROCESSES)
                .map(|_| makers::start(connector, true))
                .collect(),
            owners: (0..OWNERS).map(|_| adding(connector)).collect(),
            owner_of: [0, 1, 0, 1],
            written: Default::default(),
        }
    }

    /// Brings changes to the owners of their series.
    pub(super) fn bring(&mut self, now: Now, made: Vec<Made>) {
        for made in made {
            let parts = tailweir_otlp::RequestView(&made.body).split_resources(slot_of);
            for (slot, body) in parts {
                let owner = &mut self.owners[self.owner_of[slot.index()]];
                owner.totals().unwrap().add(now, &body);
            }
        }
    }

    /// Hands a slot over.
    pub(super) fn pass(&mut self, now: Now, slot: usize) {
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

pub(super) fn made(body: Vec<u8>) -> Made {
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
pub(super) fn run(
    connector: &Connector,
    steps: &[Step],
) -> (BTreeMap<Key, Seen>, BTreeMap<Key, Seen>) {
    let mut alone = makers::start(connector, false);
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
