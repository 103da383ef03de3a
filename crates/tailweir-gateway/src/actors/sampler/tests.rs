//! A shard under supervision.

mod member;

use super::{Shard, ShardSettings};
use crate::actors::{Node, Nursery};
use crate::admission::Admission;
use crate::clock::Clock;
use crate::ledger::{Charge, Ledger};
use crate::pipeline::{Load, Sampler, ScanPool, Stage, Taken, scan};
use crate::refusal::Refusal;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ByteSize, Signal};
use tailweir_export::Amount;
use tailweir_otlp::ScanDepth;
use tailweir_policy::PolicySet;
use tailweir_sampler::EngineSettings;
use tailweir_testkit::{SpanBuilder, request, span, trace_id};
use tokio_util::sync::CancellationToken;

/// Takes everything, and says how many spans that were.
#[derive(Default)]
struct Taker {
    spans: Mutex<u64>,
}

impl Stage for Taker {
    fn take(&self, load: Load) -> Taken<'_> {
        *self.spans.lock() += load.charge.amount().items;
        load.charge.into_receipt().0.delivered();
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Bench {
    nursery: Nursery,
    admission: Arc<Admission>,
    ledger: Arc<Ledger>,
    shard: Shard,
    taker: Arc<Taker>,
    sampler: Sampler,
    scans: Arc<ScanPool>,
}

/// One shard that keeps every trace, an hour after its first span.
async fn bench() -> Bench {
    let text = "tail_sampling:\n  policies: [{name: all, type: always_sample}]";
    let options = tailweir_config::LoadOptions::default();
    let environment = tailweir_config::EmptyEnvironment;
    let (settings, diagnostics) =
        tailweir_config::load_tail_sampling_block("test", text, options, &environment);
    let settings = settings.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let nursery = Node::start().await.unwrap();
    let ledger = Arc::new(Ledger::default());
    let admission = Admission::new(ByteSize::mib(64));
    let taker = Arc::new(Taker::default());
    let settings = ShardSettings {
        engine: EngineSettings {
            decision_wait: Duration::from_secs(3600),
            ..EngineSettings::default()
        },
        policies: Arc::new(PolicySet::compile(&settings).unwrap()),
        seed: 1,
        write_threshold: false,
        record_policy: false,
        witnesses: Arc::default(),
        place: None,
        ledger: Arc::clone(&ledger),
        admission: Arc::clone(&admission),
    };
    let next = Arc::clone(&taker) as Arc<dyn Stage>;
    let shard = Shard::new(settings, Clock::start(), next);
    assert!(nursery.start_shard(shard.clone()).await);
    let scans = Arc::new(ScanPool::default());
    Bench {
        sampler: Sampler::new(
            vec![shard.clone()],
            Arc::clone(&scans),
            Arc::default(),
            Arc::clone(&admission),
            None,
        ),
        nursery,
        admission,
        ledger,
        shard,
        taker,
        scans,
    }
}

/// Appends a span, as a request that holds nothing else.
async fn append(
    sampler: &Sampler,
    scans: &Arc<ScanPool>,
    ledger: &Arc<Ledger>,
    span: SpanBuilder,
) -> Result<(), Refusal> {
    let body = request().span(span).bytes();
    let scanned = scan(scans, &body, ScanDepth::Whole)?;
    let length = scanned.scan.spans[0].length() as u64;
    let amount = Amount {
        items: 1,
        bytes: length,
    };
    let charge = Charge::take(ledger, Signal::Traces, amount);
    let mut load = Load::held(Signal::Traces, body.into(), charge);
    load.scanned = Some(scanned);
    sampler.take(load).await.map_err(|returned| {
        returned.load.charge.give_back();
        returned.refusal
    })
}

/// Decides all that a shard holds, as when its process ends.
async fn drain(shard: &Shard) {
    let never = CancellationToken::new();
    shard.drain(&never).await.unwrap();
}

impl Bench {
    async fn append(&self, trace: u64) -> Result<(), Refusal> {
        let span = span(trace_id(trace), 1);
        append(&self.sampler, &self.scans, &self.ledger, span).await
    }

    /// Appends as a client does that is told to send again.
    async fn append_until_taken(&self, trace: u64) {
        while let Err(refusal) = self.append(trace).await {
            assert!(refusal.is_retryable(), "{refusal}");
            tokio::task::yield_now().await;
        }
    }
}

/// Scenario: a shard's actor panics while it holds a trace and a request waits behind the message that
/// kills it.
/// Guarantees: the waiting request is refused retryably, the actor comes back with the store it was
/// lent, no held trace is lost, and the books balance.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_shard_loses_no_held_trace() {
    let bench = bench().await;
    bench.append(1).await.unwrap();
    bench.shard.fail();
    let interrupted = bench.append(2).await.unwrap_err();
    assert!(
        matches!(interrupted, Refusal::Interrupted { .. }),
        "{interrupted}"
    );
    bench.append_until_taken(3).await;
    assert_eq!(bench.nursery.restarts(), 1);
    let report = bench.shard.report().await.unwrap();
    assert_eq!(report.counters.held.spans, 2);

    drain(&bench.shard).await;
    assert_eq!(*bench.taker.spans.lock(), 2);
    let books = bench.ledger.snapshot();
    assert_eq!(books.imbalance(), 0);
    assert_eq!(books.signals["traces"].lost_items(), 0);
    bench.nursery.stop().await;
}

/// Scenario: samplers have answered late and have as much in hand as they may, when a request comes by whatever pipeline, and
/// one that was acknowledged before.
/// Guarantees: the first is refused, to come again; the other is taken.
#[tokio::test(start_paused = true)]
async fn what_is_too_much_for_a_sampler_is_refused_at_once() {
    let bench = bench().await;
    for _ in 0..8 {
        let (_permit, _stopwatch) = bench.admission.begin_sampling(1).unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    let _begun = bench
        .admission
        .begin_sampling(2 * bench.admission.sampling_max());
    bench.append(1).await.unwrap();
    let body = request().span(span(trace_id(2), 1)).bytes();
    let charge = Charge::take(&bench.ledger, Signal::Traces, Amount { items: 1, bytes: 1 });
    let mut load = Load::held(Signal::Traces, body.into(), charge);
    load.is_held = false;
    let returned = bench.sampler.take(load).await.unwrap_err();
    assert!(matches!(returned.refusal, Refusal::Full { .. }));
    returned.load.charge.give_back();
}

/// Scenario: a shard is closed while it holds a trace.
/// Guarantees: the trace is counted as lost, and the books balance.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_closed_counts_what_it_held() {
    let bench = bench().await;
    bench.append(1).await.unwrap();
    bench.shard.close().await;
    let books = bench.ledger.snapshot();
    assert_eq!(books.imbalance(), 0);
    let traces = &books.signals["traces"];
    assert_eq!(traces.lost["abandoned_at_shutdown"].items, 1);
    assert_eq!((traces.held.items, traces.held.bytes), (0, 0));
    assert!(bench.append(2).await.is_err());
}
