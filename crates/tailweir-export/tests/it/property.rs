//! Whatever happens, the books balance.

use crate::support::{Ledger, Scripted, Step};
use proptest::prelude::*;
use std::time::Duration;
use tailweir_core::Signal;
use tailweir_export::{
    Accepted, Batching, Capacity, Exporter, ExporterSettings, Failure, LossReason, Retry, Unit,
};
use tokio::time::Instant;

/// What the backend does with an attempt.
#[derive(Debug, Clone)]
enum Deed {
    Take,
    Reject(u64),
    Refuse,
    Fail,
    Panic,
}

impl Deed {
    fn step(self) -> Step {
        match self {
            Self::Take => Step::Answer(Ok(Accepted::default())),
            Self::Reject(rejected_items) => Step::Answer(Ok(Accepted {
                rejected_items,
                message: String::new(),
                ..Accepted::default()
            })),
            Self::Refuse => Step::Answer(Err(Failure::permanent("no"))),
            Self::Fail => Step::Answer(Err(Failure::transient("later"))),
            Self::Panic => Step::Panic,
        }
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Take),
        1 => (0_u64..8).prop_map(Deed::Reject),
        1 => Just(Deed::Refuse),
        2 => Just(Deed::Fail),
        1 => Just(Deed::Panic),
    ]
}

#[derive(Debug, Clone)]
struct Trial {
    deeds: Vec<Deed>,
    parcels: Vec<u64>,
    batched: bool,
    waits: bool,
    deadline_ms: u64,
}

fn trial() -> impl Strategy<Value = Trial> {
    let parcels = prop::collection::vec(0_u64..6, 1..24);
    let deeds = prop::collection::vec(deed(), 0..24);
    (deeds, parcels, any::<bool>(), any::<bool>(), 0_u64..4000).prop_map(
        |(deeds, parcels, batched, waits, deadline_ms)| Trial {
            deeds,
            parcels,
            batched,
            waits,
            deadline_ms,
        },
    )
}

fn settings(trial: &Trial) -> ExporterSettings {
    ExporterSettings {
        capacity: Capacity {
            size: 20,
            unit: Unit::Items,
            bytes: 1000,
        },
        batching: trial.batched.then_some(Batching {
            flush_timeout: Duration::from_millis(50),
            min_size: 7,
            max_size: 10,
            unit: Unit::Items,
        }),
        consumers: 3,
        wait_for_result: trial.waits,
        retry: Some(Retry {
            initial_interval: Duration::from_millis(100),
            max_elapsed_time: Duration::from_secs(1),
            ..Retry::default()
        }),
        ..ExporterSettings::default()
    }
}

/// Offers all parcels while a supervisor restarts the exporter after each panic, then shuts down.
/// Returns what was accepted and never given back, in items.
async fn play(trial: &Trial, ledger: &std::sync::Arc<Ledger>) -> u64 {
    let destination = Scripted::new(trial.deeds.clone().into_iter().map(Deed::step));
    let exporter = Exporter::new("otlp", Signal::Traces, destination, &settings(trial));
    let supervised = exporter.clone();
    let supervisor = tokio::spawn(async move {
        loop {
            let run = supervised.clone();
            match tokio::spawn(async move { run.run().await }).await {
                Ok(()) => break,
                Err(error) => assert!(error.is_panic()),
            }
        }
    });
    let mut accepted = 0;
    let mut senders = tokio::task::JoinSet::new();
    for &items in &trial.parcels {
        let (exporter, parcel) = (exporter.clone(), ledger.parcel(items, "x"));
        senders.spawn(async move { (items, exporter.accept(parcel).await) });
        // One parcel after the other, as far as nobody waits for the outcome.
        tokio::task::yield_now().await;
    }
    let deadline = Instant::now() + Duration::from_millis(trial.deadline_ms);
    let shutdown = tokio::spawn({
        let exporter = exporter.clone();
        async move { exporter.shutdown(deadline).await }
    });
    while let Some(sent) = senders.join_next().await {
        let (items, answer) = sent.unwrap();
        accepted += items;
        if let Err(refusal) = answer {
            refusal.parcel.receipt.lost(LossReason::QueueFull);
        }
    }
    shutdown.await.unwrap();
    supervisor.await.unwrap();
    assert_eq!(exporter.snapshot().queue_size, 0);
    assert_eq!(exporter.snapshot().queue_bytes, 0);
    assert_eq!(exporter.snapshot().in_flight, 0);
    accepted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Scenario: any sequence of answers, rejections, failures and panics, with and without batches and
    /// waiting senders, ended by a shutdown at any time.
    /// Guarantees: each receipt is settled exactly once, and accepted = delivered + lost.
    #[test]
    fn accepted_is_delivered_or_lost(trial in trial()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let ledger = Ledger::new();
        let accepted = runtime.block_on(play(&trial, &ledger));
        prop_assert_eq!(ledger.settlements().len(), trial.parcels.len());
        let (delivered, lost) = ledger.items();
        prop_assert_eq!(accepted, delivered + lost);
    }
}
