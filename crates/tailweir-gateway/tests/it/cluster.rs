//! Several members in this process, which reach each other through memory.

use crate::harness::{Fixture, options, sampling_yaml_with, traces_of};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tailweir_core::Slot;
use tailweir_gateway::{Brought, Cluster, LedgerSnapshot, Members, Options, OutgoingPart, Post};
use tailweir_placement::{Command, Incarnation, MemberName, Outcome, RoutingTable, Second, Weight};
use tailweir_shard::{Answer, Piece, Report, Ruled};
use tailweir_tenure::Message;
use tailweir_testkit::{Sink, request, span, trace_id};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

/// Most letters and reports that wait.
const ROOM: usize = 1 << 16;
/// Nothing is decided before its root has come, however slow the machine is.
pub(crate) const WINDOW: &str = "decision_wait: 600s\n    decision_wait_after_root_received: 300ms";
/// All slots change hands twice, at four members in one unoptimised process.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// How long reports are gathered.
const GATHER: Duration = Duration::from_millis(100);

/// What connects the members, and changes the table as the controllers would.
pub(crate) struct Town {
    members: BTreeMap<Incarnation, OnceLock<Arc<dyn Members>>>,
    /// A member that is paused: it hears everything and answers nothing.
    pub(crate) paused: OnceLock<Incarnation>,
    /// Whether the answer to every second part is lost, once it was given.
    pub(crate) loses_answers: AtomicBool,
    /// What becomes of totals on their way to their next owner.
    pub(crate) detour: OnceLock<Detour>,
    parts: AtomicU64,
    table: watch::Sender<Arc<RoutingTable>>,
}

/// A first owner hands totals over, never hears that a second took them, and brings them to the owner after that too; there
/// they come before those of the second owner, who went on from them.
pub(crate) struct Detour {
    first: Incarnation,
    second: Incarnation,
    /// Slots that the second owner has from the first, and has not handed over.
    unheard: watch::Sender<BTreeSet<Slot>>,
}

impl Detour {
    pub(crate) fn of(first: Incarnation, second: Incarnation) -> Self {
        Self {
            first,
            second,
            unheard: watch::channel(BTreeSet::new()).0,
        }
    }

    /// Answers as the member does, or not, or not yet.
    async fn pass(
        &self,
        from: Incarnation,
        to: Incarnation,
        slots: Vec<Slot>,
        answer: impl Future<Output = Brought>,
    ) -> Option<Brought> {
        if from == self.second {
            let mut unheard = self.unheard.subscribe();
            let overtaken =
                unheard.wait_for(|unheard| slots.iter().all(|it| !unheard.contains(it)));
            overtaken.await.ok()?;
        }
        let answer = answer.await;
        let is_taken = matches!(answer, Brought::Answered(Answer::Taken(_)));
        if from != self.first || !is_taken {
            return Some(answer);
        }
        let is_second = to == self.second;
        self.unheard.send_modify(|unheard| match is_second {
            true => unheard.extend(slots),
            false => unheard.retain(|slot| !slots.contains(slot)),
        });
        (!is_second).then_some(answer)
    }
}

/// A member's way to the others.
struct Street {
    town: Arc<Town>,
    own: Option<Incarnation>,
    letters: BTreeMap<Incarnation, mpsc::Sender<Letter>>,
}

type Letter = (Arc<str>, Vec<Message<Piece, Ruled>>);

impl Street {
    fn new(town: &Arc<Town>, own: Option<Incarnation>) -> Arc<Self> {
        let mut letters = BTreeMap::new();
        for &to in town.members.keys() {
            let (sender, mut waiting) = mpsc::channel::<Letter>(ROOM);
            letters.insert(to, sender);
            let town = Arc::clone(town);
            tokio::spawn(async move {
                while let Some((sampler, messages)) = waiting.recv().await {
                    let from = own.expect("only samplers write letters");
                    let is_paused = town.paused.get() == Some(&to);
                    if let Some(member) = town.members[&to].get()
                        && !is_paused
                    {
                        member.letters(from, &sampler, messages).await;
                    }
                }
            });
        }
        Arc::new(Self {
            town: Arc::clone(town),
            own,
            letters,
        })
    }
}

