//! Tests of the OTLP wire through its public face.

mod golden;
mod normal;
mod sizes;
