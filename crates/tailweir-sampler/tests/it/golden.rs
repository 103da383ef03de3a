//! What the real Collector decided and forwarded, replayed through the whole engine.

mod engine;
mod suite;
mod timed;
