//! Requests in a form in which they can be compared with what was recorded.

use serde_json::Value as Json;
use tailweir_core::Signal;

/// A request as JSON.
pub(crate) fn as_json(wire: &[u8]) -> Json {
    let mut text = Vec::new();
    tailweir_otlp::json::from_wire(Signal::Traces, wire, &mut text).expect("a request");
    serde_json::from_slice(&text).expect("JSON")
}
