//! Holds the undecided traces of one shard, and decides them when their time has come.
//!
//! Parent: the node. Speaks to: the stage behind the sampler, which it only offers to and never waits
//! for. Mailbox: unbounded in ractor, bounded here by the permit that each request carries.
//! If it dies: nothing but the messages in its mailbox, whose senders are told to send again. The store
//! is lent by the [`Shard`], and the next incarnation goes on with it.

mod core;
mod member;
mod message;
mod outlet;
mod store;
#[cfg(test)]
mod tests;
mod witness;

use message::SamplerMsg;

pub(crate) use member::Place;
pub(crate) use store::{ShardReport, ShardSettings};
pub(crate) use witness::{Witness, Witnesses};

use super::ticker::Ticker;
use crate::clock::Clock;
use crate::pipeline::{Exchangeable, Portion, Routed, Stage};
use crate::refusal::Refusal;
use arc_swap::ArcSwapOption;
use member::Member;
use outlet::Outlet;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use std::sync::{Arc, Weak};
use std::time::Duration;
use store::ShardStore;
use tailweir_core::{Moment, TraceId};
use tailweir_placement::{Epoch, Incarnation, RoutingTable};
use tailweir_policy::PolicySet;
use tailweir_sampler::EngineSettings;
use tailweir_shard::{Answer, Fate, Part, Piece, Ruled};
use tailweir_tenure::Message;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pause before spans that found no room behind are offered again.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// A shard: what its actor is lent, and where to reach the actor. A clone is the same shard.
#[derive(Clone)]
pub(crate) struct Shard {
    inner: Arc<ShardInner>,
}

struct ShardInner {
    store: Arc<Mutex<ShardStore>>,
    next: Exchangeable,
    clock: Clock,
    /// Nothing while the actor is being restarted.
    actor: ArcSwapOption<ActorRef<SamplerMsg>>,
    /// Fragments that were delivered, and of which the actor does not know yet.
    delivered: parking_lot::Mutex<Vec<outlet::Fragments>>,
}

/// What a reload changes in a shard.
#[derive(Debug, Clone)]
pub(crate) struct ShardChange {
    /// The new policies.
    pub(crate) policies: Arc<PolicySet>,
    /// The new bounds and windows.
    pub(crate) engine: EngineSettings,
    /// Whether thresholds are written from here on.
    pub(crate) write_threshold: bool,
    /// Whether the policy's name is written from here on.
    pub(crate) record_policy: bool,
    /// Names the policies in a cluster.
    pub(crate) revision: u64,
}

impl Shard {
    /// A shard without an actor yet.
    pub(crate) fn new(settings: ShardSettings, clock: Clock, next: Arc<dyn Stage>) -> Self {
        let inner = Arc::new_cyclic(|home| {
            let mut settings = settings;
            if let Some(place) = &mut settings.place {
                place.home = Weak::clone(home);
            }
            ShardInner {
                store: Arc::new(Mutex::new(ShardStore::new(settings))),
                next: Exchangeable::new(next),
                clock,
                actor: ArcSwapOption::empty(),
                delivered: parking_lot::Mutex::default(),
            }
        });
        Self { inner }
    }

    /// Kept traces go to this stage from here on.
    pub(crate) fn set_next(&self, next: Arc<dyn Stage>) {
        self.inner.next.exchange(next);
    }

    /// Where the actor is reached from here on. What the one before was told after its end, nobody heard: this one catches up.
    pub(super) fn attach(&self, actor: ActorRef<SamplerMsg>) {
        let before = self.inner.actor.swap(Some(Arc::new(actor)));
        if before.is_some() {
            self.cast(SamplerMsg::CatchUp);
        }
    }

    /// Appends this shard's part of a request. The message is sent at once; the future waits for the
    /// answer.
    pub(crate) fn append(
        &self,
        routed: Arc<Routed>,
        shard: usize,
    ) -> impl Future<Output = Result<(), Refusal>> + Send + use<> {
        let (sender, answer) = oneshot::channel();
        let message = SamplerMsg::Append {
            routed,
            shard,
            reply: sender.into(),
        };
        self.cast(message);
        async move { answer.await.unwrap_or(Err(INTERRUPTED)) }
    }

    /// Brings a shard of a cluster its part of a request. The message is sent at once; the future waits for the
    /// answer.
    pub(crate) fn bring(
        &self,
        portion: Portion,
        epoch: Epoch,
        tenure: Option<Epoch>,
        patience: Instant,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let (ticket, answer) = oneshot::channel();
        let part = Part {
            spans: portion,
            epoch,
            tenure,
            patience: self.inner.clock.moment(patience),
            ticket,
        };
        self.cast(SamplerMsg::Bring(Box::new(part)));
        async move {
            let interrupted = tailweir_shard::Refusal::Unconfirmed;
            answer.await.unwrap_or(Answer::Refused(interrupted))
        }
    }

