//! What a log shard is told at its start.

use std::time::Duration;
use tailweir_placement::Incarnation;
use tailweir_sampler::TraceHoldSettings;

/// Settings of one [`LogShard`](crate::LogShard).
#[derive(Debug, Clone, PartialEq)]
pub struct LogShardSettings {
    /// The process's own incarnation.
    pub incarnation: Incarnation,
    /// Which of the slots are this shard's: those whose number leaves this remainder...
    pub index: usize,
    /// ...when divided by this: 1 where one shard has all of them.
    pub shards: usize,
    /// Of the hash that gives a trace its slot; the same in the whole cluster.
    pub slot_seed: u64,
    /// Seeds its tables.
    pub seed: u64,
    /// Whether one copy is enough to acknowledge.
    pub one_copy: bool,
    /// How long a part may wait for its tenure to open, for a table or for a second member.
    pub patience: Duration,
    /// What bounds it; may change.
    pub bounds: LogBounds,
}

/// What bounds the records of a [`LogShard`](crate::LogShard).
#[derive(Debug, Clone, PartialEq)]
pub struct LogBounds {
    /// How long records wait, and how many bytes of them may, those that were another member's before among them.
    pub hold: TraceHoldSettings,
    /// Whether records are kept about whose trace nobody decided in time.
    pub keeps_undecided: bool,
    /// Bytes of records that this member owns, until they are delivered. Beyond it records that come pass without waiting.
    pub own: u64,
    /// Bytes of records that other members own. Beyond it they are not stored, and their owners are told, so that they refuse.
    pub copies: usize,
}

impl LogBounds {
    /// In a cluster that keeps two copies half of the budget is for what a member owns, and half for what others do. What it
    /// takes over of those when they are gone may wait.
    #[must_use]
    pub fn new(hold: TraceHoldSettings, keeps_undecided: bool, one_copy: bool) -> Self {
        let budget = hold.memory_budget.bytes();
        let copies = if one_copy { 0 } else { budget / 2 };
        Self {
            hold,
            keeps_undecided,
            own: budget - copies,
            copies: copies as usize,
        }
    }
}

impl LogShardSettings {
    /// How long it is remembered that a fragment has left, so that it is known when its client sends it again.
    pub const VERDICT_LIFE: Duration = Duration::from_secs(60);
    /// Most fragments to remember so, as owner and as second member, about 100 bytes each. Beyond it those go whose life is
    /// half over.
    pub const VERDICTS_MAX: usize = 400_000;
    /// Pause before a fragment is brought again to the new owner of its slot, which did not take it.
    pub const HAND_ON_AGAIN: Duration = Duration::from_millis(500);
}
