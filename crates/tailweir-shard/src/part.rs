//! Parts of requests, and what becomes of them.

use tailweir_core::{Moment, TraceId};
use tailweir_otlp::Scan;
use tailweir_placement::{Epoch, Incarnation, TenureId};
use tailweir_tenure::Reply;

/// Spans of a request that are for one shard.
pub trait Spans {
    /// The request: OTLP TracesData.
    fn body(&self) -> &[u8];
    /// Its scan.
    fn scan(&self) -> &Scan;
    /// Which of its spans; those of a trace together, as far as the client put them so.
    fn selected(&self) -> &[u32];
}

/// What a gateway brings.
#[derive(Debug)]
pub struct Part<S, T> {
    /// The spans.
    pub spans: S,
    /// Of the table by which they were routed.
    pub epoch: Epoch,
    /// When the gateway was sent here with these traces: the epoch that created their tenure.
    pub tenure: Option<Epoch>,
    /// When the gateway gives up.
    pub patience: Moment,
    /// Comes back with the answer.
    pub ticket: T,
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Its traces are safe, but for these, which belong elsewhere.
    Taken(Vec<Redirect>),
    /// None of it counts as taken. It may be sent again.
    Refused(Refusal),
}

/// Where a trace belongs that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect {
    /// The trace.
    pub trace: TraceId,
    /// By the table of this epoch.
    pub epoch: Epoch,
    /// The tenure that has it and its owner; where that is not said, to the owner of its slot.
    pub pinned: Option<(TenureId, Incarnation)>,
}

impl Redirect {
    /// What a gateway is told of a trace that is not taken: where it belongs; nothing when it was dropped.
    ///
    /// # Errors
    /// Why nobody takes it now.
    pub(crate) fn of(trace: TraceId, reply: Reply) -> Result<Option<Self>, Refusal> {
        let (epoch, pinned) = match reply {
            Reply::Acknowledged => return Ok(None),
            Reply::Hold => return Err(Refusal::NotOpen),
            Reply::Behind { epoch } => return Err(Refusal::Behind(epoch)),
            Reply::NoSecondCopy => return Err(Refusal::NoSecondCopy),
            Reply::Moved { epoch } => (epoch, None),
            Reply::Pinned {
                tenure,
                owner,
                epoch,
            } => (epoch, Some((tenure, owner))),
        };
        Ok(Some(Self {
            trace,
            epoch,
            pinned,
        }))
    }

    /// What the owner said, for the journey of the trace.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let epoch = self.epoch;
        match self.pinned {
            Some((tenure, owner)) => Reply::Pinned {
                tenure,
                owner,
                epoch,
            },
            None => Reply::Moved { epoch },
        }
    }
}

/// Why a part was refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The engine has no room.
    #[error(transparent)]
    Full(tailweir_sampler::Refusal),
    /// The tenure did not open in time.
    #[error("the slot is being handed over; try again")]
    NotOpen,
    /// No second member is there to keep a copy.
    #[error("no second sampler can keep a copy of these spans now; try again")]
    NoSecondCopy,
    /// The gateway knows a newer table.
    #[error("this sampler's table, of epoch {0}, is older than the gateway's; try again")]
    Behind(Epoch),
    /// The second member did not answer in time.
    #[error("the copy of these spans was not confirmed in time; try again")]
    Unconfirmed,
    /// The second member has no memory for a copy.
    #[error("the second sampler has no room for a copy of these spans; try again")]
    NoRoom,
}

impl Refusal {
    /// Whether a part may wait here for it to pass: what lacks comes within moments, or not at all.
    pub(crate) fn passes_soon(self) -> bool {
        !matches!(self, Self::Full(_) | Self::NoRoom)
    }
}
