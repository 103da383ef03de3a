//! A member beside others that are shards and no more. Letters are carried by hand.

use super::{Member, Outlet};
use crate::actors::sampler::{Place, Shard, ShardSettings};
use crate::admission::Admission;
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::membership::{Brought, Cluster, Membership, OutgoingPart, Post};
use crate::pipeline::{Load, PART_TIME, SLOT_SEED, Seat, Stage, Taken};
use futures_core::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{ByteSize, Moment, Slot, TraceId};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_placement::{Command, Incarnation, MemberName, RoutingTable, TenureId, Weight};
use tailweir_policy::PolicySet;
use tailweir_sampler::EngineSettings;
use tailweir_shard::{Outbox, Part, Piece, Ruled, Spans};
use tailweir_tenure::Message;
use tailweir_testkit::{request, span, trace_id};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The member under test.
const OWN: Incarnation = Incarnation(1);
/// The first owner of its slot.
const FIRST: Incarnation = Incarnation(2);
/// Who comes in when one of the two is lost.
const THIRD: Incarnation = Incarnation(3);
/// The window.
const WAIT: Duration = Duration::from_secs(10);
/// Of the policies of all.
const REVISION: u64 = 1;

struct Request {
    body: Vec<u8>,
    scan: Scan,
}

impl Spans for Request {
    fn body(&self) -> &[u8] {
        &self.body
    }

    fn scan(&self) -> &Scan {
        &self.scan
    }

    fn selected(&self) -> &[u32] {
        &[0]
    }
}

/// What the member under test wrote, and to whom.
#[derive(Default)]
struct Mailbox(Mutex<Vec<(Incarnation, Message<Piece, Ruled>)>>);

impl Post for Mailbox {
    fn tell(&self, to: Incarnation, _: &Arc<str>, messages: Vec<Message<Piece, Ruled>>) {
        let letters = messages.into_iter().map(|message| (to, message));
        self.0.lock().extend(letters);
    }

    fn bring(&self, _: Incarnation, _: OutgoingPart) -> BoxFuture<'static, Option<Brought>> {
        Box::pin(std::future::ready(None))
    }

    fn follow(&self, _: &Arc<RoutingTable>) {}
}

/// Nothing is offered to it: what leaves is taken out by hand.
struct Nowhere;

impl Stage for Nowhere {
    fn take(&self, load: Load) -> Taken<'_> {
        load.charge.into_receipt().0.delivered();
        Box::pin(std::future::ready(Ok(())))
    }
}

type Neighbour = tailweir_shard::Shard<Request, ()>;

/// Three members of a cluster, as far as one slot is concerned.
struct Street {
    table: RoutingTable,
    now: Moment,
    trace: TraceId,
    tenure: TenureId,
    shard: Shard,
    ledger: Arc<Ledger>,
    mailbox: Arc<Mailbox>,
    neighbours: BTreeMap<Incarnation, (Neighbour, Outbox<()>)>,
    /// Whether the member under test hears nothing, and is not heard.
    is_cut_off: bool,
}

fn table() -> RoutingTable {
    let mut table = RoutingTable::new(2);
    for name in ["one", "two", "three"] {
        let name = MemberName::new(name).unwrap();
        table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
    }
    table.apply(&Command::Rebalance);
    table
}

/// A trace of which the member under test is second.
fn copied(table: &RoutingTable) -> (TraceId, TenureId) {
    for trace in (1..).map(trace_id) {
        let slot = Slot::of(trace, SLOT_SEED);
        let row = table.tenures(slot).unwrap().current();
        if row.owner == FIRST && row.second.member() == Some(OWN) {
            let created = row.created;
            return (trace, TenureId { slot, created });
        }
    }
    unreachable!("there is no end of traces");
}

fn policies() -> Arc<PolicySet> {
    let text = "tail_sampling:\n  policies: [{name: all, type: always_sample}]";
    let options = tailweir_config::LoadOptions::default();
    let environment = tailweir_config::EmptyEnvironment;
    let (settings, _) =
        tailweir_config::load_tail_sampling_block("test", text, options, &environment);
    Arc::new(PolicySet::compile(&settings.unwrap()).unwrap())
}

