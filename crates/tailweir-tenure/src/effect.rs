//! What the protocol asks its caller to do.

use crate::{Fragment, Message, Number, Until};
use tailweir_core::TraceId;
use tailweir_placement::{Epoch, Incarnation, TenureId};

/// Something to do, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<F, V> {
    /// Send a message to that sampler.
    Send {
        /// The receiver.
        to: Incarnation,
        /// The message.
        message: Message<F, V>,
    },
    /// The fragment is safe: tell its gateway.
    Acknowledge {
        /// The tenure that took it.
        tenure: TenureId,
        /// The fragment.
        number: Number,
    },
    /// The fragment was not taken after all: answer its gateway `Moved`, and forget its spans.
    Return {
        /// The tenure that had it.
        tenure: TenureId,
        /// Its trace.
        trace: TraceId,
        /// The fragment.
        number: Number,
    },
    /// The fragment belongs to a kept trace and is stored: deliver it, as soon as the fence is open, and report.
    Export {
        /// The tenure.
        tenure: TenureId,
        /// The fragment.
        number: Number,
    },
    /// The fragment belongs to a dropped trace: forget its spans.
    Discard {
        /// The tenure.
        tenure: TenureId,
        /// The fragment.
        number: Number,
    },
    /// The verdict holds: one that was proposed, perhaps another than the one proposed here, or one that came with a
    /// promotion or from an older tenure. A trace has one, wherever this is said.
    Decided {
        /// The tenure.
        tenure: TenureId,
        /// The trace.
        trace: TraceId,
        /// The verdict and its life.
        verdict: Until<V>,
    },
    /// The verdict that was proposed does not hold, because the view changed: evaluate the trace again.
    Reconsider {
        /// The tenure.
        tenure: TenureId,
        /// The trace.
        trace: TraceId,
    },
    /// This sampler was promoted: index what it kept as a copy.
    Index {
        /// The tenure.
        tenure: TenureId,
        /// The fragment's name.
        number: Number,
        /// Its spans, and when its trace is due.
        fragment: Until<Fragment<F>>,
    },
    /// This sampler has no part in the tenure any more: forget its spans and take them out of export queues.
    Drop {
        /// The tenure.
        tenure: TenureId,
        /// Whether it had fragments of which its second member did not say that it has them: they may be nowhere.
        unconfirmed: bool,
    },
    /// Tell the controllers that the candidate of this view holds everything.
    InSync {
        /// The tenure.
        tenure: TenureId,
        /// Its view.
        view: Epoch,
    },
    /// Ask the controllers to end a closed tenure, if the other one is still current.
    Clear {
        /// The closed tenure.
        tenure: TenureId,
        /// The epoch that created the tenure which has its verdicts.
        into: Epoch,
    },
}

/// What is said to a gateway whose span is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Its trace was dropped, so nothing has to be kept.
    Acknowledged,
    /// Not this node's: route it by a table of at least this epoch.
    Moved {
        /// This node's newest.
        epoch: Epoch,
    },
    /// It belongs to an older tenure of the slot.
    Pinned {
        /// The tenure.
        tenure: TenureId,
        /// Its owner.
        owner: Incarnation,
        /// By the table of this epoch.
        epoch: Epoch,
    },
    /// The tenure is not open yet. Hold it, within bounds, or refuse.
    Hold,
    /// The gateway's table is newer. Hold it, within bounds, until this node has that table too.
    Behind {
        /// This node's newest.
        epoch: Epoch,
    },
    /// There is no second copy to be had now. Refuse, retryably.
    NoSecondCopy,
}