    /// Letters of another member, for a shard of a cluster.
    pub(crate) fn letters(
        &self,
        from: Incarnation,
        messages: Vec<Message<Piece, Ruled>>,
        room: Option<OwnedSemaphorePermit>,
    ) {
        self.cast(SamplerMsg::Letters {
            from,
            messages,
            _room: room,
        });
    }

    /// A newer table, for a shard of a cluster.
    pub(crate) fn learn(&self, table: Arc<RoutingTable>) {
        self.cast(SamplerMsg::Learn { table });
    }

    /// Letters to that member were lost.
    pub(crate) fn remind(&self, member: Incarnation) {
        self.cast(SamplerMsg::Remind { member });
    }

    /// What it says of itself; nothing while it is being restarted.
    pub(crate) async fn report(&self) -> Option<ShardReport> {
        let (sender, answer) = oneshot::channel();
        self.cast(SamplerMsg::Report {
            reply: sender.into(),
        });
        answer.await.ok()
    }

    /// What became of these traces, in their order. While it is being restarted it knows nothing. The message is sent at once; the
    /// future waits for the answer.
    pub(crate) fn fates(
        &self,
        traces: Vec<TraceId>,
    ) -> impl Future<Output = Vec<Fate>> + Send + use<> {
        let (sender, answer) = oneshot::channel();
        let asked = traces.len();
        self.cast(SamplerMsg::Tell {
            traces,
            reply: sender.into(),
        });
        async move { answer.await.unwrap_or_else(|_| vec![Fate::Unknown; asked]) }
    }

