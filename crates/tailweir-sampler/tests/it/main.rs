//! The engine from outside: scenarios, a model, and what the real Collector decided.

mod bench;
mod deadlines;
mod duplicates;
mod golden;
mod late;
mod model;
mod panics;
mod pressure;
mod reload;
mod trace_hold;
