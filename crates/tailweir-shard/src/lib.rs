//! A shard of a cluster's sampler: an engine that holds and decides traces, under the hand-over protocol.
//!
//! `tailweir-sampler` knows spans and policies and nothing of other machines; `tailweir-tenure` knows who may take, store
//! and act on what, and nothing of spans. A [`Shard`] is both for a part of the slots, and still without I/O: parts of
//! requests, letters of other samplers, tables and the time go in; answers, letters, kept spans and reports come out
//! in an [`Outbox`].
//!
//! ```text
//! part ----> admit (tenancy) --> hold (engine) --> propose (tenancy) ---letter--> second member
//!                                                                                    |
//! answer <-- acknowledged <---------------------- stored <------------letter---------+
//!
//! time ----> due (engine) --> judge (policies) --> propose the verdict --letter--> second member
//!                                                                                    |
//! kept <---- carry out (engine) <----------------- stored <-----------letter---------+
//! ```
//!
//! The engine puts a decision to the tenancy, and carries it out when the tenancy says that it holds. Spans are in the
//! engine's store, or as bytes where the engine has no use for them: at a second member, and on their way out.
//! [`Piece`] says which.

mod adopt;
mod carry_out;
mod consent;
mod copies;
mod copying;
mod delivered;
mod exports;
mod logs;
mod marks;
mod outbox;
mod part;
mod piece;
mod room;
mod ruled;
mod sequence;
mod settings;
mod shard;
mod take;
mod tie;
mod upkeep;
mod voice;

pub use consent::Consent;
pub use delivered::DELIVERED_MAX;
pub use logs::{
    LeavingLogs, LogAmount, LogBooks, LogBounds, LogFragment, LogOutbox, LogShard,
    LogShardSettings, Logs, MalformedLogs, OnwardLogs, body_of,
};
pub use marks::Marks;
pub use outbox::{Kept, Outbox, Ruling};
pub use part::{Answer, Part, Redirect, Refusal, Spans};
pub use piece::Piece;
pub use ruled::{Fate, Outcome, Ruled};
pub use sequence::{Counted, Handed, Sequence};
pub use settings::ShardSettings;
pub use shard::{Shard, ShardState};
pub use tie::Tie;
// What an outbox holds.
pub use tailweir_placement::Report;
