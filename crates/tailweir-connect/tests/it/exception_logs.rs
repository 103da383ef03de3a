//! What `exceptions` tells as log records of one request.

use crate::makers::{feed, now, start};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use tailweir_config::{Connector, ExceptionsConnector};
use tailweir_connect::{Made, Maker};
use tailweir_core::Signal;
use tailweir_testkit::{SpanBuilder, attribute, request, span, trace_id};

const MIB: usize = 1 << 20;
/// What the log records of one request may take.
const BYTES_MAX: usize = 64 * MIB;

fn maker() -> Maker {
    let settings = ExceptionsConnector::default();
    start(&Connector::Exceptions(settings), false)
}

/// A span with so many exceptions, which are told apart by their types.
fn failing(exceptions: usize) -> SpanBuilder {
    let numbers = 0..exceptions;
    numbers.fold(span(trace_id(1), 1), |span, number| {
        let kind = attribute("exception.type", format!("{number}"));
        span.event("exception", [kind])
    })
}

fn logs(maker: &mut Maker, request: &[u8]) -> Vec<Made> {
    feed(maker, now(1), request, |signal| signal == Signal::Logs)
}

/// The types of the exceptions of which there are records, in order.
fn told(made: &[Made]) -> Vec<String> {
    let mut types = Vec::new();
    for made in made {
        let request = ExportLogsServiceRequest::decode(made.body.as_slice()).unwrap();
        let resources = request.resource_logs.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_logs);
        for record in scopes.flat_map(|scope| scope.log_records) {
            let mut entries = record.attributes.into_iter();
            let kind = entries.find(|entry| entry.key == "exception.type");
            types.push(format!("{:?}", kind.unwrap().value.unwrap().value.unwrap()));
        }
        assert_eq!(types.len() as u64, made.items);
    }
    types
}

/// Scenario: a span with a mebibyte of attributes and two hundred exceptions, each of whose records bears them all, and
/// behind it a small one; then a small request.
/// Guarantees: what one request becomes keeps its bound; the first exceptions are told, in order; the others are counted
/// as what found no room, each once; the next request is told whole.
#[test]
fn log_records_of_one_request_have_a_bound() {
    let mut maker = maker();
    let wide = failing(200).attribute("wide", "x".repeat(MIB));
    let large = request().service("shop").span(wide).span(failing(3));
    let made = logs(&mut maker, &large.bytes());
    assert!(
        made[0].body.len() < BYTES_MAX + MIB,
        "{}",
        made[0].body.len()
    );
    let types = told(&made);
    assert_eq!(types.len(), 63, "the 64th finds less than what it takes");
    for (number, told) in types.iter().enumerate() {
        assert_eq!(*told, format!("StringValue(\"{number}\")"));
    }
    assert_eq!(maker.figures().overflowed, 203 - 63);
    let small = request().service("shop").span(failing(3)).bytes();
    assert_eq!(told(&logs(&mut maker, &small)).len(), 3);
    assert_eq!(maker.figures().overflowed, 203 - 63);
}

/// Scenario: a hundred thousand exceptions in a span without attributes, and a span of 20,000 attributes with one.
/// Guarantees: all of them are told: the bound is of bytes, and what is only long is not cut.
#[test]
fn what_is_not_amplified_is_told_whole() {
    let mut maker = maker();
    let wide = (0..20_000).fold(failing(1), |span, number| {
        span.attribute(&format!("name.{number}"), i64::from(number))
    });
    let sent = request().service("shop").span(failing(100_000)).span(wide);
    assert_eq!(told(&logs(&mut maker, &sent.bytes())).len(), 100_001);
    assert_eq!(maker.figures().overflowed, 0);
}
