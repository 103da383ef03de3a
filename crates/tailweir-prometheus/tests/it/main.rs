//! Tests of the door.

mod golden;
mod memory;
mod messages;
mod remote_write;
mod series;
mod support;
