//! A shard of a cluster's member under supervision.

use super::{append, drain};
use crate::actors::{Node, Nursery, Place, Shard, ShardChange, ShardReport, ShardSettings};
use crate::admission::{Admission, RETRY_AFTER};
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::membership::{Brought, Cluster, Membership, OutgoingPart, Post};
use crate::pipeline::{Load, Sampler, ScanPool, Seat, Stage, Taken, scan};
use crate::refusal::{Bound, Refusal};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tailweir_core::ByteSize;
use tailweir_otlp::ScanDepth;
use tailweir_placement::{Command, Epoch, Incarnation, MemberName, RoutingTable, Weight};
use tailweir_policy::PolicySet;
use tailweir_sampler::EngineSettings;
use tailweir_shard::{Answer, Piece, Ruled};
use tailweir_tenure::Message;
use tailweir_testkit::{PATIENCE, SpanBuilder, request, span, trace_id};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const OWN: Incarnation = Incarnation(1);
const NAME: &str = "traces/tail_sampling";

/// Takes what comes while it has room, and delivers it when it is told to.
#[derive(Default)]
struct Backend {
    has_room: AtomicBool,
    taken: Mutex<Vec<Load>>,
}

impl Backend {
    /// How many spans that were.
    fn deliver(&self) -> u64 {
        let taken = std::mem::take(&mut *self.taken.lock());
        let mut spans = 0;
        for load in taken {
            spans += load.charge.amount().items;
            load.charge.into_receipt().0.delivered();
        }
        spans
    }
}

impl Stage for Backend {
    fn take(&self, load: Load) -> Taken<'_> {
        let outcome = if self.has_room.load(Relaxed) {
            self.taken.lock().push(load);
            Ok(())
        } else {
            Err(load.returned(Refusal::Full {
                bound: Bound::Queue,
                retry_after: RETRY_AFTER,
            }))
        };
        Box::pin(std::future::ready(outcome))
    }
}

/// The way to other members, of which there are none.
struct Nobody;

impl Post for Nobody {
    fn tell(&self, _: Incarnation, _: &Arc<str>, _: Vec<Message<Piece, Ruled>>) {}

    fn bring(&self, _: Incarnation, _: OutgoingPart) -> BoxFuture<'static, Option<Brought>> {
        Box::pin(std::future::ready(None))
    }

    fn follow(&self, _: &Arc<RoutingTable>) {}
}

struct Bench {
    nursery: Nursery,
    admission: Arc<Admission>,
    ledger: Arc<Ledger>,
    shard: Shard,
    backend: Arc<Backend>,
    sampler: Sampler,
    scans: Arc<ScanPool>,
    table: watch::Sender<Arc<RoutingTable>>,
}

fn register(table: &mut RoutingTable, name: &str) {
    let name = MemberName::new(name).unwrap();
    table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
}

fn policies() -> Arc<PolicySet> {
    let text = "tail_sampling:\n  policies: [{name: all, type: always_sample}]";
    let options = tailweir_config::LoadOptions::default();
    let environment = tailweir_config::EmptyEnvironment;
    let (settings, diagnostics) =
        tailweir_config::load_tail_sampling_block("test", text, options, &environment);
    let settings = settings.unwrap_or_else(|| panic!("{diagnostics:?}"));
    Arc::new(PolicySet::compile(&settings).unwrap())
}