impl Post for Street {
    fn tell(&self, to: Incarnation, sampler: &Arc<str>, messages: Vec<Message<Piece, Ruled>>) {
        assert_ne!(self.own, Some(to), "nobody writes to itself");
        if let Some(letters) = self.letters.get(&to) {
            // At the end of a test the other side may have gone; nobody falls behind so far before.
            let sent = letters.try_send((Arc::clone(sampler), messages));
            assert!(!matches!(sent, Err(TrySendError::Full(_))));
        }
    }

    fn bring(
        &self,
        to: Incarnation,
        part: OutgoingPart,
    ) -> Pin<Box<dyn Future<Output = Option<Brought>> + Send>> {
        if self.town.paused.get() == Some(&to) {
            return Box::pin(std::future::pending());
        }
        let handed = part.sequence.iter().flat_map(|it| &it.handed);
        let handed: Vec<_> = handed.map(|handed| handed.slot).collect();
        let member = self.town.members[&to].get().map(|member| member.part(part));
        if let Some(own) = self.own
            && !handed.is_empty()
            && self.town.detour.get().is_some()
        {
            let town = Arc::clone(&self.town);
            return Box::pin(async move {
                let detour = town.detour.get()?;
                detour.pass(own, to, handed, member?).await
            });
        }
        let number = self.town.parts.fetch_add(1, Relaxed);
        let is_lost = self.town.loses_answers.load(Relaxed) && number.is_multiple_of(2);
        Box::pin(async move {
            let answer = match member {
                Some(answer) => Some(answer.await),
                None => None,
            };
            answer.filter(|_| !is_lost)
        })
    }

    fn follow(&self, _: &Arc<RoutingTable>) {}
}

impl Town {
    /// A table with these samplers, in which nothing has begun.
    pub(crate) fn of(samplers: u64) -> Arc<Self> {
        let mut table = RoutingTable::new(2);
        for number in 0..samplers {
            register(&mut table, number);
        }
        let incarnations = (1..=samplers + 1).map(Incarnation);
        Arc::new(Self {
            paused: OnceLock::new(),
            loses_answers: AtomicBool::new(false),
            detour: OnceLock::new(),
            parts: AtomicU64::new(0),
            members: incarnations.map(|id| (id, OnceLock::new())).collect(),
            table: watch::channel(Arc::new(table)).0,
        })
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut RoutingTable)) {
        // In one step: of two changes that are made of the same table, one would be lost, with its epoch told twice.
        self.table.send_modify(|newest| {
            let mut table = (**newest).clone();
            change(&mut table);
            *newest = Arc::new(table);
        });
    }

    /// A sampler of this number registers.
    pub(crate) fn register(&self, number: u64) {
        self.change(|table| register(table, number));
    }

    /// Slots get owners, or others where that is due.
    pub(crate) fn rebalance(&self) {
        self.change(|table| {
            table.apply(&Command::Rebalance);
        });
    }

    /// Starts every sampler that has registered.
    pub(crate) async fn start_samplers(self: &Arc<Self>, yaml: &str) -> Vec<Fixture> {
        let registered = self.table.borrow().members().count() as u64;
        let mut samplers = Vec::new();
        for incarnation in 1..=registered {
            samplers.push(self.start(yaml, Some(incarnation), false).await);
        }
        samplers
    }

    /// Starts a member; its reports change the table.
    pub(crate) async fn start(
        self: &Arc<Self>,
        yaml: &str,
        incarnation: Option<u64>,
        receives: bool,
    ) -> Fixture {
        let table = self.table.subscribe();
        self.start_hearing(table, yaml, incarnation, receives).await
    }

    /// Starts a member that hears of these tables.
    async fn start_hearing(
        self: &Arc<Self>,
        table: watch::Receiver<Arc<RoutingTable>>,
        yaml: &str,
        incarnation: Option<u64>,
        receives: bool,
    ) -> Fixture {
        let own = incarnation.map(Incarnation);
        let (reports, mut reported) = mpsc::channel(ROOM);
        let cluster = Cluster {
            incarnation: own,
            receives,
            one_copy: false,
            table,
            reports,
            post: Street::new(self, own),
        };
        let options = Options {
            cluster: Some(cluster),
            ..options()
        };
        let fixture = Fixture::start_with(yaml, options).await;
        if let Some(own) = own {
            let members = fixture.running.members().expect("a member of a cluster");
            assert!(self.members[&own].set(members).is_ok());
        }
        let town = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(report) = reported.recv().await {
                let mut all = vec![report];
                // Controllers gather reports, so that epochs are few.
                tokio::time::sleep(GATHER).await;
                while let Ok(more) = reported.try_recv() {
                    all.push(more);
                }
                town.change(|table| apply(table, &all));
            }
        });
        fixture
    }

    pub(crate) async fn until(&self, what: &str, done: impl Fn(&RoutingTable) -> bool) {
        let mut watched = self.table.subscribe();
        let waited = watched.wait_for(|table| done(table));
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        assert!(waited.is_ok(), "no {what}");
    }
}