fn engine() -> EngineSettings {
    EngineSettings {
        decision_wait: WAIT,
        ..EngineSettings::default()
    }
}

fn neighbour(incarnation: Incarnation, slot: Slot) -> (Incarnation, (Neighbour, Outbox<()>)) {
    let settings = tailweir_shard::ShardSettings {
        incarnation,
        index: slot.index(),
        shards: Slot::COUNT,
        slot_seed: SLOT_SEED,
        one_copy: false,
        hold: PART_TIME,
        verdict_life: 6 * WAIT,
        verdicts_max: usize::MAX,
        copies_budget: 1 << 20,
        revision: REVISION,
        write_threshold: false,
        record_policy: false,
    };
    let shard = Neighbour::new(settings, engine(), policies(), 1);
    (incarnation, (shard, Outbox::default()))
}

/// The shard of the member under test, for one slot.
fn shard(table: &RoutingTable, slot: Slot, ledger: &Arc<Ledger>, post: Arc<dyn Post>) -> Shard {
    let cluster = Cluster {
        incarnation: Some(OWN),
        receives: false,
        one_copy: false,
        table: watch::channel(Arc::new(table.clone())).1,
        reports: mpsc::channel(1).0,
        post,
    };
    let membership = Membership::join(cluster, CancellationToken::new());
    let seat = Seat::new(
        membership,
        "traces/tail_sampling".into(),
        Arc::clone(ledger),
    );
    let share = (slot.index(), Slot::COUNT);
    let place = Place::new(Arc::new(seat), OWN, share, ByteSize::mib(1), REVISION);
    let settings = ShardSettings {
        engine: engine(),
        policies: policies(),
        seed: 1,
        write_threshold: false,
        record_policy: false,
        ledger: Arc::clone(ledger),
        admission: Admission::new(ByteSize::mib(64)),
        witnesses: Arc::default(),
        place: Some(place),
    };
    Shard::new(settings, Clock::start(), Arc::new(Nowhere))
}

impl Street {
    fn new() -> Self {
        let table = table();
        let (trace, tenure) = copied(&table);
        let ledger = Arc::new(Ledger::default());
        let mailbox = Arc::new(Mailbox::default());
        let post = Arc::clone(&mailbox) as Arc<dyn Post>;
        let others = [FIRST, THIRD].map(|incarnation| neighbour(incarnation, tenure.slot));
        let mut street = Self {
            now: Moment::from_millis(1),
            trace,
            tenure,
            shard: shard(&table, tenure.slot, &ledger, post),
            ledger,
            mailbox,
            neighbours: BTreeMap::from(others),
            is_cut_off: false,
            table,
        };
        street.tell_table();
        street
    }

    fn with_member(&self, call: impl FnOnce(&mut Member, &mut Outlet)) {
        let mut store = self.shard.inner.store.try_lock().unwrap();
        store.with_member(call);
    }

    /// A span of the trace comes to its first owner.
    fn bring(&mut self) {
        let body = request().span(span(self.trace, 1)).bytes();
        let mut scan = Scan::new();
        Scan::traces(&body, &ScanLimits::default(), &mut scan).unwrap();
        let part = Part {
            spans: Request { body, scan },
            epoch: self.table.epoch(),
            tenure: None,
            patience: self.now + PART_TIME,
            ticket: (),
        };
        let (owner, out) = self.neighbours.get_mut(&FIRST).unwrap();
        owner.bring(self.now, part, out);
        self.carry();
    }

    /// Carries letters until there are none.
    fn carry(&mut self) {
        loop {
            self.with_member(|member, _| member.post());
            let own = std::mem::take(&mut *self.mailbox.0.lock());
            let own = own.into_iter().map(|(to, message)| (OWN, to, message));
            let mut letters: Vec<_> = own.collect();
            for (&from, (_, out)) in &mut self.neighbours {
                let written = out.letters.drain(..);
                letters.extend(written.map(|(to, message)| (from, to, message)));
            }
            if letters.is_empty() {
                return;
            }
            for (from, to, message) in letters {
                self.arrive(from, to, message);
            }
        }
    }

