//! Tests of the OTLP wire through its public face.

mod golden;
mod scan;
mod signals;
mod sizes;
mod telemetry;
mod views;