/// Sends as an SDK does: again, when it is asked to come again.
pub(crate) async fn send(gateway: &Fixture, message: ExportTraceServiceRequest) {
    let sending = async {
        while let Err(status) = gateway.send(message.clone()).await {
            assert_eq!(status.code(), tonic::Code::Unavailable, "{status}");
        }
    };
    let sent = tokio::time::timeout(PATIENCE, sending).await;
    sent.expect("a request is taken in the end");
}

fn register(table: &mut RoutingTable, number: u64) {
    let name = MemberName::new(&format!("sampler-{number}")).unwrap();
    let outcome = table.apply(&Command::register(name, "memory:1", "", Weight::ONE));
    assert!(matches!(outcome, Outcome::Registered(_)));
}

fn apply(table: &mut RoutingTable, reports: &[Report]) {
    let (mut in_sync, mut cleared) = (Vec::new(), Vec::new());
    for report in reports {
        match *report {
            Report::InSync { tenure, view } => in_sync.push((tenure, view)),
            Report::Clear { tenure, into } => cleared.push((tenure, into)),
        }
    }
    table.apply(&Command::InSync(in_sync));
    table.apply(&Command::Clear(cleared));
}

fn sum(books: &[LedgerSnapshot], of: impl Fn(&tailweir_gateway::LedgerRow) -> u64) -> u64 {
    books.iter().map(|books| of(traces_of(books))).sum()
}

/// Traces of `send_parts`.
const TRACES: u64 = 200;

/// Sends one span of each trace, in ten requests; the root comes fourth, and that of every fifth trace has an error.
async fn send_parts(gateways: &[Fixture; 2], part: u64) {
    for group in 0..10 {
        let of_group = (0..TRACES).filter(|trace| trace % 10 == group);
        let spans = of_group.map(|trace| {
            let span = span(trace_id(trace), part);
            match part {
                4 if trace % 5 == 0 => span.error(),
                4 => span,
                _ => span.child_of(4),
            }
        });
        let gateway = &gateways[(part + group) as usize % 2];
        let message = request().service("shop").spans(spans).message();
        send(gateway, message).await;
    }
}

