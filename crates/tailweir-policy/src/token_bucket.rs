//! A token bucket that admits exactly what `golang.org/x/time/rate` admits.

use tailweir_core::Moment;

/// Rate and size of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BucketSettings {
    tokens_per_second: i64,
    burst: i64,
}

impl BucketSettings {
    /// A bucket as the policies set it: a burst of 0 or less is twice the rate.
    pub(crate) fn new(tokens_per_second: i64, burst: i64) -> Self {
        let burst = match burst {
            ..=0 => tokens_per_second.saturating_mul(2),
            given => given,
        };
        Self {
            tokens_per_second,
            burst,
        }
    }
}

/// What is left in a bucket.
#[derive(Debug, Clone)]
pub(crate) struct TokenBucket {
    tokens_per_second: f64,
    burst: i64,
    tokens: f64,
    last: Moment,
    /// In a round: whether it has refused a trace.
    closes: Closes,
}

/// Whether a refusal shuts a bucket for those that come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closes {
    /// It does not: a smaller trace may still fit.
    Never,
    /// It will, for the rest of the round.
    AtRefusal,
    /// It did.
    Closed,
}

impl TokenBucket {
    /// A full bucket. `share` of the rate flows into it; the burst is not divided, so that a trace
    /// as large as the burst passes wherever it is decided.
    pub(crate) fn full(settings: BucketSettings, share: f64) -> Self {
        Self {
            tokens_per_second: settings.tokens_per_second as f64 * share,
            burst: settings.burst,
            tokens: settings.burst as f64,
            last: Moment::ZERO,
            closes: Closes::Never,
        }
    }

    /// Takes over what is left in another bucket.
    pub(crate) fn inherit(&mut self, other: &Self) {
        self.tokens = other.tokens;
        self.last = other.last;
    }

    /// Begins a round, in which the first refusal shuts the bucket.
    pub(crate) fn begin_round(&mut self) {
        self.closes = Closes::AtRefusal;
    }

    /// Ends the round: the bucket is open to what comes outside of rounds.
    pub(crate) fn end_round(&mut self) {
        self.closes = Closes::Never;
    }

    /// Takes `wanted` tokens, or none at all. A refusal takes nothing.
    pub(crate) fn admits(&mut self, now: Moment, wanted: u64) -> bool {
        let admitted = self.closes != Closes::Closed && self.takes(now, wanted);
        if !admitted && self.closes == Closes::AtRefusal {
            self.closes = Closes::Closed;
        }
        admitted
    }

    fn takes(&mut self, now: Moment, wanted: u64) -> bool {
        let Ok(wanted) = i64::try_from(wanted) else {
            return false;
        };
        let refilled = self.tokens + self.inflow(now);
        let tokens = refilled.min(self.burst as f64) - wanted as f64;
        if wanted > self.burst || !self.is_covered(tokens) {
            return false;
        }
        self.tokens = tokens;
        self.last = now;
        true
    }

    /// What flowed in since the last admission; nothing when time went backwards.
    fn inflow(&self, now: Moment) -> f64 {
        if self.tokens_per_second <= 0.0 {
            return 0.0;
        }
        let elapsed = now.since(self.last);
        let seconds = elapsed.as_secs() as f64 + f64::from(elapsed.subsec_nanos()) / 1e9;
        seconds * self.tokens_per_second
    }

    /// Whether nothing is missing, or so little that it flows in within a nanosecond.
    fn is_covered(&self, tokens: f64) -> bool {
        if tokens >= 0.0 {
            return true;
        }
        self.tokens_per_second > 0.0 && (-tokens / self.tokens_per_second) * 1e9 < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::{BucketSettings, TokenBucket};
    use tailweir_core::Moment;

    fn bucket(rate: i64, burst: i64) -> TokenBucket {
        TokenBucket::full(BucketSettings::new(rate, burst), 1.0)
    }

    /// Scenario: a bucket without a burst of its own, at rest, is asked for more and more.
    /// Guarantees: it starts full with twice its rate, and refuses without taking anything.
    #[test]
    fn a_bucket_starts_full_with_twice_its_rate() {
        let mut bucket = bucket(10, 0);
        assert!(!bucket.admits(Moment::ZERO, 21));
        assert!(bucket.admits(Moment::ZERO, 20));
        assert!(!bucket.admits(Moment::ZERO, 1));
        assert!(bucket.admits(Moment::ZERO, 0));
    }

    /// Scenario: an empty bucket of three a second is asked for one token every few milliseconds.
    /// Guarantees: tokens flow in with time, refusals do not reset the clock, and the last third of a
    /// token counts when less than a nanosecond is missing.
    #[test]
    fn a_bucket_refills_with_time() {
        let mut bucket = bucket(3, 3);
        assert!(bucket.admits(Moment::ZERO, 3));
        assert!(!bucket.admits(Moment::from_millis(333), 1));
        assert!(!bucket.admits(Moment::from_nanos(333_333_332), 1));
        assert!(bucket.admits(Moment::from_nanos(333_333_333), 1));
        assert!(bucket.admits(Moment::from_millis(10_000), 3));
        assert!(!bucket.admits(Moment::from_millis(10_000), 1));
    }

    /// Scenario: the clock of the caller goes backwards after an admission.
    /// Guarantees: nothing flows in for it, and time counts on from the earlier moment.
    #[test]
    fn time_that_goes_backwards_brings_no_tokens() {
        let mut bucket = bucket(1, 2);
        assert!(bucket.admits(Moment::from_millis(5_000), 1));
        assert!(bucket.admits(Moment::from_millis(1_000), 1));
        assert!(!bucket.admits(Moment::from_millis(1_500), 1));
        assert!(bucket.admits(Moment::from_millis(2_000), 1));
    }

    /// Scenario: in a round, a trace too large for what is left comes before one that would fit.
    /// Guarantees: the round is over for both, and the next round begins with what is left. After its end
    /// a refusal no longer shuts the bucket.
    #[test]
    fn in_a_round_the_first_refusal_is_the_last_word() {
        let mut bucket = bucket(0, 5);
        bucket.begin_round();
        assert!(bucket.admits(Moment::ZERO, 3));
        assert!(!bucket.admits(Moment::ZERO, 3));
        assert!(!bucket.admits(Moment::ZERO, 1));
        bucket.begin_round();
        assert!(bucket.admits(Moment::ZERO, 1));
        assert!(!bucket.admits(Moment::ZERO, 2));
        bucket.end_round();
        assert!(!bucket.admits(Moment::ZERO, 2));
        assert!(bucket.admits(Moment::ZERO, 1));
    }

    /// Scenario: a rate of zero, a negative rate, and a trace of more bytes than a burst can name.
    /// Guarantees: what is in the bucket is spent once, and nothing overflows.
    #[test]
    fn a_bucket_without_a_rate_is_spent_once() {
        let mut still = bucket(0, 5);
        assert!(still.admits(Moment::ZERO, 5));
        assert!(!still.admits(Moment::from_millis(u64::MAX / 2_000_000), 1));
        assert!(!bucket(-4, 0).admits(Moment::ZERO, 0));
        assert!(!bucket(i64::MAX, 0).admits(Moment::ZERO, u64::MAX));
    }
}
