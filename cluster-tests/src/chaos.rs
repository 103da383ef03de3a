//! Real processes under real faults, and a checker of what clients and backend saw.
//!
//! A run starts the product as it is shipped, sends traces that are hard to sample, does the steps of a [`Scenario`], and
//! writes a history of which [`judge`] makes verdicts. The parts:
//!
//! ```text
//! run        network, processes, load, faults, rest, verdicts
//! runner     does the steps to the cluster        cluster, member   processes
//! network    a namespace or an address each       cut               dropped packets, slow links
//! workload   traces, from a seed                  generator, sink   clients and backend
//! history    events, one line each                judge             history to verdicts
//! rollout    the same load, history and judge, on a Kubernetes that somebody else made
//! ```

mod admin;
mod attempt;
mod binary;
mod cluster;
mod configuration;
mod content;
mod cut;
mod decisions;
mod event;
mod generator;
mod history;
mod judge;
mod member;
mod network;
mod policies;
mod report;
mod rest;
mod rollout;
mod run;
mod runner;
mod scenario;
mod scenarios;
mod sink;
mod standing;
mod tool;
mod verdict;
mod workload;

pub use binary::find as find_binary;
pub use event::{
    Decision, Event, Fault, FaultKind, Hit, Ledger, Memory, Milestone, Millis, ReceivedSpan,
    Recovery, Refused, Requirement, Run, SentSpan, SpanKey, Trace, TraceKey,
};
pub use judge::{Acknowledged, acknowledged, judge};
pub use network::enter_namespace;
pub use report::outcome;
pub use rollout::{
    RolloutOptions, RolloutRow, run as run_rollout, table as rollout_table,
    write_table as write_rollout_table,
};
pub use run::{judge_again, run as run_chaos};
pub use scenario::Scenario as ChaosScenario;
pub use scenarios::ALL as CHAOS_SCENARIOS;
pub use verdict::{Check, Figures, Invariant, Outcome, Verdicts, Violation};
