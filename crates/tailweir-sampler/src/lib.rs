//! The sans-I/O sampling engine: it holds spans by trace until their time has come, decides, and
//! hands on what is kept.
//!
//! An actor of the gateway owns an [`Engine`], one for each shard of the traces. It appends scanned
//! requests, calls [`Engine::advance`] when [`Engine::next_deadline`] is due, and gets decided traces
//! through a [`Sink`], as bytes that an assembler can put into requests. Memory is bounded in bytes:
//! when it is short, the largest and the oldest traces are decided early, and marked; then requests
//! are refused. No accepted span disappears without being counted: [`Counters::check`].
//!
//! Beside the engine, a [`TraceHold`] keeps what belongs to traces and is no span, such as the log records that
//! a [`LogRule`] cuts out of requests, until their traces are decided.
//!
//! It reads no clock, draws no random number, opens no socket, starts no thread and never blocks.
//!
//! ```
//! use std::sync::Arc;
//! use tailweir_core::Moment;
//! use tailweir_otlp::{Scan, ScanLimits};
//! use tailweir_policy::PolicySet;
//! use tailweir_sampler::{
//!     AbandonedTrace, DecidedTrace, DiscardedTrace, Engine, EngineSettings, Sink,
//! };
//!
//! struct Count(usize);
//! impl Sink for Count {
//!     fn kept(&mut self, trace: &DecidedTrace<'_>) { self.0 += trace.spans.len(); }
//!     fn discarded(&mut self, _: &DiscardedTrace<'_>) {}
//!     fn abandoned(&mut self, _: &AbandonedTrace) {}
//! }
//!
//! # fn run(policies: Arc<PolicySet>, request: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let mut engine = Engine::new(EngineSettings::default(), policies, 0x5eed);
//! let mut scan = Scan::new();
//! Scan::traces(request, &ScanLimits::default(), &mut scan)?;
//! let all: Vec<u32> = (0..scan.spans.len() as u32).collect();
//! let mut sink = Count(0);
//! engine.append(Moment::from_millis(5), request, &scan, &all, &mut sink)?;
//! while let Some(deadline) = engine.next_deadline() {
//!     engine.advance(deadline, &mut sink);
//! }
//! # Ok(())
//! # }
//! ```

mod cache;
mod counters;
mod delivered;
mod elsewhere;
mod engine;
mod gather;
mod index;
mod list;
mod log_parts;
mod seen;
mod settings;
mod sink;
mod slab;
mod store;
mod trace;
mod trace_hold;

pub use counters::{AgeHistogram, ByVerdict, Counters, Imbalance, PolicyCounts};
pub use engine::{Advanced, Appended, Engine, Refusal};
pub use log_parts::{LogFate, LogPart, LogRule};
pub use seen::fingerprint;
pub use settings::EngineSettings;
pub use trace_hold::{Placed, TraceHold, TraceHoldSettings};
// What counters are made of.
pub use sink::{AbandonReason, AbandonedTrace, DecidedTrace, DiscardedTrace, EarlyReason, Sink};
pub use tailweir_policy::{Amount, PolicyVotes, Stopwatch};
