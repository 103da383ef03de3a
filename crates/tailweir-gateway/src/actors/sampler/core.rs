//! What holds and decides traces: an engine that is alone, or one under the hand-over protocol.

use super::ShardChange;
use super::member::Member;
use std::sync::Arc;
use tailweir_export::Amount;
use tailweir_sampler::{Engine, PolicyCounts};
use tailweir_shard::ShardState;

/// See the module.
pub(super) enum Core {
    /// The process is alone: what the engine decides holds at once.
    Alone(Box<Engine>),
    /// The process is a member of a cluster.
    Member(Box<Member>),
}

impl Core {
    pub(super) fn engine(&self) -> &Engine {
        match self {
            Self::Alone(engine) => engine,
            Self::Member(member) => member.shard().engine(),
        }
    }

    /// Goes by other settings and policies. Returns what the old policies did.
    pub(super) fn change(&mut self, change: &ShardChange) -> Vec<PolicyCounts> {
        let policies = Arc::clone(&change.policies);
        match self {
            Self::Alone(engine) => {
                engine.replace_settings(change.engine.clone());
                engine.replace_policies(policies)
            }
            Self::Member(member) => member.change(change, policies),
        }
    }

    /// Spans that left the engine and are not on their way to the stage behind yet.
    pub(super) fn leaving(&self) -> Amount {
        match self {
            Self::Alone(_) => Amount::default(),
            Self::Member(member) => {
                let (items, bytes) = member.shard().leaving();
                Amount { items, bytes }
            }
        }
    }

    /// Memory of what it holds, for itself and for others, in bytes.
    pub(super) fn memory(&self) -> u64 {
        // Asked after every message: not by way of the whole state, which walks through all tenures.
        let copies = match self {
            Self::Alone(_) => 0,
            Self::Member(member) => member.shard().copied_bytes(),
        };
        self.engine().held_memory().bytes() + copies as u64
    }

    /// What it is in a cluster.
    pub(super) fn state(&self) -> Option<ShardState> {
        match self {
            Self::Alone(_) => None,
            Self::Member(member) => Some(member.shard().state()),
        }
    }

    /// Tracestates that could not be given a threshold, where the core writes them itself.
    pub(super) fn unwritten_thresholds(&self) -> u64 {
        match self {
            Self::Alone(_) => 0,
            Self::Member(member) => member.shard().unwritten_thresholds(),
        }
    }
}
