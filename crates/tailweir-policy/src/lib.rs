//! Settings to compiled policies to decisions.
//!
//! A [`PolicySet`] is compiled from the `policies` of a `tail_sampling` block and never changes. What
//! policies remember between traces (token buckets, budgets) is in a [`PolicyState`], so that a set
//! can be shared and replaced. [`PolicySet::decide`] looks at a trace through views of its bytes and
//! says what happens to it, why, and how many traces it stands for.
//!
//! The sampler calls this room; `validate` compiles to find errors. It reads no clock, draws no random
//! numbers, keeps no trace and never decodes a span: each distinct question is asked at most once per
//! trace, most are answered by the summary of the trace alone, and one walk over the attributes
//! answers all that ask for attributes.
//!
//! ```
//! use tailweir_config::{Location, Policy, PolicyKind, TailSampling};
//! use tailweir_core::{Moment, TraceId};
//! use tailweir_otlp::{StatusCode, TraceSummary, TraceView};
//! use tailweir_policy::{PolicySet, PolicyState};
//!
//! let errors = Policy {
//!     name: "errors".into(),
//!     at: Location { source: "tailweir.yaml".into(), line: 7, column: 9 },
//!     kind: PolicyKind::StatusCode { status_codes: vec!["ERROR".into()] },
//! };
//! let settings = TailSampling { policies: vec![errors], ..TailSampling::default() };
//! let set = PolicySet::compile(&settings).unwrap();
//! let mut state = PolicyState::new(&set);
//! let summary = TraceSummary { spans: 1, statuses: StatusCode::Error.bit(), ..Default::default() };
//! let trace = TraceView { id: TraceId([7; 16]), summary, spans: &[] };
//! let decision = set.decide(&mut state, Moment::ZERO, &trace);
//! assert!(decision.verdict.is_sampled());
//! assert_eq!(decision.verdict.policy().map(|policy| set.name(policy)), Some("errors"));
//! ```

mod attributes;
mod compile;
mod composite;
mod conditions;
mod decision;
mod error;
mod evaluation;
mod latency;
mod matcher;
mod needs;
mod plan;
mod policy_set;
mod randomness;
mod rules;
mod state;
mod token_bucket;
mod trace_hash;
mod trace_state;
mod votes;
mod weight;

pub use decision::{Arrival, Decision, Pending, SubPolicyIndex};
pub use error::{CompileError, CompileErrorCause};
pub use needs::{KeysRead, Needs};
pub use policy_set::PolicySet;
pub use state::PolicyState;
// What `PolicySet::strategy` answers, for rooms that do not read settings.
pub use tailweir_config::SamplingStrategy;
pub use votes::{Amount, PolicyVotes, Stopwatch};
pub use weight::CarriedWeight;
