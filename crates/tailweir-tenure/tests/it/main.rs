//! Both sides of the protocol from outside, one situation each. Orders of events are the model checker's, in
//! `cluster-tests`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admission;
mod fence;
mod journey;
mod network;
mod records;
mod repair;
mod time;
