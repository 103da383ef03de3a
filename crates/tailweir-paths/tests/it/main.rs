//! Paths and the language together, over telemetry as clients send it.

mod golden;
mod paths;
mod subjects;
