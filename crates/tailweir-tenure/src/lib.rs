//! The hand-over protocol: what a sampler keeps, says and may do for the slots that it owns or copies.
//!
//! A slot's traces are the responsibility of a pair, the owner and its replica, for one *tenure*. Whatever must
//! survive is a *record*: the owner proposes, the replica stores, then the owner acts. This room is both sides of that,
//! and the gateway's, as state machines without I/O: messages, table rows and the time go in, [`Effect`]s come out.
//! Spans stay opaque: a fragment is a handle of the caller. `docs/handover-protocol.md` is the whole in prose.
//!
//! ```text
//!  table rows --> Tenancy --+--> Owner: admits, proposes, acts on answers --- Record --> Copy: stores or refuses
//!  fragments  -->           |      ^                                                      |
//!  verdicts   -->           +      +-------------------------- Answer --------------------+
//! ```
//!
//! Callers: the sampler's data plane, which owns sockets and spans, and the model checker of `cluster-tests`, which
//! runs these very types through every order of events. Nothing here decides, exports or reads a clock.

mod copy;
mod effect;
mod fence;
mod flat;
mod holding;
mod journey;
mod message;
mod owner;
mod remaining;
mod tenancy;

pub use effect::{Effect, Reply};
pub use fence::Fence;
pub use holding::{Fragment, Number, Ruling};
pub use journey::{Hop, Journey};
pub use message::{Answer, Index, Manifest, Message, Record};
pub use remaining::{Remaining, Until};
pub use tenancy::{Received, Standing, Tenancy};
