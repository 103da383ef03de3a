//! The actors: what is restarted when it fails, and by whom.
//!
//! ```text
//! node
//! |-- samplers   one per shard of a tail_sampling processor   its store is lent, so a panic loses no trace
//! `-- workers    one per exporter, batch and connector        what it works on is shared, and outlives it
//! ```
//!
//! Mailboxes are unbounded in ractor. What goes into one carries the permit of its request, so
//! admission bounds all of them together.

mod node;
mod sampler;
mod ticker;
mod worker;

pub(crate) use node::{Child, Node, Nursery};
pub(crate) use sampler::{
    Place, Shard, ShardChange, ShardReport, ShardSettings, Witness, Witnesses,
};
