//! Tests of the door.

mod golden;
mod messages;
mod remote_write;
mod series;
mod support;
