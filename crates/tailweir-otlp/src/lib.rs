//! The OTLP wire: views over bytes, split by trace, re-assembly, JSON to wire and back.
