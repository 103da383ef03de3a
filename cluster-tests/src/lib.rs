//! Checks of a cluster as a whole.
//!
//! The hand-over protocol runs here under a model checker: three samplers, each with the `Tenancy` that the product uses,
//! and the controllers' rows, with messages that are delayed and overtake each other without limit. [`Scenario`]s bound
//! what happens; a [`Mutant`] takes one rule out, to show that the checks see it. `docs/handover-protocol.md` says what
//! was checked, how far, and with which result.
//!
//! ```text
//! cargo test -p cluster-tests                                   what CI checks
//! cargo run --release -p cluster-tests -- list                  scenarios and mutants
//! cargo run --release -p cluster-tests -- model crash           one scenario, exhaustively
//! cargo run --release -p cluster-tests -- walk --seed 1         random walks beyond what can be exhausted
//! ```

mod action;
mod controllers;
mod mutant;
mod node;
mod properties;
mod scenario;
mod shared;
mod span;
mod state;
mod verdict;
mod walk;

pub use action::Action;
pub use controllers::Request;
pub use mutant::Mutant;
pub use node::Packet;
pub use properties::{Finding, check};
pub use scenario::{SCENARIOS, Scenario};
pub use shared::Shared;
pub use span::Span;
pub use state::State;
pub use verdict::Verdict;
pub use walk::{Walks, walk};
