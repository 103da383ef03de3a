//! The queue: its bounds, its batches, and how it outlives its workers.

use crate::support::{Ledger, Scripted, while_running};
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ClientContext, ClientKey, Signal};
use tailweir_export::{
    Batching, Capacity, Exporter, ExporterSettings, Failure, LossReason, Retry, Unit,
};
use tokio::time::Instant;

fn exporter(destination: &Arc<Scripted>, settings: &ExporterSettings) -> Exporter {
    Exporter::new("otlp", Signal::Traces, destination.clone(), settings)
}

fn holding(size: u64, unit: Unit, bytes: u64) -> ExporterSettings {
    ExporterSettings {
        capacity: Capacity { size, unit, bytes },
        ..ExporterSettings::default()
    }
}

fn batching(min_size: u64, max_size: u64, unit: Unit) -> ExporterSettings {
    ExporterSettings {
        batching: Some(Batching {
            flush_timeout: Duration::from_millis(200),
            min_size,
            max_size,
            unit,
        }),
        ..ExporterSettings::default()
    }
}

/// Scenario: parcels are offered to a queue of two requests, then of five items, then of ten bytes
/// whatever the unit; nobody takes them away.
/// Guarantees: what does not fit comes back unsettled and is counted; nothing is dropped behind anyone's back.
#[tokio::test]
async fn a_full_queue_hands_the_parcel_back() {
    for settings in [
        holding(2, Unit::Requests, 1000),
        holding(5, Unit::Items, 1000),
        holding(1000, Unit::Requests, 10),
    ] {
        let (ledger, destination) = (Ledger::new(), Scripted::accepting());
        let exporter = exporter(&destination, &settings);
        for _ in 0..2 {
            exporter.offer(ledger.parcel(2, "12345")).await.unwrap();
        }
        let refusal = exporter.offer(ledger.parcel(2, "12345")).await.unwrap_err();
        assert_eq!(refusal.reason, LossReason::QueueFull);
        assert_eq!((refusal.parcel.items, ledger.settlements().len()), (2, 0));
        assert_eq!(exporter.snapshot().enqueue_failed_items, 2);
        assert_eq!(exporter.snapshot().queue_bytes, 10);
    }
}

/// Scenario: a parcel larger than the whole queue, under `block_on_overflow`.
/// Guarantees: it is refused at once, instead of waiting for room that never comes.
#[tokio::test]
async fn a_parcel_larger_than_the_queue_is_refused() {
    let settings = ExporterSettings {
        block_on_overflow: true,
        ..holding(5, Unit::Items, 1000)
    };
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let refusal = exporter(&destination, &settings)
        .accept(ledger.parcel(6, "x"))
        .await
        .unwrap_err();
    assert_eq!(refusal.reason, LossReason::LargerThanQueue);
}

/// Scenario: the queue is full under `block_on_overflow`; then the backend takes one request.
/// Guarantees: the sender waits exactly that long. What is on its way counts as held.
///
/// Conforms: exporter `otlp_grpc`, `otlp_http` | traces | `sending_queue` with `block_on_overflow`, `num_consumers` |
/// same
#[tokio::test]
async fn a_sender_waits_for_room_when_told_to() {
    let settings = ExporterSettings {
        block_on_overflow: true,
        consumers: 1,
        ..holding(1, Unit::Requests, 1000)
    };
    let (ledger, destination) = (Ledger::new(), Scripted::gated([], 0));
    let exporter = exporter(&destination, &settings);
    while_running(&exporter, async {
        exporter.accept(ledger.parcel(1, "first")).await.unwrap();
        destination.attempted(1).await;
        let mut second = std::pin::pin!(exporter.accept(ledger.parcel(1, "second")));
        assert!(
            futures_poll(second.as_mut()).await.is_none(),
            "no room while the first is sent"
        );
        destination.open(1);
        second.await.unwrap();
        destination.open(1);
        ledger.settled(2).await;
    })
    .await;
    assert_eq!(ledger.items(), (2, 0));
}

/// Scenario: two parcels wait behind one that is on its way; then the sender of one of them does not want it delivered any
/// more.
/// Guarantees: it is not sent, and reported as withdrawn; its room is free; the others are delivered.
#[tokio::test]
async fn what_nobody_wants_any_more_is_left_out() {
    let settings = ExporterSettings {
        consumers: 1,
        ..holding(3, Unit::Requests, 1000)
    };
    let (ledger, fickle) = (Ledger::new(), Ledger::new());
    let destination = Scripted::gated([], 0);
    let exporter = exporter(&destination, &settings);
    while_running(&exporter, async {
        exporter.accept(ledger.parcel(1, "first")).await.unwrap();
        destination.attempted(1).await;
        exporter.accept(fickle.parcel(2, "second")).await.unwrap();
        exporter.accept(ledger.parcel(1, "third")).await.unwrap();
        fickle.want_nothing();
        destination.open(2);
        ledger.settled(2).await;
    })
    .await;
    assert_eq!(destination.bodies(), ["first", "third"]);
    assert_eq!((ledger.items(), fickle.items()), ((2, 0), (0, 0)));
    assert_eq!(fickle.settlements()[0].withdrawn.items, 2);
    assert_eq!(exporter.snapshot().queue_bytes, 0);
}

