//! What the controllers agree to do to the table, and what came of it.

use crate::{Epoch, Incarnation, MemberName, Second, TenureId, Weight};
use std::sync::Arc;
use tailweir_core::Slot;

/// A change of the table. Each is one epoch, whatever the number of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A sampler process has started. It gets an incarnation; if its name had one, what that held is gone, and it is
    /// replaced at once.
    Register {
        /// Its name.
        name: MemberName,
        /// Where its peers reach it.
        address: Arc<str>,
        /// Where it fails together with others.
        zone: Arc<str>,
        /// Its share.
        weight: Weight,
    },
    /// A member that was down renews its lease: it is back with what it held.
    Renew(Incarnation),
    /// Leases ran out. These members are replaced where a member in step is left.
    Expire(Vec<Incarnation>),
    /// Joining members become active, and slots move until each active member has its share.
    Rebalance,
    /// A member is to leave: all its slots move away; it stays until no row names it. A later life that has its name
    /// stays where it is.
    Drain(Incarnation),
    /// A draining member runs out of time: it is replaced in its tenures while it still runs.
    Evacuate(Incarnation),
    /// A member left, or is not to come back: it goes from the table with the last row that names it.
    Remove(MemberName),
    /// Candidates hold all that their owners hold, in these views.
    InSync(Vec<(TenureId, Epoch)>),
    /// Candidates did not get in step in these views; others are to try.
    Exchange(Vec<(TenureId, Epoch)>),
    /// Closed tenures whose verdicts the tenure of the second epoch has stored.
    Clear(Vec<(TenureId, Epoch)>),
    /// An operator gives tenures up, with all that they hold.
    Forget(Vec<TenureId>),
}

impl Command {
    /// A [`Command::Register`].
    #[must_use]
    pub fn register(name: MemberName, address: &str, zone: &str, weight: Weight) -> Self {
        Self::Register {
            name,
            address: address.into(),
            zone: zone.into(),
            weight,
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The member is registered as this incarnation.
    Registered(Incarnation),
    /// The table changed, and has this epoch.
    Changed(Epoch),
    /// The table is as it should be already.
    Unchanged,
    /// The command was not applied.
    Refused(Refusal),
}

/// Why a command was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table is full.
    #[error("the cluster has {limit} members already; remove one first")]
    TooManyMembers {
        /// Most members.
        limit: usize,
    },
    /// No such name.
    #[error("no member is called {0}")]
    UnknownMember(MemberName),
    /// No member has this incarnation, or it was removed: the process has to register again.
    #[error("incarnation {0} is not a member; register again")]
    UnknownIncarnation(Incarnation),
    /// Only a draining member is evacuated.
    #[error("{0} is not draining; drain it first")]
    NotDraining(MemberName),
}

/// A pair that the plan or a repair chose.
pub(crate) type Pair = (Incarnation, Second);

/// Slots of tenures, for look-up by slot.
pub(crate) fn by_slot<T: Copy>(
    entries: &[(TenureId, T)],
) -> std::collections::HashMap<Slot, Vec<(Epoch, T)>> {
    let mut found = std::collections::HashMap::<_, Vec<_>>::new();
    for &(id, what) in entries {
        found.entry(id.slot).or_default().push((id.created, what));
    }
    found
}