    /// Changes policies and settings. Held traces stay, and are decided by the new ones; one that was drained takes more again. Asked
    /// again until it is done: a shard that dies meanwhile comes back.
    pub(crate) async fn change(&self, change: ShardChange) {
        loop {
            let (sender, answer) = oneshot::channel();
            self.cast(SamplerMsg::Change {
                change: Box::new(change.clone()),
                reply: sender.into(),
            });
            if answer.await.is_ok() {
                return;
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// Decides everything that is held, hands on what is kept, and takes no more. The future ends when all of it was taken by the
    /// stage behind; or, with nothing done, once it is `back` in service, after which it [changes](Self::change).
    ///
    /// # Errors
    ///
    /// [`Refusal::Interrupted`] when the actor died meanwhile.
    pub(crate) async fn drain(&self, back: &CancellationToken) -> Result<(), Refusal> {
        let (sender, answer) = oneshot::channel();
        self.cast(SamplerMsg::Drain {
            back: back.clone(),
            reply: sender.into(),
        });
        answer.await.map_err(|_| INTERRUPTED)
    }

    /// Ends the actor for good. What it still holds is counted as lost.
    pub(crate) async fn close(&self) {
        if let Some(actor) = self.inner.actor.swap(None) {
            actor.stop(None);
            // It may have ended already.
            let _ = actor.wait(None).await;
        }
        self.inner.store.lock().await.abandon();
    }

    /// Makes the actor fail in the middle of a message.
    #[cfg(test)]
    pub(crate) fn fail(&self) {
        self.cast(SamplerMsg::Fail);
    }

    fn cast(&self, message: SamplerMsg) {
        self.inner.cast(message);
    }
}

impl ShardInner {
    /// A message that cannot be sent drops its reply port, which tells the one who waits.
    fn cast(&self, message: SamplerMsg) {
        if let Some(actor) = &*self.actor.load() {
            // Given back when the actor has gone; dropping it is the answer.
            let _ = actor.cast(message);
        }
    }
}

const INTERRUPTED: Refusal = Refusal::Interrupted { part: "a sampler" };

/// The actor.
pub(super) struct SamplerActor;

/// What the actor works with between messages.
pub(super) struct SamplerState {
    shard: Arc<ShardInner>,
    store: OwnedMutexGuard<ShardStore>,
    ticker: Ticker,
    /// Those who wait for the store to be empty.
    drains: Vec<RpcReplyPort<()>>,
    /// Whether [`SamplerMsg::Post`] is on its way.
    is_posting: bool,
}

impl Actor for SamplerActor {
    type Msg = SamplerMsg;
    type State = SamplerState;
    type Arguments = Shard;

    async fn pre_start(
        &self,
        myself: ActorRef<SamplerMsg>,
        shard: Shard,
    ) -> Result<SamplerState, ActorProcessingErr> {
        let shard = shard.inner;
        let store = Arc::clone(&shard.store).lock_owned().await;
        let ticker = Ticker::start(move || myself.cast(SamplerMsg::Tick).is_ok());
        let mut state = SamplerState {
            shard,
            store,
            ticker,
            drains: Vec::new(),
            is_posting: false,
        };
        state.schedule();
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SamplerMsg>,
        message: SamplerMsg,
        state: &mut SamplerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SamplerMsg::Append {
                routed,
                shard,
                reply,
            } => state.append(&routed, shard, reply).await,
            SamplerMsg::Bring(part) => {
                state.store.bring(state.shard.clock.now(), *part);
                state.hand_on().await;
            }
            SamplerMsg::Letters { from, messages, .. } => {
                state.member(|member, now, outlet| member.letters(now, from, messages, outlet));
                state.hand_on().await;
            }
            SamplerMsg::Learn { table } => {
                state.member(|member, now, outlet| member.learn(now, &table, outlet));
                state.hand_on().await;
            }
            SamplerMsg::Remind { member: peer } => {
                state.member(|member, now, outlet| member.remind(now, peer, outlet));
            }
            SamplerMsg::Delivered => state.delivered().await,
            SamplerMsg::CatchUp => {
                state.member(|member, now, outlet| member.catch_up(now, outlet));
                state.delivered().await;
            }
            SamplerMsg::Post => {
                state.is_posting = false;
                state.store.with_member(|member, _| member.post());
                return Ok(());
            }
            SamplerMsg::Tick => state.tick().await,
            SamplerMsg::Change { change, reply } => {
                state.change(*change);
                answer(reply, ());
            }
            SamplerMsg::Report { reply } => {
                answer(reply, state.store.report());
                return Ok(());
            }
            SamplerMsg::Tell { traces, reply } => {
                answer(reply, state.store.fates(&traces));
                return Ok(());
            }
            SamplerMsg::Drain { back, reply } if back.is_cancelled() => answer(reply, ()),
            SamplerMsg::Drain { reply, .. } => state.drain(reply).await,
            #[cfg(test)]
            SamplerMsg::Fail => panic!("told to fail"),
        }
        state.post_soon(&myself);
        state.schedule();
        Ok(())
    }
}

impl SamplerState {
    /// Letters leave when everything that is in the mailbox now has been dealt with. So a busy shard writes few and long
    /// ones, and one that has nothing else to do writes at once.
    fn post_soon(&mut self, myself: &ActorRef<SamplerMsg>) {
        if !self.is_posting && self.store.writes() {
            self.is_posting = myself.cast(SamplerMsg::Post).is_ok();
        }
    }

    async fn append(
        &mut self,
        routed: &Routed,
        shard: usize,
        reply: RpcReplyPort<Result<(), Refusal>>,
    ) {
        let outcome = self.store.append(self.shard.clock.now(), routed, shard);
        answer(reply, outcome);
        self.hand_on().await;
    }

    fn member(&mut self, call: impl FnOnce(&mut Member, Moment, &mut Outlet)) {
        let now = self.shard.clock.now();
        self.store
            .with_member(|member, outlet| call(member, now, outlet));
    }

    /// Learns what was delivered since it heard of it last.
    async fn delivered(&mut self) {
        let delivered = std::mem::take(&mut *self.shard.delivered.lock());
        self.member(|member, now, outlet| member.delivered(now, delivered, outlet));
        self.hand_on().await;
    }

    async fn tick(&mut self) {
        // What is held back must leave first, or decisions would pile up behind it. What other members wait for must not.
        self.hand_on().await;
        let mut is_behind = false;
        if self.store.is_held_back() {
            self.store.upkeep(self.shard.clock.now());
        } else {
            is_behind = self.store.advance(self.shard.clock);
            self.hand_on().await;
        }
        self.ticker.handled(is_behind);
    }

    /// It is in service, and decides nothing before its time any more, if it was told to.
    fn change(&mut self, change: ShardChange) {
        self.store.change(change);
        for waiting in self.drains.drain(..) {
            answer(waiting, ());
        }
    }

    async fn drain(&mut self, reply: RpcReplyPort<()>) {
        self.store.drain(self.shard.clock.now());
        self.drains.push(reply);
        self.hand_on().await;
    }

    /// Offers what was decided to the stage behind, until it has no room.
    async fn hand_on(&mut self) {
        while let Some(load) = self.store.next_load() {
            if let Err(returned) = self.shard.next.current().take(load).await {
                tracing::debug!(reason = %returned.refusal, "kept traces are held back");
                self.store.give_back(returned.load);
                return;
            }
        }
        if self.store.is_drained() {
            for waiting in self.drains.drain(..) {
                answer(waiting, ());
            }
        }
    }

    fn schedule(&mut self) {
        let clock = self.shard.clock;
        let due = if self.store.is_held_back() {
            Some(clock.now() + RETRY_EVERY)
        } else {
            self.store.next_deadline()
        };
        self.ticker.wake_at(due.map(|moment| clock.instant(moment)));
    }
}

/// Whoever asked may have gone, which is no concern of ours.
fn answer<T>(reply: RpcReplyPort<T>, value: T) {
    let _ = reply.send(value);
}
