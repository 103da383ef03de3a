//! A gateway as a member of a cluster: what it is told of the others, and how it reaches them.

mod roster;

pub(crate) use roster::Departure;

use crate::pipeline::{Sampler, Seat, TraceAware, Writer};
use crate::refusal::Refusal;
use crate::scraping::{Roll, Rolls};
use crate::status::PeerRow;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use roster::Roster;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tailweir_placement::{Epoch, Incarnation, Phase, RoutingTable};
use tailweir_shard::{Answer, Consent, Fate, Piece, Report, Ruled, Sequence};
use tailweir_tenure::Message;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What a member of a cluster is told at its start, beside [`Options`](crate::Options).
pub struct Cluster {
    /// Which life of which sampler this process is; nothing when it owns no slots.
    pub incarnation: Option<Incarnation>,
    /// Whether it opens the receivers of its pipelines.
    pub receives: bool,
    /// Whether one copy of a span is enough to acknowledge it.
    pub one_copy: bool,
    /// The newest table, whenever it changes.
    pub table: watch::Receiver<Arc<RoutingTable>>,
    /// What the controllers should know. What finds no room is dropped: it is said again until the table shows it.
    pub reports: mpsc::Sender<Report>,
    /// The way to the others.
    pub post: Arc<dyn Post>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("incarnation", &self.incarnation)
            .field("receives", &self.receives)
            .finish_non_exhaustive()
    }
}

/// Spans, log records or streams of metrics of a request on their way to the sampler that owns their slots.
#[derive(Debug, Clone)]
pub struct OutgoingPart {
    /// Which sampler: `pipeline/processor`; or which writer of streams: `exporters/ID`, `connectors/ID`; or who is asked what became
    /// of traces: `fates/pipeline/processor`; or whose targets are shared: `rolls/receivers/ID`.
    pub sampler: Arc<str>,
    /// Of the table by which they are routed.
    pub epoch: Epoch,
    /// The tenure that they were said to belong to.
    pub tenure: Option<Epoch>,
    /// OTLP TracesData, LogsData for a sampler of logs, MetricsData for a writer of streams, ids for a question, a call to a roll.
    pub spans: Bytes,
    /// How long the answer may take.
    pub patience: Duration,
    /// Of records that waited at the member which brings them: the tenure in which they did.
    pub handed_on: Option<Epoch>,
    /// Of what a connector counted: whose it is, and which of theirs.
    pub sequence: Option<Sequence>,
}

/// The way to other members.
pub trait Post: Send + Sync + 'static {
    /// Writes to another sampler. What cannot be sent is dropped, and its shards are told to remind that member
    /// ([`Members::remind`]) when it can be reached again.
    fn tell(&self, to: Incarnation, sampler: &Arc<str>, messages: Vec<Message<Piece, Ruled>>);

    /// Brings spans to their sampler. Nothing when no answer came.
    fn bring(&self, to: Incarnation, part: OutgoingPart) -> BoxFuture<'static, Option<Brought>>;

    /// There is a newer table: members may have come, gone, or moved.
    fn follow(&self, table: &Arc<RoutingTable>);

    /// What went to other members and came from them.
    fn rows(&self) -> Vec<PeerRow> {
        Vec::new()
    }
}

/// What became of a part that was brought to another member.
#[derive(Debug, Clone, PartialEq)]
pub enum Brought {
    /// What its shards said.
    Answered(Answer),
    /// What became of the traces of a question, in its order.
    Told(Vec<Fate>),
    /// Who shares the targets of a receiver; nothing while that is not known.
    Roll(Option<Roll>),
    /// It was refused before it reached a shard.
    Refused(Refusal),
}

/// What other members reach of this one.
pub trait Members: Send + Sync + 'static {
    /// A part for a sampler of this member.
    fn part(&self, part: OutgoingPart) -> BoxFuture<'static, Brought>;

    /// Letters of another sampler, in the order in which it wrote them. Returns when they are on their way to the
    /// shards, at once or when there is room.
    fn letters(
        &self,
        from: Incarnation,
        sampler: &str,
        messages: Vec<Message<Piece, Ruled>>,
    ) -> BoxFuture<'_, ()>;

    /// Letters to this member were lost.
    fn remind(&self, member: Incarnation);
}

