//! What the core of Raft cannot say about itself. What it said last stays as it was while it is held up, by a disk or for want
//! of a processor: also that it leads.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// When the core of Raft was last seen to run along, and its quorum to answer.
#[derive(Debug)]
pub(super) struct Pulse {
    /// A controller that was silent for so long may have a successor.
    patience: Duration,
    beat: Mutex<Instant>,
    /// A term in which no quorum has answered yet, and since when that is known.
    unanswered: Mutex<Option<(u64, Instant)>>,
}

impl Pulse {
    /// Of a core that starts now.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            beat: Mutex::new(Instant::now()),
            unanswered: Mutex::default(),
        }
    }

    /// For how long the core, and its quorum, may be silent.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// The core runs.
    pub(super) fn beat(&self) {
        *self.beat.lock() = Instant::now();
    }

    /// Whether the core ran a short time ago.
    pub(super) fn beats(&self) -> bool {
        self.beat.lock().elapsed() <= self.patience
    }

    /// Whether the quorum of a leader answers: for so long it did not, or never in this term.
    pub(super) fn hears_quorum(&self, term: u64, silence: Option<Duration>) -> bool {
        let mut unanswered = self.unanswered.lock();
        let silence = match silence {
            Some(silence) => {
                *unanswered = None;
                silence
            }
            None => {
                let known = unanswered.filter(|(known, _)| *known == term);
                let (_, since) = *unanswered.insert(known.unwrap_or((term, Instant::now())));
                since.elapsed()
            }
        };
        silence <= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::Pulse;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(4);

    /// Scenario: a core is asked, and answers, and then does not for longer than it may take; then it does again.
    /// Guarantees: it counts as running exactly as long as its last answer is no older than that.
    #[tokio::test(start_paused = true)]
    async fn a_core_that_is_held_up_does_not_count() {
        let pulse = Pulse::new(PATIENCE);
        tokio::time::advance(PATIENCE).await;
        assert!(pulse.beats());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!pulse.beats());
        pulse.beat();
        assert!(pulse.beats());
    }

    /// Scenario: a leader is cut off before its quorum has answered once; in its next term it answers late; then it is asked
    /// how long ago that was.
    /// Guarantees: it counts as a leader for as long as one whose quorum has answered before, and no longer; each term has its
    /// own time.
    #[tokio::test(start_paused = true)]
    async fn a_leader_that_its_quorum_never_answered_does_not_lead_for_ever() {
        let pulse = Pulse::new(PATIENCE);
        assert!(pulse.hears_quorum(1, None));
        tokio::time::advance(PATIENCE + Duration::from_millis(1)).await;
        assert!(!pulse.hears_quorum(1, None));
        assert!(pulse.hears_quorum(2, None));
        assert!(pulse.hears_quorum(2, Some(PATIENCE)));
        assert!(!pulse.hears_quorum(2, Some(PATIENCE + Duration::from_millis(1))));
        assert!(pulse.hears_quorum(2, None));
    }
}
