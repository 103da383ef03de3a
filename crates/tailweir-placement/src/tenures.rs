//! The tenures of one slot, and the only ways in which they change.

use crate::{Epoch, Incarnation, Second, Tenure};
use std::cell::Cell;

/// A slot that has [`Tenures::COUNT_MAX`] tenures, so that its move has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the slot has {} tenures already; clear one before it moves again",
    Tenures::COUNT_MAX
)]
pub struct Full;

/// What the controllers know of a member that a row names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Does its part.
    Serving,
    /// Does its part, and is to be replaced where another member can take over.
    Leaving,
    /// Does not answer. What it holds may come back with it.
    Down,
    /// What it held is gone: a later incarnation took its name.
    Gone,
}

impl Standing {
    fn runs(self) -> bool {
        matches!(self, Self::Serving | Self::Leaving)
    }
}

/// What a repair did to a tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing: it is whole, or waits for a member that may come back.
    Unchanged,
    /// It has a new view.
    Changed,
    /// Nothing of it is left, and that is certain. It can only be forgotten.
    Lost,
}

/// The tenures of a slot, oldest first: the last is *current*, those before it are *closing*.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenures(Vec<Tenure>);

impl Tenures {
    /// Most tenures of a slot. A further move waits until one is cleared; repairs add none.
    pub const COUNT_MAX: usize = 4;

    /// A slot whose first tenure begins with this pair.
    #[must_use]
    pub fn first(epoch: Epoch, owner: Incarnation, second: Second) -> Self {
        Self(vec![Tenure::begin(epoch, owner, second)])
    }

    /// These tenures, oldest first; nothing when there are none, more than [`Self::COUNT_MAX`], or they are not in
    /// the order of their epochs.
    #[must_use]
    pub fn from_rows(rows: Vec<Tenure>) -> Option<Self> {
        let ordered = rows
            .windows(2)
            .all(|pair| pair[0].created < pair[1].created);
        let consistent = rows.iter().all(|row| row.created <= row.view);
        ((1..=Self::COUNT_MAX).contains(&rows.len()) && ordered && consistent).then_some(Self(rows))
    }

    /// The tenure that takes new traces.
    #[must_use]
    pub fn current(&self) -> &Tenure {
        &self.0[self.0.len() - 1]
    }

    /// The tenures that finish what they have, oldest first.
    #[must_use]
    pub fn closing(&self) -> &[Tenure] {
        &self.0[..self.0.len() - 1]
    }

