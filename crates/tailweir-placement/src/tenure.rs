//! The responsibility of one pair for one slot.

use crate::{Epoch, Incarnation};
use std::fmt;
use tailweir_core::Slot;

/// Names a tenure: its slot, and the epoch that created it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenureId {
    /// The slot.
    pub slot: Slot,
    /// The epoch of the move that began it.
    pub created: Epoch,
}

impl fmt::Display for TenureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.slot.index(), self.created)
    }
}

/// The other member of a tenure beside its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Second {
    /// Nobody: one copy is all that is asked for, or there is no other member.
    None,
    /// Has everything that the owner acted on. It may be promoted.
    Replica(Incarnation),
    /// Is being brought up to date by the owner. It is never promoted.
    Candidate(Incarnation),
}

impl Second {
    /// The replica, if there is one.
    #[must_use]
    pub fn replica(self) -> Option<Incarnation> {
        match self {
            Self::Replica(member) => Some(member),
            Self::None | Self::Candidate(_) => None,
        }
    }

    /// The replica or the candidate.
    #[must_use]
    pub fn member(self) -> Option<Incarnation> {
        match self {
            Self::Replica(member) | Self::Candidate(member) => Some(member),
            Self::None => None,
        }
    }
}

/// A row: who is responsible for the traces that a slot took in from one epoch on, until another tenure began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenure {
    /// The epoch of the move that began it; with the slot, its id.
    pub created: Epoch,
    /// The epoch of its last repair, or of its beginning. A record counts only in the view in which it was made.
    pub view: Epoch,
    /// Takes spans, decides, exports.
    pub owner: Incarnation,
    /// Stores what the owner must not lose.
    pub second: Second,
}

impl Tenure {
    pub(crate) fn begin(epoch: Epoch, owner: Incarnation, second: Second) -> Self {
        Self {
            created: epoch,
            view: epoch,
            owner,
            second,
        }
    }

    /// Whether this row names `member` in any role.
    #[must_use]
    pub fn names(&self, member: Incarnation) -> bool {
        self.owner == member || self.second.member() == Some(member)
    }
}
