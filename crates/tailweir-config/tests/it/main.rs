//! The public face of the crate, and the golden vectors of the Collector.

mod golden;
mod golden_tail_sampling;
