//! What a sampler's actor is told.

use super::{ShardChange, ShardReport};
use crate::pipeline::{Portion, Routed};
use crate::refusal::Refusal;
use ractor::RpcReplyPort;
use std::sync::Arc;
use tailweir_core::TraceId;
use tailweir_placement::{Incarnation, RoutingTable};
use tailweir_shard::{Answer, Fate, Part, Piece, Ruled};
use tailweir_tenure::Message;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

/// What a sampler is told.
#[derive(Debug)]
pub(crate) enum SamplerMsg {
    /// Spans of one request. Taken whole or not at all.
    Append {
        /// The request.
        routed: Arc<Routed>,
        /// Which of its groups is ours.
        shard: usize,
        /// Answered when the spans are held.
        reply: RpcReplyPort<Result<(), Refusal>>,
    },
    /// A part of a request, routed by its gateway.
    Bring(Box<Part<Portion, oneshot::Sender<Answer>>>),
    /// Letters of another member.
    Letters {
        /// Who wrote them.
        from: Incarnation,
        /// In their order.
        messages: Vec<Message<Piece, Ruled>>,
        /// Their share of what may wait in mailboxes.
        _room: Option<OwnedSemaphorePermit>,
    },
    /// There is a newer table.
    Learn {
        /// The table.
        table: Arc<RoutingTable>,
    },
    /// Letters to a member were lost.
    Remind {
        /// Which.
        member: Incarnation,
    },
    /// Kept spans were delivered, or are counted as lost.
    Delivered,
    /// It is there again: what it was told meanwhile nobody heard.
    CatchUp,
    /// What came before it is dealt with: letters that were written meanwhile leave together.
    Post,
    /// A deadline has come, or it is time to offer again what found no room.
    Tick,
    /// Other policies and settings hold from here on.
    Change {
        /// What changes.
        change: Box<ShardChange>,
        /// Answered when they hold.
        reply: RpcReplyPort<()>,
    },
    /// Says what it has done and holds.
    Report {
        /// Answered at once.
        reply: RpcReplyPort<ShardReport>,
    },
    /// Says what became of traces.
    Tell {
        /// Which.
        traces: Vec<TraceId>,
        /// Answered at once, in their order.
        reply: RpcReplyPort<Vec<Fate>>,
    },
    /// Decides everything now.
    Drain {
        /// Cancelled when it is in service again: nothing is done then.
        back: CancellationToken,
        /// Answered when all that is kept has left.
        reply: RpcReplyPort<()>,
    },
    /// Fails, as a defect would.
    #[cfg(test)]
    Fail,
}
