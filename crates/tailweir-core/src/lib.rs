//! Ids, units, epochs, the vocabulary of decisions, who sent a request, and hashes for keys from outside.
//!
//! Every other room speaks in these types. This one depends on no other room, reads no clock, opens
//! no socket and knows nothing of OTLP, YAML or actors.
//!
//! ```
//! use tailweir_core::{Slot, TraceId};
//!
//! let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
//! assert!(Slot::of(trace, 0).index() < Slot::COUNT);
//! ```

mod client;
mod id;
mod own;
mod probability;
mod seeded;
mod signal;
mod slot;
mod time;
mod units;
mod verdict;

pub use client::{AuthAttribute, ClientContext, ClientKey, ClientKeys};
pub use id::{ParseIdError, SpanId, TraceId};
pub use own::{OWN_QUIET, OWN_SPAN};
pub use probability::{Randomness, Threshold};
pub use seeded::{SeededHasher, SeededState};
pub use signal::Signal;
pub use slot::Slot;
pub use time::Moment;
pub use units::ByteSize;
pub use verdict::{PolicyIndex, Verdict};
