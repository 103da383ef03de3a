//! The byte budget in front of everything: what is not charged here is not read, and not queued.
//!
//! Mailboxes of actors are unbounded, so each message carries (a share of) the [`Permit`] of its
//! request. There is one budget per process. It has three bounds: bytes of requests in flight; where a
//! `memory_limiter` is configured, bytes held by the whole process; and, while samplers answer late, bytes
//! that samplers work on: see [`pace`].
//!
//! ```text
//! receiver --take(length)--> Permit --grows while decompressing--> message --> dropped when taken
//!                                sampler --begin_sampling(length)--> SamplingPermit --> dropped when taken
//! ```

mod memory;
mod pace;

pub use memory::MemoryLimit;

use crate::refusal::{Bound, Refusal};
use pace::Pace;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tailweir_core::ByteSize;
use tokio::time::Instant;

/// How long a client is asked to wait when a budget is full.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The budget. Shared by all receivers of a process.
#[derive(Debug)]
pub(crate) struct Admission {
    in_flight: AtomicU64,
    in_flight_max: AtomicU64,
    /// Bytes of requests that samplers work on.
    sampling: AtomicU64,
    held: AtomicU64,
    held_max: AtomicU64,
    refused: AtomicU64,
    stopping: AtomicBool,
    began: Instant,
    pace: Pace,
}

impl Admission {
    /// A budget of this many request bytes in flight, without a bound on what is held.
    pub(crate) fn new(in_flight_max: ByteSize) -> Arc<Self> {
        Arc::new(Self {
            in_flight: AtomicU64::new(0),
            in_flight_max: AtomicU64::new(in_flight_max.bytes()),
            sampling: AtomicU64::new(0),
            held: AtomicU64::new(0),
            held_max: AtomicU64::new(u64::MAX),
            refused: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            began: Instant::now(),
            pace: Pace::new(),
        })
    }

    /// Sets the bounds; what is over them already stays.
    pub(crate) fn set_limits(&self, in_flight_max: ByteSize, held_max: Option<ByteSize>) {
        self.in_flight_max
            .store(in_flight_max.bytes(), Ordering::Relaxed);
        let held = held_max.map_or(u64::MAX, ByteSize::bytes);
        self.held_max.store(held, Ordering::Relaxed);
    }

    /// Charges a request of this many bytes.
    ///
    /// # Errors
    ///
    /// [`Refusal::Full`] when a bound would be passed, [`Refusal::TooLarge`] when these bytes alone
    /// would pass that of the memory, [`Refusal::Stopping`] after [`Self::stop`].
    pub(crate) fn take(self: &Arc<Self>, bytes: u64) -> Result<Permit, Refusal> {
        self.take_first(bytes, bytes)
    }

