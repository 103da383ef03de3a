//! Queues on disk: what survives an exporter, and what the next does with it.

use crate::support::{Ledger, Scripted, Step, while_running};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ClientContext, ClientKey, Signal};
use tailweir_export::{
    Batching, Capacity, Exporter, ExporterSettings, Failure, LossReason, Store, Unit,
};
use tailweir_spool::{Folder, Settings, Spool};
use tempfile::TempDir;
use tokio::time::Instant;

/// As another process opens it.
fn spool(folder: &TempDir) -> Arc<Spool> {
    Spool::open(Folder::lock(folder.path()).unwrap(), Settings::default()).unwrap()
}

fn exporter(
    spool: &Arc<Spool>,
    destination: &Arc<Scripted>,
    ledger: &Arc<Ledger>,
    settings: &ExporterSettings,
) -> Exporter {
    let (store, ledger) = (Store::open(spool).unwrap(), Arc::clone(ledger));
    let receipt = move |amount: tailweir_export::Amount| ledger.receipt(amount.items, amount.bytes);
    let destination = destination.clone();
    Exporter::stored(
        "otlp",
        Signal::Traces,
        destination,
        settings,
        store,
        receipt,
    )
}

/// The process of an exporter is gone without a word: its tasks too.
async fn killed(exporter: Exporter, spool: Arc<Spool>) {
    let left = Arc::downgrade(&spool);
    drop((exporter, spool));
    while left.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

/// Waits until the disk has nothing either: what is settled is marked there a moment later.
async fn emptied<T>(exporter: &Exporter, settled: impl Future<Output = T>) {
    settled.await;
    while exporter
        .snapshot()
        .spool
        .is_some_and(|spool| spool.entries > 0)
    {
        tokio::task::yield_now().await;
    }
}

fn one_at_a_time() -> ExporterSettings {
    ExporterSettings {
        consumers: 1,
        ..ExporterSettings::default()
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn away(_: usize) -> Failure {
    Failure::transient("nobody is there")
}

/// Scenario: of four requests one is delivered, one waits for its answer, and two wait, when the process is gone without a
/// word; the next one starts.
/// Guarantees: what was taken was on disk; what was not delivered is sent by the next, the oldest first, with its items;
/// what was delivered is not; nothing counts as lost.
///
/// Conforms: extension `file_storage` | a queue, when the process is gone without a word | same
#[tokio::test]
async fn what_was_taken_survives_the_process() {
    let (folder, settings) = (TempDir::new().unwrap(), one_at_a_time());
    let (ledger, destination) = (Ledger::new(), Scripted::gated([], 1));
    let disk = spool(&folder);
    let first = exporter(&disk, &destination, &ledger, &settings);
    while_running(&first, async {
        for body in ["one", "two", "three", "four"] {
            first.accept(ledger.parcel(3, body)).await.unwrap();
        }
        destination.attempted(2).await;
        ledger.settled(1).await;
    })
    .await;
    assert_eq!(disk.figures().entries, 3);
    killed(first, disk).await;
    assert_eq!((ledger.items(), ledger.on_disk()), ((3, 0), (4, 3)));

    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let disk = spool(&folder);
    let second = exporter(&disk, &destination, &ledger, &settings);
    assert_eq!(second.snapshot().queue_size, 3);
    while_running(&second, ledger.settled(3)).await;
    assert_eq!(destination.bodies(), ["two", "three", "four"]);
    assert_eq!(ledger.items(), (9, 0));
    assert_eq!(ledger.settlements()[0].delivered.bytes, 3);
    killed(second, disk).await;
    let third = exporter(&spool(&folder), &destination, &ledger, &settings);
    assert_eq!(third.snapshot().queue_size, 0);
    assert_eq!(files(folder.path()), ["lock"]);
}

fn files(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Scenario: an exporter is shut down while its backend does not answer, long before the deadline.
/// Guarantees: one attempt is made, nothing is given up or lost, and the shutdown does not wait for the backend.
///
/// Conforms: extension `file_storage` | a shutdown while requests wait | better: they are sent until an attempt
/// fails, the rest stays
#[tokio::test(start_paused = true)]
async fn a_shutdown_leaves_on_disk_what_cannot_be_sent() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::new();
    let destination = Scripted::failing((0..100).map(away));
    let disk = spool(&folder);
    let stored = exporter(&disk, &destination, &ledger, &one_at_a_time());
    for body in ["one", "two"] {
        stored.offer(ledger.parcel(1, body)).await.unwrap();
    }
    let start = Instant::now();
    let (_, given_up) = tokio::join!(stored.run(), stored.shutdown(soon()));
    assert_eq!((given_up, ledger.items()), (0, (0, 0)));
    assert_eq!(destination.bodies(), ["one"]);
    assert!(start.elapsed() < Duration::from_secs(6));
    let refusal = stored.offer(ledger.parcel(1, "late")).await.unwrap_err();
    assert_eq!(refusal.reason, LossReason::AbandonedAtShutdown);
    refusal.parcel.receipt.lost(refusal.reason);
    killed(stored, disk).await;
    assert_eq!(ledger.on_disk(), (2, 2));
    assert_eq!(spool(&folder).claim().unwrap().len(), 2);
}

/// Scenario: an exporter is shut down while its backend answers; and while an answer does not come until the deadline.
/// Guarantees: everything is sent; what got no answer stays on disk, and the deadline is kept.
#[tokio::test(start_paused = true)]
async fn a_shutdown_sends_what_it_can() {
    for (open, left) in [(2, 0), (1, 1)] {
        let folder = TempDir::new().unwrap();
        let (ledger, destination) = (Ledger::new(), Scripted::gated([], open));
        let settings = ExporterSettings {
            timeout: Duration::ZERO,
            ..one_at_a_time()
        };
        let disk = spool(&folder);
        let stored = exporter(&disk, &destination, &ledger, &settings);
        for body in ["one", "two"] {
            stored.offer(ledger.parcel(1, body)).await.unwrap();
        }
        let start = Instant::now();
        tokio::join!(stored.run(), stored.shutdown(soon()));
        assert!(start.elapsed() <= Duration::from_secs(61));
        assert_eq!(ledger.items(), (2 - left, 0));
        killed(stored, disk).await;
        assert_eq!(spool(&folder).claim().unwrap().len(), left as usize);
    }
}

/// Scenario: the backend refuses a request for good.
/// Guarantees: it is lost, as without a disk, and not found again.
#[tokio::test]
async fn what_is_refused_for_good_is_done() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::new();
    let destination = Scripted::failing([Failure::permanent("no")]);
    let stored = exporter(&spool(&folder), &destination, &ledger, &one_at_a_time());
    stored.offer(ledger.parcel(1, "one")).await.unwrap();
    while_running(&stored, emptied(&stored, ledger.settled(1))).await;
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
}

/// Scenario: a byte of a request on disk is another.
/// Guarantees: it is lost with the reason, counted, and not sent; those beside it, in its batch too, are delivered.
///
/// Conforms: extension `file_storage` | damage on disk | better: costs what is damaged, and is counted
#[tokio::test]
async fn damage_is_lost_and_told() {
    let folder = TempDir::new().unwrap();
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let settings = ExporterSettings {
        batching: Some(Batching {
            flush_timeout: Duration::from_millis(1),
            min_size: 3,
            max_size: 0,
            unit: Unit::Items,
        }),
        ..one_at_a_time()
    };
    let stored = exporter(&spool(&folder), &destination, &ledger, &settings);
    for body in ["first", "damaged", "third"] {
        stored.offer(ledger.parcel(1, body)).await.unwrap();
    }
    let reel = folder.path().join("00000000000000000001.spool");
    let bytes = fs::read(&reel).unwrap();
    let at = bytes.windows(7).position(|part| part == b"damaged");
    let mut damaged = bytes;
    damaged[at.unwrap()] ^= 1;
    fs::write(&reel, damaged).unwrap();
    while_running(&stored, emptied(&stored, ledger.settled(3))).await;
    assert_eq!(ledger.items(), (2, 1));
    assert!(ledger.reasons().contains(&Some(LossReason::SpoolDamaged)));
    assert_eq!(destination.bodies(), ["firstthird"]);
    assert_eq!(stored.snapshot().failed_items, 1);
}

/// Scenario: more is offered than the queue may count, and more than its files may hold; senders wait for room or not.
/// Guarantees: what finds no room is refused as full, unsettled and counted; who is told to wait gets in when there is
/// room. What is in memory of a large request is little.
///
/// Conforms: extension `file_storage` | `max_size`; `queue_size`, `block_on_overflow` of a queue on disk | same
#[tokio::test]
async fn a_full_disk_queue_is_a_full_queue() {
    let small = Settings {
        bytes_max: 1000,
        ..Settings::default()
    };
    for (size, bounds) in [(1, Settings::default()), (1000, small)] {
        let folder = TempDir::new().unwrap();
        let spool = Spool::open(Folder::lock(folder.path()).unwrap(), bounds).unwrap();
        let (ledger, destination) = (Ledger::new(), Scripted::gated([], 0));
        let mut settings = ExporterSettings {
            capacity: Capacity {
                size,
                ..one_at_a_time().capacity
            },
            ..one_at_a_time()
        };
        let body = vec![7; 700];
        let refusing = exporter(&spool, &destination, &ledger, &settings);
        refusing
            .offer(ledger.parcel(1, body.clone()))
            .await
            .unwrap();
        assert!(refusing.snapshot().queue_bytes < 700);
        let refusal = refusing.accept(ledger.parcel(1, body.clone())).await;
        assert_eq!(refusal.unwrap_err().reason, LossReason::QueueFull);
        assert_eq!(refusing.snapshot().enqueue_failed_items, 1);
        assert_eq!(refusing.snapshot().queue_size, 1);
        drop(refusing);
        assert_eq!(spool.figures().entries, 1);

        settings.block_on_overflow = true;
        let waiting = exporter(&spool, &destination, &ledger, &settings);
        while_running(&waiting, async {
            destination.attempted(1).await;
            let second = waiting.accept(ledger.parcel(1, body.clone()));
            destination.open(2);
            second.await.unwrap();
            destination.attempted(2).await;
        })
        .await;
    }
}

/// Scenario: requests of two clients are taken by an exporter that asks who they are; the next process sends them together.
/// Guarantees: each is sent under its own client, as it was; they are not put into one request.
///
/// Conforms: extension `file_storage` | who sent what waits (`headers_setter`) | better: kept as far as the exporter
/// asks
#[tokio::test]
async fn who_sent_it_survives_too() {
    let folder = TempDir::new().unwrap();
    let mut settings = ExporterSettings {
        batching: Some(Batching {
            flush_timeout: Duration::from_millis(1),
            min_size: 100,
            max_size: 0,
            unit: Unit::Items,
        }),
        ..one_at_a_time()
    };
    settings.client_keys.add(ClientKey::new("x-tenant"));
    let (ledger, destination) = (Ledger::new(), Scripted::accepting());
    let disk = spool(&folder);
    let first = exporter(&disk, &destination, &ledger, &settings);
    for tenant in ["a", "b"] {
        let client = ClientContext {
            metadata: vec![("X-Tenant".to_owned(), vec![tenant.to_owned()])],
            ..ClientContext::NOBODY
        };
        let parcel = ledger.parcel(1, tenant).of(Arc::new(client));
        first.offer(parcel).await.unwrap();
    }
    killed(first, disk).await;
    let second = exporter(&spool(&folder), &destination, &ledger, &settings);
    while_running(&second, ledger.settled(2)).await;
    assert_eq!(destination.bodies(), ["a", "b"]);
    assert_eq!(destination.tenants(), ["a", "b"]);
}

/// Scenario: an exporter with one request under way that fails and two that wait is replaced, as by a reload; both keep
/// their queues in the same folder.
/// Guarantees: the new one sends all three, each once; what came to it meanwhile too.
#[tokio::test(start_paused = true)]
async fn a_successor_takes_over_what_is_on_disk() {
    let folder = TempDir::new().unwrap();
    let (ledger, spool) = (Ledger::new(), spool(&folder));
    let gone = Scripted::failing((0..1000).map(away));
    let old = exporter(&spool, &gone, &ledger, &one_at_a_time());
    for body in ["one", "two", "three"] {
        old.offer(ledger.parcel(1, body)).await.unwrap();
    }
    let there = Scripted::accepting();
    let new = exporter(&spool, &there, &ledger, &one_at_a_time());
    assert_eq!(new.snapshot().queue_size, 0, "the old one has them");
    while_running(&new, async {
        new.offer(ledger.parcel(1, "four")).await.unwrap();
        tokio::join!(old.run(), async {
            gone.attempted(1).await;
            old.hand_over(&new, soon()).await;
            old.shutdown(soon()).await;
        });
        emptied(&new, ledger.settled(4)).await;
    })
    .await;
    let mut bodies = there.bodies();
    bodies.sort();
    assert_eq!(bodies, ["four", "one", "three", "two"]);
    assert_eq!((ledger.items(), spool.figures().entries), ((4, 0), 0));
}

/// Scenario: while a backend is away an exporter whose queue is in memory is replaced by one that keeps it on disk.
/// Guarantees: what waited is on disk, and survives the process.
#[tokio::test(start_paused = true)]
async fn what_waited_in_memory_is_kept_by_a_successor_with_a_disk() {
    let folder = TempDir::new().unwrap();
    let (ledger, disk) = (Ledger::new(), spool(&folder));
    let gone = Scripted::failing((0..1000).map(away));
    let settings = one_at_a_time();
    let old = Exporter::new("otlp", Signal::Traces, gone.clone(), &settings);
    for body in ["one", "two"] {
        old.offer(ledger.parcel(1, body)).await.unwrap();
    }
    let new = exporter(&disk, &gone, &ledger, &settings);
    tokio::join!(old.run(), async {
        gone.attempted(1).await;
        old.hand_over(&new, soon()).await;
        old.shutdown(soon()).await;
    });
    assert_eq!(disk.figures().entries, 2);
    drop(old);
    killed(new, disk).await;
    let there = Scripted::accepting();
    let ledger = Ledger::new();
    let next = exporter(&spool(&folder), &there, &ledger, &settings);
    while_running(&next, ledger.settled(2)).await;
    assert_eq!(there.bodies(), ["one", "two"]);
}

/// Scenario: two reloads follow each other: an exporter whose queue is in memory was replaced by one with a queue on disk, which
/// another has replaced before the first hands over what it has.
/// Guarantees: the last one sends it.
#[tokio::test(start_paused = true)]
async fn what_waited_in_memory_goes_to_who_took_the_place_of_a_successor_with_a_disk() {
    let folder = TempDir::new().unwrap();
    let (ledger, disk) = (Ledger::new(), spool(&folder));
    let gone = Scripted::failing((0..1000).map(away));
    let there = Scripted::accepting();
    let settings = one_at_a_time();
    let first = Exporter::new("otlp", Signal::Traces, gone.clone(), &settings);
    first.offer(ledger.parcel(1, "one")).await.unwrap();
    let second = exporter(&disk, &gone, &ledger, &settings);
    let third = exporter(&disk, &there, &ledger, &settings);
    while_running(&third, async {
        tokio::join!(second.run(), async {
            second.hand_over(&third, soon()).await;
            second.shutdown(soon()).await;
        });
        tokio::join!(first.run(), async {
            first.hand_over(&second, soon()).await;
            first.shutdown(soon()).await;
        });
        emptied(&third, ledger.settled(1)).await;
    })
    .await;
    assert_eq!(there.bodies(), ["one"]);
    assert_eq!(ledger.items(), (1, 0));
}

/// Scenario: more waits in memory than the successor's queue on disk has room for, which takes a request now and then.
/// Guarantees: what finds no room waits for it, and everything is delivered.
#[tokio::test(start_paused = true)]
async fn what_waited_in_memory_waits_for_room_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let (ledger, disk) = (Ledger::new(), spool(&folder));
    let gone = Scripted::failing((0..1000).map(away));
    let there = Scripted::accepting();
    let small = ExporterSettings {
        capacity: Capacity {
            size: 1,
            unit: Unit::Requests,
            bytes: 1 << 20,
        },
        ..one_at_a_time()
    };
    let old = Exporter::new("otlp", Signal::Traces, gone.clone(), &one_at_a_time());
    for body in ["one", "two", "three"] {
        old.offer(ledger.parcel(1, body)).await.unwrap();
    }
    let new = exporter(&disk, &there, &ledger, &small);
    while_running(&new, async {
        tokio::join!(old.run(), async {
            gone.attempted(1).await;
            old.hand_over(&new, soon()).await;
            old.shutdown(soon()).await;
        });
        emptied(&new, ledger.settled(3)).await;
    })
    .await;
    assert_eq!(there.bodies().len(), 3);
    assert_eq!(ledger.items(), (3, 0));
}

/// Scenario: a worker dies with a request that is on disk, twice.
/// Guarantees: it is sent by the next worker, with its bytes.
#[tokio::test]
async fn a_worker_that_dies_loses_nothing_on_disk() {
    let folder = TempDir::new().unwrap();
    let (ledger, destination) = (Ledger::new(), Scripted::new([Step::Panic, Step::Panic]));
    let stored = exporter(&spool(&folder), &destination, &ledger, &one_at_a_time());
    stored.offer(ledger.parcel(1, "one")).await.unwrap();
    for _ in 0..2 {
        let running = stored.clone();
        let run = tokio::spawn(async move { running.run().await });
        assert!(run.await.unwrap_err().is_panic());
    }
    while_running(&stored, ledger.settled(1)).await;
    assert_eq!(destination.bodies(), ["one", "one", "one"]);
    assert_eq!(ledger.items(), (1, 0));
}
