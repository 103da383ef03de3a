//! What a span says, as a number, so that a change on the way is seen.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

/// Hash of everything in a span but its tracestate, in which the sampling threshold is written.
pub(super) fn content_hash(span: &Span) -> u64 {
    let span = Span {
        trace_state: String::new(),
        ..span.clone()
    };
    xxh3_64(&span.encode_to_vec())
}

/// An attribute that is text.
pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.into())),
        }),
        ..KeyValue::default()
    }
}
