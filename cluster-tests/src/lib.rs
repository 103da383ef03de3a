//! Checks of a cluster as a whole: its protocol, and its processes.
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
//!
//! Whole clusters run on a virtual clock, with the product's own shards, table and redirects: see [`simulate`].
//!
//! ```text
//! cargo run -p cluster-tests -- simulate                        1,040 runs
//! cargo run -p cluster-tests -- simulate --scenario wild --seed 7 --trace
//! ```
//!
//! So do the controllers and those that follow them, as their own code with Raft, disks and connections: see
//! [`simulate_control`].
//!
//! ```text
//! cargo run -p cluster-tests -- simulate --scenario control-wild --seed 7 --trace
//! ```
//!
//! Real processes are the other half: three controllers, samplers, gateways, clients and a backend, with faults on a
//! seeded timeline and a checker of what came out; see [`run_chaos`] and [`judge`].
//!
//! ```text
//! cargo run -p cluster-tests -- chaos --scenario kill-owner --seed 1
//! cargo run -p cluster-tests -- suite                           the ones that matter most
//! ```
//!
//! The same load and the same checker see the chart on a real Kubernetes: [`run_rollout`], which
//! `cargo xtask verify-deploy --cluster` starts.

mod action;
mod chaos;
mod control_plane;
mod controllers;
mod mutant;
mod node;
mod properties;
mod scenario;
mod shared;
mod simulation;
mod span;
mod state;
mod verdict;
mod walk;

pub use action::Action;
pub use chaos::{
    Acknowledged, CHAOS_SCENARIOS, ChaosScenario, Check, Decision, Event, Fault, FaultKind,
    Figures, Hit, Invariant, Ledger, Memory, Milestone, Millis, Outcome, ReceivedSpan, Recovery,
    Refused, Requirement, RolloutOptions, RolloutRow, Run, SentSpan, SpanKey, Trace, TraceKey,
    Verdicts, Violation, acknowledged, enter_namespace, find_binary, judge, judge_again, outcome,
    rollout_table, run_chaos, run_rollout, write_rollout_table,
};
pub use control_plane::{
    CONTROL_COURSES, ControlCourse, ControlDefect, ControlRun, ControlRuns, Harm, simulate_control,
    simulate_control_many,
};
pub use controllers::Request;
pub use mutant::Mutant;
pub use node::Packet;
pub use properties::{Finding, check};
pub use scenario::{SCENARIOS, Scenario};
pub use shared::Shared;
pub use simulation::{
    COURSES, Course, Defect, Kind, Simulated, Simulations, simulate, simulate_many,
};
pub use span::Span;
pub use state::State;
pub use verdict::Verdict;
pub use walk::{Walks, walk};