/// Scenario: two gateways without slots and three samplers. Traces of four spans, each span through the other gateway than the
/// one before; the root comes last, and that of every fifth has an error. In the middle a fourth sampler joins, so that slots move, and
/// then one of the first three is drained.
/// Guarantees: every request is acknowledged in the end; exactly the traces with an error are at the backend, whole and once; the
/// books of the cluster balance; the drained sampler is named by no row at the end.
#[tokio::test(flavor = "multi_thread")]
async fn traces_stay_whole_while_samplers_come_and_go() {
    let sink = Sink::start();
    let yaml = sampling_yaml_with(&sink.endpoint(), "", WINDOW);
    let town = Town::of(3);
    let mut samplers = town.start_samplers(&yaml).await;
    let gateways = [
        town.start(&yaml, None, true).await,
        town.start(&yaml, None, true).await,
    ];
    town.rebalance();
    for part in 1..=4 {
        send_parts(&gateways, part).await;
        match part {
            1 => {
                town.register(3);
                samplers.push(town.start(&yaml, Some(4), false).await);
                town.rebalance();
            }
            2 => town.change(|table| {
                table.apply(&Command::Drain(Incarnation(1)));
            }),
            _ => {}
        }
    }
    let kept = TRACES / 5 * 4;
    sink.until("all kept spans", |sink| sink.spans().len() as u64 >= kept)
        .await;
    town.until("slots without the drained sampler", |table| {
        !table.names(Incarnation(1))
            && table.rows().runs().iter().all(|run| {
                run.tenures.closing().is_empty()
                    && matches!(run.tenures.current().second, Second::Replica(_))
            })
    })
    .await;

    let mut books = Vec::new();
    for member in gateways.into_iter().chain(samplers) {
        books.push(member.finish().await);
    }
    let received = sink.spans();
    let name = |span: &Span| (span.trace_id.clone(), span.span_id.clone());
    let ids: BTreeSet<_> = received.iter().map(name).collect();
    let wanted = (0..TRACES)
        .step_by(5)
        .flat_map(|trace| (1..=4).map(move |part| span(trace_id(trace), part).message()));
    let wanted: BTreeSet<_> = wanted.map(|span| name(&span)).collect();
    assert_eq!(ids, wanted);
    assert_eq!(received.len() as u64, kept, "nothing twice");
    assert_eq!(sum(&books, |row| row.acknowledged.items), TRACES * 4);
    assert_eq!(sum(&books, |row| row.delivered.items), kept);
    assert_eq!(
        sum(&books, |row| row.dropped["not_sampled"].items),
        TRACES * 4 - kept
    );
}

/// Scenario: a sampler is paused while a gateway brings it spans; later the controllers take it for lost.
/// Guarantees: the request that waits for it is acknowledged by those who take its place; its client does not have to
/// send anything again.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_does_not_wait_for_a_member_that_was_replaced() {
    let sink = Sink::start();
    let yaml = sampling_yaml_with(&sink.endpoint(), "", WINDOW);
    let town = Town::of(3);
    let samplers = town.start_samplers(&yaml).await;
    let gateway = town.start(&yaml, None, true).await;
    town.rebalance();
    let spans = |id| (0..60).map(move |trace| span(trace_id(trace), id).child_of(9));
    gateway
        .send(request().spans(spans(1)).message())
        .await
        .unwrap();

    let paused = Incarnation(1);
    town.paused.set(paused).unwrap();
    let message = request().spans(spans(2)).message();
    let sending = gateway.send(message);
    let expiring = async {
        tokio::time::sleep(GATHER).await;
        town.change(|table| {
            table.apply(&Command::Expire(vec![paused]));
        });
    };
    let (sent, ()) = tokio::join!(sending, expiring);
    sent.unwrap();
    let held = async |sampler: &Fixture| sampler.running.status().await.samplers[0].held.spans;
    assert_eq!(held(&samplers[1]).await + held(&samplers[2]).await, 120);
}

/// Scenario: a sampler holds undecided traces of which another has the second copy. The controllers take it out of the table
/// before its time, and it stops at once, while everything else in its process has something better to do than to hear of that,
/// and the other has not heard of it either.
/// Guarantees: it decides nothing any more. The traces are the other's, which decides them when their time has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_sampler_that_was_evacuated_decides_nothing_early() {
    let sink = Sink::start();
    let yaml = sampling_yaml_with(&sink.endpoint(), "", WINDOW);
    let town = Town::of(2);
    let newest = || Arc::clone(&town.table.borrow());
    let (tell, heard) = watch::channel(newest());
    let leaving = town.start(&yaml, Some(1), false).await;
    let staying = town.start_hearing(heard, &yaml, Some(2), false).await;
    let gateway = town.start(&yaml, None, true).await;
    town.rebalance();
    tell.send_replace(newest());
    let spans = (0..60).map(|trace| span(trace_id(trace), 1).child_of(9));
    send(&gateway, request().spans(spans).message()).await;

    let (free, waits) = std::sync::mpsc::channel::<()>();
    tokio::spawn(async move { waits.recv() });
    town.change(|table| {
        table.apply(&Command::Expire(vec![Incarnation(1)]));
    });
    tokio::join!(leaving.finish(), async { free.send(()).unwrap() });
    tell.send_replace(newest());
    let whole = async {
        while staying.running.status().await.samplers[0].held.spans < 60 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, whole).await.unwrap();
}