/// The member's own side: its samplers by name, and the newest table.
pub(crate) struct Membership {
    pub(crate) incarnation: Option<Incarnation>,
    pub(crate) receives: bool,
    pub(crate) one_copy: bool,
    pub(crate) post: Arc<dyn Post>,
    table: watch::Receiver<Arc<RoutingTable>>,
    reports: mpsc::Sender<Report>,
    samplers: Roster<Sampler>,
    /// Samplers of logs pipelines.
    trace_aware: Roster<TraceAware>,
    /// What writes streams of metrics.
    writers: RwLock<BTreeMap<Arc<str>, Arc<dyn Writer>>>,
    /// Who shares targets, of receivers whose roll this member calls.
    pub(crate) rolls: Rolls,
    /// Which samplers said the same: a slot is in step, or closed, when it is for all of them.
    said: Mutex<Consent<Arc<str>>>,
}

impl Membership {
    /// The membership that a cluster offers. Follows its table until `end`.
    pub(crate) fn join(cluster: Cluster, end: CancellationToken) -> Arc<Self> {
        let membership = Arc::new(Self {
            incarnation: cluster.incarnation,
            receives: cluster.receives,
            one_copy: cluster.one_copy,
            post: cluster.post,
            table: cluster.table,
            reports: cluster.reports,
            samplers: Roster::default(),
            trace_aware: Roster::default(),
            writers: RwLock::default(),
            rolls: Rolls::new(),
            said: Mutex::default(),
        });
        let follower = Arc::clone(&membership);
        tokio::spawn(async move {
            tokio::select! {
                () = follower.follow_table() => {}
                () = end.cancelled() => {}
            }
        });
        membership
    }

    /// The newest table.
    pub(crate) fn table(&self) -> Arc<RoutingTable> {
        Arc::clone(&self.table.borrow())
    }

    /// Waits for a table of at least this epoch.
    pub(crate) async fn table_from(&self, epoch: Epoch) -> Option<Arc<RoutingTable>> {
        let mut watched = self.table.clone();
        let newer = watched.wait_for(|table| table.epoch() >= epoch).await;
        newer.ok().map(|table| Arc::clone(&table))
    }

    /// Waits for a table by which this member does not answer any more.
    pub(crate) async fn gone(&self, member: Incarnation) {
        let is_gone = |table: &Arc<RoutingTable>| {
            let phase = table.member(member).map(|(_, member)| member.phase);
            matches!(phase, None | Some(Phase::Down | Phase::Removed))
        };
        if self.table.clone().wait_for(is_gone).await.is_err() {
            // Nobody publishes tables any more: this member stops.
            std::future::pending::<()>().await;
        }
    }

    /// A sampler of this member from here on.
    pub(crate) fn enter(&self, name: Arc<str>, sampler: Arc<Sampler>) {
        self.said.lock().forget(&name);
        // In this order: a table that comes in between is learned by one or the other.
        let before = self.samplers.enter(name, Arc::clone(&sampler));
        self.replace(before.as_ref().and_then(|before| before.seat()));
        sampler.learn(&self.table());
    }

    /// A sampler of logs of this member from here on.
    pub(crate) fn enter_trace_aware(&self, name: Arc<str>, sampler: Arc<TraceAware>) {
        self.said.lock().forget(&name);
        let before = self.trace_aware.enter(name, Arc::clone(&sampler));
        self.replace(before.as_ref().and_then(|before| before.seat()));
        sampler.learn(&self.table());
    }

    /// What had a name before says nothing by it any more, and what it said does not count: answers would come to who has the
    /// name now, and numbers its fragments anew.
    fn replace(&self, before: Option<&Arc<Seat>>) {
        if let Some(seat) = before {
            seat.mute();
            self.said.lock().forget(&seat.name);
        }
    }

    /// A writer of streams of this member from here on.
    pub(crate) fn enter_writer(&self, name: Arc<str>, writer: Arc<dyn Writer>) {
        self.writers.write().insert(name, Arc::clone(&writer));
        writer.learn(&self.table());
    }

    /// No writer of this member any more.
    pub(crate) fn leave(&self, name: &str) {
        self.writers.write().remove(name);
    }

