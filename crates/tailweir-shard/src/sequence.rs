//! What a part says beside its streams when it is of sums that several processes count.

use tailweir_core::Slot;

/// Which request of changes a part is of, so that an owner of series knows what it is brought again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// A number that nobody else has: of a connector of a process that counted.
    pub origin: u64,
    /// Of the request among those of this origin, rising.
    pub number: u64,
    /// When the part is no changes, but what an owner knew of its slots: each of them.
    pub handed: Vec<Handed>,
}

/// A slot whose sums go to its next owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The slot.
    pub slot: Slot,
    /// The last changes of each origin that are in them.
    pub taken: Vec<Counted>,
    /// Whether another member may have taken them before and gone on from there: it was asked and did not answer.
    pub is_doubtful: bool,
}

/// The last request of changes of one origin that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// As in [`Sequence::origin`].
    pub origin: u64,
    /// As in [`Sequence::number`].
    pub number: u64,
}
