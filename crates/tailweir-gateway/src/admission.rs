//! The byte budget in front of everything: what is not charged here is not read, and not queued.
//!
//! Mailboxes of actors are unbounded, so each message carries (a share of) the [`Permit`] of its
//! request. There is one budget per process. It has two bounds: bytes of requests in flight, and,
//! where a `memory_limiter` is configured, bytes held by the whole process. The first is smaller
//! while samplers answer late: see [`pace`].
//!
//! ```text
//! receiver --take(length)--> Permit --grows while decompressing--> message --> dropped when taken
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
    /// would pass it, [`Refusal::Stopping`] after [`Self::stop`].
    pub(crate) fn take(self: &Arc<Self>, bytes: u64) -> Result<Permit, Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping);
        }
        self.charge(bytes, bytes, self.in_flight_max())?;
        Ok(Permit {
            admission: Arc::clone(self),
            bytes,
        })
    }

    /// Charges bytes of a request that has so many in all, if there are at most this many in flight then.
    fn charge(&self, bytes: u64, whole: u64, at_most: u64) -> Result<(), Refusal> {
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
        let bound = if flying > at_most && before > 0 {
            Bound::InFlight
        } else if self.held().saturating_add(flying) > self.held_max.load(Ordering::Relaxed) {
            Bound::Memory
        } else {
            return Ok(());
        };
        self.in_flight.fetch_sub(bytes, Ordering::AcqRel);
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(Refusal::Full {
            bound,
            retry_after: RETRY_AFTER,
        })
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

    /// The bound of bytes in flight: what memory allows, or what is answered in time.
    pub(crate) fn in_flight_max(&self) -> u64 {
        let limit = self.in_flight_max.load(Ordering::Relaxed);
        limit.min(self.pace.bound())
    }

    /// Requests that were refused here.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
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
            // What is half done already is too good to be thrown away for want of time.
            let limit = self.admission.in_flight_max.load(Ordering::Relaxed);
            self.admission.charge(bytes - self.bytes, bytes, limit)?;
            self.bytes = bytes;
        }
        Ok(())
    }

    /// Measures how long the request takes from here on.
    pub(crate) fn watch(&self) -> Watch {
        Watch {
            admission: Arc::clone(&self.admission),
            bytes: self.bytes,
            began: Instant::now(),
            is_taken: false,
        }
    }
}

/// Measures how long a request takes that waits for a sampler, until it is dropped: with the answer, or when the client
/// gives up.
pub(crate) struct Watch {
    admission: Arc<Admission>,
    bytes: u64,
    began: Instant,
    is_taken: bool,
}

impl Watch {
    /// The request was taken.
    pub(crate) fn taken(mut self) {
        self.is_taken = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let now = Instant::now();
        let bytes = if self.is_taken { self.bytes } else { 0 };
        let since = now - self.admission.began;
        self.admission.pace.over(since, now - self.began, bytes);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission
            .in_flight
            .fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, RETRY_AFTER};
    use crate::refusal::{Bound, Refusal};
    use tailweir_core::ByteSize;

    fn full(bound: Bound) -> Refusal {
        Refusal::Full {
            bound,
            retry_after: RETRY_AFTER,
        }
    }

    /// Scenario: two requests share a budget that has room for one and a half.
    /// Guarantees: the second is refused until the first is done, and nothing stays charged.
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

    /// Scenario: a request arrives after the stop.
    /// Guarantees: it is refused with a reason that sends the client elsewhere.
    #[test]
    fn nothing_is_admitted_after_the_stop() {
        let admission = Admission::new(ByteSize(1000));
        admission.stop();
        assert_eq!(admission.take(1).unwrap_err(), Refusal::Stopping);
    }
}
