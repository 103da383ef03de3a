//! When to try again: exponential back-off with random spread, and the backend's own wishes.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// Longest time that a backend can ask for (`RetryInfo`, `Retry-After`), so that no answer, honest or
/// not, silences an exporter for good.
pub(crate) const WISH_MAX: Duration = Duration::from_secs(300);

/// How an exporter tries again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Before the second attempt. Default 5 s.
    pub initial_interval: Duration,
    /// Each interval is so many times the one before. Default 1.5.
    pub multiplier: f64,
    /// Each interval is spread by this share of itself to both sides, 0 to 1. Default 0.5.
    pub randomization_factor: f64,
    /// Longest interval before the spread. Default 30 s.
    pub max_interval: Duration,
    /// From the first attempt on; then the request is given up. Zero: never. Default 300 s.
    pub max_elapsed_time: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial_interval: Duration::from_secs(5),
            multiplier: 1.5,
            randomization_factor: 0.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}

/// Pseudo-random numbers for the spread of intervals, from a seed. Not for secrets.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Evenly spread in `0.0..1.0`: splitmix64.
    fn next(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The intervals of one request.
#[derive(Debug)]
pub(crate) struct Backoff {
    retry: Retry,
    interval: Duration,
    since: Instant,
}

impl Backoff {
    pub(crate) fn new(retry: Retry, now: Instant) -> Self {
        Self {
            retry,
            interval: retry.initial_interval,
            since: now,
        }
    }

    /// How long to wait after a failure at `now`, or nothing when the request is to be given up.
    /// `wish` is what the backend asked for: no attempt is made before.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        wish: Option<Duration>,
        jitter: &Jitter,
    ) -> Option<Duration> {
        let spread = self.retry.randomization_factor.clamp(0.0, 1.0);
        let factor = 1.0 + spread * (2.0 * jitter.next() - 1.0);
        let delay = scale(self.interval, factor).max(wish.unwrap_or_default());
        self.interval = scale(self.interval, self.retry.multiplier).min(self.retry.max_interval);
        let limit = self.retry.max_elapsed_time;
        let elapsed = now.saturating_duration_since(self.since);
        (limit.is_zero() || elapsed + delay <= limit).then_some(delay)
    }
}

fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX / 4)
}

/// A backend that asked for a pause asked it of everyone: all workers of an exporter keep it.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Option<Instant>>);

impl Throttle {
    /// No attempt before `until`. A shorter pause than the present one changes nothing.
    pub(crate) fn pause(&self, until: Instant) {
        let mut pause = self.0.lock();
        *pause = (*pause).max(Some(until));
    }

    /// Waits until attempts are welcome.
    pub(crate) async fn ready(&self) {
        loop {
            let pause = *self.0.lock();
            match pause {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Jitter, Retry};
    use std::time::Duration;
    use tokio::time::Instant;

    fn intervals(retry: Retry, seed: u64) -> Vec<f64> {
        let (start, jitter) = (Instant::now(), Jitter::new(seed));
        let mut backoff = Backoff::new(retry, start);
        let mut now = start;
        std::iter::from_fn(|| {
            let delay = backoff.next(now, None, &jitter)?;
            now += delay;
            Some(delay.as_secs_f64())
        })
        .take(50)
        .collect()
    }

    /// Scenario: a request fails until it is given up, without spread.
    /// Guarantees: intervals grow by the multiplier up to the longest, and stop within the time allowed.
    #[test]
    fn intervals_grow_and_end() {
        let retry = Retry {
            randomization_factor: 0.0,
            max_elapsed_time: Duration::from_secs(60),
            max_interval: Duration::from_secs(10),
            ..Retry::default()
        };
        assert_eq!(intervals(retry, 1), [5.0, 7.5, 10.0, 10.0, 10.0, 10.0]);
    }

    /// Scenario: spread intervals, from two seeds.
    /// Guarantees: each stays within half of its middle, they differ, and a seed repeats itself.
    #[test]
    fn intervals_spread_within_their_share() {
        let retry = Retry {
            multiplier: 1.0,
            max_elapsed_time: Duration::ZERO,
            ..Retry::default()
        };
        let spread = intervals(retry, 7);
        assert_eq!(spread.len(), 50, "no limit, no end");
        assert!(
            spread.iter().all(|&delay| (2.5..7.5).contains(&delay)),
            "{spread:?}"
        );
        assert!(spread.iter().any(|&delay| delay < 3.5) && spread.iter().any(|&delay| delay > 6.5));
        assert_eq!(spread, intervals(retry, 7));
        assert_ne!(spread, intervals(retry, 8));
    }

    /// Scenario: the backend asks for more time than the back-off would take, and than is left.
    /// Guarantees: the wish is kept, or the request is given up at once; it never shortens the back-off.
    #[test]
    fn the_wish_of_the_backend_is_kept() {
        let retry = Retry {
            randomization_factor: 0.0,
            ..Retry::default()
        };
        let (now, jitter) = (Instant::now(), Jitter::new(0));
        let mut backoff = Backoff::new(retry, now);
        let mut after = |seconds| backoff.next(now, Some(Duration::from_secs(seconds)), &jitter);
        assert_eq!(after(20), Some(Duration::from_secs(20)));
        assert_eq!(after(0), Some(Duration::from_millis(7500)));
        assert_eq!(after(301), None);
    }
}
