//! Spans that come through several processes, and halves that move.

use crate::makers::now;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use prost::Message as _;
use std::collections::BTreeMap;
use tailweir_config::{Connector, ServiceGraphConnector};
use tailweir_connect::{Halves, ServiceGraph};
use tailweir_core::TraceId;
use tailweir_testkit::{request, span, trace_id};

const KINDS: [SpanKind; 5] = [
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];
/// A dimension, and one that says whom a client calls too; names of peers and of databases; one that nobody reads.
const NAMES: [&str; 5] = ["version", "peer.service", "db.system", "db.name", "color"];
const LATE: u64 = 1_000_000;

fn settings() -> ServiceGraphConnector {
    ServiceGraphConnector {
        dimensions: vec![NAMES[0].to_owned(), NAMES[1].to_owned()],
        ..ServiceGraphConnector::default()
    }
}

fn graph() -> ServiceGraph {
    ServiceGraph::new(&settings(), now(0), 1)
}

fn halves() -> Halves {
    Halves::of(&Connector::ServiceGraph(Box::new(settings()))).expect("a graph of services")
}

/// A trace, and a request with one of its spans.
type Step = (u64, Vec<u8>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ids = (1_u64..4, 1_u64..5, 0_u64..5);
    let span = (ids, 0..KINDS.len(), 0_usize..3, any::<bool>(), any::<u16>());
    proptest::collection::vec(span.prop_map(step), 1..60)
}

fn step(
    ((trace, id, parent), kind, service, fails, bits): ((u64, u64, u64), usize, usize, bool, u16),
) -> Step {
    let has = |bit: usize| bits >> bit & 1 == 1;
    let mut span = span(trace_id(trace), id)
        .kind(KINDS[kind])
        .child_of(parent)
        .lasting_millis(u64::from(bits % 100));
    if fails {
        span = span.error();
    }
    let mut body = request().service(["shop", "cart", "payment"][service]);
    for (number, name) in NAMES.into_iter().enumerate() {
        if has(number) {
            span = span.attribute(name, "of span");
        }
        if has(number + NAMES.len()) {
            body = body.resource_attribute(name, "of resource");
        }
    }
    (trace, body.span(span).bytes())
}

/// What the points of some requests say together, by metric and attributes.
fn counted(requests: &[Vec<u8>]) -> BTreeMap<String, [u64; 2]> {
    let mut all = BTreeMap::<_, [u64; 2]>::new();
    let decoded = requests
        .iter()
        .map(|bytes| ExportMetricsServiceRequest::decode(&**bytes).expect("a request"));
    let resources = decoded.flat_map(|request| request.resource_metrics);
    let scopes = resources.flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let name = metric.name;
        let mut add = |attributes: &dyn std::fmt::Debug, count: u64, seconds: f64| {
            let sums = all.entry(format!("{name} {attributes:?}")).or_default();
            sums[0] += count;
            sums[1] += (seconds * 1000.0).round() as u64;
        };
        match metric.data.expect("points") {
            Data::Sum(sum) => {
                for point in sum.data_points {
                    let Some(Value::AsInt(count)) = point.value else {
                        panic!("a count is no whole number");
                    };
                    add(&point.attributes, count as u64, 0.0);
                }
            }
            Data::Histogram(histogram) => {
                for point in histogram.data_points {
                    add(&point.attributes, point.count, point.sum.unwrap_or(0.0));
                }
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

/// Lets all edges go that wait, and writes everything.
fn finish(mut graph: ServiceGraph) -> Vec<u8> {
    graph.expire_edges(now(LATE));
    let mut out = Vec::new();
    graph.flush(now(LATE), &mut out);
    out
}

proptest! {
    /// Scenario: a graph is shown spans, another one what was cut out of them.
    /// Guarantees: they count the same, to the byte, with what never found its other half.
    #[test]
    fn a_half_counts_as_its_span_does(steps in steps()) {
        let (mut of_spans, mut of_halves, halves) = (graph(), graph(), halves());
        for (_, body) in &steps {
            of_spans.consume(now(1), body);
            for request in halves.cut(body, |_| ()).requests.values() {
                of_halves.consume(now(1), request);
            }
        }
        prop_assert_eq!(of_spans.figures(), of_halves.figures());
        prop_assert_eq!(finish(of_spans), finish(of_halves));
    }

    /// Scenario: the halves that wait, of some traces, move to another graph, which is shown all that comes later of these.
    /// Guarantees: both together count what one would have counted.
    #[test]
    fn halves_that_move_are_paired_elsewhere(steps in steps(), moved_at in 0_usize..60) {
        let (mut alone, mut first, mut second) = (graph(), graph(), graph());
        let moves = |trace: TraceId| (trace != trace_id(2)).then_some(());
        for (number, (trace, body)) in steps.iter().enumerate() {
            if number == moved_at {
                let moved = first.withdraw(moves);
                for request in moved.requests.values() {
                    second.consume(now(1), request);
                }
            }
            let is_moved = number >= moved_at && moves(trace_id(*trace)).is_some();
            let owner = if is_moved { &mut second } else { &mut first };
            owner.consume(now(1), body);
            alone.consume(now(1), body);
        }
        let together = [finish(first), finish(second)];
        prop_assert_eq!(counted(&together), counted(&[finish(alone)]));
    }
}

/// Scenario: a request with a server's span that has much to it, and one that is nobody's half.
/// Guarantees: of the first a little is cut out, of the second nothing; a span without a service is counted.
#[test]
fn little_is_cut_out() {
    let cut = |body: &[u8]| halves().cut(body, |trace| trace);
    let long = "x".repeat(5_000);
    let server = span(trace_id(1), 2)
        .kind(SpanKind::Server)
        .child_of(1)
        .attribute("color", &*long);
    let body = request()
        .service("shop")
        .resource_attribute("color", &*long)
        .spans([server, span(trace_id(1), 3).kind(SpanKind::Internal)])
        .bytes();
    let found = cut(&body);
    assert_eq!((found.halves, found.without_service), (1, 0));
    assert!(found.requests[&trace_id(1)].len() < 150);
    let nameless = request().span(span(trace_id(1), 2)).bytes();
    let found = cut(&nameless);
    assert_eq!((found.halves, found.without_service), (0, 1));
}
