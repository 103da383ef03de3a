//! What a shard is told at its start.

use std::time::Duration;
use tailweir_core::Slot;
use tailweir_placement::Incarnation;

/// Settings of one [`Shard`](crate::Shard), beside those of its engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardSettings {
    /// The process's own incarnation.
    pub incarnation: Incarnation,
    /// Which of the slots are this shard's: those whose number leaves this remainder...
    pub index: usize,
    /// ...when divided by this, the number of shards of the process.
    pub shards: usize,
    /// Of the hash that gives a trace its slot; the same in the whole cluster.
    pub slot_seed: u64,
    /// Whether one copy is enough to acknowledge.
    pub one_copy: bool,
    /// How long a part may wait for its tenure to open, for a table or for a second member. Default 2 s.
    pub hold: Duration,
    /// How long a verdict is remembered for late spans. Default 90 s.
    pub verdict_life: Duration,
    /// Most verdicts to remember, as owner and as second member. Beyond it those go whose life is half over.
    pub verdicts_max: usize,
    /// Memory for what other members own, in bytes. Beyond it records are not stored, and their owners are told, so that
    /// they refuse.
    pub copies_budget: usize,
    /// Names the policies in force.
    pub revision: u64,
    /// Whether thresholds are written into kept spans.
    pub write_threshold: bool,
    /// Whether the policy's name is written into the scopes of kept spans.
    pub record_policy: bool,
}

impl ShardSettings {
    /// Pause before a question without an answer is put again.
    pub const ASK_AGAIN: Duration = Duration::from_millis(200);
    /// Pause before parts that wait are tried again, and closed fences are looked at.
    pub const RETRY: Duration = Duration::from_millis(10);
    /// How long a second member may be silent before it is reminded.
    pub const REMIND: Duration = Duration::from_secs(5);
}

/// The slots of a shard: see [`ShardSettings::index`].
pub(crate) fn slots_of(index: usize, shards: usize) -> impl Iterator<Item = Slot> {
    let slots = (index..Slot::COUNT).step_by(shards.max(1));
    slots.filter_map(Slot::new)
}
