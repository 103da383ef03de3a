//! Tests of the OTLP wire through its public face.

mod golden;
mod normal;
mod scan;
mod sizes;
mod telemetry;
mod views;