    /// All, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Tenure] {
        &self.0
    }

    /// The tenure that began in this epoch.
    #[must_use]
    pub fn get(&self, created: Epoch) -> Option<&Tenure> {
        self.0.iter().find(|tenure| tenure.created == created)
    }

    /// Moves the slot: a tenure begins with this pair, and the one before it starts closing. No span is copied.
    ///
    /// # Errors
    /// [`Full`] when the slot has [`Self::COUNT_MAX`] tenures.
    pub fn begin(&mut self, epoch: Epoch, owner: Incarnation, second: Second) -> Result<(), Full> {
        if self.0.len() >= Self::COUNT_MAX {
            return Err(Full);
        }
        self.0.push(Tenure::begin(epoch, owner, second));
        Ok(())
    }

    /// Replaces lost and leaving members inside the tenure created at `created`, which gets a new view if anything
    /// changes. Only a member that is in sync becomes owner; `candidate` names a member to bring up to date that
    /// is neither of the two given.
    pub fn repair(
        &mut self,
        created: Epoch,
        epoch: Epoch,
        copies: u8,
        standing: impl Fn(Incarnation) -> Standing,
        candidate: impl Fn(Incarnation, Option<Incarnation>) -> Option<Incarnation>,
    ) -> Repaired {
        let Some(tenure) = self.0.iter_mut().find(|tenure| tenure.created == created) else {
            return Repaired::Unchanged;
        };
        let before = (tenure.owner, tenure.second);
        let Some((owner, second)) = repaired(tenure, copies, standing, candidate) else {
            return Repaired::Lost;
        };
        if (owner, second) == before {
            return Repaired::Unchanged;
        }
        (tenure.owner, tenure.second, tenure.view) = (owner, second, epoch);
        Repaired::Changed
    }

    /// Whether [`Self::repair`] has something to do for one of them, if it finds a candidate.
    pub(crate) fn need_repair(
        &self,
        copies: u8,
        standing: impl Fn(Incarnation) -> Standing,
    ) -> bool {
        self.0.iter().any(|tenure| {
            let wants = Cell::new(false);
            let candidate = |_, _| {
                wants.set(true);
                None
            };
            let pair = repaired(tenure, copies, &standing, candidate);
            wants.get() || pair != Some((tenure.owner, tenure.second))
        })
    }

    /// Makes the candidate of that view the replica, because it holds all that its owner holds. Says whether it did.
    pub fn in_sync(&mut self, created: Epoch, view: Epoch) -> bool {
        let found = self
            .0
            .iter_mut()
            .find(|tenure| tenure.created == created && tenure.view == view);
        match found {
            Some(tenure) => match tenure.second {
                Second::Candidate(member) => {
                    tenure.second = Second::Replica(member);
                    true
                }
                Second::None | Second::Replica(_) => false,
            },
            None => false,
        }
    }

    /// Takes another candidate in place of one that did not get in step in that view. Says whether it did.
    pub fn exchange(
        &mut self,
        created: Epoch,
        view: Epoch,
        epoch: Epoch,
        candidate: impl Fn(Incarnation, Option<Incarnation>) -> Option<Incarnation>,
    ) -> bool {
        let found = self
            .0
            .iter_mut()
            .find(|tenure| tenure.created == created && tenure.view == view);
        let Some(tenure) = found else { return false };
        let Second::Candidate(slow) = tenure.second else {
            return false;
        };
        match candidate(tenure.owner, Some(slow)) {
            Some(other) => {
                tenure.second = Second::Candidate(other);
                tenure.view = epoch;
                true
            }
            None => false,
        }
    }

    /// Ends a closed tenure whose verdicts `into` has taken over; refused unless `into` is *still* current, because a
    /// later tenure has not got them. Says whether it did.
    pub fn clear(&mut self, created: Epoch, into: Epoch) -> bool {
        created != into && self.current().created == into && self.forget(created)
    }

    /// Takes a closing tenure out, whatever it holds. The current one is never taken out: see
    /// [`Self::replace_current`]. Says whether it did.
    pub fn forget(&mut self, created: Epoch) -> bool {
        let closing = self.0.len() - 1;
        let found = self.0[..closing]
            .iter()
            .position(|tenure| tenure.created == created);
        match found {
            Some(at) => {
                self.0.remove(at);
                true
            }
            None => false,
        }
    }

    /// Forgets the current tenure, whatever it holds, and begins another that will not hear of it.
    pub fn replace_current(&mut self, epoch: Epoch, owner: Incarnation, second: Second) {
        self.0.pop();
        self.0.push(Tenure::begin(epoch, owner, second));
    }
}

/// The pair that a tenure should have now, or nothing when all that it held is gone for certain.
fn repaired(
    tenure: &Tenure,
    copies: u8,
    standing: impl Fn(Incarnation) -> Standing,
    candidate: impl Fn(Incarnation, Option<Incarnation>) -> Option<Incarnation>,
) -> Option<(Incarnation, Second)> {
    let (owner, second) = (tenure.owner, tenure.second);
    let owner_stands = standing(owner);
    let successor = second.replica().filter(|&replica| {
        standing(replica) == Standing::Serving
            || (standing(replica) == Standing::Leaving && !owner_stands.runs())
    });
    if owner_stands != Standing::Serving
        && let Some(successor) = successor
    {
        let copy = (copies > 1)
            .then(|| candidate(successor, Some(owner)))
            .flatten();
        return Some((successor, copy.map_or(Second::None, Second::Candidate)));
    }
    if !owner_stands.runs() {
        return survives(tenure, copies, standing).then_some((owner, second));
    }
    let wanted = copies > 1 || owner_stands == Standing::Leaving;
    let second_stands = second.member().map(&standing);
    let whole = match second_stands {
        Some(Standing::Serving) => true,
        Some(_) => false,
        None => !wanted,
    };
    if whole {
        return Some((owner, second));
    }
    let copy = wanted
        .then(|| candidate(owner, second.member()))
        .flatten()
        .map(Second::Candidate);
    // A copy that is leaving is better than none.
    let kept = if second_stands == Some(Standing::Leaving) {
        second
    } else {
        Second::None
    };
    Some((owner, copy.unwrap_or(kept)))
}

/// Whether what a tenure without a running member in sync held may still come back.
///
/// With one copy nobody waits for that: a crash loses the window, and the slot goes on.
fn survives(tenure: &Tenure, copies: u8, standing: impl Fn(Incarnation) -> Standing) -> bool {
    let replica = tenure.second.replica();
    copies > 1
        && (standing(tenure.owner) != Standing::Gone
            || replica.is_some_and(|member| standing(member) != Standing::Gone))
}