/// A member that owns all slots and needs no second copy. Its only shard keeps every trace, a millisecond after its first span, and
/// learns of no table but the first unless it is told.
async fn bench() -> Bench {
    let mut table = RoutingTable::new(1);
    register(&mut table, "one");
    table.apply(&Command::Rebalance);
    let (table, watched) = watch::channel(Arc::new(table));
    let cluster = Cluster {
        incarnation: Some(OWN),
        receives: true,
        one_copy: true,
        table: watched,
        reports: mpsc::channel(1).0,
        post: Arc::new(Nobody),
    };
    let ledger = Arc::new(Ledger::default());
    let membership = Membership::join(cluster, CancellationToken::new());
    let seat = Arc::new(Seat::new(membership, NAME.into(), Arc::clone(&ledger)));
    let nursery = Node::start().await.unwrap();
    let admission = Admission::new(ByteSize::mib(64));
    let settings = ShardSettings {
        engine: EngineSettings {
            decision_wait: Duration::from_millis(1),
            ..EngineSettings::default()
        },
        policies: policies(),
        seed: 1,
        write_threshold: false,
        record_policy: false,
        witnesses: Arc::default(),
        place: Some(Place::new(Arc::clone(&seat), OWN, (0, 1), ByteSize(0), 1)),
        ledger: Arc::clone(&ledger),
        admission: Arc::clone(&admission),
    };
    let backend = Arc::new(Backend::default());
    let next = Arc::clone(&backend) as Arc<dyn Stage>;
    let shard = Shard::new(settings, Clock::start(), next);
    assert!(nursery.start_shard(shard.clone()).await);
    shard.learn(Arc::clone(&table.borrow()));
    let scans = Arc::new(ScanPool::default());
    Bench {
        sampler: Sampler::new(
            vec![shard.clone()],
            Arc::clone(&scans),
            Arc::default(),
            Arc::clone(&admission),
            Some(seat),
        ),
        nursery,
        admission,
        ledger,
        shard,
        backend,
        scans,
        table,
    }
}

impl Bench {
    async fn append(&self, span: SpanBuilder) -> Result<(), Refusal> {
        append(&self.sampler, &self.scans, &self.ledger, span).await
    }

    /// Brings a span as another member does, by the table of this epoch.
    async fn bring(&self, span: SpanBuilder, epoch: Epoch) -> Answer {
        let spans = Bytes::from(request().span(span).bytes());
        let scanned = scan(&self.scans, &spans, ScanDepth::Heads).unwrap();
        let permit = self.admission.take(spans.len() as u64).unwrap();
        let part = OutgoingPart {
            sampler: NAME.into(),
            epoch,
            tenure: None,
            spans,
            patience: Duration::from_millis(50),
            handed_on: None,
            sequence: None,
        };
        let answer = self.sampler.take_part(&part, scanned, permit);
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        answer.expect("an answer")
    }

    fn newest_table(&self) -> Arc<RoutingTable> {
        Arc::clone(&self.table.borrow())
    }

    /// Waits until the shard says so of itself.
    async fn until(&self, what: &str, done: impl Fn(&ShardReport) -> bool) {
        let looking = async {
            while !self.shard.report().await.as_ref().is_some_and(&done) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, looking).await;
        assert!(waited.is_ok(), "no {what}");
    }

    /// Appends a span whose trace is kept and finds no room.
    async fn hold_back(&self) {
        self.append(span(trace_id(1), 1)).await.unwrap();
        self.until("kept span", |report| report.held_back_bytes > 0)
            .await;
    }

    async fn finish(self) {
        let books = self.ledger.snapshot();
        assert_eq!(books.imbalance(), 0);
        assert_eq!(books.signals["traces"].lost_items(), 0);
        self.nursery.stop().await;
    }
}

/// Scenario: the backend has no room for a kept trace, when another member brings a part by a table of which this one never hears, and
/// a client another trace, whose time comes.
/// Guarantees: the part is refused when its time is up; the trace is not decided before there is room, and then both are handed on.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_answers_while_the_backend_has_no_room() {
    let bench = bench().await;
    bench.hold_back().await;
    bench.append(span(trace_id(2), 1)).await.unwrap();
    let answer = bench.bring(span(trace_id(3), 1), Epoch(99)).await;
    let is_behind = matches!(answer, Answer::Refused(tailweir_shard::Refusal::Behind(_)));
    assert!(is_behind, "{answer:?}");
    let report = bench.shard.report().await.unwrap();
    assert_eq!(report.counters.held.traces, 1);

    bench.backend.has_room.store(true, Relaxed);
    drain(&bench.shard).await;
    assert_eq!(bench.backend.deliver(), 2);
    bench.finish().await;
}

