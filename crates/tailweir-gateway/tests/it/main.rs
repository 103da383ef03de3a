//! The gateway over real sockets: clients on one side, a scripted backend on the other.

mod harness;
mod life;
mod metrics;
mod pipelines;
mod pressure;
mod protocol;
mod security;
mod traces;
