//! Samplers that a change has taken out of service, and that stay for other members of a cluster.
//!
//! Members hear of a change one after the other, a minute or two apart. Whoever hears of it decides what it holds, and has that
//! confirmed by the second member, which may have heard of it before and have nothing to decide any more. If a member is lost
//! meanwhile, those that stay own what they copied for it, and decide that too.
//!
//! A configuration that comes back while they stay takes them back: they are in service again.

use super::retired::part_of;
use crate::actors::Shard;
use crate::membership::Departure;
use crate::pipeline::{Sampler, Seat, TraceAware};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long they stay at most, and may take to have confirmed what they decide.
pub(super) const STAY_MAX: Duration = Duration::from_secs(300);
/// They stay no longer when nobody has written to them for so long: whoever had not heard of the change before has by now.
const QUIET: Duration = Duration::from_secs(120);
/// A sampler is emptied before those behind it, but they do not wait for one that does not come to an end: nobody would be there
/// any more for them.
const HEAD_START: Duration = Duration::from_secs(5);

/// By when all has to be gone, once the process stops.
pub(crate) type End = watch::Receiver<Option<Instant>>;

/// The time in which other members still reach a sampler that is out of service: until this is dropped, unless it is taken back.
pub(super) struct Stay {
    seat: Arc<Seat>,
    departure: Arc<Departure>,
}

impl Stay {
    /// Takes what has this seat out of service. Nothing where it owns no slots: nobody writes to it then.
    pub(super) fn begin(seat: &Arc<Seat>) -> Option<Self> {
        let stay = Self {
            seat: Arc::clone(seat),
            departure: seat.membership.retire(&seat.name)?,
        };
        seat.membership.incarnation.map(|_| stay)
    }

    /// Cancelled when the sampler is in service again.
    fn back(&self) -> &CancellationToken {
        self.departure.back()
    }

    /// No member reaches the sampler any more. Says whether that is so now and was not before: it may be back in service.
    fn end(&self) -> bool {
        self.seat.membership.forget(&self.seat, &self.departure)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.end();
    }
}

/// Those of one change, in order; none where the process is alone.
#[derive(Default)]
pub(super) struct Leaving {
    samplers: Vec<(Arc<Sampler>, Stay)>,
    trace_aware: Vec<(Arc<TraceAware>, Stay)>,
}

impl Leaving {
    /// This one stays, behind those that stay already.
    pub(super) fn add(&mut self, sampler: Arc<Sampler>, stay: Stay) {
        self.samplers.push((sampler, stay));
    }

    /// This one, of logs, stays.
    pub(super) fn add_trace_aware(&mut self, sampler: Arc<TraceAware>, stay: Stay) {
        self.trace_aware.push((sampler, stay));
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.samplers.is_empty() && self.trace_aware.is_empty()
    }

    /// They decide what they hold, until the deadline, or for a part of the time that a stop of the process leaves. Logs are let go
    /// when their samplers have decided.
    pub(super) async fn drain(&self, deadline: Instant, end: &End) {
        let mut draining = JoinSet::new();
        for (sampler, stay) in &self.samplers {
            let (sampler, back, end) = (Arc::clone(sampler), stay.back().clone(), end.clone());
            draining.spawn(async move {
                let shards = sampler.shards().iter();
                let drained = shards.map(|shard| drain_shard(shard, &back));
                in_time(join_all(drained), deadline, end).await;
            });
            // Those that are not done by then go on beside the next.
            let _ = tokio::time::timeout(HEAD_START, all(&mut draining)).await;
        }
        all(&mut draining).await;
        let trace_aware = self.trace_aware.iter();
        let drained = trace_aware.map(|(sampler, stay)| sampler.drain(stay.back()));
        in_time(join_all(drained), deadline, end.clone()).await;
    }

