//! Requests above the largest size are cut.

use crate::support::{Ledger, Scripted, logs, metrics, span, traces, while_running};
use bytes::Bytes;
use std::time::Duration;
use tailweir_core::Signal;
use tailweir_export::{Batching, Exporter, ExporterSettings, Failure, LossReason, Unit};
use tailweir_otlp::{RequestView, count_items};

fn settings(unit: Unit, max_size: u64) -> ExporterSettings {
    ExporterSettings {
        batching: Some(Batching {
            flush_timeout: Duration::from_millis(1),
            min_size: 1,
            max_size,
            unit,
        }),
        consumers: 1,
        retry: None,
        ..ExporterSettings::default()
    }
}

/// Every item with its context, as the backend would see them.
fn flat(bodies: &[Bytes]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut items = Vec::new();
    for resource in bodies.iter().flat_map(|body| RequestView(body).resources()) {
        for scope in resource.scopes() {
            let mut context = Vec::new();
            resource.put_own_fields(&mut context);
            scope.put_own_fields(&mut context);
            items.extend(scope.items().map(|item| (context.clone(), item.to_vec())));
        }
    }
    items
}

/// Scenario: requests of each signal, larger than the largest batch in items or in bytes.
/// Guarantees: each piece is within the bound; together they hold every item with its context, once, in
/// order.
#[tokio::test]
async fn a_large_request_is_cut_between_its_items() {
    let many = |count| (0..count).map(|id| span(id, 0, "span", 0, 1)).collect();
    let spans = traces([("a", many(5)), ("b", many(5))]);
    for (signal, items, body, unit, max_size) in [
        (Signal::Traces, 10, spans.clone(), Unit::Items, 3),
        (Signal::Traces, 10, spans, Unit::Bytes, 300),
        (Signal::Logs, 4, logs(&["1", "2", "3", "4"]), Unit::Items, 3),
        (
            Signal::Metrics,
            5,
            metrics(&[("cpu", 2), ("mem", 2), ("disk", 1)]),
            Unit::Items,
            3,
        ),
    ] {
        let (ledger, destination) = (Ledger::new(), Scripted::accepting());
        let settings = settings(unit, max_size);
        let exporter = Exporter::new("otlp", signal, destination.clone(), &settings);
        exporter
            .offer(ledger.parcel_of(signal, items, body.clone()))
            .await
            .unwrap();
        while_running(&exporter, ledger.settled(1)).await;
        assert_eq!(ledger.items(), (items, 0));
        let pieces = destination.bodies();
        assert!(pieces.len() > 1);
        for piece in &pieces {
            let size = match unit {
                Unit::Bytes => piece.len() as u64,
                _ => count_items(signal, piece).unwrap(),
            };
            assert!(size <= max_size, "{signal}: {size} {unit:?}");
        }
        assert_eq!(flat(&pieces), flat(&[body]));
    }
}

/// Scenario: of a request in four pieces, the backend refuses the second.
/// Guarantees: its items alone are lost.
#[tokio::test]
async fn only_the_pieces_that_are_refused_are_lost() {
    let many = (0..10).map(|id| span(id, 0, "span", 0, 1)).collect();
    let accepted = crate::support::Step::Answer(Ok(tailweir_export::Accepted::default()));
    let refused = crate::support::Step::Answer(Err(Failure::permanent("bad")));
    let (ledger, destination) = (Ledger::new(), Scripted::new([accepted, refused]));
    let settings = settings(Unit::Items, 3);
    let exporter = Exporter::new("otlp", Signal::Traces, destination, &settings);
    exporter
        .offer(ledger.parcel(10, traces([("a", many)])))
        .await
        .unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    assert_eq!(ledger.items(), (7, 3));
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
}

/// Scenario: bytes that are no request, and a single item that is too large.
/// Guarantees: they are sent as they are; the backend is the one to judge.
#[tokio::test]
async fn what_cannot_be_cut_is_sent_whole() {
    let large = traces([("a", vec![span(1, 0, &"x".repeat(100), 0, 1)])]);
    for body in [Bytes::from_static(b"no request, but rather long"), large] {
        let (ledger, destination) = (Ledger::new(), Scripted::accepting());
        let settings = settings(Unit::Bytes, 20);
        let exporter = Exporter::new("otlp", Signal::Traces, destination.clone(), &settings);
        exporter
            .offer(ledger.parcel(1, body.clone()))
            .await
            .unwrap();
        while_running(&exporter, ledger.settled(1)).await;
        assert_eq!(destination.bodies(), [body]);
    }
}
