//! What this process says about itself, by OTLP: log records, spans and metrics (`service.telemetry`).
//!
//! ```text
//! tracing events, spans -> Watcher -> Outlet (bounded) -> Dispatch -> Exporter     (a thread of their own)
//! all metrics, now and then ------------------------> Reading --> Exporter     (the same)
//! ```
//!
//! The binary calls [`OwnTelemetry::start`], puts the [`Watcher`] beside what writes the log, asks for
//! [`Figures`], and ends it by [`OwnTelemetry::end`]. Other rooms make spans of the targets that
//! `tailweir_core` names; they know nothing of this one.
//!
//! Own telemetry is no part of the pipelines, by construction. It has a thread, a runtime, queues and exporters
//! of its own, and what happens on that thread is told to nobody. What comes back over the network because
//! somebody sends it to a Tailweir is known by its mark: nothing is told about requests that hold nothing else.
//!
//! Nothing waits for it: what finds no room in its queue is left out and counted.

mod context;
mod destination;
mod dispatch;
mod fields;
mod figures;
mod outlet;
mod own_telemetry;
mod quiet_thread;
mod reading;
mod resource;
mod sampler;
mod span;
mod watcher;

pub use figures::{Figures, SignalFigures};
pub use own_telemetry::{OwnTelemetry, StartError};
pub use reading::MetricsSource;
pub use watcher::Watcher;