/// Scenario: the backend has no room for a kept trace, and large late spans of it come.
/// Guarantees: they are taken up to a bound, and refused beyond it, to come again; when there is room all that were taken are handed on, and
/// others are taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_refuses_what_would_wait_for_room_without_a_bound() {
    let bench = bench().await;
    bench.hold_back().await;
    let large = |id| span(trace_id(1), id).attribute("text", "x".repeat(1 << 20));
    let mut taken = 1;
    let refusal = loop {
        match bench.append(large(taken + 1)).await {
            Ok(()) => taken += 1,
            Err(refusal) => break refusal,
        }
        assert!(taken < 32, "no bound");
    };
    assert!(matches!(refusal, Refusal::Full { .. }), "{refusal}");

    bench.backend.has_room.store(true, Relaxed);
    bench
        .until("room", |report| report.held_back_bytes == 0)
        .await;
    assert_eq!(bench.backend.deliver(), taken);
    bench.append(large(100)).await.unwrap();
    drain(&bench.shard).await;
    assert_eq!(bench.backend.deliver(), 1);
    bench.finish().await;
}

/// Scenario: a shard is drained, as when its sampler leaves, and changes, as when that is taken back. Then somebody who has not heard of
/// it drains the one that left.
/// Guarantees: drained it takes nothing. In service again it takes spans, and nobody drains it.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_in_service_again_takes_spans() {
    let bench = bench().await;
    bench.backend.has_room.store(true, Relaxed);
    drain(&bench.shard).await;
    let epoch = bench.newest_table().epoch();
    let answer = bench.bring(span(trace_id(1), 1), epoch).await;
    let is_closed = matches!(answer, Answer::Refused(tailweir_shard::Refusal::NotOpen));
    assert!(is_closed, "{answer:?}");

    let back = CancellationToken::new();
    back.cancel();
    let change = ShardChange {
        policies: policies(),
        engine: EngineSettings {
            decision_wait: Duration::from_secs(3600),
            ..EngineSettings::default()
        },
        write_threshold: false,
        record_policy: false,
        revision: 2,
    };
    bench.shard.change(change).await;
    bench.append(span(trace_id(1), 1)).await.unwrap();
    bench.shard.drain(&back).await.unwrap();
    let report = bench.shard.report().await.unwrap();
    assert_eq!(report.counters.held.traces, 1);
    drain(&bench.shard).await;
    assert_eq!(bench.backend.deliver(), 1);
    bench.finish().await;
}

/// Scenario: a shard's actor fails. Before it is there again a newer table comes, of which nobody tells it later.
/// Guarantees: it goes by the newer table.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_comes_back_learns_the_newest_table() {
    let bench = bench().await;
    bench.shard.fail();
    bench.table.send_modify(|newest| {
        let mut table = (**newest).clone();
        register(&mut table, "two");
        *newest = Arc::new(table);
    });
    bench.shard.learn(bench.newest_table());
    let epoch = bench.newest_table().epoch();
    let knows = |report: &ShardReport| {
        let member = report.member.as_ref();
        member.is_some_and(|member| member.epoch == epoch)
    };
    bench.until("newest table", knows).await;
    assert_eq!(bench.nursery.restarts(), 1);
    bench.finish().await;
}

/// Scenario: a kept trace is on its way to the backend when its shard's actor fails, and is delivered before the actor is there again.
/// Guarantees: the shard hears of it all the same, and holds nothing of the trace.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_comes_back_hears_what_was_delivered() {
    let bench = bench().await;
    bench.backend.has_room.store(true, Relaxed);
    bench.append(span(trace_id(1), 1)).await.unwrap();
    bench
        .until("kept span", |_| bench.backend.taken.lock().len() == 1)
        .await;
    bench.shard.fail();
    assert_eq!(bench.backend.deliver(), 1);
    let has_heard = |report: &ShardReport| {
        let member = report.member.as_ref();
        member.is_some_and(|member| (member.fragments, member.exports_waiting) == (0, 0))
    };
    bench.until("word of it", has_heard).await;
    assert_eq!(bench.nursery.restarts(), 1);
    bench.finish().await;
}