    /// They are there for the others, until nobody has written to them for a while, or until the deadline or a stop of the process.
    pub(super) async fn stay(&self, deadline: Instant, end: &End) {
        let mut end = end.clone();
        while let Some(heard) = self.heard() {
            let until = deadline.min(heard + QUIET);
            if until <= Instant::now() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                _ = stopped(&mut end) => return,
            }
        }
    }

    /// When somebody wrote to one of them last; nothing when all are back in service.
    fn heard(&self) -> Option<Instant> {
        let samplers = self.samplers.iter().map(|(_, stay)| stay);
        let all = samplers.chain(self.trace_aware.iter().map(|(_, stay)| stay));
        let leaving = all.filter(|stay| !stay.back().is_cancelled());
        leaving.map(|stay| stay.departure.heard()).max()
    }

    /// They are gone, with what they hold, but for those that are back in service.
    pub(super) async fn go(self) {
        for (sampler, stay) in &self.samplers {
            if stay.end() {
                for shard in sampler.shards() {
                    shard.close().await;
                }
            }
        }
        for (sampler, stay) in &self.trace_aware {
            if stay.end() {
                sampler.give_up();
            }
        }
    }
}

/// Decides what a shard holds, unless it is back in service; tried again when it fails meanwhile.
pub(super) async fn drain_shard(shard: &Shard, back: &CancellationToken) {
    const PAUSE: Duration = Duration::from_millis(20);
    while shard.drain(back).await.is_err() {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn all(draining: &mut JoinSet<()>) {
    while draining.join_next().await.is_some() {}
}

/// Waits for something until the deadline, or for a part of the time that a stop of the process leaves.
async fn in_time(work: impl Future, deadline: Instant, mut end: End) {
    tokio::select! {
        biased;
        _ = work => {}
        () = tokio::time::sleep_until(deadline) => {}
        () = async {
            let end = stopped(&mut end).await;
            tokio::time::sleep_until(part_of(end)).await;
        } => {}
    }
}

/// Waits for a stop of the process. Returns by when it has to be over.
async fn stopped(end: &mut End) -> Instant {
    let stop = end.wait_for(Option::is_some).await;
    let end = stop.ok().and_then(|end| *end);
    // Nobody is there who could stop it any more: it is gone.
    end.unwrap_or_else(Instant::now)
}

#[cfg(test)]
mod tests {
    use super::{End, Leaving, QUIET, STAY_MAX, Stay};
    use crate::admission::Admission;
    use crate::ledger::Ledger;
    use crate::membership::{Brought, Cluster, Membership, OutgoingPart, Post};
    use crate::pipeline::{Sampler, ScanPool, Seat};
    use futures_core::future::BoxFuture;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::Duration;
    use tailweir_core::{ByteSize, Slot};
    use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
    use tailweir_shard::{Piece, Ruled};
    use tailweir_tenure::Message;
    use tokio::sync::{mpsc, watch};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    const NAME: &str = "traces/tail_sampling";
    const MINUTE: Duration = Duration::from_secs(60);

    /// Counts letters.
    #[derive(Default)]
    struct Letters(AtomicUsize);

    impl Post for Letters {
        fn tell(&self, _: Incarnation, _: &Arc<str>, messages: Vec<Message<Piece, Ruled>>) {
            self.0.fetch_add(messages.len(), Relaxed);
        }

        fn bring(&self, _: Incarnation, _: OutgoingPart) -> BoxFuture<'static, Option<Brought>> {
            Box::pin(std::future::ready(None))
        }

        fn follow(&self, _: &Arc<RoutingTable>) {}
    }

    /// A sampler that leaves, with no shards.
    struct Bench {
        membership: Arc<Membership>,
        letters: Arc<Letters>,
        sampler: Arc<Sampler>,
        leaving: Leaving,
        start: Instant,
        going: watch::Sender<Option<Instant>>,
        end: End,
    }

    fn bench() -> Bench {
        let letters = Arc::new(Letters::default());
        let post = Arc::clone(&letters);
        let cluster = Cluster {
            incarnation: Some(Incarnation(1)),
            receives: false,
            one_copy: false,
            table: watch::channel(Arc::new(RoutingTable::new(2))).1,
            reports: mpsc::channel(1).0,
            post,
        };
        let membership = Membership::join(cluster, CancellationToken::new());
        let seat = Seat::new(
            Arc::clone(&membership),
            NAME.into(),
            Arc::<Ledger>::default(),
        );
        let seat = Arc::new(seat);
        let admission = Admission::new(ByteSize::mib(1));
        let scans = Arc::<ScanPool>::default();
        let sampler = Sampler::new(
            Vec::new(),
            scans,
            Arc::default(),
            admission,
            Some(Arc::clone(&seat)),
        );
        let sampler = Arc::new(sampler);
        membership.enter(NAME.into(), Arc::clone(&sampler));
        let mut leaving = Leaving::default();
        leaving.add(Arc::clone(&sampler), Stay::begin(&seat).unwrap());
        let (going, end) = watch::channel(None);
        Bench {
            membership,
            letters,
            sampler,
            leaving,
            start: Instant::now(),
            going,
            end,
        }
    }

    impl Bench {
        /// Whether it is still there when so much time has passed.
        async fn stays_for(&self, time: Duration) -> bool {
            let stay = self.leaving.stay(self.start + STAY_MAX, &self.end);
            tokio::time::timeout(time, stay).await.is_err()
        }

        /// Another member writes to it, and finds it.
        fn hear(&self) {
            assert!(self.membership.any_sampler(NAME).is_some());
        }
    }

    /// It writes to another.
    fn write(sampler: &Sampler) {
        let tenure = TenureId {
            slot: Slot::new(1).unwrap(),
            created: Epoch(1),
        };
        let seat = sampler.seat().unwrap();
        seat.post([(Incarnation(2), Message::NotYet { tenure })]);
    }

    /// Scenario: a sampler leaves. A minute later another member writes to it, and then nobody does.
    /// Guarantees: it is there until it is sure that nobody will. Then it is gone, and says nothing more.
    #[tokio::test(start_paused = true)]
    async fn who_leaves_stays_until_nobody_writes_any_more() {
        let bench = bench();
        assert!(bench.stays_for(MINUTE).await);
        bench.hear();
        let heard = Instant::now();
        assert!(bench.stays_for(QUIET - MINUTE / 60).await);
        assert!(!bench.stays_for(MINUTE).await);
        assert!(heard.elapsed() < QUIET + MINUTE / 60);

        write(&bench.sampler);
        bench.leaving.go().await;
        assert!(bench.membership.any_sampler(NAME).is_none());
        write(&bench.sampler);
        assert_eq!(bench.letters.0.load(Relaxed), 1);
    }

    /// Scenario: a sampler leaves, and another member writes to it all the time. The same, and the process stops.
    /// Guarantees: in the end it is gone all the same; at a stop it stays no longer.
    #[tokio::test(start_paused = true)]
    async fn who_leaves_does_not_stay_for_ever() {
        let bench = bench();
        while bench.start.elapsed() + MINUTE < STAY_MAX {
            assert!(bench.stays_for(MINUTE).await);
            bench.hear();
        }
        assert!(!bench.stays_for(2 * MINUTE).await);
        assert!(bench.start.elapsed() <= STAY_MAX + MINUTE / 60);

        let bench = self::bench();
        assert!(bench.stays_for(MINUTE).await);
        bench.going.send_replace(Some(Instant::now() + MINUTE));
        assert!(!bench.stays_for(MINUTE / 60).await);
    }

    /// Scenario: a sampler leaves, and a change brings its name back.
    /// Guarantees: it is taken back into service, once; the end of its stay neither ends nor silences it.
    #[tokio::test(start_paused = true)]
    async fn who_is_taken_back_does_not_leave() {
        let bench = bench();
        assert!(bench.membership.sampler(NAME).is_none());
        let back = bench.membership.take_back(NAME).unwrap();
        assert!(Arc::ptr_eq(&back, &bench.sampler));
        assert!(bench.membership.take_back(NAME).is_none());
        assert!(!bench.stays_for(MINUTE / 60).await);
        bench.leaving.go().await;
        assert!(bench.membership.sampler(NAME).is_some());
        write(&back);
        assert_eq!(bench.letters.0.load(Relaxed), 1);
    }
}
