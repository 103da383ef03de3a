//! The way of one part of a request from sampler to sampler, at the gateway.

use crate::Reply;
use tailweir_placement::{Epoch, Incarnation, TenureId};

/// What the gateway does next with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// It is acknowledged.
    Done,
    /// Send it to the owner of its slot, by a table of at least this epoch.
    Route {
        /// The epoch.
        epoch: Epoch,
    },
    /// Send it to this sampler, for this tenure.
    Send {
        /// The sampler.
        to: Incarnation,
        /// The tenure.
        tenure: TenureId,
    },
    /// Refuse the whole request, retryably.
    Refuse,
}

/// Follows redirects inside one client request, at most [`Journey::HOPS_MAX`] and only towards newer or equal tables,
/// so that two nodes that disagree cannot send a part around in circles. Nothing is remembered after the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journey {
    hops: u8,
    epoch: Epoch,
}

impl Journey {
    /// Most redirects that are followed.
    pub const HOPS_MAX: u8 = 4;

    /// A part that was routed by the table of this epoch.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self { hops: 0, epoch }
    }

    /// What to do after a sampler's answer.
    pub fn next(&mut self, reply: Reply) -> Hop {
        match reply {
            Reply::Acknowledged => Hop::Done,
            Reply::Moved { epoch } => self.hop(epoch, Hop::Route { epoch }),
            Reply::Pinned {
                tenure,
                owner,
                epoch,
            } => self.hop(epoch, Hop::Send { to: owner, tenure }),
            // Held at the sampler until its bounds are passed; then it is refused.
            Reply::Hold | Reply::Behind { .. } | Reply::NoSecondCopy => Hop::Refuse,
        }
    }

    fn hop(&mut self, epoch: Epoch, towards: Hop) -> Hop {
        if epoch < self.epoch || self.hops >= Self::HOPS_MAX {
            return Hop::Refuse;
        }
        self.hops += 1;
        self.epoch = epoch;
        towards
    }
}