    fn arrive(&mut self, from: Incarnation, to: Incarnation, message: Message<Piece, Ruled>) {
        let now = self.now;
        if self.is_cut_off && [from, to].contains(&OWN) {
            return;
        }
        if to == OWN {
            self.with_member(|member, outlet| member.letters(now, from, vec![message], outlet));
        } else if let Some((shard, out)) = self.neighbours.get_mut(&to) {
            shard.letter(now, from, vec![message], out);
        }
    }

    /// The table changes, and whoever is a candidate then gets in step.
    fn change(&mut self, command: &Command) {
        self.table.apply(command);
        self.tell_table();
        let view = self.table.tenures(self.tenure.slot).unwrap().current().view;
        let in_step = Command::InSync(vec![(self.tenure, view)]);
        self.table.apply(&in_step);
        self.tell_table();
    }

    /// A member ends without a word, and is found out.
    fn lose(&mut self, member: Incarnation) {
        self.neighbours.remove(&member);
        self.change(&Command::Expire(vec![member]));
    }

    fn tell_table(&mut self) {
        let (now, table) = (self.now, &self.table);
        if !self.is_cut_off {
            self.with_member(|member, outlet| member.learn(now, table, outlet));
        }
        for (shard, out) in self.neighbours.values_mut() {
            shard.learn(now, table, out);
        }
        self.carry();
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let now = self.now;
        self.with_member(|member, outlet| member.tick(now, outlet));
        for (shard, out) in self.neighbours.values_mut() {
            shard.tick(now, out);
        }
        self.carry();
    }

    /// What the member under test has handed out, once it has waited for others to go with it.
    fn next_load(&mut self) -> Option<Load> {
        self.pass(2 * super::GATHER);
        self.shard.inner.store.try_lock().unwrap().next_load()
    }

    /// The member under test hears what became of what it handed out.
    fn hear(&self) {
        let now = self.now;
        let delivered = std::mem::take(&mut *self.shard.inner.delivered.lock());
        self.with_member(|member, outlet| member.delivered(now, delivered, outlet));
    }

    /// Fragments that the member under test keeps.
    fn fragments(&self) -> usize {
        let store = self.shard.inner.store.try_lock().unwrap();
        store.core.state().unwrap().fragments
    }
}

/// Scenario: a member hands out a kept trace, which waits in the queue of an exporter. It is taken for lost, its second member takes
/// over, and dies before it has delivered anything; the member is back and in step by then, and owner again. The queue comes to
/// what was handed out first, and leaves it out.
/// Guarantees: the trace does not count as delivered for that: it is kept until it is, when it was handed out again. The books
/// balance: what was taken over as it goes out was taken.
#[tokio::test]
async fn what_was_left_out_for_another_owner_is_still_to_be_delivered() {
    let mut street = Street::new();
    street.bring();
    street.lose(FIRST);
    street.pass(2 * WAIT);
    let first = street.next_load().unwrap().charge.into_receipt().0;

    street.is_cut_off = true;
    street.change(&Command::Expire(vec![OWN]));
    street.is_cut_off = false;
    street.change(&Command::Renew(OWN));
    street.lose(THIRD);
    assert!(!first.is_wanted());
    first.withdrawn();
    street.hear();
    assert_eq!(street.fragments(), 1);

    // The fence of a member that was promoted is closed for a second.
    street.pass(Duration::from_secs(2));
    let second = street.next_load().unwrap().charge.into_receipt().0;
    assert!(second.is_wanted());
    second.delivered();
    street.hear();
    assert_eq!(street.fragments(), 0);

    let books = street.ledger.snapshot();
    assert_eq!(books.imbalance(), 0, "{books:?}");
    let traces = &books.signals["traces"];
    let ends = [&traces.taken, &traces.handed_over, &traces.delivered];
    assert_eq!(ends.map(|amount| amount.items), [2, 1, 1]);
}
