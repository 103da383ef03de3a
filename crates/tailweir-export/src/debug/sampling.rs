//! Which requests are written when there are many.

use parking_lot::Mutex;
use std::time::Duration;
use tailweir_core::Signal;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);

/// Of each second the first `initial` requests of a signal, then each `thereafter`-th.
pub(super) struct Sampling {
    initial: u64,
    /// Zero: none of the others.
    thereafter: u64,
    windows: Mutex<[Window; Signal::ALL.len()]>,
}

#[derive(Clone, Copy)]
struct Window {
    since: Option<Instant>,
    count: u64,
}

impl Sampling {
    pub(super) fn new(initial: i64, thereafter: i64) -> Self {
        let positive = |number| u64::try_from(number).unwrap_or(0);
        let window = Window {
            since: None,
            count: 0,
        };
        Self {
            initial: positive(initial),
            thereafter: positive(thereafter),
            windows: Mutex::new([window; Signal::ALL.len()]),
        }
    }

    pub(super) fn allows(&self, signal: Signal, now: Instant) -> bool {
        let mut windows = self.windows.lock();
        let window = &mut windows[signal as usize];
        let is_over = |since| now.saturating_duration_since(since) >= WINDOW;
        if window.since.is_none_or(is_over) {
            *window = Window {
                since: Some(now),
                count: 0,
            };
        }
        window.count += 1;
        let beyond = window.count.saturating_sub(self.initial);
        beyond == 0 || (self.thereafter > 0 && beyond.is_multiple_of(self.thereafter))
    }
}

#[cfg(test)]
mod tests {
    use super::Sampling;
    use std::time::Duration;
    use tailweir_core::Signal;
    use tokio::time::Instant;

    /// Scenario: ten requests in one second and two in the next, of which two and then each third pass.
    /// Guarantees: signals and seconds are counted apart.
    #[test]
    fn each_second_begins_anew() {
        let (sampling, now) = (Sampling::new(2, 3), Instant::now());
        let allowed = |signal, now| sampling.allows(signal, now);
        let first: Vec<_> = (1..=10).filter(|_| allowed(Signal::Traces, now)).collect();
        assert_eq!(first, [1, 2, 5, 8]);
        assert!(allowed(Signal::Logs, now));
        let next = now + Duration::from_secs(1);
        assert!(allowed(Signal::Traces, next) && allowed(Signal::Traces, next));
        assert!(!allowed(Signal::Traces, next));
    }

    /// Scenario: `sampling_thereafter` is zero.
    /// Guarantees: nothing passes beyond the first ones.
    #[test]
    fn zero_thereafter_is_none() {
        let (sampling, now) = (Sampling::new(1, 0), Instant::now());
        let passed = (0..5)
            .filter(|_| sampling.allows(Signal::Traces, now))
            .count();
        assert_eq!(passed, 1);
    }
}
