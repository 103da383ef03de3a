//! What `exceptions` writes of few series, and of many.

use crate::makers::{self, now, start};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Text;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;
use std::collections::BTreeMap;
use tailweir_config::{Connector, ExceptionsConnector};
use tailweir_connect::{Made, Maker, Now};
use tailweir_core::{Moment, Signal};
use tailweir_testkit::{SpanBuilder, attribute, request, span, trace_id};

/// Most series that each request writes all of.
const FEW: u64 = 1_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// What a series is called that stands for all that found no room.
const REST: &str = "the rest";

fn counting() -> Maker {
    let settings = ExceptionsConnector::default();
    start(&Connector::Exceptions(settings), false)
}

fn message(number: u64) -> String {
    format!("no product {number}")
}

fn failing(number: u64, message: &str) -> SpanBuilder {
    let message = attribute("exception.message", message);
    span(trace_id(number), number + 1).event("exception", [message])
}

/// A request with an exception for each of these numbers.
fn exceptions(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let spans = numbers.into_iter();
    let spans = spans.map(|number| failing(number, &message(number)));
    request().service("shop").spans(spans).bytes()
}

fn feed(maker: &mut Maker, now: Now, request: &[u8]) -> Vec<Made> {
    makers::feed(maker, now, request, |signal| signal == Signal::Metrics)
}

/// When the series of each message began, and how many exceptions it counted. None may be written twice.
fn points(made: &[Made]) -> BTreeMap<String, (u64, i64)> {
    let mut points = BTreeMap::new();
    for made in made {
        let request = ExportMetricsServiceRequest::decode(made.body.as_slice()).unwrap();
        let scopes = request.resource_metrics.into_iter();
        let scopes = scopes.flat_map(|resource| resource.scope_metrics);
        let before = points.len() as u64;
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let Some(Data::Sum(sum)) = metric.data else {
                panic!("no sum: {metric:?}");
            };
            for point in sum.data_points {
                let Some(Value::AsInt(count)) = point.value else {
                    panic!("no integer: {point:?}");
                };
                let seen = (point.start_time_unix_nano, count);
                let twice = points.insert(message_of(&point.attributes), seen);
                assert_eq!(twice, None, "{seen:?}");
            }
        }
        assert_eq!(points.len() as u64 - before, made.items);
    }
    points
}

fn message_of(attributes: &[KeyValue]) -> String {
    let message = attributes
        .iter()
        .find(|entry| entry.key == "exception.message")
        .and_then(|entry| entry.value.clone()?.value);
    match message {
        Some(Text::StringValue(message)) => message,
        _ => REST.to_owned(),
    }
}

/// Scenario: there are a thousand series, then one more.
/// Guarantees: all of a thousand are written for each request, as by the Collector; of more those that the request changed.
///
/// Conforms: connector `exceptions` | traces, metrics | more than 1,000 series | better: a request writes those that it
/// changed, and each is written once a minute
#[test]
fn of_many_series_a_request_writes_those_that_it_changed() {
    let mut maker = counting();
    let first = points(&feed(&mut maker, now(1), &exceptions(0..FEW)));
    assert_eq!(first.len() as u64, FEW);
    let few = points(&feed(&mut maker, now(2), &exceptions([0])));
    assert_eq!(few.len() as u64, FEW);
    assert_eq!((few[&message(0)], few[&message(1)]), ((0, 2), (0, 1)));
    let many = points(&feed(&mut maker, now(3), &exceptions([FEW, 0, FEW])));
    let wanted = [(message(0), (0, 3)), (message(FEW), (0, 2))];
    assert_eq!(many, BTreeMap::from(wanted));
}

