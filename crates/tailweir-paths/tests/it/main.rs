//! Paths and the language together, over telemetry as clients send it.

mod golden;
mod hostile;
mod paths;
mod subjects;
