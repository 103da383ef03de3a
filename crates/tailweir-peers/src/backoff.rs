//! Pauses between attempts to reach a member.

use crate::PeersSettings;
use std::time::Duration;

/// Doubles from the first pause to the longest.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(settings: &PeersSettings) -> Self {
        Self {
            min: settings.pause_min,
            max: settings.pause_max,
            next: settings.pause_min,
        }
    }

    /// The next pause: half of it at least, and a random part of the rest, so that members which lost the same peer do
    /// not come back together.
    pub(crate) fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.max);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// The member was reached.
    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use crate::PeersSettings;
    use std::time::Duration;

    /// Scenario: a member cannot be reached for long, then once.
    /// Guarantees: pauses double up to the longest, none is less than half of its step, and they begin anew.
    #[test]
    fn pauses_grow_to_a_bound() {
        let mut backoff = Backoff::new(&PeersSettings::default());
        for step in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            let pause = backoff.pause();
            let step = Duration::from_millis(step);
            assert!((step / 2..=step).contains(&pause), "{pause:?} of {step:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(50));
    }
}
