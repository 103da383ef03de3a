//! Requests in a form in which they can be compared with what was recorded.

use serde_json::{Value as Json, json};
use tailweir_core::Signal;

/// A request as JSON.
pub(crate) fn as_json(wire: &[u8]) -> Json {
    let mut text = Vec::new();
    tailweir_otlp::json::from_wire(Signal::Traces, wire, &mut text).expect("a request");
    serde_json::from_slice(&text).expect("JSON")
}

/// The same whatever the order of attributes, scopes and resources, and whether what is empty is written.
pub(crate) fn normal(value: &Json) -> Json {
    match value {
        Json::Array(list) => {
            let mut list: Vec<_> = list.iter().map(normal).collect();
            list.sort_by_key(Json::to_string);
            Json::Array(list)
        }
        Json::Object(map) => {
            let fields = map.iter().map(|(key, value)| (key.clone(), normal(value)));
            let said = fields.filter(|(_, value)| *value != json!({}));
            Json::Object(said.collect())
        }
        other => other.clone(),
    }
}
