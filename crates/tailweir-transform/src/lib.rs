//! Edits on OTLP of all three signals: resource, attributes.
