//! What members of a cluster say to each other: messages, clients and servers, generated from `/proto`.
//!
//! No logic but how a message gets its memory. The files themselves are the documentation of the wire; a field is added, never
//! changed, so that two versions of Tailweir that follow each other understand one another.

mod codec;
mod generated;

pub use codec::{WholeCodec, WholeEncoder};
pub use generated::{control, peer};
