//! Tests of the door.

mod golden;
mod messages;
mod series;
mod support;
