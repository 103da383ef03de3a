//! What becomes of a queue in memory when a reload replaces its exporter.

use crate::support::{Ledger, Scripted, while_running};
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, Failure};
use tokio::time::Instant;

fn exporter(destination: &Arc<Scripted>) -> Exporter {
    let settings = ExporterSettings {
        consumers: 1,
        ..ExporterSettings::default()
    };
    Exporter::new("otlp", Signal::Traces, destination.clone(), &settings)
}

/// A backend that is away, as for an exporter with a wrong address.
fn away() -> Arc<Scripted> {
    Scripted::failing((0..1000).map(|_| Failure::transient("nobody is there")))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Hands over and ends, as the one that a reload took out of service.
async fn replace(old: &Exporter, successor: &Exporter) -> u64 {
    old.hand_over(successor, soon()).await;
    old.shutdown(soon()).await
}

/// Scenario: while a backend is away an exporter has one request under way and two that wait; a reload gives it another
/// address.
/// Guarantees: its successor delivers all three, each once, and what came to it meanwhile; nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_successor_takes_over_what_waits_in_memory() {
    let (ledger, gone, there) = (Ledger::new(), away(), Scripted::accepting());
    let (old, new) = (exporter(&gone), exporter(&there));
    for body in ["one", "two", "three"] {
        old.offer(ledger.parcel(1, body)).await.unwrap();
    }
    while_running(&new, async {
        new.offer(ledger.parcel(1, "four")).await.unwrap();
        tokio::join!(old.run(), async {
            gone.attempted(1).await;
            assert_eq!(replace(&old, &new).await, 0);
        });
        ledger.settled(4).await;
    })
    .await;
    let mut bodies = there.bodies();
    bodies.sort();
    assert_eq!(bodies, ["four", "one", "three", "two"]);
    assert_eq!(ledger.items(), (4, 0));
    assert_eq!(old.snapshot().queue_size, 0);
}

/// Scenario: an exporter is replaced, and its successor too, before the first has handed over what it has.
/// Guarantees: the last one gets it.
#[tokio::test(start_paused = true)]
async fn what_waits_goes_to_who_took_the_place_of_a_successor() {
    let (ledger, there) = (Ledger::new(), Scripted::accepting());
    let (first, second, third) = (exporter(&away()), exporter(&away()), exporter(&there));
    first.offer(ledger.parcel(1, "one")).await.unwrap();
    second.offer(ledger.parcel(1, "two")).await.unwrap();
    while_running(&third, async {
        tokio::join!(second.run(), replace(&second, &third));
        tokio::join!(first.run(), replace(&first, &second));
        ledger.settled(2).await;
    })
    .await;
    let mut bodies = there.bodies();
    bodies.sort();
    assert_eq!(bodies, ["one", "two"]);
    assert_eq!(ledger.items(), (2, 0));
}

/// Scenario: the process ends: the successor is shut down before the exporter that it replaced.
/// Guarantees: that one hands nothing over, and delivers by itself.
#[tokio::test(start_paused = true)]
async fn nothing_goes_to_a_successor_that_is_shut_down() {
    let (ledger, there, other) = (Ledger::new(), Scripted::accepting(), Scripted::accepting());
    let (old, new) = (exporter(&there), exporter(&other));
    old.offer(ledger.parcel(1, "one")).await.unwrap();
    tokio::join!(new.run(), new.shutdown(soon()));
    tokio::join!(old.run(), replace(&old, &new));
    assert_eq!(there.bodies(), ["one"]);
    assert_eq!(ledger.items(), (1, 0));
    assert!(other.bodies().is_empty());
}
