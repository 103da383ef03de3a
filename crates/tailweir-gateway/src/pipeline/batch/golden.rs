//! Held against the real Collector's `batch` processor.

use super::Batcher;
use crate::ledger::{Charge, Ledger};
use crate::pipeline::{Load, Stage, Taken};
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{EmptyEnvironment, LoadOptions, Processor, Sources, load};
use tailweir_core::Signal;
use tailweir_export::Amount;
use tailweir_otlp::{count_items, json};
use tailweir_testkit::{Folder, Tally, sorted_form};
use tokio::time::Instant;

/// Keeps what it is given.
#[derive(Default)]
struct Kept {
    bodies: Mutex<Vec<Bytes>>,
}

impl Stage for Kept {
    fn take(&self, load: Load) -> Taken<'_> {
        self.bodies.lock().push(load.body.clone());
        load.charge.into_receipt().0.delivered();
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Scenario: requests that went through the Collector's `batch` processor, one after the other, and then its
/// shutdown.
/// Guarantees: the same batches leave, in the same order, and the books balance.
///
/// Conforms: processor `batch` | traces, metrics, logs | `send_batch_size`, `send_batch_max_size`, `timeout` | same
#[tokio::test]
async fn golden_processors_batch() {
    let folder = Folder::open("processors");
    let mut tally = Tally::default();
    for suite in folder.suites("suite.json") {
        if suite.split('/').next() == Some("batch") {
            let (passed, failures) = replay(&folder, &suite).await;
            tally.record(&suite, "stream", passed, None, &failures);
        }
    }
    tally.finish("batch");
}

async fn replay(folder: &Folder, suite: &str) -> (usize, Vec<String>) {
    let description = folder.json(&format!("{suite}/suite.json"));
    let mut signals = Signal::ALL.into_iter();
    let signal = signals.find(|signal| description["signal"] == signal.name());
    let signal = signal.expect("a signal");
    let lines = |name: &str| folder.json_lines(&format!("{suite}/{name}"));
    let kept = Arc::new(Kept::default());
    let settings = settings(folder.text(&format!("{suite}/config.yaml")), signal);
    let batcher = Arc::new(Batcher::new(signal, &settings, kept.clone()));
    let running = tokio::spawn({
        let batcher = Arc::clone(&batcher);
        async move { batcher.run().await }
    });
    let ledger = Arc::new(Ledger::default());
    for input in lines("input.jsonl") {
        offer(&batcher, &ledger, signal, Bytes::from(wire(signal, &input))).await;
        // Everything that is due leaves before the next request comes.
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
    }
    batcher.close(Instant::now() + Duration::from_secs(1)).await;
    running.await.expect("a batcher that ends");
    assert_eq!(ledger.snapshot().imbalance(), 0, "{suite}");
    let (mut passed, mut failures) = (0, Vec::new());
    let bodies = kept.bodies.lock().clone();
    let expected = lines("expected.jsonl");
    if bodies.len() != expected.len() {
        failures.push(format!("{} batches, not {}", bodies.len(), expected.len()));
    }
    for (number, (body, expected)) in bodies.iter().zip(&expected).enumerate() {
        let expected = sorted_form(signal, &wire(signal, expected)).expect("a request");
        match sorted_form(signal, body) {
            Ok(form) if form == expected => passed += 1,
            _ => failures.push(format!("batch {number} differs")),
        }
    }
    (passed, failures)
}

async fn offer(batcher: &Batcher, ledger: &Arc<Ledger>, signal: Signal, body: Bytes) {
    let items = count_items(signal, &body).expect("a request");
    // Receivers answer what is empty themselves.
    if items == 0 {
        return;
    }
    let bytes = body.len() as u64;
    let charge = Charge::take(ledger, signal, Amount { items, bytes });
    let taken = batcher.take(Load::held(signal, body, charge)).await;
    assert!(taken.is_ok(), "a batch with room");
}

fn settings(block: &str, signal: Signal) -> tailweir_config::Batch {
    let rest = format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nservice: {{pipelines: {{{signal}: \
         {{receivers: [nop], processors: [batch], exporters: [nop]}}}}}}"
    );
    let sources = Sources::new().config(format!("yaml:{block}\n{rest}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded.settings.expect("settings of the Collector");
    match settings.processors.into_values().next() {
        Some(Processor::Batch(settings)) => settings,
        other => panic!("{other:?} is no batch"),
    }
}

fn wire(signal: Signal, document: &Value) -> Vec<u8> {
    let mut wire = Vec::new();
    json::to_wire(signal, document.to_string().as_bytes(), &mut wire).expect("OTLP/JSON");
    wire
}