    /// A sampler, of traces or of logs, that is out of service: no parts come for it any more. Letters, reminders and tables do
    /// until it is [forgotten](Self::forget): what it still decides is confirmed by letters, and as a second member it confirms
    /// what others decide, who hear of a change at other times. Nothing where there is no such sampler.
    pub(crate) fn retire(&self, name: &str) -> Option<Arc<Departure>> {
        let departure = self.samplers.retire(name);
        departure.or_else(|| self.trace_aware.retire(name))
    }

    /// The sampler of this name that leaves, in service again. It has said nothing that does not count.
    pub(crate) fn take_back(&self, name: &str) -> Option<Arc<Sampler>> {
        self.samplers.take_back(name)
    }

    /// The sampler of logs of this name that leaves, in service again.
    pub(crate) fn take_back_trace_aware(&self, name: &str) -> Option<Arc<TraceAware>> {
        self.trace_aware.take_back(name)
    }

    /// A sampler, of traces or of logs, that is gone, unless it was taken back. Says whether it is. It says nothing any more: another
    /// may have its name next.
    pub(crate) fn forget(&self, seat: &Seat, departure: &Arc<Departure>) -> bool {
        let name = &seat.name;
        let is_gone =
            self.samplers.forget(name, departure) || self.trace_aware.forget(name, departure);
        if is_gone {
            seat.mute();
            self.said.lock().forget(name);
        }
        is_gone
    }

    /// The writer of this name.
    pub(crate) fn writer(&self, name: &str) -> Option<Arc<dyn Writer>> {
        self.writers.read().get(name).cloned()
    }

    /// The sampler of logs of this name, if it is in service.
    pub(crate) fn trace_aware(&self, name: &str) -> Option<Arc<TraceAware>> {
        self.trace_aware.in_service(name)
    }

    /// The sampler of logs of this name, in service or not, to which another member writes.
    pub(crate) fn any_trace_aware(&self, name: &str) -> Option<Arc<TraceAware>> {
        self.trace_aware.addressee(name)
    }

    /// All samplers of logs, in service or not.
    pub(crate) fn all_trace_aware(&self) -> Vec<Arc<TraceAware>> {
        self.trace_aware.all()
    }

    /// The sampler of this name, if it is in service.
    pub(crate) fn sampler(&self, name: &str) -> Option<Arc<Sampler>> {
        self.samplers.in_service(name)
    }

    /// The sampler of this name, in service or not, to which another member writes.
    pub(crate) fn any_sampler(&self, name: &str) -> Option<Arc<Sampler>> {
        self.samplers.addressee(name)
    }

    /// All samplers, in service or not.
    pub(crate) fn samplers(&self) -> Vec<Arc<Sampler>> {
        self.samplers.all()
    }

    /// A shard of this sampler has something to report: so has the member, when all its samplers have. Those out of service count: a
    /// slot has not moved while they hold something of it. By way of [`Seat::report`].
    pub(crate) fn report(&self, sampler: &Arc<str>, report: Report) {
        let all = self.samplers.len() + self.trace_aware.len();
        if self.said.lock().say(all, Arc::clone(sampler), report) {
            // Without room, or without anybody who listens, it is said again some seconds later.
            let _ = self.reports.try_send(report);
        }
    }

    async fn follow_table(&self) {
        let mut watched = self.table.clone();
        watched.mark_changed();
        while watched.changed().await.is_ok() {
            let table = Arc::clone(&watched.borrow_and_update());
            self.post.follow(&table);
            self.said.lock().learn(&table);
            self.spread(&table);
        }
    }

    /// The newest table is with all that this member has, before whatever is asked of them next: who was told by it that no
    /// slot needs this member may stop them, and what they held by an older one is somebody else's.
    pub(crate) fn catch_up(&self) {
        self.spread(&self.table());
    }

    fn spread(&self, table: &Arc<RoutingTable>) {
        for sampler in self.samplers() {
            sampler.learn(table);
        }
        for sampler in self.all_trace_aware() {
            sampler.learn(table);
        }
        let writers: Vec<_> = self.writers.read().values().cloned().collect();
        for writer in writers {
            writer.learn(table);
        }
    }
}
