//! The steps of a run.

use crate::controllers::Request;
use crate::node::Packet;
use crate::shared::Shared;
use crate::span::Span;
use tailweir_placement::Epoch;
use tailweir_tenure::Number;

/// One step. Any step that is possible may come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A gateway, of whatever table, brings a span to a node for a tenure.
    Offer {
        /// The node.
        node: usize,
        /// The tenure.
        created: Epoch,
        /// The span.
        span: Span,
    },
    /// A message arrives.
    Deliver(Shared<Packet>),
    /// A message is lost.
    Lose(Shared<Packet>),
    /// A node says again what has no answer yet.
    Remind(usize),
    /// A node learns the newest table.
    Learn(usize),
    /// A trace is due at a node.
    Decide {
        /// The node.
        node: usize,
        /// The tenure.
        created: Epoch,
        /// The trace.
        trace: u8,
    },
    /// A fragment reaches the backend.
    Export {
        /// The node.
        node: usize,
        /// The tenure.
        created: Epoch,
        /// The fragment.
        number: Number,
    },
    /// The controllers do what a sampler asked for.
    Apply(Request),
    /// The slot moves to the next pair of the scenario.
    Move,
    /// A node loses what it holds.
    Crash(usize),
    /// It starts again.
    Restart(usize),
    /// A node is taken for dead, and goes on.
    Suspect(usize),
    /// Its lease is renewed.
    Renew(usize),
    /// A node is to be replaced while it runs.
    Evacuate(usize),
}

impl Action {
    /// Whether it happens sooner or later; the others may or may not.
    pub(crate) fn is_certain(&self) -> bool {
        !matches!(
            self,
            Self::Move | Self::Crash(_) | Self::Suspect(_) | Self::Evacuate(_) | Self::Lose(_)
        )
    }

    /// Whether it is offered only when it changes something.
    pub(crate) fn is_always_possible(&self) -> bool {
        matches!(
            self,
            Self::Learn(_)
                | Self::Export { .. }
                | Self::Apply(_)
                | Self::Restart(_)
                | Self::Renew(_)
        )
    }
}
