//! What `service_graph` keeps between flushes.

mod halves;

use crate::makers::now;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use proptest::prelude::{any, proptest};
use tailweir_config::ServiceGraphConnector;
use tailweir_connect::ServiceGraph;
use tailweir_core::Moment;
use tailweir_testkit::{request, span, trace_id};

fn client(trace: u64) -> Vec<u8> {
    let span = span(trace_id(trace), 1).kind(SpanKind::Client);
    request().service("shop").span(span).bytes()
}

/// Scenario: client spans without servers, more than may wait; time passes.
/// Guarantees: those without room are counted, the others become edges to a server without spans once
/// their time is over, and no sooner.
#[test]
fn edges_wait_their_time() {
    let mut settings = ServiceGraphConnector::default();
    settings.store.max_items = 2;
    let mut graph = ServiceGraph::new(&settings, now(0), 1);
    let (mut out, mut points) = (Vec::new(), 0);
    graph.advance(now(0), &mut out, &mut points);
    for trace in 1..=3 {
        graph.consume(now(1), &client(trace));
    }
    assert_eq!(
        (graph.figures().edges, graph.figures().edges_without_room),
        (2, 1)
    );
    let next = graph.advance(now(2000), &mut out, &mut points);
    assert_eq!(
        (graph.figures().edges, next),
        (2, Moment::from_millis(4000))
    );
    graph.advance(now(4000), &mut out, &mut points);
    let figures = graph.figures();
    assert_eq!(
        (figures.edges, figures.edges_expired, figures.series),
        (0, 2, 1)
    );
    assert_eq!((figures.edges_total, points), (2, 0));
}

/// Scenario: a series sees no request for more than 15 minutes.
/// Guarantees: it is forgotten with its memory.
#[test]
fn stale_series_are_forgotten() {
    let mut graph = ServiceGraph::new(&ServiceGraphConnector::default(), now(0), 1);
    let (mut out, mut points) = (Vec::new(), 0);
    graph.advance(now(0), &mut out, &mut points);
    graph.consume(now(1), &client(1));
    graph.advance(now(4000), &mut out, &mut points);
    assert_eq!(graph.figures().series, 1);
    let minute = 60_000;
    graph.advance(now(15 * minute), &mut out, &mut points);
    assert_eq!(graph.figures().series, 1);
    graph.advance(now(17 * minute), &mut out, &mut points);
    assert_eq!((graph.figures().series, graph.figures().memory), (0, 0));
}

proptest! {
    /// Scenario: any bytes instead of a request.
    /// Guarantees: nothing panics.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let mut graph = ServiceGraph::new(&ServiceGraphConnector::default(), now(0), 1);
        graph.consume(now(1), &bytes);
        graph.flush(now(2), &mut Vec::new());
    }
}