/// Polls once.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// Scenario: three parcels arrive under a batch of at least six items; later two more.
/// Guarantees: the first three go together as soon as there are enough; the others when they have waited
/// for the flush timeout. A batch is the requests end to end.
///
/// Conforms: exporter `otlp_grpc`, `otlp_http` | traces | `sending_queue` with `batch` | same
#[tokio::test(start_paused = true)]
async fn parcels_wait_for_each_other_but_not_for_long() {
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let exporter = exporter(&destination, &batching(6, 0, Unit::Items));
    let start = Instant::now();
    while_running(&exporter, async {
        for body in ["a", "b", "c"] {
            exporter.offer(ledger.parcel(2, body)).await.unwrap();
        }
        ledger.settled(3).await;
        for body in ["d", "e"] {
            exporter.offer(ledger.parcel(2, body)).await.unwrap();
        }
        ledger.settled(5).await;
    })
    .await;
    assert_eq!(
        destination.bodies(),
        [Bytes::from("abc"), Bytes::from("de")]
    );
    assert_eq!(destination.times(start), [0, 200]);
    assert_eq!(exporter.snapshot().sent_requests, 2);
    assert_eq!(exporter.snapshot().sent_items, 10);
}

/// Scenario: parcels of two clients and of nobody alternate under a batch of six items; something else that nobody asks for differs
/// from parcel to parcel.
/// Guarantees: a batch is of one client, whatever stands between, in order; what is asked of it counts for the bytes of the queue.
///
/// Conforms: exporter `otlp_grpc`, `otlp_http` | traces | `sending_queue` with `batch`, clients | better: a request
/// is of one client wherever one asks who it was
#[tokio::test(start_paused = true)]
async fn a_batch_is_of_one_client() {
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let mut settings = batching(6, 0, Unit::Items);
    settings
        .client_keys
        .add(ClientKey::Metadata("tenant".to_owned()));
    let exporter = exporter(&destination, &settings);
    for (number, (tenant, body)) in [
        ("red", "a"),
        ("blue", "b"),
        ("red", "c"),
        ("", "d"),
        ("blue", "e"),
        ("", "f"),
    ]
    .into_iter()
    .enumerate()
    {
        let entry = |name: &str, value: String| (name.to_owned(), vec![value]);
        let mut metadata = vec![entry("other", number.to_string())];
        if !tenant.is_empty() {
            metadata.push(entry("tenant", tenant.to_owned()));
        }
        let client = ClientContext {
            metadata,
            ..ClientContext::default()
        };
        let parcel = ledger.parcel(2, body).of(Arc::new(client));
        exporter.offer(parcel).await.unwrap();
    }
    let tenants = 2 * ("tenantred".len() + "tenantblue".len());
    assert_eq!(exporter.snapshot().queue_bytes, 6 + tenants as u64);
    while_running(&exporter, ledger.settled(6)).await;
    let mut bodies = destination.bodies();
    bodies.sort();
    assert_eq!(
        bodies,
        [Bytes::from("ac"), Bytes::from("be"), Bytes::from("df")]
    );
}

/// Scenario: parcels of four bytes under batches of eight to ten bytes.
/// Guarantees: a batch ends before it would exceed the maximum.
#[tokio::test(start_paused = true)]
async fn a_batch_stays_below_its_maximum() {
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let exporter = exporter(&destination, &batching(8, 10, Unit::Bytes));
    for body in ["aaaa", "bbbb", "cccc"] {
        exporter.offer(ledger.parcel(1, body)).await.unwrap();
    }
    while_running(&exporter, ledger.settled(3)).await;
    assert_eq!(
        destination.bodies(),
        [Bytes::from("aaaabbbb"), Bytes::from("cccc")]
    );
}

/// Scenario: a queue of two requests waits for a batch that would take three.
/// Guarantees: being full, it does not wait for the timeout.
#[tokio::test(start_paused = true)]
async fn a_full_queue_does_not_wait_for_its_batch() {
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let settings = ExporterSettings {
        block_on_overflow: true,
        ..batching(3, 0, Unit::Items)
    };
    let capacity = holding(2, Unit::Requests, 1000).capacity;
    let exporter = exporter(
        &destination,
        &ExporterSettings {
            capacity,
            ..settings
        },
    );
    let start = Instant::now();
    while_running(&exporter, async {
        for body in ["a", "b", "c"] {
            exporter.accept(ledger.parcel(1, body)).await.unwrap();
        }
        destination.attempted(1).await;
    })
    .await;
    assert_eq!(destination.times(start), [0]);
}

