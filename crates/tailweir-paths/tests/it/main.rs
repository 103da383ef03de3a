//! Paths and the language together, over telemetry as clients send it.

mod draft;
mod golden;
mod hostile;
mod paths;
mod subjects;