    /// Charges the first bytes of a request that is to have so many in all.
    ///
    /// # Errors
    ///
    /// As [`Self::take`].
    pub(crate) fn take_first(
        self: &Arc<Self>,
        bytes: u64,
        announced: u64,
    ) -> Result<Permit, Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping);
        }
        // So that what samplers have no time for is not read first. What is still being read does not count: how long that takes
        // is up to its client.
        if is_beyond(self.sampling(), announced, self.pace.bound()) {
            return Err(self.refuse(Bound::InFlight));
        }
        self.charge(bytes, bytes)?;
        Ok(Permit {
            admission: Arc::clone(self),
            bytes,
        })
    }

    /// Charges a request of this many bytes to what samplers work on, and measures how long they take for it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Full`] where they have far more in hand than they answer in time.
    pub(crate) fn begin_sampling(
        self: &Arc<Self>,
        bytes: u64,
    ) -> Result<(SamplingPermit, Stopwatch), Refusal> {
        let before = self.sampling.fetch_add(bytes, Ordering::AcqRel);
        let permit = SamplingPermit {
            admission: Arc::clone(self),
            bytes,
        };
        // It has been read, and other pipelines may have it: that is not thrown away for a little. But many may have passed the
        // door together.
        if is_beyond(before, bytes, self.pace.bound().saturating_mul(2)) {
            return Err(self.refuse(Bound::InFlight));
        }
        let stopwatch = Stopwatch {
            admission: Arc::clone(self),
            bytes,
            began: Instant::now(),
            is_taken: false,
        };
        Ok((permit, stopwatch))
    }

    fn refuse(&self, bound: Bound) -> Refusal {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Refusal::Full {
            bound,
            retry_after: RETRY_AFTER,
        }
    }

    /// Charges bytes of a request that has so many in all.
    fn charge(&self, bytes: u64, whole: u64) -> Result<(), Refusal> {
        let limit = self.in_flight_max.load(Ordering::Relaxed);
        if whole > limit {
            // To come again would not help.
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::TooLarge {
                limit: ByteSize(limit),
                option: "the memory of the process",
            });
        }
        let before = self.in_flight.fetch_add(bytes, Ordering::AcqRel);
        let flying = before.saturating_add(bytes);
        // A request alone is taken whatever it takes.
        let bound = if flying > limit && before > 0 {
            Bound::InFlight
        } else if self.held().saturating_add(flying) > self.held_max.load(Ordering::Relaxed) {
            Bound::Memory
        } else {
            return Ok(());
        };
        self.in_flight.fetch_sub(bytes, Ordering::AcqRel);
        Err(self.refuse(bound))
    }

    /// From here on every request is refused as [`Refusal::Stopping`].
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Replaces what one holder reported (`before`) by what it holds now.
    pub(crate) fn report_held(&self, before: u64, now: u64) {
        if now >= before {
            self.held.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.held.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// Bytes held behind admission: undecided traces, batches and queues.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes of requests in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Most bytes of requests in flight.
    pub(crate) fn in_flight_max(&self) -> u64 {
        self.in_flight_max.load(Ordering::Relaxed)
    }

    /// Bytes of requests that samplers work on.
    pub(crate) fn sampling(&self) -> u64 {
        self.sampling.load(Ordering::Relaxed)
    }

    /// Most that they may: what memory allows, or what they answer in time.
    pub(crate) fn sampling_max(&self) -> u64 {
        self.in_flight_max().min(self.pace.bound())
    }

    /// Requests that were refused here.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Whether a request would come to more than the bound, with this much before it. One that is alone does not.
fn is_beyond(before: u64, bytes: u64, bound: u64) -> bool {
    before > 0 && before.saturating_add(bytes) > bound
}

/// Bytes charged to the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    bytes: u64,
}

impl Permit {
    /// Charges more, because the request turned out larger.
    ///
    /// # Errors
    ///
    /// As [`Admission::take`]; the permit keeps what it had.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> Result<(), Refusal> {
        if bytes > self.bytes {
            self.admission.charge(bytes - self.bytes, bytes)?;
            self.bytes = bytes;
        }
        Ok(())
    }

    /// Gives back what is beyond so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let beyond = self.bytes.saturating_sub(bytes);
        self.admission.in_flight.fetch_sub(beyond, Ordering::AcqRel);
        self.bytes -= beyond;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission
            .in_flight
            .fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Bytes that samplers work on; no more when dropped. Whoever waits for them may have gone before.
#[derive(Debug)]
pub(crate) struct SamplingPermit {
    admission: Arc<Admission>,
    bytes: u64,
}

impl Drop for SamplingPermit {
    fn drop(&mut self) {
        self.admission
            .sampling
            .fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// What a request is charged with until nothing of it is worked on any more.
#[derive(Debug)]
pub(crate) struct Permits {
    _in_flight: Option<Permit>,
    _sampling: Option<SamplingPermit>,
}

impl Permits {
    /// Of a request of which this much is charged here.
    pub(crate) fn new(in_flight: Option<Permit>, sampling: Option<SamplingPermit>) -> Self {
        Self {
            _in_flight: in_flight,
            _sampling: sampling,
        }
    }
}

/// Measures how long a request takes that waits for a sampler, until it is dropped: with the answer, or when the client
/// gives up.
pub(crate) struct Stopwatch {
    admission: Arc<Admission>,
    bytes: u64,
    began: Instant,
    is_taken: bool,
}

impl Stopwatch {
    /// The request was taken.
    pub(crate) fn taken(mut self) {
        self.is_taken = true;
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let now = Instant::now();
        let bytes = if self.is_taken { self.bytes } else { 0 };
        let since = now - self.admission.began;
        self.admission.pace.over(since, now - self.began, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, RETRY_AFTER};
    use crate::refusal::{Bound, Refusal};
    use std::sync::Arc;
    use std::time::Duration;
    use tailweir_core::ByteSize;

    fn full(bound: Bound) -> Refusal {
        Refusal::Full {
            bound,
            retry_after: RETRY_AFTER,
        }
    }

    /// Scenario: two requests share a budget that has room for one and a half.
    /// Guarantees: the second is refused until the first is done; it grows and shrinks within the budget, and nothing stays charged.
    #[test]
    fn bytes_in_flight_are_bounded_and_given_back() {
        let admission = Admission::new(ByteSize(150));
        let first = admission.take(100).unwrap();
        assert_eq!(admission.take(100).unwrap_err(), full(Bound::InFlight));
        assert_eq!((admission.in_flight(), admission.refused()), (100, 1));
        drop(first);
        let mut second = admission.take(100).unwrap();
        let third = admission.take(50).unwrap();
        assert_eq!(second.grow_to(101).unwrap_err(), full(Bound::InFlight));
        drop(third);
        second.grow_to(150).unwrap();
        assert!(!second.grow_to(151).unwrap_err().is_retryable());
        second.shrink_to(40);
        second.shrink_to(60);
        assert_eq!(admission.in_flight(), 40);
        drop(second);
        assert_eq!(admission.in_flight(), 0);
    }

    /// Scenario: the store holds so much that a request would pass the memory limit.
    /// Guarantees: it is refused, retryably, and taken once the store has let go.
    ///
    /// Conforms: processor `memory_limiter` | traces, metrics, logs | where it stands, and what it counts | better:
    /// one budget for the whole process, of the bytes in flight and of those that are held, asked before a body is
    /// read
    #[test]
    fn what_is_held_counts_against_the_memory_limit() {
        let admission = Admission::new(ByteSize(1000));
        admission.set_limits(ByteSize(1000), Some(ByteSize(500)));
        admission.report_held(0, 450);
        let refusal = admission.take(100).unwrap_err();
        assert_eq!(refusal, full(Bound::Memory));
        assert!(refusal.is_retryable());
        admission.report_held(450, 300);
        assert!(admission.take(100).is_ok());
    }

    /// Samplers take five seconds for each of a few requests, whose clients wait for them or not.
    async fn late_answers(admission: &Arc<Admission>, is_waited_for: bool) {
        for _ in 0..8 {
            let (_permit, stopwatch) = admission.begin_sampling(1).unwrap();
            tokio::time::advance(Duration::from_secs(5)).await;
            if is_waited_for {
                stopwatch.taken();
            }
        }
    }

    /// Scenario: samplers answer late, to clients that wait, and to others that have given up by then.
    /// Guarantees: they get less in hand, and the rest is refused before it is read; of what is read by then as much again is taken.
    /// What they have in hand counts until they are done with it, also when nobody waits for it any more.
    #[tokio::test(start_paused = true)]
    async fn samplers_that_answer_late_get_less() {
        for is_waited_for in [true, false] {
            let admission = Admission::new(ByteSize::mib(64));
            late_answers(&admission, is_waited_for).await;
            let least = ByteSize::kib(128).bytes();
            assert_eq!(admission.sampling_max(), least);
            let (permit, stopwatch) = admission.begin_sampling(least).unwrap();
            drop(stopwatch);
            assert_eq!(admission.take(1).unwrap_err(), full(Bound::InFlight));
            let passed = admission.begin_sampling(least).unwrap();
            assert_eq!(
                admission.begin_sampling(1).err(),
                Some(full(Bound::InFlight))
            );
            assert_eq!((admission.refused(), admission.sampling()), (2, 2 * least));
            drop((permit, passed));
            assert!(admission.take(1).is_ok() && admission.begin_sampling(1).is_ok());
        }
    }

    /// Scenario: samplers have answered late; clients send a megabyte so slowly that it is not read yet, and another request waits
    /// for a backend.
    /// Guarantees: neither keeps anybody out: samplers have nothing to do with them.
    #[tokio::test(start_paused = true)]
    async fn what_no_sampler_works_on_keeps_nobody_out() {
        let admission = Admission::new(ByteSize::mib(64));
        late_answers(&admission, true).await;
        let mut slow = admission.take(1).unwrap();
        slow.grow_to(ByteSize::mib(1).bytes()).unwrap();
        let next = admission.take_first(1, ByteSize::kib(64).bytes());
        assert!(next.is_ok() && admission.begin_sampling(1).is_ok());
    }

    /// Scenario: a request arrives after the stop.
    /// Guarantees: it is refused with a reason that sends the client elsewhere.
    #[test]
    fn nothing_is_admitted_after_the_stop() {
        let admission = Admission::new(ByteSize(1000));
        admission.stop();
        assert_eq!(admission.take(1).unwrap_err(), Refusal::Stopping);
    }
}