/// Scenario: the backend rejects three items of a batch of three parcels with two items each.
/// Guarantees: three items are lost and three delivered, whatever receipts they are on.
#[tokio::test(start_paused = true)]
async fn rejected_items_of_a_batch_are_shared_out() {
    let ledger = Ledger::new();
    let rejected = tailweir_export::Accepted {
        rejected_items: 3,
        message: "too old".to_owned(),
        ..tailweir_export::Accepted::default()
    };
    let destination = Scripted::new([crate::support::Step::Answer(Ok(rejected))]);
    let exporter = exporter(&destination, &batching(6, 0, Unit::Items));
    for _ in 0..3 {
        exporter.offer(ledger.parcel(2, "x")).await.unwrap();
    }
    while_running(&exporter, ledger.settled(3)).await;
    assert_eq!(ledger.items(), (3, 3));
    let snapshot = exporter.snapshot();
    assert_eq!(
        (
            snapshot.sent_items,
            snapshot.rejected_items,
            snapshot.failed_items
        ),
        (3, 3, 3)
    );
    assert_eq!(snapshot.last_error, "3 items rejected: too old");
}

/// Runs the exporter until a worker panics.
async fn run_to_panic(exporter: &Exporter) {
    let exporter = exporter.clone();
    let ended = tokio::spawn(async move { exporter.run().await }).await;
    assert!(ended.unwrap_err().is_panic());
}

/// Scenario: the worker panics over a parcel; a supervisor runs the exporter again.
/// Guarantees: the parcel and those behind it are delivered, each once, in their order.
#[tokio::test]
async fn the_queue_outlives_its_worker() {
    let (ledger, destination) = (Ledger::new(), Scripted::panicking(1));
    let settings = ExporterSettings {
        consumers: 1,
        ..ExporterSettings::default()
    };
    let exporter = exporter(&destination, &settings);
    for body in ["a", "b"] {
        exporter.offer(ledger.parcel(1, body)).await.unwrap();
    }
    run_to_panic(&exporter).await;
    assert_eq!(
        ledger.settlements().len(),
        0,
        "nothing is lost with the worker"
    );
    assert_eq!(exporter.snapshot().queue_size, 2);
    while_running(&exporter, ledger.settled(2)).await;
    assert_eq!(ledger.items(), (2, 0));
    assert_eq!(destination.bodies(), ["a", "a", "b"].map(Bytes::from));
    assert_eq!(exporter.snapshot().in_flight, 0);
}

/// Scenario: a parcel kills each worker that takes it, in a batch with another.
/// Guarantees: after three workers it is lost; the other, from then on sent apart, is delivered.
#[tokio::test]
async fn a_parcel_that_kills_its_workers_is_lost() {
    let (ledger, destination) = (Ledger::new(), Scripted::panicking(3));
    let settings = ExporterSettings {
        consumers: 1,
        ..batching(2, 0, Unit::Items)
    };
    let exporter = exporter(&destination, &settings);
    for body in ["poison", "b"] {
        exporter.offer(ledger.parcel(1, body)).await.unwrap();
    }
    for _ in 0..3 {
        run_to_panic(&exporter).await;
    }
    while_running(&exporter, ledger.settled(2)).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::WorkerFailed), None]);
    let bodies = ["poisonb", "poison", "poison", "b"].map(Bytes::from);
    assert_eq!(destination.bodies(), bodies);
}

/// Scenario: the future that runs the exporter is dropped while a request is under way.
/// Guarantees: the request is sent again by the next one, however often that happens: nobody died of it.
#[tokio::test]
async fn a_worker_that_is_stopped_gives_its_parcel_back() {
    let (ledger, destination) = (Ledger::new(), Scripted::gated([], 0));
    let exporter = exporter(&destination, &ExporterSettings::default());
    exporter.offer(ledger.parcel(1, "a")).await.unwrap();
    for round in 1..=5 {
        while_running(&exporter, destination.attempted(round)).await;
    }
    destination.open(1);
    while_running(&exporter, ledger.settled(1)).await;
    assert_eq!(ledger.items(), (1, 0));
}

/// Scenario: the exporter is shut down with a batch that is not full and a backend that answers.
/// Guarantees: everything is sent without waiting for the batch; later parcels are refused; the run ends.
#[tokio::test(start_paused = true)]
async fn a_shutdown_sends_what_is_queued() {
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let exporter = exporter(&destination, &batching(100, 0, Unit::Items));
    exporter.offer(ledger.parcel(1, "a")).await.unwrap();
    let start = Instant::now();
    let deadline = start + Duration::from_secs(10);
    let (given_up, ()) = tokio::join!(exporter.shutdown(deadline), exporter.run());
    assert_eq!((given_up, ledger.items()), (0, (1, 0)));
    assert_eq!(destination.times(start), [0]);
    let refusal = exporter.offer(ledger.parcel(1, "late")).await.unwrap_err();
    assert_eq!(refusal.reason, LossReason::AbandonedAtShutdown);
}