/// Scenario: two thousand series, of which nothing more is heard for a minute; and a thousand.
/// Guarantees: each of the many is written once more, a small part at a time; nothing has to be done for the few.
#[test]
fn many_series_are_repeated_once_a_minute() {
    let mut few = counting();
    feed(&mut few, now(0), &exceptions(0..FEW));
    let mut made = Vec::new();
    assert_eq!(few.advance(now(MINUTE), &mut made), None);
    assert_eq!(made, []);

    let mut many = counting();
    feed(&mut many, now(0), &exceptions(0..2 * FEW));
    let mut next = many.advance(now(0), &mut made).unwrap();
    assert_eq!(made, []);
    while next <= Moment::from_millis(MINUTE) {
        next = many.advance(now(next.millis()), &mut made).unwrap();
    }
    let largest = made.iter().map(|made| made.items).max();
    assert!(largest.is_some_and(|items| items < FEW / 5), "{largest:?}");
    let repeated = points(&made);
    assert_eq!(repeated.len() as u64, 2 * FEW);
    assert!(repeated.values().all(|seen| *seen == (0, 1)));
}

/// Scenario: of two thousand series one has another exception within an hour; behind it all have one.
/// Guarantees: those without are forgotten until a thousand are left, and begin anew when they come again; the others go on.
#[test]
fn of_many_series_those_without_exceptions_for_an_hour_are_forgotten() {
    let mut maker = counting();
    feed(&mut maker, now(0), &exceptions(0..2 * FEW));
    feed(&mut maker, now(HOUR - MINUTE), &exceptions([7]));
    let before = maker.figures();
    assert_eq!(before.series, 2 * FEW);
    let (mut at, mut made) = (now(HOUR), Vec::new());
    while let Some(next) = maker.advance(at, &mut made) {
        at = now(next.millis());
    }
    let after = maker.figures();
    assert!((1..=FEW).contains(&after.series), "{after:?}");
    assert!(after.memory < before.memory, "{after:?}");

    let again = points(&feed(&mut maker, at, &exceptions(0..2 * FEW)));
    assert_eq!(again.len() as u64, 2 * FEW);
    assert_eq!(again[&message(7)], (0, 3));
    let (anew, gone_on): (Vec<_>, Vec<_>) = again.values().partition(|(start, _)| *start > 0);
    assert_eq!(gone_on.len() as u64, after.series);
    assert!(gone_on.iter().all(|(_, count)| *count > 1));
    let hour = now(HOUR).unix_nanos;
    let mut all = anew.iter();
    assert!(
        all.all(|(start, count)| *start >= hour && *count == 1),
        "{anew:?}"
    );
}

/// Scenario: exceptions with long messages take all memory, then others come whose keys belong to all parts of the table.
/// Guarantees: a request writes no more than what it brought, although series are few; what found no room is one series, and
/// counted.
#[test]
fn series_without_room_are_one() {
    let mut maker = counting();
    let long = "x".repeat(1 << 20);
    for number in 0..40 {
        let span = failing(number, &format!("{number} {long}"));
        let made = feed(
            &mut maker,
            now(1),
            &request().service("shop").span(span).bytes(),
        );
        let bytes: usize = made.iter().map(|made| made.body.len()).sum();
        assert!(bytes < 2 << 20, "{bytes}");
    }
    let made = feed(&mut maker, now(2), &exceptions(0..100));
    let figures = maker.figures();
    assert!(figures.overflowed >= 100, "{figures:?}");
    assert!(
        figures.memory < figures.memory_max + (4 << 20),
        "{figures:?}"
    );
    let rest = (REST.to_owned(), (0, figures.overflowed as i64));
    assert_eq!(points(&made), BTreeMap::from([rest]));
}

/// Scenario: requests with an exception, without, and with one whose resource names no service.
/// Guarantees: `exceptions` says that it makes something of the first alone; connectors that write at a flush say so of none, and
/// `count`, which would have to count first, of all.
#[test]
fn connectors_say_of_what_they_make_something_at_once() {
    let failed = exceptions([1]);
    let quiet = request().service("shop").span(span(trace_id(1), 1)).bytes();
    let nameless = request().resource([]).span(failing(1, "?")).bytes();
    let connectors = [
        (counting(), [true, false, false]),
        (start(&Connector::Count(Box::default()), false), [true; 3]),
        (
            start(&Connector::SpanMetrics(Box::default()), false),
            [false; 3],
        ),
        (
            start(&Connector::ServiceGraph(Box::default()), false),
            [false; 3],
        ),
    ];
    for (maker, wanted) in connectors {
        let said = [&failed, &quiet, &nameless].map(|request| maker.makes_at_once(request));
        assert_eq!(said, wanted, "{maker:?}");
    }
}