/// Scenario: a shutdown while one request is stuck in the backend, one waits for a retry far away, and
/// one is queued; in one trial workers run, in another none does.
/// Guarantees: at the deadline all of them are settled as lost and counted, and the shutdown ends.
#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_deadline_is_lost_and_counted() {
    for runs in [true, false] {
        let ledger = Ledger::new();
        let transient = crate::support::Step::Answer(Err(Failure::transient("down")));
        let destination = Scripted::gated([transient], 1);
        let settings = ExporterSettings {
            consumers: 2,
            timeout: Duration::ZERO,
            retry: Some(Retry {
                initial_interval: Duration::from_secs(3600),
                max_interval: Duration::from_secs(3600),
                max_elapsed_time: Duration::ZERO,
                ..Retry::default()
            }),
            ..ExporterSettings::default()
        };
        let exporter = exporter(&destination, &settings);
        for body in ["a", "b", "c"] {
            exporter.offer(ledger.parcel(1, body)).await.unwrap();
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        let run = async {
            if runs {
                exporter.run().await;
            }
        };
        let (given_up, ()) = tokio::join!(exporter.shutdown(deadline), run);
        assert_eq!(given_up, if runs { 1 } else { 3 });
        assert_eq!(ledger.reasons(), [Some(LossReason::AbandonedAtShutdown); 3]);
        assert_eq!(exporter.snapshot().failed_items, 3);
        assert_eq!(Instant::now(), deadline);
    }
}

/// Scenario: a sender that waits for the result; the backend takes one request and refuses another.
/// Guarantees: the sender learns of both; a refused parcel is the sender's again, unsettled.
#[tokio::test]
async fn a_sender_that_waits_learns_the_outcome() {
    let refused = crate::support::Step::Answer(Err(Failure::permanent("bad")));
    let destination = Scripted::new([refused]);
    let settings = ExporterSettings {
        wait_for_result: true,
        ..ExporterSettings::default()
    };
    let (ledger, exporter) = (Ledger::new(), exporter(&destination, &settings));
    while_running(&exporter, async {
        let refusal = exporter.accept(ledger.parcel(1, "x")).await.unwrap_err();
        assert_eq!(refusal.reason, LossReason::PermanentError);
        assert_eq!(refusal.parcel.body, "x");
        assert_eq!(ledger.settlements().len(), 0);
        exporter.accept(refusal.parcel).await.unwrap();
        assert_eq!(ledger.items(), (1, 0));
    })
    .await;
}

/// Scenario: a sender waits for the result of what it does not want delivered any more.
/// Guarantees: it learns that this is settled, and its receipt says how: nothing is delivered, and nothing lost.
#[tokio::test]
async fn a_sender_that_waits_learns_that_its_parcel_was_left_out() {
    let destination = Scripted::accepting();
    let settings = ExporterSettings {
        wait_for_result: true,
        ..ExporterSettings::default()
    };
    let (fickle, exporter) = (Ledger::new(), exporter(&destination, &settings));
    fickle.want_nothing();
    while_running(&exporter, async {
        exporter.accept(fickle.parcel(2, "x")).await.unwrap();
    })
    .await;
    assert!(destination.bodies().is_empty());
    assert_eq!(fickle.items(), (0, 0));
    assert_eq!(fickle.settlements()[0].withdrawn.items, 2);
}

/// Scenario: a sender stops waiting for the result; then the backend takes one request, and refuses
/// another.
/// Guarantees: the parcel is settled all the same, by what became of it.
#[tokio::test]
async fn a_parcel_is_settled_when_its_sender_has_gone() {
    let accepted = crate::support::Step::Answer(Ok(tailweir_export::Accepted::default()));
    let refused = crate::support::Step::Answer(Err(Failure::permanent("bad")));
    let destination = Scripted::gated([accepted, refused], 0);
    let settings = ExporterSettings {
        wait_for_result: true,
        consumers: 1,
        ..ExporterSettings::default()
    };
    let (ledger, exporter) = (Ledger::new(), exporter(&destination, &settings));
    while_running(&exporter, async {
        for _ in 0..2 {
            let mut waiting = std::pin::pin!(exporter.accept(ledger.parcel(1, "x")));
            assert!(futures_poll(waiting.as_mut()).await.is_none());
        }
        destination.open(2);
        ledger.settled(2).await;
    })
    .await;
    assert_eq!(ledger.reasons(), [None, Some(LossReason::PermanentError)]);
}
